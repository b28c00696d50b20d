"""The networks that a training file may describe: those that read rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from torch import nn

from neurosym.cli.train.file import Network
from neurosym.errors import DataError
from neurosym.lang import Program
from neurosym.lang.ast import NeuralDecl
from neurosym.neural import MLP, FeatureTable, MonotoneThreshold, OnColumns, SoftThreshold, TableNet
from neurosym.reasoner.leaves import find_table

Made = tuple[OnColumns | TableNet, FeatureTable]


def networks_of(
    program: Program, described: Mapping[str, Network], tables: Mapping[str, FeatureTable], prefixes: Mapping[str, str]
) -> dict[str, Made]:
    """A network for each that the rules name, and the table that it reads; their scale is not yet taken from rows.

    Raises:
        DataError: NS731, a network is not described or not named by the rules, has no table, or cannot be made.
    """
    declared = {d.network: d for d in program.neural.values()}
    for name in described:
        if name not in declared:
            near = get_close_matches(name, declared, 1)
            raise DataError(
                f"[networks.{name}] stands behind no neural predicate", code="NS731",
                note=f"the rules name {', '.join(declared) or 'no network'}",
                help=f"did you mean `{near[0]}`?" if near else "",
            )  # fmt: skip
    return {name: _made(name, d, described, tables, prefixes) for name, d in declared.items()}


def _made(
    name: str, declared: NeuralDecl, described: Mapping[str, Network], tables: Mapping[str, FeatureTable],
    prefixes: Mapping[str, str],
) -> Made:  # fmt: skip
    entry = described.get(name)
    if entry is None:
        raise DataError(
            f"nothing is said about the network `{name}`, which the rules name", code="NS731",
            help=f'write [networks.{name}] and below it class = "SoftThreshold", or another of {", ".join(KINDS)}',
        )  # fmt: skip
    if entry.kind not in KINDS:
        raise DataError(
            f"[networks.{name}]: there is no class `{entry.kind}` for rows of a table", code="NS731",
            note=f"there are {', '.join(KINDS)}",
            help="networks for images, texts and graphs, and those of your own, are trained from Python: neurosym.fit",
        )  # fmt: skip
    asked = declared.args if declared.values is None else declared.args[:-1]
    table = find_table(asked[0], tables, prefixes) if len(asked) == 1 else None
    if table is None:
        told = ", ".join(f"`{t}`" for t in tables) or "none"
        raise DataError(
            f"the network `{name}` has no table to read", code="NS731",
            note=f"it is asked about {' and '.join(f'`{a.name}`' for a in asked)} of `{declared.name}`; tables: {told}",
            help="write [tables.…] for the class of its argument, or for the argument's name" if len(asked) == 1
            else "networks about pairs are trained from Python: neurosym.fit",
        )  # fmt: skip
    columns = entry.columns or table.columns
    try:
        network = KINDS[entry.kind](table, columns, len(declared.values or "1"), dict(entry.arguments))
    except TypeError as error:
        raise DataError(f"[networks.{name}]: {entry.kind} cannot be made: {_plainly(error)}", code="NS731") from None
    except _Refused as refused:
        raise DataError(f"[networks.{name}]: {refused}", code="NS731", help=refused.help) from None
    return network, table


def _plainly(error: TypeError) -> str:
    """What Python says of arguments, without the name of the function."""
    return str(error).partition("() ")[2] or str(error)


class _Refused(Exception):
    """A network that does not suit its columns."""

    def __init__(self, text: str, help: str = "") -> None:
        super().__init__(text)
        self.help = help


def _numbers(table: FeatureTable, columns: Sequence[str], kind: str) -> None:
    """These classes take numbers that are all there."""
    named = [c for c in columns if c in table.categories]
    if named:
        raise _Refused(f"`{named[0]}` holds categories, and {kind} takes numbers", help='class = "TableNet"')
    rows = table.rows[:, list(table.columns_index(columns))]
    if rows.isnan().any():
        raise _Refused(f"values are missing, and {kind} needs all of them", help='class = "TableNet"')


def _on(table: FeatureTable, columns: Sequence[str], network: nn.Module) -> OnColumns:
    _numbers(table, columns, type(network).__name__)
    return OnColumns(network, table.columns_index(columns), columns)


def _soft(table: FeatureTable, columns: Sequence[str], out: int, given: dict[str, Any]) -> OnColumns:
    if len(columns) != 1:
        raise _Refused(
            f"a SoftThreshold sees one column, not {len(columns)}",
            help='columns = ["…"], or class = "MonotoneThreshold"',
        )
    return _on(table, columns, SoftThreshold(**given))


def _monotone(table: FeatureTable, columns: Sequence[str], out: int, given: dict[str, Any]) -> OnColumns:
    return _on(table, columns, MonotoneThreshold(len(columns), **given))


def _mlp(
    table: FeatureTable, columns: Sequence[str], out: int, given: dict[str, Any]
) -> OnColumns:  # fmt: skip
    hidden = given.pop("hidden", [16])
    if not isinstance(hidden, list) or not all(isinstance(n, int) and n > 0 for n in hidden):
        raise _Refused(f"`hidden` is {hidden!r}, and should be a list of widths", help="hidden = [16]")
    return _on(table, columns, MLP([len(columns), *hidden, out], **given))


def _table(table: FeatureTable, columns: Sequence[str], out: int, given: dict[str, Any]) -> TableNet:
    if set(columns) != set(table.columns):
        raise _Refused("a TableNet sees all columns of its table", help="name them as `columns` of the table")
    return TableNet([len(table.categories.get(c, ())) for c in table.columns], out, **given)


KINDS: dict[str, Callable[[FeatureTable, Sequence[str], int, dict[str, Any]], OnColumns | TableNet]] = {
    "SoftThreshold": _soft,
    "MonotoneThreshold": _monotone,
    "MLP": _mlp,
    "TableNet": _table,
}

__all__ = ["KINDS", "Made", "networks_of"]
