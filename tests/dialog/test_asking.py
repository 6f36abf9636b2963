from pipeline.dialog.asking import asking_for


def test_a_language_without_a_line_of_its_own_is_named_by_its_tag() -> None:
    assert asking_for("zh") == "请用中文回答。"
    assert "'cy'" in asking_for("cy")
