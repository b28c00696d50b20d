"""Graphs in which what is certain can be switched off, against the program without it, grounded anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import neurosym as ns
from neurosym.explain.contributions.switches import switched
from neurosym.grounding import DerivationGraph, ground
from neurosym.lang.ast import Rule
from neurosym.semantics import Exact
from tests.grounding.test_options import parse
from tests.oracles.programs import Style, programs

SMALL = Style(constants=("1", "2"), weights=("0.3", "0.7"), facts=6, rules=6, groups=True)


def probabilities(graph: DerivationGraph, off: int | None = None) -> dict[str, float]:
    """Atom → its probability, with one leaf at zero."""
    tags = torch.zeros(1, graph.num_facts, dtype=torch.float64)
    for group in graph.choices:
        values = np.ones(group.facts.shape) if group.probabilities is None else group.probabilities
        tags[0, torch.from_numpy(group.facts.astype(np.int64))] = torch.from_numpy(values)
    if off is not None:
        tags[0, off] = 0
    named = sum(len(rows) for rows in graph.rows)
    facts = [f for f in range(named) if not graph.hidden(f)]
    found = Exact(graph, facts)(tags)[0].tolist()
    return {graph.atom(f): p for f, p in zip(facts, found, strict=True) if p > 0}


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(programs(SMALL), st.data())
def test_what_is_switched_off_is_as_if_it_were_not_there(statements: list[str], data: st.DataObject) -> None:
    program = parse(statements)
    graph = ground(program)
    sure = [
        k for k, s in enumerate(program.statements)
        if isinstance(s, Rule) and len(s.heads) == 1 and s.heads[0].weight is None
    ]  # fmt: skip
    assume(sure and graph.num_facts)
    number = data.draw(st.sampled_from(sure))
    chosen = program.rules[number]
    facts, rules = [], []
    if chosen.is_fact:
        facts = graph.matches(chosen.heads[0].atoms[0]).tolist()
        kept = [s for s in program.statements if not (isinstance(s, Rule) and s.is_fact and s.heads == chosen.heads)]
        assume(len(facts) == 1)
    else:
        rules = [number]
        kept = [s for s in program.statements if s is not chosen]
    made = switched(graph, range(graph.num_facts), rules, facts, program)
    assume(made is not None)
    assert made is not None
    changed, (leaf,) = made
    assert probabilities(changed) == pytest.approx(probabilities(graph), abs=1e-9)
    anew = ground(replace(program, statements=tuple(kept)))
    assert probabilities(changed, leaf) == pytest.approx(probabilities(anew), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("q(X) :- r(X), \\+s(X). s(X) :- t(X). r(a). t(a). 0.5::q(b).", "s(X) :- t(X)."),  # s(a) kept q(a) out
        (
            "n(N) :- r, N = count{ X : m(X) }. m(X) :- t(X). t(a). r. 0.5::m(b).",
            "m(X) :- t(X).",
        ),  # always counted
    ],
)
def test_where_groundings_may_be_added_it_is_not_done(text: str, statement: str) -> None:
    program = ns.Program.from_text(text, "p.pl", "pl")
    graph = ground(program, ns.FactBase())
    number = [str(r.span) for r in program.rules].index(str(program.rules[1].span))
    assert switched(graph, range(graph.num_facts), [number], [], program) is None
    assert statement in text


def test_what_a_graph_excludes_is_handed_on() -> None:
    """A graph that was made from another has groundings of it, which had been kept out then."""
    program = ns.Program.from_text("pred r(x: any) . q(X) :- r(X), not s(X). s(X) :- t(X). t(a).")
    facts = ns.FactBase.from_facts([("r", (ns.Symbol("a"),)), ("r", (ns.Symbol("b"),))])
    more = facts + ns.FactBase.from_facts([("r", (ns.Symbol("c"),))])
    first = ground(program, facts)
    assert first.excluding and ground(program, more, previous=first).excluding == first.excluding
