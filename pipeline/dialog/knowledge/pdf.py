"""PDF as text: the one place that knows the PDF library. A file made to fill memory or time is refused."""

import logging
import re
from pathlib import Path

from pypdf import Configuration, PdfReader, apply_configuration
from pypdf.errors import LimitReachedError, PyPdfError

from pipeline.core.clock import Clock, MonotonicClock
from pipeline.core.errors import KnowledgeError
from pipeline.dialog.knowledge.documents import Section
from pipeline.dialog.knowledge.plain import flowing

PAGES = 1000
STREAM_BYTES = 8 << 20
"""One stream unpacked; a page of dense text has 50 kB."""
WORK_BYTES = 32 << 20
"""What is unpacked for one stream, all its filters together."""
OPERATIONS = 200_000
"""Drawing commands on one page, which take the library a second or two."""
TEXT_CHARACTERS = 4_000_000
"""Text of one document: as much as a text file may have."""
SECONDS = 60.0
"""For one document; looked at between its pages."""

_HYPHEN = re.compile(r"(?<=[a-z])-\n(?=[a-z])")
"""Where a word was cut at the end of a line."""
_LIMITS = Configuration(
    maximum_declared_stream_length=STREAM_BYTES,
    array_based_stream_maximum_output_length=STREAM_BYTES,
    lzw_maximum_output_length=STREAM_BYTES,
    run_length_maximum_output_length=STREAM_BYTES,
    zlib_maximum_output_length=STREAM_BYTES,
    zlib_maximum_recovery_input_length=1 << 20,
    brotli_maximum_output_length=STREAM_BYTES,
    image_maximum_buffer_size=STREAM_BYTES,
    jbig2_maximum_output_length=STREAM_BYTES,
    stream_decoding_work_maximum_length=WORK_BYTES,
    stream_parsing_work_maximum_count=OPERATIONS,
    page_tree_maximum_entries=10 * PAGES,
    page_tree_maximum_page_entries=100 * PAGES,
    xform_maximum_invocations_per_extraction=200,
    jbig2dec_binary=None,
    disable_legacy_handling=True,
)


def pages(file: Path, clock: Clock | None = None) -> list[Section]:
    """Return a section for each page. Raises KnowledgeError ``document-broken`` or ``document-too-large``."""
    clock = clock or MonotonicClock()
    # The library tells every oddity of a file to its log; what matters it raises.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        with apply_configuration(_LIMITS), file.open("rb") as stream:
            return _pages(PdfReader(stream), file, clock)
    except (LimitReachedError, MemoryError, RecursionError) as error:
        raise _too_large(file, "unpacks to more than is read of a document") from error
    except (KnowledgeError, OSError):
        raise
    except Exception as error:
        # The library raises whatever a broken file leads it into.
        what = str(error) if isinstance(error, PyPdfError) else type(error).__name__
        raise KnowledgeError("document-broken", f"{file}: is no PDF that can be read: {what}") from error


def _pages(reader: PdfReader, file: Path, clock: Clock) -> list[Section]:
    if reader.is_encrypted and not reader.decrypt(""):
        raise KnowledgeError("document-broken", f"{file}: is locked with a password", fix="save it without one")
    count = len(reader.pages)
    if count > PAGES:
        raise _too_large(file, f"has {count} pages; {PAGES} are read at most")
    until, characters = clock.now() + SECONDS, 0
    sections = []
    for page in reader.pages:
        drawing = page.get_contents()
        # Parsed beforehand, because the extraction takes a page beyond the limits for an empty one.
        text = page.extract_text() if drawing is not None and drawing.operations else ""
        characters += len(text)
        if characters > TEXT_CHARACTERS:
            raise _too_large(file, f"has more than {TEXT_CHARACTERS} characters of text")
        if clock.now() > until:
            raise _too_large(file, f"takes more than {SECONDS:g} s to read")
        blocks = _HYPHEN.sub("", text).split("\n\n")
        sections.append(Section((), tuple(flowing(block.split("\n")) for block in blocks)))
    return sections


def _too_large(file: Path, what: str) -> KnowledgeError:
    return KnowledgeError("document-too-large", f"{file}: {what}", fix="cut the document into smaller ones")
