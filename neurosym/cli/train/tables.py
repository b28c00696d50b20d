"""Tables that a model is trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from neurosym.cli.data import entity, listed, naming
from neurosym.cli.train.file import Table
from neurosym.errors import DataError
from neurosym.facts.tabular import reading
from neurosym.lang import Value
from neurosym.reasoner.saving import Features


def describe_table(name: str, given: Table, prefixes: Mapping[str, str], aside: Callable[[Value], bool]) -> Features:
    """What a model is to know of a table: its columns, and the categories that occur, in order.

    Args:
        aside: whether an entity is put aside: categories of its row count as never seen, as they would later.

    Raises:
        DataError: NS617, a file has no header, or lacks a column.
    """
    columns, seen = given.columns, {c: set[str]() for c in given.categories}
    for path in given.file:
        with reading(path) as sheet:
            if not sheet.header:
                raise DataError(f"{path} is empty", code="NS617", help="the first line names the columns")
            own = naming(sheet.header)
            columns = columns or tuple(c for c in sheet.header if c != own)
            lacking = [c for c in dict.fromkeys((*columns, *seen)) if c not in sheet.header]
            if lacking:
                raise DataError(
                    f"{path} lacks {listed(lacking)}", code="NS617", note=f"it has {', '.join(sheet.header)}",
                    help="correct the name, or the header; all files of a table have the same columns",
                )  # fmt: skip
            for place, cells in sheet.rows() if seen else ():
                if not aside(entity(cells[sheet.header.index(own)], given.prefix, prefixes, place)):
                    for c, found in seen.items():
                        found.add(cells[sheet.header.index(c)].strip())
    unread = [c for c in seen if c not in columns]
    if unread:
        raise DataError(
            f'[tables."{name}"]: {listed(unread)} of `categories` stands not among `columns`', code="NS730",
            help="add it to `columns`",
        )  # fmt: skip
    known = {c: tuple(sorted(found - {""})) for c, found in seen.items()}
    dtype = str(torch.get_default_dtype()).removeprefix("torch.")
    return Features(name, columns, dtype, given.prefix, known, given.missing)


__all__ = ["describe_table"]
