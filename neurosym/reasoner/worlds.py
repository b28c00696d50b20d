"""The most probable world given evidence, and worlds drawn from the distribution."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from neurosym.errors import DataError
from neurosym.reasoner.choices import Choice, named_choices
from neurosym.reasoner.joint import spelled_in
from neurosym.semantics.worlds import PossibleWorlds

if TYPE_CHECKING:
    from neurosym.lang.ast import Atom
    from neurosym.reasoner.grounded import Grounded
    from neurosym.reasoner.reasoner import Reasoner

Evidence = Mapping[str, bool] | Iterable[str] | None


@dataclass(frozen=True)
class _Asked:
    """What was asked, over the ground program that answers it.

    Attributes:
        facts: of the atoms, -1 for one that cannot be derived; leaf_tags: (F,) of one row of the inputs.
    """

    reasoner: Reasoner
    grounded: Grounded
    atoms: tuple[str, ...]
    facts: tuple[int, ...]
    worlds: PossibleWorlds
    leaf_tags: np.ndarray

    def truth(self, numbers: np.ndarray) -> np.ndarray:
        """(n, A) which atoms hold."""
        result = np.zeros((len(numbers), len(self.facts)), bool)
        result[:, [k for k, f in enumerate(self.facts) if f >= 0]] = self.worlds.truth(numbers)
        return result

    def order(self) -> tuple[np.ndarray, tuple[Choice, ...]]:
        """The choices in the order of the program's statements, those of networks first."""
        graph, numbers = self.grounded.graph, self.worlds.outcomes.choices
        statements = np.concatenate([g.statements for g in graph.choices] or [np.zeros(0, np.int32)])
        order = np.lexsort((numbers, statements[numbers]))
        return order, named_choices(graph, self.reasoner.program, numbers[order].tolist())


class _Atoms:
    """Finds the column of an atom among the atoms asked."""

    atoms: tuple[str, ...]
    grounded: Grounded

    def position(self, atom: str) -> int:
        """The column of an atom; spacing does not matter.

        Raises:
            DataError: it was not asked.
        """
        spelled = atom if atom in self.atoms else spelled_in(self.grounded.graph, atom)
        if spelled not in self.atoms:
            shown = ", ".join(self.atoms[:4]) or "none"
            raise DataError(
                f"`{atom}` was not asked", code="NS611", note=f"asked: {shown} …", help="name it among `queries`"
            )
        return self.atoms.index(spelled)


