"""Feature tables: a row of numbers, an image or a text for each entity that a network may be asked about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
        columns: the D columns' names; may be empty if `rows` has more than two dimensions, or holds texts.
        allow_nan: whether NaN in `rows` is meant, as a missing value; otherwise it is a fault.
        categories: column → its categories, where its numbers are their codes 0, 1, …; any other code is a category
            that is not among them.
        texts: the N texts that the rows stand for as numbers of tokens (`TextNet.table`), as explanations show them.
            Whole numbers then stay so; otherwise rows become floats.

    Raises:
        DataError: an id occurs twice, lengths disagree, or a value is NaN or infinite (named by row and column).
    """

    ids: Sequence[str]
    rows: Tensor
    columns: Sequence[str] = ()
    allow_nan: bool = False
    categories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    texts: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("ids", "columns", "texts"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "categories", {c: tuple(map(str, v)) for c, v in self.categories.items()})
        whole = self.texts or self.rows.is_floating_point()
        rows = self.rows if whole else self.rows.to(torch.get_default_dtype())
        object.__setattr__(self, "rows", rows)
        if rows.ndim < 2 or rows.shape[0] != len(self.ids):
            raise DataError(
                f"a feature table of {len(self.ids)} ids has rows of shape {tuple(rows.shape)}",
                help=f"give rows of shape ({len(self.ids)}, number of columns)",
            )
        if (self.columns or (rows.ndim == 2 and not self.texts)) and len(self.columns) != rows.shape[1]:
            raise DataError(
                f"a feature table has {rows.shape[1]} columns of values but {len(self.columns)} column names"
            )
        if self.texts and len(self.texts) != len(self.ids):
            raise DataError(f"a feature table of {len(self.ids)} ids has {len(self.texts)} texts")
        self.columns_index(self.categories)
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
        cls, frame: pandas.DataFrame, *, ids: str | None = None, prefix: str = "", allow_nan: bool = False,
        categories: Iterable[str] | Mapping[str, Sequence[str]] = (),
    ) -> FeatureTable:  # fmt: skip
        """A table from the columns of a data frame.

        Args:
            frame: one row for each entity.
            ids: the column that names the entities; the frame's index if None.
            prefix: put before each name (`onc:patient-`).
            allow_nan: whether missing values are meant.
            categories: the columns that hold categories, whose values are those in the frame, in order; or the
                `categories` of the table that a network was trained on, whose codes then stay the same.

        Raises:
            DataError: a column is unknown, or neither numeric nor said to hold categories.
        """
        if ids is not None and ids not in frame.columns:
            raise DataError(
                f"the data frame has no column `{ids}`", note=f"it has {', '.join(map(str, frame.columns))}"
            )
        names = frame.index if ids is None else frame[ids]
        values = frame if ids is None else frame.drop(columns=ids)
        known = dict(categories) if isinstance(categories, Mapping) else dict.fromkeys(categories, ())
        absent = [name for name in known if name not in values.columns]
        if absent:
            raise DataError(
                f"the data frame has no column `{absent[0]}`", note=f"it has {', '.join(map(str, values.columns))}"
            )
        coded: dict[str, Sequence[str]] = {}
        columns: list[Tensor] = []
        for name in values.columns:
            column = values[name]
            if name in known:
                plain = [None if bad else str(v) for v, bad in zip(column, column.isna(), strict=True)]
                coded[str(name)] = tuple(known[name]) or tuple(sorted({v for v in plain if v is not None}))
                columns.append(codes(plain, coded[str(name)]))
            elif column.dtype.kind not in "iufb":
                raise DataError(
                    f"column `{name}` of the data frame is not numeric", note=f"its type is {column.dtype}",
                    help=f'drop it, or pass categories=["{name}"] and a network that takes categories',
                )  # fmt: skip
            else:
                columns.append(torch.tensor(column.to_numpy(dtype="float64"), dtype=torch.get_default_dtype()))
        rows = torch.stack(columns, dim=1) if columns else torch.zeros(len(values), 0)
        return cls([f"{prefix}{name}" for name in names], rows, list(map(str, values.columns)), allow_nan, coded)

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
        texts = [self.texts[self.position(i)] for i in ids] if self.texts else ()
        return FeatureTable(ids, rows, self.columns, self.allow_nan, self.categories, texts)

    def with_missing(self, ids: Iterable[str]) -> FeatureTable:
        """The table with a row of NaN for each of these entities that it lacks: nothing is known of them.

        A network that is asked about them must know what to do (`TableNet`, `Fusion`).

        Raises:
            DataError: it holds texts; an empty text says the same.
        """
        if self.texts:
            raise DataError("a row of a text cannot be NaN", help="give an empty text to what has none")
        more = [i for i in dict.fromkeys(ids) if i not in self]
        nothing = torch.full((len(more), *self.rows.shape[1:]), torch.nan, dtype=self.rows.dtype)
        rows = torch.cat([self.rows, nothing.to(self.rows.device)])
        return FeatureTable((*self.ids, *more), rows, self.columns, True, self.categories)

    def told(self, entity: str, column: int) -> str:
        """A value as people read it: four digits, the name of a category, or `missing`."""
        value = float(self.row(entity)[column])
        known = self.categories.get(self.columns[column])
        if value != value:
            return "missing"
        if known is None:
            return f"{value:.4g}"
        return known[round(value)] if 0 <= round(value) < len(known) else "a category not seen in training"


def codes(values: Iterable[str | None], known: Sequence[str]) -> Tensor:
    """(n,) the codes of values of one column: NaN for none, and one past the last for a category that is not known."""
    number = {name: float(k) for k, name in enumerate(known)}
    found = [float("nan") if v is None else number.get(v, float(len(known))) for v in values]
    return torch.tensor(found, dtype=torch.get_default_dtype())


def _no_repeats(names: Sequence[str], kind: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(f"{kind} `{name}` occurs twice in the feature table")
        seen.add(name)
