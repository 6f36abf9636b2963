"""Made-up personal data, and the ways in which people write and say it. All of it is drawn from a seed."""

from collections.abc import Callable, Sequence
from random import Random

from pipeline.dialog.redact import Kind

_NAMES_TEXT = (
    "john mary wei li anna peter smith jones garcia mueller zhang wang chen lee kumar olivia noah emma liam sofia "
    "lucas mia oliver james robert patricia jennifer michael linda david elizabeth susan thomas sarah karen nancy "
    "betty"
)
_SITES_TEXT = (
    "gmail.com yahoo.com outlook.com hotmail.com icloud.com example.com acme.io mail.example.org company.co.uk qq.com "
    "163.com web.de university.edu startup.ai proton.me foxmail.com my-shop.net sub.domain.example.fr 126.com"
)
_AREAS_TEXT = "201 202 206 212 213 303 305 312 404 408 415 425 503 512 602 617 646 650 702 713 718 773 801 818 917 949"
_MOBILES_TEXT = (
    "130 131 132 133 135 136 137 138 139 150 151 152 155 158 159 166 170 176 177 180 181 185 186 188 189 199"
)
_CITIES_TEXT = "110105 310101 440305 330106 510104 420106 320102 610113 370202 120101 500103 230102"
_NAMES, _SITES = _NAMES_TEXT.split(), _SITES_TEXT.split()
_AREAS, _MOBILES, _CITIES = _AREAS_TEXT.split(), _MOBILES_TEXT.split(), _CITIES_TEXT.split()
_ISSUERS = (
    ("4", 16),
    ("4", 16),
    ("51", 16),
    ("55", 16),
    ("2221", 16),
    ("34", 15),
    ("37", 15),
    ("6011", 16),
    ("62", 16),
    ("62", 19),
    ("3528", 16),
    ("36", 14),
)
_BANKS = {
    "GB": "AAAA00000000000000",
    "DE": "000000000000000000",
    "FR": "00000000000000000000000",
    "NL": "AAAA0000000000",
}
_BANKS |= {
    "ES": "00000000000000000000",
    "IT": "A0000000000000000000000",
    "CH": "00000000000000000",
    "BE": "000000000000",
}
_BANKS |= {"PL": "000000000000000000000000", "IE": "AAAA00000000000000", "AT": "0000000000000000", "SE": "0" * 20}


def digits(random: Random, count: int) -> str:
    """Return so many digits."""
    return "".join(random.choices("0123456789", k=count))


def filled(random: Random, shape: str) -> str:
    """Return a shape with a digit for each 0 and a capital for each A."""
    return "".join(
        random.choice("0123456789")
        if sign == "0"
        else random.choice("ABCDEFGHJKLMNPRSTUVWXYZ")
        if sign == "A"
        else sign
        for sign in shape
    )


def us_phone(random: Random) -> str:
    """Return ten digits of the numbering plan of North America."""
    middle = "211"
    while middle.endswith("11"):
        middle = random.choice("23456789") + digits(random, 2)
    return random.choice(_AREAS) + middle + digits(random, 4)


def cn_phone(random: Random) -> str:
    """Return the eleven digits of a mobile telephone in China."""
    return random.choice(_MOBILES) + digits(random, 8)


def card(random: Random) -> str:
    """Return a card's number with a right check digit."""
    prefix, length = random.choice(_ISSUERS)
    body = prefix + digits(random, length - len(prefix) - 1)
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(body)))
    return body + str(-total % 10)


def cn_id(random: Random) -> str:
    """Return the number of an identity card."""
    day = f"{random.randint(1940, 2009)}{random.randint(1, 12):02d}{random.randint(1, 28):02d}"
    body = random.choice(_CITIES) + day + digits(random, 3)
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def iban(random: Random) -> str:
    """Return a bank account's number with right check digits."""
    country = random.choice(sorted(_BANKS))
    account = filled(random, _BANKS[country])
    number = int("".join(str(int(sign, 36)) for sign in f"{account}{country}00"))
    return f"{country}{98 - number % 97:02d}{account}"


def passport(random: Random) -> str:
    """Return one or two capitals with digits behind."""
    return filled(random, random.choice(("A00000000", "A0000000", "AA0000000", "AA000000")))


def mail(random: Random) -> str:
    """Return an address."""
    names = random.sample(_NAMES, 2)
    number = str(random.randint(1, 1999))
    shapes = ("{0}.{1}", "{0}_{1}", "{0}", "{0}{n}", "{0}.{1}{n}", "{0}-{1}", "{0}{1}", "{0}+{1}", "{n}{0}", "{0}.{n}")
    return random.choice(shapes).format(*names, n=number) + "@" + random.choice(_SITES)


