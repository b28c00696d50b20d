"""What the paths of some queries reach, round by round: the structure that messages run over, without weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosym.errors import LimitError
from neurosym.grounding.columns import offsets
from neurosym.grounding.compiled import load
from neurosym.links.graph import TripleGraph

Int = NDArray[np.int32]
Mask = Literal["own", "pair", "none"]
NO_OWN = np.array([-1, -1, -1])


def kernels() -> ModuleType:
    """The compiled loops of messages."""
    return load("neurosym.links.network.kernels")


@dataclass(frozen=True, eq=False)
class Adjacency:
    """Edges of a graph, both ways, by the entity that they leave.

    Attributes:
        graph: whose edges these are.
        starts: (N + 1,) where each entity's edges begin; `relations` and `tails`: (E,) of the edges.
        triples: (E,) row of the graph's triples that each edge is of.
    """

    graph: TripleGraph
    starts: NDArray[np.int64]
    relations: Int
    tails: Int
    triples: NDArray[np.int64]

    @staticmethod
    def of(graph: TripleGraph) -> Adjacency:
        """The adjacency of a graph, edges of an entity in the order of relation and tail."""
        edges = graph.edges
        order = np.lexsort((edges[:, 2], edges[:, 1], edges[:, 0]))
        edges = edges[order]
        starts = offsets(np.bincount(edges[:, 0], minlength=len(graph.entities)))
        rows = order % max(1, len(graph.triples))
        return Adjacency(graph, starts, edges[:, 1].astype(np.int32), edges[:, 2].astype(np.int32), rows)

    def only(self, kept: NDArray[np.bool_]) -> Adjacency:
        """The edges of some triples, (n,) of the graph's, for messages to run over; `graph` stays the whole one."""
        here = kept[self.triples]
        starts = offsets(np.bincount(self.heads[here], minlength=self.num_entities))
        return Adjacency(self.graph, starts, self.relations[here], self.tails[here], self.triples[here])

    @property
    def num_relations(self) -> int:
        """R, without the inverses."""
        return len(self.graph.relations)

    @property
    def num_entities(self) -> int:
        """N."""
        return len(self.starts) - 1

    @cached_property
    def heads(self) -> NDArray[np.int64]:
        """(E,) the entity that each edge leaves."""
        return np.repeat(np.arange(self.num_entities), np.diff(self.starts))

    @cached_property
    def signatures(self) -> Tensor:
        """(N, 2R) float: how many edges of each relation leave each entity."""
        counts = np.zeros((self.num_entities, 2 * self.num_relations), np.float32)
        np.add.at(counts, (self.heads, self.relations), 1)
        return torch.from_numpy(counts)

    @cached_property
    def log_signatures(self) -> Tensor:
        """(N, 2R) log(1 + signatures)."""
        return torch.log1p(self.signatures)


@dataclass(frozen=True, eq=False)
class Round:
    """Messages of one round.

    Attributes:
        source, target: (M,) places; relation: (M,) of the edges taken, inverses from R on.
        places: number of places once the round is over; those before the round keep their numbers.
    """

    source: Int
    relation: Int
    target: Int
    places: int


@dataclass(frozen=True, eq=False)
class Reach:
    """What B queries reach.

    Attributes:
        entities, queries: (P,) of each place; the first B places are the queries' own heads.
        rounds: of messages.
    """

    entities: Int
    queries: Int
    rounds: tuple[Round, ...]


def reach(
    adjacency: Adjacency,
    queries: NDArray[np.int64],
    rounds: int,
    answers: NDArray[np.int64] | None = None,
    mask: Mask = "own",
    max_messages: int = 100_000_000,
    only: NDArray[np.bool_] | None = None,
) -> Reach:
    """Follow all edges from the heads of some queries, for some rounds.

    Args:
        queries: (B, 2) head and relation.
        answers: (B,) the answers that are to be learned; the edge to them, and back, is hidden from their query alone.
        mask: `pair` hides every edge between head and answer, `none` hides nothing.
        max_messages: of one round, all queries together.
        only: (B, N) entities whose scores are wanted, all by default: the last round, which is by far the largest, has
            no messages to others. Their scores are not right then.

    Raises:
        LimitError: NS930, more messages than that; ask fewer queries at a time.
    """
    size = len(queries)
    entities, of = queries[:, 0].astype(np.int32), np.arange(size, dtype=np.int32)
    numbers = np.full((size, adjacency.num_entities), -1, np.int32)
    numbers[of, entities] = of
    own = np.tile(NO_OWN, (size, 1))
    if answers is not None and mask != "none":
        own = np.column_stack([queries, answers])
    degrees = np.diff(adjacency.starts)
    found: list[Round] = []
    for k in range(rounds):
        used = len(entities)
        wanted = np.ascontiguousarray(np.argwhere(only)) if only is not None and k == rounds - 1 else None
        # edges that are looked at, and places that may be new
        if wanted is None:
            most, room = degrees[entities].sum(), size * adjacency.num_entities - used
        else:
            most, room = degrees[wanted[:, 1]].sum(), len(wanted)
        if most > max_messages:
            raise LimitError(
                f"{size} queries send {most:,} messages in one round, more than {max_messages:,}", code="NS930",
                help="ask fewer queries at a time (`batch`), or raise max_messages",
            )  # fmt: skip
        entities, of = (np.concatenate([a, np.empty(min(most, room), np.int32)]) for a in (entities, of))
        source, relation, target = (np.empty(most, np.int32) for _ in range(3))
        parts = (
            entities, of, used, adjacency.starts, adjacency.relations, adjacency.tails, numbers, own, mask == "pair",
            adjacency.num_relations, source, relation, target,
        )  # fmt: skip
        places, messages = kernels().spread(*parts) if wanted is None else kernels().gather(wanted, *parts)
        entities, of = entities[:places].copy(), of[:places].copy()
        found.append(Round(source[:messages], relation[:messages], target[:messages], places))
    return Reach(entities, of, tuple(found))
