"""A graph of triples with numbered entities and relations, and the splits that link prediction is measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import DataError

Long = NDArray[np.int64]
Edge = tuple[int, int, int]  # head, relation, tail; relations from R on are inverses


def both_ways(triples: Long, num_relations: int) -> Long:
    """(2n, 3) the triples as (h, r, t), then as (t, R + r, h)."""
    back = triples[:, [2, 1, 0]] + np.array([0, num_relations, 0])
    return np.concatenate([triples, back])


def inverse(relations: NDArray[np.integer], num_relations: int) -> NDArray[np.integer]:
    """The inverse of each directed relation: R + r of r, and r of R + r."""
    return (relations + num_relations) % (2 * num_relations)


@dataclass(frozen=True, eq=False)
class TripleGraph:
    """Triples over N entities and R relations.

    Attributes:
        entities: N stable names; full IRIs without brackets where they are IRIs.
        relations: R stable names.
        triples: (n, 3) head, relation, tail; distinct, in the order in which they were read.
        labels: entity → what people call it, where that is known.
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    triples: Long
    labels: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def entity_ids(self) -> dict[str, int]:
        """Entity → its number."""
        return {name: i for i, name in enumerate(self.entities)}

    @cached_property
    def relation_ids(self) -> dict[str, int]:
        """Relation → its number."""
        return {name: i for i, name in enumerate(self.relations)}

    @cached_property
    def edges(self) -> Long:
        """(2n, 3) the triples, then their inverses: the inverse of relation r has the number R + r."""
        return both_ways(self.triples, len(self.relations))

    def over(self, relations: Sequence[str]) -> TripleGraph:
        """The same triples with relations numbered as a model numbers them.

        Raises:
            DataError: NS934, a triple's relation is not among these.
        """
        number = {name: i for i, name in enumerate(relations)}
        used = np.unique(self.triples[:, 1]).tolist()
        if unknown := [self.relations[r] for r in used if self.relations[r] not in number]:
            raise DataError(
                f"the model knows no relation `{unknown[0]}`", code="NS934",
                note=f"{len(unknown)} relations of the graph are none of its {len(number)}",
                help="take their triples out, or learn a model on a graph that has them",
            )  # fmt: skip
        new = np.array([number.get(name, -1) for name in self.relations] or [-1], np.int64)
        triples = np.column_stack([self.triples[:, 0], new[self.triples[:, 1]], self.triples[:, 2]])
        return TripleGraph(self.entities, tuple(relations), triples, self.labels)

    def without(self, edges: Sequence[Edge]) -> TripleGraph:
        """The graph less some edges, which may be given by their inverse."""
        count = len(self.relations)
        stored = {(t, r - count, h) if r >= count else (h, r, t) for h, r, t in edges}
        keep = np.ones(len(self.triples), bool)
        for triple in stored:
            keep &= (self.triples != np.array(triple)).any(1)
        return TripleGraph(self.entities, self.relations, self.triples[keep], self.labels)


@dataclass(frozen=True, eq=False)
class LinkSplit:
    """What is known, and what is asked.

    Attributes:
        graph: the triples that may be reasoned from when the test's queries are asked.
        valid: (n, 3) triples to choose by, over `graph`'s numbers.
        test: (n, 3) triples to measure on, over `graph`'s numbers.
        train_graph: the graph to learn on, where it is another one (inductive: its entities are not those of `graph`,
            its relations have the same numbers); train_valid: the triples to choose by then, over its numbers.
        name: of the data and of its split, to stand beside every figure.
    """

    graph: TripleGraph
    valid: Long
    test: Long
    train_graph: TripleGraph | None = None
    train_valid: Long | None = None
    name: str = ""
