"""Keeping the label out of what it is predicted from: its relation, its inverses, and what only says it again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosym.errors import DataError
from neurosym.lang.terms import OWL, RDFS
from neurosym.links.graph import Long, TripleGraph

# What says that two relations hold together; of a sub-property only the narrower one gives the other away.
_SAME = (f"{OWL}inverseOf", f"{OWL}equivalentProperty")
_NARROWER = f"{RDFS}subPropertyOf"


@dataclass(frozen=True)
class Leak:
    """A relation whose triples were taken out, and why.

    Attributes:
        relation: its name; why: `the label`, `declared`, or `restates`.
        removed: triples taken out; kept: triples of the relation that stay, for they are about other things.
        agreeing, compared: of the triples between a labelled entity and a class, how many name the entity's own one.
    """

    relation: str
    why: str
    removed: int
    kept: int
    agreeing: int
    compared: int

    def __str__(self) -> str:
        reasons = {
            "the label": "it is the label", "declared": "the graph says that it is the label's inverse or implies it",
            "restates": "it links individuals with classes and says what the label says",
        }  # fmt: skip
        agreement = f"; right for {self.agreeing} of {self.compared}" if self.compared else ""
        return f"{self.relation}: {self.removed:,} triples, {self.kept:,} kept: {reasons[self.why]}{agreement}"


@dataclass(frozen=True, eq=False)
class Withheld:
    """A graph without its label, and what was taken out.

    Attributes:
        graph: numbered as before; relations that are empty now keep their numbers.
        removed: (n, 3) the triples taken out; leaks: relation by relation.
    """

    graph: TripleGraph
    removed: Long
    leaks: tuple[Leak, ...]

    def __str__(self) -> str:
        return "\n".join(str(leak) for leak in self.leaks)


def withhold(graph: TripleGraph, label: str, restating: float | None = 0.9) -> Withheld:
    """Take out of a graph what gives the label away.

    Args:
        label: the relation from individuals to their classes.
        restating: triples straight between a labelled individual and a class go, too, if at least this share of the
            relation's name the individual's own class: `member(group, person)` is the label by another name, whatever
            the schema says. Benchmarks as published keep these; None does so, for figures that compare.

    Returns:
        The graph without them. Evidence of two steps or more, such as the project of a person and its group, stays.

    Raises:
        DataError: NS934, the graph has no such relation.
    """
    if label not in graph.relation_ids:
        raise DataError(f"the graph has no relation `{label}`", code="NS934", help="name it by its full IRI")
    triples, number = graph.triples, graph.relation_ids[label]
    own = triples[triples[:, 1] == number]
    size = len(graph.entities)
    truth = np.unique(own[:, 0] * size + own[:, 2])
    labelled, classes = np.unique(own[:, 0]), np.unique(own[:, 2])
    declared = _implying(graph, label)
    gone = np.zeros(len(triples), bool)
    leaks: list[Leak] = []
    for relation, name in enumerate(graph.relations):
        mine = np.flatnonzero(triples[:, 1] == relation)
        h, t = triples[mine, 0], triples[mine, 2]
        forward, backward = np.isin(h, labelled) & np.isin(t, classes), np.isin(t, labelled) & np.isin(h, classes)
        agrees = (forward & np.isin(h * size + t, truth)) | (backward & np.isin(t * size + h, truth))
        across, agreeing = forward | backward, int(agrees.sum())
        why, out = "", np.zeros(len(mine), bool)
        if name in declared:
            why, out = ("the label" if name == label else "declared"), ~out
        elif restating is not None and across.any() and agreeing >= restating * across.sum():
            why, out = "restates", across
        if out.any():
            gone[mine[out]] = True
            leaks.append(Leak(name, why, int(out.sum()), int((~out).sum()), agreeing, int(across.sum())))
    rest = TripleGraph(graph.entities, graph.relations, triples[~gone], graph.labels)
    return Withheld(rest, triples[gone], tuple(leaks))


def _implying(graph: TripleGraph, label: str) -> set[str]:
    """Relations whose triples imply one of the label's, by what the graph itself says of its relations."""
    said = [
        (graph.entities[h], graph.relations[r], graph.entities[t])
        for h, r, t in graph.triples[
            np.isin(graph.triples[:, 1], [graph.relation_ids.get(n, -1) for n in (*_SAME, _NARROWER)])
        ].tolist()
    ]
    found, before = {label}, 0
    while len(found) > before:
        before = len(found)
        for one, way, other in said:
            if other in found:
                found.add(one)
            if one in found and way in _SAME:
                found.add(other)
    return found
