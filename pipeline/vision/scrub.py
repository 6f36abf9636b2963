"""Decodes one picture and writes it anew, in a process of its own: ``python -m pipeline.vision.scrub SIDE PIXELS``.

The picture comes on standard input and leaves on standard output: a JPEG file, upright, no side longer than SIDE, with
nothing in it but the picture. Whatever goes wrong ends the process with a status other than 0. The service never
decodes a picture itself, and imports this file nowhere.
"""

import sys
import warnings
from io import BytesIO

from PIL import Image, ImageOps

from pipeline.vision.confine import confine

MEMORY = 512 << 20
"""Bytes of address space. A picture of 12 megapixels takes 200 MB of it on its way."""
SECONDS = 8
"""Of the processor."""
QUALITY = 90
"""Of the JPEG file: at 90, letters of 10 pixels are read as in the original."""
FORMATS = ("PNG", "JPEG", "WEBP")
"""No other decoder is tried, whatever the bytes look like."""


def main() -> None:
    """Do it."""
    confine(MEMORY, SECONDS)
    side, pixels = map(int, sys.argv[1:])
    sys.stdout.buffer.write(scrubbed(sys.stdin.buffer.read(), side, pixels))


def scrubbed(data: bytes, side: int, pixels: int) -> bytes:
    """Return the picture as a JPEG file. Raises what Pillow raises for what it cannot decode."""
    Image.MAX_IMAGE_PIXELS = pixels
    warnings.simplefilter("error", Image.DecompressionBombWarning)  # Pillow decodes twice the limit with a warning
    with Image.open(BytesIO(data), formats=FORMATS) as image:
        image.draft("RGB", (side, side))  # a JPEG decoder makes a half or a quarter in less time than the whole
        upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # 16 bits a pixel, of which a screen shows the upper 8
        upright = upright.point(lambda value: value * (1 / 256)).convert("L")
    seen = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    seen.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    # A new picture: a copy would take comments along.
    clean = Image.new("RGB", seen.size, "white")
    clean.paste(seen, mask=seen if seen.mode == "RGBA" else None)
    written = BytesIO()
    clean.save(written, "JPEG", quality=QUALITY, subsampling=0)
    return written.getvalue()


if __name__ == "__main__":
    main()
