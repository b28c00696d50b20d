"""Vectors of entities, and predicates that say how alike two of them are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurosym.errors import NetworkError
from neurosym.neural.contract import check_width, described, inverse_softplus, width_of
from neurosym.neural.features import FeatureTable

MOST = 1 << 24  # numbers of entities are told apart in float32 up to here


class EntityNet(nn.Module):
    """A vector of its own for each entity that training knows, and one for all others.

    The vector of the unknown stands in for a known one now and then in training, or nothing would ever train it.

    Args:
        names: of the entities, as feature tables spell them.
        out: number of logits.
        dim: D of the vectors.
        unknown: share of the entities that are taken for unknown in training.

    Attributes:
        width: D of the vectors.

    Raises:
        NetworkError: NS600, a name occurs twice, or there are none or too many.
    """

    def __init__(self, names: Sequence[str], out: int = 1, dim: int = 16, unknown: float = 0.05) -> None:
        super().__init__()
        self.names, self.out, self.width, self.unknown = tuple(names), out, dim, float(unknown)
        self._numbers = {name: k for k, name in enumerate(self.names)}
        if len(self._numbers) < len(self.names) or not 0 < len(self.names) < MOST or min(out, dim) < 1:
            raise NetworkError(
                f"no EntityNet can be made for {len(self.names):,} names, {len(self._numbers):,} of them different, "
                f"with {dim} numbers each and {out} logits"
            )
        self.vectors = nn.Embedding(len(self.names) + 1, dim)  # the last is that of the unknown
        self.head = nn.Linear(dim, out)

    def config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {"names": list(self.names), "out": self.out, "dim": self.width, "unknown": self.unknown}

    def table(self, ids: Iterable[str]) -> FeatureTable:
        """The feature table by which it is asked about entities: their numbers, and that of the unknown for others."""
        ids = tuple(ids)
        numbers = [[float(self._numbers.get(name, len(self.names)))] for name in ids]
        return FeatureTable(ids, torch.tensor(numbers).reshape(-1, 1), ("entity",))

    def embed(self, rows: Tensor) -> Tensor:
        """(n, 1) numbers → (n, dim)."""
        check_width(self, rows, 1)
        last = len(self.names)
        numbers = torch.where(rows[:, 0].isnan(), last, rows[:, 0]).round().long()
        numbers = torch.where((numbers < 0) | (numbers > last), last, numbers)
        if self.training and self.unknown:
            numbers = torch.where(torch.rand(len(numbers), device=numbers.device) < self.unknown, last, numbers)
        return self.vectors(numbers)

    def forward(self, rows: Tensor) -> Tensor:
        """(n, 1) numbers → (n, out) logits."""
        return self.head(self.embed(rows))


class Similarity(nn.Module):
    """How alike two things are: the network of a predicate of two arguments that is true or false.

    The logit is slope · (s - cut-off) of a similarity s of the two embeddings: `cosine`, from -1 to 1, or `rbf`,
    exp(-‖a - b‖² / 2r²) with a learned radius r, from 0 to 1. The slope is learned and positive, so that more alike is
    never less probable.

    Args:
        left: the network whose embeddings are compared; none compares the rows themselves.
        right: that of the second argument, where it is another one; it must have embeddings of the same width.
        kind: `cosine` or `rbf`.
        cutoff: similarity at which the predicate has probability 0.5, at the start; `slope`: change of the logit.
        radius: r at the start.

    Raises:
        NetworkError: NS600, no such predicate can be made, or the two embeddings differ in width.
    """

    def __init__(
        self, left: nn.Module | None = None, right: nn.Module | None = None, kind: str = "cosine",
        cutoff: float = 0.5, slope: float = 5.0, radius: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        if kind not in ("cosine", "rbf") or slope <= 0 or radius <= 0:
            raise NetworkError(
                f"no similarity of the kind `{kind}` with slope {slope} and radius {radius} can be made",
                help="the kind is `cosine` or `rbf`, slope and radius are greater than 0",
            )
        if left is None and right is not None:
            raise NetworkError("a similarity has a network for its second argument, and none for its first")
        widths = [width_of(network) for network in (left, right) if network is not None]
        if len(set(widths)) > 1:
            raise NetworkError(f"embeddings of {widths[0]} and {widths[1]} numbers cannot be compared")
        self.kind, self.start = kind, (float(cutoff), float(slope), float(radius))
        self.left, self.right = left, right
        self.moved_cutoff, self.moved_slope = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
        self.moved_radius = nn.Parameter(torch.zeros(1)) if kind == "rbf" else None

    def config(self) -> dict[str, Any]:
        """The constructor's arguments; networks as their classes and configs."""
        cutoff, slope, radius = self.start
        networks = {"left": self.left, "right": self.right}
        inner = {name: described(network) for name, network in networks.items() if network is not None}
        return {**inner, "kind": self.kind, "cutoff": cutoff, "slope": slope, "radius": radius}

    def vectors(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """(n, …) and (n, …) → (n, D) and (n, D) what is compared."""
        if self.left is None:
            return first.flatten(1), second.flatten(1)
        other = self.left if self.right is None else self.right
        return self.left.embed(first), other.embed(second)  # type: ignore[operator]

    def similarity(self, first: Tensor, second: Tensor) -> Tensor:
        """(n,) how alike they are."""
        a, b = self.vectors(first, second)
        if a.shape != b.shape:
            raise NetworkError(f"vectors {tuple(a.shape)} and {tuple(b.shape)} cannot be compared")
        if self.moved_radius is None:
            return functional.cosine_similarity(a, b, dim=1)
        radius = functional.softplus(self.moved_radius + inverse_softplus(self.start[2]))
        return torch.exp(-(a - b).square().sum(dim=1) / (2 * radius.square()))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """(n, …) and (n, …) → (n, 1) logits."""
        slope = functional.softplus(self.moved_slope + inverse_softplus(self.start[1]))
        return (slope * (self.similarity(first, second) - self.start[0] - self.moved_cutoff))[:, None]


__all__ = ["EntityNet", "Similarity"]
