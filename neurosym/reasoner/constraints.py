"""Constraints as losses and as checks on predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neurosym.errors import SemanticsError
from neurosym.grounding import CERTAIN
from neurosym.grounding.formulas import ATOM, FormulaGraph
from neurosym.lang.terms import spell
from neurosym.reasoner.answers import TINY
from neurosym.reasoner.formulas import Formulas, chosen, constraint_weights, ground_constraints
from neurosym.semantics import Semiring, unknown_leaves
from neurosym.semantics.algebras.evaluate import MISSES
from neurosym.semantics.constraints import FUZZY, FormulaProbabilities, FuzzyFormulas

if TYPE_CHECKING:
    from neurosym.reasoner.reasoner import Reasoner

KINDS = ("semantic", *FUZZY)


@dataclass(frozen=True, eq=False)
class ConstraintLoss:
    """What constraints cost, and how far each is satisfied.

    Attributes:
        loss: a scalar with gradients: the sum over constraints of weight times the mean over the batch.
        satisfaction: constraint → (B,), from 0 to 1: its probability (`semantic`), its truth, or the mean truth of its
            instances (`hinge`).
        losses: constraint → (B,) losses without weights; weights: constraint → its weight.
    """

    loss: Tensor
    satisfaction: dict[str, Tensor]
    losses: dict[str, Tensor]
    weights: dict[str, Tensor]


@dataclass(frozen=True)
class Violation:
    """An instance of a constraint that does not hold, or not fully.

    Attributes:
        constraint: its name or place; `instance`: the ground formula; `substitution`: variable → term.
        amount: from 0 to 1: the probability that it is violated, or one minus its truth.
        place: where the constraint stands; `because`: its sentence, if it has one.
    """

    constraint: str
    instance: str
    substitution: dict[str, str]
    amount: float
    place: str
    because: str | None = None

    def __str__(self) -> str:
        return f"{self.constraint}: {self.instance} is violated by {self.amount:.4g} ({self.place})"


def constraint_loss(
    reasoner: Reasoner, kind: str = "semantic", p: float = 2.0, inputs: Mapping[str, Tensor] | None = None,
    evidence: Mapping[str, bool] | None = None, constraints: Sequence[str] | None = None,
) -> ConstraintLoss:  # fmt: skip
    """See `Reasoner.constraint_loss`."""
    given = _Given(reasoner, kind, inputs, evidence, constraints)
    losses: dict[str, Tensor] = {}
    satisfied: dict[str, Tensor] = {}
    groups = [given.formulas.graph.formulas[k] for k in given.numbers]
    labels = [f.label for f in groups]
    if kind == "semantic":
        solved = given.probabilities([f.instances.tolist() for f in groups], False)
        for label, parts in zip(labels, solved, strict=True):
            losses[label] = -torch.log(parts.clamp_min(TINY)).sum(dim=1)
            satisfied[label] = parts.prod(dim=1)
    else:
        values = given.truth(p)
        for formula in groups:
            if kind == "hinge":
                each = values[torch.from_numpy(formula.instances.astype(np.int64))]
                losses[formula.label] = (1 - each).pow(p).sum(dim=0)
                satisfied[formula.label] = each.mean(dim=0) if len(each) else values.new_ones(values.shape[1])
            else:
                satisfied[formula.label] = values[formula.root]
                losses[formula.label] = 1 - values[formula.root]
    every = constraint_weights(reasoner)
    total = given.tags.new_zeros(())
    weights: dict[str, Tensor] = {}
    for number, label in zip(given.numbers, labels, strict=True):
        weight = weights[label] = every[number].cpu()
        total = total + weight * losses[label].mean()
        if str(number) in reasoner.constraint_logits:
            # a loss is at least 0: the likelihood of an exponential distribution keeps a learned weight from vanishing
            total = total - torch.log(weight)
    return ConstraintLoss(total, satisfied, losses, weights)


def check_constraints(
    reasoner: Reasoner, kind: str = "semantic", least: float = 0.5, inputs: Mapping[str, Tensor] | None = None,
    evidence: Mapping[str, bool] | None = None, constraints: Sequence[str] | None = None, sample: int = 0,
) -> tuple[Violation, ...]:  # fmt: skip
    """See `Reasoner.check_constraints`."""
    with torch.no_grad():
        given = _Given(reasoner, kind, inputs, evidence, constraints)
        graph = given.formulas.graph
        groups = [graph.formulas[k] for k in given.numbers]
        if kind == "semantic":
            solved = given.probabilities([f.instances.tolist() for f in groups], True)
            truth = [parts[sample] for parts in solved]
        else:
            values = given.truth(2.0)
            truth = [values[torch.from_numpy(f.instances.astype(np.int64)), sample] for f in groups]
    found: list[Violation] = []
    symbols, prefixes = graph.graph.symbols, graph.graph.prefixes
    for formula, values in zip(groups, truth, strict=True):
        amounts = (1 - values).clamp(0, 1)
        for row in (amounts > least).nonzero()[:, 0].tolist():
            terms = [spell(v, prefixes) for v in symbols.values(formula.substitutions[row].tolist())]
            substitution = dict(zip(formula.variables, terms, strict=True))
            found.append(
                Violation(
                    formula.label,
                    graph.spell(int(formula.instances[row])),
                    substitution,
                    float(amounts[row]),
                    str(formula.span),
                    formula.constraint.because,
                )
            )
    return tuple(sorted(found, key=lambda v: -v.amount))


class _Given:
    """Constraints grounded for some inputs, with the tags of what they speak about."""

    def __init__(
        self, reasoner: Reasoner, kind: str, inputs: Mapping[str, Tensor] | None,
        evidence: Mapping[str, bool] | None, names: Sequence[str] | None,
    ) -> None:  # fmt: skip
        if kind not in KINDS:
            raise SemanticsError(
                f"there is no kind of constraint loss `{kind}`", code="NS543", note=f"there are {', '.join(KINDS)}"
            )
        self.reasoner, self.kind = reasoner, kind
        self.numbers = chosen(reasoner, names)
        inputs = dict(inputs or {})
        observed = [(reasoner.atom(e.atom), e.positive) for e in reasoner.program.evidence]
        observed += [(reasoner.atom(a), v) for a, v in (evidence or {}).items()]
        self.formulas: Formulas = ground_constraints(reasoner, inputs, [a for a, _ in observed])
        self.evidence = self.formulas.grounded.evidence(observed)
        # small tensors, many indices: on the processor, wherever the networks are
        self.tags = self.formulas.grounded.leaves(reasoner.weights, inputs).cpu()
        self.atoms = self._atoms()

    def _atoms(self) -> list[int]:
        """The atoms that the chosen constraints speak of; none of them may be unknown."""
        graph: FormulaGraph = self.formulas.graph
        nodes = graph.below([graph.formulas[k].root for k in self.numbers] + [
            int(i) for k in self.numbers for i in graph.formulas[k].instances
        ])  # fmt: skip
        atoms = graph.atom[nodes[graph.kind[nodes] == ATOM]]
        derivations = graph.graph
        open_ = np.zeros(graph.num_atoms, bool)
        open_[derivations.num_facts :] = True
        if len(unknown_leaves(derivations)):
            open_rule = np.array([r.part == "open" for r in derivations.rules], bool)
            open_[derivations.head[open_rule[derivations.rule]]] = True
        unknown = atoms[open_[atoms]]
        if len(unknown):
            formula = next(
                f for f in (graph.formulas[k] for k in self.numbers)
                if int(unknown[0]) in set(graph.atom[graph.below([f.root])].tolist())
            )  # fmt: skip
            raise SemanticsError(
                f"the constraint {formula.label} speaks of {graph.spell_atom(int(unknown[0]))}, which is unknown",
                code="NS544", note="its predicate is open, so that it has no probability and no degree to train",
                help="let a rule or a network say it, leave `open` out, or ask under the semantics `bounds`",
            )  # fmt: skip
        return np.unique(atoms).tolist()

    def truth(self, p: float) -> Tensor:
        """(N, B) fuzzy truth of all nodes, over the atoms' tags under the reasoner's semantics."""
        graph, grounded = self.formulas.graph, self.formulas.grounded
        atoms = self.tags.new_zeros((graph.num_atoms, len(self.tags)))
        certain = [a for a in self.atoms if graph.graph.status[a] == CERTAIN]
        possible = [a for a in self.atoms if graph.graph.status[a] != CERTAIN]
        atoms[certain] = 1
        if possible:
            semantics = self.reasoner.semantics
            algebra = semantics if isinstance(semantics, Semiring) else None
            if algebra is not None and self.evidence:
                raise SemanticsError(
                    f"the semantics `{algebra.name}` does not define evidence", code="NS503",
                    help="use exact, or the kind `semantic`",
                )  # fmt: skip
            tags = grounded.evaluator(possible, self.evidence, algebra)(self.tags).T
            if algebra is not None:
                self._refuse_no_degrees(algebra.name, possible, tags.detach())
            atoms = atoms.index_copy(0, torch.tensor(possible), tags)
        key = ("fuzzy", self.kind, p)
        network = grounded.networks.get(key)
        if network is None:
            network = grounded.networks[key] = FuzzyFormulas(graph, self.kind, p)
        return network(atoms)

    def _refuse_no_degrees(self, semantics: str, facts: list[int], tags: Tensor) -> None:
        """Raise where a tag is no degree of truth: connectives mean nothing then."""
        wrong = ((tags < -MISSES) | (tags > 1 + MISSES)).nonzero()
        if len(wrong):
            row, sample = wrong[0].tolist()
            raise SemanticsError(
                f"{self.formulas.graph.spell_atom(facts[row])} has {float(tags[row, sample]):.4g} under `{semantics}`, "
                "which is no degree of truth", code="NS545", note="fuzzy connectives are defined from 0 to 1",
                help="use exact, viterbi, product, goedel or lukasiewicz, or the kind `semantic`",
            )  # fmt: skip

    def probabilities(self, groups: list[list[int]], apart: bool) -> list[Tensor]:
        """For each group of nodes (B, parts) exact probabilities."""
        grounded = self.formulas.grounded
        key = ("semantic", tuple(self.numbers), self.evidence, apart)
        solver = grounded.networks.get(key)
        if solver is None:
            solver = grounded.networks[key] = FormulaProbabilities(
                self.formulas.graph, groups, self.evidence, grounded.max_circuit, apart
            )
        return solver(self.tags)


__all__ = ["KINDS", "ConstraintLoss", "Violation", "check_constraints", "constraint_loss"]
