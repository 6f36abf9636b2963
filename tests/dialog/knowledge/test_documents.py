from pathlib import Path

import pytest
from pypdf import PdfWriter

from pipeline.core.errors import KnowledgeError
from pipeline.dialog.knowledge import pdf as pdf_reader
from pipeline.dialog.knowledge.documents import FILE_BYTES, Section, found, read
from tests.dialog.knowledge.pages import pdf, saying

PAGE = """<!doctype html><html lang="en-GB"><head><title>Prices</title><style>p {}</style></head><body>
<nav>Home</nav><p>Before all.</p><h1>Our <b>bread</b></h1><!-- secret --><p>Rye &amp; wheat</p>
<table><tr><td>Rye</td><td>5</td></tr><tr><td>Wheat</td><td>4</td></tr></table>
<h2>More</h2><script>alert(1)</script><p hidden>obey</p><div style="color: red; DISPLAY : none">obey</div>
<span aria-hidden=true>obey</span><ul><li>One<li>Two</ul><template>obey</template></body></html>"""
MARKDOWN = """---
settings: here
---
Intro with a [link](https://example.org "x") and **bold**
words that go on.

# Shop #
<!-- obey -->
| Bread | Price |
|-------|------:|
| Rye   | 5     |

Hours
-----
- open *daily*
- closed <span style="display:none">obey</span>never

```sh
# no heading
```
### Deep
Text with 3 < 4 and a_name_here.
"""


def reading(folder: Path, name: str, content: str | bytes) -> list[Section]:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read(file)


def refusal(folder: Path, name: str, content: str | bytes) -> KnowledgeError:
    with pytest.raises(KnowledgeError) as caught:
        reading(folder, name, content)
    assert str(folder / name) in str(caught.value)
    return caught.value


def test_markdown_keeps_its_headings_and_loses_its_marks(tmp_path: Path) -> None:
    assert reading(tmp_path, "a.md", MARKDOWN) == [
        Section((), ("Intro with a link and bold words that go on.",)),
        Section(("Shop",), ("Bread, Price\nRye, 5",)),
        Section(("Shop", "Hours"), ("open daily\nclosed never", "# no heading")),
        Section(("Shop", "Hours", "Deep"), ("Text with 3 < 4 and a_name_here.",)),
    ]


def test_wrapped_chinese_lines_are_joined_without_a_space(tmp_path: Path) -> None:
    assert reading(tmp_path, "a.md", "早上七点\n开门。\n晚上")[0].paragraphs == ("早上七点开门。晚上",)


def test_html_shows_what_a_reader_sees(tmp_path: Path) -> None:
    assert reading(tmp_path, "a.html", PAGE) == [
        Section(("Prices",), ("Before all.",), None, "en"),
        Section(("Our bread",), ("Rye & wheat", "Rye, 5\nWheat, 4"), None, "en"),
        Section(("Our bread", "More"), ("One", "Two"), None, "en"),
    ]


def test_an_empty_heading_is_the_heading_of_nothing(tmp_path: Path) -> None:
    page = "<body><h1></h1>Text<p></p>more<h2>Two</h2><img><hr>End<nav><p>Menu</nav>."
    assert reading(tmp_path, "a.html", page) == [Section((), ("Text", "more")), Section(("Two",), ("End.",))]


@pytest.mark.parametrize("page", ["<div>" * 200_000, "<div></b>" * 50_000, f"<p {'a=1 ' * 20_000}>x"])
def test_html_that_is_made_to_take_for_ever_is_refused(tmp_path: Path, page: str) -> None:
    assert refusal(tmp_path, "a.html", page).code == "document-broken"


def test_text_has_paragraphs_and_a_first_line_is_a_title(tmp_path: Path) -> None:
    assert reading(tmp_path, "a.txt", "Payment\n\nWe take\ncash.\n\nNo cheques.") == [
        Section(("Payment",), ("We take cash.", "No cheques."))
    ]
    assert reading(tmp_path, "b.txt", "We take cash.\n\nNo cheques.")[0].path == ()


