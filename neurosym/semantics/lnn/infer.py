"""Inference in both directions: bounds of all units, tightened by passes up and down until they settle.

Bounds only ever tighten, so that whenever it stops they are right. What is contradictory is passed on no further: from
a lower bound above the upper one anything would follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neurosym.grounding.formulas import AND, FORALL, IFF, IMPLIES, NOT, OR
from neurosym.semantics.lnn.settings import LogicBounds
from neurosym.semantics.lnn.theory import Layer, Theory


@dataclass(frozen=True)
class Operands:
    """Learned parameters of connectives: (O,) weights of operands, (C,) biases; all 1 is plain Łukasiewicz logic."""

    weights: Tensor
    biases: Tensor


@dataclass(frozen=True)
class Settled:
    """The bounds of V units in B samples.

    Attributes:
        lower, upper: (V, B); rounds: passes that were made; settled: whether the last moved nothing.
    """

    lower: Tensor
    upper: Tensor
    rounds: int
    settled: bool


class _Layer:
    """A layer as tensors."""

    def __init__(self, layer: Layer) -> None:
        self.kind = layer.kind
        self.units = torch.from_numpy(layer.units)
        self.parent = torch.from_numpy(layer.parent)
        self.child = torch.from_numpy(layer.child)
        self.above = self.units[self.parent]
        self.sign = torch.from_numpy(layer.coefficient)
        self.bias = torch.from_numpy(layer.bias)
        self.operand = torch.from_numpy(layer.operand)
        self.connective = torch.from_numpy(layer.connective)
        self.exhaustive = torch.from_numpy(layer.exhaustive)[:, None]
        self.kinds = torch.from_numpy(layer.kinds.astype("int64"))

    def line(self, operands: Operands | None, like: Tensor) -> tuple[Tensor, Tensor]:
        """(e,) coefficients and (n,) constants of the sums of linear units."""
        sign, bias = self.sign.to(like), self.bias.to(like)
        if operands is None or bool((self.connective < 0).all()):
            return sign, bias
        plain = (self.operand < 0) | (self.kinds[self.parent] == NOT)
        weight = operands.weights[self.operand.clamp_min(0)].to(like).clamp_min(0)
        weight = torch.where(plain, torch.ones_like(weight), weight)
        beta = operands.biases[self.connective.clamp_min(0)].to(like)
        # and: β - Σ w (1 - x), implies: 1 - β + w (1 - x) + w' y, or: 1 - β + Σ w x
        conjoined = self.kinds[self.parent] == AND
        inner = (self.kinds[self.parent] == IMPLIES) & (sign < 0)
        moved = torch.where(conjoined, -weight, torch.where(inner, weight, torch.zeros_like(weight)))
        shift = torch.zeros_like(bias).index_add(0, self.parent, moved)
        constant = torch.where(self.kinds == AND, beta, torch.where(self.kinds == NOT, torch.ones_like(beta), 1 - beta))
        weighted = torch.isin(self.kinds, torch.tensor([AND, OR, IMPLIES])) & (self.connective >= 0)
        return sign * weight, torch.where(weighted, constant + shift, bias)


class Inference:
    """Bounds of a theory; made once, run for any tags, weights and choice of what is asserted."""

    def __init__(self, theory: Theory, settings: LogicBounds) -> None:
        self.theory, self.settings = theory, settings
        self.layers = [_Layer(layer) for layer in theory.layers]
        self.known = torch.from_numpy(theory.known)
        self.leaf = torch.from_numpy(theory.leaf).nonzero()[:, 0]
        self.unit = torch.from_numpy(theory.unit)
        self.element = torch.from_numpy(theory.element)
        self.lower = torch.from_numpy(theory.lower.copy())
        self.upper = torch.from_numpy(theory.upper.copy())
        self.lower_leaf = torch.from_numpy(theory.lower_leaf)

    def __call__(
        self, tags: Tensor, weights: Sequence[Tensor | float] = (), operands: Operands | None = None,
        active: Tensor | None = None, stop: bool = False,
    ) -> Settled:  # fmt: skip
        """Settle.

        Args:
            tags: (B, F) tags of the leaves.
            weights: the least truth of each constraint, 1 by default.
            operands: of the constraints' connectives.
            active: (elements,) which of the elements are asserted; all by default.
            stop: at the first contradiction.
        """
        tags = tags.cpu()  # small tensors, many indices: on the processor, wherever the networks are
        lower, upper = self._start(tags, [torch.as_tensor(w).cpu() for w in weights], active)
        slack = self.slack(tags)
        lines = [x.line(operands, tags) if x.kind == AND else None for x in self.layers]
        for number in range(1, self.settings.max_rounds + 1):
            before = (lower.detach(), upper.detach())
            steps = list(zip(self.layers, lines, strict=True))
            for layer, line in steps:
                lower, upper = _upward(layer, line, lower, upper, self._crossed(lower, upper))
            for layer, line in reversed(steps):
                lower, upper = _downward(layer, line, lower, upper, self._crossed(lower, upper), slack)
            if stop and self._crossed(lower, upper) is not None:
                return Settled(lower, upper, number, False)
            if _most(lower, upper, before) <= slack:
                return Settled(lower, upper, number, True)
        return Settled(lower, upper, self.settings.max_rounds, False)

    def slack(self, like: Tensor) -> float:
        """The difference that counts as none: the tolerance, or what rounding can make."""
        return max(self.settings.tolerance, 100 * torch.finfo(like.dtype).eps)

    def _crossed(self, lower: Tensor, upper: Tensor) -> Tensor | None:
        """(V, B) units in contradiction, None if there are none."""
        crossed = lower.detach() > upper.detach() + 10 * self.slack(lower)
        return crossed if bool(crossed.any()) else None

    def involved(self, settled: Settled) -> Tensor | None:
        """(V, B) units in contradiction, and all that they rest on; None if there are none."""
        marked = self._crossed(settled.lower, settled.upper)
        if marked is None:
            return None
        marked = marked.clone()
        for layer in reversed(self.layers):
            index = layer.child[:, None].expand(-1, marked.shape[1])
            marked = marked.long().scatter_reduce(0, index, marked[layer.above].long(), "amax") > 0
        return marked

    def _start(self, tags: Tensor, weights: Sequence[Tensor | float], active: Tensor | None) -> tuple[Tensor, Tensor]:
        """(V, B) bounds before anything is inferred."""
        theory, batch = self.theory, len(tags)
        columns = tags.T
        atoms = len(self.known)
        low = torch.zeros((theory.size, batch), dtype=tags.dtype)
        high = torch.ones((theory.size, batch), dtype=tags.dtype)
        low[:atoms][self.known] = 1
        low[atoms + 1] = 1
        high[atoms] = 0
        if len(self.leaf):
            low = low.index_copy(0, self.leaf, columns[self.leaf])
            high = high.index_copy(0, self.leaf, columns[self.leaf])
        least = self.lower.to(tags)[:, None].expand(-1, batch)
        if len(weights):
            given = torch.stack([torch.as_tensor(w).to(tags.dtype).reshape(()) for w in weights])
            is_constraint = self.element < len(given)
            chosen = given[self.element.clamp_max(len(given) - 1)].clamp(0, 1)[:, None]
            least = torch.where(is_constraint[:, None], chosen, least)
        at = self.lower_leaf >= 0
        if bool(at.any()):
            least = torch.where(at[:, None], columns[self.lower_leaf.clamp_min(0)], least)
        most = self.upper.to(tags)[:, None].expand(-1, batch)
        if active is not None:
            on = active[self.element][:, None]
            least, most = torch.where(on, least, torch.zeros_like(least)), torch.where(on, most, torch.ones_like(most))
        index = self.unit[:, None].expand(-1, batch)
        return low.scatter_reduce(0, index, least, "amax"), high.scatter_reduce(0, index, most, "amin")


def _most(lower: Tensor, upper: Tensor, before: tuple[Tensor, Tensor]) -> float:
    if not lower.numel():
        return 0.0
    return max(float((lower.detach() - before[0]).max()), float((before[1] - upper.detach()).max()))


def _put(
    lower: Tensor, upper: Tensor, at: Tensor, low: Tensor, high: Tensor, bad: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Tighten the bounds of units by (k, B) candidates; one that is no better changes nothing, nor gradients."""
    low, high = low.clamp(0, 1), high.clamp(0, 1)
    better, less = low > lower[at], high < upper[at]
    if bad is not None:
        better, less = better & ~bad, less & ~bad
    index = at[:, None].expand(-1, low.shape[1])
    if bool(better.any()):
        lower = lower.scatter_reduce(0, index, torch.where(better, low, torch.zeros_like(low)), "amax")
    if bool(less.any()):
        upper = upper.scatter_reduce(0, index, torch.where(less, high, torch.ones_like(high)), "amin")
    return lower, upper


