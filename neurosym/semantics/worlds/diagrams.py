"""Evidence as decision diagrams: each way from the root to `true` is a set of worlds in which the evidence holds.

The branches of a node exclude one another and speak of other choices than the node itself, so that the same diagram can
be summed, maximised and sampled from. Modules, facts whose choices nothing else reads, are variables with a diagram of
their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurosym.semantics.diagrams import TRUE, Body, compile_shape
from neurosym.semantics.exact.fold import fact_of
from neurosym.semantics.exact.islands import Asked, asked, modules_below
from neurosym.semantics.exact.view import View
from neurosym.semantics.part import Long


@dataclass(frozen=True)
class Diagrams:
    """N nodes over V variables.

    Attributes:
        variable: (N,); start: (N + 1,) offsets into child, one for each outcome; node 0 is false, 1 is true, and a node
            comes after its children.
        place: (V,) what a variable's first outcome says: an outcome of a choice as it is numbered in `Outcomes.place`;
            L + 2m is that module m holds, L + 2m + 1 that it does not. Further outcomes follow.
        module_roots: (2M,); roots: one for each independent group of evidence.
    """

    variable: Long
    start: Long
    child: Long
    place: Long
    module_roots: Long
    roots: Long


def diagrams_of(view: View, literals: Sequence[int], place_start: Long, max_nodes: int) -> Diagrams:
    """The diagrams of a conjunction.

    Args:
        literals: facts of the view, `~fact` under negation.
        place_start: (C + 1,) offsets of the choices' outcomes.

    Raises:
        SemanticsError: NS520, they grew past `max_nodes`.
    """
    builder = _Builder(view, place_start, max_nodes)
    roots = [builder.add(group) for group in _groups(view, literals)]
    sizes = np.concatenate([np.zeros(3, np.int64), *builder.sizes])
    return Diagrams(
        np.concatenate([np.zeros(2, np.int64), *builder.variables]), np.cumsum(sizes),
        np.concatenate([np.zeros(0, np.int64), *builder.children]), np.array(builder.places, np.int64),
        np.array(builder.module_roots, np.int64).reshape(-1), np.array(roots, np.int64),
    )  # fmt: skip


def _groups(view: View, literals: Sequence[int]) -> list[list[int]]:
    """Literals in groups that share neither facts nor choices, which are complements here."""
    parent: dict[int, int] = {}

    def find(x: int) -> int:
        while parent.setdefault(x, x) != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    stack = [fact_of(x) for x in literals]
    done: set[int] = set()
    while stack:
        fact = stack.pop()
        if fact in done:
            continue
        done.add(fact)
        for body in view.bodies(fact):
            below = [fact_of(x) for x in body.literals]
            stack.extend(below)
            for key in (*below, *(~c for c, _ in body.choices)):
                parent[find(key)] = find(fact)
    groups: dict[int, list[int]] = {}
    for literal in sorted(literals, key=view.height):
        groups.setdefault(find(fact_of(literal)), []).append(literal)
    return list(groups.values())


class _Builder:
    """Diagrams put together; those of modules before those that speak of them."""

    def __init__(self, view: View, place_start: Long, max_nodes: int) -> None:
        self.view, self.max_nodes = view, max_nodes
        self.place_start = place_start.tolist()
        self.count = 2
        self.variables: list[Long] = []
        self.sizes: list[Long] = []
        self.children: list[Long] = []
        self.places: list[int] = []
        self.modules: dict[int, int] = {}  # fact → m
        self.module_roots: list[tuple[int, int]] = []

    def add(self, literals: list[int]) -> int:
        """The root of a conjunction."""
        modules = modules_below(self.view, [Body((), tuple(literals))])
        top = _chained(self.view, [literals], modules)
        below: dict[int, Asked] = {}
        stack = list(top.modules)
        while stack:
            fact = stack.pop()
            if fact not in below:
                below[fact] = _chained(self.view, [[fact], [~fact]], modules)
                stack.extend(below[fact].modules)
        for fact in sorted(below, key=self.view.height):  # a module rests on lower ones only
            true, false = self._compiled(below[fact])
            self.modules[fact] = len(self.module_roots)
            self.module_roots.append((true, false))
        return self._compiled(top)[0]

    def _compiled(self, made: Asked) -> list[int]:
        """Nodes for the roots of a shape."""
        diagram = compile_shape(made.shape, self.max_nodes)
        first = len(self.places)
        for choice in diagram.order:
            key = made.keys[choice]
            module = key < 0
            self.places.append(self.place_start[-1] + 2 * self.modules[~key] if module else self.place_start[key])
        self.variables.append(first + diagram.level)
        self.sizes.append(np.diff(diagram.start))
        self.children.append(self._placed(diagram.child))
        roots = self._placed(diagram.roots).tolist()
        self.count += len(diagram.level)
        return roots

    def _placed(self, child: Long) -> Long:
        """Nodes of a diagram that is added next, by the numbers that they get."""
        return np.where(child > TRUE, child - 2 + self.count, child)


def _chained(view: View, conjunctions: Sequence[Sequence[int]], modules: set[int]) -> Asked:
    """The shape of conjunctions; each is taken together literal by literal, by facts of its own."""
    made = asked(view, [Body((), (x,)) for literals in conjunctions for x in literals], modules)
    single = iter(made.shape.roots)
    bodies = list(made.shape.bodies)
    roots: list[Body] = []
    for literals in conjunctions:
        root = next(single)
        for _ in literals[1:]:
            bodies.append((root,))
            root = Body((), (len(bodies) - 1, *next(single).literals))
        roots.append(root)
    added = len(bodies) - len(made.shape.bodies)
    first = max(made.shape.component, default=-1) + 1
    shape = replace(
        made.shape, bodies=tuple(bodies), component=(*made.shape.component, *range(first, first + added)),
        cyclic=(*made.shape.cyclic, *[False] * added), roots=tuple(roots),
    )  # fmt: skip
    return replace(made, shape=shape)
