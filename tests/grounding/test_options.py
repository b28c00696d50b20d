"""Options of `ground` that must not change what is answered: `mode`, `demand`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from neurosym.errors import RuleError, SemanticsError
from neurosym.grounding import DerivationGraph, ground
from neurosym.lang import Program, parse_atom, parse_text
from neurosym.lang.ast import Atom
from tests.oracles.naive import Fact
from tests.oracles.options import listing, probabilities, statuses
from tests.oracles.programs import LAYERS, Style, programs
from tests.oracles.typed_programs import typed_programs

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
PROGRAMS = Style(constants=("1", "2", "3"), weights=("0.3", "0.5", "1.0"), facts=8, rules=8, groups=True, evidence=True)


@st.composite
def queries(draw: st.DrawFn) -> list[Atom]:
    """Queries with constants, variables, the same variable twice, and `_`."""
    atoms = []
    for _ in range(draw(st.integers(1, 2))):
        name, arity = draw(st.sampled_from([p for layer in LAYERS for p in layer]))
        args = [draw(st.sampled_from(("1", "2", "3", "X", "Y", "_"))) for _ in range(arity)]
        atoms.append(parse_atom(f"{name}({', '.join(args)})" if args else name))
    return atoms


def parse(statements: list[str]) -> Program:
    try:
        return parse_text("\n".join(statements), "random.rules")
    except RuleError:
        assume(False)
        raise


def exact(graph: DerivationGraph, program: Program, asked: list[Atom]) -> dict[Fact, float] | None:
    try:
        return probabilities(graph, program, asked)
    except SemanticsError as error:
        assert error.code == "NS502"
        return None


def check_mode(statements: list[str]) -> None:
    program = parse(statements)
    full, lean = ground(program, mode="firings"), ground(program, mode="boolean")
    assert listing(lean) == listing(full)
    assert lean.rank.tolist() == full.rank.tolist()


def check_demand(statements: list[str], asked: list[Atom]) -> None:
    program = parse(statements)
    full = ground(program, queries=asked, demand=False)
    some = ground(program, queries=asked, demand=True)
    assert statuses(some, asked) == statuses(full, asked)
    expected, found = exact(full, program, asked), exact(some, program, asked)
    assert (found is None) == (expected is None)
    assert found is None or found == pytest.approx(expected, abs=1e-9)


@settings(max_examples=100, suppress_health_check=CHECKS)
@given(programs(PROGRAMS))
def test_boolean_mode_derives_the_same(statements: list[str]) -> None:
    check_mode(statements)


@settings(max_examples=50, suppress_health_check=CHECKS)
@given(typed_programs(facts=12, rules=5))
def test_boolean_mode_of_values(statements: list[str]) -> None:
    from neurosym.errors import GroundingError

    try:
        check_mode(statements)
    except GroundingError as error:
        assert error.code in ("NS405", "NS421")


@settings(max_examples=100, suppress_health_check=CHECKS)
@given(programs(PROGRAMS), queries())
def test_demand_answers_the_same(statements: list[str], asked: list[Atom]) -> None:
    check_demand(statements, asked)


@pytest.mark.slow
@settings(max_examples=2000, suppress_health_check=CHECKS)
@given(programs(PROGRAMS), queries())
def test_options_often(statements: list[str], asked: list[Atom]) -> None:
    check_mode(statements)
    check_demand(statements, asked)
