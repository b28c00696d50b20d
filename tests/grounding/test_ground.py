"""Limits, three-valued status, and the graph's columns. What is derived is tested in test_clingo and tests/programs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from neurosym.errors import GroundingError, LimitError
from neurosym.facts import FactBase
from neurosym.grounding import CERTAIN, POSSIBLE, DerivationGraph, Limits, ground, relation_sizes
from neurosym.lang import parse_atom, parse_text


def graph_of(text: str, **options) -> DerivationGraph:  # type: ignore[no-untyped-def]
    return ground(parse_text(text, "test.rules"), **options)


def status(graph: DerivationGraph, atom: str) -> int | None:
    found = graph.matches(parse_atom(atom))
    return int(graph.status[found[0]]) if len(found) else None


def test_a_runaway_recursion_names_its_rule() -> None:
    with pytest.raises(LimitError) as caught:
        graph_of("n(0). n(X) :- n(Y), X is Y + 1.", limits=Limits(facts=500))
    assert caught.value.code == "NS410"
    assert "n/1" in caught.value.message and "test.rules:1" in caught.value.note


def test_a_cross_product_names_its_rule() -> None:
    facts = " ".join(f"a({k}). b({k})." for k in range(100))
    with pytest.raises(LimitError) as caught:
        graph_of(facts + "\np(X, Y) :- a(X), b(Y).", limits=Limits(firings=5000))
    assert caught.value.code == "NS410"
    assert "10,000" in caught.value.message and "test.rules:2" in caught.value.note


def test_a_wide_range_is_refused_before_it_is_made() -> None:
    with pytest.raises(LimitError):
        graph_of("p(X) :- between(0, 9000000000000000000, X).")
    with pytest.raises(LimitError):
        graph_of("p(X) :- between(-9000000000000000000, 9000000000000000000, X).")


def test_time_is_limited() -> None:
    with pytest.raises(LimitError, match="longer than"):
        graph_of("n(0). n(X) :- n(Y), X is Y + 1.", limits=Limits(seconds=0.2))


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_ends_grounding() -> None:
    code = (
        "from neurosym.lang import parse_text; from neurosym.grounding import ground; print('up', flush=True);"
        "ground(parse_text('n(0). n(X) :- n(Y), X is Y + 1.'))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None and run.stdout.readline() == "up\n"
        # on a busy machine the first may come while a module is imported, which can lose it
        until = time.monotonic() + 60
        while run.poll() is None and time.monotonic() < until:
            time.sleep(0.3)
            run.send_signal(signal.SIGINT)
        run.kill()
        _, errors = run.communicate()
    assert "KeyboardInterrupt" in errors


def test_status_is_upgraded_within_a_recursion() -> None:
    # the possible way is found first, the certain one rounds later; what rests on it follows
    graph = graph_of(
        "0.5 :: e(1, 9). e(1, 2). e(2, 3). e(3, 9). e(9, 10). 0.5 :: e(10, 11)."
        " r(1). r(Y) :- r(X), e(X, Y). safe(X) :- r(X), not e(X, 9). both(X) :- r(X), not r(11)."
    )
    assert status(graph, "r(9)") == CERTAIN
    assert status(graph, "r(10)") == CERTAIN
    assert status(graph, "r(11)") == POSSIBLE
    assert status(graph, "safe(1)") == POSSIBLE
    assert status(graph, "safe(2)") == CERTAIN
    assert status(graph, "safe(3)") is None
    assert status(graph, "both(1)") == POSSIBLE


def test_a_negated_literal_becomes_an_edge_vanishes_or_kills() -> None:
    graph = graph_of("a(1). a(2). a(3). 0.5 :: b(2). b(3). p(X) :- a(X), not b(X).")
    assert status(graph, "p(1)") == CERTAIN
    assert status(graph, "p(2)") == POSSIBLE
    assert status(graph, "p(3)") is None
    (p1,), (p2,) = (graph.matches(parse_atom(f"p({k})")) for k in (1, 2))
    (first,), (second,) = ((graph.head == p).nonzero()[0] for p in (p1, p2))
    assert graph.absent_of(int(first)) == ["b(1)"]
    body, sign = graph.body_of(int(second))
    assert [graph.atom(b) for b in body] == ["a(2)", "b(2)"] and sign == [True, False]
    assert graph.absent_of(int(second)) == []


def test_certain_best_value_is_certain() -> None:
    graph = graph_of(
        "0.5 :: v(x, 3). v(y, 3). 0.5 :: v(z, 4). m(M) :- M = min{ A : v(_, A) }. k(M) :- M = min{ A, X : v(X, A) }."
    )
    assert status(graph, "m(3)") == CERTAIN
    assert status(graph, "k(3)") == CERTAIN
    assert status(graph, "k(4)") is None


def test_each_grounding_once() -> None:
    # nonlinear recursion over a complete graph: every pair of facts joins exactly once
    n = 5
    edges = " ".join(f"e({a}, {b})." for a in range(n) for b in range(n))
    graph = graph_of(edges + " p(X, Y) :- e(X, Y). p(X, Z) :- p(X, Y), p(Y, Z).")
    assert relation_sizes(graph) == {("e", 2): n * n, ("p", 2): n * n}
    assert graph.num_groundings == n * n + n**3
    rows = {(int(h), tuple(graph.body_of(g)[0])) for g, h in enumerate(graph.head)}
    assert len(rows) == graph.num_groundings


def test_heads_of_one_rule_share_their_choice() -> None:
    graph = graph_of("0.4 :: a(X); 0.3 :: b(X) :- q(X). q(1). q(2).")
    (group,) = graph.choices
    assert group.facts.shape == (2, 2)
    assert group.probabilities is not None and group.probabilities.tolist() == [[0.4, 0.3]] * 2
    assert graph.choice_rest.all()


def test_facts_of_other_predicates_are_left_out_unless_asked_for() -> None:
    facts = FactBase.from_facts([("p", (1,)), ("q", (2,))])
    program = parse_text("r(X) :- p(X).", facts_predicates=[("p", 1), ("q", 1)])
    assert ("q", 1) not in relation_sizes(ground(program, facts))
    assert relation_sizes(ground(program, facts, queries=[parse_atom("q(X)")]))[("q", 1)] == 1


def test_matches_binds_repeated_variables() -> None:
    graph = graph_of("p(1, 1). p(1, 2). p(2, 2). q(1, 1.0).")
    spelled = [
        [graph.atom(f) for f in graph.matches(parse_atom(a))]
        for a in ("p(X, X)", "p(_, 2)", "p(3, X)", "q(X, X)", "none(X)")
    ]
    assert spelled == [["p(1, 1)", "p(2, 2)"], ["p(1, 2)", "p(2, 2)"], [], [], []]


def test_failures_are_counted() -> None:
    graph = graph_of('v(0). v(2). v(a). v("x"). p(Y) :- v(X), Y is 1 / X. q(X) :- v(X), X < 1.')
    assert graph.counters["`/` of a value it is not defined for"] == 1
    assert graph.counters["arithmetic on something that is no number"] == 2
    assert graph.counters["`<` between values of unlike types"] == 2


def test_negation_over_all_triples_is_refused_not_guessed() -> None:
    text = (
        "@prefix ex: <http://example.org/> .\nex:p(ex:a, ex:b). known(S) :- triple(S, _, _)."
        " ex:q(S, S) :- ex:p(S, _), not ex:r(S, S). ex:r(ex:c, ex:c)."
    )
    with pytest.raises(GroundingError) as caught:
        graph_of(text)
    assert caught.value.code == "NS411"


def test_long_chains_are_not_recursive_python() -> None:
    text = "0.5 :: p0. " + " ".join(f"p{k + 1} :- p{k}." for k in range(1500)) + " query(p1500)."
    graph = graph_of(text)
    from neurosym.semantics.exact import Exact
    from tests.oracles.engine import constant_inputs

    root = graph.matches(parse_atom("p1500")).tolist()
    assert Exact(graph, root)(constant_inputs(graph)).tolist() == [[0.5]]
    assert np.unique(graph.rank).size > 0
