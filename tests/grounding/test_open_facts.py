"""Which atoms of open predicates become unknown facts, and of what form these are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from neurosym.errors import LimitError
from neurosym.grounding import CERTAIN, DerivationGraph, Limits, ground
from neurosym.lang import parse_atom, parse_text

LIKES = "pred likes(a: symbol, b: symbol) open . person(ann). person(bob). likes(ann, bob)."


def made(text: str, **options: object) -> DerivationGraph:
    return ground(parse_text(text, "a.rules", "rules"), **options)  # type: ignore[arg-type]


def unknown(graph: DerivationGraph) -> set[str]:
    """The unknown atoms, each of which must have a leaf of its own behind a grounding."""
    found = set()
    for group in graph.choices:
        if group.kind != "open":
            continue
        assert group.facts.shape[1] == 1
        assert group.probabilities is None
        assert (group.statements == -1).all()
        for leaf in group.facts[:, 0].tolist():
            assert graph.hidden(leaf)
            assert not (graph.head == leaf).any()
            (grounding,) = np.nonzero((graph.body[graph.body_start[:-1]] == leaf) & (np.diff(graph.body_start) == 1))[0]
            head = int(graph.head[grounding])
            assert graph.key(head) == group.key
            assert graph.args(head) == graph.args(leaf)
            found.add(graph.atom(head))
    return found


def test_only_what_is_asked_about_and_not_known() -> None:
    graph = made(f"{LIKES} happy(X) :- person(X), likes(X, ann). sad(X) :- person(X), not likes(X, bob).")
    assert unknown(graph) == {"likes(ann, ann)", "likes(bob, ann)", "likes(bob, bob)"}


def test_in_a_closed_world_nothing_is_unknown() -> None:
    graph = made(f"{LIKES} happy(X) :- person(X), likes(X, ann).", open_world=False)
    assert not graph.choices


def test_queries_and_evidence_ask() -> None:
    graph = made(f"{LIKES} query(likes(cem, X)). evidence(likes(dan, ann)).", queries=[parse_atom("likes(eve, ann)")])
    assert unknown(graph) == {"likes(dan, ann)", "likes(eve, ann)"}


def test_the_order_of_statements_does_not_matter() -> None:
    statements = [
        "pred s(x: symbol) open .", "f(a, b).", "f(b, a).", "f(b, c).", "0.5 :: t(c).",
        "s(X) :- t(X).", "s(X) :- f(X, Y), s(Y).", "r(X) :- f(X, _), not s(X).",
    ]  # fmt: skip
    wanted = None
    for order in itertools.islice(itertools.permutations(statements), 0, 40320, 997):
        graph = made("\n".join(order))
        result = (unknown(graph), graph.num_facts, graph.num_groundings)
        wanted = wanted or result
        assert result == wanted
    assert wanted is not None
    assert wanted[0] == set()  # c is known, so that what rests on it is


def test_what_only_unknown_atoms_derive_is_unknown_itself() -> None:
    graph = made("pred s(x: symbol) open . f(a, b). f(b, a). 0.5 :: s(X) :- f(X, Y), s(Y). query(s(a)).")
    assert unknown(graph) == {"s(a)", "s(b)"}


def test_a_certain_fact_stays_certain() -> None:
    graph = made(f"{LIKES} happy(X) :- person(X), person(Y), likes(X, Y).")
    (happy,) = graph.matches(parse_atom("happy(ann)")).tolist()
    assert graph.status[happy] == CERTAIN


def test_first_groundings_form_an_acyclic_proof() -> None:
    graph = made("pred s(x: symbol) open . f(a, b). f(b, a). s(X) :- f(X, Y), s(Y). r(X) :- f(X, Y), s(X), s(Y).")
    seen: set[int] = set()
    for g in range(graph.num_groundings):
        head = int(graph.head[g])
        if head not in seen:
            seen.add(head)
            body, sign = graph.body_of(g)
            assert all(f < head for f, s in zip(body, sign, strict=True) if s)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("pred c(x: 1..50000, y: 1..50000) open . r :- c(_, _).", Limits()),
        (f"{LIKES} happy(X) :- person(X), person(Y), likes(X, Y).", Limits(facts=8)),
        ("pred c(x: 1..100) open . r :- c(_).", Limits(firings=50)),
    ],
)
def test_limits_come_before_the_work(text: str, limits: Limits) -> None:
    with pytest.raises(LimitError) as caught:
        made(text, limits=limits)
    assert "open predicate" in caught.value.message
    assert caught.value.help


def test_without_open_predicates_the_graph_is_what_it_was() -> None:
    text = "pred p(x: symbol) {} . 0.5 :: p(a). n(a). q(X) :- n(X), p(X)."
    one, two = made(text.format("")), made(text.format("open"))
    assert (one.head.tolist(), one.body.tolist(), one.num_facts) == (
        two.head.tolist(),
        two.body.tolist(),
        two.num_facts,
    )
