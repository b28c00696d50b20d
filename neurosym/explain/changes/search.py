"""The smallest sets of moves that flip a decision.

Where every move pushes one way only, flipping sets are hitting sets: a flipping set must hold a move outside each set
that does not flip. So from a set that does not flip one goes to a largest one around it, and branches on what is
outside (Reiter, A theory of diagnosis from first principles, 1987). When facts are removed, what is outside the
largest set is what one proof rests on. Otherwise all sets are tried, smaller ones first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, islice

from neurosym.explain.changes.clock import Clock
from neurosym.explain.changes.possible import BATCH, Interval, OneByOne, Possible

Set = frozenset[int]
SLACK = 1e-12  # below which two probabilities are one: sums of floats differ in their last digits


def flips_to(threshold: float, reach: bool) -> Callable[[Interval], bool]:
    """Whether a claim is on the other side for sure: `reach` asks for the threshold or more, else for less than it."""
    if reach:
        return lambda found: found[0] >= threshold - SLACK
    return lambda found: found[1] < threshold - SLACK


def smallest(
    evaluator: Possible | OneByOne, flips: Callable[[Interval], bool], reach: bool, most: int, clock: Clock
) -> Iterator[list[Set]]:
    """Sets of moves that flip the decision and no part of which does: those of one move, of two, and so on.

    Args:
        reach: whether the claim must rise; most: moves in one set.
    """
    signs = evaluator.signs
    useful = [k for k, s in enumerate(signs) if (s.up if reach else s.down)]
    mixed = any(signs[k].up and signs[k].down for k in useful)
    search = _Search(evaluator, flips, most, clock)
    if evaluator.monotone and not mixed:
        yield from search.by_hitting(useful)
    else:  # what could only push the wrong way may still be needed to keep a mixed move from doing so
        yield from search.by_trying([k for k, s in enumerate(signs) if s.up or s.down])


class _Search:
    def __init__(
        self, evaluator: Possible | OneByOne, flips: Callable[[Interval], bool], most: int, clock: Clock
    ) -> None:
        self.evaluator, self.flips, self.most, self.clock = evaluator, flips, most, clock
        self.slots = [m.slot for m in evaluator.moves]
        self.found: list[Set] = []

    def by_trying(self, useful: Sequence[int]) -> Iterator[list[Set]]:
        """All sets, smaller ones first."""
        step = BATCH if self.evaluator.fast else 1
        for size in range(1, self.most + 1):
            sets = (s for s in map(frozenset, combinations(useful, size)) if self._is_new(s))
            before = len(self.found)
            while (batch := list(islice(sets, step))) and not self.clock.spent():
                self.found += self._flipping(batch)
            yield self.found[before:]
            if self.clock.over:
                return

    def by_hitting(self, useful: Sequence[int]) -> Iterator[list[Set]]:
        """Those that hold a move outside of each largest set that does not flip."""
        every = frozenset(useful)
        around: list[Set] = []
        level: list[Set] = [frozenset()]
        if not self._flipping([every]):
            return
        for _ in range(self.most):
            new: dict[Set, None] = {}
            for moves in level:
                outside = every - self._largest(moves, every, around)
                if self.clock.over:
                    return
                new |= dict.fromkeys(s for k in sorted(outside) if self._is_new(s := moves | {k}))
            flipping = set()
            batches = list(new)
            step = BATCH if self.evaluator.fast else 1
            for start in range(0, len(batches), step):
                if self.clock.spent():
                    break
                flipping |= set(self._flipping(batches[start : start + step]))
            self.found += [s for s in batches if s in flipping]
            yield [s for s in batches if s in flipping]
            if self.clock.over:
                return
            level = [s for s in batches if s not in flipping]

    def _largest(self, moves: Set, every: Set, around: list[Set]) -> Set:
        """A set around some moves that does not flip, and would with any further move."""
        for known in around:
            if moves <= known:
                return known
        largest = moves
        parts = [sorted(every - moves)]
        while parts and not self.clock.spent():
            part = parts.pop()
            if not part:
                continue
            if not self._flipping([largest | frozenset(part)]):
                largest |= frozenset(part)
            elif len(part) > 1:
                half = len(part) // 2
                parts += [part[half:], part[:half]]
        around.append(largest)
        return largest

    def _is_new(self, moves: Set) -> bool:
        """Whether its moves can be made together, and no part of it flips."""
        return len({self.slots[k] for k in moves}) == len(moves) and not any(f <= moves for f in self.found)

    def _flipping(self, sets: Sequence[Set]) -> list[Set]:
        values = self.evaluator.values([sorted(s) for s in sets])
        return [s for s, value in zip(sets, values, strict=True) if self.flips(value)]
