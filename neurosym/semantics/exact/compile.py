"""Facts for which sums and products cannot be proved right: compiled to sentential decision diagrams by pysdd.

A choice with one outcome is one variable; a choice with several has an indicator for each outcome, and one for
'other' where that can happen, under the constraint that exactly one of them holds. The constraint determines every
indicator wherever it could be free, so the diagram needs no smoothing. Cycles are solved by iterating the formulas of
a strongly connected component from false to their fixpoint (Vlasselaer et al., IJCAI 2015): diagrams are canonical, so
that equality ends the iteration.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from neurosym.errors import SemanticsError
from neurosym.semantics.exact.circuit import Circuit, CircuitBuilder
from neurosym.semantics.exact.order import variable_order
from neurosym.semantics.exact.shape import Shape, Solution
from neurosym.semantics.exact.view import Body

Formula = Any  # pysdd.sdd.SddNode, which has no types


def compiled(shape: Shape, order: list[int], max_nodes: int) -> Solution:
    """The circuit of a shape.

    Args:
        order: its choices, in variable order; max_nodes: size of the diagrams at which to stop.

    Raises:
        SemanticsError: NS520, they grew past it.
    """
    builder, roots, choices = _built(shape, order, max_nodes)
    return Solution(*builder.flat(), roots, choices)


def circuit_of(shape: Shape, max_nodes: int) -> Circuit:
    """The circuit of a shape by itself: its leaves are the choices' outcomes, its outputs the roots.

    Raises:
        SemanticsError: NS520, the diagrams grew past the limit.
    """
    builder, roots, _ = _built(shape, variable_order(shape), max_nodes)
    return builder.build(roots)


def _built(shape: Shape, order: list[int], max_nodes: int) -> tuple[CircuitBuilder, tuple[int, ...], int]:
    """Nodes, roots, and the number of choices."""
    compiler = Compiler(shape, order, max_nodes)
    compiler.build()
    starts = [0]
    for size in shape.sizes:
        starts.append(starts[-1] + size)
    builder = CircuitBuilder(starts[-1])
    leaves = {(c, k): starts[c] + k for c, size in enumerate(shape.sizes) for k in range(size)}
    roots = tuple(compiler.read_off(compiler.conjoin(r), builder, leaves) for r in shape.roots)
    spoken = {c for root in shape.roots for c in bits(compiler.speaks_of(root))}
    return builder, roots, len(spoken)


class Compiler:
    """Formulas over the choices of one shape."""

    def __init__(self, shape: Shape, choices: list[int], max_nodes: int) -> None:
        """A manager with one variable for each choice or outcome.

        Args:
            choices: those that the formulas depend on, in variable order.
            max_nodes: size at which compilation stops.
        """
        from pysdd.sdd import SddManager, Vtree

        self.shape = shape
        self.max_nodes = max_nodes
        self.variables: dict[tuple[int, int], int] = {}
        self.meaning: dict[int, tuple[int, int]] = {}
        for choice in choices:
            indicators = 1 if self._single(choice) else shape.sizes[choice] + shape.other[choice]
            for outcome in range(indicators):
                self.variables[(choice, outcome)] = len(self.variables) + 1
                self.meaning[len(self.variables)] = (choice, outcome)
        count = max(1, len(self.variables))
        vtree = Vtree(var_count=count, var_order=list(range(1, count + 1)), vtree_type="right")
        self.manager = SddManager.from_vtree(vtree)
        self.formulas: dict[int, Formula] = {}
        self.choices: dict[int, int] = {}  # fact → bit set of the choices that its formula may speak of
        self._read: dict[int, int] = {}  # nodes that were read off: roots share them
        self._sets: dict[tuple[int, int], Formula] = {}
        self._constraints: dict[int, Formula] = {}

    def _single(self, choice: int) -> bool:
        return self.shape.sizes[choice] == 1 and self.shape.other[choice]

    def build(self) -> None:
        """Compile all facts, bottom up."""
        count = len(self.shape.bodies)
        first = 0
        while first < count:
            last = first + 1
            while last < count and self.shape.component[last] == self.shape.component[first]:
                last += 1
            members = range(first, last)
            choices = 0
            for fact in members:
                for body in self.shape.bodies[fact]:
                    for choice, _ in body.choices:
                        choices |= 1 << choice
                    for literal in body.literals:
                        choices |= self.choices.get(literal if literal >= 0 else ~literal, 0)
            for fact in members:
                self.choices[fact] = choices
                self.formulas[fact] = self.manager.false()
            changed = self._round(members, None)
            while self.shape.cyclic[first] and changed:
                changed = self._round(members, changed)
            first = last

    def _round(self, members: Iterable[int], changed: set[int] | None) -> set[int]:
        """Compile facts from what is known of their bodies; gives those of them that are new.

        Args:
            changed: facts whose formulas grew since the last round. Only bodies that speak of them are looked at: a
                cycle has no negation in it, so that what a body gave before it gives again.
        """
        grown: set[int] = set()
        for fact in members:
            bodies = self.shape.bodies[fact]
            if changed is not None:
                bodies = tuple(b for b in bodies if any(x in changed or x in grown for x in b.literals))
                if not bodies:
                    continue
            formula = self._formula(bodies, self.formulas[fact])
            if formula != self.formulas[fact]:
                self.formulas[fact] = formula
                grown.add(fact)
        return grown

    def _formula(self, bodies: Iterable[Body], result: Formula) -> Formula:
        """A formula or some bodies."""
        for body in bodies:
            term = self.manager.true()
            for choice, allowed in body.choices:
                term = term & self._outcomes(choice, allowed)
            for literal in body.literals:
                term = term & self._literal_formula(literal)
                if term.is_false():
                    break
            result = result | term
            self._check_size()
        return result

    def _check_size(self) -> None:
        if self.manager.live_size() + self.manager.dead_size() > self.max_nodes:
            raise SemanticsError(
                f"the circuit of a query grew past {self.max_nodes:,} nodes",
                code="NS520",
                note=f"{len(self.meaning)} choices depend on one another",
                help="ask for a smaller part, use another semantics, or raise max_circuit",
            )

    def _literal_formula(self, literal: int) -> Formula:
        return self.formulas[literal] if literal >= 0 else ~self.formulas[~literal]

    def _outcomes(self, choice: int, allowed: int) -> Formula:
        """That a choice falls into a set of outcomes."""
        key = (choice, allowed)
        if key not in self._sets:
            if self._single(choice):
                variable = self.variables[(choice, 0)]
                result = self.manager.literal(variable if allowed & 1 else -variable)
            else:
                result = self.manager.false()
                for outcome in bits(allowed):
                    result = result | self.manager.literal(self.variables[(choice, outcome)])
            self._sets[key] = result
        return self._sets[key]

    def speaks_of(self, body: Body) -> int:
        """Bit set of the choices that a conjunction may speak of.

        They are read off the bodies: a formula may have lost some that its constraint still speaks of.
        """
        choices = 0
        for choice, _ in body.choices:
            choices |= 1 << choice
        for literal in body.literals:
            choices |= self.choices[literal if literal >= 0 else ~literal]
        return choices

    def conjoin(self, body: Body) -> Formula:
        """A conjunction, with the constraints of the choices that it speaks of."""
        result = self.manager.true()
        for choice, allowed in body.choices:
            result = result & self._outcomes(choice, allowed)
        for literal in body.literals:
            result = result & self._literal_formula(literal)
        for choice in bits(self.speaks_of(body)):
            if not self._single(choice):
                result = result & self._exactly_one(choice)
        return result

    def _exactly_one(self, choice: int) -> Formula:
        if choice not in self._constraints:
            variables = [v for (c, _), v in self.variables.items() if c == choice]
            result = self.manager.false()
            for chosen in variables:
                term = self.manager.true()
                for variable in variables:
                    term = term & self.manager.literal(variable if variable == chosen else -variable)
                result = result | term
            self._constraints[choice] = result
        return self._constraints[choice]

    def read_off(self, root: Formula, builder: CircuitBuilder, leaves: dict[tuple[int, int], int]) -> int:
        """The weighted model count of a formula as a reference to nodes of an arithmetic circuit."""
        known = self._read
        stack = [root]
        while stack:
            node = stack[-1]
            if node.id in known:
                stack.pop()
            elif node.is_true() or node.is_false():
                known[node.id] = builder.one if node.is_true() else builder.zero
            elif node.is_literal():
                known[node.id] = self._literal(node.literal, builder, leaves)
            else:
                elements = list(node.elements())
                missing = [x for pair in elements for x in pair if x.id not in known]
                if missing:
                    stack.extend(missing)
                else:
                    terms = [builder.product([known[p.id], known[s.id]]) for p, s in elements]
                    known[node.id] = builder.sum(terms)
        return known[root.id]

    def _literal(self, literal: int, builder: CircuitBuilder, leaves: dict[tuple[int, int], int]) -> int:
        choice, outcome = self.meaning[abs(literal)]
        if self._single(choice):
            leaf = leaves[(choice, 0)]
            return leaf if literal > 0 else ~leaf
        if literal < 0:
            return builder.one
        if outcome == self.shape.sizes[choice]:
            return ~builder.sum([leaves[(choice, k)] for k in range(outcome)])
        return leaves[(choice, outcome)]


def bits(mask: int) -> Iterable[int]:
    """Positions of the set bits."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
