"""What a model is told so that it answers in the caller's language. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

_ASKING: Mapping[str, str] = MappingProxyType(
    {
        "ar": "(أجب باللغة العربية.)",
        "de": "(Antworte auf Deutsch.)",
        "en": "(Answer in English.)",
        "es": "(Responde en español.)",
        "fr": "(Réponds en français.)",
        "it": "(Rispondi in italiano.)",
        "ja": "日本語で答えてください。",
        "ko": "(한국어로 대답해 주세요.)",
        "nl": "(Antwoord in het Nederlands.)",
        "pl": "(Odpowiedz po polsku.)",
        "pt": "(Responda em português.)",
        "ru": "(Ответь по-русски.)",
        "zh": "请用中文回答。",
    }
)


def asking_for(language: str) -> str:
    """Return the line that asks for an answer in a language, a BCP 47 primary tag, in that language where known."""
    return _ASKING.get(language, f"(Answer in the language of the tag {language!r}.)")
