"""The order of variables in which a shape is compiled: it decides how large the diagram becomes.

A fact is *open* at a place of the order if some of the choices that meet in it come before and some after: a diagram
has to remember there what is known of it. That tells bad orders from good ones, but not the good ones apart: several
are made, see `compile`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from neurosym.grounding.compiled import load
from neurosym.semantics.diagrams.shape import Shape
from neurosym.semantics.part import Long

MOST = 400  # choices up to which the greedy order is tried: it looks at all that are left for each
STARTS = 6  # choices at which the greedy order is begun, with the fewest facts and with the most


def variable_orders(shape: Shape, walked: list[int]) -> list[list[int]]:
    """Orders of the choices that a shape's roots depend on, the most promising first.

    Args:
        walked: the choices as `walk` meets them.
    """
    if len(walked) < 3:
        return [walked]
    meeting = _meeting(shape, walked)
    of_choice: dict[int, list[int]] = {c: [] for c in walked}
    for number, choices in enumerate(meeting):
        for choice in choices:
            of_choice[choice].append(number)
    kernels = load("neurosym.semantics.diagrams.order_kernels")
    names, number_of = np.array(walked), {c: k for k, c in enumerate(walked)}
    meetings = _flat([[number_of[c] for c in choices] for choices in meeting])
    columns = *meetings, *_flat(list(of_choice.values()))
    rarest = np.lexsort((names, np.diff(columns[2])))  # those in the fewest facts first
    rank = np.argsort(rarest)
    levels = _levels(len(walked), lambda k: kernels.breadth_first(k, rarest, rank, *columns).tolist())
    orders = [walked, walked[::-1], sorted(walked), [walked[k] for k in levels]]
    if len(walked) <= MOST:
        ranked = sorted(range(len(walked)), key=lambda k: len(of_choice[walked[k]]))
        starts = dict.fromkeys([*ranked[: STARTS // 2], *ranked[-(STARTS // 2) :], 0, len(walked) - 1])
        orders += [[walked[k] for k in kernels.greedy(start, names, *columns).tolist()] for start in starts]

    def cost(order: Sequence[int]) -> float:
        place = np.empty(len(walked), np.int64)
        place[[number_of[c] for c in order]] = np.arange(len(walked))
        return kernels.cost(place, *meetings)

    return [list(order) for order in sorted(dict.fromkeys(map(tuple, orders)), key=cost)]


def _flat(lists: list[list[int]]) -> tuple[Long, Long]:
    """Lists one after the other, as offsets and entries."""
    starts = np.zeros(len(lists) + 1, np.int64)
    np.cumsum([len(x) for x in lists], out=starts[1:])
    return starts, np.array([x for part in lists for x in part], np.int64)


def walk(shape: Shape) -> list[int]:
    """Choices in the order in which a walk from the roots meets them: related ones are near each other."""
    order: dict[int, None] = {}
    seen: set[int] = set()
    for root in shape.roots:
        order.update((c, None) for c, _ in root.choices)
    stack = [x if x >= 0 else ~x for root in reversed(shape.roots) for x in reversed(root.literals)]
    while stack:
        fact = stack.pop()
        if fact in seen:
            continue
        seen.add(fact)
        for body in shape.bodies[fact]:
            order.update((c, None) for c, _ in body.choices)
        stack.extend(x if x >= 0 else ~x for body in reversed(shape.bodies[fact]) for x in reversed(body.literals))
    return list(order)


def _meeting(shape: Shape, walked: Iterable[int]) -> list[set[int]]:
    """For each fact the choices that meet in it: those of its bodies, and those of the bodies that it is in."""
    known = set(walked)
    meeting: list[set[int]] = [set() for _ in shape.bodies]
    for fact, bodies in enumerate(shape.bodies):
        for body in bodies:
            choices = {c for c, _ in body.choices} & known
            meeting[fact] |= choices
            for literal in body.literals:
                meeting[literal if literal >= 0 else ~literal] |= choices
    meeting += [{c for c, _ in root.choices} & known for root in shape.roots]
    return [m for m in meeting if len(m) > 1]


def _levels(n: int, from_here: Callable[[int], list[int]]) -> list[int]:
    """Choices by their distance from the end of a longest way between two (after Cuthill & McKee 1969).

    Args:
        n: choices, numbered as they are walked; from_here: those that one leads to, breadth first.
    """
    first = 0
    for _ in range(3):
        first = from_here(first)[-1]
    order = from_here(first)
    found = set(order)
    for choice in range(n):  # what is not connected with it
        if choice not in found:
            more = from_here(choice)
            order.extend(more)
            found.update(more)
    return order
