"""Comparison, arithmetic and text built-ins, on columns.

An expression is evaluated to an `Operand`: either term ids, or a numeric column that has no ids yet. Only what is
assigned to a variable is interned, so that nested arithmetic costs NumPy operations and no dictionary.
"""

from __future__ import annotations

import datetime
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import GroundingError
from neurosym.facts import Ids, SymbolTable
from neurosym.facts.symbols import DATE, FLOAT, INT, LANG, STRING
from neurosym.lang.ast import Arithmetic, Const, Term, Var, Weight
from neurosym.lang.terms import INT64_MAX, INT64_MIN, Iri, LangString, Symbol, Value
from neurosym.lang.walk import variables

Mask = NDArray[np.bool_]
MAX_PATTERN = 1000  # a pattern this long is no pattern that a person wrote


@dataclass
class Operand:
    """A column of n values.

    Attributes:
        ids: (n,) term ids, or None for computed numbers.
        kind: (n,) kinds of `neurosym.facts.symbols`; `ints` and `floats`: (n,) numbers, exact for integers in `ints`.
        ok: (n,) false where evaluation failed (division by zero, a function of the wrong type).
    """

    ids: Ids | None
    kind: NDArray[np.uint8]
    ints: NDArray[np.int64]
    floats: NDArray[np.float64]
    ok: Mask

    def to_ids(self, symbols: SymbolTable) -> Ids:
        """Term ids, interning numbers that have none."""
        if self.ids is not None:
            return self.ids
        ids = np.zeros(len(self.kind), np.int32)
        for kind, numbers in ((INT, self.ints), (FLOAT, self.floats)):
            where = (self.kind == kind) & self.ok
            ids[where] = symbols.intern_numbers(numbers[where])
        return ids


