"""The facts of a certificate as a source of facts: for checking steps where deriving everything is too much."""

from __future__ import annotations

from collections.abc import Sequence

from neurosym.lang.ast import Program
from neurosym.verify.rules.aggregates import results
from neurosym.verify.rules.claims import as_fact, terms_of
from neurosym.verify.rules.compare import Identities
from neurosym.verify.rules.data import Data
from neurosym.verify.rules.form import Counted, GroundAtom, Key, Part, Pattern, Row
from neurosym.verify.rules.join import Place, members_of
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
        self._indexes: dict[tuple[Key, tuple[int, ...]], dict[Pattern, dict[Row, bool]]] = {}
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
            if kind == "certain" and not isinstance(fact[0], Part) and not data.certain(*fact):
                self.derived.append(atom)
            self._rows.setdefault(fact[0], []).append((fact[1], kind == "certain"))

    def finished(self, key: Key, pattern: Pattern) -> list[tuple[Row, bool]]:
        """Facts that match a pattern."""
        bound = tuple(k for k, n in enumerate(pattern) if n is not None)
        index = self._indexes.get((key, bound))
        if index is None:
            index = self._indexes[(key, bound)] = {}
            for row, certain in self._rows.get(key, ()):
                index.setdefault(tuple(row[k] for k in bound), {})[row] = certain
        found = index.get(tuple(pattern[k] for k in bound), {})
        if not isinstance(key, Part):
            found = dict(self.data.matching(key, pattern)) | found
        return list(found.items())

    def waits(self, key: Key, pattern: Pattern, place: Place) -> bool:
        """Never: nothing is added to what a certificate says."""
        return False

    def results(self, counted: Counted, group: Row) -> Sequence[tuple[int, bool]]:
        """Results of an aggregate over the members that are shown."""
        shown = [row for row, _ in self.finished(counted.result, (*group, None))]
        members = members_of(self, counted, group, self.normal.terms)
        if not members:  # of a certain result they are left out
            return [(row[-1], True) for row in shown]
        found = results(counted.function, members, self.most)
        return [(self.normal.terms.number(value), certain) for value, certain in found]

    def is_unknown(self, key: Key, row: Row) -> bool:
        """Always: what an atom is said to be is believed."""
        return True
