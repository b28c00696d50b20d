"""What all checks share: who defines and who uses which predicate, and where faults go."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from neurosym.errors import Diagnostic, Span
from neurosym.lang.ast import (
    TRUE,
    Argument,
    Atom,
    Constraint,
    Evidence,
    Program,
    Query,
    Rule,
    Statement,
    Test,
)
from neurosym.lang.builtins import TRIPLE
from neurosym.lang.walk import Key, body_atoms, built_in, head_atoms, is_iri_predicate


class Context:
    """One program under check.

    Attributes:
        facts: predicates whose facts come from elsewhere; None where nobody said.
        broken: words of statements that could not be read: no fault is made of what they may have defined.
        incomplete: an include is missing, so that nothing is known to be undefined.
    """

    def __init__(
        self,
        program: Program,
        facts: Iterable[Key] | None = None,
        broken: Iterable[str] = (),
        incomplete: bool = False,
    ) -> None:
        self.program = program
        self.facts = None if facts is None else frozenset(facts)
        self.broken = frozenset(broken)
        self.incomplete = incomplete
        self.found: list[Diagnostic] = []
        self._lines: dict[str, list[str]] = {}

    # ------------------------------------------------------------------------------------------- reporting

    def error(self, code: str, message: str, span: Span, note: str = "", help: str = "") -> None:
        """Record an error."""
        self.found.append(Diagnostic(code, "error", message, span, self._line(span), note, help))

    def warn(self, code: str, message: str, span: Span, note: str = "", help: str = "") -> None:
        """Record a warning."""
        self.found.append(Diagnostic(code, "warning", message, span, self._line(span), note, help))

    def _line(self, span: Span) -> str:
        lines = self._lines.get(span.file)
        if lines is None:
            lines = self._lines[span.file] = self.program.texts.get(span.file, "").split("\n")
        return lines[span.line - 1].rstrip("\r") if span.line <= len(lines) else ""

    def word_span(self, statement: Statement, pattern: str) -> Span:
        """The place of the first group of a pattern in a statement's text, else of the whole statement."""
        text = self.program.text_of(statement)
        found = re.search(pattern, text)
        if not found:
            return statement.span
        before = text[: found.start(1)]
        line = statement.span.line + before.count("\n")
        start = statement.span.column if "\n" not in before else 1
        column = start + len(before) - (before.rfind("\n") + 1)
        return Span(statement.span.file, line, column, line, column + len(found.group(1)))

    # ------------------------------------------------------------------------------------------ predicates

    @cached_property
    def given(self) -> tuple[Rule, ...]:
        """The facts that tests bring along."""
        return tuple(fact for test in self.program.tests for fact in test.given)

    @cached_property
    def named_rules(self) -> dict[str, Rule]:
        """Rules by name; the first of each name."""
        named: dict[str, Rule] = {}
        for rule in self.program.plain_facts.others:
            if rule.name is not None:
                named.setdefault(rule.name, rule)
        return named

    @cached_property
    def signatures(self) -> dict[Key, tuple[Argument, ...]]:
        """Declared argument types by predicate, `pred` and `neural`."""
        made = {key: declaration.args for key, declaration in self.program.declarations.items()}
        return made | {key: declaration.args for key, declaration in self.program.neural.items()}

    @cached_property
    def heads(self) -> set[Key]:
        """Predicates that a rule or fact concludes."""
        others = (*self.program.plain_facts.others, *self.given)
        return {atom.key for rule in others for atom in head_atoms(rule)} | self.program.plain_facts.keys

    @cached_property
    def built_in(self) -> dict[Key, frozenset[int]]:
        """Predicates with a meaning of their own, built in or foreign → the positions that they bind."""
        return built_in(self.program)

    @cached_property
    def defined(self) -> set[Key]:
        """Predicates that something defines or declares."""
        known = self.heads | set(self.signatures) | set(self.built_in) | {TRIPLE}
        return known | (self.facts or frozenset())

    @cached_property
    def arities(self) -> dict[str, set[int]]:
        """Name → arities under which it is defined."""
        made: dict[str, set[int]] = {}
        for name, arity in self.defined:
            made.setdefault(name, set()).add(arity)
        return made

    @cached_property
    def uses(self) -> tuple[Atom, ...]:
        """Every atom that asks for a predicate, rather than concludes it."""
        return tuple(self._uses())

    def _uses(self) -> Iterator[Atom]:
        for statement in self.program.statements:
            match statement:
                case Rule() if statement.body is TRUE:
                    pass
                case Rule():
                    for atom, _ in body_atoms(statement.body):
                        yield atom
                case Constraint():
                    for formula in (statement.formula, statement.forbids):
                        if formula is not None:
                            for atom, _ in body_atoms(formula):
                                yield atom
                case Query(_, body) if body is not None:
                    for atom, _ in body_atoms(body):
                        yield atom
                case Evidence(atom) | Query(atom):
                    yield atom
                case Test():
                    for expectation in statement.expectations:
                        yield expectation.atom

    def rules_with(self, keys: Collection[Key]) -> Iterator[Rule]:
        """The rules and the given facts, but of the plain facts only those of some predicates."""
        plain = self.program.plain_facts
        if plain.keys.isdisjoint(keys):
            yield from plain.others
        else:
            for rule, key in zip(self.program.rules, plain.predicates, strict=True):
                if key is None or key in keys:
                    yield rule
        yield from self.given

    def atoms_with(self, keys: Collection[Key]) -> Iterator[Atom]:
        """Every atom of the program, but of the plain facts only those of some predicates."""
        for rule in self.rules_with(keys):
            yield from head_atoms(rule)
        yield from self.uses

    def may_be_unknown(self, name: str) -> bool:
        """Whether a missing definition of the name is no fault: RDF data, or a statement that could not be read."""
        return self.incomplete or is_iri_predicate(name) or name in self.broken