class Counters:
    """What failed quietly while grounding, for the report: name → times."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, name: str, times: int) -> None:
        """Count an event."""
        if times:
            self.counts[name] = self.counts.get(name, 0) + int(times)


class Evaluator:
    """Evaluates terms and comparisons over columns of variable bindings."""

    def __init__(self, symbols: SymbolTable, counters: Counters | None = None) -> None:
        self.symbols = symbols
        self.counters = counters or Counters()

    # ---------------------------------------------------------------------------------------------- operands

    def operand(self, term: Term, columns: Mapping[str, Ids], n: int) -> Operand:
        """The values of a term for n bindings."""
        if isinstance(term, Var):
            return self.from_ids(columns[term.name])
        if isinstance(term, Const):
            return self.from_ids(np.full(n, self.symbols.intern(term.value), np.int32))
        args = [self.operand(a, columns, n) for a in term.args]
        if term.op in _TEXT:
            return self._text(term, args, n)
        return self._arithmetic(term.op, args)

    def from_ids(self, ids: Ids) -> Operand:
        """A column of terms."""
        s = self.symbols
        return Operand(ids, s.kinds(ids), s.ints(ids), s.floats(ids), np.ones(len(ids), bool))

    def _arithmetic(self, op: str, args: list[Operand]) -> Operand:
        ok = np.logical_and.reduce([a.ok & ((a.kind == INT) | (a.kind == FLOAT)) for a in args])
        self.counters.add("arithmetic on something that is no number", int((~ok).sum()))
        whole = np.logical_and.reduce([a.kind == INT for a in args])
        with np.errstate(all="ignore"):
            floats, fine = _FLOAT_OPS[op](*[a.floats for a in args])
            if op in _INT_OPS:
                ints = _INT_OPS[op](*[a.ints for a in args])
                # float64 finds the values that may be out of range, Python's integers decide
                for row in np.nonzero(whole & ok & fine & (np.abs(floats) >= 2.0**63 - 2**12))[0].tolist():
                    _check_range(op, [int(a.ints[row]) for a in args])
            else:
                ints, whole = np.zeros(len(ok), np.int64), np.zeros(len(ok), bool)
            if op in _ROUNDING:
                given = args[0].kind == INT  # stays as it is, also where its float is out of range
                ints, whole, fine = np.where(given, args[0].ints, floats.astype(np.int64)), ok, fine | given
        if op == "**":
            whole = whole & (args[1].ints >= 0)
        kind = np.where(whole, INT, FLOAT).astype(np.uint8)
        floats = np.where(whole, ints.astype(np.float64), floats)
        infinite = np.logical_or.reduce([np.isinf(a.floats) for a in args])  # given so, by RDF's INF
        fine &= np.isfinite(floats) | infinite & ~np.isnan(floats)
        self.counters.add(f"`{op}` of a value it is not defined for", int((ok & ~fine).sum()))
        return Operand(None, kind, ints, floats, ok & fine)

    def _text(self, term: Arithmetic, args: list[Operand], n: int) -> Operand:
        """Text and date functions: Python is entered once per distinct combination of arguments."""
        ids = np.stack([a.to_ids(self.symbols) for a in args], axis=1) if args else np.zeros((n, 0), np.int32)
        unique, inverse = np.unique(ids, axis=0, return_inverse=True)
        results = [_TEXT[term.op](*self.symbols.values(row)) for row in unique.tolist()]
        good = np.array([r is not None for r in results], bool)
        made = self.symbols.intern_many(0 if r is None else r for r in results)
        ok = np.logical_and.reduce([a.ok for a in args]) & good[inverse.reshape(-1)]
        self.counters.add(f"`{term.op}` of a value it is not defined for", int((~ok).sum()))
        result = self.from_ids(made[inverse.reshape(-1)])
        result.ok = ok
        return result

    # ------------------------------------------------------------------------------------------- comparisons

    def compare(self, op: str, left: Operand, right: Operand) -> Mask:
        """(n,) where the comparison holds. Ordered comparisons of unlike types are false, and counted."""
        ok = left.ok & right.ok
        if op in ("=", "is", "=="):
            return ok & self._same(left, right)
        if op in ("!=", "\\=="):
            return ok & ~self._same(left, right)
        numbers = _is_number(left) & _is_number(right)
        result = np.zeros(len(ok), bool)
        exact = numbers & (left.kind == INT) & (right.kind == INT)
        test = _ORDER[op]
        result[numbers] = test(left.floats[numbers], right.floats[numbers])
        result[exact] = test(left.ints[exact], right.ints[exact])
        # beyond 2**53 several integers are one float: Python compares an integer with a float as the numbers they are
        wide = numbers & (left.kind != right.kind) & (np.abs(left.floats) >= 2.0**53)
        for row in np.nonzero(wide)[0].tolist():
            a, b = (x.ints[row].item() if x.kind[row] == INT else x.floats[row].item() for x in (left, right))
            result[row] = test((a > b) - (a < b), 0)
        dates = (left.kind == DATE) & (right.kind == DATE)
        result[dates] = test(left.ints[dates], right.ints[dates])
        texts = _is_text(left) & _is_text(right)
        if texts.any():
            assert left.ids is not None and right.ids is not None
            ranks = text_ranks(self.symbols, np.concatenate([left.ids[texts], right.ids[texts]]))
            result[texts] = test(*np.split(ranks, 2))
        unlike = ok & ~(numbers | dates | texts)
        if op in ("=:=", "=\\="):
            same = self._same(left, right)
            result[unlike] = same[unlike] if op == "=:=" else ~same[unlike]
        else:
            self.counters.add(f"`{op}` between values of unlike types", int(unlike.sum()))
        return result & ok

    def _same(self, left: Operand, right: Operand) -> Mask:
        if left.ids is not None and right.ids is not None:
            return left.ids == right.ids
        same = (left.kind == right.kind) & np.where(
            left.kind == INT, left.ints == right.ints, left.floats == right.floats
        )
        return same & ((left.kind == INT) | (left.kind == FLOAT))

    def test(self, name: str, args: list[Operand]) -> Mask:
        """(n,) where a text test (`contains`, `starts_with`, `ends_with`, `matches`) holds."""
        ids = np.stack([a.to_ids(self.symbols) for a in args], axis=1)
        unique, inverse = np.unique(ids, axis=0, return_inverse=True)
        results = np.array([_TESTS[name](*self.symbols.values(row)) for row in unique.tolist()], bool)
        return results[inverse.reshape(-1)] & args[0].ok & args[1].ok if len(results) else np.zeros(0, bool)


def _check_range(op: str, args: list[int]) -> None:
    if op == "**" and args[1] < 0:
        return  # a float
    if op == "**":  # no longer number than is needed to see that it is too large
        args = [args[0], min(args[1], 64 + args[1] % 2)]
    if not INT64_MIN <= _EXACT[op](*args) <= INT64_MAX:
        raise GroundingError(f"`{op}` leaves the range of 64-bit integers", code="NS405")


def constant(term: Term) -> float:
    """The value of an expression without variables, as a weight such as `1/9` is."""
    result = Evaluator(SymbolTable()).operand(term, {}, 1)
    if not result.ok[0]:
        raise GroundingError("the expression has no value", code="NS406")
    return float(result.floats[0])


def constant_weight(weight: Weight | None) -> float | None:
    """The number that a weight is, `0.3` or `1/4`; None if it is calculated for each case, or written nowhere."""
    term = None if weight is None else weight.value
    return None if term is None or next(variables(term), None) is not None else constant(term)


def text_ranks(symbols: SymbolTable, ids: Ids) -> NDArray[np.int64]:
    """Positions of texts in the order of their code points."""
    unique, inverse = np.unique(ids, return_inverse=True)
    return _ranks([text_of(v) or "" for v in symbols.values(unique)])[inverse]


def tag_ranks(symbols: SymbolTable, ids: Ids) -> NDArray[np.int64]:
    """Positions of the language tags of strings that have one."""
    return _ranks([v.lang if isinstance(v, LangString) else "" for v in symbols.values(ids)])


def _ranks(texts: list[str]) -> NDArray[np.int64]:
    ranks = {t: r for r, t in enumerate(sorted(set(texts)))}
    return np.array([ranks[t] for t in texts], np.int64)


def _is_number(x: Operand) -> Mask:
    return (x.kind == INT) | (x.kind == FLOAT)


def _is_text(x: Operand) -> Mask:
    return (x.kind == STRING) | (x.kind == LANG)


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


# ---------------------------------------------------------------------------------------------------- tables

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def _always(function: Callable[..., Floats]) -> Callable[..., tuple[Floats, Mask]]:
    def apply(*args: Floats) -> tuple[Floats, Mask]:
        return function(*args), np.ones(len(args[0]), bool)

    return apply


def _unless_zero(function: Callable[[Floats, Floats], Floats]) -> Callable[..., tuple[Floats, Mask]]:
    return lambda a, b: (function(a, np.where(b == 0, 1, b)), b != 0)


def _whole_division(function: Callable[[Ints, Ints], Ints]) -> Callable[..., Ints]:
    return lambda a, b: function(a, np.where(b == 0, 1, b))


_FLOAT_OPS: dict[str, Callable[..., tuple[Floats, Mask]]] = {
    "+": _always(np.add),
    "-": _always(np.subtract),
    "*": _always(np.multiply),
    "/": _unless_zero(np.divide),
    "//": _unless_zero(np.floor_divide),
    "mod": _unless_zero(np.mod),
    "**": lambda a, b: (np.power(a, b), (a != 0) | (b >= 0)),
    "neg": _always(np.negative),
    "min": _always(np.minimum),
    "max": _always(np.maximum),
    "abs": _always(np.abs),
    "round": lambda a: (np.floor(a) + (a - np.floor(a) >= 0.5), np.abs(a) < 2.0**63),
    "floor": lambda a: (np.floor(a), np.abs(a) < 2.0**63),
    "ceil": lambda a: (np.ceil(a), np.abs(a) < 2.0**63),
    "sqrt": lambda a: (np.sqrt(np.maximum(a, 0)), a >= 0),
    "log": lambda a: (np.log(np.where(a > 0, a, 1)), a > 0),
    "exp": _always(np.exp),
}
_INT_OPS: dict[str, Callable[..., Ints]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "//": _whole_division(np.floor_divide),
    "mod": _whole_division(np.mod),
    "**": lambda a, b: np.power(a, np.maximum(b, 0)),
    "neg": np.negative,
    "min": np.minimum,
    "max": np.maximum,
    "abs": np.abs,
}
_EXACT: dict[str, Callable[..., Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "mod": operator.mod,
    "**": operator.pow, "neg": operator.neg, "min": min, "max": max, "abs": abs,
}  # fmt: skip
_ROUNDING = ("round", "floor", "ceil")
_ORDER: dict[str, Callable[..., Mask]] = {
    "<": np.less,
    "=<": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "=:=": np.equal,
    "=\\=": np.not_equal,
}


def _on_text(function: Callable[..., Value | None]) -> Callable[..., Value | None]:
    def apply(*values: Value) -> Value | None:
        texts = [text_of(v) for v in values]
        return None if any(t is None for t in texts) else function(*texts)

    return apply


def _days_between(a: Value, b: Value) -> Value | None:
    if isinstance(a, datetime.date) and isinstance(b, datetime.date):
        return (b - a).days
    return None


def _concat(*values: Value) -> Value | None:
    texts = [str(v) if isinstance(v, int | float) and not isinstance(v, bool) else text_of(v) for v in values]
    return None if any(t is None for t in texts) else "".join(t for t in texts if t is not None)


_TEXT: dict[str, Callable[..., Value | None]] = {
    "lower": _on_text(str.lower),
    "upper": _on_text(str.upper),
    "length": _on_text(len),
    "concat": _concat,
    "days_between": _days_between,
    "year": lambda d: d.year if isinstance(d, datetime.date) else None,
}


def _matches(text: Value, pattern: Value) -> bool:
    subject, expression = text_of(text), text_of(pattern)
    if subject is None or expression is None:
        return False
    if len(expression) > MAX_PATTERN or _NESTED.search(expression):
        raise GroundingError(
            f"the pattern {expression[:60]!r} repeats a repetition, which can take for ever",
            code="NS407",
            help="write it without a repetition inside a repeated group",
        )
    try:
        return re.search(expression, subject) is not None
    except re.error as error:
        raise GroundingError(f"the pattern {expression!r} is no regular expression: {error}", code="NS407") from None


_NESTED = re.compile(
    r"\((?:[^()\\]|\\.)*[+*}](?:[^()\\]|\\.)*\)\s*[+*{]|\((?:[^()\\]|\\.)*\|(?:[^()\\]|\\.)*\)\s*[+*{]|\\\d"
)


def _test_text(function: Callable[[str, str], bool]) -> Callable[[Value, Value], bool]:
    def apply(a: Value, b: Value) -> bool:
        x, y = text_of(a), text_of(b)
        return x is not None and y is not None and function(x, y)

    return apply


_TESTS: dict[str, Callable[[Value, Value], bool]] = {
    "contains": _test_text(lambda a, b: b in a),
    "starts_with": _test_text(str.startswith),
    "ends_with": _test_text(str.endswith),
    "matches": _matches,
}
