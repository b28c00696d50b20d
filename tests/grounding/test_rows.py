"""Rounds row by row give the graph that rounds by columns give: facts, statuses, ranks, groundings and choices."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from benchmarks.semantics import families
from neurosym.errors import GroundingError, LimitError, NeurosymError, RuleError
from neurosym.grounding import POSSIBLE, DerivationGraph, Limits, clock, engine, ground
from neurosym.grounding.rows import actions, ledger, mirrors, rounds, steps
from neurosym.lang import parse_atom, parse_text
from tests.grounding.test_clingo import CLINGO, assert_consistent, compare_with_clingo
from tests.grounding.test_previous import check as check_previous
from tests.grounding.test_status import columns
from tests.oracles.programs import Style, programs
from tests.oracles.recursions import recursions

MODES = st.sampled_from(["firings", "firings", "boolean"])
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
            patch.setattr(actions, "MOST", self.most)
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
    """All that a graph holds but the numbers of facts: they go by the order of literals, and so by what is measured."""

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
                if mode == "firings":
                    assert_consistent(graph)
    assert results[0] == results[1]


@settings(max_examples=250, deadline=None, suppress_health_check=CHECKS)
@given(recursions(), ways, MODES, st.booleans())
def test_recursions(statements: list[str], way: Way, mode: str, demand: bool) -> None:
    check(statements, way, mode, demand)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None, suppress_health_check=CHECKS)
@given(recursions(), ways, MODES, st.booleans())
def test_recursions_often(statements: list[str], way: Way, mode: str, demand: bool) -> None:
    check(statements, way, mode, demand)


@settings(max_examples=100, deadline=None, suppress_health_check=CHECKS)
@given(programs(Style(weights=("0.3", "1.0"), groups=True)), ways, MODES, st.booleans())
def test_programs_of_all_kinds(statements: list[str], way: Way, mode: str, demand: bool) -> None:
    check(statements, way, mode, demand)


@settings(max_examples=60, deadline=None, suppress_health_check=CHECKS)
@given(programs(CLINGO), ways)
def test_clingo_agrees(statements: list[str], way: Way) -> None:
    with way.chosen():
        compare_with_clingo(statements)


more = st.tuples(st.just("next"), st.tuples(st.integers(1, 9), st.integers(1, 9)))


@settings(max_examples=60, deadline=None, suppress_health_check=CHECKS)
@given(
    recursions(), ways, MODES, st.booleans(), st.booleans(),
    st.lists(more, max_size=3), st.lists(more, min_size=1, max_size=3),
)  # fmt: skip
def test_grounding_anew(
    statements: list[str], way: Way, mode: str, demand: bool, add: bool, first: list, rest: list
) -> None:  # fmt: skip
    with way.chosen():
        check_previous(statements, first, rest, add, mode=mode, demand=demand, limits=Limits(facts=400))


@pytest.mark.parametrize(
    ("family", "n"), [("coins_parity", 60), ("coins_count", 30), ("hmm_smoothing", 40), ("hmm_filtering", 30)]
)
def test_facts_and_groundings_keep_their_numbers(family: str, n: int) -> None:
    program = parse_text(getattr(families, family)(n, 0), "program.pl", "pl")
    queries = [query.atom for query in program.queries]
    graphs = []
    for way in (COLUMNS, ROWS, Way(enough=1, fetch_all=0), Way(few=12, after=2, many=32)):
        with way.chosen():
            plain = columns(ground(program, queries=queries, demand=True))
            plain["choices"] = [row for group in plain["choices"] for row in group]  # type: ignore[attr-defined]
            graphs.append(plain)
    assert all(graph == graphs[0] for graph in graphs[1:])


def test_a_rule_that_cannot_match_is_not_fired(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred rules for a chain of a hundred steps are a hundred firings."""
    fired: list[int] = []
    one = rounds.Rounds._fire
    monkeypatch.setattr(rounds.Rounds, "_fire", lambda self, firing: (fired.append(1), one(self, firing))[1])
    text = "p(0). " + " ".join(f"p({k + 1}) :- p({k})." for k in range(100))
    graph = ground(parse_text(text))
    assert graph.num_facts == 101 and graph.rank.max() == 101
    assert 90 < len(fired) <= 100


