"""The networks that a training file may describe: those that read rows of a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from neurosym.cli.train.file import Network
from neurosym.errors import DataError, did_you_mean
from neurosym.lang import Program
from neurosym.lang.ast import NeuralDecl
from neurosym.neural import MLP, FeatureTable, MonotoneThreshold, OnColumns, SoftThreshold, TableNet
from neurosym.neural.networks import DIRECTIONS
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
            raise DataError(
                f"[networks.{name}] stands behind no neural predicate", code="NS731",
                note=f"the rules name {', '.join(declared) or 'no network'}",
                help=did_you_mean(name, declared),
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
    unknown = [c for c in columns if c not in table.columns]
    if unknown:
        raise DataError(
            f"[networks.{name}]: the table has no column `{unknown[0]}`", code="NS731",
            note=f"it has {', '.join(table.columns)}", help=did_you_mean(unknown[0], table.columns, 0.5),
        )  # fmt: skip
    try:
        given = _checked(entry)
        return KINDS[entry.kind].make(table, columns, len(declared.values) if declared.values else 1, given), table
    except _Refused as refused:
        raise DataError(f"[networks.{name}]: {refused}", code="NS731", help=refused.help) from None


class _Refused(Exception):
    """A network that does not suit its columns, or cannot be made."""

    def __init__(self, text: str, help: str = "") -> None:
        super().__init__(text)
        self.help = help


@dataclass(frozen=True)
class _Argument:
    """What an argument of a network may be, in words and as a test."""

    told: str
    holds: Callable[[Any], bool]


def _number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _width(value: Any) -> bool:
    return type(value) is int and value > 0


DIRECTION = _Argument('"above" or "below"', lambda v: isinstance(v, str) and v in DIRECTIONS)
CUTOFF = _Argument("a number of standard deviations from the mean, -10 to 10", lambda v: _number(v) and abs(v) <= 10)
SLOPE = _Argument("a number above 0", lambda v: _number(v) and v > 0)
WIDTHS = _Argument("a list of widths, such as [16]", lambda v: isinstance(v, list) and bool(v) and all(map(_width, v)))
SHARE = _Argument("a share from 0 to below 1", lambda v: _number(v) and 0 <= v < 1)
WIDTH = _Argument("a whole number above 0", _width)


def _checked(entry: Network) -> dict[str, Any]:
    known = KINDS[entry.kind].arguments
    for key, value in entry.arguments.items():
        if key not in known:
            told = did_you_mean(key, known) or f"it takes {', '.join(known)}, and columns"
            raise _Refused(f"{entry.kind} takes no `{key}`", help=told)
        if not known[key].holds(value):
            raise _Refused(f"`{key}` is {value!r}, and should be {known[key].told}")
    return dict(entry.arguments)


def _on(table: FeatureTable, columns: Sequence[str], network: nn.Module) -> OnColumns:
    """A network on columns of numbers that are all there."""
    kind = type(network).__name__
    named = [c for c in columns if c in table.categories]
    if named:
        raise _Refused(f"`{named[0]}` holds categories, and {kind} takes numbers", help='class = "TableNet"')
    index = table.columns_index(columns)
    if table.rows[:, list(index)].isnan().any():
        raise _Refused(f"values are missing, and {kind} needs all of them", help='class = "TableNet"')
    return OnColumns(network, index, columns)


def _one(kind: str, out: int) -> None:
    if out != 1:
        raise _Refused(f"a {kind} says true or false, and its predicate has {out} values", help='class = "MLP"')


def _soft(table: FeatureTable, columns: Sequence[str], out: int, given: dict[str, Any]) -> OnColumns:
    _one("SoftThreshold", out)
    if len(columns) != 1:
        help = 'columns = ["…"], or class = "MonotoneThreshold"'
        raise _Refused(f"a SoftThreshold sees one column, not {len(columns)}", help=help)
    return _on(table, columns, SoftThreshold(**given))


def _monotone(table: FeatureTable, columns: Sequence[str], out: int, given: dict[str, Any]) -> OnColumns:
    _one("MonotoneThreshold", out)
    return _on(table, columns, MonotoneThreshold(len(columns), **given))


def _mlp(table: FeatureTable, columns: Sequence[str], out: int, given: dict[str, Any]) -> OnColumns:
    return _on(table, columns, MLP([len(columns), *given.pop("hidden", [16]), out], **given))


def _table(table: FeatureTable, columns: Sequence[str], out: int, given: dict[str, Any]) -> TableNet:
    if set(columns) != set(table.columns):
        raise _Refused("a TableNet sees all columns of its table", help="name them as `columns` of the table")
    return TableNet([len(table.categories.get(c, ())) for c in table.columns], out, **given)


@dataclass(frozen=True)
class Kind:
    """A class of networks: how one is made from a table, its columns, the number of values and arguments."""

    make: Callable[[FeatureTable, Sequence[str], int, dict[str, Any]], OnColumns | TableNet]
    arguments: Mapping[str, _Argument]


KINDS = {
    "SoftThreshold": Kind(_soft, {"direction": DIRECTION, "cutoff": CUTOFF, "slope": SLOPE}),
    "MonotoneThreshold": Kind(_monotone, {"direction": DIRECTION, "cutoff": CUTOFF, "slope": SLOPE}),
    "MLP": Kind(_mlp, {"hidden": WIDTHS, "dropout": SHARE}),
    "TableNet": Kind(_table, {"hidden": WIDTHS, "dim": WIDTH, "dropout": SHARE}),
}

__all__ = ["KINDS", "Made", "networks_of"]
