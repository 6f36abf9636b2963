import pytest

from pipeline.dialog.redact import Kind, findings, redacted
from pipeline.dialog.redact_kinds import is_card, is_iban, is_id, is_old_id, looks_like_id

FOUND = [
    (Kind.PHONE, "call me at ", "415-555-2671"),
    (Kind.PHONE, "", "+1 (415) 555-2671"),
    (Kind.PHONE, "", "(415) 555-2671"),
    (Kind.PHONE, "try ", "1-800-555-0199"),
    (Kind.PHONE, "", "020 7946 0018"),
    (Kind.PHONE, "", "010-12345678"),
    (Kind.PHONE, "", "１３８ ００１３ ８０００"),
    (Kind.PHONE, "call ", "555-0123"),
    (Kind.PHONE, "", "four hundred fifteen, five fifty-five, twenty-six seventy-one"),
    (Kind.PHONE, "message me at ", "415-555-2671"),
    (Kind.PHONE, "place your order at ", "415-555-2671"),
    (Kind.PHONE, "", "one three eight double oh one three eight oh oh oh"),
    (Kind.PHONE, "", "one-three-eight... zero zero, uh, one three eight, triple zero"),
    (Kind.PHONE, "", "plus eight six one three eight zero zero one three eight zero zero zero"),
    (Kind.PHONE, "", "four one five, 555 two six 71"),
    (Kind.PHONE, "", "four fifteen, five fifty five, twenty six seventy one"),
    (Kind.PHONE, "", "eight hundred five five five one two one two"),
    (Kind.PHONE, "我的手机是", "幺三八零零幺三八零零零"),
    (Kind.PHONE, "", "幺三八，两个零一，嗯，三八零零零"),
    (Kind.PHONE, "", "4\u200b15-55\u00ad5-26\ufeff71"),
    (Kind.PHONE, "", "4\ufe0f\u20e31\ufe0f\u20e35\ufe0f\u20e3 555 2671"),
    (Kind.EMAIL, "", "jo\u200bhn.smith@example.com"),
    (Kind.CARD, "", "4111 1111 1111 1111"),
    (Kind.CARD, "", "4111-1111-1111-1111"),
    (Kind.CARD, "", "378282246310005"),
    (Kind.CARD, "", "four one one one, one one one one, one one one one, one one one one"),
    (Kind.CARD, "card number is ", "4111 1111 1111 1112"),
    (Kind.CN_ID, "", "11010519491231002X"),
    (Kind.CN_ID, "", "一一零一零五一九四九一二三一零零二叉"),
    (Kind.CN_ID, "订单", "110105194912310021"[:17] + "X"),
    (Kind.IBAN, "", "GB29 NWBK 6016 1331 9268 19"),
    (Kind.IBAN, "", "DE89370400440532013000"),
    (Kind.IBAN, "", "G B two nine N W B K six zero one six one three three one nine two six eight one nine"),
    (Kind.EMAIL, "", "john.smith+tag@mail.example.co.uk"),
    (Kind.EMAIL, "write to ", "a_b@example.com"),
    (Kind.EMAIL, "", "john dot smith at example dot com"),
    (Kind.EMAIL, "my email is ", "smith at example dot com"),
    (Kind.EMAIL, "my email is ", "smith, at, example, dot com"),
    (Kind.EMAIL, "email me at ", "john underscore smith at mail dot example dot co dot uk"),
    (Kind.EMAIL, "", "j o h n one two three at gmail dot com"),
    (Kind.EMAIL, "邮箱", "zhangsan艾特qq点com"),
    (Kind.EMAIL, "邮箱是", "zhang三三at qq点com"),
    (Kind.EMAIL, "", "zhang_san＠163．com"),
]
CLEAN = [
    "one moment please, I have two or three questions for you",
    "Order ID: 4111111111111111 and 4155552671 is my order number",
    "order number 202611220001234 and order 4155552671",
    "订单号是4155552671",
    "快递单号：13800138000",
    "tracking SF1234567890123 or 1Z999AA10123456784",
    "at 1763800000000 ms, or 1763800000 s",
    "on 2025-11-20 12:30:45 or 11/20/2025",
    "it costs $1,299,000,000.00 or 2,125,550,123 in all",
    "the server is 212.234.56.78",
    "model AB123456, build CN202611",
    "gamma is 0.5772156649, or 52, 32, 64, 72 and 90, or (2107, 12, 31, 23)",
    "one, two, three, four, five, six, seven, eight, nine, ten",
    "about 5518965076 bytes, 4155552671 people and 库存4023471889件",
    "extension 4321, room 12, gate 7",
    "look at example dot com or visit us at google dot com",
    "I work at google dot com",
    "三点半见，一共两百三十块，第一百二十三号",
    "from 10 to 12, then 14 to 16",
    "a double room for 2 nights, triple five",
]


@pytest.mark.parametrize(("kind", "before", "secret"), FOUND)
@pytest.mark.parametrize("behind", ["", " please", ".", "，谢谢"])
def test_personal_data_is_found_where_it_stands(kind: Kind, before: str, secret: str, behind: str) -> None:
    text = before + secret + behind
    assert [(f.kind, text[f.start : f.end]) for f in findings(text)] == [(kind, secret)]


@pytest.mark.parametrize("text", CLEAN)
def test_other_numbers_survive(text: str) -> None:
    assert redacted(text) == text


def test_two_numbers_in_a_row_are_two() -> None:
    assert redacted("415-555-2671, 4111 1111 1111 1111") == "[phone number], [card number]"


def test_what_is_spoken_is_told() -> None:
    assert [f.spoken for f in findings("415-555-2671 or four one five, five five five, two six seven one")] == [
        False,
        True,
    ]


def test_a_telephone_stays_one_before_other_words() -> None:
    assert redacted("4155552671 is my number") == "[phone number] is my number"
    assert redacted("4155552671 is the one") == "[phone number] is the one"
    assert redacted("call me at 4155552671 people") == "call me at [phone number] people"
    assert redacted("415-555-2671 my friend") == "[phone number] my friend"
    assert redacted("电话13800138000是我的") == "电话[电话号码]是我的"


def test_checksums() -> None:
    assert is_card("4111111111111111")
    assert not is_card("4111111111111112")
    assert not is_card("1111111111111117")
    assert is_iban("GB29NWBK60161331926819")
    assert not is_iban("GB28NWBK60161331926819")
    assert not is_iban("GB29NWBK6016133192681")
    assert is_id("11010519491231002X")
    assert not is_id("110105194912310021")
    assert looks_like_id("110105194912310021")
    assert not looks_like_id("110105194913310021")
    assert is_old_id("110105491231002")
