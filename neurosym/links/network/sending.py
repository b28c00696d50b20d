"""Messages as differentiable functions: what is sent along the edges that queries reach, and what arrives."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosym.links.network.reach import Int, Round, kernels


class Send(torch.autograd.Function):
    """(P, D) sums of messages, each the source's vector times the weights of its query and relation; heads get more."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx, vectors: Tensor, weights: Tensor, start: Tensor, queries: Int, messages: Round
    ) -> Tensor:
        """The sums, for (P', D) vectors and (B, 2R, D) weights; heads, the first B places, get (B, D) `start` too."""
        sums = np.zeros((messages.places, vectors.shape[1]), np.float32)
        parts = (queries, messages.source, messages.relation, messages.target)
        kernels().send(as_array(vectors), as_array(weights), *parts, sums)
        sums[: len(start)] += as_array(start)
        ctx.save_for_backward(vectors, weights)
        ctx.parts, ctx.heads = parts, len(start)
        return torch.from_numpy(sums)

    @staticmethod
    @once_differentiable
    def backward(ctx, grads: Tensor):  # type: ignore[override]
        """Gradients of the vectors, of the weights and of the start."""
        vectors, weights = ctx.saved_tensors
        to_vectors, to_weights = np.zeros(vectors.shape, np.float32), np.zeros(weights.shape, np.float32)
        kernels().send_back(as_array(vectors), as_array(weights), *ctx.parts, as_array(grads), to_vectors, to_weights)
        return torch.from_numpy(to_vectors), torch.from_numpy(to_weights), grads[: ctx.heads], None, None


class SendMax(torch.autograd.Function):
    """As `Send`, and beside the sums the largest number that arrives at each place in each channel."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx, vectors: Tensor, weights: Tensor, start: Tensor, queries: Int, messages: Round
    ) -> tuple[Tensor, Tensor]:
        """(P', D) sums and largest, for (P, D) vectors and (B, 2R, D) weights; heads get (B, D) `start` too."""
        sums, largest = np.zeros((2, messages.places, vectors.shape[1]), np.float32)
        origin = np.empty(sums.shape, np.int32)
        parts = (queries, messages.source, messages.relation, messages.target)
        kernels().send_max(*map(as_array, (vectors, weights, start)), *parts, sums, largest, origin)
        ctx.save_for_backward(vectors, weights)
        ctx.parts, ctx.origin, ctx.heads = parts, origin, len(start)
        return torch.from_numpy(sums), torch.from_numpy(largest)

    @staticmethod
    @once_differentiable
    def backward(ctx, to_sums: Tensor, to_largest: Tensor):  # type: ignore[override]
        """Gradients of the vectors, of the weights and of the start; that of a largest number goes where it is from."""
        vectors, weights = ctx.saved_tensors
        to_vectors, to_weights = np.zeros(vectors.shape, np.float32), np.zeros(weights.shape, np.float32)
        kernels().send_max_back(
            as_array(vectors), as_array(weights), *ctx.parts, as_array(to_sums), as_array(to_largest), ctx.origin,
            to_vectors, to_weights,
        )  # fmt: skip
        own = torch.from_numpy(ctx.origin[: ctx.heads] == -1)
        to_start = to_sums[: ctx.heads] + to_largest[: ctx.heads] * own
        return torch.from_numpy(to_vectors), torch.from_numpy(to_weights), to_start, None, None


def as_array(tensor: Tensor) -> NDArray[Any]:
    """The numbers of a tensor, row by row, for the compiled loops; not a copy, where they are so already."""
    return tensor.detach().contiguous().numpy(force=True)
