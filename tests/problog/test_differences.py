"""Programs on which we differ from ProbLog on purpose: what each says, and why."""

from __future__ import annotations

import pytest
from problog.errors import ProbLogError

import neurosym as ns
from neurosym.errors import NeurosymError, RuleError
from tests.oracles.outside import PrologString, answers

# (why, program, ProbLog's answers or the name of its error, ours or our code)
DIFFERENCES = [
    (
        "a name is the same with quotation marks and without, as in Prolog",
        "p(abc). q :- p('abc'). query(q).", {"q": 0.0}, {"q": 1.0},
    ),
    (
        "the order of literals means nothing: a negation waits for its variables",
        "p(X) :- \\+ q(X), r(X). q(1). r(1). r(2). query(p(2)).", {"p(2)": 1.0}, {"p(2)": 1.0},
    ),
    (
        "the same, where ProbLog has no answer",
        "p(X) :- \\+ q(X), r(X). q(1). r(1). r(2). query(p(_)).", {}, {"p(2)": 1.0},
    ),
    (
        "a comparison waits for its variables",
        "p(X) :- X > 1, r(X). r(1). r(2). query(p(_)).", "CallModeError", {"p(2)": 1.0},
    ),
    (
        "alternatives with different variables",
        "0.5::d :- e(X) ; f(Y). e(1). e(2). f(1). f(2). query(d).", "NonGroundProbabilisticClause", {"d": 0.9375},
    ),
    ("`?-` asks; ProbLog runs it and shows nothing", "0.5::a. ?- a.", {}, {"a": 0.5}),
    ("learnable weights have a value to start from", "t(0.5)::a. query(a).", "ArithmeticError", {"a": 0.5}),
    ("facts and answers are ground", "q(X). query(q(1)).", {"q(1)": 1.0}, "NS202"),
    ("disjunctions sum to at most 1", "0.7::a; 0.6::b. query(a).", {"a": 0.7}, "NS211"),
    ("integers have 64 bits", "p(X) :- X is 10**20. query(p(_)).", {"p(100000000000000000000)": 1.0}, "NS405"),
    ("round takes halves upwards, as in Prolog", "p(X) :- X is round(2.5). query(p(_)).", {"p(2)": 1.0}, {"p(3)": 1.0}),
    ("min and max of an integer and a float are floats", "p(X) :- X is max(3,2.0). query(p(_)).", {"p(3)": 1.0},
     {"p(3.0)": 1.0}),
    ("arithmetic on a name is false, and counted", "p(a). q(Y) :- p(X), Y is X+1. query(q(_)).", "ArithmeticError", {}),
    ("doubled quotation marks are read, as in Prolog", "p('it''s'). query(p(_)).", "ParseError", {"p('it\\'s')": 1.0}),
    ("letters without case are letters", "p(日本). query(p(_)).", "UnexpectedCharacter", {"p(日本)": 1.0}),
    ("a query for a body", "0.5::a. 0.4::b(1). ?- a, b(X).", "GroundingError", {"a, b(1)": 0.2}),
]  # fmt: skip


@pytest.mark.parametrize(("why", "text", "theirs", "ours"), DIFFERENCES, ids=[d[0] for d in DIFFERENCES])
def test_difference(why: str, text: str, theirs: dict[str, float] | str, ours: dict[str, float] | str) -> None:
    try:
        found: object = answers(PrologString(text))
    except ProbLogError as error:
        found = type(error).__name__
    assert found == theirs if isinstance(theirs, str) else found == pytest.approx(theirs)
    try:
        mine: object = ns.Reasoner(ns.Program.from_text(text, dialect="pl")).query().detach()
    except RuleError as error:
        mine = next(d.code for d in error.diagnostics if d.severity == "error")
    except NeurosymError as error:
        mine = error.code
    assert mine == ours if isinstance(ours, str) else mine == pytest.approx(ours)
