"""Reads the text of pictures, in a process of its own: ``python -m pipeline.vision.reader``.

It reads JPEG files from standard input, each behind its length, and answers each with JSON behind its length: the text,
or what went wrong. It ends when its input does, and when it was not asked for anything for ``IDLE`` seconds: it takes
300 MB, and up to 700 while it reads. One thread computes, and lets others have the processor. The service imports this
file nowhere.
"""

import json
import os
import select
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO

import cv2
import numpy as np
from rapidocr import RapidOCR

from pipeline.vision.confine import confine
from pipeline.vision.framing import HEAD_BYTES, framed, length
from pipeline.vision.ordering import Line, in_order, upended

MEMORY = 4 << 30
"""Bytes of address space: what the runtime reserves is much more than what it uses."""
IDLE = 600.0
"""Seconds."""
SURE = 0.5
"""Score from which on a line counts."""
LOOKED_FOR = 960
"""Pixels of the longer side in which lines are looked for; they are read in all that there are. Measured on receipts
with letters of 12 to 30 pixels, in pictures of 330 to 1600: the same facts as by the library's own rule, which enlarges
small pictures, in a third to two thirds of the processor's time."""
ASKED = 5
"""Lines, the longest, that are asked for which way up the picture is."""
LONGEST = 20_000
"""Characters of a text."""

Engine = Any
"""What its call returns depends on what was asked for, which its types do not say."""


def main() -> None:
    """Answer until there is nothing more to answer."""
    # Whatever a library prints must not get among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    confine(MEMORY)
    cv2.setNumThreads(1)
    engine = loaded()
    while (picture := _next(sys.stdin.buffer)) is not None:
        try:
            answer = {"text": read(engine, picture)[:LONGEST]}
        except Exception as error:  # noqa: BLE001 - the boundary of the process
            answer = {"error": type(error).__name__}
        answers.write(framed(json.dumps(answer).encode()))
        answers.flush()


def loaded() -> Engine:
    """Return the engine with its own models, which come in its wheel."""
    one_thread = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    finding = {"Det.limit_type": "max", "Det.limit_side_len": LOOKED_FOR}
    return RapidOCR(params={"Global.log_level": "critical", "Global.text_score": SURE, **finding, **one_thread})


def read(engine: Engine, picture: bytes) -> str:
    """Return the text of a JPEG file in the order in which it is read, a row a line."""
    pixels = cv2.imdecode(np.frombuffer(picture, dtype=np.uint8), cv2.IMREAD_COLOR)
    found = engine(pixels, use_det=True, use_cls=True, use_rec=True, text_score=SURE)
    if found.boxes is None or not found.txts:
        return ""
    lines = [_line(text, box) for text, box in zip(found.txts, found.boxes, strict=True)]
    return in_order(lines, flipped=_flipped(engine, pixels, lines))


def _line(text: str, box: Any) -> Line:
    first, second, third, fourth = ((float(x), float(y)) for x, y in box)
    return Line(" ".join(text.split()), (first, second, third, fourth))


def _flipped(engine: Engine, pixels: Any, lines: Sequence[Line]) -> bool:
    """Return whether most of the longest lines are upside down, after a quarter turn to the left if they are upended.

    The engine has turned each line before it read it, and does not tell.
    """
    turns = upended(lines)
    votes = 0
    for line in sorted(lines, key=lambda line: len(line.text), reverse=True)[:ASKED]:
        across, down = zip(*line.corners, strict=True)
        piece = pixels[int(min(down)) : int(max(down)) + 1, int(min(across)) : int(max(across)) + 1]
        told = engine(np.rot90(piece) if turns else piece, use_det=False, use_cls=True, use_rec=False)
        votes += 1 if told.cls_res[0][0] == "180" else -1
    return votes > 0


def _next(source: BinaryIO) -> bytes | None:
    """Return the next picture; None when there is none and none is waited for any longer."""
    if not select.select([source], [], [], IDLE)[0]:
        return None
    head = source.read(HEAD_BYTES)
    return source.read(length(head)) if len(head) == HEAD_BYTES else None


if __name__ == "__main__":
    main()
