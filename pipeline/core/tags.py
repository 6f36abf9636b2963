"""Tags: the names that an Ollama server gives its models."""


def plain(tag: str) -> str:
    """Return ``tag`` without the ``:latest`` that Ollama adds where none is given: equal for one model's two names."""
    return tag.removesuffix(":latest")
