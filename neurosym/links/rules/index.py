"""The graph as the joins of rules want it: edges grouped by entity and relation, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosym.links.graph import Long, TripleGraph, inverse

Ids = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class EdgeIndex:
    """Edges of N entities and 2R directed relations (the inverse of r is R + r), without loops.

    A loop has no substitution in which distinct variables take distinct entities, so no rule ever uses one.
    A group holds the edges of one entity by one relation; groups exist only where there are edges, so that memory
    follows the edges and not entities × relations.

    Attributes:
        n_entities: N.
        n_relations: R; directed ones are twice as many.
        groups_of: (N + 1,) where the groups of each entity begin; ordered by relation.
        relation: (G,) the relation of each group.
        begins: (G + 1,) where the edges of each group begin.
        target: (E,) where each edge leads; ascending in each group.
        mirror: (E,) for the edge e –r→ t, the group of t by the inverse of r.
    """

    n_entities: int
    n_relations: int
    groups_of: Long
    relation: Ids
    begins: Long
    target: Ids
    mirror: Ids

    @cached_property
    def entity(self) -> Ids:
        """(G,) the entity of each group."""
        return np.repeat(np.arange(self.n_entities, dtype=np.int32), np.diff(self.groups_of))

    @cached_property
    def sizes(self) -> Long:
        """(G,) edges of each group."""
        return np.diff(self.begins)

    @cached_property
    def pairs(self) -> tuple[Long, Ids, Ids]:
        """Edges by entity, then target: (N + 1,) where those of an entity begin, (E,) targets, (E,) relations."""
        edge_entity = np.repeat(self.entity, self.sizes).astype(np.int64)
        edge_relation = np.repeat(self.relation, self.sizes)
        order = np.argsort(edge_entity * self.n_entities + self.target, kind="stable")
        return self.begins[self.groups_of], self.target[order], edge_relation[order]

    @cached_property
    def by_relation(self) -> tuple[Long, Ids]:
        """Groups by relation: (2R + 1,) where those of a relation begin, (G,) group numbers."""
        order = np.argsort(self.relation, kind="stable").astype(np.int32)
        counts = np.bincount(self.relation, minlength=2 * self.n_relations)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), order

    def find(self, entity: NDArray[np.integer], relation: NDArray[np.integer]) -> Long:
        """The group of each (entity, relation), -1 where there is none; entities of -1 have none."""
        keys = self.entity.astype(np.int64) * (2 * self.n_relations) + self.relation
        wanted = np.asarray(entity, np.int64) * (2 * self.n_relations) + relation
        at = np.searchsorted(keys, wanted)
        found = (at < len(keys)) & (np.asarray(entity) >= 0)
        found[found] = keys[at[found]] == wanted[found]
        return np.where(found, at, -1)

    @property
    def columns(self) -> tuple[Long, Ids, Long, Ids]:
        """What every kernel takes: groups_of, relation, begins, target."""
        return self.groups_of, self.relation, self.begins, self.target


def index_edges(graph: TripleGraph) -> EdgeIndex:
    """Group the edges of a graph and their inverses; duplicates count once, loops not at all."""
    n, r2 = max(1, len(graph.entities)), 2 * max(1, len(graph.relations))
    edges = graph.edges
    edges = edges[edges[:, 0] != edges[:, 2]]
    keys = np.sort((edges[:, 0] * r2 + edges[:, 1]) * n + edges[:, 2])
    if len(keys):
        keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    group_keys, target = keys // n, (keys % n).astype(np.int32)
    first = np.flatnonzero(np.concatenate([[True], group_keys[1:] != group_keys[:-1]])) if len(keys) else keys
    groups = group_keys[first]
    mirror_keys = target.astype(np.int64) * r2 + inverse(group_keys % r2, r2 // 2)
    return EdgeIndex(
        n_entities=n,
        n_relations=r2 // 2,
        groups_of=np.searchsorted(groups // r2, np.arange(n + 1)).astype(np.int64),
        relation=(groups % r2).astype(np.int32),
        begins=np.append(first, len(keys)).astype(np.int64),
        target=target,
        mirror=np.searchsorted(groups, mirror_keys).astype(np.int32),
    )
