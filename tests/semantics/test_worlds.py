"""Probabilities of random programs against the enumeration of all worlds, and against ProbLog."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, assume, given, settings, target
from problog import get_evaluatable  # here, because it sets the recursion limit as it is imported
from problog.errors import InconsistentEvidenceError
from problog.program import PrologString

from neurosym.errors import RuleError, SemanticsError
from neurosym.lang import Program, parse_text
from neurosym.lang.ast import Const
from tests.oracles.engine import Run, run
from tests.oracles.naive import Fact, key_of
from tests.oracles.programs import Style, programs, propositions, strata
from tests.oracles.worlds import TooManyWorlds, probabilities

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
WEIGHTS = ("0.1", "0.3", "0.5", "0.5", "0.9", "1.0", "0.0")
SMALL = Style(constants=("1", "2"), weights=WEIGHTS, facts=6, rules=6, groups=True, evidence=True)
PROBLOG = Style(
    constants=("1", "2"), weights=WEIGHTS[:5], facts=6, rules=5, aggregates=False, evidence=True, prolog=True
)


def evidence_of(program: Program) -> list[tuple[Fact, bool]]:
    def fact(item) -> Fact:  # type: ignore[no-untyped-def]
        assert all(isinstance(a, Const) for a in item.atom.args)
        return item.atom.predicate, tuple(key_of(a.value) for a in item.atom.args)

    return [(fact(e), e.positive) for e in program.evidence]


def parse(statements: list[str], dialect: str = "rules") -> Program:
    try:
        return parse_text("\n".join(statements), "random.rules", dialect)
    except RuleError as error:
        # contradicting evidence and disjunctions with equal heads are the checker's business
        assume(False)
        raise AssertionError from error


def answers(program: Program) -> Run | None:
    """The engine's answers; None if it says that the evidence is impossible."""
    try:
        return run(program)
    except SemanticsError as error:
        assert error.code == "NS502"
        return None


def check(statements: list[str], limit: int) -> Counter[str]:
    """Compare one program; gives how many answers came from each method."""
    program = parse(statements)
    try:
        expected = probabilities(program, evidence_of(program), limit)
    except TooManyWorlds:
        assume(False)
        raise
    found = answers(program)
    if expected is None or found is None:
        assert expected is None and found is None, statements
        return Counter(impossible=1)
    for fact in expected.keys() | found.answers.keys():
        assert found.answers.get(fact, 0.0) == pytest.approx(expected.get(fact, 0.0), abs=1e-9), fact
    target(float(len(found.answers)))
    return Counter(found.methods.values())


@settings(max_examples=100, suppress_health_check=CHECKS)
@given(programs(SMALL))
def test_small_programs(statements: list[str]) -> None:
    check(statements, 300)


@pytest.mark.slow
@settings(max_examples=3000, suppress_health_check=CHECKS)
@given(programs(SMALL))
def test_many_programs(statements: list[str]) -> None:
    check(statements, 2000)


@settings(max_examples=150, suppress_health_check=CHECKS)
@given(propositions())
def test_shared_choices(statements: list[str]) -> None:
    check(statements, 300)


@pytest.mark.slow
@settings(max_examples=3000, suppress_health_check=CHECKS)
@given(propositions())
def test_many_shared_choices(statements: list[str]) -> None:
    check(statements, 2000)


@settings(max_examples=150, suppress_health_check=CHECKS)
@given(strata())
def test_choices_apart_and_shared(statements: list[str]) -> None:
    check(statements, 2000)


@pytest.mark.slow
@settings(max_examples=5000, suppress_health_check=CHECKS)
@given(strata())
def test_many_choices_apart_and_shared(statements: list[str]) -> None:
    check(statements, 2000)


# What random programs found once: a module beside a choice that it reads; conjunctions that were folded without end,
# because a fact that nothing can derive was left among them.
FOUND = {
    "a module": (
        "0.25 :: v0; 0.15 :: v1; 0.6 :: v2. 0.4 :: h. 0.7 :: e12. 0.2 :: e21. 0.4 :: e23. hit :- h, \\+ v1. r1 :- hit. "
        "r2 :- r1, e12. r1 :- r2, e21. r3 :- r2, e23. p :- r3, \\+ v2."
    ),
    "nothing derives b": (
        "0.3 :: v0; 0.5 :: v1; 0.2 :: v2. 0.4 :: w0; 0.6 :: w1. 0.2 :: x. 0.5 :: y. n :- v2, x. a :- \\+ y, n, v2. "
        "b :- a, v1. d :- \\+ a, b. d :- w1, \\+ n, \\+ v2. e :- y. e :- \\+ w0. p :- d, e."
    ),
    "a fact below itself": (
        "0.5 :: u0; 0.1 :: u1; 0.2 :: u2. 0.4 :: x. 0.7 :: y. a :- x, b, u1. b :- x. b :- a, b. d :- \\+ a, \\+ u0, d. "
        "e :- \\+ u0, e, y. e :- \\+ a, \\+ b, x. e :- e. f :- \\+ u1, i, \\+ a. f :- i, f. g :- \\+ b, y, h. g :- d. "
        "h :- a. i :- u0, g. i :- \\+ a."
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_what_random_programs_found(name: str) -> None:
    program = parse([FOUND[name]])
    expected, found = probabilities(program), answers(program)
    assert expected is not None and found is not None and len(expected) > 5
    for fact in expected.keys() | found.answers.keys():
        assert found.answers.get(fact, 0.0) == pytest.approx(expected.get(fact, 0.0), abs=1e-9), fact


def problog_answers(statements: list[str], found: Run) -> dict[str, float] | None:
    """ProbLog's probabilities of the facts that the engine found; None if the evidence is impossible."""
    queries = [f"query({spelled(f)})." for f in found.answers]
    try:
        result = get_evaluatable().create_from(PrologString("\n".join([*statements, *queries]))).evaluate()
    except InconsistentEvidenceError:
        return None
    return {str(k).replace(" ", ""): v for k, v in result.items()}


def spelled(fact: Fact) -> str:
    name, args = fact
    return f"{name}({','.join(str(a[1]) for a in args)})" if args else name


@settings(max_examples=60, suppress_health_check=CHECKS)
@given(programs(PROBLOG))
def test_problog_agrees(statements: list[str]) -> None:
    program = parse(statements, "pl")
    found = answers(program)
    assume(found is not None)
    assert found is not None
    expected = problog_answers(statements, found)
    assert expected is not None
    for fact, value in found.answers.items():
        assert value == pytest.approx(expected.get(spelled(fact), 0.0), abs=1e-6), fact
