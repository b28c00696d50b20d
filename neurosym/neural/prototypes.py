"""Classes by how near an embedding is to the prototype of each, so that a class can be added from a few examples."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurosym.errors import NetworkError
from neurosym.neural.contract import described, inverse_softplus, width_of


class Prototypes(nn.Module):
    """A head over the embeddings of another network: a logit is scale · (cosine of embedding and prototype − cut-off).

    `with_class` gives a network of one class more, whose prototype is the mean direction of a few examples, as weights
    are imprinted by Qi, Brown & Lowe (CVPR 2018), after the prototypes of Snell, Swersky & Zemel (NeurIPS 2017).
    Cut-offs are 0 for the classes that it starts with.

    Args:
        network: has `embed(…)` and `width`; its own last layer is not used.
        classes: V, in the order of the values that the neural predicate declares.
        scale: factor of the cosines at the start; it is learned, and positive.

    Raises:
        NetworkError: fewer than one class, a scale that is not positive, or a network without embeddings.
    """

    def __init__(self, network: nn.Module, classes: int, scale: float = 16.0) -> None:
        super().__init__()
        if classes < 1 or scale <= 0:
            raise NetworkError(
                f"prototypes of {classes} classes with the scale {scale} cannot be made",
                help="there is at least one class, and the scale is greater than 0",
            )
        self.network, self.classes, self.start, self.width = network, classes, float(scale), width_of(network)
        self.prototypes = nn.Parameter(torch.randn(classes, self.width))
        self.cutoffs = nn.Parameter(torch.zeros(classes), requires_grad=False)
        self.moved_scale = nn.Parameter(torch.zeros(1))

    def config(self) -> dict[str, object]:
        """The constructor's arguments; the network as its class and config."""
        return {"network": described(self.network), "classes": self.classes, "scale": self.start}

    def embed(self, *inputs: Tensor) -> Tensor:
        """(n, …) → (n, width), of length 1."""
        return functional.normalize(self.network.embed(*inputs), dim=1)  # type: ignore[operator]

    def cosines(self, *inputs: Tensor) -> Tensor:
        """(n, …) → (n, V) how alike embeddings and prototypes are, from −1 to 1."""
        return self.embed(*inputs) @ functional.normalize(self.prototypes, dim=1).T

    def forward(self, *inputs: Tensor) -> Tensor:
        """(n, …) → (n, V) logits."""
        scale = functional.softplus(self.moved_scale + inverse_softplus(self.start))
        return scale * (self.cosines(*inputs) - self.cutoffs)

    @torch.no_grad()
    def with_class(self, *examples: Tensor, others: Sequence[Tensor] = (), taken: float = 0.01) -> Prototypes:
        """A network of its own with one class more, the last; nothing is trained, and this one stays as it is.

        The mean of a few examples lies nearer to all that is like them than a trained prototype does, so that the new
        class would take more than is its own: a cut-off takes that back.

        Args:
            examples: (n, …) of the new class, one tensor for each input of the network; n is at least 1.
            others: (m, …) inputs without the new class, one tensor each; they need no labels. Without them the cut-off
                is 0.
            taken: the share of `others` that may be taken for the new class, from 0 to below 1.

        Raises:
            NetworkError: there is no example, or no such share.
        """
        if not examples or not len(examples[0]) or not 0 <= taken < 1:
            raise NetworkError(
                f"no class can be made of {len(examples[0]) if examples else 0} examples, with {taken:g} of others",
                help="give (n, …) tensors with n ≥ 1, and a share `taken` from 0 to below 1",
            )
        made = deepcopy(self).eval()
        new = made.embed(*examples).mean(dim=0)
        known = functional.normalize(self.prototypes, dim=1)
        made.prototypes = nn.Parameter(torch.cat([known, functional.normalize(new, dim=0)[None]]))
        made.cutoffs = nn.Parameter(torch.cat([self.cutoffs, self.cutoffs.new_zeros(1)]), requires_grad=False)
        made.classes += 1
        if others and len(others[0]):
            cosines = made.cosines(*others) - made.cutoffs
            ahead = cosines[:, -1] - cosines[:, :-1].max(dim=1).values
            made.cutoffs[-1] = ahead.quantile(1 - taken).clamp_min(0)
        return made.train(self.training)


__all__ = ["Prototypes"]
