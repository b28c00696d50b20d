"""What a comparison with rules and facts leaves behind, for whoever asks about further facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neurosym.lang.ast import Program
from neurosym.verify.rules.compare import Comparison, Identities
from neurosym.verify.rules.data import Data, Facts
from neurosym.verify.rules.form import GroundAtom, Leaf
from neurosym.verify.rules.groundings import Groundings
from neurosym.verify.rules.normal import NormalForm
from neurosym.verify.structure import GroundProgram


@dataclass(frozen=True)
class Basis:
    """Rules and facts that agree with a certificate.

    Attributes:
        facts: number in the certificate → the fact of the program that it is.
        given: the data as it was given; `weights`: learned ones by statement, None if nobody knows.
    """

    comparison: Comparison
    program: Program
    given: Facts
    weights: Mapping[int, Sequence[float]] | None
    prefixes: Mapping[str, str]

    @property
    def found(self) -> GroundProgram:
        """The certificate's ground program."""
        return self.comparison.found

    @property
    def facts(self) -> Mapping[int, GroundAtom]:
        """The certificate's facts as facts of the program."""
        return self.comparison.met

    @property
    def identities(self) -> Identities:
        """Spelling."""
        return self.comparison.identities

    @property
    def normal(self) -> NormalForm:
        """The rules."""
        return self.comparison.normal

    @property
    def data(self) -> Data:
        """The facts."""
        return self.comparison.data

    @property
    def groundings(self) -> Groundings:
        """What facts follow from."""
        return self.comparison.groundings

    def status(self, fact: GroundAtom) -> bool | None:
        """Whether a fact is certain; None if it holds in no world."""
        return self.comparison.status(fact)

    def leaf(self, fact: GroundAtom) -> Leaf | None:
        """The outcome of a choice that a possible fact is."""
        return self.comparison.leaf(fact)


__all__ = ["Basis"]
