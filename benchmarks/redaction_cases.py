"""Turns for the benchmark of redaction: with personal data, and with numbers that are none."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from benchmarks.redaction_spoken import spoken
from benchmarks.redaction_values import digits, filled, typed
from pipeline.dialog.redact import Kind


def _shapes(text: str) -> tuple[str, ...]:
    return tuple(text.split(" | "))


_ABOUT = {
    Kind.PHONE: ("phone number", "number", "mobile", "cell", "phone", "电话", "手机号", "号码", "联系方式"),
    Kind.CARD: ("card", "card number", "credit card", "Visa", "debit card number", "卡号", "银行卡", "信用卡号", "卡"),
    Kind.EMAIL: ("email", "email address", "e-mail", "mail", "address", "邮箱", "邮箱地址", "电子邮件", "邮件地址"),
    Kind.IBAN: (
        "IBAN",
        "bank account",
        "account",
        "account number",
        "bank details",
        "账户",
        "IBAN",
        "国际账号",
        "账号",
    ),
    Kind.CN_ID: (
        "ID",
        "ID number",
        "identity card",
        "resident ID",
        "national ID",
        "身份证",
        "身份证号",
        "证件号",
        "证件",
    ),
    Kind.PASSPORT: ("passport", "passport number", "passport no.", "passport", "passport", *("护照", "护照号") * 2),
}
_BARE = _shapes(
    "{s} | {s}. | It's {s}. | Yes, {s} | Sure, it is {s}, thanks. | That would be {s} | {s} okay? | ok {s} bye"
)
_TOLD = _shapes(
    "My {k} is {s}. | my {k} is {s} | The {k}: {s} | you can use my {k}, {s}, if you like | {k} {s} | "
    "{k} is {s} ok | I think the {k} was {s} but let me check | Please write down my {k}: {s}. Thanks! | "
    "new {k} = {s} | {k}: {s}\nBye | Hello, this is Sam. For the {k} please take {s} and call back. | "
    "Well, um, {k} would be {s}, I guess | ({k} {s}) | Could you change the {k} to {s} please? | "
    "Not the old one! The {k} is now {s}. | his {k}, which is {s}, has changed | "
    "As I said before the {k} is {s}; the other is gone | Is {s} the {k} you have on file? | "
    "The {k} we have is “{s}”."
)
_BESIDE = _shapes(
    "Call {s} after 5 or at 10:30. | I have 2 of them, {s} is the main one | "
    "since 2019 my {k} has been {s}, not 7 years | room 12, {s}, that is all | "
    "On 3/4/2025 the {k} was {s} and my order 4711 came | It's {s} or maybe ask for extension 12 | "
    "{s}, 24 hours a day, 7 days a week | option two: {s} | I am 35, my {k} is {s}, and I paid $20 | "
    "{s} at nine or at ten | one more thing, the {k} is {s}, one of three | for order 88231 the {k} is {s} | "
    "5 people gave me {s} as a {k}, 2 did not"
)
_BESIDE_HAN = _shapes(
    "我有两个，{s}是第一个 | 三点以前打{s} | 订单4711的{k}是{s} | 我今年35岁，{k}{s}，住3楼 | "
    "一共20元，{k}：{s}，9点后 | 第一，{k}是{s}，第二没有 | 2025-11-20登记的{k}是{s}"
)
_BARE_HAN = _shapes("{s} | {s}。 | 是{s} | 好的，{s}，谢谢 | 嗯{s}对 | 就是{s}吧 | {s}，记一下")
_TOLD_HAN = _shapes(
    "我的{k}是{s}。 | {k}：{s} | 请记一下{k}{s}，谢谢 | 你好，{k}改成{s}可以吗？ | 那个，{k}是{s}对吧 | "
    "新的{k}为{s} | 麻烦帮我查一下，{k}{s} | 您的{k}是不是{s}？ | 我说一遍，{s}，这是我的{k} | "
    "请联系我，{k}: {s} | （{k}{s}） | {k} {s} 别忘了"
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What is said or typed."""

    text: str
    kind: Kind | None = None
    start: int = 0
    end: int = 0
    """Where the personal data stands."""
    spoken: bool = False
    chinese: bool = False
    shape: str = ""
    """Of a turn without personal data: what it was made from."""


def personal(random: Random, kind: Kind, *, said: bool, chinese: bool) -> Turn:
    """Return a turn with one piece of personal data. Passports are always named, since nothing else tells them."""
    make = spoken if said else typed
    secret = make(random, kind, chinese=chinese)
    bare = _BARE_HAN if chinese else _BARE
    told = _TOLD_HAN if chinese else _TOLD
    if kind is Kind.PASSPORT:
        carrier = random.choice(told[:2])
    else:
        beside = _BESIDE_HAN if chinese else _BESIDE
        carrier = random.choice(random.choice((bare, told, told, beside)))
    names = _ABOUT[kind][5:] if chinese else _ABOUT[kind][:5]
    before, _, behind = carrier.replace("{k}", random.choice(names)).partition("{s}")
    if secret.startswith("area code "):
        before, secret = before + "area code ", secret.removeprefix("area code ")
    if before[-1:].isascii() and before[-1:].isalnum():
        before += " "
    return Turn(before + secret + behind, kind, len(before), len(before) + len(secret), said, chinese)


