"""Each ProbLog program of tests/problog/programs, answered by ProbLog and by us: atoms, spelling, probabilities."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import neurosym as ns
from neurosym.cli import main
from tests.oracles.outside import PrologFile, answers

FOLDER = Path(__file__).parent / "programs"
PROGRAMS = sorted(FOLDER.glob("*.pl"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_program(path: Path) -> None:
    expected = answers(PrologFile(str(path)))
    assert expected is not None
    found = ns.Reasoner(ns.Program.from_file(path)).query()
    assert found.detach() == pytest.approx(expected, abs=1e-6)
    assert set(found.atoms) == set(expected)
    for atom, value in expected.items():
        assert float(found[atom][0]) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_every_program_says_what_it_tests(path: Path) -> None:
    first = path.read_text("utf-8").splitlines()[0]
    assert first.startswith("% ") and len(first) > 20


def test_there_are_programs() -> None:
    assert len(PROGRAMS) >= 60


@pytest.mark.parametrize("name", ["reachability", "quoted_names", "floats", "query_negated_variables"])
def test_the_command_line_spells_as_problog_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = FOLDER / f"{name}.pl"
    expected = answers(PrologFile(str(path)))
    assert expected is not None
    assert main(["query", str(path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["answers"]
    assert {r["atom"]: r["probability"] for r in rows} == pytest.approx(expected, abs=1e-6)
    assert main(["query", str(path), "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.rpartition(":")[0] for line in lines} == set(expected)


def test_answers_are_found_in_any_spacing() -> None:
    answers = ns.Reasoner(ns.Program.from_text("0.5::edge(1,2). 0.3::p('A b',\"s\").", dialect="pl")).query(
        "edge(X, Y)", "p(_, _)"
    )
    assert answers.atoms == ("edge(1,2)", "p('A b',\"s\")")
    for atom in ("edge(1,2)", "edge(1, 2)", " edge( 1 ,2 ) "):
        assert float(answers[atom][0]) == 0.5
    assert float(answers["p('A b', \"s\")"][0]) == 0.3


def test_rules_files_are_spelled_as_before() -> None:
    answers = ns.Reasoner(ns.Program.from_text("0.5 :: edge(1,2). 0.3::edge(1,'if').")).query(
        "edge(X, Y)", "not edge(1, 2)"
    )
    assert answers.atoms == ("edge(1, 2)", "edge(1, 'if')", "not edge(1, 2)")
    assert float(answers["edge(1,2)"][0]) == 0.5


def test_a_program_of_both_kinds_of_files_is_spelled_as_rules(tmp_path: Path) -> None:
    (tmp_path / "a.pl").write_text("0.5::e(1,2).")
    (tmp_path / "b.rules").write_text("p(X) :- e(X, Y), Y > 0. query(p(_)). query(e(_, _)).")
    program = ns.Program.from_file(tmp_path / "a.pl", tmp_path / "b.rules")
    assert ns.Reasoner(program).query().atoms == ("p(1)", "e(1, 2)")


def test_a_name_quoted_in_one_place_only_is_spelled_without_quotes() -> None:
    """ProbLog takes 'abc' and abc for two names; as in Prolog, they are one here."""
    program = ns.Program.from_text("p('abc'). q :- p(abc). query(p(_)). query(q).", dialect="pl")
    assert ns.Reasoner(program).query().detach() == {"p(abc)": 1.0, "q": 1.0}
    assert answers_of("p('abc'). q :- p(abc). query(p(_)). query(q).") == {"p('abc')": 1.0, "q": 0.0}


def answers_of(text: str) -> dict[str, float] | None:
    from tests.oracles.outside import PrologString

    return answers(PrologString(text))
