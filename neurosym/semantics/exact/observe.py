"""Evidence in normal form: what follows from it directly is put into the program before anything is proved.

A true fact with one body left forces its literals; a false one forces the last open literal of each body to be false.
Anything stronger would change the probabilities (see docs/explanation/exact.md). What is forced of a choice narrows its
outcomes; what is forced of a fact makes it certain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurosym.semantics.exact.normal import FALSE, LITERAL, OUTCOMES, TRUE, Normal, normalise
from neurosym.semantics.exact.structure import Structure

YES, NO = 1, 2


class Impossible(Exception):
    """Evidence that holds in no world; the argument says which fact."""


@dataclass(frozen=True)
class Observed:
    """A program under evidence.

    Attributes:
        structure: with narrowed choices; normal: with certain facts.
        rest: literals of the evidence that still have to be conditioned on.
        narrowed: choices with fewer outcomes than before.
        forced: (n,) 1 where a fact is true by the evidence, 2 where false.
    """

    structure: Structure
    normal: Normal
    rest: tuple[int, ...]
    narrowed: tuple[int, ...]
    forced: NDArray[np.uint8]


def observe(structure: Structure, evidence: dict[int, bool]) -> Observed:
    """Propagate evidence.

    Args:
        evidence: fact of the structure → observed true.

    Raises:
        Impossible: it contradicts itself.
    """
    original = structure.full
    forced = np.zeros(len(structure.facts), np.uint8)
    for fact, value in evidence.items():
        forced[fact] = YES if value else NO
    pending = dict(evidence)
    while True:
        normal = normalise(structure, forced)
        step = _Step(structure, normal, forced)
        for fact in sorted(pending, reverse=True):
            if step.settled(fact, pending[fact]):
                del pending[fact]
        if not step.changed:
            break
        structure = step.structure()
        pending.update(step.new)
    narrowed = np.nonzero((structure.full != original).any(axis=1))[0]
    rest = tuple(f if v else ~f for f, v in pending.items())
    return Observed(structure, normal, rest, tuple(narrowed.tolist()), forced)


class _Step:
    """One round over the evidence that is not settled yet."""

    def __init__(self, structure: Structure, normal: Normal, forced: np.ndarray) -> None:
        self.before, self.normal, self.forced = structure, normal, forced
        self.full = structure.full.copy()
        self.changed = False
        self.new: dict[int, bool] = {}

    def settled(self, fact: int, value: bool) -> bool:
        """Force what follows from a fact's value; whether nothing is left to condition on."""
        normal = self.normal
        state = normal.state[fact]
        if state in (TRUE, FALSE):
            if (state == TRUE) != value:
                raise Impossible(fact)
            return True
        if state == OUTCOMES:
            self._narrow(int(normal.alias[fact]), normal.alias_mask[fact], value, fact)
            return True
        if state == LITERAL:
            literal = int(normal.alias[fact])
            self._force(literal if literal >= 0 else ~literal, value == (literal >= 0), fact)
            return True
        bodies = range(normal.starts[fact], normal.starts[fact + 1])
        if value and len(bodies) == 1 and not self.before.cyclic[fact]:
            for literal in self._literals(bodies[0]):
                self._force(literal if literal >= 0 else ~literal, literal >= 0, fact)
            for at in range(normal.choice_start[bodies[0]], normal.choice_start[bodies[0] + 1]):
                self._narrow(int(normal.choices[at]), normal.masks[at], True, fact)
            return True
        if not value:
            for b in bodies:
                literals = self._literals(b)
                at = range(normal.choice_start[b], normal.choice_start[b + 1])
                if len(literals) + len(at) == 1:
                    for literal in literals:
                        self._force(literal if literal >= 0 else ~literal, literal < 0, fact)
                    for c in at:
                        self._narrow(int(normal.choices[c]), normal.masks[c], False, fact)
        return False

    def _literals(self, b: int) -> list[int]:
        return self.normal.literals[self.normal.literal_start[b] : self.normal.literal_start[b + 1]].tolist()

    def _force(self, fact: int, value: bool, because: int) -> None:
        wanted = YES if value else NO
        if self.forced[fact] == wanted:
            return
        if self.forced[fact]:
            raise Impossible(because)
        self.forced[fact] = wanted
        self.new[fact] = value
        self.changed = True

    def _narrow(self, choice: int, mask: np.ndarray, inside: bool, because: int) -> None:
        kept = self.full[choice] & (mask if inside else ~mask)
        if not kept.any():
            raise Impossible(because)
        if (kept != self.full[choice]).any():
            self.full[choice] = kept
            self.changed = True

    def structure(self) -> Structure:
        """The structure with what was forced of its choices."""
        before = self.before
        places = before.sizes
        rows = np.arange(len(places))
        other = (self.full[rows, places >> 6] >> (places & 63).astype(np.uint64)) & np.uint64(1) == 1
        return replace(before, full=self.full, other=before.other & other)
