"""Rounds row by row give the graph that rounds by columns give: facts, statuses, ranks, groundings and choices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import neurosym as ns
from benchmarks.semantics import families
from neurosym.errors import LimitError, NeurosymError, RuleError
from neurosym.facts import FactBase
from neurosym.grounding import DerivationGraph, Limits, clock, engine, ground
from neurosym.grounding.rows import ledger, mirrors, rounds, steps
from neurosym.lang import parse_atom, parse_text
from tests.grounding.test_status import columns
from tests.oracles.programs import Style, programs

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
LARGE = 1 << 40


@dataclass(frozen=True)
class Way:
    """How rounds are run: the bounds between rows and columns, moved so that what happens in large does in small."""

    few: int = LARGE
    after: int = 0
    many: int = LARGE
    most: int = 128
    fetch_all: int = 32
    enough: int = 8192
    held: int = LARGE
    sent: float = 1.0

    @contextmanager
    def chosen(self) -> Iterator[None]:
        """Let all groundings go this way."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine, "FEW", self.few)
            patch.setattr(engine, "AFTER", self.after)
            patch.setattr(rounds, "MANY", self.many)
            patch.setattr(rounds, "HELD", self.held)
            patch.setattr(rounds, "SENT", self.sent)
            patch.setattr(mirrors, "MOST", self.most)
            patch.setattr(steps, "MOST", self.most)
            patch.setattr(mirrors, "FETCH_ALL", self.fetch_all)
            patch.setattr(ledger, "ENOUGH", self.enough)
            yield


COLUMNS, ROWS = Way(few=-1), Way()
ways = st.builds(
    Way, after=st.sampled_from([0, 1]), few=st.sampled_from([2, LARGE]), many=st.sampled_from([2, LARGE, LARGE]),
    most=st.sampled_from([1, 3, 128, 128]), fetch_all=st.sampled_from([0, 32]), enough=st.sampled_from([1, 8192]),
    held=st.sampled_from([1, LARGE, LARGE]), sent=st.sampled_from([0.1, 1.0, 1.0]),
)  # fmt: skip


def content(graph: DerivationGraph) -> dict[str, object]:
    """All that a graph holds but the numbers of facts: those go by the order of literals, and so by what is measured."""

    def grounding(k: int) -> tuple:
        body, signs = graph.body_of(k)
        literals = [(graph.atom(f), sign) for f, sign in zip(body, signs, strict=True)]
        return int(graph.rule[k]), graph.atom(int(graph.head[k])), literals, sorted(graph.absent_of(k))

    facts = [(graph.atom(f), graph.status[f], graph.rank[f], graph.place[f]) for f in range(graph.num_facts)]
    choices = []
    for group in graph.choices:
        weights = group.parameters if group.probabilities is None else group.probabilities
        assert weights is not None
        for row, statement, weight in zip(group.facts, group.statements, weights, strict=True):
            choices.append((group.kind, group.rest, [graph.atom(f) for f in row], int(statement), weight.tolist()))
    asked = {k: sorted(map(repr, r.tolist())) for k, r in graph.questions.items()}
    return {
        "facts": sorted(map(repr, facts)),
        "groundings": sorted(repr(grounding(k)) for k in range(graph.num_groundings)),
        "choices": sorted(map(repr, choices)),
        "questions": {k: len(rows) for k, rows in asked.items()},
        "counters": graph.counters,
    }


def check(statements: list[str], way: Way, mode: str, demand: bool) -> None:
    try:
        program = parse_text("\n".join(statements), "random.rules")
    except RuleError:
        assume(False)
        raise
    queries = [parse_atom("p(X)"), parse_atom("q(1, X)")]
    results: list[object] = []
    for chosen in (COLUMNS, way):
        with chosen.chosen():
            try:
                graph = ground(program, queries=queries, mode=mode, demand=demand, limits=Limits(facts=300))  # type: ignore[arg-type]
            except NeurosymError as error:
                results.append((error.code, error.message))
            else:
                results.append(content(graph))
    assert results[0] == results[1]


