"""A call whose agent knows English and Chinese: which it goes on in, and how its replies are made."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pipeline.core.events import (
    ActionRequested,
    CallChanged,
    CallEvent,
    CallReported,
    FillerStarted,
    FinalTranscript,
    PlaybackStarted,
    ReplyEnded,
    TextTyped,
    TurnEnded,
)
from pipeline.core.stages import ChatOptions, ToolUse
from pipeline.dialog.agents import KNOWN_PHRASES, Agent, OtherLanguage, OtherPhrases
from pipeline.dialog.control import HANG_UP, KNOWN_ANNOUNCEMENTS, TRANSFER, Announcements, Control
from pipeline.dialog.responder import Responder
from pipeline.dialog.routing import Router
from pipeline.dialog.tools.toolbox import Tool, Toolbox, Wording
from pipeline.session.headroom import Headroom
from pipeline.session.ladder import BudgetLadder
from pipeline.session.languages import Languages
from pipeline.session.plan import Engines
from pipeline.session.session import Session
from pipeline.session.shape import ReplyShape
from pipeline.settings import Channels, Ladder, Playout, Speaking
from pipeline.speaking.phrases import PhraseBook
from tests.fakes import FakeLine, FakeModel, FakeRecognizer, FakeSynthesizer, FakeTool, FakeVoice, recognitions
from tests.session.calls import ANSWER, Made, asks_again_after, no_speculation, orders_at, place
from tests.session.typists import STATUS
from tests.virtual_time import VIRTUAL_TIME, Backend

pytestmark = pytest.mark.anyio

CHINESE = OtherLanguage(
    instruction="请用中文回答。", phrases=OtherPhrases(**KNOWN_PHRASES["zh"].model_dump(exclude={"person"}))
)
AGENT = Agent(id="shop", name="Shop", persona="You keep a shop.", languages={"zh": CHINESE})
ASKED_IN_CHINESE = "请问你们星期天几点开门"


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


def in_zh(shape: ReplyShape) -> ReplyShape:
    return replace(shape, language="zh", phrases=CHINESE.phrases, instruction=CHINESE.instruction, native=False)


class Bilingual(Made):
    """A call in English that may turn to Chinese, with a voice for each."""

    def __init__(
        self,
        said: Sequence[str],
        *,
        talk: Sequence[tuple[float, float]],
        wished: Sequence[str] = ("en", "zh"),
        **parts: object,
    ) -> None:
        self.wished = wished
        line = FakeLine(talk, max(end for _, end in talk) + 8.0 if talk else 8.0)
        super().__init__(
            line,
            recognizer=FakeRecognizer([(0.1, text) for text in said]),
            call=asks_again_after(60.0),
            # What it says is right in any language.
            **{"agent": AGENT, "model": FakeModel([(0.1, "9:00 - 18:00.")]), **parts},  # type: ignore[arg-type]
        )
        self.chinese = FakeSynthesizer()
        self.book_in_chinese = PhraseBook(self.chinese, self.speaking)

    def shapes(self, shape: ReplyShape) -> tuple[ReplyShape, ...]:
        english = replace(shape, instruction="(Answer in English.)")
        return (english, in_zh(shape)) if "zh" in self.wished else (english,)

    def beyond(self, shape: ReplyShape) -> tuple[ReplyShape, ...]:
        return () if "zh" in self.wished else (in_zh(shape),)

    def session(self) -> Session:
        self.placed = super().session()
        return self.placed

    def voices(self) -> dict[str, PhraseBook]:
        return {"zh": self.book_in_chinese}


def asked(made: Made) -> list[str]:
    """Return what the model was asked in each reply."""
    return [messages[-1].text for messages in made.model.asked]


async def test_a_caller_who_speaks_another_language_is_answered_in_it_by_its_voice() -> None:
    made = Bilingual([f"zh: {ASKED_IN_CHINESE}"], talk=[(0.5, 2.5)])
    await place(made)
    assert asked(made) == [f"{ASKED_IN_CHINESE}\n\n请用中文回答。"]
    assert made.chinese.spoken
    assert made.placed._desk.agenda.state.language == "zh"
    assert not made.synthesizer.spoken
    final = made.line.of(FinalTranscript)[0]
    assert isinstance(final, FinalTranscript)
    assert final.language == "zh"


async def test_recognition_expects_the_language_that_was_spoken_last() -> None:
    made = Bilingual([f"zh: {ASKED_IN_CHINESE}", "那星期六呢可以送货吗"], talk=[(0.5, 2.5), (7.0, 9.0)])
    await place(made)
    assert made.recognizer.languages[0] == ("en", ("zh",))
    assert made.recognizer.languages[-1] == ("zh", ("en",))


@pytest.mark.parametrize("text", ["en: ok", "en: Mueller", "en: all right"])
async def test_a_short_word_of_another_language_does_not_turn_a_call(text: str) -> None:
    made = Bilingual([f"zh: {ASKED_IN_CHINESE}", text], talk=[(0.5, 2.5), (8.0, 8.8)])
    await place(made)
    assert len(made.model.asked) == 2
    assert asked(made)[1].endswith("\n\n请用中文回答。")


async def test_a_call_that_turns_back_asks_for_its_first_language_by_name() -> None:
    made = Bilingual([f"zh: {ASKED_IN_CHINESE}", "en: and on saturday please"], talk=[(0.5, 2.5), (8.0, 10.0)])
    await place(made)
    assert asked(made)[1] == "and on saturday please\n\n(Answer in English.)"
    assert made.synthesizer.spoken


async def test_a_call_in_its_first_language_tells_the_model_nothing_of_languages() -> None:
    made = Bilingual(["when do you open"], talk=[(0.5, 2.5)])
    await place(made)
    assert asked(made) == ["when do you open"]


async def test_a_speculative_answer_is_in_the_language_of_its_draft() -> None:
    room = Headroom(8, 4, lambda: False)
    made = Bilingual([f"zh: {ASKED_IN_CHINESE}"], talk=[(0.5, 2.5)], headroom=room)
    await place(made)
    assert set(asked(made)) == {f"{ASKED_IN_CHINESE}\n\n请用中文回答。"}
    ended = made.line.of(TurnEnded)[0]
    begun = made.line.of(PlaybackStarted)[0]
    assert begun.at - ended.at < 0.1  # it was ready when the turn was over
    assert not made.synthesizer.spoken


@pytest.mark.parametrize(
    ("text", "language", "chinese"),
    [
        (ASKED_IN_CHINESE, "", True),
        ("when do you open", "", False),
        ("你好", "", False),
        ("好", "zh-CN", True),
        ("ok, 可以送货吗请问", "", True),
        (ASKED_IN_CHINESE, "fr", True),
    ],
)
async def test_typed_text_is_answered_in_its_own_language(text: str, language: str, *, chinese: bool) -> None:
    typed = TextTyped(text=text, language=language)
    made = Bilingual(["when do you open"], talk=[(0.5, 2.5)])
    made.line.on_event = orders_at(ReplyEnded, typed)
    await place(made)
    assert asked(made)[-1].endswith("\n\n请用中文回答。") == chinese


async def test_a_failure_is_told_in_the_language_of_the_call() -> None:
    made = Bilingual([f"zh: {ASKED_IN_CHINESE}"], talk=[(0.5, 2.5)], model=FakeModel([]))
    await place(made)
    assert "".join(made.chinese.spoken) == KNOWN_PHRASES["zh"].failure


CONTROL = Control(transfer={"billing": "sip:billing"}, hang_up=True)


def in_chinese(*texts: str, **parts: Any) -> Bilingual:
    """Return a call that is in Chinese from its first turn, whose caller types, each text when a reply is over."""
    made = Bilingual([], talk=[], **parts)
    due = [TextTyped(text=text, language="zh") for text in texts]

    def on_event(line: FakeLine, event: CallEvent) -> None:
        if isinstance(event, ReplyEnded) and due:
            line.order(due.pop(0))
        if isinstance(event, ActionRequested):
            line.order(CallReported(kind="transfer_failed"))

    made.line.on_event = on_event
    made.line.order(due.pop(0))
    return made


def with_words(**words: object) -> Agent:
    """Return the agent with these words in Chinese."""
    return AGENT.model_copy(
        update={"control": CONTROL, "languages": {"zh": CHINESE.model_copy(update=words)}},
    )


async def test_a_transfer_and_its_failure_are_told_in_the_language_of_the_call() -> None:
    transfer = FakeModel([(0.1, ToolUse(TRANSFER, {"department": "billing"}))])
    made = in_chinese("请转人工", model=transfer, agent=with_words(control=KNOWN_ANNOUNCEMENTS["zh"]))
    await place(made)
    assert "".join(made.chinese.spoken) == "我现在为您转接。抱歉，没有接通。还有什么可以帮您？"
    assert not made.synthesizer.spoken


async def test_what_a_language_has_no_words_for_is_said_as_in_the_first() -> None:
    goodbye = FakeModel([(0.1, ToolUse(HANG_UP, {}))])
    made = in_chinese("再见", model=goodbye, agent=with_words(control=Announcements()))
    await place(made)
    assert "".join(made.chinese.spoken) == CONTROL.farewell


async def test_a_tool_asks_and_keeps_company_in_the_language_of_the_call() -> None:
    words = {"zh": Wording(filler="正在办理。", confirm="要取消订单{order}吗？")}
    cancel = Tool(STATUS, FakeTool(2.0), filler="I am at it.", confirm="Shall I cancel {order}?", others=words)
    model = FakeModel([(0.1, ToolUse("order_status", {"order": "48213"}))], [(0.1, "好了。")])
    made = in_chinese("请取消订单48213", "好的", model=model, tools=[cancel])
    await made.voices()["zh"].learn(["正在办理。"], "zh")
    await place(made)
    fillers = [event.text for event in made.line.of(FillerStarted) if isinstance(event, FillerStarted)]
    assert fillers == ["正在办理。"]
    assert "要取消订单" in "".join(made.chinese.spoken)


MOVE = CallChanged(language="zh")


async def test_a_client_moves_a_call_to_another_language() -> None:
    made = Bilingual(["ok", f"zh: {ASKED_IN_CHINESE}"], talk=[(1.0, 1.8), (7.0, 9.0)])
    made.line.order(MOVE)
    await place(made)
    assert asked(made) == ["ok\n\n请用中文回答。", f"{ASKED_IN_CHINESE}\n\n请用中文回答。"]
    assert made.recognizer.languages[0] == ("zh", ("en",))
    assert made.placed._desk.agenda.state.language == "zh"
    assert made.chinese.spoken
    assert not made.synthesizer.spoken


async def test_a_call_that_its_client_moved_follows_its_caller_still() -> None:
    made = Bilingual(["en: and on saturday please"], talk=[(1.0, 3.0)])
    made.line.order(MOVE)
    await place(made)
    assert asked(made) == ["and on saturday please\n\n(Answer in English.)"]
    assert made.recognizer.languages[0] == ("zh", ("en",))


async def test_only_the_client_moves_a_call_to_a_language_that_was_not_wished() -> None:
    for orders in ([], [MOVE]):
        made = Bilingual([f"zh: {ASKED_IN_CHINESE}"], talk=[(1.0, 3.0)], wished=("en",))
        for order in orders:
            made.line.order(order)
        await place(made)
        assert asked(made)[0].endswith("请用中文回答。") == bool(orders)
        assert made.recognizer.languages[0] == (("zh", ("en",)) if orders else ("en", ()))


async def test_silence_is_asked_about_in_the_language_that_a_call_was_moved_to() -> None:
    made = Bilingual([], talk=[])
    made.call = asks_again_after(6.0)
    made.line.order(MOVE)
    await place(made)
    assert "".join(made.chinese.spoken) == KNOWN_PHRASES["zh"].no_input
    assert not made.synthesizer.spoken


async def test_what_is_being_answered_is_said_to_its_end_in_the_language_in_which_it_began() -> None:
    words = {"zh": Wording(confirm="要取消订单{order}吗？")}
    cancel = Tool(STATUS, FakeTool(), confirm="Shall I cancel {order}?", others=words)
    made = Bilingual([], talk=[], tools=[cancel], model=FakeModel([(2.0, ToolUse("order_status", {"order": "48213"}))]))
    made.line.on_event = orders_at(FinalTranscript, MOVE)
    made.line.order(TextTyped(text="please cancel order 48213", language="en"))
    await place(made)
    assert "".join(made.synthesizer.spoken).startswith("Shall I cancel")
    assert not made.chinese.spoken


async def test_a_speculative_answer_is_judged_by_the_language_that_it_is_in() -> None:
    made = Bilingual([f"zh: {ASKED_IN_CHINESE}"], talk=[(0.5, 2.5)], headroom=Headroom(8, 4, lambda: False))
    made.model = FakeModel([(0.1, "我们星期天不营业，星期六八点开门。")])
    await place(made)
    assert len(asked(made)) == 1


SHAPE = ReplyShape(
    Speaking(),
    Playout(),
    Channels(),
    paced=True,
    speech_stops=True,
    reports_playback=False,
    protected_start=0.0,
    primes=False,
    ladder=Ladder(),
    phrases=KNOWN_PHRASES["zh"],
    language="zh",
)


async def test_the_pressing_of_keys_turns_no_call() -> None:
    engines = Engines(
        voice=FakeVoice(),
        recognitions=recognitions(FakeRecognizer([(0.1, "")])),
        turn_model=None,
        toolbox=Toolbox(),
        responder=Responder(Router.of(FakeModel(ANSWER)), "", ChatOptions()),
        synthesizer=PhraseBook(FakeSynthesizer(), Speaking()),
        ladder=BudgetLadder(Ladder(), {}, has_smaller=False),
        headroom=no_speculation(),
    )
    languages = Languages(engines, SHAPE, [replace(SHAPE, language="en"), replace(SHAPE, language="ja")])
    assert languages.after("(keys pressed) 1 2 3", languages.current, said_so=True) == "zh"
    assert languages.after("please call me back", "") == "en"
    assert languages.after("営業時間を教えてください", "") == "ja"
    assert languages.after("1 2 3 4", "") == "zh"
