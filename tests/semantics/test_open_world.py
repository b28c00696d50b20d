"""Bounds of random programs with open predicates, against every world under every truth value of the unknown atoms."""

from __future__ import annotations

import math
from itertools import combinations, product

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import neurosym as ns
from neurosym.errors import RuleError, SemanticsError
from neurosym.grounding import ground
from neurosym.lang import Program, parse_text
from tests.oracles.engine import fact_of
from tests.oracles.naive import Fact, key_of
from tests.oracles.programs import LAYERS, Style, programs
from tests.oracles.worlds import TooManyWorlds, probabilities
from tests.semantics.test_worlds import evidence_of

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
CONSTANTS = ("1", "2")
STYLE = Style(
    constants=CONSTANTS, weights=("0.3", "0.5", "0.9", "1.0", "0.0"), facts=4, rules=5, arithmetic=False, groups=True,
    evidence=True,
)  # fmt: skip
ATOMS = [(n, args) for layer in LAYERS for n, k in layer for args in product(CONSTANTS, repeat=k)]
Interval = tuple[float, float]


def spelled(name: str, args: tuple[str, ...]) -> str:
    return f"{name}({', '.join(args)})" if args else name


def declared(names: tuple[str, ...]) -> list[str]:
    """`open` declarations over the range 1..2."""
    arity = {n: k for layer in LAYERS for n, k in layer}
    return [f"pred {spelled(n, tuple(f'a{i}: 1..2' for i in range(arity[n])))} open ." for n in names]


def parse(statements: list[str]) -> Program:
    text = "\n".join(statements).replace("(0", "(1").replace(" 0)", " 1)")  # `f(0) :- fail.` is not of the type 1..2
    try:
        return parse_text(text, "random.rules", "rules")
    except RuleError as error:
        assume(False)
        raise AssertionError from error


def expected(statements: list[str], names: tuple[str, ...], limit: int) -> dict[Fact, Interval] | None:
    """By definition: the least and greatest probability over all sets of unknown atoms; None if none is possible."""
    program = parse([*declared(names), *statements])
    closed = ground(program, open_world=False)
    known = {fact_of(closed, f) for f in range(closed.num_facts)}
    unknown = [spelled(n, a) for n, a in ATOMS if n in names and (n, tuple(("int", int(x)) for x in a)) not in known]
    assume(len(unknown) <= 7)
    found: list[dict[Fact, float]] = []
    for size in range(len(unknown) + 1):
        for chosen in combinations(unknown, size):
            world = parse([*statements, *(f"{a}." for a in chosen)])
            values = probabilities(world, evidence_of(world), limit)
            if values is not None:
                found.append(values)
    if not found:
        return None
    facts = [(n, tuple(key_of(int(x)) for x in a)) for n, a in ATOMS]
    return {f: (min(v.get(f, 0.0) for v in found), max(v.get(f, 0.0) for v in found)) for f in facts}


def check(statements: list[str], names: tuple[str, ...], limit: int = 40) -> None:
    try:
        wanted = expected(statements, names, limit)
    except TooManyWorlds:
        assume(False)
        return
    reasoner = ns.Reasoner(parse([*declared(names), *statements]))
    try:
        answers = reasoner.query(*(spelled(n, a) for n, a in ATOMS))
    except SemanticsError as error:
        assert error.code == "NS502"
        assert wanted is None
        return
    assert wanted is not None
    for k, (name, args) in enumerate(ATOMS):
        low, high = wanted[(name, tuple(key_of(int(x)) for x in args))]
        got = (float(answers.lower[0, k]), float(answers.upper[0, k]))
        assert got == pytest.approx((low, high), abs=1e-9), (spelled(name, args), answers.details[k])
        assert math.isclose(float(answers.tags[0, k]), sum(got) / 2)
        assert answers.methods[k] == "bounds" or low == pytest.approx(high)


@settings(max_examples=60, deadline=None, suppress_health_check=CHECKS)
@given(programs(STYLE), st.sampled_from([("f",), ("g", "h"), ("f", "g", "h"), ("e",), ("e", "h")]))
def test_open_predicates_with_facts_only(statements: list[str], names: tuple[str, ...]) -> None:
    check(statements, names)


@settings(max_examples=60, deadline=None, suppress_health_check=CHECKS)
@given(programs(STYLE), st.sampled_from([("p",), ("q",), ("f", "p"), ("r", "b"), ("p", "r")]))
def test_open_predicates_with_rules_and_recursion(statements: list[str], names: tuple[str, ...]) -> None:
    check(statements, names)
