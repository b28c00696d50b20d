"""CSV files and data frames as facts."""

from __future__ import annotations

import csv
import datetime
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from neurosym.errors import FactError, Place
from neurosym.lang.terms import INT64_MAX, INT64_MIN, Iri, Symbol, Value, is_plain_symbol

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

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


def read_csv(
    path: str | PathLike[str], predicate: str | None = None
) -> tuple[tuple[str, int], tuple[str, ...], list[list[Value]], list[Place]]:
    """A CSV file with a header line: the predicate as (name, arity), the columns, the rows, the place of each row."""
    path = Path(path)
    rows: list[list[Value]] = []
    places: list[Place] = []
    with csv_reader(path) as reader:
        header = next(reader, None)
        if not header:
            raise FactError(f"{path}: the file is empty", code="NS303", help="the first line names the columns")
        for cells in reader:
            if not cells:
                continue
            place = f"{path}:{reader.line_num}"
            if len(cells) != len(header):
                raise FactError(
                    f"{place}: {len(cells)} cells where the header has {len(header)}", code="NS303",
                    help="a cell with a comma in it stands in quotation marks" if len(cells) > len(header) else "",
                )  # fmt: skip
            if "" in cells:
                column = header[cells.index("")]
                raise FactError(f"{place}: no value in column `{column}`", code="NS304", help="leave the row out")
            try:
                rows.append([text_value(c.strip()) for c in cells])
            except ValueError as error:
                raise FactError(f"{place}: {error}", code="NS305") from None
            places.append(Place(str(path), reader.line_num))
    return (predicate or path.stem, len(header)), tuple(c.strip() for c in header), rows, places


@contextmanager
def csv_reader(path: str | PathLike[str]) -> Iterator[CsvReader]:
    """The cells of a file, line by line, between the separators that its header has.

    A header without a comma, which semicolons or tabs split into several cells, leaves no doubt: that is how
    spreadsheets write tables where the comma is the decimal sign.

    Raises:
        FactError: NS301 the file cannot be read; NS303 it is no text, or no CSV.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as stream:
            header = next(csv.reader(stream), [])
            stream.seek(0)
            separator = ","
            if len(header) == 1:
                for other in ";\t":
                    cells = next(csv.reader(stream, delimiter=other), [])
                    stream.seek(0)
                    if len(cells) > 1 and all(c.strip() for c in cells):
                        separator = other
                        break
            yield csv.reader(stream, delimiter=separator)
    except OSError as error:
        raise FactError(f"{path}: {error.strerror}", code="NS301", help="check the path") from None
    except UnicodeDecodeError as error:
        raise FactError(
            f"{path}: {error}", code="NS303", help="save it as UTF-8; spreadsheets call that `CSV UTF-8`"
        ) from None
    except csv.Error as error:
        raise FactError(f"{path}: {error}", code="NS303") from None


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
