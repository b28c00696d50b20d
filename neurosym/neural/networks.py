"""Networks for neural predicates: soft thresholds that can be read back, and a perceptron.

What a network behind a neural predicate is to do stands in `contract`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurosym.errors import NetworkError
from neurosym.neural.contract import check_width, described, inverse_softplus, width_of

DIRECTIONS = {"above": 1.0, "below": -1.0}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A learned cut-off on one feature, in that feature's own units.

    Attributes:
        column: the feature's name, or its number where it has none.
        cutoff: the value at which the predicate has probability 0.5; where the network sees several features, all
            of them equally many standard deviations from their means (one at a time would give values out of reach).
        slope: change of the logit per unit of the feature, never negative.
        direction: `above` or `below`: on which side of the cut-off the predicate holds.
    """

    column: str
    cutoff: float
    slope: float
    direction: str

    def __str__(self) -> str:
        return f"{self.column} {self.direction} {self.cutoff:.4g} (slope {self.slope:.3g} per unit)"


class Standardize(nn.Module):
    """Subtracts a mean and divides by a standard deviation; both are buffers and are saved with the network."""

    mean: Tensor
    std: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("std", torch.ones(size))

    def config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {"size": self.size}

    @torch.no_grad()
    def fit(self, rows: Tensor) -> Standardize:
        """Take mean and standard deviation of (n, D) rows, of the training part only; a constant column keeps 1.

        NaN is left out; of a column that is nothing else, the mean is 0.
        """
        check_width(self, rows, self.size)
        there = ~rows.isnan()
        if bool(there.all()):  # by torch's own, whose last bits models that are kept depend on
            mean, std = rows.mean(dim=0), rows.std(dim=0, unbiased=False)
        else:
            count = there.sum(dim=0).clamp(min=1)
            mean = torch.where(there, rows, 0.0).sum(dim=0) / count
            std = (torch.where(there, rows - mean, 0.0).square().sum(dim=0) / count).sqrt()
        self.mean.copy_(mean)
        self.std.copy_(torch.where(std > 1e-12, std, torch.ones_like(std)))
        return self

    def forward(self, rows: Tensor) -> Tensor:
        """(n, D) → (n, D)."""
        check_width(self, rows, self.size)
        return (rows - self.mean) / self.std


class OnColumns(nn.Module):
    """A network that sees some columns of a feature table only, standardised within, so it can report in their units.

    Args:
        network: takes (n, len(columns)).
        columns: the columns' numbers (`FeatureTable.columns_index`).
        names: their names, for reports.
    """

    def __init__(self, network: nn.Module, columns: Sequence[int], names: Sequence[str] = ()) -> None:
        super().__init__()
        if not columns or (names and len(names) != len(columns)):
            raise NetworkError(
                f"OnColumns needs columns and a name for each: {len(columns)} columns, {len(names)} names"
            )
        self.columns = tuple(int(c) for c in columns)
        self.names = tuple(names) or tuple(str(c) for c in self.columns)
        self.scale = Standardize(len(self.columns))
        self.network = network

    def config(self) -> dict[str, object]:
        """The constructor's arguments; the inner network as its class and config."""
        return {"network": described(self.network), "columns": list(self.columns), "names": list(self.names)}

    def fit(self, rows: Tensor) -> OnColumns:
        """Take the scale from (n, D) full rows of the training part."""
        self.scale.fit(self.pick(rows))
        return self

    def pick(self, rows: Tensor) -> Tensor:
        """(n, D) → (n, len(columns)), not yet standardised."""
        if rows.ndim != 2 or rows.shape[1] <= max(self.columns):
            raise NetworkError(f"rows of shape {tuple(rows.shape)} have no column {max(self.columns)}")
        return rows[:, list(self.columns)]

    @property
    def width(self) -> int:
        """D of the embeddings of the network within."""
        return width_of(self.network)

    def embed(self, rows: Tensor) -> Tensor:
        """(n, D) → (n, width) what the network within makes of its columns."""
        return self.network.embed(self.scale(self.pick(rows)))  # type: ignore[operator]

    def forward(self, rows: Tensor) -> Tensor:
        """(n, D) → (n, V) logits."""
        return self.network(self.scale(self.pick(rows)))

    def describe(self) -> tuple[Threshold, ...]:
        """The thresholds inside, in the columns' own units; empty if the network is no threshold."""
        if not isinstance(self.network, SoftThreshold | MonotoneThreshold):
            return ()
        inner = self.network.describe(self.names)
        scales = zip(inner, self.scale.mean.tolist(), self.scale.std.tolist(), strict=True)
        return tuple(Threshold(t.column, m + s * t.cutoff, t.slope / s, t.direction) for t, m, s in scales)


