"""Multi-valued decision diagrams of the formulas of a shape, in the best of several orders of its choices.

Bryant, Graph-based algorithms for Boolean function manipulation (IEEE Transactions on Computers 1986); Kam et al.,
Multi-valued decision diagrams (1998). A variable has a branch for each outcome of a choice, so that no constraint has
to say that exactly one of them happens. Diagrams are reduced: equal formulas are one node.

How large a diagram becomes depends on the order, and no estimate tells how large (the best order is NP-hard to find;
Bollig & Wegener, IEEE Transactions on Computers 1996). So the orders race: all are given a few nodes, those that came
furthest more, and of those that finish the smallest diagram is taken. What is tiny in the first order does not race.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import SemanticsError
from neurosym.grounding.columns import offsets
from neurosym.grounding.compiled import load
from neurosym.semantics.diagrams.order import variable_orders, walk
from neurosym.semantics.diagrams.shape import Body, Shape
from neurosym.semantics.part import Long

FALSE, TRUE = 0, 1  # the diagrams of formulas that say nothing
FIRST_NODES, MORE_NODES = 1_000, 4  # nodes in the first round of the race, and how many times more in each later one
TINY = 64  # nodes of a diagram that take no longer to visit than it takes to ask for them: no other order is tried
KEPT = 3  # of so many orders that did not finish, one goes on
ROOM = 1 << 10  # nodes at first
MAX_UNKNOWNS = 500  # facts of a cycle that are eliminated one by one; larger ones are iterated
_CYCLE, _LINEAR = 1, 2


@dataclass(frozen=True)
class Diagram:
    """N nodes over the choices of a shape, each after its children.

    Attributes:
        order: the choices, in the order in which they are decided.
        level: (N,) the place in the order of the choice that a node decides.
        start: (N + 1,) offsets into child, one for each outcome: `FALSE`, `TRUE`, or k + 2 for node k.
        roots: likewise, of the shape's roots.
    """

    order: list[int]
    level: Long
    start: Long
    child: Long
    roots: Long


def compile_shape(shape: Shape, max_nodes: int) -> Diagram:
    """Compile a shape's roots.

    Args:
        max_nodes: at which to stop, of all formulas on the way taken together.

    Raises:
        SemanticsError: NS520, every order that was tried needs more.
    """
    columns = _Columns(shape)
    walked = walk(shape)
    limit = min(FIRST_NODES, max_nodes)
    first = _Run(columns, walked)
    if first.goes_through(min(MORE_NODES * TINY, limit)):
        diagram = first.diagram()
        if len(diagram.level) <= TINY:
            return diagram
    orders = variable_orders(shape, walked)
    running = [first if order == walked else _Run(columns, order) for order in orders]
    while True:
        finished: list[Diagram] = []
        rest: list[_Run] = []
        for run in running:
            # what needs more than an order that finished is not worth its time
            if run.goes_through(limit):
                finished.append(run.diagram())
                limit = min(limit, run.nodes)
            else:
                rest.append(run)
        if finished:
            return min(finished, key=lambda diagram: len(diagram.level))
        if limit == max_nodes:
            raise SemanticsError(
                f"the circuit of a query grew past {max_nodes:,} nodes", code="NS520",
                note=f"{len(rest[0].order)} choices depend on one another",
                help="ask for a smaller part, use another semantics, or raise max_circuit",
            )  # fmt: skip
        rest.sort(key=lambda run: -run.steps)
        running = rest[: -(-len(rest) // KEPT)]
        limit = min(MORE_NODES * limit, max_nodes)


class _Columns:
    """A shape in columns; its roots are further facts of one body."""

    def __init__(self, shape: Shape) -> None:
        facts: list[tuple[Body, ...]] = [*shape.bodies, *((root,) for root in shape.roots)]
        bodies = [body for own in facts for body in own]
        pairs = [pair for body in bodies for pair in body.choices]
        self.arity = np.array(shape.sizes, np.int64) + np.array(shape.other, np.int64)
        self.facts, self.roots = len(facts), len(shape.roots)
        sizes = self.arity[[c for c, _ in pairs]] if pairs else np.zeros(0, np.int64)
        flags = [
            allowed >> k & 1 for (_, allowed), size in zip(pairs, sizes.tolist(), strict=True) for k in range(size)
        ]
        after = max(shape.component, default=-1) + 1
        component = np.array([*shape.component, *range(after, after + self.roots)], np.int64)
        body_start, literal_start = (offsets([len(x) for x in facts]), offsets([len(b.literals) for b in bodies]))
        literals = np.array([x for body in bodies for x in body.literals], np.int64)
        self.flat = (
            body_start, component, *_cycles(shape, component, body_start, literal_start, literals),
            offsets([len(body.choices) for body in bodies]), np.array([c for c, _ in pairs], np.int64),
            offsets(sizes), np.array(flags, bool), literal_start, literals,
        )  # fmt: skip


def _cycles(
    shape: Shape, component: Long, body_start: Long, literal_start: Long, literals: Long
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """For each fact how its cycle is solved, see `kernels`, and whether it is needed outside."""
    heads = np.repeat(np.arange(len(component)), np.diff(body_start))
    body = np.repeat(np.arange(len(heads)), np.diff(literal_start))
    facts = np.where(literals >= 0, literals, ~literals)
    inside = component[facts] == component[heads[body]]
    needed = np.zeros(len(component), bool)
    needed[facts[~inside]] = True
    several = np.bincount(body[inside], minlength=len(heads)) > 1
    iterated = np.bincount(component) > MAX_UNKNOWNS
    iterated[component[heads[several]]] = True
    cyclic = np.zeros(len(component), np.uint8)
    cyclic[: len(shape.cyclic)] = shape.cyclic
    cyclic[(cyclic == _CYCLE) & ~iterated[component]] = _LINEAR
    return cyclic, needed


class _Run:
    """The formulas of a shape's facts in one order, as far as there was room for them; see `kernels`."""

    def __init__(self, columns: _Columns, order: list[int]) -> None:
        self.columns, self.order = columns, order
        self._kernels = load("neurosym.semantics.diagrams.kernels")
        arity = columns.arity[order] if order else np.zeros(0, np.int64)
        self._level = np.zeros(len(columns.arity), np.int64)
        self._level[order] = np.arange(len(order))
        self._arity = np.append(arity, 0)
        self._counts = np.array([2, 0])
        self._cells = np.zeros(ROOM * (1 + int(arity.max(initial=2))), np.int32)
        self._cells[:2] = len(order)
        self._table, self._results = np.zeros(2 * ROOM, np.int32), np.zeros((2 * ROOM, 2), np.uint64)
        self._state, self._formulas = np.zeros(3, np.int64), np.zeros(columns.facts, np.int64)
        depth = len(order) + 2
        self._scratch = (
            np.zeros((depth, 4), np.int64), np.zeros(int(arity.sum()) + depth, np.int32),
            np.zeros(int(arity.max(initial=1)), np.int32),
        )  # fmt: skip

    @property
    def nodes(self) -> int:
        """How many nodes were made."""
        return int(self._counts[1])

    @property
    def steps(self) -> int:
        """How far it came; every order takes the same steps."""
        return int(self._state[1])

    def goes_through(self, max_nodes: int) -> bool:
        """Go on until all is compiled, or there are more nodes than this; whether all is."""
        while not self._kernels.compile_facts(
            *self.columns.flat, self._level, self._formulas, self._state, self._arity, self._counts,
            self._cells, self._table, self._results, *self._scratch,
        ):  # fmt: skip
            if self.nodes >= max_nodes:
                return False
            self._grow()
        return self.nodes <= max_nodes

    def _grow(self) -> None:
        self._cells = np.concatenate([self._cells, np.zeros_like(self._cells)])
        self._table = np.zeros(2 * len(self._table), np.int32)
        self._kernels.enter(self._counts, self._arity, self._cells, self._table)
        results: NDArray[np.uint64] = np.zeros((2 * len(self._results), 2), np.uint64)
        self._kernels.carry(self._results, results)
        self._results = results

    def diagram(self) -> Diagram:
        """What the roots lead to, once all is compiled."""
        roots = self._formulas[len(self._formulas) - self.columns.roots :]
        found = np.empty(self.nodes, np.int64)
        seen = np.zeros(int(self._counts[0]), np.uint8)
        nodes = found[: self._kernels.below(roots, self._arity, self._cells, seen, found)]
        return Diagram(self.order, *self._kernels.numbered(nodes, roots, self._arity, self._cells))
