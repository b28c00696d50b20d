"""Formulas over choices, each distinct one stored once, so that equal residual programs are the same number.

A reference is twice a node's number, plus one if the node is negated. Nodes are the constant true, literals (a choice
falls into a set of its values), conjunctions of references, and positive cycles (`verify/cycles.py`).
Disjunctions are negated conjunctions of negations. A node's children have smaller numbers than itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from neurosym.errors import ExplanationError

TRUE, FALSE = 0, 1
MAX_FLAT = 100


class AbstractLoops(Protocol):
    """What formulas need to know of positive cycles."""

    def inputs(self, loop: int) -> Sequence[int]:
        """References that a loop rests on."""
        ...

    def condition(self, loop: int, assigned: dict[int, int]) -> int:
        """The formula of a loop's root once its inputs were replaced."""
        ...


class Formulas:
    """The store of formulas.

    Attributes:
        weights: for each choice the probabilities of its values, the last one 'none of them'. Choices are numbered in
            the order in which they are to be decided.
        support: for each node, the choices it depends on as a bit set.
        steps: nodes visited so far.
    """

    def __init__(self, weights: Sequence[Sequence[float]], max_steps: int) -> None:
        self.weights = weights
        self.max_steps = max_steps
        self.steps = 0
        self.loops: AbstractLoops | None = None
        # values of probability 0 never happen
        self._possible = [sum(1 << v for v, w in enumerate(ws) if w > 0) for ws in weights]
        self._numbers: dict[tuple, int] = {}
        self._nodes: list[tuple] = [("true",)]
        self.support: list[int] = [0]

    def node(self, number: int) -> tuple:
        """`("true",)`, `("value", choice, bits)`, `("and", references)` or `("loop", number)`."""
        return self._nodes[number]

    def spend(self, steps: int) -> None:
        """Count work.

        Raises:
            ExplanationError: NS820, the limit is reached.
        """
        self.steps += steps
        if self.steps > self.max_steps:
            raise ExplanationError(
                f"recomputing the claim took more than {self.max_steps:,} steps", code="NS820",
                note="neither confirmed nor refuted: the claim's choices are too entangled to be counted in time",
                help="raise max_steps",
            )  # fmt: skip

    def _intern(self, node: tuple, support: int) -> int:
        number = self._numbers.get(node)
        if number is None:
            number = self._numbers[node] = len(self._nodes)
            self._nodes.append(node)
            self.support.append(support)
        return 2 * number

    def value(self, choice: int, bits: int) -> int:
        """The choice falls into a set of values."""
        possible = self._possible[choice]
        bits &= possible
        if not bits:
            return FALSE
        return TRUE if bits == possible else self._intern(("value", choice, bits), 1 << choice)

    def loop(self, number: int, support: int) -> int:
        """The root of a loop."""
        return self._intern(("loop", number), support)

    def negate(self, reference: int) -> int:
        """The negation; that of a literal is the literal of the other values."""
        node = self._nodes[reference >> 1]
        if node[0] == "value":
            return self.value(node[1], self._possible[node[1]] & ~node[2])
        return reference ^ 1

    def conjoin(self, references: Iterable[int]) -> int:
        """All of them hold."""
        values: dict[int, int] = {}
        others: set[int] = set()
        nodes = self._nodes
        for given in references:
            node = nodes[given >> 1]
            # conjunctions inside are dissolved, so that equal ones are the same; long ones stay shared
            inside = node[0] == "and" and not given & 1 and len(node[1]) <= MAX_FLAT
            for reference in node[1] if inside else (given,):
                if reference == FALSE:
                    return FALSE
                node = nodes[reference >> 1]
                if node[0] == "value":
                    values[node[1]] = values.get(node[1], -1) & node[2]
                elif reference != TRUE:
                    if reference ^ 1 in others:
                        return FALSE
                    others.add(reference)
        for choice, bits in values.items():
            literal = self.value(choice, bits)
            if literal == FALSE:
                return FALSE
            others.add(literal)
        if len(others) <= 1:
            return others.pop() if others else TRUE
        ordered = tuple(sorted(others))
        support = 0
        for reference in ordered:
            support |= self.support[reference >> 1]
        return self._intern(("and", ordered), support)

    def disjoin(self, references: Iterable[int]) -> int:
        """At least one of them holds."""
        return self.negate(self.conjoin([self.negate(r) for r in references]))

    def dependents(self, number: int, choice: int) -> list[int]:
        """Nodes below a node (itself included) that depend on a choice, children first."""
        seen = {number}
        stack = [number]
        while stack:
            for child in self._children(stack.pop()):
                child >>= 1
                if child not in seen and self.support[child] >> choice & 1:
                    seen.add(child)
                    stack.append(child)
        return sorted(seen)

    def _children(self, number: int) -> Sequence[int]:
        node = self._nodes[number]
        if node[0] == "and":
            return node[1]
        if node[0] == "loop":
            assert self.loops is not None
            return self.loops.inputs(node[1])
        return ()

    def condition(self, dependents: Sequence[int], value: int) -> int:
        """What is left of the last of the dependents of a choice when the choice takes a value."""
        self.spend(len(dependents))
        new: dict[int, int] = {}
        find, negate = new.get, self.negate
        for number in dependents:
            node = self._nodes[number]
            if node[0] == "value":
                new[number] = TRUE if node[2] >> value & 1 else FALSE
            elif node[0] == "and":
                # as `replace` does, without a call for each: most of the time of a count goes by here
                new[number] = self.conjoin(
                    [r if (o := find(r >> 1)) is None else negate(o) if r & 1 else o for r in node[1]]
                )
            else:
                assert self.loops is not None
                new[number] = self.loops.condition(node[1], new)
        return new[dependents[-1]]

    def replace(self, reference: int, new: dict[int, int]) -> int:
        """A reference after its node was replaced."""
        other = new.get(reference >> 1)
        if other is None:
            return reference
        return self.negate(other) if reference & 1 else other
