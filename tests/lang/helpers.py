"""Shorthands of the tests of lang."""

from typing import Any

from neurosym.errors import RuleError
from neurosym.lang import Program, Rule, parse_text
from neurosym.lang.parser import parse_source


def read(text: str, dialect: str = "rules") -> list[Any]:
    """The statements of a text that has to be readable; unchecked."""
    parsed = parse_source(text, "<test>", dialect, None)
    assert not [d.render() for d in parsed.diagnostics if d.severity == "error"]
    return parsed.statements


def rule(text: str, dialect: str = "rules") -> Any:
    """The one rule of a text."""
    (statement,) = read(text, dialect)
    assert isinstance(statement, Rule)
    return statement


def codes(text: str, dialect: str = "rules", facts: object = None) -> list[str]:
    """The codes of all faults, errors and warnings, in reading order."""
    try:
        return [d.code for d in parse_text(text, dialect=dialect, facts_predicates=facts).warnings]  # type: ignore[arg-type]
    except RuleError as error:
        return [d.code for d in error.diagnostics]


def program(text: str, dialect: str = "rules") -> Program:
    """The program of a text without errors."""
    return parse_text(text, dialect=dialect)
