"""Pictures as callers send them: receipts, labels and screens, drawn with several fonts and held in several ways.

Each has facts that a note of it must hold to be of use: a total, a date, a code.
"""

import random
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SCRIPT = Path(__file__).parent.parent / "scripts" / "fonts.sh"
FONTS = {
    "en": (
        "DejaVuSans.ttf",
        "DejaVuSansMono.ttf",
        "LiberationSerif-Regular.ttf",
        "LiberationSans-Regular.ttf",
        "FreeMono.ttf",
    ),
    "zh": ("wqy-microhei.ttc", "wqy-zenhei.ttc"),
}
SIZE = 30
"""Pixels of a letter's height, about: a receipt that fills a phone's picture has them after it was made smaller."""
DESK = (96, 88, 80)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Something that is photographed."""

    name: str
    language: str
    rows: Sequence[tuple[str, str]]
    """What stands on its left and on its right."""
    facts: Sequence[str]
    """What a note of it must hold; spaces do not count."""
    paper: str = "white"
    ink: str = "black"
    width: int = 700


SHEETS = (
    Sheet(
        "receipt",
        "en",
        (
            ("CORNER BAKERY", ""),
            ("14 Mill Lane", ""),
            ("Date: 2026-11-03", "Time: 09:41"),
            ("Rye bread", "4.50"),
            ("Butter 250 g", "3.20"),
            ("Apple cake x2", "9.80"),
            ("TOTAL EUR", "17.50"),
            ("Receipt no. 004821", ""),
            ("Thank you!", ""),
        ),
        ("17.50", "2026-11-03", "004821"),
    ),
    Sheet(
        "label",
        "en",
        (
            ("MODEL WM-7300", ""),
            ("Serial no. KX92-55017", ""),
            ("220-240 V  50 Hz", "2100 W"),
            ("Made in 2024", ""),
        ),
        ("WM-7300", "KX92-55017", "2100"),
        paper="#d8d8d0",
        ink="#202020",
        width=620,
    ),
    Sheet(
        "screen",
        "en",
        (
            ("Payment failed", ""),
            ("Error code: E-4017", ""),
            ("The card reader does not answer.", ""),
            ("Check the cable and try again.", ""),
            ("Retry", "Cancel"),
        ),
        ("E-4017", "card reader"),
        paper="#101828",
        ink="#f0f0f0",
        width=760,
    ),
    Sheet(
        "receipt-zh",
        "zh",
        (
            ("小麦面包房", ""),
            ("日期：2026-11-03", "09:41"),
            ("全麦面包", "18.00"),
            ("牛奶", "12.50"),
            ("合计", "30.50"),
            ("小票号：004821", ""),
            ("谢谢惠顾", ""),
        ),
        ("30.50", "2026-11-03", "004821", "合计"),
    ),
    Sheet(
        "screen-zh",
        "zh",
        (("支付失败", ""), ("错误代码：E-4017", ""), ("读卡器没有响应", ""), ("请检查网络连接后重试", "")),
        ("支付失败", "E-4017", "读卡器"),
        paper="#101828",
        ink="#f0f0f0",
    ),
)


@cache
def fonts(language: str) -> tuple[Path, ...]:
    """Return the font files for a language, fetched the first time. Raises RuntimeError when they cannot be had."""
    fetched = subprocess.run([SCRIPT], capture_output=True, text=True, check=False)
    if fetched.returncode:
        raise RuntimeError(fetched.stderr.strip())
    files = {file.name: file for file in Path(fetched.stdout.strip()).rglob("*.tt?")}
    return tuple(files[name] for name in FONTS[language])


def drawn(sheet: Sheet, font: Path) -> Image.Image:
    """Return a sheet as a camera that is held straight sees it, on a desk."""
    face, step, margin = ImageFont.truetype(str(font), SIZE), round(SIZE * 1.7), SIZE
    paper = Image.new("RGB", (sheet.width, 2 * margin + step * len(sheet.rows)), sheet.paper)
    pen = ImageDraw.Draw(paper)
    for number, (left, right) in enumerate(sheet.rows):
        down = margin + step * number
        pen.text((margin, down), left, fill=sheet.ink, font=face)
        if right:
            pen.text((sheet.width - margin, down), right, fill=sheet.ink, font=face, anchor="ra")
    desk = Image.new("RGB", (paper.width + 120, paper.height + 120), DESK)
    desk.paste(paper, (60, 60))
    return desk


def held(picture: Image.Image, degrees: float) -> Image.Image:
    """Return a picture that was taken with the sheet turned clockwise."""
    return picture.rotate(-degrees, expand=True, resample=Image.Resampling.BICUBIC, fillcolor=DESK)


def photographed(picture: Image.Image, width: int = 4000, height: int = 3000) -> Image.Image:
    """Return a picture as a phone of 12 megapixels takes it: large, and with the noise of its sensor."""
    scale = min(width / picture.width, height / picture.height) * 0.8
    near = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC)
    whole = Image.new("RGB", (width, height), DESK)
    whole.paste(near, ((width - near.width) // 2, (height - near.height) // 2))
    noise = Image.frombytes("L", (width // 4, height // 4), random.Random(1).randbytes(width * height // 16))
    return Image.blend(whole, noise.resize((width, height)).convert("RGB"), 0.06)


def written(picture: Image.Image, kind: str = "JPEG") -> bytes:
    """Return a picture as a file."""
    file = BytesIO()
    picture.save(file, kind, quality=88)
    return file.getvalue()


def missing(sheet: Sheet, note: str) -> list[str]:
    """Return the facts of a sheet that a note of it does not hold. Pure."""
    bare = "".join(note.split()).replace("：", ":").lower()
    return [fact for fact in sheet.facts if "".join(fact.split()).lower() not in bare]


def cases() -> Iterator[tuple[str, Sheet, bytes]]:
    """Yield the kinds of pictures whose time is measured: name, sheet and file."""
    for sheet in SHEETS:
        straight = drawn(sheet, fonts(sheet.language)[0])
        yield f"{sheet.name}, {straight.width} x {straight.height} PNG", sheet, written(straight, "PNG")
    receipt = drawn(SHEETS[0], fonts("en")[0])
    yield "receipt upside down", SHEETS[0], written(held(receipt, 180))
    yield "receipt on its side", SHEETS[0], written(held(receipt, 90))
    yield "receipt, photo of 12 megapixels", SHEETS[0], written(photographed(receipt))
