# ruff: noqa: D102 - one method for each production of the grammar, which says what it reads
"""The actions of the grammar's expressions and conditions: what each production makes of its children."""

from __future__ import annotations

import datetime
import re
from typing import Any

from neurosym.lang.ast import Const, Var
from neurosym.lang.build import Builder, predicate_name
from neurosym.lang.raw import Binary, Braces, Call, Listing, Logic, Paren, Raw, Word
from neurosym.lang.terms import Iri, Symbol, literal_value

_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}


def unquote(text: str) -> str:
    r"""The text between quotation marks, escapes resolved. An unknown escape stays, so that `"\d+"` is a regex."""

    def resolve(found: re.Match[str]) -> str:
        escape = found.group(1)
        if escape[0] in "uU" and len(escape) > 1:
            code = int(escape[1:], 16)
            return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else found.group()
        return _ESCAPES.get(escape, found.group())

    inner = text[1:-1]
    if text[0] == "'":
        inner = re.sub(r"''", "'", inner)
    return _ESCAPE.sub(resolve, inner) if "\\" in inner else inner


def _operator(op: str) -> Any:
    def action(self: Expressions, children: list[Raw], start: int, end: int) -> Binary:
        return Binary(op, children[0], children[1], start, end)

    return action


def _logic(kind: str) -> Any:
    def action(self: Expressions, children: list[Raw], start: int, end: int) -> Logic:
        return Logic(kind, children, start, end)

    return action


