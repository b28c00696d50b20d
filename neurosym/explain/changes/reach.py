"""What a claim can depend on, read off the rules alone: which atoms, and which values could stand in them.

Nothing is grounded for it. It says too much rather than too little: what it leaves out cannot matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from neurosym.explain.changes.logic import atoms_of_constraints
from neurosym.explain.changes.setting import Setting
from neurosym.grounding.core import AggregateStep, Compare, CoreAtom, CoreRule, Key, Negated, Scan
from neurosym.lang.ast import Const, Var
from neurosym.lang.terms import predicate_of_iri

Place = tuple[Key, int]  # an argument of a predicate
Pattern = tuple[int | None, ...]
MOST_PATTERNS = 64  # of one predicate, beyond which all its atoms are taken to matter


def atoms_of(rule: CoreRule) -> Iterator[CoreAtom]:
    """The atoms of a rule's body; an aggregate gives its members."""
    for literal in rule.body:
        if isinstance(literal, Scan | Negated):
            yield literal.atom
        elif isinstance(literal, AggregateStep):
            rest = (None,) * (literal.members[1] - len(literal.group))
            yield CoreAtom(literal.members, (*literal.group, *rest))


def reachable(rules: Iterable[CoreRule], roots: Iterable[CoreAtom]) -> dict[Key, set[Pattern]]:
    """Patterns of all atoms that the roots can depend on; None stands for any term."""
    of: dict[Key, list[tuple[CoreAtom, CoreRule]]] = {}
    for rule in rules:
        for head, _ in rule.heads:
            of.setdefault(head.key, []).append((head, rule))
    found: dict[Key, set[Pattern]] = {}
    todo: list[tuple[Key, Pattern]] = []

    def meet(atom: CoreAtom, values: dict[str, int]) -> None:
        pattern = tuple(values.get(a) if isinstance(a, str) else a for a in atom.args)
        known = found.setdefault(atom.key, set())
        anything = (None,) * len(pattern)
        if anything in known or pattern in known:
            return
        if len(known) >= MOST_PATTERNS:
            pattern = anything
            known.clear()
        known.add(pattern)
        todo.append((atom.key, pattern))

    for root in roots:
        meet(root, {})
    while todo:
        key, pattern = todo.pop()
        for head, rule in of.get(key, ()):
            values = unified(head, pattern)
            if values is not None:
                for atom in atoms_of(rule):
                    meet(atom, values)
    return found


def unified(head: CoreAtom, pattern: Pattern) -> dict[str, int] | None:
    """What a head's variables are where it is an atom of a pattern; None where it cannot be."""
    values: dict[str, int] = {}
    for arg, given in zip(head.args, pattern, strict=True):
        if given is None or arg is None:
            continue
        if isinstance(arg, int):
            if arg != given:
                return None
        elif values.setdefault(arg, given) != given:
            return None
    return values


