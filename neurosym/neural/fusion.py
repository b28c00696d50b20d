"""Late fusion: several modalities that speak of one predicate, any of which may be missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurosym.errors import NetworkError
from neurosym.neural.contract import described, inverse_softplus, width_of


class Fusion(nn.Module):
    """The network of a predicate with one argument for each modality: their logits, weighed and added.

    logits = bias + Σ_m there_m · w_m · logits_m, over the modalities that are there, with w_m > 0 learned. Where the
    modalities are independent given the class, and each logit is a log-likelihood ratio, the sum is Bayes' rule; the
    bias is then the prior.

    A modality is missing where all its numbers are NaN (`FeatureTable.with_missing`), or as its network's method
    `missing(rows)` has it: for texts, an empty one. A network is asked about what is there only.

    Args:
        encoders: one network for each argument, in their order, each with the same number of logits.
        names: of the modalities, for messages.
        classes: number of logits.
        prior: probabilities of the classes (of truth, for one logit) where nothing is there. They are also where the
            bias starts. Without, an input of which nothing is there is an error.

    Raises:
        NetworkError: NS600, no such network can be made; NS633, an input has none of its modalities, and there is no
            prior.
    """

    def __init__(
        self, encoders: Sequence[nn.Module], classes: int = 1, names: Sequence[str] = (),
        prior: Sequence[float] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.names = tuple(names) or tuple(f"argument {k + 1}" for k in range(len(encoders)))
        if not encoders or len(self.names) != len(encoders) or classes < 1:
            raise NetworkError(
                f"no fusion can be made of {len(encoders)} networks with {len(self.names)} names and {classes} logits"
            )
        self.encoders, self.classes = nn.ModuleList(encoders), classes
        self.prior = None if prior is None else tuple(map(float, prior))
        self.bias = nn.Parameter(torch.zeros(classes) if self.prior is None else _logits(self.prior, classes))
        self.moved = nn.Parameter(torch.zeros(len(encoders)))

    def config(self) -> dict[str, Any]:
        """The constructor's arguments; networks as their classes and configs."""
        return {
            "encoders": [described(e) for e in self.encoders], "classes": self.classes, "names": list(self.names),
            "prior": None if self.prior is None else list(self.prior),
        }  # fmt: skip

    @property
    def weights(self) -> Tensor:
        """(M,) how much the word of each modality counts, 1 at the start."""
        return functional.softplus(self.moved + inverse_softplus(1.0))

    @property
    def width(self) -> int:
        """D of the embeddings: those of all modalities side by side, and for each whether it is there."""
        return sum(width_of(e) for e in self.encoders) + len(self.encoders)

    def there(self, *modalities: Tensor) -> Tensor:
        """(n, M) which modalities each input has."""
        if len(modalities) != len(self.encoders):
            raise NetworkError(
                f"a fusion of {', '.join(self.names)} takes {len(self.encoders)} arguments, not {len(modalities)}"
            )
        return torch.stack([~_missing(e, x) for e, x in zip(self.encoders, modalities, strict=True)], dim=1)

    def embed(self, *modalities: Tensor) -> Tensor:
        """(n, …) for each modality → (n, width); zeros stand for what is missing."""
        there = self.there(*modalities)
        parts: list[Tensor] = []
        for k, (encoder, x) in enumerate(zip(self.encoders, modalities, strict=True)):
            full = self.bias.new_zeros(len(x), width_of(encoder))
            rows = there[:, k].nonzero()[:, 0]
            found = encoder.embed(x[rows]) if len(rows) else full[rows]  # type: ignore[operator]
            parts.append(full.index_copy(0, rows, found.to(full)))
        return torch.cat([*parts, there.to(self.bias)], dim=1)

    def forward(self, *modalities: Tensor) -> Tensor:
        """(n, …) for each modality → (n, classes) logits."""
        there = self.there(*modalities)
        alone = (~there.any(dim=1)).nonzero()[:, 0]
        if len(alone) and self.prior is None:
            raise NetworkError(
                f"input {int(alone[0])} of {len(there)} has none of {', '.join(self.names)}", code="NS633",
                note=f"nothing is known of {len(alone)} input(s), and no prior was declared",
                help="leave these entities out, or declare `Fusion(…, prior=…)`: what holds where nothing is known",
            )  # fmt: skip
        total = self.bias.expand(len(there), -1)
        for k, (encoder, x) in enumerate(zip(self.encoders, modalities, strict=True)):
            rows = there[:, k].nonzero()[:, 0]
            if len(rows):
                found = encoder(x[rows])
                if found.shape != (len(rows), self.classes):
                    raise NetworkError(
                        f"the network of {self.names[k]} gave {tuple(found.shape)}, not ({len(rows)}, {self.classes})",
                        help="all networks of a fusion give the same number of logits",
                    )
                total = total.index_add(0, rows, self.weights[k] * found.to(total))
        if not len(alone):
            return total
        assert self.prior is not None
        return total.index_copy(0, alone, _logits(self.prior, self.classes).to(total).expand(len(alone), -1))


def _missing(encoder: nn.Module, rows: Tensor) -> Tensor:
    """(n,) whether nothing is there."""
    own: Any = getattr(encoder, "missing", None)
    found: Tensor = rows.new_zeros(len(rows), dtype=torch.bool) if own is None else own(rows)
    if rows.is_floating_point():
        found = found | rows.isnan().reshape(len(rows), -1).all(dim=1)
    return found


def _logits(prior: Sequence[float], classes: int) -> Tensor:
    """(classes,) the logits of declared probabilities."""
    values = torch.tensor(prior, dtype=torch.float64)
    fits = len(values) == classes and bool(((values > 0) & (values < 1)).all())
    if not fits or (classes > 1 and abs(float(values.sum()) - 1) > 1e-6):
        raise NetworkError(
            f"{list(prior)} is no prior of {classes} class(es)",
            help="give a probability for each class that sum to 1, or that of being true; none is 0 or 1",
        )
    return (torch.logit(values) if classes == 1 else torch.log(values)).float()


__all__ = ["Fusion"]
