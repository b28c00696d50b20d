"""What a fact follows from: as the certificate alone has it, or as rules and facts do.

Both give derivations in the form in which proofs are shown before what the engine introduced is replaced by what it
stands for. Certain facts have no derivations in a certificate, so that only rules and facts tell about steps below
them.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from neurosym.errors import ExplanationError
from neurosym.verify.atoms import split_atom
from neurosym.verify.rules.basis import Basis
from neurosym.verify.rules.claims import as_fact
from neurosym.verify.rules.form import GroundAtom, Key, Part, Pattern
from neurosym.verify.structure import GroundProgram

Fact = Hashable  # a number of the certificate, or a fact of the program


class Absent(NamedTuple):
    """An atom that a negation needs to be absent: as it is shown, and what it is where rules are known.

    `arguments` are those of one that the engine introduced, as they are spelled.
    """

    text: str
    key: Key | None = None
    pattern: Pattern = ()
    arguments: tuple[str, ...] = ()


class Derivation(NamedTuple):
    """One way in which a fact follows; `bindings` are those of the rule's variables, where rules are known."""

    rule: str
    statement: int
    part: str
    body: tuple[Fact, ...]
    negated: tuple[Fact, ...]
    absent: tuple[Absent, ...]
    bindings: Mapping[str, int] | None = None


class Source(Protocol):
    """Facts and what they follow from."""

    def named(self, atom: str) -> Fact | None:
        """The visible fact that an atom spells; None if there is none."""
        ...

    def atom(self, fact: Fact) -> str:
        """How a visible fact is spelled; empty for one that the engine introduced."""
        ...

    def role(self, fact: Fact) -> str:
        """`fact` of a visible one, `choice`, `result` of an aggregate, or `between`: shown by what it rests on."""
        ...

    def described(self, fact: Fact) -> str:
        """What a fact that the engine introduced stands for; of a choice the rule; empty if it reads as its members."""
        ...

    def arguments(self, fact: Fact) -> tuple[str, ...]:
        """The arguments of a fact, as they are spelled."""
        ...

    def result(self, fact: Fact) -> tuple[str, str]:
        """Function and value of an aggregate's result."""
        ...

    def number(self, fact: Fact) -> int | None:
        """The number of a fact in the certificate; None if it is not there."""
        ...

    def derivations(self, fact: Fact) -> Sequence[Derivation] | None:
        """All of them; None where this source cannot know."""
        ...

    def fits(self, fact: Fact, kind: str) -> bool | None:
        """Whether a visible fact may be shown as a node of this kind; None where this source cannot know."""
        ...


class ByCertificate:
    """Facts of a certificate, by their numbers."""

    def __init__(self, certificate: Mapping[str, Any], found: GroundProgram) -> None:
        self.found = found
        self._numbers = {a: n for n, (a, h) in enumerate(zip(found.atoms, found.hidden, strict=True)) if not h}
        self._owner = {f: c for c in found.choices for f in c.outcomes}
        parts = certificate.get("parts")
        self._parts = {str(k): str(v[1]) for k, v in parts.items()} if isinstance(parts, Mapping) else {}
        self._below: dict[int, list[Derivation]] = {}
        for g in found.groundings:
            absent = tuple(self._absent(a) for a in g.absent)
            made = Derivation(g.rule, -1, g.part, g.body, g.negated, absent)
            self._below.setdefault(g.head, []).append(made)

    def _absent(self, atom: str) -> Absent:
        """An absent atom as it is shown; what the engine introduced is told by the name of its predicate."""
        name, arguments = split_atom(atom)
        role = self._parts.get(name)
        if role is None:
            return Absent(atom)
        label = name.strip("'").removeprefix(f"{role} of ").rpartition(" #")[0]
        return Absent(described(role, label), arguments=arguments)

    def named(self, atom: str) -> int | None:
        """The number of an atom."""
        return self._numbers.get(atom)

    def atom(self, fact: Any) -> str:
        """How a fact is spelled."""
        return "" if self.found.hidden[fact] else self.found.atoms[fact]

    def role(self, fact: Any) -> str:
        """What a fact is shown as."""
        hidden = self.found.hidden[fact]
        if not hidden:
            return "fact"
        if fact in self._owner:
            return "choice"
        return "result" if hidden.endswith("over the members") else "between"

    def described(self, fact: Any) -> str:
        """What a hidden fact stands for."""
        if fact in self._owner:
            return self._owner[fact].origin
        return "" if self.found.hidden[fact].endswith("ranges over") else self.found.hidden[fact]

    def arguments(self, fact: Any) -> tuple[str, ...]:
        """The arguments of a fact."""
        return split_atom(self.found.atoms[fact])[1]

    def result(self, fact: Any) -> tuple[str, str]:
        """Function and value of an aggregate."""
        value = split_atom(self.found.atoms[fact])[1][-1:]
        return self.found.hidden[fact].split("`")[1], value[0] if value else ""

    def number(self, fact: Any) -> int:
        """The fact itself."""
        return fact

    def derivations(self, fact: Any) -> Sequence[Derivation] | None:
        """Its groundings; None of a certain fact."""
        return None if self.found.kinds[fact] == "certain" else self._below.get(fact, ())

    def fits(self, fact: Any, kind: str) -> bool | None:
        """Whether a fact may be shown as a kind of node."""
        is_kind, choice = self.found.kinds[fact], self._owner.get(fact)
        if kind == "derived":
            return is_kind in ("derived", "certain")
        if kind == "assumption":
            return any(d.part == "open" for d in self._below.get(fact, ()))
        if kind == "neural":
            return choice is not None and choice.kind == "neural"
        # whether a certain fact is recorded or derived, the certificate does not say
        return (None if is_kind == "certain" else False) if choice is None else choice.kind in ("constant", "learned")


