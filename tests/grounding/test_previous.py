"""Grounding anew after facts were added or removed gives what grounding from the start gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import neurosym as ns
from neurosym.errors import NeurosymError, RuleError
from neurosym.facts import FactBase
from neurosym.grounding import DerivationGraph, ground
from neurosym.lang import Program, parse_atom, parse_text
from tests.oracles.programs import LAYERS, Style, programs

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
CERTAIN_ONLY = Style(constants=("1", "2", "3"), facts=4, rules=9, groups=True)
WEIGHTED = Style(constants=("1", "2"), weights=("0.3", "0.7", "1.0"), facts=4, rules=7, groups=True)
PREDICATES = [*LAYERS[0], ("p", 1), ("q", 2)]
QUESTIONS = [parse_atom(q) for q in ("t(X)", "s(1, X)", "c")]

given_facts = st.sampled_from(PREDICATES).flatmap(
    lambda key: st.tuples(
        st.just(key[0]), st.lists(st.sampled_from([1, 2, 3, 9]), min_size=key[1], max_size=key[1]).map(tuple)
    )
)


def content(graph: DerivationGraph) -> tuple[list, list, list]:
    """Facts, groundings and choices, whatever their numbers."""

    def grounding(k: int) -> tuple:
        rule, (body, signs) = graph.rules[graph.rule[k]], graph.body_of(k)
        literals = sorted(zip(map(graph.atom, body), signs, strict=True))
        return rule.statement, rule.part, graph.atom(int(graph.head[k])), literals, sorted(graph.absent_of(k))

    facts = [(graph.atom(f), int(graph.status[f]), bool(graph.place[f] >= 0)) for f in range(graph.num_facts)]
    choices = [(g.kind, *map(graph.atom, row)) for g in graph.choices for row in g.facts.tolist()]
    return sorted(facts), sorted(map(grounding, range(graph.num_groundings))), sorted(choices)


def assert_first_groundings_are_acyclic(graph: DerivationGraph) -> None:
    seen: set[int] = set()
    for k, head in enumerate(graph.head.tolist()):
        if head not in seen and graph.place[head] < 0:
            body, signs = graph.body_of(k)
            assert all(f < head for f, positive in zip(body, signs, strict=True) if positive)
        seen.add(head)


def check(statements: list[str], first: list, more: list, add: bool, **options) -> None:  # type: ignore[no-untyped-def]
    try:
        program = parse_text("\n".join(statements))
    except RuleError:
        assume(False)
        raise
    before = FactBase.from_facts(first)
    after = before + FactBase.from_facts(more)
    if not add:
        before, after = after, after - FactBase.from_facts(more)
    try:
        old = ground(program, before, queries=QUESTIONS, **options)
        fresh = ground(program, after, queries=QUESTIONS, **options)
    except NeurosymError:
        return
    known = content(old)
    updated = ground(program, after, queries=QUESTIONS, previous=old, **options)
    assert content(updated) == content(fresh)
    assert_first_groundings_are_acyclic(updated)
    assert content(old) == known, "the graph before is left as it was"
    back = ground(program, before, queries=QUESTIONS, previous=updated, **options)
    assert content(back) == known


@settings(max_examples=80, deadline=None, suppress_health_check=CHECKS)
@given(
    programs(CERTAIN_ONLY), st.lists(given_facts, max_size=6), st.lists(given_facts, min_size=1, max_size=3),
    st.booleans(), st.booleans(), st.sampled_from(["firings", "boolean"]),
)  # fmt: skip
def test_certain_programs(statements: list[str], first: list, more: list, add: bool, demand: bool, mode: str) -> None:
    check(statements, first, more, add, demand=demand, mode=mode)


@settings(max_examples=60, deadline=None, suppress_health_check=CHECKS)
@given(
    programs(WEIGHTED), st.lists(given_facts, max_size=4), st.lists(given_facts, min_size=1, max_size=3),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_programs_with_choices(statements: list[str], first: list, more: list, add: bool, demand: bool) -> None:
    check(statements, first, more, add, demand=demand)


PATHS = """
pred edge(a: int, b: int) . pred colour(n: int, c: symbol) .
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
seen(Y) :- colour(X, red), path(X, Y).
unseen(X) :- edge(X, _), not seen(X).
"""


def paths() -> tuple[Program, FactBase]:
    edges = [("edge", (k, (k * 7 + 3) % 50)) for k in range(50)]
    return parse_text(PATHS), FactBase.from_facts([*edges, ("colour", (1, ns.Symbol("red")))])


def test_what_does_not_depend_on_the_change_is_the_same_object() -> None:
    program, facts = paths()
    old = ground(program, facts)
    other = facts + FactBase.from_facts([("colour", (2, ns.Symbol("red")))])
    new = ground(program, other, previous=old)
    key = ("path", 2)
    assert new.relations[key] is old.relations[key]
    assert content(new) == content(ground(program, other))


def test_a_new_edge_costs_a_round_and_not_a_closure(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurosym.grounding import engine

    program, facts = paths()
    facts = facts - FactBase.from_facts([("colour", (1, ns.Symbol("red")))])
    old = ground(program, facts)
    fired: list[int] = []
    original = engine.Conclusions.add
    monkeypatch.setattr(
        engine.Conclusions,
        "add",
        lambda self, n, r, table, **k: fired.append(table.n) or original(self, n, r, table, **k),
    )
    other = facts + FactBase.from_facts([("edge", (100, 101))])
    new = ground(program, other, previous=old)
    assert new.num_facts == old.num_facts + 3  # the edge, its path, and that 100 is not seen
    assert sum(fired) < 60 < old.num_groundings


def test_another_program_or_other_terms_are_no_start() -> None:
    program, facts = paths()
    old = ground(program, facts)
    longer = parse_text(PATHS + "more(X) :- seen(X).")
    assert content(ground(longer, facts, previous=old)) == content(ground(longer, facts))
    foreign = FactBase.from_facts([("edge", (9, 8)), ("edge", (1, 2))])
    assert content(ground(program, foreign, previous=old)) == content(ground(program, foreign))


def test_a_reasoner_is_updated() -> None:
    program, facts = paths()
    model = ns.Reasoner(program, facts)
    before = set(model.query("seen(X)").atoms)
    red = FactBase.from_facts([("colour", (2, ns.Symbol("red")))])
    model.update(added=red)
    after = model.query("seen(X)")
    assert set(after.atoms) == set(ns.Reasoner(program, facts + red).query("seen(X)").atoms) > before
    model.update(removed=red)
    assert set(model.query("seen(X)").atoms) == before
    assert np.allclose(model.query("seen(X)").tags.detach(), 1.0)