@dataclass(frozen=True, eq=False)
class MostProbable(_Atoms):
    """The most probable world given evidence.

    Attributes:
        atoms: what was asked, as the rule language spells it; holds: for each whether it holds in this world.
        choices: those that the atoms and the evidence rest on; outcomes: of each the number, -1 for none of them;
            chances: of each the probability of this outcome.
        log_probability: natural logarithm of the world's probability; log_evidence: of that of the evidence.
    """

    atoms: tuple[str, ...]
    holds: tuple[bool, ...]
    choices: tuple[Choice, ...]
    outcomes: tuple[int, ...]
    chances: tuple[float, ...]
    log_probability: float
    log_evidence: float
    grounded: Grounded

    @property
    def probability(self) -> float:
        """The probability of these outcomes together."""
        return math.exp(self.log_probability)

    @property
    def log_given(self) -> float:
        """Natural logarithm of the world's probability given the evidence."""
        return min(0.0, self.log_probability - self.log_evidence)

    @property
    def given(self) -> float:
        """The world's probability given the evidence."""
        return math.exp(self.log_given)

    @property
    def world(self) -> dict[str, str]:
        """What each choice is about → its outcome, in words."""
        return {c.name: c.outcome(k) for c, k in zip(self.choices, self.outcomes, strict=True)}

    def __getitem__(self, atom: str) -> bool:
        """Whether an atom that was asked holds."""
        return self.holds[self.position(atom)]

    def to_json(self) -> dict[str, Any]:
        """The JSON object of the command line's contract, without diagnostics."""
        answers = [{"atom": a, "holds": h} for a, h in zip(self.atoms, self.holds, strict=True)]
        rows = zip(self.choices, self.outcomes, self.chances, strict=True)
        choices = [
            {"choice": c.name, "kind": c.kind, "outcome": c.outcome(k), "probability": p} for c, k, p in rows
        ]  # fmt: skip
        return {
            "semantics": "exact", "answers": answers, "choices": choices, "probability": self.probability,
            "log_probability": self.log_probability, "given": self.given, "log_evidence": self.log_evidence,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Worlds(_Atoms):
    """Worlds drawn independently from the distribution given evidence.

    Attributes:
        atoms: A atoms that were asked; truth: (n, A) whether they hold.
        choices: C choices that the atoms and the evidence rest on; outcomes: (n, C) their numbers, -1 for none of them.
        log_evidence: natural logarithm of the evidence's exact probability.
    """

    atoms: tuple[str, ...]
    truth: Tensor
    choices: tuple[Choice, ...]
    outcomes: Tensor
    log_evidence: float
    grounded: Grounded

    def __len__(self) -> int:
        return len(self.outcomes)

    def frequency(self, atom: str) -> float:
        """The share of the worlds in which an atom holds."""
        return float(self.truth[:, self.position(atom)].double().mean())

    def world(self, number: int) -> dict[str, str]:
        """Of one world what each choice is about → its outcome, in words."""
        return {c.name: c.outcome(k) for c, k in zip(self.choices, self.outcomes[number].tolist(), strict=True)}

    def holding(self, number: int) -> list[str]:
        """The atoms that hold in one world."""
        return [a for a, holds in zip(self.atoms, self.truth[number].tolist(), strict=True) if holds]

    def to_json(self) -> dict[str, Any]:
        """The JSON object of the command line's contract, without diagnostics."""
        shares = self.truth.double().mean(dim=0).tolist()
        rows = zip(self.truth.tolist(), self.outcomes.tolist(), strict=True)
        worlds = [
            {
                "holds": [a for a, holds in zip(self.atoms, truth, strict=True) if holds],
                "outcomes": [c.outcome(k) for c, k in zip(self.choices, outcomes, strict=True)],
            }
            for truth, outcomes in rows
        ]
        return {
            "semantics": "exact",
            "answers": [{"atom": a, "frequency": s} for a, s in zip(self.atoms, shares, strict=True)],
            "choices": [c.name for c in self.choices], "worlds": worlds, "log_evidence": self.log_evidence,
        }  # fmt: skip


def most_probable(
    reasoner: Reasoner, evidence: Evidence, inputs: Mapping[str, Tensor] | None, queries: Sequence[str | Atom] | str,
    row: int, closed_networks: bool,
) -> MostProbable:  # fmt: skip
    """See `Reasoner.most_probable`."""
    asked = _asked(reasoner, evidence, inputs, queries, row, closed_networks)
    best = asked.worlds.best(asked.leaf_tags)
    order, choices = asked.order()
    return MostProbable(
        asked.atoms, tuple(asked.truth(best.numbers[None])[0].tolist()), choices, tuple(best.numbers[order].tolist()),
        tuple(best.chances[order].tolist()), best.log_probability, best.log_evidence, asked.grounded,
    )  # fmt: skip


def sample(
    reasoner: Reasoner, count: int, evidence: Evidence, inputs: Mapping[str, Tensor] | None, seed: int,
    queries: Sequence[str | Atom] | str, row: int, closed_networks: bool,
) -> Worlds:  # fmt: skip
    """See `Reasoner.sample`."""
    if count < 1:
        raise DataError(f"{count} worlds cannot be drawn", help="ask for 1 or more")
    asked = _asked(reasoner, evidence, inputs, queries, row, closed_networks)
    numbers, log_evidence = asked.worlds.draw(asked.leaf_tags, count, np.random.default_rng(seed))
    order, choices = asked.order()
    return Worlds(
        asked.atoms, torch.from_numpy(asked.truth(numbers)), choices, torch.from_numpy(numbers[:, order]), log_evidence,
        asked.grounded,
    )  # fmt: skip


def _asked(
    reasoner: Reasoner, evidence: Evidence, inputs: Mapping[str, Tensor] | None, queries: Sequence[str | Atom] | str,
    row: int, closed_networks: bool,
) -> _Asked:  # fmt: skip
    given = dict(inputs or {})
    named = (queries,) if isinstance(queries, str) else tuple(queries)
    reasoner, atoms = reasoner.joint.asking(named or reasoner.queries, given, closed_networks)
    observed = [(reasoner.atom(e.atom), e.positive) for e in reasoner.program.evidence]
    observed += reasoner.joint.observed(evidence)
    asked = (*atoms, *(a for a, _ in observed))
    if not asked:
        raise DataError(
            "nothing is asked", code="NS615", help="pass evidence or queries, or write `query(…).` in the rules"
        )
    for atom in asked:
        reasoner.check_known(atom)
    grounded = reasoner.grounded(given, asked, closed_networks=closed_networks)
    found = grounded.found(atoms, closed_networks)
    key = (found.derived, grounded.evidence(observed))
    if key not in grounded.worlds:
        grounded.worlds[key] = PossibleWorlds(grounded.graph, *key, grounded.max_circuit)
    with torch.no_grad():
        tags = grounded.leaves(reasoner.weights, given)
    if not 0 <= row < len(tags):
        raise DataError(f"there is no row {row} in inputs of {len(tags)}", help="rows count from 0")
    leaf_tags = tags[row].double().cpu().numpy()
    return _Asked(reasoner, grounded, found.atoms, found.facts, grounded.worlds[key], leaf_tags)
