"""Pipecat with its own local services, connected to a telephone.

Runs in the peers' environment, as a process of its own. The pipeline is the one of Pipecat's own template for a
cascade (``pipecat init``): Silero and smart-turn with the defaults of version 1.14, WhisperSTTService,
OLLamaLLMService, PiperTTSService. Left out is what costs time and answers nothing here: metrics, RTVI, debug logging.
One pipeline serves all conversations of a run, so its models stay loaded and warm; each conversation begins with an
empty context.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import onnxruntime
from loguru import logger
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import BotStoppedSpeakingFrame, Frame, InputAudioRawFrame, OutputAudioRawFrame, StartFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.ollama.llm import OLLamaLLMService
from pipecat.services.piper.tts import PiperTTSService
from pipecat.services.whisper.stt import WhisperSTTService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from benchmarks.peers.telephone import FRAME, RATE, Begin, Peer, Telephone, serve
from pipeline.core.clock import LoopClock

STARTING = 60.0


class Ear(BaseInputTransport):
    """The caller's line."""

    async def start(self, frame: StartFrame) -> None:
        """Begin to take sound."""
        await super().start(frame)
        await self.set_transport_ready(frame)


class Mouth(BaseOutputTransport):
    """The telephone's speaker: takes a piece when the one before it is nearly heard, as Pipecat's own transports do."""

    def __init__(self, params: TransportParams) -> None:
        super().__init__(params)
        self.telephone: Telephone | None = None
        self.reply = 0
        self.speaking = False

    async def start(self, frame: StartFrame) -> None:
        """Begin to take sound."""
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Let the caller hear it; return whether anybody listens."""
        if self.telephone is None:
            return False
        self.speaking = True
        end = self.telephone.play(self.reply, frame.audio, frame.sample_rate)
        await anyio.sleep(max(0.0, end - FRAME - LoopClock().now()))
        return True

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Notice that the bot has stopped speaking, and pass the frame on."""
        if isinstance(frame, BotStoppedSpeakingFrame):
            self.speaking = False
        await super().push_frame(frame, direction)


class Bot(Peer):
    """One pipeline."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.ear = Ear(TransportParams(audio_in_enabled=True))
        self.mouth = Mouth(TransportParams(audio_out_enabled=True))
        self._open = self._thinking = False
        self._context = LLMContext()
        self._rate = job["voice_rate"]
        piper = PiperTTSService(
            settings=PiperTTSService.Settings(voice=job["voice"]), download_dir=Path(job["voice_folder"])
        )
        if job["one_thread"]:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            voice = Path(job["voice_folder"]) / f"{job['voice']}.onnx"
            piper._voice.session = onnxruntime.InferenceSession(voice, options, providers=["CPUExecutionProvider"])
        user, assistant = LLMContextAggregatorPair(self._context, user_params=_user(job))
        self.pipeline = Pipeline([self.ear, _whisper(job), user, _llm(job), piper, self.mouth, assistant])
        user.add_event_handler("on_user_turn_started", self._turn_started)
        user.add_event_handler("on_user_turn_stopped", self._turn_stopped)
        assistant.add_event_handler("on_assistant_turn_stopped", self._answered)

    @property
    def owes(self) -> bool:
        """Whether a turn is open, is being answered, or its answer is being spoken."""
        return self._open or self._thinking or self.mouth.speaking

    async def hear(self, frame: bytes) -> None:
        """Take a frame as a transport does."""
        await self.ear.push_audio_frame(InputAudioRawFrame(audio=frame, sample_rate=RATE, num_channels=1))

    def worker(self) -> PipelineWorker:
        """Return what runs the pipeline."""
        params = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=self._rate)
        return PipelineWorker(self.pipeline, params=params, idle_timeout_secs=None, enable_rtvi=False)

    @asynccontextmanager
    async def conversation(self, telephone: Telephone) -> AsyncIterator[Peer]:
        """Forget what was said, and talk on ``telephone``."""
        self._context.set_messages([])
        self._open = self._thinking = self.mouth.speaking = False
        self.mouth.telephone = telephone
        yield self
        self.mouth.telephone = None

    async def _turn_started(self, *_: Any) -> None:
        self._open = True

    async def _turn_stopped(self, _: Any, __: Any, message: Any) -> None:
        self._open = False
        self._thinking = bool(message.content)
        self.mouth.reply += 1
        self._tell("caller", message.content)

    async def _answered(self, _: Any, message: Any) -> None:
        self._thinking = False
        self._tell("peer", message.content)

    def _tell(self, who: str, text: str) -> None:
        if self.mouth.telephone is not None and text:
            self.mouth.telephone.tell(who, text, self.mouth.reply)


def _whisper(job: dict[str, Any]) -> WhisperSTTService:
    settings = WhisperSTTService.Settings(model=job["whisper"])
    return WhisperSTTService(device="cpu", compute_type=job["compute_type"], settings=settings)


def _llm(job: dict[str, Any]) -> OLLamaLLMService:
    settings = OLLamaLLMService.Settings(
        model=job["model"],
        system_instruction=job["system"],
        temperature=job["options"]["temperature"],
        top_p=job["options"]["top_p"],
        max_tokens=job["options"]["num_predict"],
    )
    return OLLamaLLMService(base_url=f"{job['llm_url']}/v1", settings=settings)


def _user(job: dict[str, Any]) -> LLMUserAggregatorParams:
    turns = LocalSmartTurnAnalyzerV3(params=SmartTurnParams(stop_secs=job["stop_secs"]))
    return LLMUserAggregatorParams(
        user_turn_strategies=UserTurnStrategies(stop=[TurnAnalyzerUserTurnStopStrategy(turn_analyzer=turns)]),
        vad_analyzer=SileroVADAnalyzer(),
    )


@asynccontextmanager
async def running(job: dict[str, Any]) -> AsyncIterator[Begin]:
    """Load everything and run the pipeline while the context lasts."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    bot, runner, started = Bot(job), WorkerRunner(handle_sigint=False), anyio.Event()
    worker = bot.worker()

    async def pipeline_started(*_: Any) -> None:
        started.set()

    worker.add_event_handler("on_pipeline_started", pipeline_started)
    await runner.add_workers(worker)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        with anyio.fail_after(STARTING):
            await started.wait()
        yield bot.conversation
        await runner.cancel()


if __name__ == "__main__":
    anyio.run(serve, running)
