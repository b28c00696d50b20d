"""Runs the tests that an expert wrote in the rule files.

Each test is a program of its own: the files' statements without their tests, and the facts that it gives. Networks are
not asked: a neural fact that is not given is false.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from neurosym.errors import DataError, LimitError, NeurosymError, RuleError
from neurosym.facts import FactBase
from neurosym.grounding import CERTAIN, Limits
from neurosym.lang import Atom, Body, Const, Expectation, Literal, Not, Program, Rule, Test, Var
from neurosym.lang.printer import Printer
from neurosym.lang.walk import built_in, conjuncts
from neurosym.reasoner.answers import Answers
from neurosym.reasoner.reasoner import Reasoner

TOLERANCE = 1e-6
SHOWN = 3  # rules or answers that a reason names


@dataclass(frozen=True)
class Check:
    """One expectation, and what came of it.

    Attributes:
        atom: as it is expected; `expected`: its probability; `place`: file:line.
        got: the probability; of a pattern, that of the match that is furthest off, None where nothing matches; where
            it rests on unknown atoms, the bound that is further off.
        match: the derived atom that `got` belongs to, empty where there is none.
        reason: of a failure, as far as it can be told cheaply.
    """

    atom: str
    expected: float
    got: float | None
    match: str
    place: str
    line: int
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether it is as expected, within 1e-6."""
        return abs((self.got or 0.0) - self.expected) <= TOLERANCE


@dataclass(frozen=True)
class TestResult:
    """What came of one test.

    Attributes:
        error: what kept the test from being evaluated, such as evidence that cannot be.
    """

    __test__ = False  # not a test class of pytest's

    test: Test
    checks: tuple[Check, ...]
    error: NeurosymError | None = None

    @property
    def passed(self) -> bool:
        """Whether every expectation is met."""
        return self.error is None and all(check.passed for check in self.checks)

    @property
    def place(self) -> str:
        """file:line of the test."""
        return f"{self.test.span.file}:{self.test.span.line}"


def run_tests(
    program: Program, facts: FactBase | None = None, *, limits: Limits | None = None, seed: int = 0
) -> Iterator[TestResult]:
    """The results of a program's tests, one by one.

    Args:
        facts: facts beside those of the program, for all tests.

    Raises:
        RuleError: the program holds statements that cannot be evaluated yet. LimitError: a limit was hit.
    """
    rest = tuple(s for s in program.statements if not isinstance(s, Test))
    for test in program.tests:
        alone = replace(program, statements=(*rest, *test.given))
        checks: list[Check] = []
        try:
            reasoner = Reasoner(alone, facts, limits=limits, seed=seed)
            checks.extend(_check(reasoner, expectation) for expectation in test.expectations)
        except (RuleError, LimitError):
            raise
        except NeurosymError as error:
            yield TestResult(test, tuple(checks), error)
        else:
            yield TestResult(test, tuple(checks))


def _ask(reasoner: Reasoner, atom: Atom) -> Answers | None:
    """Answers without networks; None if nothing of this test defines the predicate."""
    try:
        with torch.no_grad():
            return reasoner.query(atom, closed_networks=True)
    except DataError as error:
        if error.code == "NS616":  # the checker knows it: another test gives its facts
            return None
        raise


def _check(reasoner: Reasoner, expectation: Expectation) -> Check:
    asked = reasoner.atom(expectation.atom)
    answers = _ask(reasoner, asked)
    expected = float(expectation.probability)
    found = [] if answers is None else _found(answers)
    match, got = "", None
    for atom, value, fact in found:
        if got is None or abs(value - expected) > abs(got - expected):
            match, got = (atom if fact >= 0 else ""), value
    if got is None and all(isinstance(t, Const) for t in asked.args):
        got = 0.0
    atom = Printer(reasoner.program.prefixes).atom(expectation.atom)
    span = expectation.span
    check = Check(atom, expected, got, match, f"{span.file}:{span.line}", span.line)
    if check.passed:
        return check
    return replace(check, reason=_reason(reasoner, answers, asked, check))


def _found(answers: Answers) -> list[tuple[str, float, int]]:
    """(atom, probability, fact id) of each answer; an interval counts with both its ends."""
    lower = zip(answers.atoms, answers.lower[0].tolist(), answers.facts, strict=True)
    upper = zip(answers.atoms, answers.upper[0].tolist(), answers.facts, strict=True)
    return [*lower, *upper]


