from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.stages import Said
from pipeline.settings import Speaking
from pipeline.speaking.script import Lines, Script, spoken, written, written_until
from tests.partitions import cut, cuts

PARTS = [
    "We open at 9:30",
    "$4.50",
    "5 km",
    "12/24",
    "hello",
    "3.5 kg",
    "Dr. Smith",
    "42",
    "info@shop.example",
    "100 %",
]
MARKS = [" ", ", ", ". ", "! ", "; ", "\n", " – ", "…"]
texts = st.one_of(
    st.text(max_size=80),
    st.lists(st.sampled_from(PARTS + MARKS), max_size=30).map("".join),
)


def lines(text: str, language: str = "en") -> list[Lines]:
    script = Script(Speaking(), language)
    return [*script.feed(text), *script.flush()]


@given(text=texts, at=cuts(), language=st.sampled_from(["en", "zh", "fr"]))
def test_where_the_deltas_are_cut_does_not_matter(text: str, at: list[int], language: str) -> None:
    script = Script(Speaking(), language)
    made = [clause for delta in cut(text, at) for clause in script.feed(delta)] + script.flush()
    whole = lines(text, language)
    assert [(written(clause), spoken(clause)) for clause in made] == [(written(one), spoken(one)) for one in whole]


@given(text=texts)
def test_the_written_clauses_joined_are_the_text(text: str) -> None:
    made = "".join(map(written, lines(text)))
    assert text.startswith(made)
    assert not any(map(str.isalnum, text[len(made) :]))


@given(text=texts)
def test_what_is_written_grows_with_what_is_said(text: str) -> None:
    for clause in lines(text):
        ends = [written_until(clause, said) for said in range(len(spoken(clause)) + 1)]
        assert ends == sorted(ends)
        assert ends[-1] == len(written(clause))


def test_a_price_is_heard_when_all_of_it_was_said() -> None:
    clause = (Said("It is ", "It is "), Said("$4", "four dollars"), Said(" today.", " today."))
    assert [written_until(clause, said) for said in (3, 6, 10, 17, 18, 25)] == [3, 6, 6, 6, 8, 15]
    assert spoken(clause) == "It is four dollars today."
    assert written(clause) == "It is $4 today."
