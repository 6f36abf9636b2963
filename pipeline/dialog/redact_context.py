"""Words before a number that tell what it is. Pure.

A word *governs* a number when nothing but words without a meaning of their own stands between them: "order number is".
A number that a word of ``OTHER_NUMBERS`` governs is no telephone and no card, whatever its digits; one that a word of a
kind governs is of that kind although its check digit is wrong, since a caller or a recognizer may have erred.
"""

import re

from pipeline.dialog.redact_kinds import Kind
from pipeline.dialog.redact_spoken import THINGS

_OTHER_NUMBERS = (
    r"orders?|tracking|track|parcel|package|shipment|shipping|waybill|consignment|awb|invoice|receipt|ticket|booking|"
    r"reservation|confirmation|reference|ref|case|claim|serial|model|part|sku|upc|ean|isbn|imei|product|article|item|"
    r"version|build|release|commit|timestamp|epoch|unix|batch|lot|transaction|txn|request|session|trace|error|"
    r"policy|contract|quote|rma|meter|barcode|customer|member|membership|account|job|po|purchase|coupon|voucher|"
    r"(?:gift|member|membership|loyalty|library|rewards?|boarding) card|promo|log|record|total|amount|price|sum|"
    r"balance|population|coordinates?|latitude|longitude|"
    r"vin|hash|checksum|port|process|pid|docket|gift|meeting|webinar|loan|lease|"
    r"badge|student|employee|patient|permit|licen[cs]e|locker|asset|routing|passcode|pin|subscriber|device|document|file"
)
_OTHER_HAN = (
    r"订单|运单|快递|单号|物流|包裹|发票|工单|编号|型号|序列|流水|时间戳|批次|版本|条码|条形码|货号|合同|保单|交易|会员|"
    r"案件|受理|预约|取件|验证|金额|价格|总价|总额|人口|日志|请求|账单|账号|商品|产品|会员卡|礼品卡|购物卡|门禁卡|公交卡|"
    r"小票|收据|凭证|设备|追踪|查询|礼品|会议|学号|工号|病历|许可|贷款"
)
_EMPTY = (
    r"numbers?|num|nos?|nr|ids?|codes?|is|was|are|it|its|s|it's|that's|the|my|your|of|a|an|as|reads?|called|says|hash|"
    r"here|under|and|so|uh|um|er|shows?|ending|goes|following|please|digits?|begins|starts|which|would|be|that|this|"
    r"has|value|came|got"
)
_TO_WHOM = r"|me|us|him|her|them|back|on|at|by|with|to|for"
"""Words that stand between "call" and a number, but make no number of an order's "at"."""
_EMPTY_HAN = (
    r"号码|号|码|是|为|的|我|您|你|尾号|如下|叫|呃|嗯|那个|有|在|请记|一下|就|上写着|显示|代码|记录|个|它|这|到"
)


def _governing(words: str, han: str, more: str = "") -> re.Pattern[str]:
    between = rf"(?:[\s:#=()\"'“”.,，：。、-]|(?<![a-z])(?:{_EMPTY}{more})(?![a-z])|{_EMPTY_HAN})*+\Z"
    return re.compile(rf"(?:(?<![a-z])(?:{words})(?![a-z])|{han}){between}", re.IGNORECASE)


_OTHER = _governing(_OTHER_NUMBERS, _OTHER_HAN)
_GOVERNING = {
    Kind.PHONE: _governing(
        r"(?:tele)?phone|mobile|cell|cellphone|tel|landline|whatsapp|fax|call|calling|"
        r"dial|ring|text|reach|reached|callback|contact",
        r"手机|电话|座机|联系方式|来电|拨打|致电|打给我|传真|热线|回电|联系我",
        _TO_WHOM,
    ),
    Kind.CARD: _governing(
        r"card|credit|debit|visa|mastercard|amex|american express|unionpay|discover",
        r"卡号|银行卡|信用卡|储蓄卡|借记卡|银联卡|卡",
    ),
    Kind.CN_ID: _governing(
        r"(?:national|resident|chinese|identity|id)(?: (?:id|identity|card|number))*", r"身份证件?|证件"
    ),
    Kind.IBAN: _governing(r"iban", r"iban"),
    Kind.PASSPORT: _governing(r"passport", r"护照|通行证"),
}
_BEHIND = re.compile(
    rf"[\s,]*+(?:(?:is|was|my|the|your|our|his|her|their|as|for)\s++)++(?:{_OTHER_NUMBERS})(?![a-z])"
    rf"|\s*+(?:(?:{'|'.join(THINGS)})(?![a-z])|[件元块人次名吨米条字])",
    re.IGNORECASE,
)
_PRICE = re.compile(r"[$€£¥￥₹]\s?\Z")


def is_other(before: str) -> bool:
    """Return whether a number behind ``before`` is one of an order, a parcel, a version or the like."""
    return _OTHER.search(before) is not None


def is_other_behind(behind: str) -> bool:
    """Return whether the words behind a number tell that it is none of a kind: "is my order", "bytes"."""
    return _BEHIND.match(behind) is not None


def is_governed(kind: Kind, before: str) -> bool:
    """Return whether ``before`` says that a number of ``kind`` follows."""
    pattern = _GOVERNING.get(kind)
    return pattern is not None and pattern.search(before) is not None


def is_price(before: str) -> bool:
    """Return whether a sign of a currency stands before the number."""
    return _PRICE.search(before) is not None
