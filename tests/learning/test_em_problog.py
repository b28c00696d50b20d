"""Learning from interpretations beside ProbLog's."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

import neurosym as ns
from neurosym.learning import fit_interpretations, parse_interpretations
from tests.oracles.problog_lfi import learn, log_likelihood

Row = dict[str, bool]


@dataclass(frozen=True)
class Case:
    """A program, and its examples."""

    program: str
    rows: Callable[[random.Random], list[Row]]


def _some(draw: random.Random, row: Row, share: float = 0.7) -> Row:
    return {a: v for a, v in row.items() if draw.random() < share} or row


def _tutorial(draw: random.Random) -> list[Row]:
    return [
        {"burglary": False, "alarm": False},
        {"earthquake": False, "alarm": True, "burglary": True},
        {"burglary": False},
    ]


def _calls(draw: random.Random) -> list[Row]:
    rows = []
    for _ in range(30):
        alarm = draw.random() < 0.5
        calls = {f"calls({x})": alarm and draw.random() < 0.6 for x in ("john", "mary")}
        rows.append(calls | ({"burglary": draw.random() < 0.5} if draw.random() < 0.5 else {}))
    return rows


def _dice(draw: random.Random) -> list[Row]:
    rows = []
    for _ in range(30):
        face = draw.choice((1, 2, 2, 3))
        rows.append({f"face({k})": k == face for k in (1, 2, 3)} | {"win": face == 3 and draw.random() < 0.7})
    return rows


def _coin(draw: random.Random) -> list[Row]:
    rows = []
    for _ in range(30):
        chance = draw.choice((0.5, 0.9))
        rows.append(_some(draw, {f"heads({k})": draw.random() < chance for k in (1, 2, 3)}))
    return rows


def _tied(draw: random.Random) -> list[Row]:
    return [_some(draw, {f"sick({k})": draw.random() < 0.2 * k for k in (1, 2, 3)} | {"flu": True}) for _ in range(20)]


def _smokers(draw: random.Random) -> list[Row]:
    rows = []
    for _ in range(12):
        stress = {f"stress({k})": draw.random() < 0.3 for k in (1, 2, 3)}
        two = stress["stress(2)"] or (stress["stress(1)"] and draw.random() < 0.5)
        rows.append({"smokes(2)": two, "stress(1)": stress["stress(1)"], "stress(3)": stress["stress(3)"]})
    return rows


def _mix(draw: random.Random) -> list[Row]:
    rows = []
    for _ in range(30):
        a, b = draw.random() < 0.4, draw.random() < 0.3
        c = (a and draw.random() < 0.7) or (b and draw.random() < 0.5)
        d = {f"d({k})": (c and k > 1 and draw.random() < 0.6) or draw.random() < 0.1 for k in (1, 2, 3)}
        rows.append(_some(draw, {"a": a, "b": b, **d}))
    return rows


CASES = {
    "the tutorial's alarm": Case(
        """t(0.5)::burglary.
0.2::earthquake.
t(0.4)::p_alarm1.
t(0.6)::p_alarm2.
t(0.3)::p_alarm3.
alarm :- burglary, earthquake, p_alarm1.
alarm :- burglary, \\+earthquake, p_alarm2.
alarm :- \\+burglary, earthquake, p_alarm3.
""",
        _tutorial,
    ),
    "alarm with calls": Case(
        """t(0.5)::burglary.
0.2::earthquake.
t(0.3)::alarm :- burglary.
0.4::alarm :- earthquake.
t(0.5)::calls(X) :- alarm, person(X).
person(john). person(mary).
""",
        _calls,
    ),
    "a die": Case(
        """t(0.2)::face(1); t(0.3)::face(2); t(0.5)::face(3).
t(0.5)::win :- face(3).
""",
        _dice,
    ),
    "a partly observed coin": Case(
        """t(0.3)::biased.
t(0.8)::heads(X) :- toss(X), biased.
0.5::heads(X) :- toss(X), \\+biased.
toss(1). toss(2). toss(3).
""",
        _coin,
    ),
    "one weight for many groundings": Case(
        """t(0.3)::infects(Y,X) :- contact(X,Y), flu.