class MonotoneThreshold(nn.Module):
    """A soft threshold on a weighted sum of features, monotone in each: logit = ±(Σ_j w_j x_j - b) with w_j ≥ 0.

    The w_j are softplus of free parameters. With `above` the predicate grows with every feature, with `below` it falls;
    so what the network learns stays the notion that the expert named, however the label pulls.

    Args:
        size: number of features D.
        direction: `above` or `below`.
        cutoff: where it starts: the value of the mean feature at which the logit is 0.
        slope: what the weights sum to at the start.
    """

    def __init__(self, size: int = 1, direction: str = "above", cutoff: float = 0.0, slope: float = 2.0) -> None:
        super().__init__()
        if direction not in DIRECTIONS or size < 1 or slope <= 0:
            raise NetworkError(
                f"a threshold of size {size}, direction `{direction}`, slope {slope} cannot be made",
                help="the direction is `above` or `below`, the slope greater than 0",
            )
        self.size, self.direction, self.cutoff, self.slope = size, direction, float(cutoff), float(slope)
        # Parameters are distances from the start, so that weight decay pulls towards what the expert gave.
        self.moved_weight = nn.Parameter(torch.zeros(size))
        self.moved_bias = nn.Parameter(torch.zeros(1))

    def config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {"size": self.size, "direction": self.direction, "cutoff": self.cutoff, "slope": self.slope}

    @property
    def weight(self) -> Tensor:
        """(D,) the weights, all positive."""
        return functional.softplus(self.moved_weight + inverse_softplus(self.slope / self.size))

    @property
    def bias(self) -> Tensor:
        """(1,) what the weighted sum must exceed."""
        return self.moved_bias + self.cutoff * self.slope

    def forward(self, features: Tensor) -> Tensor:
        """(n, D) → (n, 1) logits."""
        check_width(self, features, self.size)
        return DIRECTIONS[self.direction] * (features @ self.weight - self.bias).unsqueeze(1)

    def describe(self, names: Sequence[str] = ()) -> tuple[Threshold, ...]:
        """One threshold per feature: the cut-off that all of them have in common, each feature's own slope."""
        names = names or tuple(str(i) for i in range(self.size))
        weights = self.weight.detach()
        cutoff = float(self.bias.detach() / weights.sum())
        return tuple(Threshold(n, cutoff, w, self.direction) for n, w in zip(names, weights.tolist(), strict=True))


class SoftThreshold(nn.Module):
    """A soft threshold on one feature: logit = ±slope · (x - cut-off), slope > 0; both are learned.

    Args:
        direction: `above` or `below`: where the predicate holds.
        cutoff: the cut-off at the start.
        slope: the slope at the start.
    """

    def __init__(self, direction: str = "above", cutoff: float = 0.0, slope: float = 2.0) -> None:
        super().__init__()
        if direction not in DIRECTIONS or slope <= 0:
            raise NetworkError(f"a threshold of direction `{direction}` and slope {slope} cannot be made")
        self.direction, self.start = direction, (float(cutoff), float(slope))
        # Parameters are distances from the start, so that weight decay pulls towards what the expert gave.
        self.moved_cutoff = nn.Parameter(torch.zeros(1))
        self.moved_slope = nn.Parameter(torch.zeros(1))

    def config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {"direction": self.direction, "cutoff": self.start[0], "slope": self.start[1]}

    @property
    def cutoff(self) -> Tensor:
        """(1,) where the logit is 0."""
        return self.moved_cutoff + self.start[0]

    @property
    def slope(self) -> Tensor:
        """(1,) change of the logit per unit, positive."""
        return functional.softplus(self.moved_slope + inverse_softplus(self.start[1]))

    def forward(self, feature: Tensor) -> Tensor:
        """(n, 1) → (n, 1) logits."""
        check_width(self, feature, 1)
        return DIRECTIONS[self.direction] * self.slope * (feature - self.cutoff)

    def describe(self, names: Sequence[str] = ()) -> tuple[Threshold, ...]:
        """Its one threshold, in the units of the feature that it is given."""
        cutoff, slope = float(self.cutoff.detach()), float(self.slope.detach())
        return (Threshold(names[0] if names else "0", cutoff, slope, self.direction),)


class MLP(nn.Module):
    """A multi-layer perceptron with ReLU and dropout between its layers.

    Args:
        sizes: input, hidden …, output; at least two numbers.
        dropout: share of hidden units left out in training.

    Attributes:
        width: D of the embeddings: the last hidden size, or that of the input where there is none.
    """

    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        if len(sizes) < 2:
            raise NetworkError("an MLP needs at least an input and an output size")
        self.sizes, self.dropout = tuple(int(s) for s in sizes), float(dropout)
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(zip(self.sizes[:-1], self.sizes[1:], strict=True)):
            if i:
                layers += [nn.ReLU(), nn.Dropout(self.dropout)]
            layers.append(nn.Linear(before, after))
        self.layers = nn.Sequential(*layers)
        self.width = self.sizes[-2]

    def config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {"sizes": list(self.sizes), "dropout": self.dropout}

    def embed(self, features: Tensor) -> Tensor:
        """(n, D) → (n, width)."""
        check_width(self, features, self.sizes[0])
        return self.layers[:-1](features)

    def forward(self, features: Tensor) -> Tensor:
        """(n, D) → (n, V) logits."""
        return self.layers[-1](self.embed(features))
