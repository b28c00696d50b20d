"""Evidence as decision diagrams: each way from the root to `true` is a set of worlds in which the evidence holds.

The diagrams are those of the exact engine's compiler: sentential decision diagrams over a right-linear vtree, in which
each node decides one variable. They are deterministic and decomposable, so the same diagram can be summed, maximised and
sampled from. Modules, facts whose choices nothing else reads, are variables with a diagram of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosym.errors import SemanticsError
from neurosym.semantics.exact.compile import Compiler
from neurosym.semantics.exact.fold import fact_of
from neurosym.semantics.exact.islands import modules_below
from neurosym.semantics.exact.order import variable_order
from neurosym.semantics.exact.shape import Shape
from neurosym.semantics.exact.view import Body, View
from neurosym.semantics.part import Long


@dataclass(frozen=True)
class Diagrams:
    """N nodes over V variables.

    Attributes:
        nodes: (N, 3) variable, child where it is false, child where it is true; node 0 is false, 1 is true.
        places: (V, 2) what its being true says, and false: an outcome of a choice as it is numbered in `Outcomes.place`,
            L + 2m for module m, L + 2m + 1 for its negation, -1 for nothing.
        module_roots: (2M,); roots: one for each independent group of evidence.
    """

    nodes: Long
    places: Long
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
    return Diagrams(
        np.array(builder.nodes, np.int64).reshape(-1, 3),
        np.array(builder.places, np.int64).reshape(-1, 2),
        np.array(builder.module_roots, np.int64).reshape(-1),
        np.array(roots, np.int64),
    )


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
        self.nodes: list[tuple[int, int, int]] = [(0, 0, 0), (0, 1, 1)]
        self.places: list[tuple[int, int]] = []
        self.modules: dict[int, int] = {}  # fact → m
        self.module_roots: list[tuple[int, int]] = []

    def add(self, literals: list[int]) -> int:
        """The root of a conjunction."""
        modules = modules_below(self.view, [fact_of(x) for x in literals], joint=True)
        asked = _asked(self.view, [literals], modules)
        below: dict[int, _Asked] = {}
        stack = list(asked.modules)
        while stack:
            fact = stack.pop()
            if fact not in below:
                below[fact] = _asked(self.view, [[fact], [~fact]], modules)
                stack.extend(below[fact].modules)
        for fact in sorted(below, key=self.view.height):  # a module rests on lower ones only
            true, false = self._compiled(below[fact])
            self.modules[fact] = len(self.module_roots)
            self.module_roots.append((true, false))
        return self._compiled(asked)[0]

    def _compiled(self, asked: _Asked) -> list[int]:
        """Nodes for the roots of a shape."""
        compiler, formulas = _formulas(asked.shape, self.max_nodes)
        first = len(self.places) - 1  # pysdd counts variables from 1
        for choice, outcome in compiler.meaning.values():
            self.places.append(self._says(asked.keys[choice], outcome, asked.shape))
        known: dict[int, int] = {}
        return [self._read_off(f, first, known) for f in formulas]

    def _says(self, key: int, outcome: int, shape: Shape) -> tuple[int, int]:
        """What a variable's being true says, and its being false."""
        if key < 0:
            module = self.place_start[-1] + 2 * self.modules[~key]
            return module, module + 1
        start, end = self.place_start[key], self.place_start[key + 1]
        single = end - start == 2 and bool(self.view.structure.other[key])
        return start + outcome, start + 1 if single else -1

    def _read_off(self, root: Any, first: int, known: dict[int, int]) -> int:
        """A formula of a right-linear vtree as nodes that decide one variable each."""
        stack = [root]
        while stack:
            formula = stack[-1]
            if formula.id in known:
                stack.pop()
            elif formula.is_true() or formula.is_false():
                known[formula.id] = int(formula.is_true())
            elif formula.is_literal():
                literal = formula.literal
                known[formula.id] = self._node(first + abs(literal), int(literal < 0), int(literal > 0))
            else:
                branches = {prime.literal > 0: (sub, first + abs(prime.literal)) for prime, sub in formula.elements()}
                missing = [sub for sub, _ in branches.values() if sub.id not in known]
                if missing:
                    stack.extend(missing)
                else:
                    (low, variable), (high, _) = branches[False], branches[True]
                    known[formula.id] = self._node(variable, known[low.id], known[high.id])
        return known[root.id]

    def _node(self, variable: int, low: int, high: int) -> int:
        self.nodes.append((variable, low, high))
        return len(self.nodes) - 1


@dataclass(frozen=True)
class _Asked:
    """A shape to compile.

    Attributes:
        keys: for each of its choices that of the view, or a module as its complement.
        modules: the modules among them.
    """

    shape: Shape
    keys: list[int]
    modules: list[int]


def _asked(view: View, conjunctions: Sequence[Sequence[int]], modules: set[int]) -> _Asked:
    """The shape of conjunctions; each is taken together literal by literal, by facts of its own."""
    tops = {fact_of(x) for literals in conjunctions for x in literals}
    facts: set[int] = set()
    met: set[int] = set()
    stack = list(tops)
    while stack:
        x = stack.pop()
        if x in facts:
            continue
        facts.add(x)
        for body in view.bodies(x):
            for y in map(fact_of, body.literals):
                if y in modules and y not in tops:
                    met.add(y)
                else:
                    stack.append(y)
    ordered = sorted(facts)
    number = {f: k for k, f in enumerate(ordered)}
    choices: dict[int, int] = {}

    def own(body: Body) -> Body:
        sets = [(choices.setdefault(c, len(choices)), allowed) for c, allowed in body.choices]
        literals = []
        for x in body.literals:
            y = fact_of(x)
            if y in met:
                sets.append((choices.setdefault(~y, len(choices)), 1 if x >= 0 else 2))
            else:
                literals.append(number[y] if x >= 0 else ~number[y])
        return Body(tuple(sets), tuple(literals))

    bodies = [tuple(map(own, view.bodies(fact))) for fact in ordered]
    components: dict[int, int] = {}
    component = [components.setdefault(int(view.structure.component[f]), len(components)) for f in ordered]
    cyclic = [bool(view.structure.cyclic[f]) for f in ordered]
    roots: list[Body] = []
    for literals in conjunctions:
        root = own(Body((), (literals[0],)))
        for literal in literals[1:]:
            bodies.append((root,))
            root = Body((), (len(bodies) - 1, *own(Body((), (literal,))).literals))
        roots.append(root)
    added = len(bodies) - len(ordered)
    component += [len(components) + k for k in range(added)]
    cyclic += [False] * added
    sizes = tuple(int(view.structure.sizes[c]) if c >= 0 else 1 for c in choices)
    other = tuple(bool(view.structure.other[c]) if c >= 0 else True for c in choices)
    shape = Shape(tuple(bodies), tuple(component), tuple(cyclic), sizes, other, tuple(roots))
    return _Asked(shape, list(choices), sorted(met))


def _formulas(shape: Shape, max_nodes: int) -> tuple[Compiler, list[Any]]:
    """The formulas of a shape's roots; one order of the choices, and where that grows too large, its reverse."""
    order = variable_order(shape)
    try:
        compiler = Compiler(shape, order, max_nodes)
        compiler.build()
    except SemanticsError as error:
        if error.code != "NS520":
            raise
        compiler = Compiler(shape, order[::-1], max_nodes)
        compiler.build()
    return compiler, [compiler.conjoin(root) for root in shape.roots]
