"""Raw expressions → terms, atoms, bodies and formulas, with a fault wherever one stands in the wrong place."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from neurosym.errors import Diagnostic, Span
from neurosym.lang.ast import (
    TRUE,
    Aggregate,
    And,
    Arithmetic,
    Atom,
    Body,
    Comparison,
    Const,
    Exists,
    ForallIn,
    Formula,
    FormulaJunction,
    FormulaNot,
    Iff,
    Implies,
    Literal,
    Not,
    Or,
    Quantified,
    Term,
    Var,
)
from neurosym.lang.builtins import FUNCTIONS, FUNCTIONS_OF_ANY_ARITY
from neurosym.lang.prolog import ALIASES, BUILT_INS, NO_FUNCTION, TAKE_GOALS
from neurosym.lang.raw import Binary, Braces, Call, Listing, Logic, Paren, Raw, Word
from neurosym.lang.scanner import PL, Scan
from neurosym.lang.terms import INT64_MAX, INT64_MIN, Iri, Symbol, predicate_of_iri

_BAD = Const(Symbol("?"))  # stands in for what has been reported; its statement is dropped
_REFUSED = {
    "findall": "NS122", "bagof": "NS122", "setof": "NS122", "aggregate_all": "NS122", "forall": "NS122",
    "assert": "NS120", "asserta": "NS120", "assertz": "NS120", "retract": "NS120", "retractall": "NS120",
}  # fmt: skip
_REFUSAL_HELP = {
    "NS122": "use an aggregate: `N = count{ X : p(X) }`, `exists{ … }`, `forall{ cond : then }`",
    "NS120": "a rule file only describes: write what holds as a fact, or give it with the facts",
}
_SPELLINGS = {"\\=": "!=", "<=": "=<"}
_MIRRORED = {"<": ">", ">": "<", "=<": ">=", ">=": "=<"}
_OF_NUMBERS = frozenset({"is", "=:=", "=\\=", "<", ">", "=<", ">="})  # what ProbLog evaluates
TEXT_OR_DATE = frozenset({"lower", "upper", "concat", "length", "days_between", "year"})
CONSTANTS = {"pi": math.pi, "e": math.e}
_FORMULAS_ONLY = {"implies": "`implies`", "iff": "`iff`", "exists": "a quantifier", "forall": "a quantifier"}


class Builder:
    """Converts the raw expressions of one statement and collects its faults.

    Attributes:
        faults: all diagnostics so far; a statement with an error among them is dropped.
    """

    calculates = False  # whether expressions are evaluated where the next term stands, in a `.pl` file
    of_text = False  # whether it is an argument of a function of texts

    def __init__(self, scan: Scan, prefixes: Mapping[str, str]) -> None:
        self.scan = scan
        self.prefixes = prefixes
        self.faults: list[Diagnostic] = []

    # ------------------------------------------------------------------------------------------- reporting

    def span(self, start: int, end: int) -> Span:
        """The place of a stretch of the text."""
        return self.scan.span(start, end)

    def report(self, code: str, message: str, start: int, end: int, **more: str) -> None:
        """Record a fault of the stretch from start to end; more: severity, note, help."""
        span = self.span(start, max(end, start + 1))
        severity = more.pop("severity", "error")
        self.faults.append(Diagnostic(code, severity, message, span, self.scan.line(span.line), **more))

    def text(self, raw: Raw) -> str:
        """The source text of a raw expression."""
        start, end = self.bounds(raw)
        return " ".join(self.scan.text[start:end].split())

    def bounds(self, raw: Raw) -> tuple[int, int]:
        """Where a raw expression starts and ends."""
        if isinstance(raw, Var | Const | Arithmetic):
            return self._offset(raw.span.line, raw.span.column), self._offset(raw.span.end_line, raw.span.end_column)
        return raw.start, raw.end

    def _offset(self, line: int, column: int) -> int:
        self.scan.line(line)
        return self.scan.offset(line, column)

    # ----------------------------------------------------------------------------------------------- terms

    def term(self, raw: Raw) -> Term:
        """The term that a raw expression is."""
        match raw:
            case Var():
                return raw
            case Const(value):
                if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
                    self.report("NS112", f"{value} does not fit into 64 bits", *self.bounds(raw))
                if self.calculates and self.scan.dialect == PL and isinstance(value, str | bool):
                    self._no_number(raw)
                return raw
            case Word():
                return self._word(raw)
            case Binary():
                return self._arithmetic(raw)
            case Call():
                return self._function(raw)
            case Paren() if not isinstance(raw.inner, Logic):
                return self.term(raw.inner)
        self._no_term(raw)
        return _BAD

    def expression(self, raw: Raw) -> Term:
        """A term that is evaluated: of `is`, of a comparison of numbers, of a weight."""
        before, self.calculates = self.calculates, True
        try:
            return self.term(raw)
        finally:
            self.calculates = before

    def _word(self, raw: Word) -> Const:
        span = self.span(raw.start, raw.end)
        if self.calculates and self.scan.dialect == PL and isinstance(raw.value, Symbol):
            if raw.value.name in CONSTANTS:
                return Const(CONSTANTS[raw.value.name], span)
            self._no_number(raw)
        return Const(raw.value, span)

    def _no_number(self, raw: Raw) -> None:
        if self.of_text:
            return
        self.report("NS148", f"`{self.text(raw)}` is no number, and stands where numbers are calculated or compared",
                    *self.bounds(raw), help=f"`=` compares and binds any terms: `X = {self.text(raw)}`")  # fmt: skip

    def _arithmetic(self, raw: Binary) -> Term:
        span = self.span(raw.start, raw.end)
        if raw.left is None:
            operand = raw.right
            if isinstance(operand, Const) and type(operand.value) in (int, float) and self._is_digit(operand):
                return self.term(Const(-operand.value, span))  # pyright: ignore[reportOperatorIssue]
            if self._is_compound(raw):
                return _BAD
            return Arithmetic("neg", (self.term(operand),), span)
        if self.hyphenated(raw):
            return _BAD
        if self._is_compound(raw):
            return _BAD
        return Arithmetic(raw.op, (self.term(raw.left), self.term(raw.right)), span)

    def _is_compound(self, raw: Binary) -> bool:
        """Whether ProbLog does not evaluate an expression that stands here; it is reported if so."""
        if self.calculates or self.scan.dialect != PL:
            return False
        text = self.text(raw)
        self.report("NS117", f"`{text}` is a compound term in ProbLog, which evaluates only after `is`", raw.start,
                    raw.end, note="programs are free of functors, so that every fixpoint is finite",
                    help=f"calculate first: `Z is {text}`, and use `Z`")  # fmt: skip
        return True

    def _is_digit(self, number: Const) -> bool:
        return self.scan.text[self.bounds(number)[0]].isdigit()  # `-(-3)` is no literal

    def _function(self, raw: Call) -> Term:
        name = ALIASES.get(raw.name, raw.name) if self.scan.dialect == PL else raw.name
        arity = FUNCTIONS.get(name)
        if self.scan.dialect == PL and not self.calculates:
            arity = None  # a compound term there
        if raw.capital:
            self._capital(raw)
        elif arity is None and self.calculates and self.scan.dialect == PL:
            self.report("NS147", f"arithmetic has no function `{raw.name}`", raw.start, raw.name_end,
                        help=NO_FUNCTION)  # fmt: skip
        elif arity is None:
            self.report(
                "NS117",
                f"`{raw.name}(…)` is a compound term, and a term here is a constant or a variable",
                raw.start,
                raw.end,
                note="programs are free of functors, so that every fixpoint is finite",
                help=f"give what it holds as arguments of the predicate, or a fact `{raw.name}(id, …)` of its own",
            )
        elif len(raw.args) != arity and not (name in FUNCTIONS_OF_ANY_ARITY and len(raw.args) > arity):
            self.report("NS143", f"`{raw.name}` takes {arity} argument{'s' * (arity != 1)}, not {len(raw.args)}",
                        raw.start, raw.name_end)  # fmt: skip
        else:
            before, self.of_text = self.of_text, name in TEXT_OR_DATE
            args = tuple(map(self.term, raw.args))
            self.of_text = before
            return Arithmetic(name, args, self.span(raw.start, raw.end))
        return _BAD

    def _no_term(self, raw: Raw) -> None:
        start, end = self.bounds(raw)
        match raw:
            case Listing(range=True):
                self.report("NS118", "a range stands only in a declaration's type", start, end,
                            help="write `between(L, H, X)`")  # fmt: skip
            case Listing():
                self.report("NS118", "lists are refused, except in `nn(…)`", start, end,
                            help="write one fact per element: `item(list1, 1, a).`")  # fmt: skip
            case Logic(kind="cut"):
                self._cut(raw)
            case Braces():
                self.report("NS139", f"`{raw.function}{{…}}` stands inside an expression", start, end,
                            help=f"bind it first: `N = {raw.function}{{…}}`, then use `N`")  # fmt: skip
            case _:
                self.report("NS125", f"a term is expected here, and `{self.text(raw)}` is a condition", start, end)

    def hyphenated(self, raw: Raw) -> bool:
        """Whether this is a name with a hyphen; it is reported if so."""
        if not isinstance(raw, Binary):
            return False
        last: Raw = raw.right
        part: Raw = raw
        while isinstance(part, Binary) and part.op == "-":
            part = part.left
        found = re.match(r"[^\W\d]\w*(?:-\w+)+", self.scan.text[raw.start : raw.end])
        if not found or part is raw or not isinstance(part, Word) or not isinstance(last, Word | Call):
            return False
        name = found.group()
        self.report("NS107", f"the name `{name}` has a hyphen, which reads as minus", raw.start, raw.start + len(name),
                    help=f"write `{name.replace('-', '_')}`, or '{name}' in single quotation marks")  # fmt: skip
        return True

    # ----------------------------------------------------------------------------------------------- atoms

    def atom(self, raw: Raw) -> Atom:
        """The atom that a raw expression is."""
        match raw:
            case Word():
                return Atom(predicate_name(raw.value), (), self.span(raw.start, raw.end))
            case Call(capital=True):
                self._capital(raw)
            case Call():
                if code := _REFUSED.get(raw.name):
                    self.report(code, f"`{raw.name}` is refused", raw.start, raw.name_end, help=_REFUSAL_HELP[code])
                elif self.scan.dialect == PL and raw.name in TAKE_GOALS and not all(map(_is_term, raw.args)):
                    self.report("NS146", f"`{raw.name}/{len(raw.args)}` is built into Prolog, and not in the language",
                                raw.start, raw.name_end, help=BUILT_INS[raw.name])  # fmt: skip
                else:
                    return Atom(raw.name, tuple(map(self.term, raw.args)), self.span(raw.start, raw.end))
            case _:
                self._no_atom(raw)
        return Atom("?", ())

    def _capital(self, raw: Call) -> None:
        name = self.scan.text[raw.start : raw.name_end]
        self.report("NS108", f"`{name}` is a variable, and a predicate's name starts with a small letter",
                    raw.start, raw.name_end,
                    help=f"write `{name[0].lower()}{name[1:]}(…)`, or '{name}'(…)")  # fmt: skip

    def _cut(self, raw: Logic) -> None:
        self.report("NS119", "the cut `!` is refused", raw.start, raw.end,
                    note="a program means the same whichever order its rules come in",
                    help="exclude the other cases by conditions or by an exception rule")  # fmt: skip

    def _no_atom(self, raw: Raw) -> None:
        start, end = self.bounds(raw)
        text = self.scan.text
        if isinstance(raw, Const) and text[start - 1 : start] == "," and re.search(r"\d+,\Z", text[:start]):
            left = re.search(r"[\d.]+,\Z", text[:start])
            assert left is not None
            self.decimal_comma(left.start(), end)
        elif isinstance(raw, Logic) and raw.kind == "cut":
            self._cut(raw)
        elif self.hyphenated(raw):
            return
        elif isinstance(raw, Paren) and not isinstance(raw.inner, Logic):
            self._no_atom(raw.inner)
        elif isinstance(raw, Braces):
            self.report("NS139", f"`{raw.function}{{…}}` by itself is a number, no condition", start, end,
                        help=f"compare or bind it: `N = {raw.function}{{…}}`")  # fmt: skip
        elif isinstance(raw, Listing):
            self._no_term(raw)
        else:
            kinds = {Var: "a variable", Const: "a constant", Binary: "an expression"}
            kind = kinds.get(type(raw), "a condition")
            self.report(
                "NS125", f"an atom such as `p(X)` is expected here, and `{self.text(raw)}` is {kind}", start, end
            )

    def decimal_comma(self, start: int, end: int) -> None:
        """Report `38,3`."""
        text = self.scan.text[start:end]
        self.report("NS104", f"`{text}` is read as two numbers", start, end, note="decimals are written with a point",
                    help=f"write `{text.replace(',', '.')}`")  # fmt: skip

    # ---------------------------------------------------------------------------------------------- bodies

    def body(self, raw: Raw) -> Body:
        """The body that a raw expression is. A body of one element is that element."""
        match raw:
            case Paren():
                return self.body(raw.inner)
            case Const(bool(value)):
                return TRUE if value else Or((), raw.span)
            case Logic(kind="compare"):
                return self._comparison(raw)
            case Logic(kind="and" | "or"):
                return self._junction(raw)
            case Logic(kind="not"):
                return Not(self.body(raw.parts[0]), self.span(raw.start, raw.end))
            case Logic(kind="exists{"):
                return Exists(self.body(raw.parts[0]), self.span(raw.start, raw.end))
            case Logic(kind="forall{"):
                return ForallIn(self.body(raw.parts[0]), self.body(raw.parts[1]), self.span(raw.start, raw.end))
            case Logic(kind="implies" | "iff" | "exists" | "forall"):
                self.report("NS123", f"{_FORMULAS_ONLY[raw.kind]} stands in a body; only constraints have it",
                            raw.start, raw.end,
                            help="write `exists{ … }` or `forall{ condition : then }`")  # fmt: skip
                return TRUE
        atom = self.atom(raw)
        return Literal(atom, atom.span)

    def _junction(self, raw: Logic) -> Body:
        kind = And if raw.kind == "and" else Or
        parts: list[Body] = []
        for part in map(self.body, raw.parts):
            parts.extend(part.parts if isinstance(part, kind) else [part])
        return parts[0] if len(parts) == 1 else kind(tuple(parts), self.span(raw.start, raw.end))

    def _comparison(self, raw: Logic) -> Comparison | Aggregate:
        op: str = _SPELLINGS.get(raw.extra) or raw.extra
        left, right = raw.parts
        span = self.span(raw.start, raw.end)
        if isinstance(left, Braces) and not isinstance(right, Braces):
            left, right, op = right, left, _MIRRORED.get(op, op)
        if isinstance(right, Braces):
            template = tuple(map(self.expression, right.template))
            result = self.term(left)
            return Aggregate(right.function, template, self.body(right.body), "=" if op == "is" else op, result, span)
        if op in _OF_NUMBERS:
            left = self.term(left) if op == "is" else self.expression(left)
            return Comparison(op, left, self.expression(right), span)
        return Comparison(op, self.term(left), self.term(right), span)

    # -------------------------------------------------------------------------------------------- formulas

    def formula(self, raw: Raw) -> Formula:
        """The formula of a constraint."""
        match raw:
            case Paren():
                return self.formula(raw.inner)
            case Const(bool(value)):
                return FormulaJunction("and" if value else "or", (), raw.span)
            case Logic(kind="and" | "or" as op):
                parts: list[Formula] = []
                for part in map(self.formula, raw.parts):
                    parts.extend(part.parts if isinstance(part, FormulaJunction) and part.op == op else [part])
                return parts[0] if len(parts) == 1 else FormulaJunction(op, tuple(parts), self.span(raw.start, raw.end))
            case Logic(kind="not"):
                return FormulaNot(self.formula(raw.parts[0]), self.span(raw.start, raw.end))
            case Logic(kind="implies" | "iff" as op):
                kind = Implies if op == "implies" else Iff
                left, right = map(self.formula, raw.parts)
                return kind(left, right, self.span(raw.start, raw.end))
            case Logic(kind="exists" | "forall" as quantifier):
                inner = self.formula(raw.parts[0])
                return Quantified(quantifier, tuple(raw.extra), inner, self.span(raw.start, raw.end))
            case Logic(kind="exists{" | "forall{"):
                self.report("NS139", "braces stand only in bodies", raw.start, raw.end,
                            help="in a constraint write `exists X: …` or `forall X: …`")  # fmt: skip
                return FormulaJunction("and", ())
            case Logic(kind="compare"):
                comparison = self._comparison(raw)
                if isinstance(comparison, Comparison):
                    return comparison
                self.report("NS139", "an aggregate stands only in a body", raw.start, raw.end,
                            help="derive it by a rule, and use its head; `forbid BODY` takes aggregates")  # fmt: skip
                return FormulaJunction("and", ())
        atom = self.atom(raw)
        return Literal(atom, atom.span)


def _is_term(raw: Raw) -> bool:
    return isinstance(raw, Word | Var | Const)


def predicate_name(value: Symbol | Iri) -> str:
    """The predicate that a name stands for."""
    return predicate_of_iri(value.value) if isinstance(value, Iri) else value.name
