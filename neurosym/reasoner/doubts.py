"""What a reader should know about the data behind answers: tables that nothing reads, and names that nothing has."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from neurosym.errors import Diagnostic, Span
from neurosym.facts import FactBase
from neurosym.facts.headers import Header
from neurosym.grounding import Key
from neurosym.lang.ast import Atom, Const, Evidence, Program, Query
from neurosym.lang.terms import Iri, Symbol, Value, predicate_of_iri, spell, term_key
from neurosym.lang.walk import body_atoms, constants, is_iri_predicate

if TYPE_CHECKING:
    from neurosym.reasoner.answers import Answers
    from neurosym.reasoner.reasoner import Reasoner

_SEARCHED = 20_000  # names among which similar ones are looked for; beyond, only those that differ by their prefix


class Mentioned:
    """What the text of a program mentions; made once for a reasoner.

    Attributes:
        keys: its predicates, those of queries included.
        values: constants, but for those of queries and evidence, which ask about what may not be there.
    """

    def __init__(self, program: Program) -> None:
        self.keys: set[Key] = {*program.declarations, *program.neural, *program.foreign_predicates}
        self.values: set[Value] = set()
        for statement in program.statements:
            for node in _nodes(statement):
                if isinstance(node, Atom):
                    self.keys.add(node.key)
                elif isinstance(node, Const) and not isinstance(statement, Query | Evidence):
                    self.values.add(node.value)
        declared = (*program.declarations.values(), *program.neural.values())
        self.values |= {v for d in declared for a in d.args for v in a.type.values or ()}
        self.values |= {Iri(n[1:-1]) for n, _ in self.keys if is_iri_predicate(n)}


def _nodes(node: object) -> Iterator[object]:
    """All parts of a statement."""
    if isinstance(node, tuple):
        for part in node:
            yield from _nodes(part)
    elif is_dataclass(node) and not isinstance(node, Span):
        yield node
        for field in fields(node):
            yield from _nodes(getattr(node, field.name))


# --------------------------------------------------------------------------------------------------------- tables


def unread_tables(
    facts: FactBase, program: Program, mentioned: Mentioned, asked: Iterable[Atom] = (), networks: Iterable[str] = ()
) -> tuple[Diagnostic, ...]:
    """NS310: a table gives facts that no rule reads and no query asks for.

    Args:
        facts: with the headers of their tables; mentioned: by the program.
        networks: names of predicates that graph networks read.
    """
    keys = mentioned.keys | {a.key for a in asked}
    left = [h for h in facts.headers if h.key not in keys and not is_iri_predicate(h.key[0])]
    names = set(networks)
    return tuple(_unread(header, program, keys) for header in left if header.key[0] not in names)


def _unread(header: Header, program: Program, keys: Collection[Key]) -> Diagnostic:
    name, arity = header.key
    shown = f"`{name}/{arity}`"
    others = sorted(k for n, k in keys if n == name)
    if others:
        declarations = program.declarations
        declared = [k for k in others if (name, k) in declarations]
        verb = "declare" if declared else "use"
        message = f"{header.file} gives {shown}; the rules {verb} "
        message += " and ".join(f"`{name}/{k}`" for k in declared or others)
        note = ""
        if declared:
            names = [a.name for a in declarations[name, declared[0]].args]
            note = f"its columns are {', '.join(header.columns)}; the arguments are {', '.join(names)}"
        return Diagnostic("NS310", "warning", message, note=note, help=_separator(header))
    message = f"{header.file}: facts of {shown} are used by no rule"
    names = sorted({n for n, _ in keys if not is_iri_predicate(n)})
    folded = {n.casefold(): n for n in reversed(names)}
    near = folded.get(name.casefold()) or next(iter(get_close_matches(name.casefold(), folded, 1)), "")
    help = f"did you mean `{folded.get(near, near)}`?" if near else "its name is that of a predicate"
    return Diagnostic("NS310", "warning", message, note="the predicate of a CSV file is its name", help=help)


def _separator(header: Header) -> str:
    """A guess at what stands between cells, if all of the header is one."""
    if header.key[1] == 1 and header.columns:
        mark = next((m for m in ";|\t:" if m in header.columns[0]), "")
        if mark:
            return f"is `{mark}` the separator? Columns are separated by commas, or all by semicolons or by tabs"
    return "give one column for each argument"


# ---------------------------------------------------------------------------------------------------- individuals


@dataclass(frozen=True, slots=True)
class Unheard:
    """An individual that was asked about, and that nothing mentions: most often a slip.

    Attributes:
        name, near: its name, and that of the individual that may be meant, if any; as they are spelled.
        atom: that speaks of it, a query or an observation; observed: which of the two.
    """

    name: str
    near: str
    atom: str
    observed: bool

    def diagnostic(self) -> Diagnostic:
        """As NS619."""
        note = f"it stands in the {'observation' if self.observed else 'query'} `{self.atom}`"
        help = f"did you mean `{self.near}`?" if self.near else "check the spelling, and that its prefix is there"
        return Diagnostic("NS619", "warning", f"no fact or rule mentions `{self.name}`", note=note, help=help)

    def sentence(self) -> str:
        """As a remark for the reader of an explanation."""
        said = f"no fact or rule mentions `{self.name}`"
        return f"{said}; did you mean `{self.near}`?" if self.near else said


def unheard_of(answers: Answers) -> tuple[Unheard, ...]:
    """The individuals in queries and observations that occur nowhere in facts, rules and features.

    One that an answer derives is not missing, and neither is one that an observation of an open predicate names.
    """
    reasoner = answers.reasoner
    if reasoner is None:
        return ()
    there: set[object] | None = None  # made where it is needed: answers may be many
    asked = [(atom, False) for atom in _asked(answers, reasoner)]
    observed = [(atom, True) for atom, _ in answers.observed]
    opened = {term_key(c.value) for a, _ in observed if a.key in reasoner.program.opened for _, c in constants(a)}
    missing: dict[Symbol | Iri, tuple[Atom, bool]] = {}
    for atom, seen in (*asked, *observed):
        for _, constant in constants(atom):
            value = constant.value
            if not isinstance(value, Symbol | Iri) or term_key(value) in opened or value in missing:
                continue
            if _known(value, answers, reasoner):
                continue
            if there is None:
                rows = zip(answers.facts, answers.args, strict=True)
                there = {term_key(v) for f, args in rows if f >= 0 for v in args}
            if term_key(value) not in there:
                missing[value] = atom, seen
    prefixes = _prefixes(reasoner)
    printer = reasoner.program.notation.printer(prefixes)
    return tuple(
        Unheard(spell(v, prefixes), _near(spell(v, prefixes), reasoner, prefixes), printer.atom(a), seen)
        for v, (a, seen) in missing.items()
    )


def _asked(answers: Answers, reasoner: Reasoner) -> Iterator[Atom]:
    """The atoms that were asked for, those of conjunctions among them."""
    joint = reasoner.program.notation.joint
    for atom in answers.query:
        query = joint.get(atom.key)
        if query is None or query.body is None:
            yield atom
        else:
            yield from (a for a, _ in body_atoms(query.body))


def _known(value: Symbol | Iri, answers: Answers, reasoner: Reasoner) -> bool:
    facts = reasoner.facts
    if facts.symbols.find(value) is not None or value in reasoner.mentioned.values:
        return True
    if isinstance(value, Symbol):
        return value.name in answers.inputs or value.name in _described(reasoner)
    if any((predicate_of_iri(value.value), arity) in facts.tables for arity in (1, 2)):
        return True  # a class or a property
    return not {value.value, spell(value, _prefixes(reasoner))}.isdisjoint(_described(reasoner))


def _described(reasoner: Reasoner) -> set[str]:
    """The entities of which features are given."""
    return {name for table in reasoner.features.values() for name in table.ids}


def _prefixes(reasoner: Reasoner) -> dict[str, str]:
    return reasoner.facts.prefixes | reasoner.program.prefixes


def _near(shown: str, reasoner: Reasoner, prefixes: dict[str, str]) -> str:
    """The individual that is most likely meant: the same name with a prefix or without, else a similar one."""
    known = (*reasoner.facts.symbols.all(), *reasoner.mentioned.values)
    names = {spell(v, prefixes) for v in known if isinstance(v, Symbol | Iri)} | _described(reasoner)
    local = _local(shown)
    same = sorted(n for n in names if _local(n) == local)
    if same or len(names) > _SEARCHED:
        return same[0] if same else ""
    near = get_close_matches(shown, sorted(names), 1, 0.7)
    if not near:  # its prefix may be missing, too
        whole = {_local(n): n for n in sorted(names, reverse=True)}
        near = [whole[n] for n in get_close_matches(local, sorted(whole), 1, 0.7)]
    return near[0] if near else ""


def _local(name: str) -> str:
    """A name without its prefix and its capitals: `ada` of `t:ada` and `<http://t.example/ada>`."""
    return re.split(r"[/#:]", name.strip("<>'"))[-1].casefold()


__all__ = ["Mentioned", "Unheard", "unheard_of", "unread_tables"]
