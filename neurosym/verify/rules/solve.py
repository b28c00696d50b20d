"""What a program makes of its facts, asked from the claim down: tables of answers, filled until nothing changes.

A call is a predicate with some arguments given. Its answers are facts that hold in some world (possible), told apart
from those that hold in all (certain). A rule goes on with each answer of the calls that it rests on once, the latest
call first. What a negation or an aggregate asks about is finished before; rules have strata, so it never waits
for the call that asks (Chen and Warren, "Tabled evaluation with delaying for general logic programs", 1996, for the
idea of tables; this is their simplest form).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import product

from neurosym.lang.ast import NeuralDecl, PredicateDecl
from neurosym.lang.builtins import SLOT_TYPES
from neurosym.lang.terms import Symbol, predicate_of_iri
from neurosym.verify.rules.aggregates import Member, comparable, results
from neurosym.verify.rules.data import Data
from neurosym.verify.rules.form import Counted, Head, Key, Part, Pattern, Row, TooLarge
from neurosym.verify.rules.join import Join, Place, Solution, members_of
from neurosym.verify.rules.normal import NormalForm

Call = tuple[Key, Pattern]


@dataclass(slots=True)
class _Table:
    """Answers of a call.

    Attributes:
        answers: row → whether it is certain; `log`: the same in the order in which it was found, a row again when it
            turns out to be certain; `users`: calls that go on with them.
        waiting: the places of this call's own rules that go on with the answers of others.
    """

    number: int
    answers: dict[Row, bool] = field(default_factory=dict)
    log: list[tuple[Row, bool]] = field(default_factory=list)
    users: set[Call] = field(default_factory=set)
    waiting: list[_Waiting] = field(default_factory=list)
    begun: bool = False
    done: bool = False

    def add(self, row: Row, certain: bool) -> None:
        """Take note of an answer."""
        known = self.answers.get(row)
        if known is None or (certain and not known):
            self.answers[row] = certain
            self.log.append((row, certain))


@dataclass(slots=True)
class _Waiting:
    """A place that goes on with each answer of a table, those up to `seen` excepted."""

    head: Head
    place: Place
    table: _Table
    seen: int = 0


class Solver:
    """Facts that a program derives, over its data."""

    def __init__(
        self, normal: NormalForm, data: Data, join: Join, inputs: Sequence[str], closed_networks: bool,
        max_results: int, open_world: bool = True,
    ) -> None:  # fmt: skip
        """Nothing derived yet.

        Args:
            inputs: names of the sample's inputs, over which free arguments of networks range.
            closed_networks: no network was asked; open_world: whether absent atoms of open predicates may hold.
            max_results: of one aggregate.
        """
        self.normal, self.data, self.join = normal, data, join
        self.slots = [normal.terms.number(Symbol(name)) for name in inputs]
        self.closed_networks, self.open_world, self.max_results = closed_networks, open_world, max_results
        self.closed = self
        if open_world and normal.asked.opened:
            self.closed = Solver(normal, data, join, inputs, closed_networks, max_results, open_world=False)
        self._tables: dict[Call, _Table] = {}
        self._changed: set[Call] = set()  # calls that rest on answers which they have not seen
        self._current: Call | None = None
        self._head: Head | None = None
        self._asked_now: list[Call] = []
        self._members: dict[tuple[Part, Row], list[Member]] = {}

    # ------------------------------------------------------------------------------------------------ questions

    def status(self, key: Key, row: Row) -> bool | None:
        """Whether a fact is certain; None if it holds in no world."""
        return dict(self.finished(key, row)).get(row)

    def finished(self, key: Key, pattern: Pattern) -> list[tuple[Row, bool]]:
        """All facts that match a pattern.

        Raises:
            TooLarge: a limit was reached.
        """
        if isinstance(key, Part) and key in self.normal.counted:
            counted, _ = self.normal.counted[key]
            width = len(counted.group)
            found = self.results(counted, _given(pattern[:width])) if key == counted.result else ()
            rows = [((*_given(pattern[:width]), number), certain) for number, certain in found]
            return [(row, c) for row, c in rows if pattern[width] in (None, row[width])]
        if self._given_only(key):
            return self.data.matching(key, pattern)
        table = self._tables.get((key, pattern))
        if table is None or not table.done:
            table = self._complete((key, pattern))
        return list(table.answers.items())

    def waits(self, key: Key, pattern: Pattern, place: Place) -> bool:
        """Whether a literal of the call that is evaluated has to wait for answers."""
        if self._given_only(key) or self._current is None:
            return False
        call = (key, pattern)
        table = self._tables.get(call)
        if table is None:
            table = self._tables[call] = _Table(len(self._tables))
        if table.done:
            return False
        assert self._head is not None
        table.users.add(self._current)
        self._tables[self._current].waiting.append(_Waiting(self._head, place, table))
        self._asked_now.append(call)
        return True

    def results(self, counted: Counted, group: Row) -> list[tuple[int, bool]]:
        """Possible results of an aggregate."""
        found = results(counted.function, self.members(counted, group), self.max_results)
        merged: dict[Row, bool] = {}
        for value, certain in found:
            _add(merged, (self.normal.terms.number(value),), certain)
        return [(row[0], certain) for row, certain in merged.items()]

    def members(self, counted: Counted, group: Row) -> list[Member]:
        """Members of an aggregate.

        Raises:
            TooLarge: they have no order, and the aggregate needs one.
        """
        key = (counted.members, group)
        if key not in self._members:
            self._members[key] = members_of(self, counted, group, self.normal.terms)
            if counted.function in ("min", "max") and not comparable(self._members[key]):
                raise TooLarge("an aggregate over values that cannot be compared")
        return self._members[key]

    def _given_only(self, key: Key) -> bool:
        """Whether a predicate has no facts but those that were given."""
        asked = self.normal.asked
        return key not in self.normal.rules and key not in asked.neural and key not in asked.opened

    # -------------------------------------------------------------------------------------------------- tables

    def _complete(self, call: Call) -> _Table:
        """Evaluate a call and all that it rests on, until nothing changes."""
        if call not in self._tables:
            self._tables[call] = _Table(len(self._tables))
        outer = self._current, self._head, self._asked_now
        reached, heap, waiting = {call}, [(-self._tables[call].number, call)], {call}
        try:
            while heap:
                _, now = heappop(heap)
                waiting.discard(now)
                self._changed.discard(now)
                table = self._tables[now]
                if table.done:  # finished for a negation meanwhile
                    continue
                self._current, self._asked_now = now, []
                grew = self._evaluate(now, table)
                again = [c for c in self._asked_now if c not in reached]
                if grew:
                    self._changed |= table.users
                again += self._changed & reached
                for one in again:
                    if one not in waiting:
                        reached.add(one)
                        waiting.add(one)
                        heappush(heap, (-self._tables[one].number, one))
        finally:
            self._current, self._head, self._asked_now = outer
        for one in reached:
            self._tables[one].done = True
            self._tables[one].waiting.clear()
        return self._tables[call]

    def _evaluate(self, call: Call, table: _Table) -> bool:
        """Begin with a call, or go on with what others have found for it; whether it has new answers."""
        before = len(table.log)
        if not table.begun:
            table.begun = True
            self._begin(call, table)
        moved = True
        while moved:
            moved = False
            for one in table.waiting:  # grows on the way
                while one.seen < len(one.table.log):
                    row, certain = one.table.log[one.seen]
                    one.seen += 1
                    moved = True
                    self._conclude(table, one.head, self.join.go_on(one.place, row, certain, self))
        return len(table.log) > before

    def _begin(self, call: Call, table: _Table) -> None:
        key, pattern = call
        for row, certain in self.data.matching(key, pattern):
            table.add(row, certain)
        for rule, head in self.normal.rules.get(key, ()):
            self._conclude(table, head, self.join.of(rule, head, pattern, self))
        if key in self.normal.asked.neural:
            for row in self._of_network(key, self.normal.asked.neural[key], pattern):
                table.add(row, False)
        if self.open_world and key in self.normal.asked.opened:
            for row in self._unknown(key, self.normal.asked.opened[key], pattern):
                table.add(row, False)

    def _conclude(self, table: _Table, head: Head, solutions: Iterator[Solution]) -> None:
        self._head = head
        for found in solutions:
            row = tuple(found.env[a] if isinstance(a, str) else a for a in head.args)
            table.add(row, found.certain and head.outcome is None)  # pyright: ignore[reportArgumentType] - no wildcards

    # ------------------------------------------------------------------------------- networks and open predicates

    def _of_network(self, key: Key, declaration: NeuralDecl, pattern: Pattern) -> Iterator[Row]:
        """Facts that a network decides; inputs whose facts were given are not asked."""
        if self.closed_networks:
            return
        inputs = declaration.args if declaration.values is None else declaration.args[:-1]
        width = len(inputs)
        options = []
        for number, argument in zip(pattern, inputs, strict=False):
            if number is None and argument.type.kind not in SLOT_TYPES:
                raise TooLarge(f"a network that is asked about everything, `{declaration.name}`")
            options.append(self.slots if number is None else [number])
        values = [()] if declaration.values is None else [(self.normal.terms.number(v),) for v in declaration.values]
        for row in product(*options):
            if self.data.matching(key, (*row, *(None,) * (len(pattern) - width))):
                continue
            yield from ((*row, *v) for v in values if not v or pattern[-1] in (None, v[0]))

    def _unknown(self, key: Key, declaration: PredicateDecl, pattern: Pattern) -> Iterator[Row]:
        """Unknown atoms: what is asked about and neither given nor derived in the closed world."""
        options = [self._domain(declaration, k) if number is None else [number] for k, number in enumerate(pattern)]
        for row in product(*options):
            self.join.spend()
            if self.is_unknown(key, row):
                yield row

    def is_unknown(self, key: Key, row: Row) -> bool:
        """Whether an atom of an open predicate is unknown; one with a value outside its declared type cannot hold."""
        declaration = self.normal.asked.opened[key]
        for k, argument in enumerate(declaration.args):
            if argument.type.kind in ("enum", "bool") and row[k] not in self._domain(declaration, k):
                return False
        return self.closed.status(key, row) is None

    def _domain(self, declaration: PredicateDecl, position: int) -> list[int]:
        """The values of an argument's declared type; of a class its known members."""
        declared = declaration.args[position].type
        number = self.normal.terms.number
        if declared.kind == "class":
            assert declared.iri is not None
            key, pattern = self.normal.names.canonical((predicate_of_iri(declared.iri), 1), (None,))
            return sorted(row[0] for row, _ in self.closed.finished(key, pattern))
        if declared.kind == "bool":
            return [number(True), number(False)]
        if declared.kind != "enum":
            raise TooLarge(f"an open predicate that is asked about everything, `{declaration.name}`")
        return [number(v) for v in declared.values]


def _given(pattern: Pattern) -> Row:
    if any(n is None for n in pattern):
        raise TooLarge("an aggregate that is asked about everything")
    return tuple(n for n in pattern if n is not None)


def _add(answers: dict[Row, bool], row: Row, certain: bool) -> None:
    answers[row] = answers.get(row, False) or certain
