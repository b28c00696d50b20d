"""Formulas of handwritten symbols with their value: digits from MNIST or scikit-learn, operators drawn here.

Training sees `Formulas`, which hold images and values and nothing else. What the symbols are leaves this module in one
place only: `Hwf.test_symbols`, by which the trained networks are judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from tasks.common.digits import Labelled, parts

OPERATORS = ("plus", "minus", "times", "over")
MOST_NUMBERS = 4  # formulas have up to seven symbols
MILLION = 1_000_000


@dataclass(frozen=True, eq=False)
class Formulas:
    """What is known of n formulas of K numbers.

    Attributes:
        numbers: (n, K, 1, S, S) images; signs: (n, K - 1, 1, S, S) images of what stands between them.
        values: n values in millionths, rounded.
    """

    numbers: Tensor
    signs: Tensor
    values: list[int]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def length(self) -> int:
        """K."""
        return self.numbers.shape[1]

    @property
    def inputs(self) -> dict[str, Tensor]:
        """Slot → (n, 1, S, S)."""
        found = {f"n{k + 1}": self.numbers[:, k] for k in range(self.length)}
        return found | {f"o{k + 1}": self.signs[:, k] for k in range(self.length - 1)}


@dataclass(frozen=True, eq=False)
class Hwf:
    """The task's data.

    Attributes:
        name: of the digits' source; size: height and width S of the images.
        train, valid, test: formulas of 1, 2, … numbers.
        test_symbols: digits (labels 0 to 8 for 1 to 9) and operators of the test part, for judging only.
    """

    name: str
    size: int
    train: tuple[Formulas, ...]
    valid: tuple[Formulas, ...]
    test: tuple[Formulas, ...]
    test_symbols: tuple[Labelled, Labelled]


def value_of(numbers: list[int], signs: list[str]) -> Fraction:
    """The value of a formula, exactly; products and quotients first, from left to right."""
    total, product = Fraction(0), Fraction(numbers[0])
    for sign, number in zip(signs, numbers[1:], strict=True):
        if sign == "times":
            product *= number
        elif sign == "over":
            product /= number
        else:
            total += product
            product = Fraction(number if sign == "plus" else -number)
    return total + product


def millionths(value: Fraction) -> int:
    """Rounded as `round` in the rules rounds the same value as a float."""
    return round(float(value) * MILLION)


def drawn_operators(count: int, size: int, random: torch.Generator) -> Labelled:
    """Operators as strokes, each a little moved, turned, thick and blurred; as many of each kind as of the others."""
    kinds = torch.arange(count) % len(OPERATORS)
    grid = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(grid, grid, indexing="ij")

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, generator=random)

    turn, half = between(-0.25, 0.25), between(0.4, 0.7)
    dx, dy, thick = between(-0.15, 0.15), between(-0.15, 0.15), between(0.08, 0.16)
    u = (x - dx) * torch.cos(turn) + (y - dy) * torch.sin(turn)
    v = (y - dy) * torch.cos(turn) - (x - dx) * torch.sin(turn)

    def stroke(along: Tensor, across: Tensor) -> Tensor:
        inside = torch.sigmoid((thick - across.abs()) * 25)
        return inside * torch.sigmoid((half - along.abs()) * 25)

    def dot(at: float) -> Tensor:
        return torch.sigmoid((1.6 * thick - torch.sqrt(u**2 + (v - at * half) ** 2)) * 25)

    level, upright = stroke(u, v), stroke(v, u)
    rising, falling = stroke((u + v) / 2**0.5, (u - v) / 2**0.5), stroke((u - v) / 2**0.5, (u + v) / 2**0.5)
    images = torch.stack(
        [torch.maximum(level, upright), level, torch.maximum(rising, falling),
         torch.maximum(level, torch.maximum(dot(0.75), dot(-0.75)))]
    )  # fmt: skip
    chosen = images[kinds, torch.arange(count)][:, None]
    noise = 0.05 * torch.rand(chosen.shape, generator=random)
    return Labelled((chosen + noise).clamp(0, 1), kinds)


def formulas_of(digits: Labelled, counts: tuple[int, ...], random: torch.Generator) -> tuple[Formulas, ...]:
    """Formulas of 1, 2, … numbers, `counts` of each: digits 1 to 9 drawn with replacement, operators drawn anew."""
    there = (digits.digits > 0).nonzero()[:, 0]
    found = []
    for length, count in enumerate(counts, 1):
        rows = there[torch.randint(len(there), (count, length), generator=random)]
        signs = drawn_operators(count * (length - 1), digits.images.shape[-1], random) if length > 1 else None
        if signs is None:
            kinds, images = torch.zeros(count, 0, dtype=torch.long), digits.images.new_zeros(count, 0, 1, 1, 1)
        else:
            order = torch.randperm(len(signs.digits), generator=random)
            kinds = signs.digits[order].reshape(count, length - 1)
            images = signs.images[order].reshape(count, length - 1, *digits.images.shape[1:])
        values = [
            millionths(value_of(numbers, [OPERATORS[k] for k in line]))
            for numbers, line in zip(digits.digits[rows].tolist(), kinds.tolist(), strict=True)
        ]
        found.append(Formulas(digits.images[rows], images, values))
    return tuple(found)


def load(source: str = "auto", seed: int = 0, train: int = 2_000, judged: int = 250) -> Hwf:
    """Formulas of one to seven symbols; the images of the test part are not in the others.

    Args:
        source: see `tasks.common.digits.parts`.
        train, judged: formulas of each length to learn from, and in each of the other two parts.
    """
    source_parts = parts(source, seed)
    random = torch.Generator().manual_seed(seed)
    made = [
        formulas_of(part, (count,) * MOST_NUMBERS, random)
        for part, count in ((source_parts.train, train), (source_parts.valid, judged), (source_parts.test, judged))
    ]
    test = source_parts.test
    digits = Labelled(test.images[test.digits > 0], test.digits[test.digits > 0] - 1)
    signs = drawn_operators(400, digits.images.shape[-1], random)
    return Hwf(source_parts.name, source_parts.size, made[0], made[1], made[2], (digits, signs))
