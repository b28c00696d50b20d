"""Neighbourhoods drawn from a graph, so that an encoder need not see all of it at once.

Around the entities that are asked for, up to so many edges of each entity are drawn without replacement, hop by hop
(GraphSAGE; Hamilton et al., NeurIPS 2017). What is drawn is as much as an entity's own edges, whatever the size of the
graph, and nothing but numpy and a compiled loop is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import DataError
from neurosym.grounding.compiled import load
from neurosym.links.graph import Long, inverse
from neurosym.links.network.reach import Adjacency


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Part of a graph.

    Attributes:
        entities: (n,) of each place; the first B are those asked for, in their order.
        edges: (m, 3) place, relation, place, as messages run: towards those asked for. Relations from R on are
            inverses.
    """

    entities: Long
    edges: Long


class NeighbourSampler:
    """Draws neighbourhoods.

    Args:
        adjacency: of the graph, both ways.
        fanout: for each hop, how many edges of an entity are drawn at most; -1 for all of them.

    Raises:
        DataError: NS937, no hops, or a number of edges that cannot be drawn.
    """

    def __init__(self, adjacency: Adjacency, fanout: Sequence[int]) -> None:
        if not fanout or any(k != -1 and k < 1 for k in fanout):
            raise DataError(
                f"a fanout is at least one number of edges, each 1 or more, or -1 for all, and was {list(fanout)}",
                code="NS937", help="write one number for each round of messages, such as [15, 10]",
            )  # fmt: skip
        self.adjacency, self.fanout = adjacency, tuple(fanout)
        self._kernels = load("neurosym.links.sampling_kernels")

    def draw(self, entities: Long, random: np.random.Generator) -> Neighbourhood:
        """The neighbourhood of (B,) distinct entities; the same generator in the same state draws the same."""
        places = np.full(self.adjacency.num_entities, -1)
        places[entities] = np.arange(len(entities))
        held, frontier = [np.asarray(entities, np.int64)], np.asarray(entities, np.int64)
        parts: list[Long] = []
        count = len(entities)
        for most in self.fanout:
            source, at = self._edges(frontier, most, random)
            heard = self.adjacency.tails[at].astype(np.int64)
            new = np.unique(heard[places[heard] < 0])
            places[new] = np.arange(count, count + len(new))
            # an edge that leaves an entity brings it, as its inverse, the word of the other end
            back = inverse(self.adjacency.relations[at], self.adjacency.num_relations)
            parts.append(np.column_stack([places[heard], back.astype(np.int64), places[source]]))
            held.append(new)
            count += len(new)
            frontier = new
        return Neighbourhood(np.concatenate(held), np.concatenate(parts))

    def _edges(self, entities: Long, most: int, random: np.random.Generator) -> tuple[Long, NDArray[np.int64]]:
        """(m,) entities and positions of the edges drawn for each of them."""
        starts = self.adjacency.starts
        degrees = starts[entities + 1] - starts[entities]
        sizes = degrees if most == -1 else np.minimum(degrees, most)
        draws = random.random(int(sizes[sizes < degrees].sum()))
        at = np.empty(int(sizes.sum()), np.int64)
        self._kernels.draw_edges(starts[entities], degrees, sizes, draws, at)
        return np.repeat(entities, sizes), at


__all__ = ["NeighbourSampler", "Neighbourhood"]
