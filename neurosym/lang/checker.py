"""Runs every check and puts the faults in reading order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from neurosym.errors import Diagnostic, RuleError
from neurosym.lang.ast import Program
from neurosym.lang.checks.context import Context
from neurosym.lang.checks.cycles import negative_cycles
from neurosym.lang.checks.definitions import check_definitions
from neurosym.lang.checks.safety import check_safety
from neurosym.lang.checks.types import check_types
from neurosym.lang.checks.weights import check_singletons, check_weights
from neurosym.lang.foreign import Foreign
from neurosym.lang.parser import Parsed, program_of
from neurosym.lang.walk import Key

_INCLUDE_FAULTS = frozenset({"NS130", "NS131", "NS132"})


def check(program: Program, facts_predicates: Iterable[Key] | None = None) -> list[Diagnostic]:
    """Every fault of a program that could be read, in reading order; an empty list where there is none.

    Args:
        facts_predicates: (name, arity) of predicates whose facts come from elsewhere (CSV, RDF).
            Where it is given, a declared predicate that is not among them and has no facts is known to be empty.
    """
    return _ordered(program, _run(Context(program, facts_predicates)))


def check_parsed(
    parsed: Parsed, facts_predicates: Iterable[Key] | None = None, foreign: Iterable[Foreign] = ()
) -> Program:
    """The checked program.

    Raises:
        RuleError: with all faults of reading and checking, if one of them is an error.
    """
    facts = None if facts_predicates is None else frozenset(facts_predicates)
    program = replace(program_of(parsed), foreign=tuple(foreign), facts_predicates=facts)
    incomplete = any(d.code in _INCLUDE_FAULTS for d in parsed.diagnostics)
    context = Context(program, facts, parsed.broken_names, incomplete)
    return _with_warnings(program, _ordered(program, [*parsed.diagnostics, *_run(context)]))


def recheck(program: Program) -> Program:
    """A program that was checked before it was given more foreign predicates, checked again.

    Raises:
        RuleError: with all faults, if one of them is an error.
    """
    # what the parser said stays; what the checker said may be another thing now
    parsing = [d for d in program.warnings if d.code.startswith("NS1")]
    return _with_warnings(program, _ordered(program, [*parsing, *_run(Context(program, program.facts_predicates))]))


def _with_warnings(program: Program, found: list[Diagnostic]) -> Program:
    if any(d.severity == "error" for d in found):
        raise RuleError(found)
    # Most often nothing is said, and what the checks have worked out about this program serves whoever gets it.
    return program if program.warnings == tuple(found) else replace(program, warnings=tuple(found))


def _run(context: Context) -> list[Diagnostic]:
    check_definitions(context)
    check_safety(context)
    check_weights(context)
    check_types(context)
    check_singletons(context)
    context.found.extend(negative_cycles(context.program))
    return context.found


def _ordered(program: Program, found: list[Diagnostic]) -> list[Diagnostic]:
    files = {file: i for i, file in enumerate(program.texts)}

    def place(fault: Diagnostic) -> tuple[int, int, int]:
        span = fault.span
        return (files.get(span.file, -1), span.line, span.column) if span else (-1, 0, 0)

    return sorted(dict.fromkeys(found), key=place)