t(0.6)::flu.
sick(X) :- infects(Y,X).
contact(1,a). contact(2,a). contact(2,b). contact(3,a). contact(3,b). contact(3,c).
""",
        _tied,
    ),
    "smokers": Case(
        """t(0.3)::stress(X) :- person(X).
t(0.4)::influences(X,Y) :- person(X), person(Y), X \\= Y.
smokes(X) :- stress(X).
smokes(X) :- friend(X,Y), influences(Y,X), smokes(Y).
person(1). person(2). person(3).
friend(1,2). friend(2,1). friend(2,3).
""",
        _smokers,
    ),
    "fixed and learned": Case(
        """0.4::a. t(0.2)::b. 0.7::c :- a.
t(0.5)::c :- b.
t(0.6)::d(X) :- c, n(X), X > 1.
0.1::d(X) :- n(X).
n(1). n(2). n(3).
""",
        _mix,
    ),
}


def examples(rows: list[Row]) -> str:
    return "---\n".join("".join(f"evidence({a},{str(v).lower()}).\n" for a, v in r.items()) for r in rows)


def weighted(program: str, weights: list[float]) -> str:
    left = iter(weights)
    return re.sub(r"t\([^)]*\)(?=::)", lambda _: repr(next(left)), program)


@pytest.mark.parametrize("name", CASES)
def test_weights_and_likelihood_are_problogs(name):
    case = CASES[name]
    rows = case.rows(random.Random(3))
    oracle = learn(case.program, examples(rows), iterations=400)
    reasoner = ns.Reasoner(ns.Program.from_text(case.program, dialect="pl"))
    found = fit_interpretations(
        reasoner, parse_interpretations(examples(rows)), progress=False, tolerance=1e-8, iterations=5000
    )
    weights = [p for w in found.weights for p in w.probabilities]
    assert found.converged
    assert weights == pytest.approx(oracle.weights, abs=1e-4)
    assert found.log_likelihood == pytest.approx(log_likelihood(weighted(case.program, weights), rows), abs=1e-6)
    assert found.log_likelihood >= log_likelihood(weighted(case.program, list(oracle.weights)), rows) - 1e-4


def test_a_variable_of_the_body_alone_multiplies_choices():
    # as in ProbLog's inference; its learner makes one choice for each head
    program = "t(0.3)::sick(X) :- contact(X,Y).\ncontact(1,a). contact(2,a). contact(2,b). contact(3,a).\n"
    draw = random.Random(2)
    rows = [{f"sick({k})": draw.random() < (0.64 if k == 2 else 0.4) for k in (1, 2, 3)} for _ in range(30)]
    oracle = learn(program, examples(rows))
    reasoner = ns.Reasoner(ns.Program.from_text(program, dialect="pl"))
    found = fit_interpretations(reasoner, parse_interpretations(examples(rows)), progress=False, tolerance=1e-8)
    weights = [p for w in found.weights for p in w.probabilities]
    assert found.log_likelihood == pytest.approx(log_likelihood(weighted(program, weights), rows), abs=1e-6)
    assert found.log_likelihood > log_likelihood(weighted(program, list(oracle.weights)), rows) + 0.1


def test_partly_observed_disjunctions_are_more_likely_than_problogs():
    # ProbLog normalises the weights of a disjunction after each step, which is no step of the maximisation
    program = "t(0.2)::face(1); t(0.3)::face(2); t(0.5)::face(3).\nt(0.5)::win :- face(3).\nt(0.1)::win :- face(1).\n"
    draw = random.Random(1)
    rows = []
    for _ in range(40):
        face = draw.choice((1, 2, 2, 3))
        row: Row = {f"face({face})": True} if draw.random() < 0.6 else {f"face({face % 3 + 1})": False}
        rows.append(row | {"win": face != 2 and draw.random() < 0.4})
    oracle = learn(program, examples(rows))
    reasoner = ns.Reasoner(ns.Program.from_text(program, dialect="pl"))
    found = fit_interpretations(reasoner, parse_interpretations(examples(rows)), progress=False, tolerance=1e-8)
    weights = [p for w in found.weights for p in w.probabilities]
    assert found.log_likelihood == pytest.approx(log_likelihood(weighted(program, weights), rows), abs=1e-6)
    assert found.log_likelihood >= log_likelihood(weighted(program, list(oracle.weights)), rows)
