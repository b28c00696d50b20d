"""The parts of a structure that have to be compiled, cut at modules, and compiled once for each shape.

A *module* is a fact whose choices are read through it alone (Dutuit & Rauzy, IEEE Transactions on Reliability 1996); it
enters a circuit as one leaf, with a probability of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from neurosym.semantics.diagrams import Body, Shape
from neurosym.semantics.exact.circuit import CircuitBuilder, renamed
from neurosym.semantics.exact.compile import Solution, Solutions, compiled
from neurosym.semantics.exact.fold import fact_of
from neurosym.semantics.exact.view import View
from neurosym.semantics.part import Long


@dataclass
class Compiled:
    """What became of one island.

    Attributes:
        references: of its roots; nodes: of its circuit; choices: what it was compiled over.
        modules: facts that entered as leaves.
    """

    references: list[int]
    nodes: int
    choices: int
    modules: list[int]


def modules_below(view: View, roots: Iterable[Body], joint: bool = True) -> set[int]:
    """Facts below conjunctions (and in them) whose choices are read through them alone, and that rest on several.

    Args:
        joint: the literals of a conjunction are asked together, so that none of their facts is a module.
    """
    roots = list(roots)
    tops = sorted({fact_of(x) for root in roots for x in root.literals}, reverse=True)
    component = view.component
    # nodes: components of facts as c, choices as ~choice; the order of a walk, first and last visits
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    done: dict[int, int] = {}
    lowest: dict[int, int] = {}
    highest: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    members: dict[int, list[int]] = {}
    clock = 0
    for choice in {c for root in roots for c, _ in root.choices}:  # read before all facts: what else does is no module
        first[~choice] = last[~choice] = done[~choice] = clock
        children[~choice] = []

    def below(node: int) -> list[int]:
        if node < 0:
            return []
        found: dict[int, None] = {}
        for fact in members[node]:
            for body in view.bodies(fact):
                for c, _ in body.choices:
                    found[~c] = None
                for literal in body.literals:
                    x = literal if literal >= 0 else ~literal
                    c = component[x]
                    if c != node:
                        if c not in members:
                            members[c] = _members(view, x)
                        found[c] = None
        return list(found)

    for top in tops:
        root = component[top]
        members.setdefault(root, _members(view, top))
        clock += 1
        if root in first:
            last[root] = clock
            continue
        first[root] = last[root] = clock
        children[root] = below(root)
        stack = [(root, iter(children[root]))]
        while stack:
            node, rest = stack[-1]
            for child in rest:
                clock += 1
                if child in first:
                    last[child] = clock
                    continue
                first[child] = last[child] = clock
                children[child] = below(child)
                stack.append((child, iter(children[child])))
                break
            else:
                stack.pop()
                clock += 1
                done[node] = clock
    for node in done:  # children first; when all visits are known
        lowest[node] = min((min(first[c], lowest[c]) for c in children[node]), default=first[node])
        highest[node] = max((max(last[c], highest[c]) for c in children[node]), default=first[node])
    result: set[int] = set()
    for node, facts_of in members.items():
        if node < 0 or len(facts_of) != 1 or node not in done:
            continue
        (fact,) = facts_of
        if view.structure.cyclic[fact] or not children[node]:
            continue
        if lowest[node] > first[node] and highest[node] < done[node]:
            result.add(fact)
    return result - set(tops) if joint else result


def _members(view: View, fact: int) -> list[int]:
    """All facts of a fact's component; they are neighbours."""
    component = view.component
    low = high = fact
    while low > 0 and component[low - 1] == component[fact]:
        low -= 1
    while high + 1 < len(component) and component[high + 1] == component[fact]:
        high += 1
    return list(range(low, high + 1))


def open_region(view: View, fact: int, modules: set[int]) -> tuple[set[int], set[int]]:
    """The facts and choices that a fact depends on, not looking into modules (other than itself)."""
    facts: set[int] = set()
    choices: set[int] = set()
    stack = [fact]
    while stack:
        x = stack.pop()
        if x in facts:
            continue
        facts.add(x)
        if x in modules and x != fact:
            continue
        for body in view.bodies(x):
            choices.update(c for c, _ in body.choices)
            stack.extend(y if y >= 0 else ~y for y in body.literals)
    return facts, choices


def islands_of(regions: dict[int, tuple[set[int], set[int]]], modules: set[int]) -> list[list[int]]:
    """Facts grouped so that those of different groups share nothing but modules."""
    owner: dict[int, int] = {}
    parent = {f: f for f in regions}

    def find(x: int) -> int:
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for fact, (facts, choices) in regions.items():
        for key in (*(f for f in facts if f not in modules), *(~c for c in choices)):
            other = owner.setdefault(key, fact)
            parent[find(fact)] = find(other)
    groups: dict[int, list[int]] = {}
    for fact in sorted(regions):
        groups.setdefault(find(fact), []).append(fact)
    return list(groups.values())


@dataclass(frozen=True)
class Asked:
    """A shape to compile.

    Attributes:
        keys: for each of its choices that of the view, or a module as its complement.
        modules: the modules among them.
    """

    shape: Shape
    keys: list[int]
    modules: list[int]


def asked(view: View, roots: Sequence[Body], modules: set[int]) -> Asked:
    """The shape of some conjunctions, with modules as choices."""
    tops = {fact_of(x) for root in roots for x in root.literals}
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

    bodies = tuple(tuple(map(own, view.bodies(fact))) for fact in ordered)
    conjunctions = tuple(map(own, roots))
    components: dict[int, int] = {}
    shape = Shape(
        bodies,
        tuple(components.setdefault(view.component[f], len(components)) for f in ordered),
        tuple(bool(view.structure.cyclic[f]) for f in ordered),
        tuple(view.sizes[c] if c >= 0 else 1 for c in choices),
        tuple(bool(view.structure.other[c]) if c >= 0 else True for c in choices),
        conjunctions,
    )
    return Asked(shape, list(choices), sorted(met))


def compile_island(
    view: View, builder: CircuitBuilder, reference: Long, roots: Sequence[Body],
    modules: set[int], solutions: Solutions, max_circuit: int,
) -> Compiled:  # fmt: skip
    """Compile conjunctions, with modules as leaves.

    Args:
        reference: a reference for each fact; those of the modules are used.

    Raises:
        SemanticsError: NS520, the circuit grew past its limit.
    """
    made = asked(view, roots, modules)
    shape = made.shape.digest
    solution = solutions.get(shape)
    if solution is None:
        solution = solutions[shape] = compiled(made.shape, max_circuit)
    leaves: list[int] = []
    for c in made.keys:
        if c >= 0:
            start = view.leaf_start[c]
            leaves.extend(view.leaf_reference[start : start + view.sizes[c]])
        else:
            leaves.append(int(reference[~c]))
    return Compiled(_insert(builder, solution, leaves), solution.nodes, solution.choices, made.modules)


def _insert(builder: CircuitBuilder, solution: Solution, leaves: list[int]) -> list[int]:
    """Append a solution's nodes with these references for its leaves; gives those of its roots."""
    made = np.arange(builder.count, builder.count + len(solution.kinds))
    number = np.concatenate([np.array([*leaves, builder.one], np.int64), made])
    builder.extend(solution.kinds, solution.sizes, renamed(solution.children, number))
    return renamed(solution.roots, number).tolist()
