"""Which inference set each bound of a theory, and which bounds that rested on: read off while it settles.

Everything is taken from a certificate, so that what is told is how the certified bounds come about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurosym.explain.model import Certificate
from neurosym.verify.logic import Cell, Told, network_of, read_logic, settle
from neurosym.verify.structure import read_structure

End = tuple[int, bool]  # the number of an atom or a unit, and whether its lower bound is meant
MOST = 10**9  # the certificate is our own
TOLD = 1e-4  # a bound that moves by less is told by what moved it before


@dataclass(frozen=True)
class Event:
    """A bound that was set.

    Attributes:
        value: what it was set to; `rests`: on which other bounds, with the event that had set each, -1: it was given.
    """

    end: End
    value: float
    rests: tuple[tuple[End, int], ...]


class Trace:
    """The events of settling a certificate's theory.

    Attributes:
        events: in their order; `last`: what set a bound last; missing where it is as it was given.
        lower, upper: bounds as they were given.
    """

    def __init__(self, certificate: Certificate) -> None:
        self.found = read_structure(vars(certificate), MOST, MOST)
        self.logic = read_logic(certificate.logic, self.found, MOST)
        self.network = network_of(self.found, self.logic)
        self.lower, self.upper = [*self.network.lower], [*self.network.upper]
        self.events: list[Event] = []
        self.last: dict[End, int] = {}
        settle(self.found, self.logic, MOST, self._watch)

    def given(self, end: End) -> float:
        """A bound as it was before anything was inferred."""
        return self.lower[end[0]] if end[1] else self.upper[end[0]]

    def _watch(self, told: list[tuple[Cell, list[Told]]], lower: list[float], upper: list[float]) -> None:
        best: dict[End, tuple[float, Cell]] = {}
        for cell, bounds in told:
            for number, low, high in bounds:
                for end, value in (((number, True), min(1.0, low)), ((number, False), max(0.0, high))):
                    if self._moves(end, value) and (end not in best or _beyond(end, value, best[end][0]) > 0):
                        best[end] = (value, cell)
        made: list[Event] = []
        for end, (value, cell) in best.items():
            # at least 0 and at most 1 is everything
            rests = [e for e in premises(cell, end, lower, upper) if (lower[e[0]] > 0 if e[1] else upper[e[0]] < 1)]
            made.append(Event(end, value, tuple((e, self.last.get(e, -1)) for e in dict.fromkeys(rests))))
        for event in made:
            self.last[event.end] = len(self.events)
            self.events.append(event)

    def _moves(self, end: End, value: float) -> bool:
        at = self.last.get(end)
        now = self.given(end) if at is None else self.events[at].value
        return _beyond(end, value, now) > TOLD


def _beyond(end: End, value: float, other: float) -> float:
    return value - other if end[1] else other - value


def premises(cell: Cell, end: End, lower: Sequence[float], upper: Sequence[float]) -> list[End]:
    """The bounds by which a formula sets one of its own bounds, or one of an operand's."""
    number, least = end
    if number == cell.number:
        return _upward(cell, least, lower, upper)
    if cell.kind == "sum":
        return _of_sum(cell, number, least)
    others = [c for c in cell.children if c != number]
    own = (cell.number, True), (cell.number, False)
    if cell.kind == "iff":
        return [own[0], own[1], *((c, x) for c in others for x in (True, False))]
    if cell.kind == "forall":
        return [own[0]] if least else [own[1], *((c, True) for c in others)]
    return [own[0], *((c, False) for c in others)] if least else [own[1]]


def _upward(cell: Cell, least: bool, lower: Sequence[float], upper: Sequence[float]) -> list[End]:
    if cell.kind == "sum":
        return [(c, (a >= 0) == least) for c, a in zip(cell.children, cell.coefficients, strict=True) if a]
    if cell.kind == "iff":
        x, y = cell.children
        if least:
            up = upper[x] - lower[y] >= upper[y] - lower[x]
            return [(x, not up), (y, up)]
        up = lower[x] - upper[y] >= lower[y] - upper[x]
        return [(x, up), (y, not up)]
    if (cell.kind == "forall") == least:  # all of them
        return [(c, least) for c in cell.children]
    bounds = lower if least else upper
    return [((max if least else min)(cell.children, key=lambda c: bounds[c]), least)]


def _of_sum(cell: Cell, number: int, least: bool) -> list[End]:
    """An operand of a sum, by the sum and the others."""
    at = cell.children.index(number)
    needs = (cell.coefficients[at] > 0) == least  # the sum is so much at the least, and the others add no more than …
    pairs = list(zip(cell.children, cell.coefficients, strict=True))
    return [(cell.number, needs), *((c, (a > 0) != needs) for k, (c, a) in enumerate(pairs) if k != at and a)]


__all__ = ["End", "Event", "Trace", "premises"]