_WORDS = _shapes(
    "one moment please, I have two or three questions for you | oh, I am fine, for now | "
    "that one is not for me | I'll be at the store at {h} | we are {n} people, {n} of them kids | "
    "call me back at {h}:{m} | a double room for {n} nights | it takes {n} to {n} days | "
    "room {d3}, floor {n} | extension {d4} | the PIN pad has {d2} keys | I am at home, dot on the i | "
    "gate {A}{d2}, flight {A}{A}{d4} | zip code {d5} | {d5}-{d4} is the ZIP | "
    "{n}00 Main Street, Suite {d3} | chapter {n} verse {n} | "
    "press one for sales, two for support, three for billing | "
    "ten, nine, eight, seven, six, five, four, three, two, one | one, two, three, testing | "
    "nineteen eighty four was a good year | in twenty twenty five we sold twelve thousand units | "
    "look at example dot com | visit us at voicepipe dot com please | "
    "see https://example.com/a/{d6}?b={d3} | ask @sam_{d2} about it | a hundred and twenty three dollars | "
    "two hundred fifty thousand people | about one point five million | I'd say fifty fifty | "
    "The meeting is at seven thirty, not eight fifteen. | I'm one of three, oh well | "
    "They won three one and two nil | Please hold on for one second, and then we go on | "
    "NASA AND IBM ARE BIG | THE ORDER IS AT THE DOOR | e.g. this one, i.e. that | the value is {d1}.{d6} | "
    "pi is 3.14159265358979 | coordinates {d2}.{d6}, -{d2}.{d5} | {d2}% of {d4} is a lot | {d1} x {d2} = {d3}"
)
_NUMBERS = _shapes(
    "order number {d15} | your order {d10} has shipped | order #{d12} is late | Order ID: {d16} | "
    "my order is {d11} | order {d3}-{d7}-{d7} | order no. {d9} was cancelled | the order number is {w10} | "
    "order {w8} please | order id {w12} | tracking number {A}{A}{d13} | tracking {d12} | 1Z{d3}{A}{A}{d10} | "
    "parcel {A}{A}{d9}{A}{A} | tracking code is {w12} | SF{d13} | JD{d12} | "
    "tracking number 9400 1{d3} {d4} {d4} {d4} {d2} | waybill {d11} | your package {d10} arrives at {h} | "
    "at {ms} | timestamp {s} | event at {ms} ms | {day}T{t}Z | on {day} at {t} | {us} | "
    "from {day} to {day} | {day} {t}.{d3} | it costs ${p} | €{p} each | total {p} USD | price {p} | ¥{p} | "
    "the bill is ${d3},{d3},{d3} | {d3},{d3},{d3} people | invoice {d10} | invoice INV-{d8} | ticket {d8} | "
    "case {d10} | reference number {d10} | confirmation {A}{A}{d4} | ref {d9} | model {A}{A}{d6} | "
    "build {A}{A}{d6} | serial {A}{d10} | SKU {d12} | part number {d5}-{d5} | ISBN 978-{d1}-{d3}-{d5}-{d1} | "
    "version {n}.{n}.{d4} | the server is 10.{o}.{o}.{o} | 192.168.{o}.{o} | {ip} | id {uuid} | "
    "commit {hex} | mac {mac} | booking {d6} | transaction {d18} | the batch {d14} is done | account {d8} | "
    "customer number {d7} | meter reads {d6} | I need {d2} boxes of {d3} pieces, {n} pallets | "
    "{d3} by {d3} by {d2} mm | {d4} rpm, {d3} Nm | quantity {d4} | {d4} steps"
)
_HARD = _shapes(
    "{d10} is my order number | {d12} is the tracking code | {w10} is the order number | {w6} | {d8} | "
    "{d9} | {d6} | {w4} | the number on the receipt says {d14} | your code is {d6} | IMEI {d15} | "
    "I ordered on {day}, number {d12} | type {d13} | the sum of {d5} and {d6} is {d6} | {d4}-{d4}-{d4} | "
    "{d2}-{d2}-{d2} | {d4} {d4} {d4} | lottery {d2} {d2} {d2} {d2} {d2} {d2} | "
    "scores were {d2}, {d2}, {d2}, {d2} and {d2} | {d3}, {d3}, {d3}, {d3} | "
    "in {n}, {n}, {n}, {n}, {n} and {n} | {w3}, {w3}, {w2} | between {d4} and {d4}, mostly {d4} | "
    "case {w8} from {day} | my order, {w10}, is late | order number, uh, {w6}, {w6}"
)
_HAN = _shapes(
    "{d12}是我的订单号 | 包裹{d12}到哪了 | 号码牌{d4} | {d8} | {z6} | 取件码{z8} | 股票代码{d6} | 第{d4}号 | "
    "{d4}年{n}月{n}日 | 订单号{d15} | 订单{d11}还没到 | 订单编号是{d10} | 快递单号SF{d13} | 运单号：{d12} | "
    "我的订单号是{z12} | 单号{z10}谢谢 | 时间戳{ms} | {day} {t} | 二零二五年十一月二十日 | 三点半见 | "
    "一共{p}元 | 价格是{p} | ￥{p} | 一百二十三块五毛 | 你好，请稍等一下 | 我要两个房间，住三晚 | "
    "一个人两张票 | 房间{d3}，{n}楼 | 分机{d4} | 型号{A}{A}{d6} | 发票号{d8} | 一二三四五六七 | "
    "三百二十五万六千人 | 九点十五分 | 从一到十 | 第三个问题 | 序列号{A}{d10} | 流水号{d18} | 工单{d9} | "
    "验证码{d6} | 邮编{d6} | 版本{n}.{n}.{d3} | 身高一米八 | 增长了百分之{d2} | 买了{d3}件，每件{d2}元 | "
    "车次G{d4} | 航班CA{d4} | 周一到周五，九点到六点 | 他得了三点五分 | 四舍五入 | 一心一意 | "
    "不管三七二十一 | 二十四小时 | 订单尾号{d4} | 会员号{d9}"
)
_UNITS = "zero one two three four five six seven eight nine"
_DIGITS = _UNITS.split()


