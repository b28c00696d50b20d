"""Whether the rules themselves say that one goes against another."""

from __future__ import annotations

from neurosym.lang.ast import Program
from neurosym.lang.walk import body_atoms, head_atoms

Key = tuple[str, int]


class Intended:
    """Tells whether a rule is an exception, or the first one says `not` of what the second one leads to.

    To lower what others raise, directly or further down, is what an exception is for. A conflict that no rule says is
    one between rules that a third one settles, or that nobody has thought of.
    """

    def __init__(self, program: Program) -> None:
        self._rules = program.rules
        self._heads_of: dict[Key, set[Key]] = {}  # predicate → those that rules conclude from it
        for rule in self._rules:
            heads = {a.key for a in head_atoms(rule)}
            for atom, _ in body_atoms(rule.body):
                self._heads_of.setdefault(atom.key, set()).update(heads)
        self._led_to: dict[int, set[Key]] = {}

    def __call__(self, up: int, down: int) -> bool:
        """Whether it is intended that one statement raises what the other lowers."""
        first, second = self._rules[up], self._rules[down]
        if first.exception_to is not None or second.exception_to is not None:
            return True
        negated = {atom.key for atom, kind in body_atoms(first.body) if kind}
        return not negated.isdisjoint(self._bears_on(down))

    def _bears_on(self, statement: int) -> set[Key]:
        """The predicates that what a rule concludes bears on, through any rules."""
        if statement not in self._led_to:
            found = {a.key for a in head_atoms(self._rules[statement])}
            todo = list(found)
            while todo:
                new = self._heads_of.get(todo.pop(), set()) - found
                found |= new
                todo += new
            self._led_to[statement] = found
        return self._led_to[statement]
