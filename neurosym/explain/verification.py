"""Explanations checked against the reasoner that they are of, as long as they live in its process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from neurosym.facts import FactBase
from neurosym.lang.ast import Program
from neurosym.lang.terms import Value
from neurosym.reasoner import Answers
from neurosym.verify import Given, Verification, verify_certificate

if TYPE_CHECKING:
    from neurosym.explain.model import Explanation

Key = tuple[str, int]


class FactRows(Mapping[Key, list[tuple[Value, ...]]]):
    """The rows of a fact base as plain values, predicate by predicate, made when they are asked for."""

    def __init__(self, base: FactBase) -> None:
        self._base = base

    def __getitem__(self, key: Key) -> list[tuple[Value, ...]]:
        values = self._base.symbols.values
        return [tuple(values(row)) for row in self._base.tables[key].rows.tolist()]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._base.tables)

    def __len__(self) -> int:
        return len(self._base.tables)


@dataclass(frozen=True)
class Origin:
    """What an explanation was made from; it is never written to a file.

    Attributes:
        program: the rules, with the queries that were asked; `facts`: the data; `evidence`: as it was given.
        hashes: of rules and facts.
    """

    program: Program
    facts: FactBase
    evidence: tuple[tuple[str, bool], ...]
    hashes: Mapping[str, str]


def remember(explanation: Explanation, answers: Answers) -> Explanation:
    """The explanation, which from now on knows the rules and facts that its answers were made from."""
    grounded, reasoner = answers.grounded, answers.reasoner
    assert reasoner is not None
    evidence = tuple((grounded.graph.atom(f), holds) for f, holds in answers.evidence)
    hashes = {"rules": reasoner.rules_sha256(), "facts": grounded.facts_sha256}
    origin = Origin(reasoner.program, grounded.leaves.facts, evidence, hashes)
    object.__setattr__(explanation, "origin", origin)  # not a field: it is no part of what is written
    return explanation


def verify_explanation(explanation: Explanation) -> Verification:
    """Recompute the claim, and check each step if the rules and facts are known.

    Raises:
        ExplanationError: as `verify_certificate`.
    """
    claim, origin = explanation.claim, explanation.origin
    given = None
    if origin is not None:
        given = Given(origin.program, FactRows(origin.facts), origin.evidence, hashes=origin.hashes)
    return verify_certificate(
        asdict(explanation.certificate), claim.probability, expected_bounds=(claim.lower, claim.upper), given=given
    )
