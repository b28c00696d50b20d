"""What built-ins give, one value at a time, in plain Python: the oracle's half of `neurosym.grounding.builtins`."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from fractions import Fraction

from neurosym.lang.terms import Iri, LangString, Symbol, Value, term_key

Term = tuple[str, object]  # a term_key: type name and value, so that 2, 2.0 and true differ
TESTS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda a, b: b in a,
    "starts_with": lambda a, b: a[: len(b)] == b,
    "ends_with": lambda a, b: b == "" or a[-len(b) :] == b,
    "matches": lambda a, b: re.search(b, a) is not None,
}
ORDER: dict[str, Callable[[int], bool]] = {
    "=:=": lambda c: c == 0,
    "=\\=": lambda c: c != 0,
    "<": lambda c: c < 0,
    "=<": lambda c: c <= 0,
    ">": lambda c: c > 0,
    ">=": lambda c: c >= 0,
}


class NoValue(Exception):
    """An expression that has no value: the literal that holds it fails."""


class Refused(Exception):
    """The program is refused with this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def key_of(value: Value) -> Term:
    kind, plain = term_key(value)
    return kind, plain


def number(term: Term) -> int | float:
    if term[0] in ("int", "float"):
        return term[1]  # type: ignore[return-value]
    raise NoValue


def text(term: Term) -> str:
    match term[1]:
        case str() as plain if term[0] == "str":
            return plain
        case Symbol(name):
            return name
        case LangString(words, _):
            return words
        case Iri(iri):
            return iri
    raise NoValue


def apply(op: str, args: list[Term]) -> Term:
    """The value of a function.

    Raises:
        NoValue: it is not defined there. Refused: NS405, an integer of more than 64 bits.
    """
    if op in ("lower", "upper"):
        return key_of(getattr(text(args[0]), op)())
    if op == "length":
        return key_of(len(text(args[0])))
    if op == "concat":
        return key_of("".join(str(a[1]) if a[0] in ("int", "float") else text(a) for a in args))
    if op in ("days_between", "year"):
        dates = [a[1] for a in args if isinstance(a[1], datetime.date)]
        if len(dates) < len(args):
            raise NoValue
        return key_of(dates[0].year if op == "year" else dates[1].toordinal() - dates[0].toordinal())
    numbers = [number(a) for a in args]
    try:
        result = _calculate(op, numbers)
    except (ZeroDivisionError, ValueError, OverflowError):
        raise NoValue from None
    if isinstance(result, int) and not -(2**63) <= result < 2**63:
        raise Refused("NS405") if all(isinstance(n, int) for n in numbers) else NoValue
    if isinstance(result, complex) or (isinstance(result, float) and not math.isfinite(result)):
        raise NoValue
    return key_of(result)


def _calculate(op: str, x: list[int | float]) -> int | float | complex:
    whole = all(isinstance(v, int) for v in x)
    match op:
        case "+":
            return x[0] + x[1]
        case "-":
            return x[0] - x[1]
        case "*":
            return x[0] * x[1]
        case "/":
            return float(x[0]) / float(x[1])
        case "//":  # not Python's own, so that the rounding is said once more; its own for floats, where both round
            return math.floor(Fraction(x[0]) / Fraction(x[1])) if whole else x[0] // x[1]
        case "mod":
            return x[0] - x[1] * math.floor(Fraction(x[0]) / Fraction(x[1])) if whole else x[0] % x[1]
        case "**":
            if whole and x[1] > 64 and abs(x[0]) > 1:
                return 2**64  # too large in any case, and may be too large to be calculated
            return x[0] ** x[1]
        case "neg":
            return -x[0]
        case "min":
            return min(x) if whole else float(min(x))
        case "max":
            return max(x) if whole else float(max(x))
        case "abs":
            return abs(x[0])
        case "round":
            return math.floor(Fraction(x[0]) + Fraction(1, 2))
        case "floor":
            return math.floor(x[0])
        case "ceil":
            return math.ceil(x[0])
        case "sqrt":
            return math.sqrt(x[0])
        case "log":
            return math.log(x[0])
        case "exp":
            return math.exp(x[0])
    raise AssertionError(op)


def ordered(a: Term, b: Term) -> int | None:
    """-1, 0 or 1 as `a` comes before `b`; None for values of unlike types. Numbers compare exactly."""
    x, y = a[1], b[1]
    if {a[0], b[0]} <= {"int", "float"}:
        x, y = number(a), number(b)
    elif a[0] == b[0] == "date" and isinstance(x, datetime.date) and isinstance(y, datetime.date):
        x, y = x.toordinal(), y.toordinal()
    elif {a[0], b[0]} <= {"str", "LangString"}:
        x, y = [ord(c) for c in text(a)], [ord(c) for c in text(b)]
    else:
        return None
    return (x > y) - (x < y)  # type: ignore[operator]


def holds(op: str, a: Term, b: Term) -> bool:
    """A comparison of two values."""
    if op in ("=", "==", "is"):
        return a == b
    if op in ("!=", "\\=="):
        return a != b
    sign = ordered(a, b)
    if sign is None:
        return {"=:=": a == b, "=\\=": a != b}.get(op, False)
    return ORDER[op](sign)


def fold(function: str, values: list[Term]) -> Term | None:
    """An aggregate over the first components of its members; None where it has no value.

    Raises:
        Refused: NS421, values that cannot be added or compared; NS405.
    """
    if function == "count":
        return key_of(len(values))
    if function in ("sum", "avg"):
        if any(v[0] not in ("int", "float") for v in values):
            raise Refused("NS421")
        exact = sum((Fraction(number(v)) for v in values), Fraction(0))
        if function == "avg":
            return key_of(float(exact) / len(values)) if values else None
        if any(v[0] == "float" for v in values):
            return key_of(float(exact))
        if not -(2**63) <= exact < 2**63:
            raise Refused("NS405")
        return key_of(int(exact))
    if not values:
        return None
    best = values[0]
    for other in values:
        sign = ordered(other, best)
        if sign is None or ordered(other, other) is None:
            raise Refused("NS421")
        if sign == (-1 if function == "min" else 1) or (sign == 0 and _tie(other) < _tie(best)):
            best = other
    return best


def _tie(term: Term) -> tuple[int, str]:
    """Among equals the integer comes before the float, the plain string before tagged ones, then tags."""
    order = ("int", "float", "str", "LangString", "date").index(term[0])
    return order, term[1].lang if isinstance(term[1], LangString) else ""
