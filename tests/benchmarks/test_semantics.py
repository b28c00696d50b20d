"""The benchmark of semantics at small sizes: both engines agree, its calculations by hand hold, its command runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.common.results import Results
from benchmarks.semantics import addition, again, against, diagrams, firings, ours, peers, proved
from benchmarks.semantics.families import FAMILIES, Family, ladder

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda f: f.name)
def test_both_engines_agree(family: Family) -> None:
    for seed in range(min(family.seeds, 2)):
        text = family.text(family.quick[0], seed)
        mine, theirs = ours.solve(text, text, 60), peers.solve(text, text, 60)
        assert mine["answers"] == pytest.approx(theirs["answers"], abs=against.SAME)
        assert sum(mine["methods"].values()) == len(mine["answers"])


def test_new_weights_are_probabilities() -> None:
    answers = ours.answer(FAMILIES["bayes"].text(4, 0))
    graph = answers.grounded.graph
    tags = again.new_weights(graph, answers.leaf_tags, 3)
    first = 0
    for group in graph.choices:
        for row in group.facts.tolist():
            totals = tags[:, row].sum(1)
            assert bool((totals <= 1 + 1e-9).all())
            assert graph.choice_rest[first] or totals.tolist() == pytest.approx([1.0] * 3)
            first += 1


@pytest.mark.parametrize("name", ["smokers", "reach"])
def test_both_compilers_agree(name: str) -> None:
    text = FAMILIES[name].text(FAMILIES[name].quick[0], 0)
    mine, theirs = (diagrams.solve(text, engine, 60) for engine in ("ours", "pysdd"))
    assert mine["shapes"] == theirs["shapes"] > 0 and mine["nodes"] > 0
    assert mine["answers"] == pytest.approx(theirs["answers"], abs=against.SAME)


@pytest.mark.parametrize("kind", ["joint", "digits"])
def test_a_step_of_addition(kind: str) -> None:
    assert addition.solve(kind, 2)["cpu"] > 0  # it compares with the calculation by hand


def test_the_joint_of_all_digits() -> None:
    assert 0 < addition.joint(2, 0)["probability"] < 1


@pytest.mark.parametrize("name", ["chain", "wide", "rand"])
def test_firings(name: str) -> None:
    found = firings.solve(name, "viterbi", 2000)
    assert 1000 < found["firings"] < 3000


@pytest.mark.parametrize("kind", ["rules", "propositions"])
def test_nothing_is_proved_that_is_not_right(kind: str) -> None:
    found = proved.solve(kind, 40)
    assert (found["false"], found["wrong"]) == (0, 0)
    assert 0 < found["proved"] <= found["right"] <= found["facts"]


def test_sizes_grow() -> None:
    assert ladder(4, 10) == (4, 6, 9)


def test_what_took_too_long_counts_with_the_limit() -> None:
    assert against.ratio(2.0, 10.0, 100.0) == 5.0
    assert against.ratio(2.0, None, 100.0) == 50.0
    assert against.ratio(None, 10.0, 100.0) == 0.1
    assert against.ratio(None, None, 100.0) is None


def test_probabilities_that_differ_are_named() -> None:
    results = Results("")
    results.runs["a", "ours"] = [{"answers": {"p": 0.5, "q": 0.0}}]
    results.runs["a", "problog"] = [{"answers": {"p": 0.5}}]
    assert not against.disagreements(results)
    results.runs["a", "problog"] = [{"answers": {"p": 0.51}}]
    assert len(against.disagreements(results)) == 1


def test_the_command(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    options = ["--quick", "--runs", "1", "--seeds", "1", "--parts", "problog,again", "--only", "coins, some"]
    command = [sys.executable, "-m", "benchmarks.semantics", *options, "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = {figure["name"] for figure in json.loads(out.read_text("utf-8"))["figures"]}
    assert {
        "coins, some, 5: problog ÷ ours",
        "problog ÷ ours, worst",
        "coins, some, 10: 1,024 weight vectors ÷ one",
    } <= names
