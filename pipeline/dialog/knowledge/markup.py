"""HTML as text: the one place that knows the HTML parser. What a reader would not see is not read."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.dialog.knowledge.documents import Section

_UNSEEN = (
    "script, style, noscript, template, iframe, object, embed, svg, canvas, audio, video, select, textarea, dialog, "
    "[hidden], [aria-hidden='true' i], input"
)
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?:\.0*)?\s*(?:;|!|$)"
    r"|font-size\s*:\s*0[a-z%]*\s*(?:;|!|$)|(?:left|top|text-indent)\s*:\s*-\d{3,}",
    re.IGNORECASE,
)
_FURNITURE = "nav, footer nav, header nav"


def _tags(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_BLOCKS = _tags(
    """address article aside blockquote body br caption center dd details div dl dt fieldset figcaption figure footer
    form header hr html legend li main menu ol p pre section summary table tbody tfoot thead tr ul"""
)
_PARAGRAPHS = _tags("p li dt dd blockquote pre table section article div ul ol")
_CELLS = _tags("td th")
_HEADINGS = _tags("h1 h2 h3 h4 h5 h6")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]{1,500})>")


def visible(markdown: str) -> str:
    """Return Markdown without comments, tags, scripts and elements that are hidden. Line breaks stay."""
    if "<" not in markdown and "&" not in markdown:
        return markdown
    tree = LexborHTMLParser(f"<body><div>{_AUTOLINK.sub(lambda link: link[1], markdown)}")
    _strip(tree)
    body = tree.body
    if body is None:
        return ""
    nodes = body.traverse(include_text=True)
    return "".join((node.text_content or "") if node.is_text_node else " " * (node.tag in _BLOCKS) for node in nodes)


def html(page: str) -> list[Section]:
    """Return the sections of an HTML page. Links of a menu (``nav``) are no text."""
    tree = LexborHTMLParser(page)
    root = tree.root
    language = (root.attributes.get("lang") or "").partition("-")[0].lower() if root is not None else ""
    language = language if re.fullmatch("[a-z]{2,3}", language) else ""
    title = tree.css_first("head > title")
    name = " ".join(title.text().split()) if title is not None else ""
    _strip(tree)
    for node in tree.css(_FURNITURE):
        node.decompose()
    if tree.body is None:
        return []
    sections = list(_sections(_flow(tree.body), language))
    # The page's name leads where no heading says what the page is about.
    return [
        Section(section.path or ((name,) if name else ()), section.paragraphs, None, section.language)
        for section in sections
    ]


def _strip(tree: LexborHTMLParser) -> None:
    """Take out what is not shown."""
    for node in tree.css(_UNSEEN):
        node.decompose()
    for node in tree.css("[style]"):
        if _HIDING.search(node.attributes.get("style") or ""):
            node.decompose()


def _flow(body: LexborNode) -> Iterator[tuple[str, str]]:
    """Yield a heading's tag and its text, or "" and a paragraph.

    The parser gives a tree without ends of elements in a walk; so each block's own text is gathered up to the next
    block, which is where a reader sees a break.
    """
    kind, text = "", ""
    inside: LexborNode | None = None
    for node in body.traverse(include_text=True):
        tag = (node.tag or "") if node.is_element_node else ""
        if inside is not None and not _within(node, inside):
            yield kind, text
            kind, text, inside = "", "", None
        if tag in _HEADINGS:
            yield kind, text
            kind, text, inside = tag, "", node
        elif tag in _PARAGRAPHS and not kind:
            yield kind, text
            text = ""
        elif tag in _CELLS:
            text += ", " if text.strip() and not text.endswith("\n") else ""
        elif tag in _BLOCKS:
            text += "\n"
        elif node.is_text_node:
            text += re.sub(r"\s+", " ", node.text_content or "") if (node.text_content or "").strip() else " "
    yield kind, text


def _within(node: LexborNode, outer: LexborNode) -> bool:
    """Return whether a node stands inside of another; headings are shallow, so a few steps up decide."""
    step: LexborNode | None = node
    for _ in range(16):
        if step is None:
            return False
        if step.mem_id == outer.mem_id:
            return True
        step = step.parent
    return False


def _sections(flow: Iterator[tuple[str, str]], language: str) -> Iterator[Section]:
    path: list[tuple[int, str]] = []
    paragraphs: list[str] = []
    for kind, text in flow:
        if not kind:
            paragraphs.append(text)
            continue
        yield Section(tuple(title for _, title in path), tuple(paragraphs), None, language)
        paragraphs, level = [], int(kind[1])
        path = [*((depth, title) for depth, title in path if depth < level), (level, " ".join(text.split()))]
    yield Section(tuple(title for _, title in path), tuple(paragraphs), None, language)
