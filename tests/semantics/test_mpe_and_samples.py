"""The most probable world and drawn worlds of random programs, against the enumeration of all worlds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from neurosym.errors import RuleError, SemanticsError
from neurosym.facts import FactBase
from neurosym.grounding import DerivationGraph, Limits, ground
from neurosym.lang import Program, parse_text
from neurosym.lang.ast import Const
from neurosym.semantics.worlds import PossibleWorlds
from tests.oracles.engine import constant_inputs, fact_of, observed, visible
from tests.oracles.naive import Fact, key_of
from tests.oracles.programs import Style, programs, propositions
from tests.oracles.worlds import TooManyWorlds, worlds

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
WEIGHTS = ("0.1", "0.3", "0.5", "0.5", "0.9", "1.0", "0.0")
SMALL = Style(constants=("1", "2"), weights=WEIGHTS, facts=6, rules=6, groups=True, evidence=True)
Enumerated = list[tuple[float, frozenset[Fact]]]


def parse(statements: list[str]) -> Program:
    try:
        return parse_text("\n".join(statements), "random.rules", "rules")
    except RuleError as error:
        assume(False)
        raise AssertionError from error


def consistent(program: Program, limit: int = 300) -> Enumerated:
    """The worlds in which a program's evidence holds."""
    wanted: list[tuple[Fact, bool]] = []
    for e in program.evidence:
        args = tuple(key_of(a.value) for a in e.atom.args if isinstance(a, Const))
        wanted.append(((e.atom.predicate, args), e.positive))
    try:
        found = worlds(program, limit)
    except TooManyWorlds:
        assume(False)
        raise
    return [(p, facts) for p, facts in found if p > 0 and all((f in facts) == v for f, v in wanted)]


def possible(program: Program) -> tuple[DerivationGraph, list[int], PossibleWorlds | None]:
    """The graph, its visible facts, and their worlds; None if the evidence is impossible."""
    graph = ground(program, FactBase(), limits=Limits(), demand=False)
    roots, evidence = visible(graph), observed(graph, program)
    if evidence is None:
        return graph, roots, None
    try:
        return graph, roots, PossibleWorlds(graph, roots, evidence, 100_000)
    except SemanticsError as error:
        assert error.code == "NS502"
        return graph, roots, None


def check(statements: list[str], limit: int = 300) -> None:
    """The most probable world is the enumeration's, and drawn worlds have the enumeration's frequencies."""
    program = parse(statements)
    expected = consistent(program, limit)
    graph, roots, made = possible(program)
    total = sum(p for p, _ in expected)
    inputs = constant_inputs(graph)[0].numpy()
    if made is None or total == 0:
        if made is not None:
            with pytest.raises(SemanticsError, match="NS502"):
                made.best(inputs)
        assert total == 0, statements
        return
    best = made.best(inputs)
    assert math.exp(best.log_evidence) == pytest.approx(total, rel=1e-9)
    # the enumeration makes only the choices that its world meets, so it may be more probable than a full world
    holding = facts_of(graph, roots, made.truth(best.numbers[None])[0])
    matching = sum(p for p, facts in expected if facts == holding)
    assert matching > 0, "the evidence does not hold in the world, or no such world exists"
    assert best.log_probability <= math.log(matching) + 1e-9
    assert best.log_probability == pytest.approx(brute_force(made, inputs, graph, roots, expected), abs=1e-9)
    drawn, _ = made.draw(inputs, 400, np.random.default_rng(0))
    truth = made.truth(drawn)
    known = {facts: 0.0 for _, facts in expected}
    for p, facts in expected:
        known[facts] += p / total
    counts = dict.fromkeys(known, 0)
    for row in truth:
        counts[facts_of(graph, roots, row)] += 1  # a world that contradicts the evidence is no key
    for facts, p in known.items():
        slack = 6 * math.sqrt(max(0.0, p * (1 - p)) / 400) + 6 / 400
        assert abs(counts[facts] / 400 - p) < slack, statements


def facts_of(graph: DerivationGraph, roots: list[int], truth: np.ndarray) -> frozenset[Fact]:
    return frozenset(fact_of(graph, f) for f, holds in zip(roots, truth.tolist(), strict=True) if holds)


def brute_force(
    made: PossibleWorlds, inputs: np.ndarray, graph: DerivationGraph, roots: list[int], expected: Enumerated
) -> float:
    """The logarithm of the greatest probability over all combinations of outcomes in which the evidence holds."""
    probability = made.outcomes.probabilities(graph, inputs)
    start = made.outcomes.start
    sizes = np.diff(start)
    assume(np.prod(sizes.astype(float)) <= 20_000)
    grid = np.indices(tuple(sizes.tolist())).reshape(len(sizes), -1).T if len(sizes) else np.zeros((1, 0), np.int64)
    chances = probability[start[:-1] + grid].prod(axis=1)
    grid, chances = grid[chances > 0], chances[chances > 0]
    truth = made.truth(made.outcomes.numbers(grid))
    allowed = {facts for _, facts in expected}
    fits = np.array([facts_of(graph, roots, row) in allowed for row in truth])
    return math.log(chances[fits].max())


@settings(max_examples=60, suppress_health_check=CHECKS)
@given(programs(SMALL))
def test_small_programs(statements: list[str]) -> None:
    check(statements)


@settings(max_examples=80, suppress_health_check=CHECKS)
@given(propositions())
def test_shared_choices(statements: list[str]) -> None:
    check(statements)


@pytest.mark.slow
@settings(max_examples=300, suppress_health_check=CHECKS)
@given(programs(SMALL))
def test_many_programs(statements: list[str]) -> None:
    check(statements, 1000)


@pytest.mark.slow
@settings(max_examples=300, suppress_health_check=CHECKS)
@given(propositions())
def test_many_shared_choices(statements: list[str]) -> None:
    check(statements, 1000)
