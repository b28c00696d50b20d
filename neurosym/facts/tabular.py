"""CSV files and data frames as facts."""

from __future__ import annotations

import csv
import datetime
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from neurosym.errors import FactError, Place
from neurosym.lang.terms import INT64_MAX, INT64_MIN, Iri, Symbol, Value, is_plain_symbol

if TYPE_CHECKING:
    import pandas

_INTEGER = re.compile(r"[+-]?\d+\Z")
_DECIMAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?\Z")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


def text_value(text: str) -> Value:
    """The term that a text cell spells: a number, date, boolean, `<IRI>`, plain name, else a string."""
    if _INTEGER.match(text):
        number = int(text)
        if not INT64_MIN <= number <= INT64_MAX:
            raise ValueError(f"{text} does not fit into 64 bits")
        return number
    if _DECIMAL.match(text):
        return float(text)
    if _DATE.match(text):
        return datetime.date.fromisoformat(text)
    if text in ("true", "false"):
        return text == "true"
    if text.startswith("<") and text.endswith(">"):
        return Iri(text[1:-1])
    if is_plain_symbol(text):
        return Symbol(text)
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return Symbol(text[1:-1]) if text[0] == "'" else text[1:-1]
    return text


class Sheet:
    """A CSV file that is being read.

    Attributes:
        header: its first line, without blanks around the names.
    """

    def __init__(self, path: str | PathLike[str], stream: Iterable[str], separator: str = ",") -> None:
        self._file, self._reader = str(path), csv.reader(stream, delimiter=separator)
        self.header = tuple(cell.strip() for cell in next(self._reader, []))

    def lines(self) -> Iterator[tuple[Place, list[str]]]:
        """The lines below the header that are not empty, with their places."""
        for cells in self._reader:
            if cells:
                yield Place(self._file, self._reader.line_num), cells

    def rows(self) -> Iterator[tuple[Place, list[str]]]:
        """The same, each with a cell for each name of the header.

        Raises:
            FactError: NS303, a line has more cells, or fewer.
        """
        for place, cells in self.lines():
            if len(cells) != len(self.header):
                raise FactError(
                    f"{place}: {len(cells)} cells where the header has {len(self.header)}", code="NS303",
                    help="a cell with a comma in it stands in quotation marks" if len(cells) > len(self.header) else "",
                )  # fmt: skip
            yield place, cells


@contextmanager
def text_file(path: str | PathLike[str]) -> Iterator[TextIO]:
    """A file of text in UTF-8, open for as long as it is read, its line ends as they are.

    Raises:
        FactError: NS301, it cannot be read; NS303, it is no UTF-8.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            yield stream
    except OSError as error:
        raise FactError(f"{path}: {error.strerror}", code="NS301", help="check the path") from None
    except UnicodeDecodeError as error:
        raise FactError(
            f"{path}: {error}", code="NS303", help="save it as UTF-8; spreadsheets call that `CSV UTF-8`"
        ) from None


@contextmanager
def reading(path: str | PathLike[str]) -> Iterator[Sheet]:
    """A CSV file, open for as long as it is read.

    Raises:
        FactError: NS301, it cannot be read; NS303, it is no CSV, or no UTF-8.
    """
    with text_file(path) as stream:
        try:
            separator = _separator(stream)
            yield Sheet(path, stream, separator)
        except csv.Error as error:
            raise FactError(f"{path}: {error}", code="NS303") from None


def _separator(stream: TextIO) -> str:
    """What a file's header has between its cells.

    A header without a comma, which semicolons or tabs split into several cells, leaves no doubt: that is how
    spreadsheets write tables where the comma is the decimal sign.
    """
    line = stream.readline()
    stream.seek(0)
    if len(next(csv.reader([line]), [])) > 1:
        return ","
    for other in ";\t":
        cells = next(csv.reader([line], delimiter=other), [])
        if len(cells) > 1 and all(c.strip() for c in cells):
            return other
    return ","


def read_csv(
    path: str | PathLike[str], predicate: str | None = None
) -> tuple[tuple[str, int], tuple[str, ...], list[list[Value]], list[Place]]:
    """A CSV file with a header line: the predicate as (name, arity), the columns, the rows, the place of each row."""
    rows: list[list[Value]] = []
    places: list[Place] = []
    with reading(path) as sheet:
        if not sheet.header:
            raise FactError(f"{path}: the file is empty", code="NS303", help="the first line names the columns")
        for place, cells in sheet.rows():
            if "" in cells:
                column = sheet.header[cells.index("")]
                raise FactError(f"{place}: no value in column `{column}`", code="NS304", help="leave the row out")
            try:
                rows.append([text_value(c.strip()) for c in cells])
            except ValueError as error:
                raise FactError(f"{place}: {error}", code="NS305") from None
            places.append(place)
    return (predicate or Path(path).stem, len(sheet.header)), sheet.header, rows, places


def frame_rows(frame: pandas.DataFrame, columns: Sequence[str] | None) -> Iterator[list[Value]]:
    """The rows of a data frame as terms."""
    names = list(frame.columns if columns is None else columns)
    missing = [n for n in names if n not in frame.columns]
    if missing:
        note = f"it has {list(frame.columns)}"
        raise FactError(f"the data frame has no column `{missing[0]}`", code="NS306", note=note)
    for index, row in zip(frame.index, frame[names].itertuples(index=False), strict=True):
        yield [_cell_value(cell, index, name) for cell, name in zip(row, names, strict=True)]


def _cell_value(cell: object, index: object, column: str) -> Value:
    """A pandas cell as a term; NumPy scalars become Python's."""
    if hasattr(cell, "item"):
        cell = cell.item()  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(cell, str):
        return text_value(cell)
    if isinstance(cell, datetime.datetime):  # also pandas.Timestamp, and NaT, which is one
        if cell != cell:
            cell = None
        else:
            return cell.date()
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        raise FactError(f"no value in row {index}, column `{column}`", code="NS304", help="drop or fill missing values")
    if isinstance(cell, bool | int | float | datetime.date | Symbol | Iri):
        return cell
    raise FactError(f"row {index}, column `{column}`: {type(cell).__name__} is no term", code="NS305")
