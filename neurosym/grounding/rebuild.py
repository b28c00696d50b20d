"""Proofs of facts that were grounded in boolean mode, rebuilt on demand.

Facts get ids in the order in which they are derived, so each fact has a grounding whose positive body facts come
before it. Those are found by evaluating the rules of its predicate backwards, with the head's arguments given; going on
with the body's facts gives one proof of each fact, without cycles.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from neurosym.facts import Ids
from neurosym.grounding.bindings import Bindings, stacked
from neurosym.grounding.core import CoreAtom, CoreRule
from neurosym.grounding.groundings import Block, Groundings, Ragged
from neurosym.grounding.plan import plan

if TYPE_CHECKING:
    from neurosym.grounding.engine import Engine
    from neurosym.grounding.graph import DerivationGraph

_HEAD = -1  # the position under which bindings carry the fact that they are to derive


def with_proofs(graph: DerivationGraph, facts: Ids) -> DerivationGraph:
    """The graph with the groundings of one proof of each of some facts.

    Args:
        facts: (n,) ids of facts of a graph grounded in boolean mode; other graphs have all groundings anyway.
    """
    if graph.engine is None:
        return graph
    return replace(graph, groundings=_Rebuilder(graph.engine, graph).groundings(facts))


class _Rebuilder:
    def __init__(self, engine: Engine, graph: DerivationGraph) -> None:
        self.engine = engine
        self.graph = graph
        self.kept = engine.builder.groundings.columns  # of aggregates, whose groundings are always kept
        self.result = Groundings()

    def groundings(self, facts: Ids) -> Groundings:
        """One grounding for each fact that the facts depend on."""
        builder = self.engine.builder
        self.engine.clock.start()
        builder.record, recorded = True, builder.record
        try:
            seen = np.zeros(self.graph.num_facts, np.bool_)
            frontier = np.unique(facts)
            while len(frontier):
                seen[frontier] = True
                found = [self._of_predicate(int(p), frontier) for p in np.unique(self.graph.predicate[frontier])]
                bodies = np.unique(np.concatenate(found)) if found else frontier[:0]
                frontier = bodies[~seen[bodies]]
        finally:
            builder.record = recorded
        return self.result

    def _of_predicate(self, predicate: int, frontier: Ids) -> Ids:
        """Adds a grounding for each fact of one predicate among some; gives the facts of their bodies."""
        facts = frontier[self.graph.predicate[frontier] == predicate]
        facts = facts[(self.graph.place[facts] < 0) & (self.graph.choice[facts] < 0)]
        bodies = [facts[:0]]
        for number, rule in self.engine.rules_of.get(self.graph.predicates[predicate], ()):
            for head, outcome in rule.heads:
                if head.key == self.graph.predicates[predicate] and len(facts):
                    block = self._first(number, rule, head, outcome, facts)
                    if block is not None:
                        self.result.add(block)
                        bodies.append(block.body.reshape(-1))
                        if block.negated is not None:
                            bodies.append(block.negated.items)
                        facts = np.setdiff1d(facts, block.heads)
        for grounding in np.nonzero(np.isin(self.kept.head, facts))[0].tolist():
            body = self.kept.body[self.kept.body_start[grounding] : self.kept.body_start[grounding + 1]]
            head = self.kept.head[grounding : grounding + 1]
            self.result.add(Block(int(self.kept.rule[grounding]), head, body[None, :]))
            bodies.append(body)
        return np.concatenate(bodies)

    def _first(self, number: int, rule: CoreRule, head: CoreAtom, outcome: int | None, facts: Ids) -> Block | None:
        """One grounding of each fact that rests on earlier facts, of those that the rule derives."""
        table, given = self._given(head, facts)
        steps = plan(rule, self.engine.core, self.engine.builder.relation, given=given)
        heads, bodies, negations, absences = [facts[:0]], [], [], []
        for piece in self.engine.solutions(number, rule, steps, table):
            of = piece.facts.pop(_HEAD)
            body = stacked([piece.facts[p] for p in sorted(piece.facts)], piece.n)
            if outcome is not None:
                body = np.concatenate([body, self._leaf(rule, outcome, piece)[:, None]], axis=1)
            earlier = np.nonzero(((body < of[:, None]) & (body >= 0)).all(axis=1))[0]
            _, first = np.unique(of[earlier], return_index=True)
            at = earlier[first]
            heads.append(of[at])
            bodies.append(body[at])
            negations.append((Ragged.join(piece.negated, piece.n) or Ragged.empty(piece.n)).take(at))
            absences.append((Ragged.join(piece.absent, piece.n) or Ragged.empty(piece.n)).take(at))
        _, first = np.unique(np.concatenate(heads), return_index=True)
        if not len(first):
            return None
        negated, absent = _stacked(negations).take(first), _stacked(absences).take(first)
        return Block(number, np.concatenate(heads)[first], np.concatenate(bodies)[first], negated, absent)

    def _given(self, head: CoreAtom, facts: Ids) -> tuple[Bindings, frozenset[str]]:
        """The bindings that a head's facts give to its variables, which are the second."""
        rows = self.graph.rows[self.graph.predicate[facts[0]]][self.graph.row[facts]]
        keep = np.ones(len(facts), np.bool_)
        columns: dict[str, Ids] = {}
        for place, arg in enumerate(head.args):
            value = np.ascontiguousarray(rows[:, place])
            if isinstance(arg, int):
                keep &= value == arg
            elif arg is not None:
                keep &= columns.setdefault(arg, value) == value
        given = frozenset(columns)
        return Bindings(len(facts), columns, {_HEAD: facts}, [], []).take(keep, given), given

    def _leaf(self, rule: CoreRule, outcome: int, piece: Bindings) -> Ids:
        """(n,) the leaf under which a rule's choice has an outcome, -1 where there is none."""
        assert rule.choice is not None
        rows = stacked([piece.columns[v] for v in rule.choice.variables], piece.n)
        relation = self.engine.builder.relation(rule.choice.leaves[outcome])
        found = relation.find(rows)
        return np.where(found < 0, np.int32(-1), relation.facts_of(np.maximum(found, 0)))


def _stacked(parts: list[Ragged]) -> Ragged:
    return Ragged(np.concatenate([p.counts for p in parts]), np.concatenate([p.items for p in parts]))
