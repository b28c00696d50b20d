"""The facts of a certificate as a source of facts: for checking steps where deriving everything is too much."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from neurosym.lang.ast import Program
from neurosym.verify.rules.aggregates import Member, results
from neurosym.verify.rules.claims import as_fact, terms_of
from neurosym.verify.rules.compare import Identities
from neurosym.verify.rules.data import Data
from neurosym.verify.rules.form import Counted, GroundAtom, Key, Part, Pattern, Row
from neurosym.verify.rules.normal import NormalForm


class Shown:
    """The certificate's facts, taken to be what they are said to be, and the given ones.

    Attributes:
        derived: certain facts that are not among the data, and were believed.
    """

    def __init__(self, identities: Identities, normal: NormalForm, data: Data, program: Program, most: int) -> None:
        """Read the facts.

        Raises:
            ExplanationError: NS824 an atom cannot be read.
        """
        self.normal, self.data, self.most = normal, data, most
        self.derived: list[str] = []
        self._rows: dict[Key, list[tuple[Row, bool]]] = {}
        found = identities.found
        for number, atom in enumerate(found.atoms):
            hidden = identities.of_text(atom) if found.hidden[number] else atom
            fact: GroundAtom
            if isinstance(hidden, str):
                fact = as_fact(hidden, identities.names, program)
            else:
                fact = (hidden[0], terms_of(hidden[1], identities.names, program))
            kind = found.kinds[number]
            if kind == "absent":
                continue
            if kind == "certain" and not isinstance(fact[0], Part) and fact[1] not in data.certain(fact[0]):
                self.derived.append(atom)
            self._rows.setdefault(fact[0], []).append((fact[1], kind == "certain"))

    def finished(self, key: Key, pattern: Pattern) -> list[tuple[Row, bool]]:
        """Facts that match a pattern."""
        found = dict(self._rows.get(key, ()))
        if not isinstance(key, Part):
            given = self.data.certain(key)
            found |= {row: row in given for row in self.data.matching(key, pattern) if row not in found}
        return [
            (row, certain)
            for row, certain in found.items()
            if all(p is None or p == n for p, n in zip(pattern, row, strict=True))
        ]

    def rows(self, key: Key, pattern: Pattern) -> Iterable[tuple[Row, bool]]:
        """The same: nothing is added to what a certificate says."""
        return self.finished(key, pattern)

    def results(self, counted: Counted, group: Row) -> Sequence[tuple[int, bool]]:
        """Results of an aggregate over the members that are shown."""
        shown = [row for row, _ in self.finished(counted.result, (*group, None))]
        members: list[Member] = [
            (row, self.normal.terms.value(row[len(group)]) if len(row) > len(group) else 1, certain)
            for row, certain in self.finished(counted.members, (*group, *(None,) * (counted.members.arity - len(group))))
        ]
        if not members:  # of a certain result they are left out
            return [(row[-1], True) for row in shown]
        found = results(counted.function, members, self.most)
        return [(self.normal.terms.number(value), certain) for value, certain in found]
