"""What has to be compiled, in numbers of its own, so that what has the same shape is compiled once."""

from __future__ import annotations

import marshal
from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Body:
    """A body in normal form.

    Attributes:
        choices: (choice, allowed outcomes as a bit set); the bit after the last outcome is 'other'.
        literals: facts, `~fact` under negation.
    """

    choices: tuple[tuple[int, int], ...]
    literals: tuple[int, ...]


@dataclass(frozen=True)
class Shape:
    """Facts with their bodies, bottom up; equal shapes have equal diagrams.

    Attributes:
        bodies: for each fact its bodies, over choices and facts of the shape.
        component: for each fact the number of its strongly connected component; cyclic: whether that is a cycle.
        sizes: for each choice how many outcomes it has; other: whether something else can happen.
        roots: conjunctions whose formulas are asked.
    """

    bodies: tuple[tuple[Body, ...], ...]
    component: tuple[int, ...]
    cyclic: tuple[bool, ...]
    sizes: tuple[int, ...]
    other: tuple[bool, ...]
    roots: tuple[Body, ...]

    @property
    def digest(self) -> bytes:
        """A name that no other shape has: what is kept by shape need not keep the shape, which has many objects."""
        bodies = tuple(tuple((b.choices, b.literals) for b in of_one) for of_one in (*self.bodies, self.roots))
        # version 2 writes the same for equal values, whoever shares them
        written = marshal.dumps((bodies, self.component, self.cyclic, self.sizes, self.other), 2)
        return blake2b(written, digest_size=20).digest()
