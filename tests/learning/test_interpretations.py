"""ProbLog's `.ev` files: what is read, and what is refused."""

from __future__ import annotations

import pytest

from neurosym.errors import DataError, RuleError
from neurosym.lang import to_text
from neurosym.lang.ast import Evidence, Program
from neurosym.learning import Interpretation, parse_interpretations, read_interpretations


def observed(text: str) -> list[dict[str, bool]]:
    return [atoms(i) for i in parse_interpretations(text, "a.ev")]


def atoms(interpretation: Interpretation) -> dict[str, bool]:
    spelled = [to_text(Program((Evidence(a, True),))) for a, _ in interpretation.observed]
    names = [s.removeprefix("evidence(").removesuffix(").\n") for s in spelled]
    return dict(zip(names, (v for _, v in interpretation.observed), strict=True))


PLAIN = "evidence(a, true).\nevidence(b(x,1),false).\n---\n\n-----\nevidence(\\+ b(y,-2)).\nevidence(c).\n"


def test_plain_files():
    assert observed(PLAIN) == [{"a": True, "b(x, 1)": False}, {"b(y, -2)": False, "c": True}]


def test_the_parser_reads_what_the_short_cut_reads():
    assert observed(PLAIN + "% a remark\n") == observed(PLAIN)


@pytest.mark.parametrize(
    "text",
    [
        "evidence(p('A b'), true).\n",
        "evidence(a, true). evidence(b, false).\n",
        "evidence(\na, true).\n",
        "/* evidence(c, true). */ evidence(a, true).\n",
        "evidence(not a).\n",
    ],
)
def test_other_layouts(text):
    (found,) = observed(text)
    assert found


def test_the_last_example_needs_no_line_of_dashes_and_places_are_known():
    found = parse_interpretations("\nevidence(a, true).\n---\nevidence(a, false).\n", "a.ev")
    assert [str(i.place) for i in found] == ["a.ev:2", "a.ev:4"]


@pytest.mark.parametrize("text", ["a :- b.\n", "0.5::a.\n", "query(a).\n", "evidence(a(X), true).\n"])
def test_other_statements_are_refused(text):
    with pytest.raises(DataError) as error:
        parse_interpretations(text, "a.ev")
    assert error.value.code == "NS640"
    assert "a.ev:1" in str(error.value)


def test_faults_have_their_place():
    with pytest.raises(RuleError, match=r"a\.ev:3"):
        parse_interpretations("evidence(a, true).\n---\nevidence(b, maybe).\n", "a.ev")


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError) as error:
        read_interpretations(tmp_path / "none.ev")
    assert error.value.code == "NS640"


def test_in_python():
    assert atoms(Interpretation.of({"a": True, "b(1)": False})) == {"a": True, "b(1)": False}
    with pytest.raises(DataError, match="ground"):
        Interpretation.of({"b(X)": True})