class Domains:
    """The values that may stand at an argument: those of all arguments that rules join with it."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._parent: dict[Place, Place] = {}
        self._constants: dict[Place, set[int]] = {}
        self._values: dict[Place, list[int]] = {}
        for rule in setting.core.rules:
            self._join(rule)
        if setting.answers.logic is not None:
            for atoms in atoms_of_constraints(setting):
                at: dict[str, Place] = {}
                for atom in atoms:
                    self._mention(atom, at)
        self._declared()
        asked = setting.pattern(setting.atom)
        self._mention(asked, {})

    def values(self, place: Place) -> list[int]:
        """Term ids, ascending."""
        root = self._root(place)
        if root not in self._values:
            found = set().union(*(v for p, v in self._constants.items() if self._root(p) == root))
            for other in {*self._parent, place}:
                if self._root(other) == root:
                    found |= self._recorded(other)
            self._values[root] = sorted(found)
        return self._values[root]

    def of_variable(self, rule: CoreRule, name: str) -> list[int]:
        """The values that a variable of a rule may have, by where it stands in the body."""
        for atom in atoms_of(rule):
            if name in atom.args:
                return self.values((atom.key, atom.args.index(name)))
        return []

    def same(self, one: Place, other: Place) -> bool:
        """Whether values of one argument get to the other."""
        return self._root(one) == self._root(other)

    # ------------------------------------------------------------------------------------------------ building

    def _join(self, rule: CoreRule) -> None:
        at: dict[str, Place] = {}
        for atom in (*(a for a, _ in rule.heads), *atoms_of(rule)):
            self._mention(atom, at)
        for literal in rule.body:
            if isinstance(literal, Compare) and literal.op in ("=", "==", "is", "=:=") and not literal.negated:
                for one, other in ((literal.left, literal.right), (literal.right, literal.left)):
                    if isinstance(one, Var) and one.name in at:
                        if isinstance(other, Var) and other.name in at:
                            self._unite(at[one.name], at[other.name])
                        elif isinstance(other, Const):
                            ids = self._constants.setdefault(at[one.name], set())
                            ids.add(self.setting.normal.symbols.intern(other.value))

    def _mention(self, atom: CoreAtom, at: dict[str, Place]) -> None:
        for k, arg in enumerate(atom.args):
            place = (atom.key, k)
            self._parent.setdefault(place, place)
            if isinstance(arg, int):
                self._constants.setdefault(place, set()).add(arg)
            elif isinstance(arg, str):
                self._unite(at.setdefault(arg, place), place)

    def _declared(self) -> None:
        """What declarations say: the values of an enumeration, the members of a class."""
        setting = self.setting
        for key, declaration in setting.program.declarations.items():
            core = setting.core.canonical(CoreAtom(key, tuple(f"{k}" for k in range(key[1]))), setting.normal.symbols)
            for k, argument in enumerate(declaration.args):
                if f"{k}" not in core.args:
                    continue
                place = (core.key, core.args.index(f"{k}"))
                self._parent.setdefault(place, place)
                if argument.type.values:
                    ids = setting.normal.symbols.intern_many(argument.type.values)
                    self._constants.setdefault(place, set()).update(ids.tolist())
                if argument.type.iri is not None:
                    members = setting.core.canonical(
                        CoreAtom((predicate_of_iri(argument.type.iri), 1), ("0",)), setting.normal.symbols
                    )
                    other = (members.key, members.args.index("0"))
                    self._parent.setdefault(other, other)
                    if members.key[1] == 1:  # as a triple, its subject would stand for those of all classes
                        self._unite(place, other)

    def _recorded(self, place: Place) -> set[int]:
        """The terms that recorded facts have at an argument."""
        key, column = place
        found = {args[column] for (other, args) in self.setting.text_facts if other == key}
        for stored, template in stored_as(self.setting, key):
            rows = self.setting.base.tables[stored].rows
            arg = template.args[column]
            if isinstance(arg, int):
                found.add(arg)
            elif len(rows):
                assert isinstance(arg, str)
                found |= set(np.unique(rows[:, int(arg)]).tolist())
        return found

    def _root(self, place: Place) -> Place:
        while self._parent.setdefault(place, place) != place:
            self._parent[place] = self._parent[self._parent[place]]
            place = self._parent[place]
        return place

    def _unite(self, one: Place, other: Place) -> None:
        self._parent[self._root(one)] = self._root(other)


def stored_as(setting: Setting, key: Key) -> list[tuple[Key, CoreAtom]]:
    """The tables of the fact base whose rows are facts of a predicate, with how: the names are columns of the table."""
    if not setting.tables:
        for stored in setting.base.tables:
            template = CoreAtom(stored, tuple(str(k) for k in range(stored[1])))
            core = setting.core.canonical(template, setting.normal.symbols)
            setting.tables.setdefault(core.key, []).append((stored, core))
    return setting.tables.get(key, [])
