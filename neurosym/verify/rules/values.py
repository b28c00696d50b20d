"""Expressions, comparisons and text tests on single values, as docs/reference/language.md defines them."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from neurosym.lang.ast import Const, Term, Var
from neurosym.lang.terms import INT64_MAX, INT64_MIN, Iri, LangString, Symbol, Value, term_key

MAX_PATTERN = 1000


class NoValue(Exception):
    """An expression has no value for these arguments: its grounding does not hold."""


def evaluate(term: Term, values: Mapping[str, Value]) -> Value:
    """The value of a term.

    Args:
        values: of its variables.

    Raises:
        NoValue: a division by zero, an overflow, a function of the wrong type.
    """
    if isinstance(term, Var):
        return values[term.name]
    if isinstance(term, Const):
        return term.value
    args = [evaluate(a, values) for a in term.args]
    if term.op in _TEXT:
        made = _TEXT[term.op](*args)
        if made is None:
            raise NoValue
        return made
    if not all(_is_number(a) for a in args):
        raise NoValue
    try:
        result = _ARITHMETIC[term.op](*args)
    except (ArithmeticError, ValueError):
        raise NoValue from None
    if isinstance(result, complex) or (isinstance(result, int) and not INT64_MIN <= result <= INT64_MAX):
        raise NoValue
    if isinstance(result, float) and not math.isfinite(result) and not (
        math.isinf(result) and any(isinstance(a, float) and math.isinf(a) for a in args)
    ):  # fmt: skip
        raise NoValue
    return result


def compare(op: str, left: Value, right: Value) -> bool:
    """Whether a comparison of two values holds; an ordered one of unlike types does not."""
    same = term_key(left) == term_key(right)
    if op in ("=", "is", "=="):
        return same
    if op in ("!=", "\\=="):
        return not same
    a, b = _ordered(left), _ordered(right)
    if a is None or b is None or a[0] != b[0]:
        return same if op == "=:=" else not same if op == "=\\=" else False
    return _ORDER[op](a[1], b[1])


def holds(name: str, text: Value, other: Value) -> bool:
    """Whether a text test (`contains`, `starts_with`, `ends_with`, `matches`) holds."""
    a, b = text_of(text), text_of(other)
    if a is None or b is None:
        return False
    if name == "matches":
        return len(b) <= MAX_PATTERN and _NESTED.search(b) is None and re.search(b, a) is not None
    return {"contains": b in a, "starts_with": a.startswith(b), "ends_with": a.endswith(b)}[name]


def text_of(value: Value) -> str | None:
    """The text of a string, symbol or IRI; None of anything else."""
    match value:
        case str():
            return value
        case Symbol(name):
            return name
        case LangString(text, _):
            return text
        case Iri(iri):
            return iri
    return None


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ordered(value: Value) -> tuple[str, Any] | None:
    """A value that can be ordered, and among which it can."""
    if _is_number(value):
        return "number", value
    if isinstance(value, datetime.date):
        return "date", value
    if isinstance(value, str):
        return "text", value
    return ("text", value.text) if isinstance(value, LangString) else None


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "=<": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=:=": lambda a, b: a == b,
    "=\\=": lambda a, b: a != b,
}


def _power(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int) and b >= 0:
        if abs(a) > 1 and b > 64:
            raise OverflowError
        return a**b
    return float(a) ** float(b)


def _of_both(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """`min` and `max`: of an integer and a float, a float."""

    def apply(a: Any, b: Any) -> Any:
        return function(a, b) if type(a) is type(b) else function(float(a), float(b))

    return apply


def _whole(function: Callable[[float], float]) -> Callable[[Any], Any]:
    def apply(a: Any) -> Any:
        if isinstance(a, int):
            return a
        if not abs(a) < 2.0**63:
            raise OverflowError
        return int(function(a))

    return apply


def _half_up(a: float) -> float:
    below = math.floor(a)
    return below + (a - below >= 0.5)


_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: float(a) / float(b),
    "//": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
    "**": _power,
    "neg": lambda a: -a,
    "min": _of_both(min),
    "max": _of_both(max),
    "abs": abs,
    "round": _whole(_half_up),
    "floor": _whole(math.floor),
    "ceil": _whole(math.ceil),
    "sqrt": lambda a: math.sqrt(a),
    "log": lambda a: math.log(float(a)),
    "exp": lambda a: math.exp(a),
}


def _on_text(function: Callable[[str], Value]) -> Callable[[Value], Value | None]:
    def apply(value: Value) -> Value | None:
        text = text_of(value)
        return None if text is None else function(text)

    return apply


def _concat(*values: Value) -> Value | None:
    texts = [str(v) if _is_number(v) else text_of(v) for v in values]
    return None if any(t is None for t in texts) else "".join(t for t in texts if t is not None)


_TEXT: dict[str, Callable[..., Value | None]] = {
    "lower": _on_text(str.lower),
    "upper": _on_text(str.upper),
    "length": _on_text(len),
    "concat": _concat,
    "days_between": lambda a, b: (b - a).days
    if isinstance(a, datetime.date) and isinstance(b, datetime.date) else None,
    "year": lambda d: d.year if isinstance(d, datetime.date) else None,
}  # fmt: skip

# a repetition inside a repeated group takes for ever; grounding refuses it
_NESTED = re.compile(
    r"\((?:[^()\\]|\\.)*[+*}](?:[^()\\]|\\.)*\)\s*[+*{]|\((?:[^()\\]|\\.)*\|(?:[^()\\]|\\.)*\)\s*[+*{]|\\\d"
)