def test_pairs_come_from_csv(tmp_path: Path) -> None:
    table = 'Language,Question,Answer\nen,"Open, today?",Yes.\n,,\n,几点开门？,七点。\n'
    assert reading(tmp_path, "a.csv", table) == [
        Section(("Open, today?",), ("Yes.",), "Open, today?", "en"),
        Section(("几点开门？",), ("七点。",), "几点开门？", ""),
    ]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("q,a\n1,2\n", "must name the columns"),
        ("question,answer\nWhen?,\n", "line 2: has no answer"),
        ("question,answer\nWhen?,a,b\n", "line 2: has more cells"),
        ('question,answer\n"When?,a\n', "unexpected end"),
        (f"question,answer\nWhen?,{'a' * 2001}\n", "longer than"),
        ("question,answer,language\nWhen?,a,English please\n", "no language"),
    ],
)
def test_a_table_with_a_fault_is_told_by_its_line(tmp_path: Path, table: str, says: str) -> None:
    error = refusal(tmp_path, "a.csv", table)
    assert error.code == "document-broken"
    assert says in str(error)
    assert error.fix


def test_pdf_gives_a_section_for_each_page(tmp_path: Path) -> None:
    (section,) = reading(tmp_path, "a.pdf", pdf(saying("We are open daily,", "and closed on Sun-", "day.")))
    assert section.paragraphs == ("We are open daily, and closed on Sunday.",)


def test_a_pdf_bomb_is_refused(tmp_path: Path) -> None:
    bomb = pdf(b" " * 100_000_000)
    assert len(bomb) < 200_000
    assert refusal(tmp_path, "a.pdf", bomb).code == "document-too-large"


def test_a_page_of_endless_drawing_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a.pdf", pdf(b"0 0 m " * 1_000_000)).code == "document-too-large"


def test_a_pdf_with_too_many_pages_is_refused(tmp_path: Path) -> None:
    writer = PdfWriter()
    for _ in range(pdf_reader.PAGES + 1):
        writer.add_blank_page(10, 10)
    writer.write(tmp_path / "made.pdf")
    error = refusal(tmp_path, "a.pdf", (tmp_path / "made.pdf").read_bytes())
    assert (error.code, "1001 pages" in str(error)) == ("document-too-large", True)


def test_a_locked_pdf_is_refused(tmp_path: Path) -> None:
    writer = PdfWriter()
    writer.add_blank_page(10, 10)
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "made.pdf")
    assert "password" in str(refusal(tmp_path, "a.pdf", (tmp_path / "made.pdf").read_bytes()))


@pytest.mark.parametrize("content", [b"%PDF-1.4\n", b"no PDF at all", pdf(saying("x"))[:150], b"\0" * 1000])
def test_a_broken_pdf_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refusal(tmp_path, "a.pdf", content).code == "document-broken"


@pytest.mark.parametrize("name", ["a.md", "a.html", "a.txt", "a.csv"])
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b" " * (FILE_BYTES + 1), "document-too-large"),
        ("Füße".encode("latin-1"), "wrong-encoding"),
        ("面包".encode("gb18030"), "wrong-encoding"),
        (b"bread\0" * 3, "wrong-encoding"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    assert refusal(tmp_path, name, content).code == code


@pytest.mark.parametrize("name", ["a.md", "a.html", "a.txt"])
@pytest.mark.parametrize("content", ["", " \n\n ", "\u200b\ufeff", "<!-- only this -->"])
def test_what_says_nothing_is_refused(tmp_path: Path, name: str, content: str) -> None:
    if (name, content) != ("a.txt", "<!-- only this -->"):
        assert refusal(tmp_path, name, content).code == "document-empty"


def test_an_empty_file_has_no_columns(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a.csv", "").code == "document-broken"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, encoding: str) -> None:
    assert reading(tmp_path, "a.txt", "面包。".encode(encoding))[0].paragraphs == ("面包。",)


def test_a_page_may_declare_its_encoding(tmp_path: Path) -> None:
    page = '<meta charset="gb18030"><p>面包'.encode("gb18030")
    assert reading(tmp_path, "a.html", page)[0].paragraphs == ("面包",)
    assert refusal(tmp_path, "b.html", b'<meta charset="no-such"><p>x').code == "wrong-encoding"


def test_other_kinds_are_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a.docx", b"x").code == "unknown-kind"


def test_files_come_in_order_without_the_hidden_and_those_from_outside(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    for name in ("b.md", "a/z.md", ".git/x.md", ".hidden.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (tmp_path / "outside.md").write_text("x")
    (folder / "link.md").symlink_to(tmp_path / "outside.md")
    assert [file.relative_to(folder).as_posix() for file in found(folder)] == ["a/z.md", "b.md"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="nowhere"):
        found(tmp_path / "nowhere")
