"""Feature tables: one row of numbers, or one image, for each entity that a network may be asked about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from neurosym.errors import DataError

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Rows of features under the names of entities.

    Attributes:
        ids: the N entities, as the rule language spells them (`onc:patient-001`, `alice`) or as full IRIs.
        rows: (N, D) features, or (N, …) for images and other tensors.
        columns: the D columns' names; may be empty if `rows` has more than two dimensions.
        allow_nan: whether NaN in `rows` is meant; otherwise it is a fault.

    Raises:
        DataError: an id occurs twice, lengths disagree, or a value is NaN or infinite (named by row and column).
    """

    ids: Sequence[str]
    rows: Tensor
    columns: Sequence[str] = ()
    allow_nan: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tuple(self.ids))
        object.__setattr__(self, "columns", tuple(self.columns))
        rows = self.rows if self.rows.is_floating_point() else self.rows.to(torch.get_default_dtype())
        object.__setattr__(self, "rows", rows)
        if rows.ndim < 2 or rows.shape[0] != len(self.ids):
            raise DataError(
                f"a feature table of {len(self.ids)} ids has rows of shape {tuple(rows.shape)}",
                help=f"give rows of shape ({len(self.ids)}, number of columns)",
            )
        if (self.columns or rows.ndim == 2) and len(self.columns) != rows.shape[1]:
            raise DataError(
                f"a feature table has {rows.shape[1]} columns of values but {len(self.columns)} column names"
            )
        _no_repeats(self.ids, "entity")
        _no_repeats(self.columns, "column")
        self._check_finite()

    def _check_finite(self) -> None:
        bad = torch.isinf(self.rows) if self.allow_nan else ~torch.isfinite(self.rows)
        if not bad.any():
            return
        places = bad.nonzero()
        row, column = int(places[0, 0]), int(places[0, 1])
        value = float(self.rows[tuple(places[0])])
        where = f"column `{self.columns[column]}`" if self.columns else f"position {tuple(places[0, 1:].tolist())}"
        more = f"; {len(places) - 1} more values are not finite" if len(places) > 1 else ""
        raise DataError(
            f"the value of `{self.ids[row]}` in {where} is {value}",
            note=f"row {row} of the feature table{more}",
            help="fill in or drop missing values, or pass allow_nan=True if the network handles them",
        )

    @classmethod
    def from_pandas(
        cls, frame: pandas.DataFrame, *, ids: str | None = None, prefix: str = "", allow_nan: bool = False
    ) -> FeatureTable:
        """A table from the numeric columns of a data frame.

        Args:
            frame: one row for each entity.
            ids: the column that names the entities; the frame's index if None.
            prefix: put before each name (`onc:patient-`).

        Raises:
            DataError: a column is unknown or not numeric.
        """
        if ids is not None and ids not in frame.columns:
            raise DataError(
                f"the data frame has no column `{ids}`", note=f"it has {', '.join(map(str, frame.columns))}"
            )
        names = frame.index if ids is None else frame[ids]
        values = frame if ids is None else frame.drop(columns=ids)
        for name in values.columns:
            if values[name].dtype.kind not in "iufb":
                raise DataError(
                    f"column `{name}` of the data frame is not numeric", note=f"its type is {values[name].dtype}"
                )
        rows = torch.tensor(values.to_numpy(dtype="float64"), dtype=torch.get_default_dtype())
        return cls([f"{prefix}{name}" for name in names], rows, [str(c) for c in values.columns], allow_nan)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Entity → its row."""
        return {name: i for i, name in enumerate(self.ids)}

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, entity: object) -> bool:
        return entity in self.positions

    def position(self, entity: str) -> int:
        """The number of the entity's row.

        Raises:
            DataError: the table has no such entity.
        """
        if entity not in self.positions:
            few = ", ".join(self.ids[:3])
            raise DataError(f"no features are given for `{entity}`", note=f"the table has {len(self)} rows: {few} …")
        return self.positions[entity]

    def row(self, entity: str) -> Tensor:
        """(D,) the entity's features."""
        return self.rows[self.position(entity)]

    def columns_index(self, names: Iterable[str]) -> tuple[int, ...]:
        """The numbers of the named columns, in the order asked for.

        Raises:
            DataError: a name is unknown; says which names there are.
        """
        where = {name: i for i, name in enumerate(self.columns)}
        names = tuple(names)
        unknown = [name for name in names if name not in where]
        if unknown:
            raise DataError(
                f"the feature table has no column {', '.join(f'`{n}`' for n in unknown)}",
                note=f"it has {', '.join(self.columns)}",
            )
        return tuple(where[name] for name in names)

    def select(self, ids: Iterable[str]) -> FeatureTable:
        """The table of these entities only, in this order.

        Raises:
            DataError: the table lacks one of them.
        """
        ids = tuple(ids)
        rows = self.rows[torch.tensor([self.position(i) for i in ids], dtype=torch.long)]
        return FeatureTable(ids, rows, self.columns, self.allow_nan)


def _no_repeats(names: Sequence[str], kind: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(f"{kind} `{name}` occurs twice in the feature table")
        seen.add(name)
