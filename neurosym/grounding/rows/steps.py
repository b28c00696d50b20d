"""A planned body as functions over lists of bindings.

A binding is a tuple that grows: the rule's constants, then for each literal what it adds. A positive literal adds its
entry, so that its fact and its arguments have fixed places; a negated one adds the facts under negation and the number
of the absent atom; an assignment adds a term. All bindings of a firing pass one literal before the next, as they do in
columns, so that facts, terms and absent atoms are numbered in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np

from neurosym.facts import SymbolTable
from neurosym.grounding.bindings import Joiner
from neurosym.grounding.core import Builtin, Compare, CoreAtom, CoreRule, Key, Negated, Scan
from neurosym.grounding.graph import CERTAIN
from neurosym.grounding.plan import Step
from neurosym.grounding.rows import actions
from neurosym.grounding.rows.actions import Action, Binding
from neurosym.grounding.rows.mirrors import MOST, Mirror, Terms, TooManyError, picker
from neurosym.grounding.rows.values import ByColumns, integer, tester
from neurosym.lang.ast import Var


@dataclass
class Body:
    """A compiled body.

    Attributes:
        start: the binding before any literal: the constants.
        actions: one for each step, with the atom that it joins with, if any.
        slots: variable → place in a binding; `facts`: position of a positive literal → place of its fact.
        negated: places of facts under negation, each followed by the absent atom's number.
    """

    start: Binding
    actions: list[tuple[Action, CoreAtom | None]] = field(default_factory=list)
    slots: dict[str, int] = field(default_factory=dict)
    facts: dict[int, int] = field(default_factory=dict)
    negated: list[int] = field(default_factory=list)
    width: int = 0


class Compiler:
    """Compiles the bodies of one component.

    Args:
        status: gives the status of facts, (F,).
    """

    def __init__(self, joiner: Joiner, mirror: Callable[[Key], Mirror], status: Callable[[], Any]) -> None:
        self._joiner, self._mirror, self._status = joiner, mirror, status
        self._symbols: SymbolTable = joiner.symbols
        self._builder = joiner.builder

    @staticmethod
    def can(rule: CoreRule) -> bool:
        """Whether all literals of a rule can be evaluated row by row, whatever their predicates are."""
        for literal in rule.body:
            if isinstance(literal, Builtin):
                if literal.name == "between" and isinstance(literal.args[2], Var) and not literal.negated:
                    return False  # may make any number of bindings
            elif not isinstance(literal, Scan | Negated | Compare):
                return False
        return True

    def body(self, rule: CoreRule, steps: Sequence[Step], first: int, older: frozenset[int]) -> Body:
        """A body in the order of its steps.

        Args:
            first: position of the literal that ranges over what the last round found; it is the first step.
            older: positions of literals that range over what was known before.
        """
        atoms = [x.atom for x in rule.body if isinstance(x, Scan | Negated)] + [head for head, _ in rule.heads]
        constants = list(dict.fromkeys(a for atom in atoms for a in atom.args if isinstance(a, int)))
        places = {constant: k for k, constant in enumerate(constants)}
        body = Body(tuple(constants), width=len(constants))
        for step in steps:
            match step.literal:
                case Scan(atom, record):
                    action = self._scan(body, atom, places, step.position == first, step.position in older)
                    if record:
                        body.facts[step.position] = body.width + 1
                    for k, arg in enumerate(atom.args):
                        if isinstance(arg, str):
                            body.slots.setdefault(arg, body.width + 2 + k)
                    body.width += 2 + len(atom.args)
                    body.actions.append((action, atom))
                case Negated(atom):
                    body.actions.append((self._negate(body, atom, places), atom))
                case Compare() | Builtin() as literal:
                    body.actions.append((self._test(body, literal), None))
                case _:
                    raise AssertionError(step.literal)
        return body

    # ------------------------------------------------------------------------------------------------- scans

    def _scan(self, body: Body, atom: CoreAtom, constants: Mapping[int, int], delta: bool, older: bool) -> Action:
        mirror = self._mirror(atom.key)
        columns, slots, equal = _bound(atom, body.slots, constants)
        if delta:
            return actions.scan_delta(mirror, columns, [body.start[s] for s in slots], equal)
        if len(columns) == len(atom.args):
            return actions.find_row(mirror, picker(slots), older)
        if not columns:
            return actions.scan_all(mirror, equal, older)
        return actions.probe_index(mirror, columns, itemgetter(*slots), equal, older)

    # ---------------------------------------------------------------------------------------- negated literals

    def _negate(self, body: Body, atom: CoreAtom, constants: Mapping[int, int]) -> Action:
        """Drop bindings for which a certain fact matches; possible ones become edges, none at all an absent atom."""
        mirror = self._mirror(atom.key)
        columns, slots, _ = _bound(atom, body.slots, constants)
        keeps, possible, status = self._joiner.keeps(atom), mirror.relation.possible, self._status
        excluding = self._builder.excluding
        if len(columns) == len(atom.args):
            pick, known = picker(slots), mirror.known

            def matches(binding: Binding) -> Sequence[Any]:
                entry = known[pick(binding)]
                return () if entry is None else (entry,)

        elif columns:
            key, index = itemgetter(*slots), mirror.index(columns)

            def matches(binding: Binding) -> Sequence[Any]:
                found = index[key(binding)]
                if len(found) > MOST:
                    raise TooManyError
                return found

        else:

            def matches(binding: Binding) -> Sequence[Any]:
                if mirror.size > MOST:
                    raise TooManyError
                return mirror.between(0, mirror.size)

        def negate(table: list[Binding]) -> list[Binding]:
            statuses = status()
            rest: list[tuple[Binding, Terms]] = []
            for binding in table:
                found = matches(binding)
                if not found:
                    rest.append((binding, ()))
                elif possible:
                    facts = [e[1] for e in found]
                    if not any(statuses[f] == CERTAIN for f in facts):
                        rest.append((binding, tuple(facts)))
            if len(rest) < len(table):
                excluding.add(atom.key)
            return numbered(rest) if keeps else [binding for binding, _ in rest]

        numbered = self._absences(atom, columns, slots)
        if keeps:
            body.negated.append(body.width)
            body.width += 2
        return negate

    def _absences(
        self, atom: CoreAtom, columns: tuple[int, ...], slots: Sequence[int]
    ) -> Callable[[list[tuple[Binding, Terms]]], list[Binding]]:
        """Extends bindings by their facts under negation, and the number of the absent atom where there are none."""
        pick, key, builder = picker(slots), atom.key, self._builder
        known: dict[Terms, int] = {}

        def numbered(rest: list[tuple[Binding, Terms]]) -> list[Binding]:
            picked = [None if facts else pick(binding) for binding, facts in rest]
            new = list(dict.fromkeys(p for p in picked if p is not None and p not in known))
            if new:
                rows = np.full((len(new), key[1]), -1, np.int32)
                rows[:, list(columns)] = np.array(new, np.int32).reshape(len(new), len(columns))
                known.update(zip(new, builder.absent_ids(key, rows).tolist(), strict=True))
            return [
                (*binding, facts, -1 if p is None else known[p])
                for (binding, facts), p in zip(rest, picked, strict=True)
            ]

        return numbered

    # ------------------------------------------------------------------------------------------- comparisons

    def _test(self, body: Body, literal: Compare | Builtin) -> Action:
        if isinstance(literal, Builtin):
            return actions.solve(ByColumns(literal, dict(body.slots), None, self._joiner))
        for target, value in ((literal.left, literal.right), (literal.right, literal.left)):
            if isinstance(target, Var) and target.name not in body.slots:
                slots = dict(body.slots)
                other = ByColumns(literal, slots, target.name, self._joiner)
                fast = None if isinstance(value, Var) else integer(value, slots, self._symbols)
                body.slots[target.name] = body.width
                body.width += 1
                return actions.solve(other) if fast is None else actions.assign(fast, other, self._symbols)
        other = ByColumns(literal, dict(body.slots), None, self._joiner)
        fast = tester(literal, body.slots, self._symbols)
        return actions.solve(other) if fast is None else actions.keep(fast, other)


def _bound(
    atom: CoreAtom, slots: Mapping[str, int], constants: Mapping[int, int]
) -> tuple[tuple[int, ...], list[int], list[tuple[int, int]]]:
    """Columns of bound arguments, where their values stand in a binding, and places of an entry that must be equal."""
    columns: list[int] = []
    places: list[int] = []
    equal: list[tuple[int, int]] = []
    first: dict[str, int] = {}
    for k, arg in enumerate(atom.args):
        if isinstance(arg, int) or (isinstance(arg, str) and arg in slots):
            columns.append(k)
            places.append(constants[arg] if isinstance(arg, int) else slots[arg])
        elif isinstance(arg, str) and first.setdefault(arg, k) != k:
            equal.append((2 + first[arg], 2 + k))
    return tuple(columns), places, equal
