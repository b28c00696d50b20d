"""Predicates and names: undefined, of another arity, declared twice, never fired, never used."""

from __future__ import annotations

import re

from neurosym.errors import Diagnostic, Span, did_you_mean
from neurosym.lang.ast import And, Atom, Body, Evidence, Literal, NeuralDecl, Or, PredicateDecl, Rule
from neurosym.lang.builtins import FUNCTIONS, PREDICATES, TRIPLE
from neurosym.lang.checks.context import Context
from neurosym.lang.checks.safety import spelled
from neurosym.lang.foreign import PLACE
from neurosym.lang.prolog import BUILT_INS
from neurosym.lang.scanner import PL
from neurosym.lang.stratify import predicate_key
from neurosym.lang.terms import predicate_of_iri, spell_predicate
from neurosym.lang.walk import (
    NO_CALCULATION,
    Key,
    atom_variables,
    body_variables,
    calculates_with,
    head_atoms,
    is_iri_predicate,
)

FEW = 5  # warnings of one kind that a reader looks at one by one


def check_definitions(context: Context) -> None:
    """Run all checks of this module."""
    undefined(context)
    arities(context)
    foreign(context)
    declarations(context)
    rule_names(context)
    exceptions(context)
    never_fires(context)
    never_used(context)
    evidence(context)
    calculations(context)


def undefined(context: Context) -> None:
    """NS201, NS205: predicates that are used, and that nothing defines, or only with another arity."""
    missing: dict[Key, list[Atom]] = {}
    for atom in context.uses:
        if atom.key not in context.defined and not context.may_be_unknown(atom.predicate):
            missing.setdefault(atom.key, []).append(atom)
    candidates = [name for name, _ in context.defined if not is_iri_predicate(name)] if missing else []
    for (name, arity), atoms in missing.items():
        prolog = name in BUILT_INS and (name not in FUNCTIONS or context.program.dialect == PL)
        if prolog and name not in context.arities:
            context.error("NS146", f"`{name}/{arity}` is built into Prolog, and not in the language",
                          _name_span(atoms[0]), help=BUILT_INS[name])  # fmt: skip
            continue
        if name in context.arities:
            for atom in atoms:
                _other_arity(context, atom, context.arities[name])
            continue
        others = sorted({atom.span.line for atom in atoms[1:]} - {atoms[0].span.line})
        also = f"; it is also used in line {', '.join(map(str, others[:5]))}" if others else ""
        context.error(
            "NS201",
            f"no rule, fact or declaration defines `{spell_predicate(name)}/{arity}`",
            _name_span(atoms[0]),
            note=("it is a function" if name in FUNCTIONS else "predicates whose facts come with the data are declared")
            + also,
            help=_function_help(atoms[0])
            or did_you_mean(name, candidates, 0.7)
            or f"declare it: `pred {name}{_example(arity)} .`; or, if a Python function answers it, register that: "
            f'`foreign=[Foreign("{name}{_modes(arity)}", function)]`',
        )


def _function_help(atom: Atom) -> str:
    """How the value of a function is had, which Prolog would write as a last argument: `length(X, N)`."""
    if atom.predicate not in FUNCTIONS:
        return ""
    args = ", ".join("…" for _ in range(FUNCTIONS[atom.predicate]))
    return f"write `Z = {atom.predicate}({args})`"


def _example(arity: int) -> str:
    return f"({', '.join(f'arg{i + 1}: any' for i in range(arity))})" if arity else ""


def _modes(arity: int) -> str:
    return f"({', '.join([f'+A{i + 1}' for i in range(arity - 1)] + ['-Z'])})" if arity > 1 else "(+A)" * arity


def _name_span(atom: Atom) -> Span:
    span = atom.span
    if span.line != span.end_line or not atom.args:
        return span
    width = min(len(spell_predicate(atom.predicate)), span.end_column - span.column)
    return Span(span.file, span.line, span.column, span.line, span.column + width)


def _other_arity(context: Context, atom: Atom, arities: set[int]) -> None:
    known = " and ".join(f"`{atom.predicate}/{n}`" for n in sorted(arities))
    others = " or ".join(map(str, sorted(arities)))
    given = len(atom.args)
    context.error(
        "NS205",
        f"`{atom.predicate}` has {given} argument{'s' * (given != 1)} here, and elsewhere {others}",
        atom.span,
        note=f"there is {known}",
    )


