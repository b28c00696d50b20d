"""The heads of the ground rules that rest on a fact: the way up, where groundings are the way down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neurosym.verify.rules.form import Counted, FlatRule, GroundAtom, Key, Negative, Part, Positive
from neurosym.verify.rules.formulas import matched
from neurosym.verify.rules.join import Join, Source
from neurosym.verify.rules.normal import NormalForm

Args = Sequence[int | str | None]


class Uses:
    """What rests on facts, by the rules' bodies."""

    def __init__(self, normal: NormalForm, join: Join, source: Source) -> None:
        self.normal, self.join, self.source = normal, join, source
        self._places: dict[Key, list[tuple[FlatRule, Args]]] = {}
        self._members = {c.members: c for c, _ in normal.counted.values()}
        for rule in {id(r): r for rules in normal.rules.values() for r, _ in rules}.values():
            for literal in rule.body:
                if isinstance(literal, Positive | Negative):
                    self._places.setdefault(literal.key, []).append((rule, literal.args))
                elif isinstance(literal, Counted):
                    args = (*literal.group, literal.variable)
                    self._places.setdefault(literal.result, []).append((rule, args))

    def of(self, fact: GroundAtom) -> Iterator[tuple[GroundAtom, int]]:
        """Facts that rest on a fact, and the statement by which.

        Raises:
            TooLarge: they are too many.
        """
        key, row = fact
        for rule, args in self._places.get(key, ()):
            env = matched(args, row, {})
            if env is None:
                continue
            for found in self.join.all_of(rule.body, env, self.source):
                for head in rule.heads:
                    values = tuple(found.env[a] if isinstance(a, str) else a for a in head.args)
                    yield (head.key, values), rule.statement  # pyright: ignore[reportReturnType] - no wildcards
        counted = self._members.get(key) if isinstance(key, Part) else None
        if counted is not None:
            group = row[: len(counted.group)]
            for number, _ in self.source.results(counted, group):
                yield (counted.result, (*group, number)), key.statement  # pyright: ignore[reportAttributeAccessIssue]
