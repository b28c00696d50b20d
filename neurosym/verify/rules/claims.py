"""Visible atoms of a certificate as facts of the program, and the statements of queries for more than an atom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from neurosym.errors import RuleError
from neurosym.lang.ast import Atom, Literal, Not, Program, Query
from neurosym.lang.parser import parse_atom, parse_query
from neurosym.lang.questions import MARK, query_of
from neurosym.lang.scanner import RULES
from neurosym.verify.rules.form import GroundAtom, Row
from neurosym.verify.rules.names import Names
from neurosym.verify.rules.values import NoValue
from neurosym.verify.structure import fault


def with_queries(program: Program, labels: Iterable[str]) -> Program:
    """The program with the queries for bodies that rules of a certificate are named after.

    Raises:
        ExplanationError: NS826 a name that no query has.
    """
    known = {q.atom.predicate for q in program.queries}
    new: dict[str, Query] = {}
    for label in labels:
        if label.startswith(MARK) and label not in known and label not in new:
            try:
                query = parse_query(label[len(MARK) :], dialect=RULES)
            except RuleError:
                raise fault("NS826", f"`{label}` is no query", "a grounding is said to be one of it") from None
            if query.body is None or query.atom.predicate != label:
                raise fault("NS826", f"`{label}` is no query for more than an atom")
            new[label] = query
    return replace(program, statements=(*program.statements, *new.values())) if new else program


def asked_body(text: str, program: Program) -> Query | None:
    """The query for a ground body, which nothing derives; None if the text is an atom.

    Raises:
        ExplanationError: NS824 it is neither.
    """
    try:
        query = parse_query(text, program.prefixes, program.dialect)
    except RuleError:
        raise fault("NS824", f"the claim `{text}` cannot be read") from None
    if query.body is None:
        return None
    return query_of(query.body, query.span) if not isinstance(query.body, Literal) else None


def as_fact(text: str, names: Names, program: Program) -> GroundAtom:
    """A visible atom as a fact.

    Raises:
        ExplanationError: NS824 it cannot be read, or is spelled otherwise than the program's answers are.
    """
    try:
        query = parse_query(text, names.prefixes, program.dialect)
        if query.body is not None:
            raise NoValue
        row = tuple(map(names.number, query.atom.args))
        key, args = names.canonical(query.atom.key, row)
        if names.spell(key, args) == text:
            return key, args
        note = f"the program's answers spell it `{names.spell(key, args)}`"
    except (RuleError, NoValue, KeyError):
        note = "it is no atom without variables"
    raise fault("NS824", f"`{text}` cannot be read as a fact of the program", note)


def terms_of(texts: tuple[str, ...], names: Names, program: Program) -> Row:
    """Terms from their spelling.

    Raises:
        ExplanationError: NS824 they cannot be read.
    """
    if not texts:
        return ()
    text = f"x({', '.join(texts)})"
    try:
        query = parse_query(text, names.prefixes, program.dialect)
        if query.body is None:
            return tuple(map(names.number, query.atom.args))
    except (RuleError, NoValue, KeyError):
        pass
    raise fault("NS824", f"the terms `{', '.join(texts)}` cannot be read")


def observed(text: str, holds: bool, names: Names, program: Program) -> tuple[Atom, bool]:
    """An atom given as text, or the negation of one, and whether it was observed; it may have variables.

    Raises:
        RuleError: it is neither.
    """
    body = parse_query(text, names.prefixes, program.dialect).body
    if isinstance(body, Not) and isinstance(body.body, Literal):
        return body.body.atom, not holds
    return parse_atom(text, names.prefixes, program.dialect), holds
