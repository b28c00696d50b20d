"""Many samples grounded together, against each of them grounded alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from neurosym.errors import FactError, GroundingError, LimitError, NeurosymError, RuleError, SemanticsError
from neurosym.facts import FactBase
from neurosym.grounding import DerivationGraph, Limits, SampleGraphs, Samples, ground, ground_samples
from neurosym.lang import Iri, Program, Symbol, parse_atom, parse_text
from neurosym.lang.ast import Atom
from tests.oracles.options import probabilities
from tests.oracles.programs import LAYERS, Style, programs
from tests.oracles.samples import GivenFact, base_of, sample_lists, visible_facts, visible_groundings

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
PROGRAMS = Style(constants=("1", "2", "3"), weights=("0.3", "0.5", "1.0"), facts=6, rules=8, groups=True, evidence=True)
QUERIES = [parse_atom(f"{n}({', '.join('XY'[:k])})" if k else n) for layer in LAYERS for n, k in layer]
SUMS = """
number(W, N) :- digit(W, tens, T), digit(W, ones, U), N = 10 * T + U.
total(S) :- number(left, A), number(right, B), S = A + B.
"""


def parse(statements: list[str]) -> Program:
    try:
        return parse_text("\n".join(statements), "random.rules")
    except RuleError:
        assume(False)
        raise


def exact(graph: DerivationGraph, program: Program, asked: list[Atom]) -> dict | None:
    try:
        return probabilities(graph, program, asked)
    except SemanticsError as error:
        assert error.code == "NS502"
        return None


def alone(program: Program, shared: list[GivenFact], samples: list[list[GivenFact]], **options) -> list:
    """Each sample's own graph; or the code of the error."""
    found = []
    for sample in samples:
        try:
            found.append(ground(program, base_of(shared) + base_of(sample), **options))
        except GroundingError as error:
            found.append(error.code)
    return found


def together(
    program: Program, shared: list[GivenFact], samples: list[list[GivenFact]], graphs: list, **options
) -> SampleGraphs | None:
    """All of them; None if that fails as one of them does."""
    try:
        return ground_samples(program, samples, base_of(shared), **options)
    except GroundingError as error:
        assert error.code in graphs
        return None


def check_same(found: DerivationGraph, expected: DerivationGraph, names: set[str]) -> None:
    """The same graph, but for shared facts on which nothing of the sample rests."""
    facts, all_facts = visible_facts(found), visible_facts(expected)
    assert facts.items() <= all_facts.items()
    left = {atom for atom in all_facts.keys() - facts.keys() if atom.split("(")[0] in names}
    assert not left
    groundings = visible_groundings(expected)
    assert visible_groundings(found) == {g: n for g, n in groundings.items() if g[1] in facts}


def check_samples(statements: list[str], shared: list[GivenFact], samples: list[list[GivenFact]]) -> None:
    program = parse(statements)
    graphs = alone(program, shared, samples)
    whole = together(program, shared, samples, graphs)
    if whole is None:
        return
    names = {name for name, _ in whole.names.values()}
    asked = [q for q in QUERIES if q.predicate in names]
    for number, expected in enumerate(graphs):
        found = whole.graph(number)
        check_same(found, expected, names)
        check_acyclic(found)
        shape = whole.shapes[whole.shape[number]]
        assert number in shape.samples
        assert visible_count(shape.graph) == visible_count(found)
    evident = {e.atom.predicate for e in program.evidence} <= names
    for number, expected in enumerate(graphs if evident else []):
        wanted, got = exact(expected, program, asked), exact(whole.graph(number), program, asked)
        assert (wanted is None) == (got is None)
        assert wanted is None or got == pytest.approx(wanted, abs=1e-9)


def visible_count(graph: DerivationGraph) -> list[tuple]:
    """What a shape keeps of a graph."""
    facts = [(graph.key(f), int(graph.status[f])) for f in range(graph.num_facts)]
    return [*sorted(facts), *sorted(graph.rule.tolist())]


def check_acyclic(graph: DerivationGraph) -> None:
    """First groundings of what is not given have positive body facts of smaller ids."""
    first = set(np.nonzero(graph.place >= 0)[0].tolist())
    for number, head in enumerate(graph.head.tolist()):
        if head not in first:
            first.add(head)
            body, signs = graph.body_of(number)
            assert all(fact < head for fact, sign in zip(body, signs, strict=True) if sign)


@settings(max_examples=150, suppress_health_check=CHECKS)
@given(programs(PROGRAMS), sample_lists())
def test_samples_are_what_each_is_alone(
    statements: list[str], facts: tuple[list[GivenFact], list[list[GivenFact]]]
) -> None:
    check_samples(statements, *facts)


@pytest.mark.slow
@settings(max_examples=3000, suppress_health_check=CHECKS)
@given(programs(PROGRAMS), sample_lists())
def test_samples_are_what_each_is_alone_often(
    statements: list[str], facts: tuple[list[GivenFact], list[list[GivenFact]]]
) -> None:
    check_samples(statements, *facts)
