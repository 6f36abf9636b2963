"""Kinds of personal data and what makes a number one of them: lengths, prefixes, checksums. Pure."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import phonenumbers


class Kind(StrEnum):
    """What is found."""

    PHONE = "phone"
    CARD = "card"
    EMAIL = "email"
    IBAN = "iban"
    CN_ID = "cn_id"
    """Number of a Chinese resident identity card."""
    PASSPORT = "passport"


class Treatment(StrEnum):
    """What becomes of it."""

    MASK = "mask"
    """Words that name the kind."""
    PSEUDONYM = "pseudonym"
    """A name that is the same for the same value, see ``Pseudonyms``."""
    PASS = "pass"  # noqa: S105  no password
    """Nothing: it is told as a finding and passes on."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Where personal data stands in the input."""

    kind: Kind
    start: int
    end: int
    spoken: bool
    """Whether any of it is written in words."""


ALSO_FROM = ("CN", "US", "GB")
"""Regions whose national numbers are known beside the caller's own."""
SHORTEST_PHONE, LONGEST_PHONE = 7, 15
"""Digits; E.164 allows 15."""

LONGEST_CARD = 19

_CN_MOBILE = re.compile(r"(?:86)?1[3-9]\d{9}")
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11,16}"  # Diners Club
    r"|6(?:011\d\d|5\d{4}|4[4-9]\d{3})\d{10,13}"  # Discover
    r"|62\d{14,17}|81\d{14,17}"  # UnionPay
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|(?:50|5[6-9]|6[37])\d{11,17}"  # Maestro
    r"|220[0-4]\d{12,15}|9792\d{12}|60\d{14}|50[89]\d{13}"  # Mir, Troy, RuPay
)
"""Prefix and length together. Source: ISO/IEC 7812, the issuers' published ranges."""

_IBANS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
    "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
    "YE30"
)
IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBANS.split()}
"""Characters by country. Source: SWIFT IBAN registry."""

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"
_ID = re.compile(r"[1-9]\d{16}[\dX]", re.ASCII)
_PROVINCES = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83"
_ID_PROVINCES = frozenset(_PROVINCES.split())


def is_card(digits: str) -> bool:
    """Return whether these are the digits of a bank card: issuer, length and Luhn's check digit."""
    if _ISSUERS.fullmatch(digits) is None:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 * (number > 9)
    return total % 10 == 0


def iban_length(value: str) -> int:
    """Return how long the account number is that begins like ``value``; 0 when none does."""
    return IBAN_LENGTHS.get(value[:2], 0) if value[2:4].isdigit() and len(value) >= 4 else 0


def is_iban(value: str) -> bool:
    """Return whether ``value`` has its country's length and leaves 1 modulo 97. Source: ISO 13616."""
    if len(value) != iban_length(value) or not value.isalnum():
        return False
    return int("".join(str(int(sign, 36)) for sign in value[4:] + value[:4])) % 97 == 1


def looks_like_id(value: str) -> bool:
    """Return whether ``value`` has a province and a day of birth in their places; the check digit may be wrong."""
    if _ID.fullmatch(value) is None or value[:2] not in _ID_PROVINCES:
        return False
    year, month, day = int(value[6:10]), int(value[10:12]), int(value[12:14])
    try:
        date(year, month, day)
    except ValueError:
        return False
    return 1900 <= year < 2100


def is_id(value: str) -> bool:
    """Return whether ``value`` is the number of an identity card. Source: GB 11643-1999, ISO 7064 MOD 11-2."""
    if not looks_like_id(value):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, value, strict=False))
    return _ID_CHECKS[total % 11] == value[17]


def is_old_id(digits: str) -> bool:
    """Return whether these are the 15 digits of an identity card from before 1999."""
    return len(digits) == 15 and looks_like_id(f"{digits[:6]}19{digits[6:]}0")


def is_phone(digits: str, region: str, *, international: bool) -> bool:
    """Return whether these digits can be dialled."""
    return bool(dialled(digits, region, international=international))


def dialled(digits: str, region: str, *, international: bool) -> str:
    """Return the telephone number of these digits as it is dialled from everywhere (E.164); empty where they are none.

    They are read with a country code, in ``region``, or in a region known anyway. Nothing is remembered between calls:
    the digits are personal data.
    """
    if not SHORTEST_PHONE <= len(digits) <= LONGEST_PHONE + 3:
        return ""
    if international:
        return _valid(f"+{digits}", region)
    if digits.startswith(("00", "011")):
        return _valid("+" + digits.removeprefix("00").removeprefix("011"), region)
    if _CN_MOBILE.fullmatch(digits):
        return f"+86{digits[-11:]}"
    others = (other for other in dict.fromkeys((region, *ALSO_FROM)) if _is_national(digits, other, region))
    return next(filter(None, (_valid(digits, other) for other in others)), "")


def _is_national(digits: str, other: str, region: str) -> bool:
    """Return whether a number is written as one of ``other`` is dialled from within."""
    if other == "US":
        return len(digits) == 10 or (len(digits) == 11 and digits[0] == "1")
    return other == region or (digits[0] == "0" and len(digits) >= 10)


def _valid(text: str, region: str) -> str:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    valid = phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if valid else ""