def _touched(layer: _Layer, crossed: Tensor) -> Tensor:
    """(n, B) units of a layer with a child in contradiction."""
    bad = torch.zeros((len(layer.units), crossed.shape[1]), dtype=torch.long)
    return bad.index_add(0, layer.parent, crossed[layer.child].long()) > 0


def _terms(layer: _Layer, line: tuple[Tensor, Tensor], lower: Tensor, upper: Tensor) -> tuple[Tensor, ...]:
    """(e, B) least and greatest terms of sums, and (n, B) the sums."""
    coefficient, constant = line[0][:, None], line[1][:, None]
    low, high = lower[layer.child], upper[layer.child]
    up = coefficient >= 0
    least = coefficient * torch.where(up, low, high)
    greatest = coefficient * torch.where(up, high, low)
    start = constant.expand(-1, lower.shape[1])
    return least, greatest, start.index_add(0, layer.parent, least), start.index_add(0, layer.parent, greatest)


def _upward(
    layer: _Layer, line: tuple[Tensor, Tensor] | None, lower: Tensor, upper: Tensor, crossed: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Bounds of a layer's units from those of their children."""
    if line is not None:
        _, _, low, high = _terms(layer, line, lower, upper)
    elif layer.kind == IFF:
        x, y = layer.child[0::2], layer.child[1::2]
        far = torch.maximum(upper[x] - lower[y], upper[y] - lower[x])
        near = torch.maximum(lower[x] - upper[y], lower[y] - upper[x]).clamp_min(0)
        low, high = 1 - far, 1 - near
    else:
        index = layer.parent[:, None].expand(-1, lower.shape[1])
        shape = (len(layer.units), lower.shape[1])
        how, start = ("amin", 1.0) if layer.kind == FORALL else ("amax", 0.0)
        low = lower.new_full(shape, start).scatter_reduce(0, index, lower[layer.child], how)
        high = upper.new_full(shape, start).scatter_reduce(0, index, upper[layer.child], how)
        if layer.kind == FORALL:  # instances that nobody spoke of may fail
            low = torch.where(layer.exhaustive, low, torch.zeros_like(low))
        else:  # or hold
            high = torch.where(layer.exhaustive, high, torch.ones_like(high))
    bad = None if crossed is None else _touched(layer, crossed)
    return _put(lower, upper, layer.units, low, high, bad)


def _downward(
    layer: _Layer, line: tuple[Tensor, Tensor] | None, lower: Tensor, upper: Tensor, crossed: Tensor | None,
    slack: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Bounds of a layer's children from those of its units, and of the other children."""
    if not len(layer.child):
        return lower, upper
    bad = None if crossed is None else (_touched(layer, crossed) | crossed[layer.units])[layer.parent]
    if line is not None:
        low, high = _linear_down(layer, line, lower, upper, slack)
    elif layer.kind == IFF:
        low, high = _iff_down(layer, lower, upper, slack)
    else:
        low, high = _quantifier_down(layer, lower, upper, slack)
    return _put(lower, upper, layer.child, low, high, bad)


def _linear_down(
    layer: _Layer, line: tuple[Tensor, Tensor], lower: Tensor, upper: Tensor, slack: float
) -> tuple[Tensor, Tensor]:
    """The functional inverse: one operand from the unit and the others. A bound of 0 or 1 may be clamped: no news.

    One that rounding has put beside 0 or 1 is no news either: the inverse jumps there.
    """
    least, greatest, low, high = _terms(layer, line, lower, upper)
    coefficient = line[0][:, None]
    above_low, above_high = lower[layer.above], upper[layer.above]
    needs = above_low - (high[layer.parent] - greatest)  # a x >= needs
    allows = above_high - (low[layer.parent] - least)  # a x <= allows
    some, positive = coefficient != 0, coefficient > 0
    divisor = torch.where(some, coefficient, torch.ones_like(coefficient))
    needs, allows = needs / divisor, allows / divisor
    told_low, told_high = (above_low > slack) & some, (above_high < 1 - slack) & some
    zero, one = torch.zeros_like(needs), torch.ones_like(needs)
    new_low = torch.where(positive, torch.where(told_low, needs, zero), torch.where(told_high, allows, zero))
    new_high = torch.where(positive, torch.where(told_high, allows, one), torch.where(told_low, needs, one))
    return new_low, new_high


def _iff_down(layer: _Layer, lower: Tensor, upper: Tensor, slack: float) -> tuple[Tensor, Tensor]:
    """Each side is within 1 - L of the other, and at least 1 - U away from it."""
    other = layer.child.reshape(-1, 2).flip(1).reshape(-1)
    low, high = lower[other], upper[other]
    near, gap = 1 - lower[layer.above], 1 - upper[layer.above]
    new_low, new_high = low - near, high + near
    told = gap > slack
    no_room_below = high - gap < lower[layer.child] - slack
    no_room_above = low + gap > upper[layer.child] + slack
    new_low = torch.where(told & no_room_below, torch.maximum(new_low, low + gap), new_low)
    new_high = torch.where(told & no_room_above, torch.minimum(new_high, high - gap), new_high)
    return new_low, new_high


def _quantifier_down(layer: _Layer, lower: Tensor, upper: Tensor, slack: float) -> tuple[Tensor, Tensor]:
    """All instances are as true as `forall`; if it is false, and only one can be to blame, that one is."""
    above_low, above_high = lower[layer.above], upper[layer.above]
    low, high = lower[layer.child], upper[layer.child]
    zero, one = torch.zeros_like(low), torch.ones_like(high)
    universal = layer.kind == FORALL
    may = (low <= above_high + slack) if universal else (high >= above_low - slack)
    count = torch.zeros((len(layer.units), low.shape[1]), dtype=torch.long).index_add(0, layer.parent, may.long())
    only = may & (count[layer.parent] == 1) & layer.exhaustive[layer.parent]
    if universal:
        return above_low, torch.where(only & (above_high < 1 - slack), above_high, one)
    return torch.where(only & (above_low > slack), above_low, zero), above_high


__all__ = ["Inference", "Operands", "Settled"]
