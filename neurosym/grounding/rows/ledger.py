"""What firings row by row conclude: numbered at once, written to the builder's columns a few thousand at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import numpy as np

from neurosym.facts import Ids
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.core import Key
from neurosym.grounding.graph import CERTAIN, ChoiceGroup
from neurosym.grounding.groundings import Block, Columns
from neurosym.grounding.rows.mirrors import Mirror, Terms

ENOUGH = 8192  # groundings; then they are written
_Grounding = tuple[int, int, Terms, Terms, Terms]  # rule, head, positive body, facts under negation, absent atoms
_Kind = tuple[int, bool, bool]  # outcomes, rest, whether they are learned
_Choice = tuple[Terms, int, "tuple[float, ...] | int"]  # leaves, statement, probabilities or parameter


class Ledger:
    """Facts, groundings and choices on their way to a builder.

    Facts have their ids and statuses in the builder at once; their rows wait in the mirrors.
    """

    def __init__(self, builder: GraphBuilder, mirrors: Callable[[], Iterable[Mirror]]) -> None:
        """Of a builder.

        Args:
            mirrors: gives those whose rows are written with the rest.
        """
        self._builder, self._mirrors = builder, mirrors
        self._groundings: list[_Grounding] = []
        self._unsettled: dict[int, tuple[list[int], list[Terms]]] = {}  # by the number of body facts
        self._choices: list[_Choice] = []
        self._kind: _Kind = (0, False, False)
        self._array = builder.status_store
        self._status = self._array.data

    def status(self) -> memoryview:
        """(F,) statuses, to be read and written one by one, which is dear in arrays."""
        if self._array is not self._builder.status_store:
            self._array = self._builder.status_store
            self._status = self._array.data
        return self._status

    @property
    def full(self) -> bool:
        """Whether it is time to write."""
        return len(self._groundings) >= ENOUGH

    def add_facts(
        self, key: Key, mirror: Mirror, rows: Sequence[Terms], sure: bool | list[bool], rank: int
    ) -> list[int]:
        """Fact ids of rows; known facts keep theirs, and become certain if they are here."""
        if isinstance(sure, list) and all(sure):
            sure = True
        first = following = self._builder.num_facts
        row, known, facts = mirror.size, mirror.known, []
        known.prepare(rows)
        for args in rows:
            entry = known[args]
            if entry is None:
                entry = mirror.append(args, following)
                following += 1
            facts.append(entry[1])
        if following > first:
            self._builder.number_facts(key, following - first, row, sure is True, rank)
        relation = mirror.relation
        if sure is True:
            if relation.possible:
                status = self.status()
                for fact in facts:
                    status[fact] = CERTAIN
            return facts
        relation.possible |= following > first
        if sure is not False:
            status = self.status()
            for fact, certain in zip(facts, sure, strict=True):
                if certain:
                    status[fact] = CERTAIN
        return facts

    def ask(self, key: Key, mirror: Mirror, rows: Sequence[Terms]) -> None:
        """Rows of a question, which are no facts."""
        mirror.known.prepare(rows)
        for args in rows:
            if mirror.known[args] is None:
                mirror.append(args, mirror.size)
        self._builder.check_questions(key, mirror.size)

    def add_choices(
        self, leaves: Sequence[Terms], statement: int, rest: bool, weights: Sequence[tuple[float, ...] | int]
    ) -> None:
        """New choices of one rule.

        Args:
            weights: of each the probabilities of its outcomes, or the number of the parameter that learns them.
        """
        kind = (len(leaves[0]), rest, isinstance(weights[0], int))
        if kind != self._kind:
            self._write_choices()
            self._kind = kind
        self._choices.extend(zip(leaves, [statement] * len(leaves), weights, strict=True))

    def add_groundings(
        self, rule: int, heads: Sequence[int], bodies: Sequence[Terms], negated: Sequence[Terms],
        absent: Sequence[Terms], sure: bool | list[bool],
    ) -> None:  # fmt: skip
        """Groundings of a rule.

        Args:
            sure: whether each holds in all worlds; False: none can, as they rest on a choice.
        """
        builder = self._builder
        if isinstance(sure, list):
            for head, body, under, certain in zip(heads, bodies, negated, sure, strict=True):
                if not certain and not under:
                    all_heads, all_bodies = self._unsettled.setdefault(len(body), ([], []))
                    all_heads.append(head)
                    all_bodies.append(body)
        if builder.record:
            builder.check_firings(len(self._groundings) + len(heads))
            self._groundings.extend(zip([rule] * len(heads), heads, bodies, negated, absent, strict=True))

    # ------------------------------------------------------------------------------------------------- writing

    def write(self) -> None:
        """Put all of it into the builder's columns."""
        for mirror in self._mirrors():
            mirror.write()
        self._write_choices()
        groundings, self._groundings = self._groundings, []
        unsettled, self._unsettled = self._unsettled, {}
        blocks = [
            Block(-1, _ids(heads), _ids(chain(*bodies)).reshape(-1, width), certain=np.zeros(len(heads), np.bool_))
            for width, (heads, bodies) in unsettled.items()
        ]
        self._builder.add_columns(_columns(groundings), blocks)

    def _write_choices(self) -> None:
        choices, self._choices = self._choices, []
        if not choices:
            return
        leaves, statements, weights = zip(*choices, strict=True)
        _, rest, learned = self._kind
        facts, of = np.array(leaves, np.int32), _ids(statements)
        if learned:
            group = ChoiceGroup(facts, "learned", of, rest, parameters=_ids(weights))
        else:
            group = ChoiceGroup(facts, "constant", of, rest, probabilities=np.array(weights, np.float64))
        self._builder.add_choices(group)


def _ids(numbers: Iterable[int]) -> Ids:
    return np.fromiter(numbers, np.int32)


def _starts(counts: list[int]) -> Ids:
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts.astype(np.int32)


def _columns(groundings: Sequence[_Grounding]) -> Columns:
    """Groundings as columns, in their order."""
    rules, heads, bodies, negated, absent = zip(*groundings, strict=True) if groundings else ((),) * 5
    edges = _ids(chain.from_iterable(b + n for b, n in zip(bodies, negated, strict=True)))
    counts = [len(b) + len(n) for b, n in zip(bodies, negated, strict=True)]
    if any(negated):
        parts = np.array([(len(b), len(n)) for b, n in zip(bodies, negated, strict=True)]).reshape(-1)
        sign = np.repeat(np.tile([True, False], len(groundings)), parts)
    else:
        sign = np.broadcast_to(np.True_, (len(edges),))
    lacks = _ids(chain.from_iterable(absent))
    absent_start = _starts([len(a) for a in absent]) if len(lacks) else np.broadcast_to(np.int32(0), (len(heads) + 1,))
    return Columns(_ids(rules), _ids(heads), _starts(counts), edges, sign, absent_start, lacks)
