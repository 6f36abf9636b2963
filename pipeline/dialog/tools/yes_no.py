"""Whether a caller's words say yes or no to a question. Pure."""


def answer(text: str, language: str) -> bool | None:
    """Return True for yes, False for no, None for what is unclear, mixed, or about something else.

    ``language`` is a BCP 47 primary tag; the English words are understood in every language.
    """
    raise NotImplementedError