def clean(random: Random, *, chinese: bool) -> Turn:
    """Return a turn without personal data."""
    shapes = _HAN if chinese else random.choice((_WORDS, _NUMBERS, _NUMBERS, _HARD))
    shape = random.choice(shapes)
    text = shape
    while "{" in text:
        before, _, rest = text.partition("{")
        name, _, behind = rest.partition("}")
        text = before + _drawn(random, name) + behind
    if not chinese and random.random() < 0.5:
        text = random.choice(
            ("Hi, {}", "Well, {} I think.", "{}, thanks.", "So {}?", "I see: {}", "{}. Anything else?")
        ).format(text)
    return Turn(text, chinese=chinese, shape=shape)


def _drawn(random: Random, name: str) -> str:
    if name[0] == "d" and name[1:].isdigit():
        return random.choice("123456789") + digits(random, int(name[1:]) - 1)
    if name[0] == "w" and name[1:].isdigit():
        return " ".join(_DIGITS[int(digit)] for digit in digits(random, int(name[1:])))
    if name[0] == "z":
        return "".join("零一二三四五六七八九"[int(digit)] for digit in digits(random, int(name[1:])))
    return _OTHER[name](random)


def _date(random: Random) -> str:
    year, month, day = random.randint(1950, 2030), random.randint(1, 12), random.randint(1, 28)
    shapes = (
        "{0}-{1:02d}-{2:02d}",
        "{0}/{1}/{2}",
        "{0}.{1:02d}.{2:02d}",
        "{1}/{2}/{0}",
        "{2:02d}.{1:02d}.{0}",
        "{0}{1:02d}{2:02d}",
    )
    return random.choice(shapes).format(year, month, day)


def _time(random: Random) -> str:
    return f"{random.randint(0, 23):02d}:{random.randint(0, 59):02d}:{random.randint(0, 59):02d}"


def _price(random: Random) -> str:
    cents = random.choice(("", ".00", ".99", ".50"))
    return f"{random.choice((random.randint(1, 999), random.randint(1000, 9_999_999))):,}{cents}"


_OTHER: dict[str, Callable[[Random], str]] = {
    "A": lambda random: filled(random, "A"),
    "n": lambda random: str(random.randint(1, 12)),
    "h": lambda random: random.choice((str(random.randint(1, 12)), random.choice(_DIGITS[1:]))),
    "m": lambda random: f"{random.randint(0, 59):02d}",
    "o": lambda random: str(random.randint(0, 255)),
    "ip": lambda random: ".".join(str(random.randint(1, 255)) for _ in range(4)),
    "ms": lambda random: str(random.randint(1_500_000_000_000, 1_900_000_000_000)),
    "s": lambda random: str(random.randint(1_500_000_000, 1_900_000_000)),
    "us": lambda random: str(random.randint(1_500_000_000_000_000, 1_900_000_000_000_000)),
    "day": _date,
    "t": _time,
    "p": _price,
    "uuid": lambda random: str(uuid.UUID(int=random.getrandbits(128), version=4)),
    "hex": lambda random: f"{random.getrandbits(160):040x}",
    "mac": lambda random: ":".join(f"{random.randint(0, 255):02x}" for _ in range(6)),
}


def turns(count: int, seed: int) -> list[Turn]:
    """Return so many turns: half with personal data of all kinds, half without."""
    random = Random(seed)
    made: list[Turn] = []
    kinds = list(Kind)
    for number in range(count // 2):
        kind = kinds[number % len(kinds)]
        said, chinese = number // len(kinds) % 2 == 1, number // (2 * len(kinds)) % 5 in (1, 3)
        made += [personal(random, kind, said=said, chinese=chinese), clean(random, chinese=random.random() < 0.4)]
    return made
