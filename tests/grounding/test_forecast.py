"""Forecasts against what grounding then really derives, on families of programs."""

from __future__ import annotations

import random
import sys
import time

import numpy as np
import pytest

import neurosym as ns
from neurosym.facts import FactBase
from neurosym.facts.factbase import Table
from neurosym.grounding import DerivationGraph, Forecast, Limits, forecast, ground
from neurosym.grounding.cost import sampling
from neurosym.lang import parse_text
from tests.oracles.sizes import compare, random_program, ratio

CLOSURE = "path(X, Y) :- edge(X, Y).\npath(X, Z) :- path(X, Y), edge(Y, Z).\n"
ODD_AND_EVEN = "odd(X, Y) :- edge(X, Y).\nodd(X, Z) :- even(X, Y), edge(Y, Z).\neven(X, Z) :- odd(X, Y), edge(Y, Z).\n"
SAME_GENERATION = "sg(X, Y) :- edge(X, P), edge(Y, P).\nsg(X, Y) :- edge(X, A), sg(A, B), edge(Y, B).\n"


def both(text: str, facts: FactBase | None = None, **options) -> tuple[Forecast, DerivationGraph]:  # type: ignore[no-untyped-def]
    program = parse_text(text, "test.rules", facts_predicates=facts.predicates if facts else None)
    return forecast(program, facts, **options), ground(program, facts)


def edges(rows: np.ndarray, terms: int, name: str = "edge") -> FactBase:
    """A fact base of integer terms, made without entering Python for each row."""
    base = FactBase()
    ids = base.symbols.intern_many(range(terms))
    base.tables[name, 2] = Table(ids[rows], np.full(len(rows), -1, np.int32))
    return base


def random_edges(nodes: int, count: int) -> FactBase:
    rows = np.random.default_rng(0).integers(0, nodes, (count, 2))
    return edges(np.unique(rows, axis=0), nodes)


def chain(n: int) -> FactBase:
    return edges(np.stack([np.arange(n - 1), np.arange(1, n)], axis=1), n)


