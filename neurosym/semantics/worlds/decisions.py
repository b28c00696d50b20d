"""Multi-valued decision diagrams: ordered and reduced, so that equal formulas are one node.

Bryant, Graph-based algorithms for Boolean function manipulation (IEEE Transactions on Computers 1986); Kam et al.,
Multi-valued decision diagrams (1998). A variable has a branch for each outcome of a choice, so that no constraint has
to say that exactly one of them happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from neurosym.errors import SemanticsError
from neurosym.grounding.compiled import load
from neurosym.semantics.exact.shape import Shape
from neurosym.semantics.exact.view import Body
from neurosym.semantics.part import Long

FALSE, TRUE = 0, 1
_AND, _OR, _WITHOUT = 0, 1, 2


class Decisions:
    """Formulas over variables in a fixed order, as nodes of one store.

    Attributes:
        levels: (capacity,) the variable that a node decides, by its place in the order; starts: offsets into children.
    """

    def __init__(self, arity: Sequence[int], max_nodes: int) -> None:
        """An empty store.

        Args:
            arity: outcomes of each variable, in the order in which they are decided; max_nodes: at which to stop.
        """
        self.max_nodes = max_nodes
        self._kernels = load("neurosym.semantics.worlds.diagram_kernels")
        self._arity = np.array([*arity, 0], np.int64)
        self._count = np.array([2])
        self.levels = np.full(1 << 10, len(arity))
        self.starts = np.zeros((1 << 10) + 1, np.int64)
        self.children = np.zeros(1 << 12, np.int64)
        self._room(len(self.levels))

    def falls_into(self, level: int, allowed: int) -> int:
        """That a variable has one of some outcomes, given as a bit set."""
        row = np.array([allowed >> k & 1 for k in range(self._arity[level])], np.int64)
        while True:
            node = self._kernels.make(
                level, len(row), row, 0, self._count, self.levels, self.starts, self.children, self._table
            )
            if node >= 0:
                return node
            self._grow()

    def both(self, f: int, g: int) -> int:
        """`f and g`."""
        return self._apply(_AND, f, g)

    def either(self, f: int, g: int) -> int:
        """`f or g`."""
        return self._apply(_OR, f, g)

    def without(self, f: int, g: int) -> int:
        """`f and not g`."""
        return self._apply(_WITHOUT, f, g)

    def _apply(self, operation: int, f: int, g: int) -> int:
        while True:
            node = self._kernels.apply(
                operation, f, g, self._arity, self._count, self.levels, self.starts, self.children, self._table,
                self._keys, self._found,
            )  # fmt: skip
            if node >= 0:
                return node
            self._grow()

    def _grow(self) -> None:
        if self._count[0] >= self.max_nodes:
            raise SemanticsError(
                f"the diagram of the evidence grew past {self.max_nodes:,} nodes", code="NS520",
                note=f"{len(self._arity) - 1} choices depend on one another",
                help="observe less, or raise max_circuit",
            )  # fmt: skip
        capacity = 2 * len(self.levels)
        self.levels = np.concatenate([self.levels, np.full(len(self.levels), len(self._arity) - 1)])
        self.starts = np.concatenate([self.starts, np.zeros(capacity + 1 - len(self.starts), np.int64)])
        self.children = np.concatenate([self.children, np.zeros(len(self.children), np.int64)])
        self._room(capacity)

    def _room(self, capacity: int) -> None:
        """Tables for so many nodes."""
        self._table = np.zeros(2 * capacity, np.int64)
        self._kernels.enter(self._count[0], self._arity, self.levels, self.starts, self.children, self._table)
        self._keys, self._found = np.zeros(4 * capacity, np.uint64), np.zeros(4 * capacity, np.int64)

    def below(self, roots: Sequence[int]) -> Long:
        """The nodes that roots lead to, those without terminals, children first."""
        seen = np.zeros(int(self._count[0]), bool)
        frontier = np.unique(np.array(roots, np.int64))
        while len(frontier):
            seen[frontier] = True
            frontier = frontier[frontier > TRUE]
            sizes = self._arity[self.levels[frontier]]
            at = np.repeat(self.starts[frontier] - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
            reached = np.unique(self.children[at])
            frontier = reached[~seen[reached]]
        seen[:2] = False
        return np.nonzero(seen)[0]  # a node is made after its children


def decided(shape: Shape, order: Sequence[int], max_nodes: int) -> tuple[Decisions, list[int]]:
    """The formulas of a shape's roots.

    The formulas of a cycle are iterated from false to their fixpoint (Vlasselaer et al., IJCAI 2015).

    Args:
        order: the choices in the order in which they are decided.

    Raises:
        SemanticsError: NS520, there are more than `max_nodes` nodes.
    """
    store = Decisions([shape.sizes[c] + shape.other[c] for c in order], max_nodes)
    level = {c: k for k, c in enumerate(order)}
    formulas = [FALSE] * len(shape.bodies)

    def conjunction(body: Body) -> int:
        result = TRUE
        for choice, allowed in body.choices:
            result = store.both(result, store.falls_into(level[choice], allowed))
        for literal in body.literals:
            if literal >= 0:
                result = store.both(result, formulas[literal])
            else:
                result = store.without(result, formulas[~literal])
            if result == FALSE:
                break
        return result

    def disjunction(bodies: Iterable[Body]) -> int:
        result = FALSE
        for body in bodies:
            result = store.either(result, conjunction(body))
        return result

    first = 0
    while first < len(formulas):
        last = first + 1
        while last < len(formulas) and shape.component[last] == shape.component[first]:
            last += 1
        while True:
            changed = False
            for fact in range(first, last):
                made = disjunction(shape.bodies[fact])
                changed |= made != formulas[fact]
                formulas[fact] = made
            if not shape.cyclic[first] or not changed:
                break
        first = last
    return store, [conjunction(root) for root in shape.roots]