NUMBERS = "number(0). number(Y) :- number(X), Y is X + 1."
STOPS = {
    "facts": (Limits(facts=3000), "more than 3,000 facts, while deriving number/1"),
    "firings": (Limits(firings=3000), "more than 3,000 firings"),
    "memory": (Limits(memory=1e6), "more than 0.001 GB"),
    "seconds": (Limits(seconds=0.1), "longer than the 0.1 s"),
}


@pytest.mark.parametrize("name", STOPS)
def test_a_limit_names_the_rule_and_its_size(name: str) -> None:
    limits, message = STOPS[name]
    with pytest.raises(LimitError) as caught:
        ground(parse_text(NUMBERS, "numbers.rules"), limits=limits)
    assert message in caught.value.message
    assert caught.value.note.startswith("in rule `numbers.rules:1` (numbers.rules:1:12")
    if name == "firings":
        assert "number/1 has 3,002 facts, and the rule 3,000 groundings so far" in caught.value.note
        assert "largest join" not in caught.value.note  # each gave one row: no join is to blame


def test_progress_counts_what_is_not_written_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "REPORT_EVERY", 0.0)  # at every look at the clock, however fast the machine is
    lines: list[str] = []
    with pytest.raises(LimitError):
        ground(parse_text(NUMBERS, "numbers.rules"), limits=Limits(facts=20_000), progress=lines.append)
    assert len(lines) > 3
    for line in lines:
        found = re.match(r"numbers.rules:1, round (\d+): ([\d,]+) facts, ([\d,]+) firings, ", line)
        assert found is not None
        number, facts, firings = (int(n.replace(",", "")) for n in found.groups())
        assert number == facts == firings + 1


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_names_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "REPORT_EVERY", 0.0)
    program = parse_text(NUMBERS, "numbers.rules")
    with pytest.raises(KeyboardInterrupt) as caught:
        ground(program, limits=Limits(facts=1_000_000), progress=lambda _: os.kill(os.getpid(), signal.SIGINT))
    assert "in rule `numbers.rules:1`" in caught.value.__notes__[0]


def test_values_that_are_no_small_integers() -> None:
    """Fractions, texts, dates, failures and numbers out of range are the evaluator's, and counted as it counts them."""
    text = """
    p(0, a). p(0, 5). p(0, 2.5). p(0, "text"). p(0, 2024-02-29). p(0, 9000000000000000000).
    p(K, Y) :- p(J, X), J < 8, K is J + 1, Y is X / 2.
    p(K, Y) :- p(J, X), J < 6, K is J + 1, Y is X * 2, Y < 100.
    p(K, Y) :- p(J, X), J < 5, K is J + 1, Y is (X + 3) // (K - 2) - abs(min(X, 4)) mod 3.
    p(K, X) :- p(J, X), J < 9, K = J + 1, X \\== 5.
    """
    results = []
    for way in (COLUMNS, ROWS):
        with way.chosen():
            graph = ground(parse_text(text.replace("p(0, 9000000000000000000).", "")))
            results.append((content(graph), graph.counters))
            with pytest.raises(GroundingError) as caught:
                ground(parse_text(text))
            results.append((caught.value.code, caught.value.message))
    assert results[:2] == results[2:]
    assert len(graph.counters) > 1


@pytest.mark.parametrize("way", [COLUMNS, ROWS])
def test_certainty_that_comes_late_spreads_in_linear_time(way: Way) -> None:
    """Facts of a long chain are only possible until its first one turns out to hold."""
    n = 4000
    text = f"""
    0.5 :: p(0). p(0) :- late({n}).
    late(0). late(Y) :- late(X), X < {n}, Y is X + 1.
    p(Y) :- p(X), X < {n}, Y is X + 1.
    late(-1) :- p(-1).
    """
    with way.chosen():
        graph = ground(parse_text(text))
    possible = np.nonzero(graph.status == POSSIBLE)[0].tolist()
    assert possible == [graph.choices[0].facts[0, 0]]