def tree(n: int) -> FactBase:
    return edges(np.stack([np.arange(1, n), (np.arange(1, n) - 1) // 2], axis=1), n)


def grid(side: int) -> FactBase:
    at = np.arange(side * side).reshape(side, side)
    right = np.stack([at[:, :-1].ravel(), at[:, 1:].ravel()], axis=1)
    down = np.stack([at[:-1].ravel(), at[1:].ravel()], axis=1)
    return edges(np.concatenate([right, down]), side * side)


# ------------------------------------------------------------------------------------------------------ joins


@pytest.mark.parametrize(
    "rule",
    [
        "q(X, Y, Z) :- edge(X, Y), edge(Y, Z).",
        "q(X, Y, Z) :- edge(Y, X), edge(Y, Z).",
        "q(X, Y, Z, W) :- edge(X, Y), edge(Y, Z), edge(Z, W).",
        "q(X) :- edge(X, 7).",
        "q(X, Y) :- edge(X, Y), X < 50.",
        "q(X, Y) :- edge(X, Y), X < Y.",
        "q(X) :- edge(X, X).",
        "q(X) :- edge(X, _), \\+ edge(_, X).",
        "q(X, Y) :- edge(X, _), between(1, 5, Y).",
        "q(X, Z) :- edge(X, Y), X < 10, Z is X + 1, Y = Y.",
    ],
)
def test_joins_of_given_facts_are_exact(rule: str) -> None:
    found, graph = both(rule, random_edges(100, 400))
    # counts in floating point: a comparison of two variables takes them as independent
    tolerance = 0.15 if "X < Y" in rule or "edge(X, X)" in rule else 0.0
    assert found.firings == pytest.approx(graph.num_groundings, rel=tolerance, abs=2 if tolerance else 0.5)
    assert not found.sampled


def test_a_unary_projection_is_exact() -> None:
    found, graph = both("q(Z) :- edge(X, Y), edge(Y, Z).", random_edges(200, 300))
    assert found.facts == graph.num_facts


def test_negation_choices_and_aggregates() -> None:
    facts = " ".join([*(f"a({k})." for k in range(100)), *(f"b({k})." for k in range(0, 100, 3))])
    found, graph = both(
        facts
        + "\nc(X) :- a(X), \\+ b(X).\n0.3 :: d(X) :- c(X).\ne(X) :- a(X), \\+ d(X).\nf(N) :- N = count{ X : c(X) }."
    )
    assert (found.facts, found.firings) == (graph.num_facts, graph.num_groundings)


def test_neural_facts_are_inputs_times_values() -> None:
    text = "neural digit(image: Image, d: 0..9) by net .\nsum(X, Y, Z) :- digit(X, A), digit(Y, B), Z is A + B."
    program = parse_text(text)
    query = ns.Reasoner(program, networks={}).atom("sum(left, right, Z)")
    found = forecast(program, queries=[query])
    graph = ground(program, slots=["left", "right"], queries=[query])
    assert found.firings == graph.num_groundings == 400
    assert ratio(found.facts, graph.num_facts) < 1.2


# -------------------------------------------------------------------------------------------------- recursion


@pytest.mark.parametrize(
    ("rules", "facts"),
    [
        (CLOSURE, random_edges(300, 1200)),
        (CLOSURE, random_edges(300, 350)),
        (CLOSURE, chain(800)),
        (CLOSURE, tree(2000)),
        (CLOSURE, grid(25)),
        ("path(X, Y) :- edge(X, Y).\npath(X, Z) :- edge(X, Y), path(Y, Z).", random_edges(300, 1200)),
        ("path(X, Y) :- edge(X, Y).\npath(X, Z) :- path(X, Y), path(Y, Z).", random_edges(80, 120)),
        (SAME_GENERATION, tree(1000)),
        (CLOSURE + "0.2 :: far(X, Y) :- path(X, Y), X < Y.", grid(15)),
        (ODD_AND_EVEN, grid(20)),
    ],
    ids=["random", "sparse", "chain", "tree", "grid", "right", "nonlinear", "same-generation", "weighted", "mutual"],
)  # fmt: skip
def test_sampled_recursions_are_within_a_factor_of_two(
    rules: str, facts: FactBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["neurosym.grounding.cost.forecast"], "SECONDS", 5.0)  # whatever else runs here
    found, graph = both(rules, facts)
    assert found.sampled
    assert ratio(found.facts, graph.num_facts) < 2
    assert ratio(found.firings, graph.num_groundings) < 2


@pytest.mark.parametrize(("facts", "factor"), [(random_edges(300, 1200), 1.5), (chain(800), 1.5), (grid(25), 6)])
def test_without_samples_recursions_are_near(facts: FactBase, factor: float) -> None:
    found, graph = both(CLOSURE, facts, sample=False)
    assert not found.sampled
    assert ratio(found.facts, graph.num_facts) < factor


def test_a_closure_over_a_large_table_is_sampled_on_what_it_reaches() -> None:
    n = 300_000
    depths = np.floor(np.log2(np.arange(1, n + 1)))
    base = tree(n)
    found = forecast(parse_text(CLOSURE, facts_predicates=base.predicates), base)
    assert found.sampled and not found.limits
    assert ratio(found.facts, depths.sum() + n - 1) < 1.2


@pytest.mark.parametrize("test", ["", "T >= 0, ", "T1 > -5, "])
def test_arithmetic_that_nothing_bounds(test: str) -> None:
    found = forecast(parse_text(f"n(0).\nn(T1) :- n(T), {test}T1 is T + 1."), limits=Limits(facts=5000))
    assert found.limits == ("facts",)
    assert found.facts >= 5000
    assert found.worst is not None and found.worst.unbounded
    assert "unbounded" in found.worst.reason and "T1 is T + 1" in found.worst.reason


@pytest.mark.parametrize("end", [50, 5000])
def test_arithmetic_that_a_comparison_bounds(end: int) -> None:
    found, graph = both(f"n(0).\nn(T1) :- n(T), T < {end}, T1 is T + 1.")
    assert not any(r.unbounded for r in found.rules) and not found.limits
    assert ratio(found.facts, graph.num_facts) < 1.5


def test_a_bound_in_another_rule_of_the_recursion() -> None:
    found, graph = both("a(0).\na(T1) :- b(T), T1 is T + 1.\nb(T) :- a(T), T < 900.")
    assert not found.limits
    assert ratio(found.facts, graph.num_facts) < 2


# --------------------------------------------------------------------------------------- what hurts, and limits


def test_a_cross_product_is_named() -> None:
    facts = " ".join([*(f"a({k})." for k in range(300)), *(f"b({k}, c)." for k in range(200))])
    found = forecast(parse_text(facts + "\np(X, Y) :- a(X), b(Y, _).\nq(X) :- a(X)."), limits=Limits(firings=50_000))
    assert found.worst is not None
    assert "cross product: nothing connects `a(X)` with `b(Y, _" in found.worst.reason
    assert "300 × 200 rows" in found.worst.reason
    assert found.worst.join == found.worst.firings == 60_000
    assert found.limits == ("firings",)


def test_a_heavy_value_is_named() -> None:
    rng = random.Random(0)
    facts = [f"works(p{k}, {'univ0' if k % 10 else f'univ{rng.randrange(1, 40)}'})." for k in range(600)]
    found, graph = both(" ".join(facts) + "\ncolleague(X, Y) :- works(X, U), works(Y, U).")
    assert found.worst is not None
    assert "joins on `works(Y, univ0)`, which 540 of 600 rows share" in found.worst.reason
    assert found.firings == graph.num_groundings
    assert ratio(found.facts, graph.num_facts) < 1.1


def test_random_programs() -> None:
    """The 90th percentile lies within ten; measured on 300 programs, it is 1.2 for facts and 1.5 for firings."""
    ratios = [r for r in (compare(random_program(seed), Limits(300_000, 1_000_000)) for seed in range(60)) if r]
    assert len(ratios) > 40
    assert np.percentile([r.facts for r in ratios], 90) < 3
    assert np.percentile([r.firings for r in ratios], 90) < 5


# ------------------------------------------------------------------------------------------------------- cost


def test_a_million_facts_take_less_than_two_seconds() -> None:
    base = random_edges(500_000, 1_000_000)
    rules = "q(X, Z) :- edge(X, Y), edge(Y, Z).\nr(X) :- q(X, Y), X < Y.\n" + CLOSURE
    program = parse_text(rules, facts_predicates=base.predicates)
    began = time.process_time()
    found = forecast(program, base)
    assert time.process_time() - began < 4  # two on an idle core; this one is shared
    assert found.given == len(base)
    assert "facts" in found.limits


def test_the_whole_program_is_never_grounded(monkeypatch: pytest.MonkeyPatch) -> None:
    grounded: list[DerivationGraph] = []

    def watched(*args, **options) -> DerivationGraph:  # type: ignore[no-untyped-def]
        assert options["limits"].seconds <= 0.3 and options["limits"].firings <= sampling.FIRINGS
        grounded.append(ground(*args, **options))
        return grounded[-1]

    monkeypatch.setattr(sampling, "ground", watched)
    text = CLOSURE + "q(X, Y) :- path(X, Z), edge(Z, Y).\n"
    found, graph = both(text, random_edges(400, 1600))
    assert grounded and max(g.num_groundings for g in grounded) < 0.6 * graph.num_groundings
    assert ratio(found.firings, graph.num_groundings) < 2


def test_facts_and_program_stay_as_they_are() -> None:
    base = random_edges(50, 100)
    terms, digest = len(base.symbols), base.sha256()
    program = parse_text("q(X, Z) :- edge(X, Y), Z is X * 1000 + Y, Z > 3.", facts_predicates=base.predicates)
    assert forecast(program, base) == forecast(program, base)
    assert (len(base.symbols), base.sha256()) == (terms, digest)


def test_rdf_facts_and_declared_names() -> None:
    name = lambda local: ns.Iri(f"http://e/{local}")  # noqa: E731
    base = FactBase.from_triples([(name(k), name("p"), name(k % 7)) for k in range(50)])
    text = "@prefix ex: <http://e/> .\npred p(a: any, b: any) from ex:p .\n"
    text += "q(X, Y) :- p(X, Z), p(Y, Z).\nr(P) :- triple(_, P, _)."
    found, graph = both(text, base)
    assert ratio(found.firings, graph.num_groundings) < 1.1
    found, graph = both("@prefix ex: <http://e/> .\nq(X, Y) :- ex:p(X, Z), ex:p(Y, Z).", base)
    assert found.firings == graph.num_groundings


@pytest.mark.parametrize("text", ["", "p(1).", "p :- q. q.", "p(X) :- q(X). q(X) :- fail, r(X). r(1)."])
def test_little_programs(text: str) -> None:
    found, graph = both(text)
    assert (found.facts, found.firings) == (graph.num_facts, graph.num_groundings)
    assert str(found)


def test_the_reasoner_forecasts_its_queries() -> None:
    reasoner = ns.Reasoner(parse_text(CLOSURE, facts_predicates={("edge", 2)}), chain(100), limits=Limits(facts=2000))
    found = reasoner.forecast("path(0, X)")
    assert found.limits == ("facts",)
    assert found.to_dict()["worst"]["recursive"]
