"""Under which signs facts reach a root: through an even number of negations, an odd one, or both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosym.grounding.columns import expand
from neurosym.semantics.part import Long, Part


class Polarity:
    """Walks over one part of a graph, from heads to bodies with signs, or from bodies to heads."""

    def __init__(self, part: Part) -> None:
        n = len(part.facts)
        self.part = part
        self._starts = np.searchsorted(part.head, np.arange(n + 1))
        heads = np.repeat(part.head, np.diff(part.body_start))
        order = np.argsort(part.body, kind="stable")
        self._users = heads[order]
        self._user_starts = np.searchsorted(part.body[order], np.arange(n + 1))
        self._seen = np.zeros(2 * n, bool)

    def below(self, roots: Long, leaves: NDArray[np.bool_], enough: int | None = None) -> tuple[Long, Long]:
        """The leaves that reach some of the roots positively, and those that do so negatively.

        Args:
            roots: positions in the part; `leaves`: (n,) which facts to report.
            enough: stop when this many were met.
        """
        frontier = np.unique(roots) * 2
        self._seen[frontier] = True
        visited = [frontier]
        met = 0
        while len(frontier):
            met += int(leaves[frontier >> 1].sum())
            if enough is not None and met >= enough:
                break
            facts, odd = frontier >> 1, frontier & 1
            which, groundings = expand(self._starts[facts], self._starts[facts + 1] - self._starts[facts])
            first = self.part.body_start[groundings]
            of, edges = expand(first, self.part.body_start[groundings + 1] - first)
            states = np.unique(self.part.body[edges] * 2 + (odd[which][of] ^ ~self.part.sign[edges]))
            frontier = states[~self._seen[states]]
            self._seen[frontier] = True
            visited.append(frontier)
        states = np.concatenate(visited)
        self._seen[states] = False
        states = np.sort(states[leaves[states >> 1]])
        return states[states & 1 == 0] >> 1, states[states & 1 == 1] >> 1

    def above(self, facts: Long) -> NDArray[np.bool_]:
        """(n,) what depends on some facts, themselves included."""
        seen = np.zeros(len(self.part.facts), bool)
        frontier = np.unique(facts)
        while len(frontier):
            seen[frontier] = True
            _, at = expand(self._user_starts[frontier], self._user_starts[frontier + 1] - self._user_starts[frontier])
            users = np.unique(self._users[at])
            frontier = users[~seen[users]]
        return seen
