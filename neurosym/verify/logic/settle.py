"""Bounds of all atoms and formulas, tightened by passes up and down until nothing moves.

A pass goes through the formulas by their height over the atoms, on one height sums before `iff`, `forall` and `exists`;
then through the bodies of ground rules, the rules, and the completions; and all the way back. What stands on one height
is computed from the same bounds. Where a lower bound is above the upper one, neither it nor what it is part of tightens
anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from neurosym.errors import ExplanationError
from neurosym.verify.logic.read import Logic, Unit
from neurosym.verify.structure import GroundProgram

SUMS = ("not", "and", "or", "implies")
Told = tuple[int, float, float]  # a number, and bounds that it has at the least and at the most


@dataclass(slots=True)
class Cell:
    """A formula that is computed: `sum` is constant + Σ coefficient × child, cut to [0, 1]."""

    number: int
    kind: str
    children: tuple[int, ...]
    coefficients: tuple[float, ...] = ()
    constant: float = 0.0
    exhaustive: bool = True


@dataclass(slots=True)
class Settled:
    """Bounds by number: of atoms, units, and from there on what rules are made of.

    Attributes:
        crossed: whether a lower bound is above an upper one; still: whether the last pass moved nothing.
        steps: operands that were looked at.
    """

    lower: list[float]
    upper: list[float]
    crossed: bool = False
    still: bool = True
    steps: int = 0


@dataclass(slots=True)
class Network:
    """The theory as cells in layers, with the bounds that are given.

    Attributes:
        rules: number of a rule's implication → its grounding; closed: of what a closed head implies → the head.
    """

    layers: list[list[Cell]] = field(default_factory=list)
    rules: dict[int, int] = field(default_factory=dict)
    closed: dict[int, int] = field(default_factory=dict)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)

    def add(self, kind: str, pairs: Iterable[tuple[int, float]], constant: float) -> int:
        """A sum on top of all that is there."""
        pairs = list(pairs)
        self.lower.append(0.0)
        self.upper.append(1.0)
        number = len(self.lower) - 1
        self.layers[-1].append(Cell(number, kind, tuple(c for c, _ in pairs), tuple(a for _, a in pairs), constant))
        return number


Watch = Callable[[list[tuple[Cell, list[Told]]], list[float], list[float]], None]


def settle(found: GroundProgram, logic: Logic, max_steps: int, watch: Watch | None = None) -> Settled:
    """Infer as often as the certificate says.

    Args:
        watch: is shown all that a layer says, before any of it is taken over.

    Raises:
        ExplanationError: NS820 that is more than may be done.
    """
    network = network_of(found, logic)
    each = 2 * sum(len(c.children) + 1 for layer in network.layers for c in layer) + 1
    made = Settled(network.lower, network.upper)
    lower, upper, slack = made.lower, made.upper, logic.slack
    for _ in range(logic.rounds):
        made.steps += each
        if made.steps > max_steps:
            raise ExplanationError(
                f"settling takes more than {max_steps:,} steps", code="NS820", help="raise max_steps"
            )  # fmt: skip
        before = (lower[:], upper[:])
        for layer in network.layers:
            _tighten(made, [(cell, _up(cell, lower, upper, slack)) for cell in layer], watch)
        for layer in reversed(network.layers):
            _tighten(made, [(cell, _down(cell, lower, upper, slack)) for cell in layer], watch)
        moved = max((a - b for a, b in zip(lower, before[0], strict=True)), default=0.0)
        moved = max(moved, max((b - a for a, b in zip(upper, before[1], strict=True)), default=0.0))
        made.still = moved <= slack
        if moved == 0:
            break
    made.crossed = any(_crossed(n, lower, upper, slack) for n in range(len(lower)))
    return made


# ------------------------------------------------------------------------------------------------ the network


def network_of(found: GroundProgram, logic: Logic) -> Network:
    """The cells of a theory, with what is given."""
    made = Network()
    _atoms(found, logic, made)
    base = len(made.lower)
    heights: dict[tuple[int, int], list[Cell]] = {}
    height = [0] * base
    for number, unit in enumerate(logic.units, base):
        bare = not unit.children
        made.lower.append(1.0 if unit.kind == "true" else 0.0)
        made.upper.append(0.0 if unit.kind == "false" else 1.0)
        height.append(0 if bare else 1 + max(height[c] for c in unit.children))
        if not bare:
            order = 0 if unit.kind in SUMS else 1 + ("iff", "forall", "exists").index(unit.kind)
            heights.setdefault((height[number], order), []).append(_cell(number, unit))
    made.layers = [heights[at] for at in sorted(heights)]
    _rules(found, logic, made)
    for row in logic.asserted:
        made.lower[row.unit] = max(made.lower[row.unit], row.least)
    for fact, observed in found.evidence.items():
        made.lower[fact] = max(made.lower[fact], float(observed))
        made.upper[fact] = min(made.upper[fact], float(observed))
    return made


def _atoms(found: GroundProgram, logic: Logic, made: Network) -> None:
    truth = {f: p for c in found.choices for f, p in zip(c.outcomes, c.probabilities, strict=True)}
    for fact, kind in enumerate(found.kinds):
        given = truth[fact] if kind == "leaf" and fact not in logic.weights else None
        made.lower.append(1.0 if kind == "certain" else given or 0.0)
        made.upper.append(0.0 if kind == "absent" else 1.0 if given is None else given)


def _cell(number: int, unit: Unit) -> Cell:
    """A unit with its sum: and β − Σ w (1 − x), or 1 − β + Σ w x, implies 1 − β + w (1 − x) + w′ y."""
    w, beta = unit.weights, unit.bias
    match unit.kind:
        case "not":
            return Cell(number, "sum", unit.children, (-1.0,), 1.0)
        case "and":
            return Cell(number, "sum", unit.children, w, beta - sum(w))
        case "or":
            return Cell(number, "sum", unit.children, w, 1 - beta)
        case "implies":
            return Cell(number, "sum", unit.children, (-w[0], w[1]), 1 - beta + w[0])
    return Cell(number, unit.kind, unit.children, exhaustive=unit.exhaustive)


def _rules(found: GroundProgram, logic: Logic, made: Network) -> None:
    """Bodies, the implications of heads by them, and what the heads of closed predicates imply."""
    made.layers.append([])
    bodies = []
    for g in found.groundings:
        positive = [f for f in g.body if f not in logic.weights]
        pairs = [*((f, 1.0) for f in positive), *((f, -1.0) for f in g.negated)]
        bodies.append(made.add("sum", pairs, 1.0 - len(positive)))
    truth = {f: p for c in found.choices for f, p in zip(c.outcomes, c.probabilities, strict=True)}
    made.layers.append([])
    by_head: dict[int, list[int]] = {}
    for number, (g, body) in enumerate(zip(found.groundings, bodies, strict=True)):
        rule = made.add("sum", ((body, -1.0), (g.head, 1.0)), 1.0)
        made.rules[rule] = number
        made.lower[rule] = next((truth[f] for f in g.body if f in logic.weights), 1.0)
        if found.kinds[g.head] == "derived":
            by_head.setdefault(g.head, []).append(body)
    made.layers.append([])
    some = {head: made.add("sum", ((b, 1.0) for b in of), 0.0) for head, of in by_head.items()}
    made.layers.append([])
    for head, any_body in some.items():
        implied = made.add("sum", ((head, -1.0), (any_body, 1.0)), 1.0)
        made.closed[implied], made.lower[implied] = head, 1.0


# ---------------------------------------------------------------------------------------------------- passes


def _crossed(number: int, lower: Sequence[float], upper: Sequence[float], slack: float) -> bool:
    return lower[number] > upper[number] + 10 * slack


def _tighten(made: Settled, told: list[tuple[Cell, list[Told]]], watch: Watch | None) -> None:
    lower, upper = made.lower, made.upper
    if watch is not None:
        watch(told, lower, upper)
    for _, bounds in told:
        for number, low, high in bounds:
            lower[number] = max(lower[number], min(1.0, max(0.0, low)))
            upper[number] = min(upper[number], min(1.0, max(0.0, high)))


def _sums(cell: Cell, lower: Sequence[float], upper: Sequence[float]) -> tuple[list[float], list[float]]:
    """The least and the greatest that each operand adds."""
    least, greatest = [], []
    for child, a in zip(cell.children, cell.coefficients, strict=True):
        ends = (a * lower[child], a * upper[child])
        least.append(ends[0] if a >= 0 else ends[1])
        greatest.append(ends[1] if a >= 0 else ends[0])
    return least, greatest


def _up(cell: Cell, lower: Sequence[float], upper: Sequence[float], slack: float) -> list[Told]:
    """The bounds of a formula by those of its operands."""
    children = cell.children
    if any(_crossed(c, lower, upper, slack) for c in children):
        return []
    if cell.kind == "sum":
        least, greatest = _sums(cell, lower, upper)
        return [(cell.number, cell.constant + sum(least), cell.constant + sum(greatest))]
    if cell.kind == "iff":
        x, y = children
        far = max(upper[x] - lower[y], upper[y] - lower[x])
        near = max(0.0, lower[x] - upper[y], lower[y] - upper[x])
        return [(cell.number, 1 - far, 1 - near)]
    low, high = [lower[c] for c in children], [upper[c] for c in children]
    if cell.kind == "forall":  # instances that nobody spoke of may fail
        return [(cell.number, min(low) if cell.exhaustive else 0.0, min(high))]
    return [(cell.number, max(low), max(high) if cell.exhaustive else 1.0)]


def _down(cell: Cell, lower: Sequence[float], upper: Sequence[float], slack: float) -> list[Told]:
    """The bounds of operands by those of the formula and of the other operands."""
    if any(_crossed(c, lower, upper, slack) for c in (*cell.children, cell.number)):
        return []
    if cell.kind == "sum":
        return _sum_down(cell, lower, upper, slack)
    if cell.kind == "iff":
        x, y = cell.children
        low, high = lower[cell.number], upper[cell.number]
        return [_equal(x, y, low, high, lower, upper, slack), _equal(y, x, low, high, lower, upper, slack)]
    return _quantified_down(cell, lower, upper, slack)


def _sum_down(cell: Cell, lower: Sequence[float], upper: Sequence[float], slack: float) -> list[Told]:
    """One operand, given the sum and the others. A sum of 0 may have been cut to it, one of 1 as well: no news."""
    at_least, at_most = lower[cell.number], upper[cell.number]
    least, greatest = _sums(cell, lower, upper)
    bottom, top = cell.constant + sum(least), cell.constant + sum(greatest)
    told: list[Told] = []
    for child, a, little, much in zip(cell.children, cell.coefficients, least, greatest, strict=True):
        if a == 0:
            continue
        needs = (at_least - (top - much)) / a if at_least > slack else None
        allows = (at_most - (bottom - little)) / a if at_most < 1 - slack else None
        low, high = (needs, allows) if a > 0 else (allows, needs)
        told.append((child, 0.0 if low is None else low, 1.0 if high is None else high))
    return told


def _equal(
    x: int, y: int, low: float, high: float, lower: Sequence[float], upper: Sequence[float], slack: float
) -> Told:  # fmt: skip
    """One side of `iff`: within 1 − low of the other, and where there is room on one side alone, 1 − high away."""
    apart = 1 - high
    at_least, at_most = lower[y] - (1 - low), upper[y] + (1 - low)
    if apart > slack:
        if upper[y] - apart < lower[x] - slack:
            at_least = max(at_least, lower[y] + apart)
        if lower[y] + apart > upper[x] + slack:
            at_most = min(at_most, upper[y] - apart)
    return x, at_least, at_most


def _quantified_down(cell: Cell, lower: Sequence[float], upper: Sequence[float], slack: float) -> list[Told]:
    """`forall` is no truer than any instance; one that fails, with one instance that can be to blame, blames it."""
    low, high = lower[cell.number], upper[cell.number]
    if cell.kind == "forall":
        may = [c for c in cell.children if lower[c] <= high + slack]
        blamed = may[0] if len(may) == 1 and cell.exhaustive and high < 1 - slack else None
        return [(c, low, high if c == blamed else 1.0) for c in cell.children]
    may = [c for c in cell.children if upper[c] >= low - slack]
    shown = may[0] if len(may) == 1 and cell.exhaustive and low > slack else None
    return [(c, low if c == shown else 0.0, high) for c in cell.children]
