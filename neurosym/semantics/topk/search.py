"""The best proofs of the cases of one answer, one after the other, without ever listing all.

The assignments of values to choices are cut into *cells*. The best proof in a cell settles all of the cell in which the
proof's constraints hold; where they do not, the rest is cut by the first constraint that fails (Lawler's partition for
k best solutions, Management Science 1972; Dotson & Gobien for networks, IEEE Trans. Circuits and Systems 1979). The
heaviest open cell comes next. Cells are disjoint, so probabilities of settled cells add up to a lower bound, and those
of the open cells are what is missing; no proof is found twice or subsumed by others.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import islice
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosym.grounding.compiled import load
from neurosym.semantics.part import Long
from neurosym.semantics.topk.layout import Flags, Layout
from neurosym.semantics.topk.products import ROOT, Products
from neurosym.semantics.topk.union import Proof, Union, union

CELLS = 4  # looked at for each proof asked for: in many the best proof is one that another has, too
UNITED = 8  # proofs of the first disjunction that is compiled
LEAST = 1e-12  # weight below which a value still is possible: other rows of the batch may give it more


def _kernels() -> ModuleType:
    """The compiled loops, at the first search: whoever asks for another semantics does not wait for them."""
    return load("neurosym.semantics.topk.kernels")


@dataclass(frozen=True, order=True)
class _Open:
    """An open cell: its parent's values, with some of a proof's constraints, the last of them failing.

    Attributes:
        weight: negative logarithm of its probability; number: breaks ties; node: its conjunction.
        allowed: (v,) of the parent; constraints: (choice, values) of the proof, of which the first `held` hold.
    """

    weight: float
    number: int
    node: int
    held: int
    allowed: Flags
    constraints: list[tuple[int, Flags]]


class Search:
    """The proofs of one layout under one weight vector."""

    def __init__(self, layout: Layout, weights: NDArray[np.float64]) -> None:
        """Start with one open cell, which is everything.

        Args:
            weights: (v,) probabilities of the values.
        """
        self.layout = layout
        self.weights = np.maximum(weights, LEAST)
        self.products = Products(layout)
        self.cells = 0
        self.proofs: tuple[dict[Proof, None], ...] = tuple({} for _ in layout.cases)
        self._unions: list[tuple[int, Union | None]] = [(0, None)] * len(layout.cases)
        self.settled: tuple[list[int], ...] = tuple([] for _ in layout.cases)
        everything = np.ones(len(weights), np.uint8)
        self._open: list[_Open] = [_Open(0.0, 0, ROOT, 0, everything, [])]
        self._numbered = 1

    @property
    def exhausted(self) -> bool:
        """Whether every assignment is settled."""
        return not self._open

    @property
    def found(self) -> int:
        """How many different proofs there are, of all cases."""
        return sum(map(len, self.proofs))

    def run(self, proofs: int) -> None:
        """Go on until there are so many proofs, or no open cell."""
        while self._open and self.found < proofs and self.cells < CELLS * proofs:
            cell = heappop(self._open)
            allowed = cell.allowed.copy()
            for choice, values in cell.constraints[: cell.held]:
                self._of(allowed, choice)[:] = values
            if cell.constraints:
                choice, values = cell.constraints[cell.held]
                self._of(allowed, choice)[:] &= ~values & 1
            case, proved = self._prove(allowed)
            self._split(cell, allowed, proved, case)
            self._keep(case, allowed, proved)
            self.cells += 1
        if self._open:
            self._unite()

    def evaluate(self, leaf_tags: Tensor) -> Tensor:
        """(cases + 1, B) probabilities that are settled for each case, and what is open."""
        columns = leaf_tags.T
        cells = self.products.evaluate(columns, [*self.settled, [cell.node for cell in self._open]])
        if not self._open or not any(u for _, u in self._unions):
            return cells
        # a proof says more than what it settled in one cell: what it adds is no longer open
        rows = [
            row if made is None else torch.maximum(row, made(columns))
            for row, (_, made) in zip(cells, self._unions, strict=False)
        ]
        settled = torch.stack(rows)
        rest = (cells[-1] - (settled - cells[:-1]).sum(dim=0)).clamp_min(0)
        return torch.cat([settled, rest[None]])

    def _of(self, values: Flags, choice: int) -> Flags:
        start = self.layout.choice_start
        return values[start[choice] : start[choice + 1]]

    # ---------------------------------------------------------------------------------------------- whole proofs

    def _keep(self, case: int, allowed: Flags, proved: Flags) -> None:
        """Keep what a proof needs by itself, whatever is known in its cell."""
        needed = np.ones(len(allowed), np.uint8)
        same = self._attempt(allowed, needed, self._world(proved))
        assert same == case
        touched = np.unique(self.layout.choice[needed == 0]).tolist()
        self.proofs[case].setdefault(frozenset((c, self._of(needed, c).tobytes()) for c in touched))

    def _unite(self) -> None:
        """Compile the disjunctions of the first proofs, of twice as many each time while that is cheap."""
        for case, proofs in enumerate(self.proofs):
            count, made = self._unions[case]
            while 0 <= count < len(proofs):
                count = min(len(proofs), max(UNITED, 2 * count))
                more = union(self.layout, islice(proofs, count))
                made, count = (made, -1) if more is None else (more, count)
            self._unions[case] = (count, made)

    # -------------------------------------------------------------------------------------------------- one proof

    def _prove(self, allowed: Flags) -> tuple[int, Flags]:
        """The best proof in a cell, as the case that it proves and the values that it allows.

        The costs count a choice twice that two parts of a proof need, and two parts may need different values of it.
        Then one world of the cell decides: there every fact has a proof of what is so, and none contradicts another.
        """
        proved = allowed.copy()
        case = self._attempt(allowed, proved, None)
        if case < 0:
            world = self._world(proved)
            proved = allowed.copy()
            case = self._attempt(allowed, proved, world)
            assert case >= 0
        return case, proved

    def _attempt(self, allowed: Flags, proved: Flags, world: Flags | None) -> int:
        """The number of the case whose proof was read off into `proved`, or -1; in a world it always is."""
        layout = self.layout
        true, false = self._leaf_costs(allowed, world)
        pick = np.full(layout.num_facts, -1, np.int64)
        kernels = _kernels()
        kernels.costs(*layout.bodies, *layout.order, true, false, pick, world is not None)
        found = [true[f] if holds else false[f] for f, holds in layout.cases]
        # the first proof is one of the answer itself, so that its lower bound is above 0
        case = 0 if self.cells == 0 and world is None and np.isfinite(found[0]) else int(np.argmin(found))
        if not np.isfinite(found[case]):
            return -1
        fact, holds = layout.cases[case]
        done = kernels.collect(
            *layout.bodies, true, false, pick, layout.slot, layout.first, layout.last, proved, fact, holds
        )  # fmt: skip
        return case if done else -1

    def _leaf_costs(self, allowed: Flags, world: Flags | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) costs of each leaf's holding and failing, within a cell; in a world, one of the two is infinite."""
        layout = self.layout
        weights = self.weights * allowed
        total = self._sums(weights)[layout.choice]
        with np.errstate(divide="ignore"):
            rest = np.where(self._sums(allowed)[layout.choice] > allowed, np.maximum(total - weights, LEAST), 0.0)
            holding = np.where(allowed == 1, np.maximum(-np.log(weights / total), 0.0), np.inf)
            failing = np.where(allowed == 1, np.maximum(-np.log(rest / total), 0.0), 0.0)
        if world is not None:
            holding = np.where(world == 1, holding, np.inf)
            failing = np.where(world == 1, np.inf, failing)
        leaf = layout.slot >= 0
        true, false = np.zeros(len(leaf)), np.zeros(len(leaf))
        true[leaf], false[leaf] = holding[layout.slot[leaf]], failing[layout.slot[leaf]]
        return true, false

    def _world(self, allowed: Flags) -> Flags:
        """The most probable value of each choice among those allowed."""
        layout = self.layout
        order = np.lexsort((np.arange(len(allowed)), -self.weights * allowed, layout.choice))
        world = np.zeros(len(allowed), np.uint8)
        world[order[layout.choice_start[:-1]]] = 1
        return world

    def _sums(self, values: NDArray) -> NDArray[np.float64]:
        starts = self.layout.choice_start[:-1]  # no choices: `reduceat` would not have it
        return np.add.reduceat(values.astype(np.float64), starts) if len(starts) else np.zeros(0)

    # ------------------------------------------------------------------------------------------------- splitting

    def _split(self, cell: _Open, allowed: Flags, proved: Flags, case: int) -> None:
        """Settle the part of a cell in which a proof's constraints hold, and open those in which one fails first."""
        layout = self.layout
        touched = np.unique(layout.choice[allowed != proved])
        inside = self._sums(self.weights * proved)[touched] / self._sums(self.weights * allowed)[touched]
        touched, inside = self._sorted(touched, inside)
        constraints = [(c, self._of(proved, c).copy()) for c in touched.tolist()]
        node, weight, current = cell.node, cell.weight, allowed.copy()
        for k, (choice, values) in enumerate(constraints):
            before = self._of(current, choice).copy()
            outside = before & ~values & 1
            self._of(current, choice)[:] = outside
            share = max(1 - float(inside[k]), LEAST)
            child = self._conjunction(node, choice, before, current)
            heappush(self._open, _Open(weight - float(np.log(share)), self._numbered, child, k, allowed, constraints))
            self._numbered += 1
            self._of(current, choice)[:] = values
            node = self._conjunction(node, choice, before, current)
            weight -= float(np.log(max(float(inside[k]), LEAST)))
        self.settled[case].append(node)

    def _sorted(self, touched: Long, inside: NDArray[np.float64]) -> tuple[Long, NDArray[np.float64]]:
        """Constraints by probability: what fails most often first, so that few open cells hold most of the rest."""
        order = np.lexsort((touched, inside))
        return touched[order], inside[order]

    def _conjunction(self, node: int, choice: int, before: Flags, current: Flags) -> int:
        """The conjunction of a cell's constraints after those on one choice became narrower."""
        if before.all():
            return self.products.extend(node, choice, self._of(current, choice).tobytes())
        node = ROOT  # a constraint is replaced, not added
        for narrowed in np.unique(self.layout.choice[current == 0]).tolist():
            node = self.products.extend(node, narrowed, self._of(current, narrowed).tobytes())
        return node
