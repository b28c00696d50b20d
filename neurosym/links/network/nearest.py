"""The shortest paths from the head of a query to an answer, read off the messages that were sent."""

from __future__ import annotations

import numpy as np

from neurosym.links.graph import Edge
from neurosym.links.network.reach import Reach


def nearest(reached: Reach, answer: int, most: int) -> list[tuple[Edge, ...]]:
    """Shortest paths of a single query, at most so many; none where the answer is the head, or is not reached.

    Each place is first reached in the round that is its distance, so a shortest path runs from round to round through
    places that were new in them.

    Returns:
        (entity, relation, entity) of the edges of each path, as travelled from the head; relations from R on are
        inverses.
    """
    at = np.flatnonzero(reached.entities == answer)
    if not len(at) or at[0] == 0:
        return []
    paths: list[tuple[int, tuple[Edge, ...]]] = [(int(at[0]), ())]
    length = next(k for k, r in enumerate(reached.rounds) if at[0] < r.places) + 1
    for k in range(length - 1, -1, -1):
        messages = reached.rounds[k]
        # whoever sends in this round, and was new in the round before
        first = reached.rounds[k - 2].places if k > 1 else k
        longer: list[tuple[int, tuple[Edge, ...]]] = []
        for place, rest in paths:
            found = np.flatnonzero((messages.target == place) & (messages.source >= first))
            for m in found[: most - len(longer)].tolist():
                source = int(messages.source[m])
                ends = int(reached.entities[source]), int(reached.entities[place])
                longer.append((source, ((ends[0], int(messages.relation[m]), ends[1]), *rest)))
        paths = longer
    return [edges for _, edges in paths]
