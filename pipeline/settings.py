"""Settings: one tree, one section a part, from defaults, a profile, a TOML file and the environment, in that order.

Each stage is given its own section and nothing else. Durations are seconds unless the name says otherwise.
"""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pipeline.core.errors import PipelineError

SHARE = Path(__file__).parent.parent
"""Where ``models/`` and ``agents/`` lie: the checkout, or the installed package's share folder."""
if not (SHARE / "models" / "catalog.toml").exists():
    SHARE = Path(__file__).parent / "_share"


class SettingsError(PipelineError):
    """A settings file or variable is wrong; the message names the key and what is allowed."""

    stage = "settings"


class Section(BaseModel):
    """A part of the tree: unknown keys are refused, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    """Where the service listens."""

    grpc: str = "127.0.0.1:50051"
    """HOST:PORT of the gRPC entrance. Port 0 takes a free one."""
    http: str = "127.0.0.1:9464"
    """HOST:PORT of metrics and health over HTTP; empty for none."""
    web: str = ""
    """HOST:PORT of the browsers' entrance, such as ``127.0.0.1:8080``: the page, and calls over WebRTC; empty for none.
    Browsers give a microphone only to pages of their own machine and of https: for others, put a proxy with a
    certificate before it."""
    max_calls: int = Field(default=64, ge=1)
    """Calls at once, over all entrances; one more is refused with RESOURCE_EXHAUSTED."""
    reflection: bool = True
    """Serve gRPC reflection; turn it off in production."""
    start_timeout: float = Field(default=10.0, gt=0)
    """Wait for a call's first message."""
    write_timeout: float = Field(default=20.0, gt=0)
    """A client that takes no message for so long is given up."""
    drain: float = Field(default=30.0, ge=0)
    """On SIGTERM, time for calls to end by themselves."""


class IceServer(Section):
    """A TURN or STUN server that browsers' calls may use."""

    urls: list[str]
    """Such as ``turn:turn.example.com:3478``."""
    username: str = ""
    credential: SecretStr = SecretStr("")


KEY_CHARACTERS = 32
"""Shortest secret that is taken."""


