"""`neurosym lfi`: weights from interpretations on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

import neurosym as ns

MODEL = """% how likely?
t(_) :: a.   % not known
0.5::b.
t(0.5)::c(X) :- a, \\+b, n(X).
n(1). n(2).
"""
EXAMPLES = (
    "evidence(a, true).\nevidence(b, false).\nevidence(c(1), true).\nevidence(c(2), false).\n---\nevidence(\\+a).\n"
)


@pytest.fixture
def paths(file) -> tuple[Path, Path]:
    return file("m.pl", MODEL), file("m.ev", EXAMPLES)


def test_a_table_and_a_program(cli, paths, tmp_path):
    model, examples = paths
    out = tmp_path / "learned.pl"
    result = cli("lfi", model, "--interpretations", examples, "--out", out)
    assert result.status == 0
    rows = [line.split() for line in result.out.splitlines()]
    assert rows[:3] == [
        ["statement", "head", "weight", "observations"], ["m.pl:2", "a", "0.5", "2"], ["m.pl:4", "c(X)", "0.5", "2"],
    ]  # fmt: skip
    assert "log-likelihood" in result.out
    assert out.read_text() == MODEL.replace("t(_)", "0.5").replace("t(0.5)", "0.5")


def test_the_marks_can_stay_and_the_dialect_changes(cli, paths, tmp_path):
    model, examples = paths
    out = tmp_path / "learned.rules"
    assert cli("lfi", model, "--interpretations", examples, "--out", out, "--keep-learnable").status == 0
    program = ns.Program.from_file(out)
    assert ns.Reasoner(program).rule_weights() == {"learned.rules:1": [0.5], "learned.rules:3": [0.5]}


def test_json(cli, paths):
    model, examples = paths
    result = cli("lfi", model, "--interpretations", examples, "--json")
    found = result.json
    assert [w["heads"] for w in found["weights"]] == [
        [{"head": "a", "probability": 0.5}], [{"head": "c(X)", "probability": 0.5}],
    ]  # fmt: skip
    assert found["converged"] is True
    assert found["interpretations"] == 2
    assert found["diagnostics"] == []
    assert found["log_likelihood"] == pytest.approx(-2.772588722 - 0.693147181, abs=1e-6)


def test_an_impossible_interpretation(cli, paths, file):
    bad = file("bad.ev", "evidence(a, true).\n---\nevidence(a, false).\nevidence(c(1), true).\n")
    result = cli("lfi", paths[0], "--interpretations", bad, "--json")
    assert result.status == 1
    (fault,) = result.json["diagnostics"]
    assert fault["code"] == "NS641"
    assert "bad.ev:3" in fault["message"]


def test_few_iterations_are_said(cli, file):
    model = file("h.pl", "t(0.3)::a. t(0.4)::b.\nc :- a. c :- b. d :- a, b.\n")
    examples = file("h.ev", "evidence(c, true).\n---\nevidence(d, false).\n---\nevidence(c, false).\n")
    result = cli("lfi", model, "--interpretations", examples, "--iterations", 1)
    assert result.status == 0
    assert "still moved" in result.err
    assert "stopped after 1 iterations" in result.out


def test_an_unwritable_file(cli, paths, tmp_path):
    result = cli("lfi", paths[0], "--interpretations", paths[1], "--out", tmp_path / "no" / "x.pl")
    assert result.status == 1
    assert "NS721" in result.err
