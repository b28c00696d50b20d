"""Natural logarithms of tags that may be too small for a float64, with their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosym.semantics.algebras.firing import Program, Stopped

STEEPEST = 1e30  # a gradient of a logarithm is cut off here: near a tag of 0 it grows without bound
_POWER = 256 * np.log(2.0)


class FireLog(torch.autograd.Function):
    """(B, F) probabilities of leaves to the (B, r) logarithms of the roots' tags; −inf for 0, without a gradient."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, program: Program) -> Tensor:  # noqa: D102 - torch names it
        from neurosym.semantics.algebras import wide_kernels

        plan, array = program.plan, inputs.detach().numpy()
        result = np.empty((len(array), len(plan.roots)), array.dtype)
        kept = []
        for sample in range(len(array)):
            m, e = np.zeros(len(plan.facts)), np.zeros(len(plan.facts), np.int64)
            program.base_tags(array, sample, m)
            wins, rounds = np.empty(len(plan.given), np.int32), np.zeros(len(plan.cyclic), np.int32)
            stopped = wide_kernels.forward(
                m, e, plan.base, plan.given, plan.first, plan.starts, plan.body, plan.blocks, plan.cyclic,
                program.plus, program.max_rounds, wins, rounds,
            )  # fmt: skip
            if stopped >= 0:
                raise Stopped(sample, plan.base + stopped, float("inf"))
            negative = np.nonzero(m[plan.roots] < 0)[0]
            if len(negative):
                position = int(plan.roots[negative[0]])
                raise Stopped(sample, position, float(m[position] * 2.0 ** (256.0 * e[position])))
            with np.errstate(divide="ignore"):
                result[sample] = np.log(m[plan.roots]) + e[plan.roots] * _POWER
            if ctx.needs_input_grad[0]:
                kept.append((m, e, wins, rounds))
        ctx.program, ctx.kept, ctx.like, ctx.width = program, kept, inputs.dtype, inputs.shape[1]
        return torch.from_numpy(result)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:  # pyright: ignore # noqa: D102
        program: Program = ctx.program
        plan = program.plan
        result = torch.zeros((len(ctx.kept), ctx.width), dtype=ctx.like)
        leaves = np.nonzero(plan.leaf)[0]
        for sample, (m, e, wins, rounds) in enumerate(ctx.kept):
            total = np.zeros(len(leaves))
            # the gradient of each root by itself, relative to its own size, would need a pass for each; roots of one
            # size share a pass: the others would be lost beside the greatest
            for size in np.unique(e[plan.roots]).tolist():
                total += _gradient(program, m, e, wins, rounds, upstream[0][sample].double().numpy(), size)[leaves]
            result[sample, plan.facts[leaves]] = torch.from_numpy(total.clip(-STEEPEST, STEEPEST)).to(ctx.like)
        return result, None


def _gradient(program: Program, m: Any, e: Any, wins: Any, rounds: Any, upstream: Any, size: int) -> Any:
    """Gradient of the logarithms of the roots whose tags have one exponent."""
    from neurosym.semantics.algebras import wide_kernels

    plan = program.plan
    gm, ge = np.zeros(len(m)), np.zeros(len(m), np.int64)
    chosen = (e[plan.roots] == size) & (m[plan.roots] > 0)
    np.add.at(gm, plan.roots[chosen], upstream[chosen] / m[plan.roots[chosen]])  # d log x = dx / x
    wide_kernels.backward(
        m, e, gm, ge, plan.base, plan.given, plan.first, plan.starts, plan.body, plan.blocks, plan.cyclic,
        plan.longest, plan.most, program.plus, wins, rounds,
    )  # fmt: skip
    return gm * np.exp2(np.clip((ge - size) * 256.0, -1000, 700))