class Rtc(Section):
    """Calls over WebRTC."""

    ice_servers: list[IceServer] = []
    """None by default: a browser in the same network, or on this machine, needs none, and nobody else is contacted."""
    addresses: list[str] = []
    """Addresses at which browsers reach this machine, in place of its interfaces' own: the host's, in a container."""
    ports: str = Field(default="", pattern=r"^(\d{1,5}-\d{1,5})?$")
    """UDP ports for sound, such as ``40000-40099``; a call takes one for each address of the machine. Empty for all."""
    origins: list[str] = []
    """Origins of other pages that may call, such as ``https://shop.example.com``; ``*`` for all."""
    offers_burst: int = Field(default=20, ge=1)
    """Calls that one address may open at once."""
    offers_per_minute: float = Field(default=30.0, gt=0)
    """Calls that one address may open in the long run."""
    token_key: SecretStr = SecretStr("")
    """With it, browsers need a token that is signed with it: 32 characters or more, known to the service and to whoever
    mints tokens. Empty lets every page call that reaches the port."""
    api_key: SecretStr = SecretStr("")
    """Lets a site's backend mint tokens at ``/v1/realtime/client_secrets``; empty for nobody."""
    connect_timeout: float = Field(default=15.0, gt=0)
    """Wait for a browser that was answered."""
    peer_timeout: float = Field(default=6.0, gt=0)
    """A browser from which nothing comes for so long is lost: it sends sound all the time, silence too."""

    @property
    def port_range(self) -> range:
        """Return the ports for sound; empty for any."""
        first, _, last = self.ports.partition("-")
        return range(int(first), int(last) + 1) if self.ports else range(0)

    @field_validator("ports")
    @classmethod
    def _in_order(cls, value: str) -> str:
        first, _, last = value.partition("-")
        if value and not 1024 <= int(first) <= int(last) <= 65535:
            raise ValueError("is no range of ports between 1024 and 65535, the lower one first")
        return value

    @field_validator("token_key", "api_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        """Refuse keys that can be guessed. Source: RFC 7518, 3.2: no shorter than the hash."""
        if 0 < len(value.get_secret_value()) < KEY_CHARACTERS:
            raise ValueError(f"is shorter than {KEY_CHARACTERS} characters")
        return value


class Resume(Section):
    """Calls whose connection broke: they wait for their client, which goes on over another connection."""

    wait: float = Field(default=15.0, ge=0, le=120)
    """How long such a call waits; 0: it ends at once, and resuming is not served."""
    most: int = Field(default=16, ge=1)
    """Calls that wait at once. Of more, the one that waited longest ends; so it does where a full server is called."""
    messages: int = Field(default=500, ge=1)
    """Messages to a client that are kept, to send again those that it has not seen. The oldest go first."""
    kib: int = Field(default=256, ge=1)
    """Memory for them, of each call."""


class Call(Section):
    """Limits of one call."""

    max_duration: float = Field(default=3600.0, gt=0)
    """Longest call."""
    ending_notice: float = Field(default=30.0, ge=0)
    """How long before its end a call is told that its time is up."""
    no_input: float = Field(default=8.0, gt=0)
    """Silence after the end of playback until the caller is asked again."""
    no_input_limit: int = Field(default=3, ge=1)
    """The call ends at so many silences in a row."""


class Endpointing(Section):
    """When the caller's turn begins and ends."""

    threshold: float = Field(default=0.5, gt=0, lt=1)
    """Speech probability from which a window counts as speech."""
    release: float = Field(default=0.35, gt=0, lt=1)
    """Probability below which it no longer does; between the two the last verdict stands."""
    start: float = Field(default=0.096, gt=0)
    """Speech needed to begin a turn."""
    dip: float = Field(default=0.032, gt=0)
    """Silence after which recognition starts ahead, in case it was all."""
    soft_end: float = Field(default=0.064, gt=0)
    """Silence after which the end of the turn is judged and its answer begun ahead; dropped if the caller goes on."""
    min_silence: float = Field(default=0.2, gt=0)
    """Silence that ends a turn which is surely over."""
    max_silence: float = Field(default=1.5, gt=0)
    """Silence that ends any turn: one that sounds unfinished, or that ends in a group of digits."""
    turn_model: str = "smart-turn-v3.2"
    """Catalog name of the model that hears whether a turn is over; empty goes by what was said alone."""
    max_speech: float = Field(default=25.0, gt=0, le=28)
    """Longest turn; whisper hears 30 s at once."""
    pre_roll: float = Field(default=0.3, ge=0)
    """Sound kept from before the first speech window, for soft consonants."""

    def changed(
        self, *, min_silence: float | None = None, max_silence: float | None = None, max_speech: float | None = None
    ) -> Self:
        """Return these settings with the values that are given; the other silence follows one that passes it."""
        low = self.min_silence if min_silence is None else min_silence
        high = self.max_silence if max_silence is None else max_silence
        low, high = (low, max(low, high)) if max_silence is None else (min(low, high), high)
        speech = self.max_speech if max_speech is None else max_speech
        return self.model_copy(update={"min_silence": low, "max_silence": high, "max_speech": speech})

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        """Refuse silences that contradict each other."""
        if not self.dip <= self.soft_end <= self.min_silence <= self.max_silence:
            raise ValueError("dip, soft_end, min_silence and max_silence must not fall in this order")
        return self


class BargeInSettings(Section):
    """When the caller's speech stops a reply."""

    enabled: bool = True
    """Off: nothing stops a reply, unless the client asks for barge-in in its start."""
    min_speech: float = Field(default=0.256, ge=0)
    """Speech needed; shorter sounds let the reply go on."""
    resume: bool = True
    """A reply pauses when the caller begins to speak, and goes on if it was a backchannel or a noise. Off: speech of
    ``min_speech`` stops it, whatever is said. Off in effect for clients that are sent more than 0.4 s ahead."""
    protected: float = Field(default=0.0, ge=0)
    """Seconds at the beginning of each reply that nothing stops: a notice that callers must hear."""
    echo_gate: bool = True
    """Our own voice that comes back with the caller's sound, up to 0.6 s late, is no speech. Takes 1 % of a core for
    each call while a reply plays: turn it off where every client cancels its echo."""


class Recognition(Section):
    """Speech to text."""

    models: tuple[str, ...] = ("whisper-tiny.en",)
    """Catalog names, best first; the first that is present is used."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where recognition runs."""
    compute_type: str = "int8"
    """CTranslate2's name: int8 on a CPU; int8_float16 or float16 on a GPU."""
    threads: int = Field(default=1, ge=1)
    """Threads of one recognition. A short one is faster on one thread than on two."""
    workers: int = Field(default=2, ge=1)
    """Recognitions at once, over all calls."""
    context: Literal["short", "full"] = "short"
    """``short``: the encoder hears no more than was said, 3 times faster; ``full``: always 30 s, as a GPU does."""
    partial_every: float = Field(default=0.6, ge=0)
    """Speech between two partial transcripts; 0 for none. The first to be dropped under load."""
    beam: int = Field(default=1, ge=1)
    """Width of whisper's beam search; 1 is greedy and fastest."""
    language: str = ""
    """BCP 47 primary tag; empty takes the agent's."""


class Dialog(Section):
    """The model and what it is told."""

    engine: Literal["auto", "ollama", "llamacpp"] = "auto"
    """``auto`` takes an Ollama server that answers and has the model, else the embedded llama.cpp."""
    models: tuple[str, ...] = ("qwen2.5-1.5b-instruct", "qwen2.5-coder-1.5b-instruct")
    """Catalog names (llamacpp) or model tags (ollama), best first; the first that is present is used."""
    reserve: bool = False
    """With Ollama: load the embedded model too, which answers while the server's do not. Takes its memory twice where
    both have the same one."""
    ollama_url: str = "http://127.0.0.1:11434"
    """Where the Ollama server listens."""
    keep_alive: str | int = -1
    """How long Ollama keeps the model loaded; -1 for ever."""
    num_ctx: int = Field(default=4096, ge=512)
    """Context in tokens; Ollama's own default depends on the machine, so it is always sent."""
    num_predict: int = Field(default=160, ge=1)
    """Most tokens of one reply."""
    temperature: float = Field(default=0.2, ge=0, le=2)
    """0 always takes the likeliest token."""
    top_p: float = Field(default=0.9, gt=0, le=1)
    """Share of the probability that tokens are drawn from."""
    stop: tuple[str, ...] = ()
    """Texts at which the model stops writing."""
    threads: int = Field(default=0, ge=0)
    """Threads of the chat model. 0 for the server's own choice (ollama), or (llamacpp) for all cores while it reads,
    when little else has to be done, and one less while it writes and its first words are spoken: with all of them its
    spin barriers starve the rest."""
    slots: int = Field(default=1, ge=1)
    """Replies that the model writes at once: llama.cpp gives each a prompt cache of its own; for an Ollama server say
    what its OLLAMA_NUM_PARALLEL is."""
    gpu_layers: int = 0
    """Layers that llama.cpp puts on the GPU; -1 for all."""
    connect_timeout: float = Field(default=2.0, gt=0)
    """Longest wait for a connection to Ollama."""
    first_token_timeout: float = Field(default=20.0, gt=0)
    """Longest wait for a reply's first token."""
    token_timeout: float = Field(default=10.0, gt=0)
    """Longest wait between two tokens."""
    tool_timeout: float = Field(default=10.0, gt=0)
    """Longest wait for a tool that the client runs."""
    prime: bool = True
    """Let the model read what has been said, and what is known of a turn, while the caller still speaks. Its answer
    then begins sooner: 0.1 s with a 1.5 B model on two cores."""
    history_turns: int = Field(default=8, ge=1)
    """Turns that the model still sees, as far as ``num_ctx`` has room for them beside the persona and a reply."""
    summary: bool = True
    """Let the model sum up the turns that it will soon not see, while the caller listens to a reply. It is shown the
    summary in their place. Never made where the model has something else to do, nor without ``speculation.enabled``."""


class CacheSettings(Section):
    """What is remembered of answers and of their speech, in memory only."""

    entries: int = Field(default=2000, ge=1)
    """Answers; those not given for longest go first. At least 1000 for a busy line."""
    seconds: float = Field(default=3600.0, ge=0)
    """How long an answer is given again; 0 remembers none."""
    speech_mib: int = Field(default=32, ge=0)
    """Memory for the speech of answers that may be given again."""


class Speculation(Section):
    """Work on a reply before its turn is known to be over. Nothing of it is told, heard or kept before that."""

    enabled: bool = True
    """Off: the model is asked when the turn is over."""
    most: int = Field(default=4, ge=1)
    """Speculative replies at once, over all calls. They take slots of the model that nobody needs."""


class Speaking(Section):
    """Text to speech."""

    voice: str = "piper-en-us-joe-medium"
    """Catalog name."""
    voices: dict[str, str] = Field(default_factory=lambda: {"zh": "piper-zh-cn-huayan-medium"})
    """Voices of other languages: catalog names by BCP 47 primary tag. Each is loaded if an agent speaks the language;
    one that is not there leaves an agent with captions."""
    speaker: int | None = None
    """Speaker number of a voice with several."""
    speed: float = Field(default=1.0, ge=0.5, le=2.0)
    """1 is the voice's own pace, 2 twice as fast."""
    workers: int = Field(default=1, ge=1)
    """Clauses spoken at once, over all calls. Each uses one thread."""
    first_clause_words: int = Field(default=6, ge=2)
    """The first clause of a reply is cut after so many words if no punctuation comes before."""
    clause_chars: int = Field(default=220, ge=40)
    """No clause is longer."""
    phrases_mib: int = Field(default=32, ge=0)
    """Memory for the speech of greetings, fillers and apologies, which is made once while starting; of each voice."""


class VisionSettings(Section):
    """Pictures that callers send during a call."""

    engine: Literal["off", "ocr", "ollama"] = "ocr"
    """``ocr`` reads the text in them, in a process that runs only while there are any; ``ollama`` asks a vision model;
    ``off`` takes no pictures."""
    model: str = ""
    """With ``ollama``: the model that looks at them, a tag as ``ollama list`` prints it. It is asked at
    ``dialog.ollama_url``."""
    max_bytes: int = Field(default=10_000_000, ge=1_000, le=64_000_000)
    """Largest file."""
    max_megapixels: float = Field(default=12.0, gt=0, le=100)
    """Largest picture; what is larger is refused before it is decoded."""
    side: int = Field(default=1600, ge=320, le=4096)
    """Pixels of its longer side that are looked at: a larger one is made smaller."""
    tokens: int = Field(default=400, ge=50)
    """About how many tokens of what was read the model is shown, its beginning and its end; so much of its context is
    kept for it."""
    patience: float = Field(default=6.0, ge=0)
    """Longest wait of an answer for a picture that is being looked at, while the caller hears the agent's phrase
    ``looking``; then it goes on without."""
    timeout: float = Field(default=20.0, gt=0)
    """Longest work on one picture."""
    upload_timeout: float = Field(default=30.0, gt=0)
    """Longest wait for a picture to arrive."""
    workers: int = Field(default=1, ge=1)
    """Pictures that are worked on at once, over all calls: with ``ocr`` a thread and 300 to 700 MB each."""
    waiting: int = Field(default=8, ge=1)
    """Pictures that arrive, wait or are worked on at once, over all calls; one more is refused with
    RESOURCE_EXHAUSTED."""
    per_call: int = Field(default=8, ge=1)
    """Pictures of one call."""

    @property
    def pixels(self) -> int:
        """Return the pixels of the largest picture."""
        return round(self.max_megapixels * 1_000_000)

    @property
    def reserved(self) -> int:
        """Return the tokens of the context that are kept for a picture."""
        return 0 if self.engine == "off" else self.tokens

    @model_validator(mode="after")
    def _names_a_model(self) -> Self:
        """Refuse ``ollama`` without a model."""
        if self.engine == "ollama" and not self.model:
            raise ValueError('engine = "ollama" needs model, the tag of one that can see')
        return self


class Ladder(Section):
    """What is done while an answer takes long, and when answers take too long: each rung can be switched off."""

    filler_after: float = Field(default=2.0, ge=0)
    """Seconds without an answer, from the end of the caller's speech, until a filler is said; 0 for never."""
    filler_every: float = Field(default=6.0, gt=0)
    """Seconds until the next; each of the agent's fillers is said once."""
    shorter: bool = True
    """Answer in a sentence while most response gaps are over their p95 budget."""
    smaller_model: str = ""
    """Model that answers while they still are; a name like those in ``dialog.models``, empty for none."""
    phrase_after: float = Field(default=12.0, ge=0)
    """Seconds without a word of the model until it is given up and a phrase said instead; 0 for never."""
    person_after: int = Field(default=2, ge=0)
    """Failed answers in a row from which on the agent offers a person, if it has a phrase for that; 0 for never."""


class Playout(Section):
    """How reply audio leaves."""

    frame: float = Field(default=0.02, ge=0.01, le=0.1)
    """Sound of one message."""
    lead: float = Field(default=0.2, ge=0.02, le=2.0)
    """Furthest ahead of real time; bounds what a barge-in cannot recall."""
    report_wait: float = Field(default=0.5, ge=0)
    """How long a client that reports playback is waited for before our own clock counts."""


class Channels(Section):
    """Capacities of all channels; nothing in a call is unbounded."""

    microphone_frames: int = Field(default=50, ge=1)
    """Frames of caller sound; the oldest is dropped when full."""
    events: int = Field(default=64, ge=1)
    """Events of a call, and messages for its client."""
    clauses: int = Field(default=2, ge=1)
    """Clauses that wait to be spoken; the model waits when full."""
    speech_frames: int = Field(default=25, ge=1)
    """Frames of speech that wait to be sent; synthesis waits when full."""
    audio_out_frames: int = Field(default=10, ge=1)
    """Frames that wait for the network; playout waits when full."""


class Budget(Section):
    """What a span may take, in seconds."""

    p50: float = Field(gt=0)
    """Half of the turns take no longer."""
    p95: float = Field(gt=0)
    """19 of 20 turns take no longer."""


class ModelStore(Section):
    """Where model files live."""

    cache: Path | None = None
    """None takes ``$XDG_CACHE_HOME/voicepipe``, or ``~/.cache/voicepipe``."""
    verify: bool = True
    """Hash model files before they are loaded: a changed one is refused. Takes 2 s for each GB."""
    catalog: Path = SHARE / "models" / "catalog.toml"
    """What each model is and where it comes from; an operator's own may stand here."""


class TenantRecords(Section):
    """What differs for a tenant; None keeps what holds for all."""

    retention_days: int | None = Field(default=None, ge=1)
    restore: bool = False
    """Keep what pseudonyms stand for, encrypted, for ``voicepipe calls show --restore``."""


class RecordSettings(Section):
    """What is kept of calls, redacted, in a file: turns, how they were answered, and feedback."""

    enabled: bool = True
    """Off: nothing is kept, and ``SubmitFeedback`` is refused."""
    file: Path | None = None
    """None takes ``$XDG_DATA_HOME/voicepipe/records.sqlite``, or ``~/.local/share/voicepipe/records.sqlite``."""
    retention_days: int = Field(default=30, ge=1)
    """Days after which a call is deleted with all that belongs to it."""
    tenants: dict[str, TenantRecords] = Field(default_factory=dict)
    """``[records.tenants.NAME]`` with a ``retention_days`` of its own, and ``restore = true`` where what pseudonyms
    stand for may be kept, encrypted; an agent's file names its tenant."""
    key: Path | None = None
    """File with the key of pseudonyms, for agents with ``privacy.kept = "pseudonym"``; ``voicepipe calls key`` makes
    it. Keep a copy, and not beside the records."""
    sweep: float = Field(default=3600.0, gt=0)
    """Time between two looks for calls to delete."""
    patience: float = Field(default=0.05, ge=0, le=1)
    """Longest wait of an answer's first sound for its turn to be on the disk, which it is long before as a rule."""
    backlog: int = Field(default=10_000, ge=1)
    """Rows that wait in memory while the disk is full or fails; more are lost, counted and logged. About 2 KB each."""

    def days(self, tenant: str) -> int:
        """Return the retention of a tenant's calls."""
        own = self.tenants.get(tenant, TenantRecords()).retention_days
        return self.retention_days if own is None else own

    @property
    def restorable(self) -> frozenset[str]:
        """Return the tenants that allow what pseudonyms stand for to be kept."""
        return frozenset(name for name, own in self.tenants.items() if own.restore)


class Log(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Lines below it are not written."""
    format: Literal["json", "console"] = "json"
    """One JSON object a line, or text for a person."""
    pii: bool = False
    """Keep fields named ``pii_*`` (transcripts and replies, redacted). Off: they are dropped before anything is
    written."""


class Profile(Section):
    """What a profile says of itself."""

    name: str = "cpu"
    """Its name."""
    status: Literal["measured", "derived"] = "derived"
    """``derived`` budgets come from arithmetic, not from a machine."""
    machine: str = ""
    """The machine that it is meant for."""


class Settings(BaseSettings):
    """The whole tree. Environment variables are named ``VOICEPIPE_SECTION__KEY``."""

    model_config = SettingsConfigDict(
        env_prefix="VOICEPIPE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    profile: Profile = Profile()
    server: Server = Server()
    rtc: Rtc = Rtc()
    resume: Resume = Resume()
    call: Call = Call()
    endpointing: Endpointing = Endpointing()
    barge_in: BargeInSettings = BargeInSettings()
    recognition: Recognition = Recognition()
    dialog: Dialog = Dialog()
    cache: CacheSettings = CacheSettings()
    speculation: Speculation = Speculation()
    speaking: Speaking = Speaking()
    vision: VisionSettings = VisionSettings()
    playout: Playout = Playout()
    ladder: Ladder = Ladder()
    channels: Channels = Channels()
    budgets: dict[str, Budget] = Field(default_factory=dict)
    """What each span may take, by its name. A span over its p95 is counted and logged; the response gap's moves the
    ladder."""
    models: ModelStore = ModelStore()
    records: RecordSettings = RecordSettings()
    log: Log = Log()
    agents: Path = SHARE / "agents"
    """Folder of agent files."""
    agent: str = "shop"
    """The agent that answers when a call names none."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments only: ``configuration.load`` puts the environment between files and options."""
        return (init_settings,)

    def public(self) -> dict[str, Any]:
        """Return the tree for printing; secrets show as stars."""
        return self.model_dump(mode="json")
