"""Bounds of `topk`: against the enumeration of all worlds, their convergence, gradients, and one large program."""

from __future__ import annotations

import random
import time

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from torch import Tensor

import neurosym as ns
from neurosym.errors import SemanticsError
from neurosym.grounding import DerivationGraph, ground
from neurosym.lang import parse_text
from neurosym.semantics import ProofBounds, TopK
from neurosym.semantics.topk import search as searching
from tests.oracles.engine import constant_inputs, fact_of, observed, visible
from tests.oracles.programs import Style, programs, propositions
from tests.oracles.worlds import TooManyWorlds, probabilities
from tests.semantics.test_exact import PROGRAMS
from tests.semantics.test_worlds import SMALL, evidence_of, parse

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
CYCLES = Style(constants=("1", "2", "3"), weights=("0.1", "0.3", "0.5", "0.9"), facts=8, rules=8, arithmetic=False)
ROUNDING = 1e-9


def bounds(
    graph: DerivationGraph, roots: list[int], evidence: list[tuple[int, bool]], k: int
) -> tuple[list[float], list[float], ProofBounds] | str:
    """Lower and upper bounds from k proofs, or the code of a refusal."""
    made = ProofBounds(graph, roots, evidence, TopK(k=k, width=0, max_k=k))
    try:
        lower, upper = made.bounds(constant_inputs(graph))
    except SemanticsError as error:
        assert error.code in ("NS502", "NS532")
        return error.code
    return lower[0].tolist(), upper[0].tolist(), made


def check(statements: list[str], limit: int) -> None:
    """Bounds from 1, 2, 4, … proofs contain the probability, shrink, and meet."""
    program = parse(statements)
    try:
        expected = probabilities(program, evidence_of(program), limit)
    except TooManyWorlds:
        assume(False)
        raise
    graph = ground(program)
    evidence = observed(graph, program)
    if evidence is None:
        assert expected is None
        return
    roots = visible(graph)
    wanted = [0.0 if expected is None else expected.get(fact_of(graph, f), 0.0) for f in roots]
    before: tuple[list[float], list[float]] = ([0.0] * len(roots), [1.0] * len(roots))
    for k in (1, 2, 4, 8, 16, 1 << 20):
        try:
            found = bounds(graph, roots, evidence, k)
        except SemanticsError as error:  # a certain fact was observed to be false
            assert error.code == "NS502"
            assert expected is None
            return
        if expected is None:
            assert isinstance(found, str)
            assert found == "NS502" or k < 1 << 20
            continue
        if isinstance(found, str):
            assert found == "NS532"
            assert k < 1 << 20
            continue
        lower, upper, made = found
        for root, low, value, high, least, most in zip(roots, lower, wanted, upper, *before, strict=True):
            assert low - ROUNDING <= value <= high + ROUNDING, (fact_of(graph, root), k)
            assert least - ROUNDING <= low
            assert high <= most + ROUNDING
        before = lower, upper
        if k == 1 << 20:
            assert lower == pytest.approx(upper, abs=ROUNDING)
            assert all(m == "certain" or d.startswith("exact: all") for m, d in zip(made.methods, made.details))


@settings(max_examples=100, suppress_health_check=CHECKS)
@given(programs(SMALL))
def test_small_programs(statements: list[str]) -> None:
    check(statements, 300)


@settings(max_examples=100, suppress_health_check=CHECKS)
@given(propositions())
def test_shared_choices(statements: list[str]) -> None:
    check(statements, 300)


@settings(max_examples=60, suppress_health_check=CHECKS)
@given(programs(CYCLES))
def test_cycles(statements: list[str]) -> None:
    check(statements, 300)


@pytest.mark.slow
@settings(max_examples=3000, suppress_health_check=CHECKS)
@given(programs(SMALL))
def test_many_programs(statements: list[str]) -> None:
    check(statements, 1000)


@pytest.mark.slow
@settings(max_examples=3000, suppress_health_check=CHECKS)
@given(propositions())
def test_many_shared_choices(statements: list[str]) -> None:
    check(statements, 1000)


@pytest.mark.slow
@settings(max_examples=1000, suppress_health_check=CHECKS)
@given(programs(CYCLES))
def test_many_cycles(statements: list[str]) -> None:
    check(statements, 1000)
