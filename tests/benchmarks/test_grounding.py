"""The grounding benchmark at small sizes: its programs give the same with peers, and its command runs to its end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.common.figures import Figure
from benchmarks.grounding import figures, fixed, ours, peers
from benchmarks.grounding.closures import chain, layered
from benchmarks.grounding.lubm import lubm, university
from benchmarks.grounding.measure import Results
from benchmarks.grounding.mixed import mixed
from benchmarks.grounding.ontology import UB, schema
from benchmarks.grounding.worker import case_of
from neurosym.lang import Program
from neurosym.lang.terms import Iri

ROOT = Path(__file__).parents[2]
CASES = ("rand", "chain", "sg", "lubm", "lubm triple/3", "mixed", "growth:5000")


@pytest.mark.parametrize("name", CASES)
def test_engines_derive_the_same_number_of_facts(name: str) -> None:
    case = case_of(name, quick=True)
    found = [ours.solve(case, mode)["derived"] for mode in ("boolean", "firings")]
    found.append(peers.clingo(case)["derived"])
    if case.sql:
        found.append(peers.duckdb(case)["derived"])
    assert len(set(found)) == 1
    assert found[0] > 1000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_seeds_of_the_mixed_clauses(seed: int) -> None:
    case = mixed(quick=True, seed=seed)
    assert ours.solve(case, "firings")["derived"] == peers.clingo(case)["derived"]
    assert case.rules.count("\n") == 400


def test_each_chain_gives_what_its_shape_says() -> None:
    result = ours.solve(chain(quick=True), "firings")
    assert (result["derived"], result["firings"]) == (20 * 994, 20 * 1052)


def test_layers_reach_a_bounded_number_of_nodes() -> None:
    small, large = (ours.solve(layered(n), "firings") for n in (20_000, 80_000))
    assert small["firings"] / small["derived"] == pytest.approx(large["firings"] / large["derived"], abs=0.1)


@pytest.mark.slow
def test_the_university_against_owlrl() -> None:
    owlrl = pytest.importorskip("owlrl")
    from rdflib import RDF, Graph, Literal, URIRef

    def term(value: object) -> URIRef | Literal:
        return URIRef(value.value) if isinstance(value, Iri) else Literal(value)

    theirs: Graph = Graph()
    for s, p, o in (*university(quick=True), *schema()):
        theirs.add((term(s), term(p), term(o)))
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(theirs)
    case = lubm(quick=True)
    facts = case.factbase()
    graph = ours.call(Program.from_text(case.rules, facts_predicates=facts.predicates), facts, "firings")
    mine = set()
    for key, ids in zip(graph.predicates, graph.fact_ids, strict=True):
        name = URIRef(key[0][1:-1])
        for fact in ids.tolist():
            first, *rest = (term(graph.symbols.value(a)) for a in graph.args(fact))
            mine.add((first, name, rest[0]) if rest else (first, RDF.type, name))
    spoken = {o if p == RDF.type else p for _, p, o in mine}
    assert all(str(name).startswith(UB) for name in spoken)
    assert mine == {(s, p, o) for s, p, o in theirs if (o if p == RDF.type else p) in spoken}


def test_ten_rules_over_a_hundred_facts() -> None:
    result = fixed.repeated(1)
    assert result["inputs"] == 100
    assert result["cpu"] > 0


def test_verdicts() -> None:
    assert Figure("", 0.1, bound=0.1).verdict == "met"
    assert Figure("", 0.2, bound=0.1).verdict == "not met"
    assert Figure("", 0.2, bound=0.1, at_least=True).verdict == "met"
    assert Figure("", 0.2).verdict == ""
    assert Figure("", None, bound=1.0, note="why").verdict == "not measured: why"


def test_growth_compares_a_size_with_the_best_of_the_smaller_ones() -> None:
    results = Results()
    for size, cpu in ((100, 3.0), (200, 2.0), (400, 12.0)):
        results.runs[f"growth:{size}", "boolean"] = [{"cpu": cpu, "derived": size}]
    *_, last = figures.of_growth(results, (100, 200, 400))
    assert (last.value, last.verdict) == (3.0, "not met")


def test_counts_that_differ_are_named() -> None:
    results = Results()
    results.runs["rand", "boolean"], results.runs["rand", "clingo"] = [{"derived": 3}], [{"derived": 4}]
    results.runs["sg", "boolean"] = [{"derived": 3}]
    assert len(results.disagreements()) == 1
    assert "rand" in results.disagreements()[0]


def test_the_command(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks.grounding", "--quick", "--runs", "1", "--only", "sg,deep,batch"]
    done = subprocess.run([*command, "--out", str(out)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "sg: closure ÷ duckdb" in done.stdout
    names = {figure["name"] for figure in json.loads(out.read_text("utf-8"))["figures"]}
    assert {"sg: closure ÷ clingo", "deep: hmm, one of 50 rounds", "batch: samples a second"} <= names
