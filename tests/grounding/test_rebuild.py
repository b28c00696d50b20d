"""Proofs that are rebuilt for a graph that keeps facts only: of weighted rules and under negation, too."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings

import neurosym as ns
from neurosym.errors import RuleError
from neurosym.grounding import CERTAIN, DerivationGraph, ground, with_proofs
from neurosym.lang import parse_atom, parse_text
from neurosym.semantics import Exact
from tests.oracles.programs import Style, programs

PROGRAMS = Style(constants=("1", "2", "3"), weights=("0.3", "0.5"), facts=8, rules=8, groups=True)
CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

Firing = tuple[str, frozenset[tuple[str, bool]]]


def firings(graph: DerivationGraph) -> list[Firing]:
    found = []
    for k, head in enumerate(graph.head.tolist()):
        body, sign = graph.body_of(k)
        found.append((graph.atom(head), frozenset(zip(map(graph.atom, body), sign, strict=True))))
    return found


@settings(max_examples=60, suppress_health_check=CHECKS)
@given(programs(PROGRAMS))
def test_each_derived_fact_has_a_firing_of_the_full_graph(statements: list[str]) -> None:
    try:
        program = parse_text("\n".join(statements), "random.rules")
    except RuleError:
        assume(False)
        raise
    full, lean = ground(program), ground(program, mode="boolean")
    proved = with_proofs(lean, np.arange(lean.num_facts, dtype=np.int32))
    assert set(firings(proved)) <= set(firings(full))
    derived = {full.atom(h) for h in full.head.tolist()}
    given_ = {lean.atom(f) for f in range(lean.num_facts) if lean.place[f] >= 0 and lean.status[f] == CERTAIN}
    assert derived - given_ <= {atom for atom, _ in firings(proved)}
    for k, head in enumerate(proved.head.tolist()):
        body, sign = proved.body_of(k)
        assert all(f < head for f, s in zip(body, sign, strict=True) if s)  # so proofs have no cycle


def test_a_weighted_rule_rests_on_a_closure_of_facts_alone() -> None:
    program = ns.Program.from_text("""
    pred edge(x: any, y: any) .
    path(X, Y) :- edge(X, Y).
    path(X, Z) :- path(X, Y), edge(Y, Z).
    rule risky weight 0.3 if path(?x, ?y) and bad(?y) then risk(?x) .
    safe(X) :- edge(X, _), not risk(X).
    bad(n30).
    """)
    facts = ns.FactBase.from_facts([("edge", (ns.Symbol(f"n{i}"), ns.Symbol(f"n{i + 1}"))) for i in range(30)])
    lean = ground(program, facts, mode="boolean")
    assert lean.num_groundings == 0
    for query, probability in (("risk(n0)", 0.3), ("safe(n0)", 0.7)):
        fact = int(lean.matches(parse_atom(query))[0])
        graph = with_proofs(lean, np.array([fact], np.int32))
        tags = torch.zeros(1, graph.num_facts, dtype=torch.float64)
        for group in graph.choices:
            assert group.probabilities is not None
            tags[0, torch.from_numpy(group.facts[:, 0]).long()] = torch.from_numpy(group.probabilities[:, 0])
        assert float(Exact(graph, [fact])(tags)[0, 0]) == pytest.approx(probability)
        assert sum(graph.key(int(h))[0] == "path" for h in graph.head) == 30
