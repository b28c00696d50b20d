"""What has to be compiled, in numbers of its own, so that what has the same shape is compiled once."""

from __future__ import annotations

from dataclasses import dataclass

from neurosym.semantics.exact.view import Body


@dataclass(frozen=True)
class Shape:
    """Facts with their bodies, bottom up; equal shapes have equal circuits.

    Attributes:
        bodies: for each fact its bodies, over choices and facts of the shape.
        component: for each fact the number of its strongly connected component; cyclic: whether that is a cycle.
        sizes: for each choice how many outcomes it has; other: whether something else can happen.
        roots: conjunctions whose probabilities are asked.
    """

    bodies: tuple[tuple[Body, ...], ...]
    component: tuple[int, ...]
    cyclic: tuple[bool, ...]
    sizes: tuple[int, ...]
    other: tuple[bool, ...]
    roots: tuple[Body, ...]


@dataclass(frozen=True)
class Solution:
    """A compiled shape: nodes over its choices' outcomes, numbered choice by choice, then the constant one.

    Attributes:
        kinds, sizes, children: new nodes, see `CircuitBuilder.extend`; roots: references.
        choices: how many the compiled formulas speak of.
    """

    kinds: tuple[int, ...]
    sizes: tuple[int, ...]
    children: tuple[int, ...]
    roots: tuple[int, ...]
    choices: int