class ByRules:
    """Facts of a program, as pairs of predicate and row."""

    def __init__(self, basis: Basis) -> None:
        self.basis = basis
        self._named = {basis.found.atoms[n]: f for n, f in basis.facts.items() if not basis.found.hidden[n]}
        self._below: dict[GroundAtom, list[Derivation]] = {}

    def named(self, atom: str) -> GroundAtom | None:
        """The fact that an atom is; one that holds in no world is none."""
        if atom not in self._named:
            try:
                fact = as_fact(atom, self.basis.identities.names, self.basis.program)
            except ExplanationError:
                return None
            if self.basis.status(fact) is None:
                return None
            self._named[atom] = fact
        return self._named[atom]

    def atom(self, fact: Any) -> str:
        """How a fact is spelled."""
        return "" if isinstance(fact[0], Part) else self.basis.identities.names.spell(*fact)

    def role(self, fact: Any) -> str:
        """What a fact is shown as."""
        key = fact[0]
        if not isinstance(key, Part):
            return "fact"
        if fact in self.basis.groundings.leaves:
            return "choice"
        counted = self.basis.normal.counted.get(key)
        return "result" if counted is not None and counted[0].result == key else "between"

    def described(self, fact: Any) -> str:
        """What a hidden fact stands for."""
        leaf = self.basis.groundings.leaves.get(fact)
        return leaf.origin if leaf is not None else described(fact[0].role, self._label(fact[0].statement))

    def _label(self, statement: int) -> str:
        return self.basis.identities.label(statement)

    def arguments(self, fact: Any) -> tuple[str, ...]:
        """The arguments of a fact."""
        return tuple(self.basis.identities.names.spell_terms(fact[1]))

    def result(self, fact: Any) -> tuple[str, str]:
        """Function and value of an aggregate."""
        return fact[0].role, self.basis.identities.names.spell_terms(fact[1][-1:])[0]

    def number(self, fact: Any) -> int | None:
        """The number of a fact in the certificate."""
        return self.basis.identities.number(fact)

    def derivations(self, fact: Any) -> Sequence[Derivation]:
        """Its groundings by the rules."""
        known = self._below.get(fact)
        if known is None:
            made = ((g, env) for g, env in self.basis.groundings.each(*fact))
            known = self._below[fact] = [
                Derivation(
                    self._label(g.statement), g.statement, g.part, g.body, g.negated,
                    tuple(self._absent(key, pattern) for key, pattern in g.absent), env,
                ) for g, env in made
            ]  # fmt: skip
        return known

    def _absent(self, key: Key, pattern: Pattern) -> Absent:
        if isinstance(key, Part):
            arguments = tuple(self.basis.identities.names.spell_terms(pattern))
            return Absent(described(key.role, self._label(key.statement)), key, pattern, arguments)
        return Absent(self.basis.identities.names.spell(key, pattern), key, pattern)

    def fits(self, fact: Any, kind: str) -> bool:
        """Whether a fact may be shown as a kind of node."""
        key, row = fact
        if kind == "derived":
            return True  # its step is what tells
        if kind == "assumption":
            return key in self.basis.normal.asked.opened
        leaf = None if self.basis.status(fact) is True else self.basis.leaf(fact)
        if kind == "neural":
            return leaf is not None and leaf.kind == "neural"
        return self.basis.data.certain(key, row) if leaf is None else leaf.kind in ("constant", "learned")


def described(role: str, label: str) -> str:
    """What a part of a rule is called; empty for a member of an aggregate, which reads as what it rests on."""
    if role == "member":
        return ""
    return f"the exception {label} applies" if role == "exception" else f"{role} in the rule"


__all__ = ["Absent", "ByCertificate", "ByRules", "Derivation", "Fact", "Source"]
