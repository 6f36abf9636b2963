"""Chinese rules for what begins with a figure or a currency sign: sums, dates, times, telephone numbers, units.

￥25.5 is 二十五点五元 and 9:30 is 九点半. Figures that name something are read one by one, with 幺 for one: telephone
numbers, rooms, orders, codes. 两 stands before what is counted, 二 in dates, floors and numbers of buildings.
"""

import re

from pipeline.speaking.spoken_chinese_numbers import cardinal, count, digits, groups, quantity, year
from pipeline.speaking.spoken_rules import (
    CURRENCY_SIGNS,
    NUMBER,
    Rule,
    alternatives,
    beginnings,
    group_digits,
    in_address,
    rule,
)

UNITS = {
    "km": "公里", "m": "米", "cm": "厘米", "mm": "毫米", "kg": "公斤", "g": "克", "mg": "毫克", "t": "吨", "ml": "毫升",
    "mL": "毫升", "l": "升", "L": "升", "m²": "平方米", "㎡": "平方米", "km²": "平方公里", "m³": "立方米", "ft": "英尺",
    "km/h": "公里每小时", "m/s": "米每秒", "h": "小时", "min": "分钟", "s": "秒", "ms": "毫秒", "W": "瓦", "kW": "千瓦",
    "kWh": "千瓦时", "mAh": "毫安时", "V": "伏", "Hz": "赫兹", "dB": "分贝", "°C": "摄氏度", "° C": "摄氏度",
    "℃": "摄氏度", "KB": "KB", "MB": "MB", "GB": "GB", "TB": "TB",
    "°F": "华氏度", "℉": "华氏度", "°": "度",
}  # fmt: skip
CURRENCY_WORDS = {"$": "美元", "€": "欧元", "£": "英镑", "¥": "元", "￥": "元", "₩": "韩元", "₹": "卢比"}
_COUNTRIES = {
    "US": "美元", "HK": "港元", "NT": "新台币", "C": "加元", "CA": "加元", "A": "澳元", "AU": "澳元", "S": "新加坡元",
    "NZ": "新西兰元",
}  # fmt: skip
CODES = {
    "USD": "美元", "EUR": "欧元", "GBP": "英镑", "JPY": "日元", "CNY": "元", "RMB": "元", "HKD": "港元", "€": "欧元",
    "£": "英镑", "¥": "元", "￥": "元", "$": "美元",
}  # fmt: skip
FRACTIONS = {"½": "二分之一", "⅓": "三分之一", "⅔": "三分之二", "¼": "四分之一", "¾": "四分之三"}
_MEASURES = (
    "个|位|点|块|元|天|年|周|小时|分钟|秒|次|种|家|间|张|杯|份|件|条|本|台|辆|人|名|岁|瓶|盒|包|袋|碗|盘|双|套|只|头|"
    "座|栋|套|盏|支|枝|把|顿|晚|夜|刻|倍|成|公里|公斤|千克|斤|米|升|吨|克|美元|欧元|英镑|百|千|万|亿|项|步|句|部|款|道|扇|片|"
    "颗|朵|棵|首|场|趟|遍|站|期|笔|类|组|排|轮|行|封|通|根|班|集|页|粒|枚|批|门|口|则|段|串|罐"
)
"""What stands behind 两; 月, 日, 号, 楼, 层, 路 and 度 keep 二."""
_PHONE_BEFORE = re.compile(r"(?:电话|热线|客服|致电|拨打|拨|手机|传真|分机|号码)[^。！？，]{0,6}\Z")
_NAME_BEFORE = re.compile(
    r"(?:端口|转|房间|房号|客房|航班|车次|尾号|验证码|密码|单号|订单|编号|工号|卡号|邮编|分机|取件码|会员号|账号|学号)(?:号码?)?"
    r"(?:是|为|：|:| )*\Z"
)
_LETTER_BEFORE = re.compile(r"[A-Za-z]-?\Z")
_COUNTRY_BEFORE = re.compile(rf"(?:{alternatives(_COUNTRIES)})\Z")


def _each(found: re.Match[str], before: str) -> str | None:
    return digits(found.group()) if in_address(before) else None


def _phone(found: re.Match[str], _before: str) -> str:
    area, number = group_digits(found.group())
    return groups([area, number[:-4], number[-4:]])


def _mobile(found: re.Match[str], _before: str) -> str:
    return groups([found.group()[:3], found.group()[3:7], found.group()[7:]])


