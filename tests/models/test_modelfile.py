import pytest

from pipeline.core.errors import ModelError
from pipeline.models.modelfile import Modelfile, parse


def test_all_instructions_are_read() -> None:
    text = '''
    # a comment
    FROM weights.gguf
    TEMPLATE """{{ .System }}
    {{ .Prompt }}"""
    SYSTEM "Be brief."
    LICENSE Apache-2.0
    PARAMETER temperature 0.2
    PARAMETER num_ctx 4096
    PARAMETER use_mmap true
    PARAMETER stop "<|im_end|>"
    PARAMETER stop <|im_start|>
    '''
    assert parse(text) == Modelfile(
        source="weights.gguf",
        template="{{ .System }}\n    {{ .Prompt }}",
        system="Be brief.",
        licence="Apache-2.0",
        parameters={"temperature": 0.2, "num_ctx": 4096, "use_mmap": True, "stop": ["<|im_end|>", "<|im_start|>"]},
    )


def test_an_instruction_may_be_written_small_and_a_hash_inside_a_text_is_no_comment() -> None:
    assert parse('template """a\n# Tools\nb"""').template == "a\n# Tools\nb"


def test_a_text_that_is_not_closed_is_refused() -> None:
    with pytest.raises(ModelError, match='TEMPLATE: the closing """ is missing'):
        parse('TEMPLATE """{{ .Prompt }}')


@pytest.mark.parametrize("line", ["ADAPTER lora.bin", "nonsense"])
def test_an_unknown_instruction_is_refused_by_name(line: str) -> None:
    with pytest.raises(ModelError, match=f"unknown instruction '{line.split(maxsplit=1)[0]}'"):
        parse(line)
