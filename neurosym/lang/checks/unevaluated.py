"""What the language has and this version does not evaluate: an error where a program is run, a warning in `check`."""

from __future__ import annotations

from neurosym.errors import Diagnostic, Span
from neurosym.lang.ast import NeuralDecl, Program

NOTE = "it is parsed and checked only"


def unevaluated(program: Program, severity: str = "error") -> list[Diagnostic]:
    """NS902: the statements that cannot be evaluated yet, each by name."""
    found: list[Diagnostic] = []
    for statement in program.statements:
        if isinstance(statement, NeuralDecl) and statement.top is not None:
            help = "bind its arguments instead"
            found.append(not_yet(program, "NS902", "`top K` of a neural predicate", statement.span, help, severity))
    return found


def not_yet(program: Program, code: str, what: str, span: Span, help: str, severity: str = "error") -> Diagnostic:
    """What is said of a statement that cannot be evaluated yet."""
    lines = program.texts.get(span.file, "").splitlines()
    line = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
    return Diagnostic(code, severity, f"{what} cannot be evaluated yet", span, line, NOTE, help)