STATIC = ("next(X, Y)", "next(Y, X)", "next(X, X)", "edge(X, Y)", "mark(X)", "mark(2)", "maybe(Y)", "on", "edge(1, Y)")
OWN = ("p(X)", "p(Y)", "q(X, Y)", "q(Y, X)", "q(X, 2)", "q(3, Y)", "q(X, X)", "r(Y)", "p(4)", "z")
TESTS = (
    "\\+ maybe(X)",
    "\\+ mark(Y)",
    "\\+ edge(X, _)",
    "\\+ edge(_, _)",
    "X < Y",
    "X \\== Y",
    "X + 1 =< 2 * Y",
    "X = 3",
)
STEPS = ("W is X + 1, W =< 7", "W is X * 2 - Y, W >= 0, W < 9", "W is Y / 2, W > 1", "W = X")
HEADS = ("p(X)", "p(Y)", "q(X, Y)", "q(Y, X)", "q(1, Y)", "r(X)", "z", "p(5)")
NUMBERED = ("p(W)", "q(W, Y)", "q(X, W)", "r(W)")
CHOICES = ("0.3 :: ", "0.4 :: p(X) ; 0.5 :: ", "0.2 :: r(Y) ; 0.8 :: ")


CHAINS = (
    "p(Y) :- p(X), next(X, Y).",
    "r(Y) :- p(X), next(X, Y), \\+ mark(Y).",
    "p(Y) :- r(X), next(X, Y), maybe(_).",
    "q(X, Z) :- q(X, Y), next(Y, Z).",
    "q(X, Z) :- q(X, Y), q(Y, Z).",
    "q(C, K) :- next(B, C), q(B, J), maybe(C), K is J + 1.",
    "q(C, K) :- next(B, C), q(B, K), \\+ maybe(C).",
    "0.3 :: p(Y); 0.6 :: r(Y) :- next(X, Y), p(X).",
    "p(Y) :- next(X, Y), p(X), r(X).",
    "p(3) :- p(2). p(4) :- p(3). r(5) :- p(4), z. z :- p(3).",
    "p(N) :- p(M), N is M + 1, N < 9.",
)


@st.composite
def recursions(draw: st.DrawFn) -> list[str]:
    """A chain, some edges, and rules over p, q, r and z, most of them recursive, several to a predicate."""
    n = draw(st.integers(2, 8))
    pairs = st.tuples(st.integers(1, 6), st.integers(1, 6))
    lines = [f"next({k}, {k + 1})." for k in range(1, n)] + ["edge(1, 2).", "on.", "0.5 :: maybe(2).", "maybe(3)."]
    lines += ["mark(9).", "r(9).", "0.1 :: z."]
    lines += [f"edge({a}, {b})." for a, b in draw(st.lists(pairs, max_size=5))]
    lines += [f"{w}mark({k})." for k, w in enumerate(draw(st.lists(st.sampled_from(["", "0.4 :: "]), max_size=5)), 1)]
    lines += [
        "p(1).",
        "q(1, 2).",
        *draw(st.lists(st.sampled_from(["0.6 :: r(2).", "q(3, 1).", "p(foo)."]), max_size=2)),
    ]
    lines += draw(st.lists(st.sampled_from(CHAINS), min_size=1, max_size=4, unique=True))
    for _ in range(draw(st.integers(0, 5))):
        own = draw(st.lists(st.sampled_from(OWN), min_size=1, max_size=2))
        body = [*own, *draw(st.lists(st.sampled_from(STATIC), max_size=2))]
        body += [bound for v, bound in (("X", "edge(X, _)"), ("Y", "next(_, Y)")) if v not in "".join(body)]
        body += draw(st.lists(st.sampled_from(TESTS), max_size=1))
        head = draw(st.sampled_from(HEADS))
        if draw(st.booleans()):
            body.append(draw(st.sampled_from(STEPS)))
            head = draw(st.sampled_from(NUMBERED))
        choice = draw(st.sampled_from(["", "", "", *CHOICES]))
        lines.append(f"{choice}{head} :- {', '.join(body)}.")
    return lines


@settings(max_examples=250, deadline=None, suppress_health_check=CHECKS)
@given(recursions(), ways, st.sampled_from(["firings", "firings", "boolean"]), st.booleans())
def test_recursions(statements: list[str], way: Way, mode: str, demand: bool) -> None:
    check(statements, way, mode, demand)