class Expressions(Builder):
    """Methods named after the grammar's productions; each gets the kept children and the offsets of its text."""

    anonymous = 0
    taken: frozenset[str] = frozenset()

    def one(self, c: list, s: int, e: int) -> list:
        return [c[0]]

    def more(self, c: list, s: int, e: int) -> list:
        c[0].append(c[1])
        return c[0]

    def none(self, c: list, s: int, e: int) -> list:
        return []

    # ---------------------------------------------------------------------------------------------- primary

    def variable(self, c: list, s: int, e: int) -> Var:
        return self.make_variable(c[0])

    def make_variable(self, token: tuple) -> Var:
        """The variable of a token; each `_` gets a name of its own."""
        name = token[1]
        span = self.span(token[2], token[3])
        if name in ("_", "?_"):
            self.anonymous += 1
            while f"_{self.anonymous}" in self.taken:
                self.anonymous += 1
            return Var(f"_{self.anonymous}", "_", span)
        return Var(name[1:], "?", span) if name[0] == "?" else Var(name, "", span)

    def number(self, c: list, s: int, e: int) -> Const:
        text = c[0][1]
        if text[:2] in ("0x", "0X"):
            return Const(int(text, 16), self.span(s, e))
        if "." not in text and "e" not in text and "E" not in text:
            value = int(text) if len(text) < 400 else 10**400
            return Const(value, self.span(s, e))
        if abs(real := float(text)) == float("inf"):
            self.report("NS112", f"{text} is too large for a float", s, e)
        return Const(real, self.span(s, e))

    def date(self, c: list, s: int, e: int) -> Const:
        try:
            return Const(datetime.date.fromisoformat(c[0][1]), self.span(s, e))
        except ValueError as error:
            self.report("NS112", f"`{c[0][1]}` is no date: {error}", s, e, help="dates are year-month-day")
            return Const(datetime.date.min)

    def string(self, c: list, s: int, e: int) -> Const:
        return Const(unquote(c[0][1]), self.span(s, e))

    def lang_string(self, c: list, s: int, e: int) -> Const:
        text, lang = c[0][1].rsplit("@", 1)
        return Const(literal_value(unquote(text), lang=lang), self.span(s, e))

    def typed_literal(self, c: list, s: int, e: int) -> Const:
        datatype = self.resolve(c[1])
        try:
            return Const(literal_value(unquote(c[0][1]), datatype), self.span(s, e))
        except ValueError as error:
            python_says = str(error).startswith(("invalid literal", "could not convert", "Invalid isoformat"))
            self.report("NS112", f"{c[0][1]} is no {c[1][1]}", s, e, note="" if python_says else str(error))
            return Const("")

    def truth(self, c: list, s: int, e: int) -> Const:
        return Const(c[0][0] == "TRUE", self.span(s, e))

    def cut(self, c: list, s: int, e: int) -> Logic:
        return Logic("cut", [], s, e)

    def resolve(self, token: tuple) -> str:
        """The IRI of a token, written in full or with a prefix."""
        if token[0] == "IRI":
            return token[1][1:-1]
        prefix, local = token[1].split(":", 1)
        if prefix not in self.prefixes:
            self.unknown_prefix(prefix, token)
        return self.prefixes.get(prefix, "urn:unknown:") + local

    def unknown_prefix(self, prefix: str, token: tuple) -> None:
        """Report a prefix that nothing declares."""
        from difflib import get_close_matches

        near = get_close_matches(prefix, self.prefixes, 1)
        hint = f"did you mean `{near[0]}:`?" if near else f"declare it: `@prefix {prefix}: <http://…> .`"
        self.report("NS114", f"unknown prefix `{prefix}:`", token[2], token[2] + len(prefix) + 1, help=hint)

    # ------------------------------------------------------------------------------------------------ names

    def plain_name(self, c: list, s: int, e: int) -> Word:
        return Word(Symbol(c[0][1]), s, e)

    def quoted_name(self, c: list, s: int, e: int) -> Word:
        return Word(Symbol(unquote(c[0][1])), s, e)

    def prefixed_name(self, c: list, s: int, e: int) -> Word:
        return Word(Iri(self.resolve(c[0])), s, e)

    iri = prefixed_name

    def call(self, c: list, s: int, e: int) -> Call:
        return Call(predicate_name(c[0].value), c[1], s, e, c[0].end)

    def empty_call(self, c: list, s: int, e: int) -> Word:
        self.report("NS101", "parentheses with nothing in them", c[0].end, e,
                    help=f"an atom without arguments is written `{self.text(c[0])}`")  # fmt: skip
        return c[0]

    def variable_call(self, c: list, s: int, e: int) -> Call:
        return Call(c[0][1], c[1], s, e, c[0][3], capital=True)

    def parenthesis(self, c: list, s: int, e: int) -> Paren:
        return Paren(c[0], s, e)

    def empty_list(self, c: list, s: int, e: int) -> Listing:
        return Listing([], s, e)

    def list(self, c: list, s: int, e: int) -> Listing:
        return Listing(c[0], s, e)

    def list_tail(self, c: list, s: int, e: int) -> Listing:
        return Listing(c[0], s, e, tail=c[1])

    def range(self, c: list, s: int, e: int) -> Listing:
        return Listing([self.number([token], token[2], token[3]) for token in c], s, e, range=True)

    def aggregate(self, c: list, s: int, e: int) -> Braces:
        return Braces(c[0][1], c[1], c[2], s, e)

    # ----------------------------------------------------------------------------------- operators, logic

    binary_add, binary_sub, binary_mul, binary_div = map(_operator, "+-*/")
    binary_floordiv, binary_mod, binary_pow = map(_operator, ("//", "mod", "**"))

    def negative(self, c: list, s: int, e: int) -> Binary:
        return Binary("neg", None, c[0], s, e)

    def positive(self, c: list, s: int, e: int) -> Raw:
        return c[0]

    implies, iff = _logic("implies"), _logic("iff")
    exists_braces, forall_braces = _logic("exists{"), _logic("forall{")

    def negation(self, c: list, s: int, e: int) -> Logic:
        return Logic("not", [c[-1]], s, e)

    negated_arg = negation

    def comparison(self, c: list, s: int, e: int) -> Logic:
        return Logic("compare", [c[0], c[2]], s, e, c[1][1])

    def junction(self, c: list, s: int, e: int) -> Logic:
        left = c[0]
        if isinstance(left, Logic) and left.kind == "and":  # built left to right, so the list can grow in place
            left.parts.append(c[1])
            left.end = e
            return left
        return Logic("and", c, s, e)

    def disjunction(self, c: list, s: int, e: int) -> Logic:
        left = c[0]
        if isinstance(left, Logic) and left.kind == "or":
            left.parts.append(c[1])
            left.end = e
        else:
            left = Logic("or", c, s, e)
        mixed = [part for part in left.parts if isinstance(part, Logic) and part.kind == "and"]
        if mixed and not left.extra:
            left.extra = "warned"
            self.report("NS124", "`and` is mixed with `or` without parentheses", mixed[0].start, mixed[0].end,
                        severity="warning", note="`and` binds tighter than `or`",
                        help=f"write `({self.text(mixed[0])})` if that is meant")  # fmt: skip
        return left

    def exists_formula(self, c: list, s: int, e: int) -> Logic:
        return Logic("exists", [c[1]], s, e, [self.make_variable(token) for token in c[0]])

    def forall_formula(self, c: list, s: int, e: int) -> Logic:
        return Logic("forall", [c[1]], s, e, [self.make_variable(token) for token in c[0]])
