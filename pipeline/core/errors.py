"""One error class per stage, each with a stable code that clients, logs and metrics carry."""


class PipelineError(Exception):
    """Something a stage could not do. The message is safe to show: it never holds a transcript or a prompt."""

    stage = "pipeline"

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        """Keep ``code`` (kebab-case, stable over releases) and whether the same call may succeed later."""
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class HearingError(PipelineError):
    """Voice activity or recognition failed."""

    stage = "hearing"


class DialogError(PipelineError):
    """The model could not be asked, or broke off."""

    stage = "dialog"


class SpeakingError(PipelineError):
    """A clause could not be spoken."""

    stage = "speaking"


class VisionError(PipelineError):
    """A picture cannot be taken, or not be looked at. ``fix`` is what mends it."""

    stage = "vision"

    def __init__(self, code: str, message: str, *, fix: str = "", retryable: bool = False) -> None:
        """Keep ``fix``: what to type or to do, empty where nothing helps."""
        super().__init__(code, message, retryable=retryable)
        self.fix = fix


class EntranceError(PipelineError):
    """The client broke the contract. ``field`` names the part of the message that is wrong."""

    stage = "entrance"

    def __init__(self, code: str, message: str, *, field: str = "", retryable: bool = False) -> None:
        """Keep ``field``: a path such as ``start.input_audio.sample_rate_hz``."""
        super().__init__(code, message, retryable=retryable)
        self.field = field


class ModelError(PipelineError):
    """A model file is missing, broken or cannot be fetched. ``fix`` is the command that mends it."""

    stage = "models"

    def __init__(self, code: str, message: str, *, fix: str = "", retryable: bool = False) -> None:
        """Keep ``fix``: what to type, empty where nothing helps."""
        super().__init__(code, message, retryable=retryable)
        self.fix = fix


class KnowledgeError(PipelineError):
    """A document or a file of knowledge cannot be used. ``fix`` is what mends it."""

    stage = "knowledge"

    def __init__(self, code: str, message: str, *, fix: str = "", retryable: bool = False) -> None:
        """Keep ``fix``: what to type or to do, empty where nothing helps."""
        super().__init__(code, message, retryable=retryable)
        self.fix = fix


class ToolError(PipelineError):
    """A tool could not be run, or failed. The message is what the model is told: it holds no argument and no secret."""

    stage = "tools"


class RecordsError(PipelineError):
    """Records cannot be kept or read. ``fix`` is what mends it."""

    stage = "records"

    def __init__(self, code: str, message: str, *, fix: str = "", retryable: bool = False) -> None:
        """Keep ``fix``: what to type or to do, empty where nothing helps."""
        super().__init__(code, message, retryable=retryable)
        self.fix = fix