VALUES: dict[Kind, Callable[[Random], str]] = {
    Kind.PHONE: us_phone,
    Kind.CARD: card,
    Kind.EMAIL: mail,
    Kind.IBAN: iban,
    Kind.CN_ID: cn_id,
    Kind.PASSPORT: passport,
}


def grouped(value: str, sizes: Sequence[int]) -> list[str]:
    """Return a value cut into groups; the last size repeats."""
    groups, at, turn = [], 0, 0
    while at < len(value):
        size = sizes[min(turn, len(sizes) - 1)]
        groups.append(value[at : at + size])
        at, turn = at + size, turn + 1
    return groups


def _typed_us(random: Random, value: str) -> str:
    area, middle, line = grouped(value, (3, 3, 4))
    shapes = (
        *("({0}) {1}-{2}", "{0}-{1}-{2}", "{0}.{1}.{2}", "{0} {1} {2}", "{0}{1}{2}", "+1 {0} {1} {2}", "+1{0}{1}{2}"),
        *("1-{0}-{1}-{2}", "({0}){1}-{2}", "+1 ({0}) {1}-{2}", "+1-{0}-{1}-{2}", "{0} {1}{2}", "1 {0} {1} {2}"),
        *("{0}–{1}–{2}", "{0} - {1} - {2}", "+1.{0}.{1}.{2}", "001 {0} {1} {2}", "{0}/{1}-{2}", "({0}) {1} {2}"),
    )
    return random.choice(shapes).format(area, middle, line)


def _typed_cn(random: Random, value: str) -> str:
    shape = random.choice(((3, 4), (11,), (3, 4, 4), (4, 3, 4), (3, 3, 3, 2), (3, 2)))
    groups = random.choice((" ", "-", " ", ".")).join(grouped(value, shape))
    return random.choice(("", "", "", "+86 ", "+86", "86 ", "0086 ", "(+86) ")) + groups


def _typed_abroad(random: Random) -> str:
    shapes = (
        *("+44 7911 0000{0}", "+44 20 7946 0{0}", "07400 1{0}", "020 7946 0{0}", "+49 30 901{0}", "+49 151 2345{0}"),
        *("+33 6 12 34 {1} {2}", "+81 90 1234 5{0}", "+91 98765 4{0}", "+34 612 34 {1} {2}", "+61 412 345 {0}"),
        *("010-8{0}1234", "021 6{0}4321", "0755-8{0}567", "(010) 6{0}1234", "+65 9123 4{0}", "+852 9123 4{0}"),
    )
    first, second = digits(random, 2), digits(random, 2)
    lengths = {"07400 1{0}": 5, "010-8{0}1234": 3, "021 6{0}4321": 3, "0755-8{0}567": 4, "(010) 6{0}1234": 3}
    lengths |= {"+44 7911 0000{0}": 2, "+49 30 901{0}": 3, "+49 151 2345{0}": 4, "+91 98765 4{0}": 4}
    shape = random.choice(shapes)
    return shape.format(digits(random, lengths.get(shape, 3)), first, second)


def typed_phone(random: Random, *, chinese: bool) -> str:
    """Return a telephone's number as it is typed."""
    if chinese:
        return _typed_cn(random, cn_phone(random)) if random.random() < 0.85 else _typed_us(random, us_phone(random))
    draw = random.random()
    if draw < 0.2:
        return _typed_abroad(random)
    return _typed_us(random, us_phone(random)) if draw < 0.85 else _typed_cn(random, cn_phone(random))


def typed(random: Random, kind: Kind, *, chinese: bool) -> str:
    """Return personal data as it is typed, in Chinese turns at times with signs of full width."""
    if kind is Kind.PHONE:
        written = typed_phone(random, chinese=chinese)
    else:
        written = _typed_value(random, kind, VALUES[kind](random))
    wide = random.random() < (0.25 if chinese else 0.04)
    return written.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}) if wide else written


def _typed_value(random: Random, kind: Kind, value: str) -> str:
    separator = random.choice((" ", "-", " ", "  ", "."))
    if kind is Kind.CARD:
        sizes = (4, 6, 5) if len(value) == 15 else (6, 13) if len(value) == 19 and random.random() < 0.5 else (4,)
        return random.choice((value, separator.join(grouped(value, sizes)), " ".join(grouped(value, sizes))))
    if kind is Kind.IBAN:
        return random.choice((value, " ".join(grouped(value, (4,))), "-".join(grouped(value, (4,))), value.lower()))
    if kind is Kind.CN_ID:
        cut = random.choice((value, value, " ".join(grouped(value, (6, 8, 4))), "-".join(grouped(value, (6, 4, 4, 4)))))
        return random.choice((cut, cut.lower()))
    if kind is Kind.EMAIL:
        return random.choice((value, value, value.upper(), value.title(), value.replace("@", " @ ")))
    return value
