"""Counterexamples: where the body of a rule holds and its head does not."""

from __future__ import annotations

from collections.abc import Iterator

from neurosym.links.graph import TripleGraph
from neurosym.links.rules.index import index_edges
from neurosym.links.rules.ruleset import Rule
from neurosym.links.rules.walks import targets, walks

SEARCHED = 2000  # walks that are looked at for one rule


class Refuter:
    """Looks for counterexamples in a graph."""

    def __init__(self, graph: TripleGraph, searched: int = SEARCHED) -> None:
        self.graph, self.index, self.searched = graph, index_edges(graph), searched

    def refute(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """Pairs (X, Y) in the order of the head's arguments, each once; ends after `searched` walks."""
        graph = self.graph
        ids, names = graph.entity_ids, graph.entities
        c = None if rule.head_entity is None else ids.get(rule.head_entity, -1)
        d = None if rule.body_entity is None else ids.get(rule.body_entity, -1)
        steps = [self._number(r) for r in rule.body]
        head = self._number(rule.head)
        if -1 in (c, d) or -1 in steps or head == -1:
            return
        seen: set[tuple[int, int]] = set()
        begins, groups = self.index.by_relation
        left = self.searched
        for group in groups[begins[steps[0]] : begins[steps[0] + 1]]:
            x = int(self.index.entity[group])
            for walk in walks(self.index, x, steps, c, d):
                left -= 1
                pair = (x, walk[-1] if c is None else c)
                if pair not in seen and pair[0] != pair[1] and pair[1] not in targets(self.index, x, head):
                    seen.add(pair)
                    yield tuple(names[e] for e in (pair if not rule.head[1] else pair[::-1]))  # type: ignore
                if left <= 0:
                    return

    def _number(self, relation: tuple[str, bool]) -> int:
        number = self.graph.relation_ids.get(relation[0], -1)
        return number if number < 0 or not relation[1] else number + len(self.graph.relations)
