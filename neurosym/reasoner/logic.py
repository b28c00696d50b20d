"""Answers under the semantics `bounds`: the whole program and its constraints as one network of logic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from neurosym.errors import Span
from neurosym.grounding.core import CoreAtom
from neurosym.grounding.formulas import FormulaGraph, sentences
from neurosym.grounding.formulas.connectives import connectives_of
from neurosym.lang.ast import Atom, Const, Program, Var
from neurosym.reasoner.answers import Answers
from neurosym.reasoner.formulas import constraint_weights, ground_constraints
from neurosym.semantics.lnn import (
    MAX_CONFLICTS,
    Contradiction,
    Inference,
    LogicBounds,
    Operands,
    Settled,
    contradictions,
    theory_of,
)

if TYPE_CHECKING:
    from neurosym.reasoner.reasoner import Reasoner


def operand_parameters(program: Program, settings: object) -> nn.ParameterDict:
    """Weights of operands and biases of connectives, where the settings ask for learned ones; all start at 1."""
    made = nn.ParameterDict()
    if isinstance(settings, LogicBounds) and settings.learn and program.constraints:
        _, found = connectives_of(sentences(program))
        made["weights"] = nn.Parameter(torch.ones(sum(c.operands for c in found), dtype=torch.float64))
        made["biases"] = nn.Parameter(torch.ones(len(found), dtype=torch.float64))
    return made


@dataclass(frozen=True, eq=False)
class Logic:
    """What inference in both directions settled on.

    Attributes:
        inference: the network; settled: its bounds; leaf_tags: (B, F) tags of the leaves.
        weights: of the constraints; operands: of their connectives, None where they are plain.
    """

    inference: Inference
    settled: Settled
    leaf_tags: Tensor
    weights: list[Tensor]
    operands: Operands | None

    @property
    def formulas(self) -> FormulaGraph:
        """The ground constraints."""
        return self.inference.theory.formulas

    @cached_property
    def _gap(self) -> Tensor:
        return (self.settled.lower - self.settled.upper).clamp_min(0)

    def contradiction_loss(self) -> Tensor:
        """(B,) by how much lower bounds are above upper ones, over all units (Riegel et al. 2020), with gradients."""
        return self._gap.sum(dim=0)

    def operand_loss(self) -> Tensor:
        """How far learned weights are from those that keep classical truth values classical, with gradients.

        An `and` of operands that are true (at least alpha) is true, and with one false operand it is false; likewise
        the others: β - Σ w (1 - α) >= α, and β - w α <= 1 - α for each operand.
        """
        if self.operands is None:
            return self.leaf_tags.new_zeros(())
        alpha = self.inference.settings.alpha
        found = self.formulas.connectives
        total = self.leaf_tags.new_zeros(())
        for number, connective in enumerate(found):
            weights = self.operands.weights[connective.first : connective.first + connective.operands].clamp_min(0)
            beta = self.operands.biases[number]
            total = total + (alpha - beta + (weights * (1 - alpha)).sum()).clamp_min(0)
            total = total + (beta - weights * alpha - (1 - alpha)).clamp_min(0).sum()
        return total

    def contradictions(self, most: int = MAX_CONFLICTS) -> tuple[Contradiction, ...]:
        """The formulas in conflict, in the first sample that has any."""
        crossed = (self._gap.detach() > 10 * self.inference.slack(self.leaf_tags)).any(dim=0).nonzero()[:, 0].tolist()
        if not crossed:
            return ()
        tags = self.leaf_tags[crossed[0]][None].detach()
        return contradictions(self.inference, tags, [w.detach() for w in self.weights], self.operands, most)

    def of_formula(self, label: str) -> tuple[Tensor, Tensor]:
        """(B,) lower and upper bounds of a constraint, by its name."""
        theory = self.inference.theory
        formula = next(f for f in self.formulas.formulas if f.label == label)
        unit = int(theory.unit_of_node[formula.root])
        return self.settled.lower[unit], self.settled.upper[unit]


def logic_answers(
    reasoner: Reasoner, atoms: tuple[Atom, ...], observed: Sequence[tuple[Atom, bool]], settings: LogicBounds,
    inputs: Mapping[str, Tensor], closed_networks: bool,
) -> Answers:  # fmt: skip
    """Ask for atoms under `bounds`."""
    asked = (*atoms, *(a for a, _ in observed))
    made = ground_constraints(reasoner, inputs, asked, closed_networks, whole=True, apart=settings.learn)
    graph = made.graph
    found = _found(graph, atoms)
    for atom in atoms:
        if not any(_match(graph, atom)) and not closed_networks:
            made.grounded.found((atom,))  # refuses an atom whose input was not given
    evidence: list[tuple[int, bool, Span | None]] = []
    spans = {id(e.atom): e.span for e in reasoner.program.evidence}
    for atom, value in observed:
        evidence += [(i, value, spans.get(id(atom), atom.span)) for i, _ in _match(graph, atom)]
    key = (settings, tuple((i, v) for i, v, _ in evidence))
    inference = made.grounded.networks.get(key)
    if inference is None:
        inference = made.grounded.networks[key] = Inference(theory_of(graph, evidence), settings)
    tags = made.grounded.leaves(reasoner.weights, inputs).cpu()
    weights = constraint_weights(reasoner)
    operands = None
    if settings.learn and "weights" in reasoner.operands:
        operands = Operands(reasoner.operands["weights"], reasoner.operands["biases"])
    settled = inference(tags, weights, operands)
    theory = inference.theory
    # an absent atom: false if its predicate is closed, else nothing is known of it
    nothing = torch.tensor([0.0, 1.0], dtype=tags.dtype)
    columns = [i for i, _, _ in found.values()]
    at = torch.tensor([max(i, 0) if i >= 0 else theory.true_unit - 1 for i in columns], dtype=torch.long)
    lower, upper = settled.lower[at].T + 0.0, settled.upper[at].T + 0.0  # no negative zeros
    rounded = (lower > upper) & (lower - upper <= 10 * inference.slack(settled.lower))  # no contradiction
    lower, upper = torch.where(rounded, upper, lower), torch.where(rounded, lower, upper)
    unknown = torch.tensor([i == -2 for i in columns], dtype=torch.bool)
    upper = torch.where(unknown, nothing[1], upper)
    involved = inference.involved(settled)
    details = tuple(
        _detail(inference, settled, float(lo), float(up), i, involved is not None and i >= 0 and bool(involved[i, 0]))
        for lo, up, i in zip(lower[0].detach(), upper[0].detach(), columns, strict=True)
    )
    facts = tuple(i if 0 <= i < graph.graph.num_facts else -1 for i in columns)
    lower, upper = lower.to(reasoner.dtype), upper.to(reasoner.dtype)
    return Answers(
        atoms, tuple(found), facts, tuple(a for _, a, _ in found.values()), (lower + upper) / 2, settings.name,
        ("bounds",) * len(found), details, made.grounded, tags,
        tuple((i, v) for i, v, _ in evidence if i < graph.graph.num_facts), dict(inputs), None, reasoner,
        (lower, upper), Logic(inference, settled, tags, weights, operands),
    )  # fmt: skip


def _detail(inference: Inference, settled: Settled, lower: float, upper: float, atom: int, blamed: bool) -> str:
    state = inference.settings.state(lower, upper, inference.slack(settled.lower))
    if atom == -1:
        return "false: its predicate is closed, and nothing derives it"
    if blamed and state != "contradiction":
        state += ", part of a contradiction"
    return state if settled.settled else f"{state}, after {settled.rounds} rounds, which were not enough to settle"


def _match(graph: FormulaGraph, atom: Atom) -> list[tuple[int, tuple[int, ...]]]:
    """(atom id, term ids) of the atoms that match a query, facts and unknown atoms."""
    derivations = graph.graph
    found = [(int(f), derivations.args(int(f))) for f in derivations.matches(atom).tolist()]
    symbols = derivations.symbols
    args = tuple(
        symbols.intern(t.value) if isinstance(t, Const) else t.name if isinstance(t, Var) else None for t in atom.args
    )
    core = derivations.program.canonical(CoreAtom(atom.key, args), symbols)
    ids, rows = graph.unknown.get(core.key, ((), ()))
    for i, row in zip(ids, rows, strict=True):
        values: dict[str, int] = {}
        terms = [int(x) for x in row]
        if all(
            a is None or (a == x if isinstance(a, int) else values.setdefault(a, x) == x)
            for a, x in zip(core.args, terms, strict=True)
        ):
            found.append((int(i), tuple(terms)))
    return found


def _found(graph: FormulaGraph, atoms: tuple[Atom, ...]) -> dict[str, tuple[int, tuple, str]]:
    """Answer as it is spelled → (atom id, -1 for one that is false, -2 for an unknown one; arguments; predicate)."""
    found: dict[str, tuple[int, tuple, str]] = {}
    symbols = graph.graph.symbols
    for atom in atoms:
        matched = _match(graph, atom)
        for i, terms in matched:
            values = tuple(symbols.values(list(terms)))
            if graph.key_of(i) == ("triple", 3) and atom.predicate.startswith("<"):
                values = (values[0],) if len(atom.args) == 1 else (values[0], values[2])
            found.setdefault(graph.spell_atom(i), (i, values, atom.predicate))
        if not matched and all(isinstance(t, Const) for t in atom.args):
            ids = tuple(symbols.intern(t.value) for t in atom.args if isinstance(t, Const))
            core = graph.graph.program.canonical(CoreAtom(atom.key, ids), symbols)
            spelled = graph.graph.spell(core.key, tuple(a for a in core.args if isinstance(a, int)))
            known = -2 if core.key in graph.open or core.key in graph.graph.program.open else -1
            found.setdefault(spelled, (known, tuple(symbols.values(list(ids))), atom.predicate))
    return found
