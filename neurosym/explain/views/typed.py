"""Reads dataclasses from JSON, strictly.

What the dataclasses do not have is an error, and so is what they have in another type.
"""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from neurosym.errors import ExplanationError


def parse_object(text: str) -> dict[str, Any]:
    """The object that a JSON text holds.

    Raises:
        ExplanationError: NS860, it is no JSON, holds no object, a field twice, or a number that is none.
    """
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except ExplanationError:
        raise
    except (ValueError, RecursionError, TypeError) as error:
        refuse("the text", f"is no JSON ({error})")
    if not isinstance(data, dict):
        refuse("the text", "is no JSON object")
    return data


def check_format(what: str, data: dict[str, Any], known: str) -> None:
    """Refuse another format than the known one.

    Raises:
        ExplanationError: NS861, it has another one, such as that of a later version.
    """
    found = data.get("format")
    if found != known:
        raise ExplanationError(
            f"{what} has the format {found!r}, and not `{known}`", code="NS861",
            help="read it with the version of neurosym that wrote it",
        )  # fmt: skip


def refuse(place: str, what: str) -> NoReturn:
    """Say what is wrong where (NS860)."""
    raise ExplanationError(f"{place} {what}", code="NS860", help="use the JSON as neurosym wrote it")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        refuse("a JSON object", f"has the field `{next(n for n in names if names.count(n) > 1)}` twice")
    return found


def _constant(name: str) -> NoReturn:
    refuse("the JSON", f"has {name}, which is no number")


@cache
def hints(kind: type) -> dict[str, Any]:
    """The types of a dataclass's fields."""
    return get_type_hints(kind)


def read_value(value: Any, kind: Any, place: str = "") -> Any:
    """A JSON value as a type asks for it.

    Args:
        place: of the value, such as `claim.lower`; empty for the whole.

    Raises:
        ExplanationError: NS860, it is of another type, or a field is missing or unknown.
    """
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _read_dataclass(value, kind, place)
    if origin in (Union, UnionType):
        if value is None and type(None) in parts:
            return None
        (inner,) = (p for p in parts if p is not type(None))  # no field is of two types
        return read_value(value, inner, place)
    if origin is Literal:
        return value if value in parts else refuse(f"`{place}`", f"is {value!r}, and none of {', '.join(parts)}")
    if origin in (tuple, list):
        return _read_sequence(value, origin, parts, place)
    if origin is dict:
        if not isinstance(value, dict):
            refuse(f"`{place}`", "is no object")
        return {name: read_value(v, parts[1], f"{place}.{name}") for name, v in value.items()}
    return _read_plain(value, kind, place)


def _read_dataclass(value: Any, kind: Any, place: str) -> Any:
    if not isinstance(value, dict):
        refuse(f"`{place}`" if place else "the text", "is no object")
    known = {f.name: f for f in fields(kind)}
    if unknown := sorted(value.keys() - known.keys()):
        refuse(f"`{_below(place, unknown[0])}`", "is not known")
    for name, field in known.items():
        if name not in value and field.default is MISSING and field.default_factory is MISSING:
            refuse(f"`{_below(place, name)}`", "is missing")
    types = hints(kind)
    return kind(**{name: read_value(v, types[name], _below(place, name)) for name, v in value.items()})


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _read_sequence(value: Any, origin: type, parts: tuple[Any, ...], place: str) -> Any:
    if not isinstance(value, list | tuple):  # plain data of our own has tuples
        refuse(f"`{place}`", "is no list")
    if origin is list or parts[-1] is Ellipsis:
        kinds = [parts[0]] * len(value)
    else:
        kinds = list(parts)
        if len(value) != len(kinds):
            refuse(f"`{place}`", f"has {len(value)} values, and not {len(kinds)}")
    return origin(read_value(v, k, f"{place}[{i}]") for i, (v, k) in enumerate(zip(value, kinds, strict=True)))


_NAMES = {str: "text", bool: "true or false", int: "an integer", float: "a number"}


def _read_plain(value: Any, kind: type, place: str) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float and number:
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
        if math.isfinite(value):
            return value
    elif type(value) is kind:
        return value
    refuse(f"`{place}`", f"is not {_NAMES[kind]}")