# ------------------------------------------------------------------------------------------------------ reasons


def _reason(reasoner: Reasoner, answers: Answers | None, atom: Atom, check: Check) -> str:
    """Why an expectation failed, as far as one look at the graph can tell."""
    if check.match:
        k = answers.position(check.match) if answers is not None else 0
        if answers is not None and answers.methods[k] == "bounds":
            low, high = float(answers.lower[0, k]), float(answers.upper[0, k])
            return f"it lies between {low:.6g} and {high:.6g}; {answers.details[k]}"
        return _derived_by(reasoner, answers, check.match)
    rules = [r for r in reasoner.program.rules for h in r.heads for a in h.atoms if _unify(a, atom) is not None]
    other = _others(reasoner, atom)
    if not rules:
        known = f"no rule or fact concludes {atom.predicate}/{len(atom.args)} for these arguments"
        return f"{known}; {other}" if other else known
    missing = [text for rule in rules if answers is not None and (text := _missing(reasoner, answers, rule, atom))]
    return "; ".join([*dict.fromkeys(missing[:SHOWN]), *([other] if other else [])])


def _derived_by(reasoner: Reasoner, answers: Answers | None, match: str) -> str:
    """The rules that derive a fact."""
    if answers is None:
        return ""
    graph = answers.grounded.graph
    fact = answers.facts[answers.position(match)]
    numbers = {graph.rules[k].statement for k in graph.rule[graph.head == fact].tolist()}
    named = [f"`{r.label}`" for k, r in enumerate(reasoner.program.rules) if k in numbers]
    if not named:
        return "it is a given fact"
    return f"derived by {', '.join(named[:SHOWN])}{' …' if len(named) > SHOWN else ''}"


def _others(reasoner: Reasoner, atom: Atom) -> str:
    """What else is derived of the predicate."""
    free = Atom(atom.predicate, tuple(Var(f"A{k}") for k in range(len(atom.args))))
    answers = _ask(reasoner, free) if atom.args else None
    if answers is None or not answers.atoms:
        return ""
    values = answers.tags[0].tolist()
    shown = [f"{a} = {v:.6g}" for a, v in zip(answers.atoms, values, strict=True)][:SHOWN]
    return f"what does follow: {', '.join(shown)}{' …' if len(values) > SHOWN else ''}"


def _unify(head: Atom, asked: Atom) -> dict[str, Const] | None:
    """Variables of a head that the atom asked for fixes; None if they cannot be the same fact."""
    if head.key != asked.key:
        return None
    bound: dict[str, Const] = {}
    for mine, theirs in zip(head.args, asked.args, strict=True):
        if not isinstance(theirs, Const):
            continue
        if isinstance(mine, Const):
            if mine != theirs:
                return None
        elif isinstance(mine, Var) and bound.setdefault(mine.name, theirs) != theirs:
            return None
    return bound


def _missing(reasoner: Reasoner, answers: Answers, rule: Rule, asked: Atom) -> str:
    """The first condition of a rule that no fact meets, each looked at by itself."""
    without = built_in(reasoner.program)
    for head in (a for h in rule.heads for a in h.atoms):
        bound = _unify(head, asked)
        if bound is None:
            continue
        printer = Printer(reasoner.program.prefixes)
        for part in conjuncts(rule.body):
            atom = _literal(part)
            if atom is None or atom.key in without:
                continue
            atom = Atom(atom.predicate, tuple(bound.get(t.name, t) if isinstance(t, Var) else t for t in atom.args))
            facts = answers.grounded.matches(atom)
            if isinstance(part, Literal) and not facts:
                return f"rule `{rule.label}` needs {printer.atom(atom)}, which nothing matches"
            status, ground = answers.grounded.graph.status, all(isinstance(t, Const) for t in atom.args)
            if isinstance(part, Not) and ground and any(status[f] == CERTAIN for f in facts):
                return f"rule `{rule.label}` does not fire, because {printer.atom(atom)} holds"
        if not rule.is_fact:
            return f"rule `{rule.label}`: a comparison fails, or its conditions are not met all together"
    return ""


def _literal(part: Body) -> Atom | None:
    """The atom of a literal or of a negated one."""
    if isinstance(part, Not):
        part = part.body
    return part.atom if isinstance(part, Literal) else None
