"""Facts that rest on themselves: least models of positive cycles whose inputs are formulas.

A *loop* is a set of ground rules `head ← input, body` that derive one root, where `input` is a formula and `body` are
other facts of the loop. Its facts stay facts, rather than being unrolled into formulas: whenever a choice is decided,
the loop is simplified by its least fixpoints under what is certain and under what is possible, and it becomes a plain
formula as soon as the cycles are broken. What follows only from the root itself cannot help to derive it, and is left
out, so that many ways to decide end in the same residual loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from neurosym.verify.formula import FALSE, TRUE, Formulas
from neurosym.verify.graph import components

Rule = tuple[int, int, tuple[int, ...]]  # head, input, body
ROOT = -1


def least_model(rules: Sequence[Rule]) -> set[int]:
    """Heads that the rules derive when all inputs hold; linear time (Dowling & Gallier 1984)."""
    waiting = [len(body) for _, _, body in rules]
    users: dict[int, list[int]] = {}
    for number, (_, _, body) in enumerate(rules):
        for fact in body:
            users.setdefault(fact, []).append(number)
    agenda = [rule[0] for rule, open_ in zip(rules, waiting, strict=True) if not open_]
    true: set[int] = set()
    while agenda:
        fact = agenda.pop()
        if fact in true:
            continue
        true.add(fact)
        for number in users.get(fact, ()):
            waiting[number] -= 1
            if not waiting[number]:
                agenda.append(rules[number][0])
    return true


class Loops:
    """The store of loops; equal ones are the same number."""

    def __init__(self, formulas: Formulas) -> None:
        self.formulas = formulas
        formulas.loops = self
        self._numbers: dict[tuple[Rule, ...], int] = {}
        self._rules: list[tuple[Rule, ...]] = []
        self._inputs: list[tuple[int, ...]] = []

    def inputs(self, loop: int) -> Sequence[int]:
        """References that a loop rests on."""
        return self._inputs[loop]

    def condition(self, loop: int, assigned: dict[int, int]) -> int:
        """The formula of a loop's root once its inputs were replaced."""
        replace = self.formulas.replace
        rules = self._rules[loop]
        self.formulas.spend(len(rules))
        return self.formula(ROOT, [(head, replace(given, assigned), body) for head, given, body in rules])

    def formula(self, root: int, rules: Sequence[Rule]) -> int:
        """The formula that says when the rules derive a fact."""
        kept = self._merge((ROOT if h == root else h, g, b) for h, g, b in rules if g != FALSE and root not in b)
        certain = least_model([r for r in kept if r[1] == TRUE])
        if ROOT in certain:
            return TRUE
        possible = least_model(kept)
        if ROOT not in possible:
            return FALSE
        kept = [
            (head, given, tuple(f for f in body if f not in certain))
            for head, given, body in kept
            if head not in certain and head not in body and possible.issuperset(body)
        ]
        lifted = _lift(kept)
        possible = least_model(lifted)  # what only the root implied has lost its support
        lifted = [rule for rule in lifted if possible.issuperset(rule[2])]
        return self._store(self._merge(_relevant(lifted)))

    def _store(self, rules: list[Rule]) -> int:
        """A plain formula if no cycle is left, else a loop."""
        by_head: dict[int, list[Rule]] = {ROOT: []}
        for rule in rules:
            by_head.setdefault(rule[0], []).append(rule)
        heads = list(by_head)
        number = {head: k for k, head in enumerate(heads)}
        below = [list({number[f] for rule in by_head[head] for f in rule[2]}) for head in heads]
        order = components(below, [0])
        if any(len(c) > 1 for c in order):
            return self._intern(rules)
        known: dict[int, int] = {}
        for (k,) in order:
            ways = [self.formulas.conjoin([g, *(known[f] for f in b)]) for _, g, b in by_head[heads[k]]]
            known[heads[k]] = self.formulas.disjoin(ways)
        return known[ROOT]

    def _merge(self, rules: Iterable[Rule]) -> list[Rule]:
        """Rules of the same head and body as one, whose input is their disjunction."""
        merged: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        for head, given, body in rules:
            merged.setdefault((head, tuple(sorted(set(body)))), []).append(given)
        return [
            (head, inputs[0] if len(inputs) == 1 else self.formulas.disjoin(inputs), body)
            for (head, body), inputs in merged.items()
        ]

    def _intern(self, rules: list[Rule]) -> int:
        key = tuple(sorted(rules))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._rules)
            self._rules.append(key)
            self._inputs.append(tuple(dict.fromkeys(given for _, given, _ in key)))
        support = 0
        for given in self._inputs[number]:
            support |= self.formulas.support[given >> 1]
        return self.formulas.loop(number, support)


def _lift(rules: list[Rule]) -> list[Rule]:
    """Facts that imply the root become the root: their rules are its rules, and nothing else needs them."""
    implying = {ROOT}
    while True:
        more = {b[0] for h, g, b in rules if h in implying and g == TRUE and len(b) == 1} - implying
        if not more:
            break
        implying |= more
    return [(ROOT if h in implying else h, g, b) for h, g, b in rules if not implying.intersection(b)]


def _relevant(rules: list[Rule]) -> list[Rule]:
    """Rules that the root rests on."""
    by_head: dict[int, list[Rule]] = {}
    for rule in rules:
        by_head.setdefault(rule[0], []).append(rule)
    seen = {ROOT}
    stack = [ROOT]
    found: list[Rule] = []
    while stack:
        for rule in by_head.get(stack.pop(), ()):
            found.append(rule)
            for fact in rule[2]:
                if fact not in seen:
                    seen.add(fact)
                    stack.append(fact)
    return found
