"""Reads an explanation back from its JSON, strictly.

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
from neurosym.explain.model import CERTIFICATE_FORMAT, FORMAT, Explanation
from neurosym.explain.views.names import bottom_up


def explanation_from_json(text: str) -> Explanation:
    """The explanation that `Explanation.to_json` wrote, or `neurosym explain --json`.

    Raises:
        ExplanationError: NS860, it is no JSON, a field is missing, unknown or of another type, or a part names one that
            there is not; NS861, it has another format, such as that of a later version.
    """
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except ExplanationError:
        raise
    except (ValueError, RecursionError, TypeError) as error:
        _refuse("the text", f"is no JSON ({error})")
    if not isinstance(data, dict):
        _refuse("the text", "is no JSON object")
    _check_format("the explanation", data, FORMAT)
    if isinstance(data.get("certificate"), dict):
        _check_format("its certificate", data["certificate"], CERTIFICATE_FORMAT)
    _read(data.pop("diagnostics", []), list[dict[str, Any]], "diagnostics")  # of the command line
    explanation = _read(data, Explanation, "")
    assert isinstance(explanation, Explanation)
    bottom_up(explanation)
    for k, proof in enumerate(explanation.proofs):
        if any(not 0 <= step < len(explanation.steps) for step in proof.steps):
            _refuse(f"`proofs[{k}].steps`", "names a step that there is not")
    return explanation


def _check_format(what: str, data: dict[str, Any], known: str) -> None:
    found = data.get("format")
    if found != known:
        raise ExplanationError(
            f"{what} has the format {found!r}, and not `{known}`", code="NS861",
            help="read it with the version of neurosym that wrote it",
        )  # fmt: skip


def _refuse(place: str, what: str) -> NoReturn:
    raise ExplanationError(f"{place} {what}", code="NS860", help="use the JSON of `explain --json` as it is")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        _refuse("a JSON object", f"has the field `{next(n for n in names if names.count(n) > 1)}` twice")
    return found


def _constant(name: str) -> NoReturn:
    _refuse("the JSON", f"has {name}, which is no number")


@cache
def hints(kind: type) -> dict[str, Any]:
    """The types of a dataclass's fields."""
    return get_type_hints(kind)


def _read(value: Any, kind: Any, place: str) -> Any:
    """A JSON value as a type asks for it."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _read_dataclass(value, kind, place)
    if origin in (Union, UnionType):
        if value is None and type(None) in parts:
            return None
        (inner,) = (p for p in parts if p is not type(None))  # no field is of two types
        return _read(value, inner, place)
    if origin is Literal:
        return value if value in parts else _refuse(f"`{place}`", f"is {value!r}, and none of {', '.join(parts)}")
    if origin in (tuple, list):
        return _read_sequence(value, origin, parts, place)
    if origin is dict:
        if not isinstance(value, dict):
            _refuse(f"`{place}`", "is no object")
        return {name: _read(v, parts[1], f"{place}.{name}") for name, v in value.items()}
    return _read_plain(value, kind, place)


def _read_dataclass(value: Any, kind: Any, place: str) -> Any:
    if not isinstance(value, dict):
        _refuse(f"`{place}`" if place else "the text", "is no object")
    known = {f.name: f for f in fields(kind)}
    if unknown := sorted(value.keys() - known.keys()):
        _refuse(f"`{_below(place, unknown[0])}`", "is not known")
    for name, field in known.items():
        if name not in value and field.default is MISSING and field.default_factory is MISSING:
            _refuse(f"`{_below(place, name)}`", "is missing")
    types = hints(kind)
    return kind(**{name: _read(v, types[name], _below(place, name)) for name, v in value.items()})


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _read_sequence(value: Any, origin: type, parts: tuple[Any, ...], place: str) -> Any:
    if not isinstance(value, list):
        _refuse(f"`{place}`", "is no list")
    if origin is list or parts[-1] is Ellipsis:
        kinds = [parts[0]] * len(value)
    else:
        kinds = list(parts)
        if len(value) != len(kinds):
            _refuse(f"`{place}`", f"has {len(value)} values, and not {len(kinds)}")
    return origin(_read(v, k, f"{place}[{i}]") for i, (v, k) in enumerate(zip(value, kinds, strict=True)))


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
    _refuse(f"`{place}`", f"is not {_NAMES[kind]}")
