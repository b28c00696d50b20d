"""Rule text → checked, stratified Program.

The rule language is described in docs/reference/language.md; the codes of its faults in docs/reference/errors.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from neurosym.errors import RuleError
from neurosym.lang.ast import (
    NOWHERE,
    TRUE,
    Aggregate,
    Alternative,
    And,
    Argument,
    Arithmetic,
    Atom,
    Body,
    Comparison,
    Const,
    Constraint,
    Evidence,
    Exists,
    Expectation,
    ForallIn,
    Formula,
    FormulaJunction,
    FormulaNot,
    Iff,
    Implies,
    Include,
    Literal,
    NeuralDecl,
    Not,
    Or,
    PredicateDecl,
    Prefix,
    Program,
    Quantified,
    Query,
    Rule,
    Statement,
    Term,
    Test,
    TypeRef,
    Var,
    Weight,
)
from neurosym.lang.checker import check, check_parsed
from neurosym.lang.foreign import Foreign, ForeignFunction
from neurosym.lang.formatter import format_text
from neurosym.lang.parser import parse_atom, parse_paths, parse_query, parse_source
from neurosym.lang.printer import to_text
from neurosym.lang.stratify import dependency_graph, stratify
from neurosym.lang.terms import (
    STANDARD_PREFIXES,
    Iri,
    LangString,
    Symbol,
    TypedLiteral,
    Value,
    predicate_of_iri,
    spell,
    spell_predicate,
    term_key,
)

Predicates = Iterable[tuple[str, int]]


def parse_text(
    text: str,
    file: str = "<text>",
    dialect: str = "rules",
    base_dir: str | Path | None = None,
    facts_predicates: Predicates | None = None,
    foreign: Iterable[Foreign] = (),
) -> Program:
    """Parse and check a program given as text.

    Args:
        text: rules in the language of docs/reference/language.md.
        file: the name that diagnostics give the text.
        dialect: `rules`, or `pl` for ProbLog's syntax.
        base_dir: the folder that includes are read from; without it they are faults.
        facts_predicates: (name, arity) of predicates whose facts come from elsewhere: CSV, RDF.
        foreign: predicates that Python functions answer.

    Raises:
        RuleError: with every diagnostic of the run, if one of them is an error.
    """
    return check_parsed(
        parse_source(text, file, dialect, None if base_dir is None else Path(base_dir)), facts_predicates, foreign
    )


def parse_files(
    paths: Iterable[str | Path], facts_predicates: Predicates | None = None, foreign: Iterable[Foreign] = ()
) -> Program:
    """Parse and check the program that the files make together; `.pl` files are read as ProbLog.

    Includes are read from the including file's folder only.

    Raises:
        RuleError: with every diagnostic of the run, if one of them is an error.
    """
    return check_parsed(parse_paths(paths), facts_predicates, foreign)


__all__ = [
    "parse_text",
    "parse_files",
    "parse_atom",
    "parse_query",
    "check",
    "format_text",
    "to_text",
    "stratify",
    "dependency_graph",
    "RuleError",
    # the syntax tree
    "Program",
    "Statement",
    "Rule",
    "Alternative",
    "Weight",
    "PredicateDecl",
    "NeuralDecl",
    "Argument",
    "TypeRef",
    "Constraint",
    "Evidence",
    "Query",
    "Test",
    "Expectation",
    "Prefix",
    "Include",
    "Body",
    "Literal",
    "Comparison",
    "Aggregate",
    "Exists",
    "ForallIn",
    "Not",
    "And",
    "Or",
    "TRUE",
    "Formula",
    "Implies",
    "Iff",
    "Quantified",
    "FormulaNot",
    "FormulaJunction",
    "Atom",
    "Term",
    "Var",
    "Const",
    "Arithmetic",
    "NOWHERE",
    # foreign predicates
    "Foreign",
    "ForeignFunction",
    # terms
    "Value",
    "Symbol",
    "Iri",
    "LangString",
    "TypedLiteral",
    "STANDARD_PREFIXES",
    "predicate_of_iri",
    "spell",
    "spell_predicate",
    "term_key",
]
