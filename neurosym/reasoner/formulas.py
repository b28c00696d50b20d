"""A reasoner's constraints over its facts: grounded once for each question, and their weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from neurosym.errors import DataError
from neurosym.grounding import ground
from neurosym.grounding.formulas import FormulaGraph, ground_formulas, label_of, scopes_of, with_questions
from neurosym.lang.actions import constant_number
from neurosym.lang.ast import Atom, Constraint, Program
from neurosym.reasoner.grounded import Grounded
from neurosym.reasoner.leaves import Leaves

if TYPE_CHECKING:
    from neurosym.reasoner.reasoner import Reasoner


@dataclass(frozen=True, eq=False)
class Formulas:
    """The ground constraints and the ground program that they speak about."""

    grounded: Grounded
    graph: FormulaGraph


def ground_constraints(
    reasoner: Reasoner, slots: Iterable[str] = (), queries: Sequence[Atom] = (), closed_networks: bool = False,
    whole: bool = False, apart: bool = False,
) -> Formulas:  # fmt: skip
    """Ground a reasoner's constraints, and what of its program they and some queries need.

    Args:
        whole: the whole program, because its rules take part.
        apart: connectives have nodes of their own.
    """
    program, base, slots = reasoner.program, reasoner.facts, sorted(slots)
    key = (id(base), tuple(slots), tuple(map(str, queries)), closed_networks, whole, apart)
    known = reasoner.ground_formulas.get(key)
    if known is not None:
        return known
    scopes = scopes_of(program, frozenset(k for k, table in base.tables.items() if len(table.rows)))
    asking, atoms = with_questions(program, scopes)
    demand = reasoner.demand and not whole
    graph = ground(
        asking, base, slots=slots, queries=[*queries, *atoms], limits=reasoner.limits,
        closed_networks=closed_networks, progress=reasoner.progress, demand=demand,
    )  # fmt: skip
    formulas = ground_formulas(program, graph, scopes, reasoner.limits, apart)
    leaves = Leaves(graph, base, dict(reasoner.networks.items()), reasoner.features)
    made = Formulas(Grounded(graph, leaves, reasoner.max_circuit, slots), formulas)
    if len(reasoner.ground_formulas) >= 8:
        del reasoner.ground_formulas[next(iter(reasoner.ground_formulas))]
    reasoner.ground_formulas[key] = made
    return made


def constraint_parameters(program: Program, random: torch.Generator) -> nn.ParameterDict:
    """The learnable weights of constraints, by number; a weight is the softplus of its parameter."""
    made = nn.ParameterDict()
    for number, constraint in enumerate(program.constraints):
        weight = constraint.weight
        if weight is not None and (weight.learn or weight.value is None):
            start = torch.rand((), generator=random, dtype=torch.float64) * 0.8 + 0.1
            if weight.value is not None:
                start = torch.tensor(float(constant_number(weight.value) or 0.0), dtype=torch.float64)
            start = start.clamp_min(1e-6)
            made[str(number)] = nn.Parameter(start + torch.log(-torch.expm1(-start)))
    return made


def constraint_weights(reasoner: Reasoner) -> list[Tensor]:
    """The weight of each constraint, with gradients where it is learned; 1 where none is written."""
    weights: list[Tensor] = []
    for number, constraint in enumerate(reasoner.program.constraints):
        if str(number) in reasoner.constraint_logits:
            raw = reasoner.constraint_logits[str(number)].to(reasoner.dtype)
            weights.append(nn.functional.softplus(raw))
        else:
            weights.append(torch.tensor(fixed_weight(constraint), dtype=reasoner.dtype))
    return weights


def fixed_weight(constraint: Constraint) -> float:
    """The weight as it is written; 1 where none is."""
    if constraint.weight is None or constraint.weight.value is None:
        return 1.0
    value = constant_number(constraint.weight.value)
    return 1.0 if value is None else float(value)


def chosen(reasoner: Reasoner, names: Sequence[str] | None) -> list[int]:
    """Numbers of constraints by their names, all of them by default.

    Raises:
        DataError: NS623, the program has none, or none of a name.
    """
    labels = [label_of(c) for c in reasoner.program.constraints]
    if not labels:
        raise DataError("the program has no constraints", code="NS623", help="write `constraint NAME : FORMULA .`")
    if names is None:
        return list(range(len(labels)))
    for name in names:
        if name not in labels:
            raise DataError(f"there is no constraint `{name}`", code="NS623", note=f"there are {', '.join(labels)}")
    return [labels.index(name) for name in names]


__all__ = ["Formulas", "chosen", "constraint_parameters", "constraint_weights", "ground_constraints"]
