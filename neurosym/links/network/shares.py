"""The paths that a score is the sum of, the largest first.

Going back from the answer, each place gets a relevance: what a unit of each channel there adds to the score. A path's
share is then a product of weights, gates and mixes along it, and the relevance of where it stands so far is the sum
over all of its ends: never less than the best of them. So the best paths are found best first, and the search is exact.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from neurosym.grounding.columns import offsets
from neurosym.links.graph import Edge
from neurosym.links.network.paths import Passage

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PathShare:
    """One path and what it adds to the score.

    Attributes:
        edges: (entity, relation, entity) as travelled from the head; relations from R on are inverses. Empty for the
            head itself as the answer.
        share: of the score; the shares of all paths sum to it.
    """

    edges: tuple[Edge, ...]
    share: float


class Shares:
    """The paths of one answer of one query.

    Args:
        passage: of a run with the query alone.
        answer: the entity whose score is explained.
    """

    def __init__(self, passage: Passage, answer: int) -> None:
        self.entities = passage.reach.entities
        self.rounds = passage.reach.rounds
        self._start = passage.start[0].detach().double().numpy()
        self._weights = [w[0].detach().double().numpy() for w in passage.weights]
        self._gates = [g.detach().double().numpy() for g in passage.gates]
        self._mixes = [m.detach().double().numpy() for m in passage.mixes]
        self._readout = passage.readout[0].detach().double().numpy()
        place = np.flatnonzero(self.entities == answer)
        self.place = int(place[0]) if len(place) else -1
        self.score = passage.scores[self.place].item() if self.place >= 0 else 0.0
        if self.place >= 0:
            self._go_back()

    def _go_back(self) -> None:
        """Relevance of the vectors after each number of rounds, and the messages that lead to the answer, by source."""
        last = np.zeros((self.rounds[-1].places if self.rounds else 1, len(self._readout)))
        last[self.place] = self._readout
        self._relevance = [last]
        self._out: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        for k in reversed(range(len(self.rounds))):
            messages = self.rounds[k]
            arriving = self._gates[k] * (self._relevance[0] @ self._mixes[k].T)
            before = self.rounds[k - 1].places if k else 1
            relevance = np.zeros((before, arriving.shape[1]))
            live = arriving[messages.target].any(1)
            at = np.flatnonzero(live)
            sent = self._weights[k][messages.relation[at]] * arriving[messages.target[at]]
            np.add.at(relevance, messages.source[at], sent)
            self._relevance.insert(0, relevance)
            order = at[np.argsort(messages.source[at], kind="stable")]
            self._out.insert(0, (order, offsets(np.bincount(messages.source[at], minlength=before))))

    def largest(self, most: int = 10, max_steps: int = 100_000) -> tuple[list[PathShare], bool]:
        """The `most` largest shares, and whether the search was cut after `max_steps` (then others may be larger)."""
        if self.place < 0:
            return [], False
        found: list[PathShare] = []
        order = count()
        # (-bound, tie, rounds done, place, vector there, messages taken)
        waiting: list[tuple[float, int, int, int, Floats, tuple[int, ...]]] = []

        def add(done: int, place: int, vector: Floats, taken: tuple[int, ...]) -> None:
            bound = float(vector @ self._relevance[done][place])
            if bound > 0:
                heapq.heappush(waiting, (-bound, next(order), done, place, vector, taken))

        add(0, 0, self._start, ())
        for k in range(len(self.rounds)):  # the head sets out again in every round
            add(k + 1, 0, (self._start * self._gates[k][0]) @ self._mixes[k], ())
        for _ in range(max_steps):
            if not waiting or len(found) == most:
                return found, False
            bound, _, done, place, vector, taken = heapq.heappop(waiting)
            if done == len(self.rounds):
                found.append(PathShare(self._edges(taken), -bound))
                continue
            for message in self._leaving(done, place):
                target = int(self.rounds[done].target[message])
                sent = vector * self._weights[done][self.rounds[done].relation[message]] * self._gates[done][target]
                add(done + 1, target, sent @ self._mixes[done], (*taken, message))
        return found, True

    def _leaving(self, done: int, place: int) -> list[int]:
        """Messages of the next round that leave a place and still lead to the answer."""
        order, starts = self._out[done]
        return order[starts[place] : starts[place + 1]].tolist()

    def _edges(self, taken: tuple[int, ...]) -> tuple[Edge, ...]:
        first = len(self.rounds) - len(taken)
        edges: list[Edge] = []
        for k, message in enumerate(taken, first):
            m = self.rounds[k]
            source, target = int(self.entities[m.source[message]]), int(self.entities[m.target[message]])
            edges.append((source, int(m.relation[message]), target))
        return tuple(edges)
