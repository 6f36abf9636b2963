from pipeline.core.tags import plain


def test_a_tag_and_the_same_with_the_addition_of_the_server_are_one_name() -> None:
    assert plain("minilm:latest") == plain("minilm") == "minilm"


def test_a_quantisation_is_part_of_the_name() -> None:
    assert plain("qwen2.5:1.5b-instruct-q4_K_M") == "qwen2.5:1.5b-instruct-q4_K_M"