def arities(context: Context) -> None:
    """NS205, NS228, NS229: heads that disagree with a declaration; built-ins as heads; RDF predicates."""
    declared: dict[str, set[int]] = {}
    for name, arity in context.signatures:
        declared.setdefault(name, set()).add(arity)
    heads = context.program.plain_facts.keys
    wrong = {key for key in heads if key in context.built_in or key[1] not in declared.get(key[0], {key[1]})}
    for rule in context.rules_with(wrong):
        for atom in head_atoms(rule):
            if atom.key in context.built_in:
                why = "is built in" if atom.key in PREDICATES else "is answered by a Python function"
                context.error("NS228", f"`{atom.predicate}/{len(atom.args)}` {why}", atom.span,
                              help="give the predicate another name")  # fmt: skip
            elif atom.predicate in declared and len(atom.args) not in declared[atom.predicate]:
                _other_arity(context, atom, declared[atom.predicate])
    for atom in context.atoms_with(()):
        if is_iri_predicate(atom.predicate) and len(atom.args) not in (1, 2) and atom.key not in context.signatures:
            name = spell_predicate(atom.predicate, context.program.prefixes)
            context.error("NS229", f"the RDF predicate `{name}` has {len(atom.args)} arguments", atom.span,
                          note="one argument is a class, two are a property",
                          help=f"give `{name}` a name of its own, or use `triple(S, P, O)`")  # fmt: skip


def foreign(context: Context) -> None:
    """NS232: functions for predicates that have another meaning."""
    for key, one in context.program.foreign_predicates.items():
        declared = context.program.declarations.get(key)
        why = ""
        if key in PREDICATES or key == TRIPLE:
            why = "it is built in"
        elif key in context.program.neural:
            why = f"it is neural, see line {context.program.neural[key].span.line}"
        elif declared is not None and (declared.iri is not None or declared.open):
            why = f"its facts come with the data, see line {declared.span.line}"
        if why:
            place = Span(PLACE, 1, 1, 1, len(one.declaration) + 1)
            fault = Diagnostic("NS232", "error", f"no function can answer `{key[0]}/{key[1]}`: {why}", place,
                               one.declaration, help="give the predicate another name")  # fmt: skip
            context.found.append(fault)


def declarations(context: Context) -> None:
    """NS224: two declarations of one predicate. NS230: a label that names no argument."""
    seen: dict[tuple[type, Key], int] = {}
    for statement in context.program.statements:
        if not isinstance(statement, PredicateDecl | NeuralDecl):
            continue
        key = (type(statement), (statement.name, len(statement.args)))
        if key in seen:
            context.error("NS224", f"`{statement.name}/{len(statement.args)}` is declared twice",
                          context.word_span(statement, r"(?s)^(\S+)"), note=f"first in line {seen[key]}")  # fmt: skip
        seen.setdefault(key, statement.span.line)
        names = {argument.name for argument in statement.args}
        for word in re.findall(r"\{(\w+)\}", statement.label or ""):
            if word not in names:
                context.warn("NS230", f"the label speaks of `{{{word}}}`, which is no argument",
                             context.word_span(statement, rf"(\{{{word}\}})"),
                             help=did_you_mean(word, names))  # fmt: skip


def rule_names(context: Context) -> None:
    """NS212: two rules of one name. NS230: a reason that names no variable."""
    seen: dict[str, Rule] = {}
    for rule in context.program.plain_facts.others:
        if rule.name is not None:
            if rule.name in seen:
                first = seen[rule.name].span
                context.error("NS212", f"a second rule named `{rule.name}`",
                              context.word_span(rule, r"^rule\s+('(?:[^'\\]|\\.)*'|\w+)"),
                              note=f"the first is {first.file}:{first.line}",
                              help="give it a name of its own")  # fmt: skip
            seen.setdefault(rule.name, rule)


def exceptions(context: Context) -> None:
    """NS213, NS214: exceptions to unknown rules, and those that share no variable with the rule's head."""
    for rule in context.program.plain_facts.others:
        if rule.exception_to is None:
            continue
        place = context.word_span(rule, r"\bexception\s+to\s+('(?:[^'\\]|\\.)*'|\w+)")
        target = context.named_rules.get(rule.exception_to)
        if target is None:
            if rule.exception_to not in context.broken and not context.incomplete:
                context.error("NS213", f"there is no rule `{rule.exception_to}`", place,
                              help=did_you_mean(rule.exception_to, context.named_rules))  # fmt: skip
            continue
        names = {v.name: spelled(v) for atom in head_atoms(target) for v in atom_variables(atom) if not v.anonymous}
        own = {v.name for v in body_variables(rule.body) if not v.anonymous}
        if names and not own & set(names):
            listed = ", ".join(f"`{n}`" for n in names.values())
            context.error("NS214", f"the exception shares no variable with the head of `{rule.exception_to}`", place,
                          note="variables that are spelled as in the named rule's head are the same",
                          help=f"use one of {listed}")  # fmt: skip


