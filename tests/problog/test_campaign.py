"""Random ProbLog programs, answered by both: the same atoms in the same spelling, with the same probabilities.

Where ProbLog fails or takes too long, the enumeration of all worlds decides. Where it disagrees, this fails, unless the
reason is known: see `known_fault` and the tests of ProbLog's faults below.
"""

from __future__ import annotations

from collections import Counter

import pytest
from problog.errors import ProbLogError

import neurosym as ns
from neurosym.errors import RuleError, SemanticsError
from neurosym.lang.ast import Const
from tests.oracles.naive import Fact, key_of
from tests.oracles.outside import PrologString, TimedOut, answers
from tests.oracles.problog_programs import program
from tests.oracles.worlds import TooManyWorlds, probabilities

CHUNK = 250


def ours(text: str) -> dict[str, float] | None:
    """Our answers; None if the evidence is impossible."""
    try:
        return ns.Reasoner(ns.Program.from_text(text, dialect="pl")).query().detach()
    except RuleError as error:  # evidence that contradicts itself
        assert {d.code for d in error.diagnostics if d.severity == "error"} == {"NS220"}, error
        return None
    except SemanticsError as error:
        assert error.code == "NS502", error
        return None


def enumerated(text: str) -> dict[str, float] | None:
    """The answers by enumeration of all worlds, of the atoms that some world holds."""
    parsed = ns.Program.from_text(text, dialect="pl")
    observed: list[tuple[Fact, bool]] = []
    for item in parsed.evidence:
        args = [a.value for a in item.atom.args if isinstance(a, Const)]
        observed.append(((item.atom.predicate, tuple(key_of(a) for a in args)), item.positive))
    found = probabilities(parsed, observed, limit=100_000)
    if found is None:
        return None
    names: dict[str, float] = {}
    for (name, args), value in found.items():
        key = (name, len(args))
        names[parsed.notation.atom(key, [k[1] for k in args])] = value  # pyright: ignore[reportArgumentType]
    return names


def alike(first: dict[str, float] | None, second: dict[str, float] | None) -> bool:
    """Whether the answers agree, but for atoms with probability 0 that only one of them names."""
    if first is None or second is None:
        return first is second
    return all(abs(first.get(atom, 0.0) - second.get(atom, 0.0)) < 1e-6 for atom in first.keys() | second.keys())


def judged(text: str) -> str:
    """Who answered: `problog`, or `worlds` where it failed or differs and the enumeration agrees with us."""
    found = ours(text)
    try:
        expected = answers(PrologString(text))
    except (ProbLogError, TimedOut, RecursionError) as error:
        reason = type(error).__name__
    else:
        if alike(found, expected):
            return "impossible" if found is None else "problog"
        assert known_fault(text), f"ProbLog says {expected}, we say {found}\n{text}"
        reason = "differs"
    try:
        worlds = enumerated(text)
    except TooManyWorlds:
        pytest.fail(f"nobody can tell: ProbLog {reason}\n{text}")
    if found is not None and worlds is not None:
        worlds = {a: worlds.get(a, 0.0) for a in found} | {a: 1 - worlds.get(a[2:], 0.0) for a in found if a[0] == "\\"}
    assert alike(found, worlds), f"ProbLog {reason}\n{text}"
    return f"worlds: {reason}"


def known_fault(text: str) -> bool:
    """Whether ProbLog is known to get a program like this wrong."""
    return "-1" in text.partition("query(")[0]


def test_problog_takes_minus_one_for_a_variable() -> None:
    """There is no e(-1, _), so that p cannot be derived; ProbLog calls its variables -1, -2, …, and derives it."""
    text = "e(2,2). p(X) :- e(X,X), e(-1,Y). query(p(_))."
    assert answers(PrologString(text)) == {"p(2)": 1.0}
    assert ours(text) == {}
    assert enumerated(text) == {"e(2,2)": 1.0}
    text = text.replace("-1", "1")
    assert answers(PrologString(text)) == ours(text) == {}


def campaign(seeds: range) -> Counter[str]:
    return Counter(judged(program(seed)) for seed in seeds)


@pytest.mark.parametrize("start", range(0, 150, 50))
def test_random_programs(start: int) -> None:
    assert campaign(range(start, start + 50)).total() == 50


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, 3000, CHUNK))
def test_many_random_programs(start: int) -> None:
    assert campaign(range(start, start + CHUNK)).total() == CHUNK
