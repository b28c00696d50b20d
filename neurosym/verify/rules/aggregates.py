"""Results of aggregates over members that are certain or possible."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import Any

from neurosym.lang.terms import LangString, Value
from neurosym.verify.rules.form import Row, TooLarge

Member = tuple[Row, Value, bool]  # its row, what it contributes, and whether it is certain


def results(function: str, members: Sequence[Member], max_results: int) -> list[tuple[Value, bool]]:
    """What an aggregate may give, and whether it gives that in all worlds.

    Raises:
        TooLarge: a sum has too many values.
    """
    sure = all(certain for _, _, certain in members)
    if function in ("min", "max"):
        found: list[tuple[Value, bool]] = []
        for _, value, certain in best_first(function, members):
            found.append((value, certain and not found))
            if certain:
                break
        return found
    if sure:
        total = _total(function, [v for _, v, _ in members])
        return [] if total is None else [(total, True)]
    sums = reachable([(amount(function, v), c) for _, v, c in members], max_results)[-1]
    return [(s, False) for s in sums]


def amount(function: str, value: Value) -> Any:
    """What a member adds to a count or a sum."""
    return 1 if function == "count" else value


def reachable(amounts: Sequence[tuple[Any, bool]], max_results: int) -> list[dict[Any, bool]]:
    """For each number of members, the sums that they may have, and whether it is that in all worlds.

    Raises:
        TooLarge: they are too many.
    """
    sums: list[dict[Any, bool]] = [{0: True}]
    for number, certain in amounts:
        now = {s + number: c and certain for s, c in sums[-1].items()}
        if not certain:
            now |= dict.fromkeys(sums[-1], False)
        if len(now) > max_results:
            raise TooLarge("the values of an aggregate")
        sums.append(now)
    return sums


def best_first(function: str, members: Sequence[Member]) -> list[Member]:
    """Members of `min` or `max` by their values, the best first; a certain one before possible ones of its value."""
    order = sorted(members, key=lambda m: (_class(m[1]), not m[2]))
    return sorted(order, key=lambda m: _value(m[1]), reverse=function == "max")


def rank(member: Member) -> tuple:
    """What two members share whose order does not matter."""
    return (_value(member[1]), _class(member[1]), member[2])


def _total(function: str, values: Sequence[Any]) -> Value | None:
    if function == "count":
        return len(values)
    floats = any(isinstance(v, float) for v in values)
    total = math.fsum(values) if floats else sum(values)
    if function == "avg":
        return float(total) / len(values) if values else None
    return total


def _value(value: Value) -> Any:
    return value.text if isinstance(value, LangString) else value


def _class(value: Value) -> tuple:
    """How members of one value are told apart: 2 comes before 2.0, "a" before "a"@de."""
    if isinstance(value, LangString):
        return (1, value.lang)
    return (1, "") if isinstance(value, float) else (0, "")


def comparable(members: Sequence[Member]) -> bool:
    """Whether `min` and `max` are defined: numbers, dates and texts compare, each among themselves."""
    kinds = {
        "date" if isinstance(v, datetime.date) else "text" if isinstance(v, str | LangString) else "number"
        for _, v, _ in members
    }
    return len(kinds) <= 1