def _international(found: re.Match[str], before: str) -> str | None:
    if not before.endswith("+"):
        return None
    country = re.match("86(1[0-9]{2})([0-9]{4})([0-9]{4})\\Z", found.group())
    return groups(["86", *country.groups()] if country else group_digits(found.group()))


def _many_groups(found: re.Match[str], _before: str) -> str | None:
    parts = group_digits(found.group())
    return groups(parts) if 7 <= sum(map(len, parts)) <= 19 and len(parts[0]) < 5 and len(parts) > 2 else None


def _hotline(found: re.Match[str], before: str) -> str | None:
    return digits(found.group()) if _PHONE_BEFORE.search(before) else None


def _date(found: re.Match[str], _before: str) -> str | None:
    month, day = int(found[2]), int(found[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{year(found[1])}年{cardinal(month)}月{cardinal(day)}日"


def _clock(found: re.Match[str], _before: str) -> str | None:
    """Say a time: 9:30 is 九点半, 14:30 is 十四点三十分, 9:05 is 九点零五分."""
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    if hour > 24:
        return None
    half = {"a": "上午", "p": "下午"}.get((found["half"] or "").lower(), "")
    tail = (
        ""
        if minute == 0
        else "半"
        if minute == 30 and hour <= 12
        else f"{'零' if minute < 10 else ''}{cardinal(minute)}分"
    )
    return f"{half}{'两' if hour == 2 else cardinal(hour)}点{tail}"


def _points(found: re.Match[str], _before: str) -> str:
    return "点".join(map(quantity, found.group().split(".")))


def _network_address(found: re.Match[str], _before: str) -> str:
    return "点".join(map(digits, found.group().split(".")))


def _ratio(found: re.Match[str], _before: str) -> str:
    return f"{cardinal(int(found[1]))}比{cardinal(int(found[2]))}"


def _money(found: re.Match[str], before: str) -> str:
    """Say a sum: ￥25.50 is 二十五点五元."""
    country = _COUNTRY_BEFORE.search(before)
    known = country and found["sign"] == "$"
    currency = _COUNTRIES[country.group()] if country and known else CURRENCY_WORDS[found["sign"]]
    number = found["to"] or found["number"]
    opening = f"{_amount(found['number'])}到" if found["to"] else ""
    return opening + _amount(number) + (found["scale"] or "").strip() + currency


def _sum(found: re.Match[str], _before: str) -> str:
    return _amount(found["number"]) + (found["scale"] or "") + CODES[found["code"]]


def _amount(figures: str) -> str:
    whole, point, fraction = figures.partition(".")
    hundredths = fraction.rstrip("0")
    return count(whole + point + hundredths if hundredths else whole)


def _percent(found: re.Match[str], _before: str) -> str:
    to = f"到{quantity(found['to'])}" if found["to"] else ""
    return ("千" if found["sign"] == "‰" else "百") + f"分之{quantity(found['number'])}{to}"


def _measure(found: re.Match[str], _before: str) -> str:
    return count(found["number"]) + UNITS[found["unit"]]


def _fraction(found: re.Match[str], _before: str) -> str | None:
    numerator, denominator = int(found[1]), int(found[2])
    if (numerator, denominator) == (24, 7):
        return "七天二十四小时"
    if not 0 < numerator < denominator <= 100:
        return None
    return f"{cardinal(denominator)}分之{cardinal(numerator)}"


def _name(found: re.Match[str], before: str) -> str | None:
    figures = found.group()
    if before[-1:] and before[-1:] in "0123456789":
        return digits(figures)
    if _LETTER_BEFORE.search(before) and len(figures) > 2:
        return digits(figures)
    return digits(figures) if _NAME_BEFORE.search(before) and len(figures) > 2 else None


def _counted(found: re.Match[str], before: str) -> str | None:
    if before.endswith("第"):
        return None
    return _amount(found["number"]) if found["unit"][0] in "元块" else count(found["number"])


def _plain(found: re.Match[str], _before: str) -> str:
    figures = found.group()
    if len(figures) > 1 and figures[0] == "0":
        return digits(figures) if len(figures) > 2 else year(figures)
    counted = int(figures) % (100 if len(figures) < 7 else 1000) == 0
    return cardinal(int(figures)) if len(figures) < 5 or (counted and len(figures) < 13) else digits(figures)


_END = r"(?![A-Za-z0-9])"
_NUMBER = rf"(?P<number>{NUMBER})"
_SCALE = "(?P<scale> ?(?:万亿|百万|千万|万|亿|千))?"
_STOP = r"(?![0-9A-Za-z]|[.:：-][0-9])"
NUMBER_RULES: list[Rule] = [
    rule("[0-9]+", _each),
    rule(rf"1[3-9][0-9]{{9}}{_STOP}", _mobile),
    rule(rf"[0-9]{{1,15}}(?:[ -][0-9]{{3,8}}){{0,4}}{_STOP}", _international),
    rule(rf"0[0-9]{{2,3}}(?:[ -]|\) ?)[0-9]{{7,8}}{_STOP}", _phone),
    rule(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?![0-9]|[-/.][0-9])", _date),
    rule(rf"[0-9]{{3,4}}(?:[ -][0-9]{{3,4}}){{2}}{_STOP}", _many_groups),
    rule(rf"[0-9]{{3,8}}{_STOP}(?![个元块人天次])", _hotline),
    rule(r"[0-9]{4}(?=年(?!后|前|的?时间)| ?[-–~～至到] ?[0-9]{4}年)", lambda found, _before: year(found.group())),
    rule(r"[0-9]{2}(?=年[0-9]{1,2}月)", lambda found, _before: year(found.group())),
    rule(
        r"(?P<hour>[0-9]{1,2})[:：](?P<minute>[0-5][0-9])(?:[:：][0-5][0-9])?(?: ?(?P<half>[ap])\.?m\.?)?(?![0-9:：])",
        _clock,
        ignore_case=True,
    ),
    rule(rf"(?P<hour>[0-9]{{1,2}})(?P<minute>) ?(?P<half>[ap])\.?m\.?{_END}", _clock, ignore_case=True),
    rule(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9]|\.[0-9])", _network_address),
    rule(r"[0-9]+(?:\.[0-9]+){2,}", _points),
    rule(rf"(?P<sign>[{CURRENCY_SIGNS}]) ?{_NUMBER}(?:[-–~][{CURRENCY_SIGNS}]?(?P<to>{NUMBER}))?{_SCALE}", _money),
    rule(rf"{_NUMBER}(?:[-–~～](?P<to>{NUMBER}))? ?(?P<sign>[%‰])", _percent),
    rule(rf"{_NUMBER}{_SCALE} ?(?P<code>{alternatives(CODES)}){_END}", _sum),
    rule(rf"{_NUMBER} ?(?P<unit>{alternatives(UNITS)}){_END}", _measure),
    rule(r"([0-9]{1,3})/([0-9]{1,3})(?![0-9]|/[0-9])", _fraction),
    rule(
        r"([0-9]+) ?[x×] ?(?=[0-9])",
        lambda found, _before: f"{cardinal(int(found[1]))}乘" if len(found[1]) < 9 else None,
    ),
    rule(r"0(?=[0-9]分)", "零"),
    rule(r"0(?=[1-9](?:月|日|号))", ""),
    rule(r"[0-9]0(?=后)", lambda found, _before: year(found.group())),
    rule(r"([0-9]{1,4})[:：]([0-9]{1,4})(?![0-9:：])", _ratio),
    rule(
        r"[0-9]{3,6}(?=号?(?:房间|房|室|航班|次列车|次航班|路公交|路车))", lambda found, _before: digits(found.group())
    ),
    rule(r"[0-9]+(?![0-9]|[.,][0-9])", _name),
    rule(rf"{_NUMBER}(?= ?(?P<unit>{_MEASURES}))", _counted),
    rule(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9])", lambda found, _before: quantity(found.group())),
    rule(r"[0-9]*\.[0-9]+", lambda found, _before: quantity(found.group())),
    rule(r"[0-9]+", _plain),
]
FOLLOWERS = beginnings(
    [
        *UNITS, *CODES, "%", "‰", *(half + tail for half in "apAP" for tail in ("m", "M", ".m.", ".M.")),
        *_MEASURES.split("|"), "年的时间", "年的时", "年后", "年前", "号房间", "号航班", "号房", "号室",
        "次列车", "次航班", "路公交", "路车", "分", "室", "航班", "房间", "万亿",
        *(f"年{month}{tail}" for month in range(1, 13) for tail in ("", "月")), "年0",
        *(f"{scale} {code}" for scale in ("百万", "千万", "万", "亿") for code in CODES),
        *(f"{scale}{code}" for scale in ("百万", "千万", "万", "亿") for code in CODES),
        *(mark + figure for mark in "x×" for figure in "0123456789"), "x ", "× ",
    ]
)  # fmt: skip