def never_fires(context: Context) -> None:
    """NS217: rules whose body cannot hold, because a predicate in it has neither facts nor rules that fire."""
    known = set(context.facts or ()) | set(context.built_in) | {TRIPLE} | set(context.program.neural)
    if context.facts is None:
        known |= set(context.program.declarations)  # its facts may come with the data
    known |= set(context.program.opened)
    known |= {a.key for fact in context.given for a in head_atoms(fact)}
    # `pred p(…) from IRI`: the facts come under the IRI
    renamed = {k: (predicate_of_iri(d.iri), k[1]) for k, d in context.program.declarations.items() if d.iri is not None}
    known |= {key for key, stored in renamed.items() if stored in known}
    known |= context.program.plain_facts.keys
    waiting = list(context.program.plain_facts.others)
    while True:
        left = []
        for rule in waiting:
            if _can_hold(context, rule.body, known):
                known.update(key for a in head_atoms(rule) for key in (a.key, predicate_key(a)))
            else:
                left.append(rule)
        if len(left) == len(waiting):
            break
        waiting = left
    for rule in waiting:
        missing = _missing(context, rule.body, known)
        if missing is None or missing.key in context.defined:
            why = f"nothing can make `{missing.predicate}` true" if missing else "its body is false"
            with_these = " with these facts" if context.facts is not None else ""
            never = f"this exception never applies{with_these}" if rule.exception_to else "this rule can never fire"
            context.warn("NS217", never, missing.span if missing else rule.span, note=why)


def _can_hold(context: Context, body: Body, known: set[Key]) -> bool:
    match body:
        case Literal(atom):
            return atom.key in known or context.may_be_unknown(atom.predicate)
        case And(parts):
            return all(_can_hold(context, part, known) for part in parts)
        case Or(parts):
            return any(_can_hold(context, part, known) for part in parts)
    return True


def _missing(context: Context, body: Body, known: set[Key]) -> Atom | None:
    match body:
        case Literal(atom) if not _can_hold(context, body, known):
            return atom
        case And(parts) | Or(parts):
            return next((m for part in parts if (m := _missing(context, part, known))), None)
    return None


def never_used(context: Context) -> None:
    """NS218: predicates that rules derive and nothing reads; only where the program says what it asks.

    Each has a warning of its own up to a few; of a library of rules most are unused, and one warning lists them.
    """
    if not context.program.queries or context.broken:
        return
    used = {predicate_key(atom) for atom in context.uses} | {atom.key for atom in context.uses}
    used |= {query.atom.key for query in context.program.queries}
    unused: dict[Key, Atom] = {}
    for rule in context.program.plain_facts.others:
        for atom in head_atoms(rule):
            if not (rule.is_fact or atom.key in used or is_iri_predicate(atom.predicate) or atom.key == TRIPLE):
                unused.setdefault(atom.key, atom)
    if len(unused) <= FEW:
        for name, arity in unused:
            context.warn("NS218", f"`{name}/{arity}` is derived but never used",
                         _name_span(unused[name, arity]), help="query it, or remove the rule")  # fmt: skip
        return
    places = [f"`{name}/{arity}` ({_name_span(atom)})" for (name, arity), atom in unused.items()]
    context.warn("NS218", f"{len(unused)} predicates are derived but never used",
                 _name_span(next(iter(unused.values()))), note=", ".join(places),
                 help="query them, or remove their rules")  # fmt: skip


def evidence(context: Context) -> None:
    """NS220, NS231: evidence that contradicts itself or has variables in it."""
    seen: dict[object, Evidence] = {}
    for statement in context.program.evidence:
        atom = statement.atom
        if next(atom_variables(atom), None) is not None:
            if context.program.dialect == PL:
                continue  # ProbLog's: all that it matches is observed
            context.error("NS231", "evidence speaks of one ground atom, without variables", atom.span)
            continue
        first = seen.setdefault(repr(atom), statement)
        if first.positive != statement.positive:
            context.error("NS220", "evidence that contradicts itself", statement.span,
                          note=f"line {first.span.line} says the opposite")  # fmt: skip


def calculations(context: Context) -> None:
    """NS234: queries and expectations that calculate with a variable."""
    asked = [("a query", query.atom) for query in context.program.queries]
    asked += [("an expectation", e.atom) for test in context.program.tests for e in test.expectations]
    for what, atom in asked:
        term = calculates_with(atom)
        if term is not None:
            context.error("NS234", f"{what} cannot calculate with a variable", term.span, help=NO_CALCULATION)
