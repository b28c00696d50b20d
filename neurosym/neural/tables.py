"""A network for tables: numbers and categories side by side, with values missing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from neurosym.errors import NetworkError
from neurosym.neural.contract import check_width
from neurosym.neural.features import FeatureTable
from neurosym.neural.networks import MLP, Standardize


class TableNet(nn.Module):
    """A perceptron over numeric and categorical columns of a feature table; NaN is a missing value.

    Numbers are standardised within; a missing one is replaced by a learned value, and a column of its own says that it
    was. A category has a learned vector, and so has a missing one. A category that training has not seen gets the mean
    of those that it has: a vector of its own would never be trained.

    Args:
        sizes: for each column 0 if it holds numbers, or the number of its categories, whose codes are 0, 1, …; any
            other code is a category that was not seen.
        out: number of logits.
        hidden: sizes of the hidden layers, at least one.
        dim: width of the vectors of categories.
        dropout: share of hidden units left out in training.

    Attributes:
        width: D of the embeddings, the last hidden size.

    Raises:
        NetworkError: NS600, no such network can be made, or rows do not have its columns.
    """

    numbers: Tensor
    categories: Tensor

    def __init__(
        self, sizes: Sequence[int], out: int = 1, hidden: Sequence[int] = (32,), dim: int = 4, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.sizes, self.out, self.hidden, self.dim = tuple(map(int, sizes)), out, tuple(map(int, hidden)), dim
        if not self.sizes or min(self.sizes) < 0 or not self.hidden or min(out, dim, *self.hidden) < 1:
            raise NetworkError(
                f"no TableNet can be made with sizes {list(self.sizes)}, hidden layers {list(self.hidden)}, "
                f"{dim} numbers for a category and {out} logits",
                help="it needs a column, a hidden layer, and widths of at least 1",
            )
        self.dropout = float(dropout)
        of_numbers = [j for j, size in enumerate(self.sizes) if not size]
        of_categories = [j for j, size in enumerate(self.sizes) if size]
        self.register_buffer("numbers", torch.tensor(of_numbers, dtype=torch.long), persistent=False)
        self.register_buffer("categories", torch.tensor(of_categories, dtype=torch.long), persistent=False)
        self.scale = Standardize(len(of_numbers))
        self.fill = nn.Parameter(torch.zeros(len(of_numbers)))
        # one vector more than categories: the last is that of a missing value, and starts from the mean of a new one
        self.vectors = nn.ModuleList(nn.Embedding(self.sizes[j] + 1, dim) for j in of_categories)
        for vectors in self.vectors:
            nn.init.zeros_(vectors.weight.data[-1])  # type: ignore[index]
        entry = 2 * len(of_numbers) + dim * len(of_categories)
        self.layers = MLP([entry, *self.hidden, out], dropout)
        self.width = self.layers.width

    @classmethod
    def of_table(
        cls, table: FeatureTable, out: int = 1, hidden: Sequence[int] = (32,), dim: int = 4, dropout: float = 0.0
    ) -> TableNet:
        """A network for the columns of a table, scaled by its rows: those of the training part only."""
        sizes = [len(table.categories.get(column, ())) for column in table.columns]
        return cls(sizes, out, hidden, dim, dropout).fit(table.rows)

    def config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {
            "sizes": list(self.sizes), "out": self.out, "hidden": list(self.hidden), "dim": self.dim,
            "dropout": self.dropout,
        }  # fmt: skip

    def fit(self, rows: Tensor) -> TableNet:
        """Take the scale of the numbers from (n, D) rows of the training part; what is missing is left out."""
        check_width(self, rows, len(self.sizes))
        self.scale.fit(rows[:, self.numbers])
        return self

    def embed(self, rows: Tensor) -> Tensor:
        """(n, D) → (n, width)."""
        check_width(self, rows, len(self.sizes))
        numbers = self.scale(rows[:, self.numbers])
        missing = numbers.isnan()
        parts = [torch.where(missing, self.fill, numbers), missing.to(numbers.dtype)]
        for column, vectors in zip(self.categories.tolist(), self.vectors, strict=True):
            parts.append(_vectors(vectors, rows[:, column]))  # type: ignore[arg-type]
        return self.layers.embed(torch.cat(parts, dim=1))

    def forward(self, rows: Tensor) -> Tensor:
        """(n, D) → (n, out) logits."""
        return self.layers.layers[-1](self.embed(rows))


def _vectors(vectors: nn.Embedding, codes: Tensor) -> Tensor:
    """(n,) codes of one column → (n, dim); the last vector is that of a missing value."""
    last = vectors.num_embeddings - 1
    missing = codes.isnan()
    plain = torch.where(missing, last, codes).round().long()
    seen = (plain >= 0) & ((plain < last) | missing)
    found = vectors(torch.where(seen, plain, 0))
    return torch.where(seen[:, None], found, vectors.weight[:last].mean(dim=0))


__all__ = ["TableNet"]
