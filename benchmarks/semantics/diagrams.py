"""What sums and products cannot do, compiled: our decision diagrams against sentential ones by pysdd.

Both get the same formulas, in the same order of the choices, and have to give the same probabilities.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.common.process import timed
from benchmarks.semantics.ours import parse
from neurosym.reasoner import Reasoner
from neurosym.semantics.diagrams import Body, Diagram, Shape, compile_shape
from neurosym.semantics.exact import circuit_of
from neurosym.semantics.exact.compile import compiled

MAX_NODES = 10_000_000


def solve(text: str, engine: str, limit: float) -> dict[str, Any]:
    """CPU seconds of compiling what a program needs compiled, how large it becomes, and the roots' probabilities."""
    shapes = shapes_of(text)
    orders = [compile_shape(shape, MAX_NODES).order for shape in shapes]
    draw = random.Random(0)
    weights = [_weights(shape, draw) for shape in shapes]
    if engine == "ours":
        cpu, made = timed(lambda: [compile_shape(shape, MAX_NODES) for shape in shapes], limit)
        values = [_values(shape, w) for shape, w in zip(shapes, weights, strict=True)]
        nodes = sum(map(_size, made))
    else:
        cpu, sdds = timed(lambda: [Sdd(shape, order) for shape, order in zip(shapes, orders, strict=True)], limit)
        values = [sdd.values(w) for sdd, w in zip(sdds, weights, strict=True)]
        nodes = sum(sdd.size() for sdd in sdds)
    flat = {f"{k}.{n}": value for k, found in enumerate(values) for n, value in enumerate(found)}
    return {"cpu": cpu, "answers": flat, "nodes": nodes, "shapes": len(shapes)}


def shapes_of(text: str) -> list[Shape]:
    """The shapes that a program's queries have compiled, each once: the engine keeps their names only."""
    found: list[Shape] = []

    def kept(shape: Shape, most: int) -> Any:
        found.append(shape)
        return compiled(shape, most)

    with patch("neurosym.semantics.exact.islands.compiled", kept):
        Reasoner(parse(text)).query()
    return found


def _size(diagram: Diagram) -> int:
    """Branches."""
    return len(diagram.child)


def _weights(shape: Shape, draw: random.Random) -> list[list[float]]:
    """A probability for each outcome of each choice, 'other' included."""
    rows = []
    for size, other in zip(shape.sizes, shape.other, strict=True):
        row = [draw.random() for _ in range(size + other)]
        rows.append([x / sum(row) for x in row])
    return rows


def _values(shape: Shape, weights: list[list[float]]) -> list[float]:
    flat = [p for row, size in zip(weights, shape.sizes, strict=True) for p in row[:size]]
    return circuit_of(shape, MAX_NODES)(torch.tensor(flat, dtype=torch.float64)[:, None])[:, 0].tolist()


class Sdd:
    """The formulas of a shape as sentential decision diagrams; those of a cycle iterated to their fixpoint.

    A choice of one outcome is one variable; one of several has a variable for each, of which exactly one is true.
    """

    def __init__(self, shape: Shape, order: list[int]) -> None:
        from pysdd.sdd import SddManager, Vtree

        self.shape, self.order = shape, order
        self.first: dict[int, int] = {}
        count = 0
        for choice in order:
            self.first[choice] = count + 1
            count += 1 if self._single(choice) else shape.sizes[choice] + shape.other[choice]
        vtree = Vtree(var_count=max(1, count), var_order=list(range(1, max(1, count) + 1)), vtree_type="right")
        self.manager = SddManager.from_vtree(vtree)
        self.formulas: list[Any] = [self.manager.false()] * len(shape.bodies)
        first = 0
        while first < len(shape.bodies):
            last = first + 1
            while last < len(shape.bodies) and shape.component[last] == shape.component[first]:
                last += 1
            while self._round(range(first, last)) and shape.cyclic[first]:
                pass
            first = last
        self.roots = [self._conjunction(root) & self._constraints() for root in shape.roots]

    def size(self) -> int:
        """Elements of the roots' diagrams."""
        return sum(root.size() for root in self.roots)

    def values(self, weights: list[list[float]]) -> list[float]:
        """The probabilities of the roots."""
        found = []
        for root in self.roots:
            counter = root.wmc(log_mode=False)
            for choice in self.order:
                row = weights[choice]
                if self._single(choice):
                    counter.set_literal_weight(self.manager.literal(self.first[choice]), row[0])
                    counter.set_literal_weight(self.manager.literal(-self.first[choice]), row[1])
                    continue
                for k, p in enumerate(row):
                    counter.set_literal_weight(self.manager.literal(self.first[choice] + k), p)
                    counter.set_literal_weight(self.manager.literal(-self.first[choice] - k), 1.0)
            found.append(counter.propagate())
        return found

    def _single(self, choice: int) -> bool:
        return self.shape.sizes[choice] == 1 and self.shape.other[choice]

    def _round(self, facts: Iterable[int]) -> bool:
        changed = False
        for fact in facts:
            formula = self.formulas[fact]
            for body in self.shape.bodies[fact]:
                formula = formula | self._conjunction(body)
            changed |= formula != self.formulas[fact]
            self.formulas[fact] = formula
        return changed

    def _conjunction(self, body: Body) -> Any:
        result = self.manager.true()
        for choice, allowed in body.choices:
            result = result & self._falls_into(choice, allowed)
        for x in body.literals:
            result = result & (self.formulas[x] if x >= 0 else ~self.formulas[~x])
        return result

    def _falls_into(self, choice: int, allowed: int) -> Any:
        if self._single(choice):
            return self.manager.literal(self.first[choice] if allowed & 1 else -self.first[choice])
        result = self.manager.false()
        for k in range(self.shape.sizes[choice] + self.shape.other[choice]):
            if allowed >> k & 1:
                result = result | self.manager.literal(self.first[choice] + k)
        return result

    def _constraints(self) -> Any:
        """Exactly one outcome of each choice."""
        result = self.manager.true()
        for choice in self.order:
            if not self._single(choice):
                variables = range(self.first[choice], self.first[choice] + self.shape.sizes[choice])
                variables = [*variables, *([variables.stop] if self.shape.other[choice] else [])]
                one = self.manager.false()
                for chosen in variables:
                    term = self.manager.true()
                    for v in variables:
                        term = term & self.manager.literal(v if v == chosen else -v)
                    one = one | term
                result = result & one
        return result
