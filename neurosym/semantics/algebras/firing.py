"""Evaluation of the library's own algebras on the processor: one pass over the firings, and one back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosym.semantics.algebras.plan import Plan, kernels
from neurosym.semantics.algebras.semirings import (
    Boolean,
    Count,
    Goedel,
    Lukasiewicz,
    Product,
    Semiring,
    SumProduct,
    Viterbi,
)

MUL, MIN, BOUNDED = 0, 1, 2  # as in the kernels, which are not loaded before they are needed
MAX, NOISY, ADD, CAPPED = 0, 1, 2, 3
OPERATIONS: dict[type[Semiring], tuple[int, int]] = {
    Boolean: (MIN, MAX),
    Count: (MUL, ADD),
    Viterbi: (MUL, MAX),
    Goedel: (MIN, MAX),
    Product: (MUL, NOISY),
    Lukasiewicz: (BOUNDED, CAPPED),
    SumProduct: (MUL, ADD),
}
Floats = NDArray[np.float64]


class Stopped(Exception):
    """An evaluation stopped: at a base fact that is no probability, or at a head.

    Attributes:
        sample: number; position: of the fact in the plan; value: what was found.
    """

    def __init__(self, sample: int, position: int, value: float) -> None:
        super().__init__()
        self.sample, self.position, self.value = sample, position, value


@dataclass(frozen=True)
class Program:
    """A plan with the operations of an algebra."""

    plan: Plan
    times: int
    plus: int
    lifted: bool
    max_rounds: int

    def base_tags(self, inputs: NDArray[Any], sample: int, tags: Floats) -> None:
        """Fill the tags of the base facts.

        Raises:
            Stopped: an input is no probability.
        """
        plan = self.plan
        tags[: plan.base] = plan.fixed
        read = kernels().read32 if inputs.dtype == np.float32 else kernels().read64
        bad = read(inputs, sample, plan.facts[: plan.base], plan.leaf, tags[: plan.base])
        if bad >= 0:
            raise Stopped(sample, bad, float(inputs[sample, plan.facts[bad]]))
        if self.lifted:
            tags[: plan.base] = tags[: plan.base] > 0

    def forward(self, tags: Floats, kept: Kept | None, sample: int) -> None:
        """Fill the tags of the heads.

        Raises:
            Stopped: a tag is no number, or does not settle.
        """
        plan = self.plan
        nothing = np.zeros(0, np.int32)
        wins, order, rounds = (nothing, nothing, nothing) if kept is None else kept.of(sample)
        inner, offsets, users = plan.inside if self.plus == MAX else (nothing, plan.blocks[:1], nothing)
        stopped = kernels().forward(
            tags, plan.base, plan.given, plan.first, plan.starts, plan.body, plan.head, inner, offsets, users,
            plan.blocks, plan.cyclic, plan.places, plan.widest, self.times, self.plus, self.max_rounds, wins, order,
            rounds,
        )  # fmt: skip
        if stopped >= 0:
            raise Stopped(sample, plan.base + stopped, float(tags[plan.base + stopped]))

    def backward(self, tags: Floats, gradient: Floats, kept: Kept, sample: int) -> None:
        """Turn the gradient of all facts into that of the base facts."""
        plan = self.plan
        kernels().backward(
            tags, gradient, plan.base, plan.given, plan.first, plan.starts, plan.body, plan.blocks, plan.cyclic,
            plan.places, plan.longest, plan.most, self.times, self.plus, *kept.of(sample),
        )  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """What the way back needs beside the tags: (B, h) winning groundings, the order of cycles, their rounds."""

    wins: NDArray[np.int32]
    order: NDArray[np.int32]
    rounds: NDArray[np.int32]

    @classmethod
    def for_batch(cls, program: Program, batch: int) -> Kept:
        """Room for so many samples; a maximum has winners, other sums have rounds."""
        plan, best = program.plan, program.plus == MAX
        # at least one column each: length 0 says that nothing is kept
        heads, members = (len(plan.given), int(plan.places[-1])) if best else (0, 0)
        return cls(
            np.zeros((batch, max(1, heads)), np.int32),
            np.zeros((batch, max(1, members)), np.int32),
            np.zeros((batch, max(1, len(plan.cyclic))), np.int32),
        )

    def of(self, sample: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """The rows of one sample."""
        return self.wins[sample], self.order[sample], self.rounds[sample]


class Fire(torch.autograd.Function):
    """(B, F) probabilities of leaves to the (B, r) tags of the roots."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, program: Program) -> Tensor:  # noqa: D102 - torch names it
        plan = program.plan
        array = inputs.detach().numpy()
        kept = Kept.for_batch(program, len(array)) if ctx.needs_input_grad[0] else None
        tags = np.empty((len(array) if kept is not None else 1, len(plan.facts)))
        result = np.empty((len(array), len(plan.roots)), array.dtype)
        for sample in range(len(array)):
            row = tags[sample if kept is not None else 0]
            program.base_tags(array, sample, row)
            program.forward(row, kept, sample)
            result[sample] = row[plan.roots]
        ctx.program, ctx.tags, ctx.kept, ctx.like = program, tags, kept, inputs.dtype
        ctx.width = inputs.shape[1]
        return torch.from_numpy(result)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:  # pyright: ignore # noqa: D102
        plan: Plan = ctx.program.plan
        grads = upstream[0].numpy()
        # as the leaves are laid out: samples side by side
        result = torch.zeros((ctx.width, len(grads)), dtype=ctx.like)
        table = result.numpy()
        leaves = np.nonzero(plan.leaf)[0]
        gradient = np.empty(len(plan.facts))
        for sample in range(len(grads)):
            gradient[:] = 0
            np.add.at(gradient, plan.roots, grads[sample].astype(np.float64))
            ctx.program.backward(ctx.tags[sample], gradient, ctx.kept, sample)
            table[plan.facts[leaves], sample] = gradient[leaves]
        return result.T, None
