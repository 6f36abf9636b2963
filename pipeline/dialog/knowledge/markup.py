"""HTML as text: the one place that knows the HTML parser. What a reader would not see is not read."""

import re
from collections import Counter
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.dialog.knowledge.documents import Section

_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?:\.0*)?\s*(?:;|!|$)"
    r"|font-size\s*:\s*0[a-z%]*\s*(?:;|!|$)|(?:left|top|text-indent)\s*:\s*-\d{3,}",
    re.IGNORECASE,
)


def _tags(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_UNSEEN = _tags(
    "head script style noscript template iframe object embed svg canvas audio video select textarea dialog input"
)
_BLOCKS = _tags(
    """address article aside blockquote body br caption center dd details div dl dt fieldset figcaption figure footer
    form header hr html legend li main menu ol p pre section summary table tbody tfoot thead tr ul"""
)
_PARAGRAPHS = _tags("p li dt dd blockquote pre table section article div ul ol")
_CELLS = _tags("td th")
_HEADINGS = _tags("h1 h2 h3 h4 h5 h6")
_NESTED = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>")
_CLOSED_BY_OTHERS = _tags("p li dt dd td th tr tbody thead tfoot option br hr img meta link input col wbr area source")
DEEPEST = 1000
"""Elements within elements; the parser's time grows with the square of it."""
TAG_CHARACTERS = 20_000
"""Of one tag with its attributes; likewise."""
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]{1,500})>")


def visible(markdown: str) -> str:
    """Return Markdown without comments, tags, scripts and elements that are hidden. Line breaks stay.

    Raises ValueError for elements nested too deep.
    """
    if "<" not in markdown and "&" not in markdown:
        return markdown
    tree = _parsed(f"<body><div>{_AUTOLINK.sub(lambda link: link[1], markdown)}")
    if tree.body is None:
        return ""
    steps = _walk(tree.body, frozenset())
    return "".join(text if not tag else " " * (tag in _BLOCKS) for tag, text, _ in steps)


def html(page: str) -> list[Section]:
    """Return the sections of an HTML page. Links of a menu (``nav``) are no text.

    Raises ValueError for elements nested too deep.
    """
    tree = _parsed(page)
    root = tree.root
    language = (root.attributes.get("lang") or "").partition("-")[0].lower() if root is not None else ""
    language = language if re.fullmatch("[a-z]{2,3}", language) else ""
    title = tree.css_first("head > title")
    name = " ".join(title.text().split()) if title is not None else ""
    if tree.body is None:
        return []
    # The page's name leads where no heading says what the page is about.
    return [
        Section(section.path or ((name,) if name else ()), section.paragraphs, None, section.language)
        for section in _sections(_flow(tree.body), language)
    ]


def _parsed(page: str) -> LexborHTMLParser:
    open_tags: Counter[str] = Counter()
    for match in _NESTED.finditer(page):
        tag = match[2].lower()
        if tag not in _CLOSED_BY_OTHERS:
            open_tags[tag] = max(0, open_tags[tag] + (-1 if match[1] else 1))
        if open_tags[tag] > DEEPEST or len(match[0]) > TAG_CHARACTERS:
            raise ValueError(f"has more than {DEEPEST} elements within each other, or one tag as long as a page")
    return LexborHTMLParser(page)


def _walk(top: LexborNode, aside: frozenset[str]) -> Iterator[tuple[str, str, bool]]:
    """Yield what is shown, in order: the tag of an element and whether it ends, or "" and a text.

    What stands in tags of ``aside`` is left out. Nothing is taken out of the tree: its parts would hang in the air.
    """
    node: LexborNode | None = top
    while node is not None:
        below: LexborNode | None = None
        if node.is_text_node:
            yield "", node.text_content or "", False
        elif node.is_element_node and _shown(node) and node.tag not in aside:
            yield node.tag or "", "", False
            below = node.first_child
            if below is None:
                yield node.tag or "", "", True
        if below is not None:
            node = below
            continue
        while node is not None and node.mem_id != top.mem_id and node.next is None:
            node = node.parent
            if node is not None:
                yield node.tag or "", "", True
        node = node.next if node is not None and node.mem_id != top.mem_id else None


def _shown(node: LexborNode) -> bool:
    if node.tag in _UNSEEN:
        return False
    attributes = node.attributes
    hidden = "hidden" in attributes or (attributes.get("aria-hidden") or "").lower() == "true"
    return not hidden and not _HIDING.search(attributes.get("style") or "")


def _flow(body: LexborNode) -> Iterator[tuple[str, str]]:
    """Yield a heading's tag and its text, or "" and a paragraph."""
    kind, text = "", ""
    for tag, shown, ends in _walk(body, _tags("nav")):
        if tag in _HEADINGS or (tag in _PARAGRAPHS and not kind):
            yield kind, text
            kind, text = (tag if tag in _HEADINGS and not ends else ""), ""
        elif not tag:
            text += re.sub(r"\s+", " ", shown)
        elif tag in _CELLS and not ends:
            text += ", " if text.strip() and not text.endswith("\n") else ""
        elif tag in _BLOCKS:
            text = text.rstrip() + "\n"
    yield kind, text


def _sections(flow: Iterator[tuple[str, str]], language: str) -> Iterator[Section]:
    path: list[tuple[int, str]] = []
    paragraphs: list[str] = []
    for kind, text in flow:
        if not kind:
            if text.strip():
                paragraphs.append(text)
            continue
        yield Section(tuple(title for _, title in path), tuple(paragraphs), None, language)
        paragraphs, level = [], int(kind[1])
        path = [*((depth, title) for depth, title in path if depth < level), (level, " ".join(text.split()))]
    yield Section(tuple(title for _, title in path), tuple(paragraphs), None, language)
