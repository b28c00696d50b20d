"""Contradictions: a lower bound above the upper one, and the smallest set of formulas that makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neurosym.errors import Diagnostic
from neurosym.semantics.lnn.infer import Inference, Operands
from neurosym.semantics.lnn.theory import Element

MAX_CONFLICTS = 10


@dataclass(frozen=True)
class Contradiction:
    """Formulas that cannot all hold, given the facts; without any one of them the others can.

    Attributes:
        elements: the constraints, rules and observations in conflict.
        where: the atom or formula at which they clash, as text; lower, upper: its bounds.
    """

    elements: tuple[Element, ...]
    where: str
    lower: float
    upper: float

    @property
    def formulas(self) -> tuple[str, ...]:
        """The names of what is in conflict."""
        return tuple(e.label for e in self.elements)

    def __str__(self) -> str:
        return f"{self._who()}: {self.where} would be at least {self.lower:.4g} and at most {self.upper:.4g}"

    def _who(self) -> str:
        names = [f"`{e.label}`" if e.kind in ("constraint", "rule") else e.label for e in self.elements]
        if len(names) == 1:
            return f"{names[0]} contradicts the facts"
        return f"{', '.join(names[:-1])} and {names[-1]} contradict one another"

    def diagnostic(self, texts: dict[str, str] | None = None) -> Diagnostic:
        """The contradiction as a warning at its first formula (NS541)."""
        placed = [e for e in self.elements if e.span is not None]
        span = placed[0].span if placed else None
        line = ""
        if span is not None and texts and span.file in texts:
            line = texts[span.file].splitlines()[span.line - 1]
        others = "; ".join(f"{e.label}: {e.span}" for e in placed[1:])
        return Diagnostic(
            "NS541", "warning", str(self), span, line, others,
            "correct one of them, give it a weight below 1, or declare a predicate `open` if what no fact says is "
            "unknown",
        )  # fmt: skip


def contradictions(
    inference: Inference, tags: Tensor, weights: Sequence[Tensor | float] = (), operands: Operands | None = None,
    most: int = MAX_CONFLICTS,
) -> tuple[Contradiction, ...]:  # fmt: skip
    """Minimal conflicts of one sample, no constraint in two of them.

    Args:
        tags: (1, F) tags of the leaves.
        most: how many to look for.
    """
    with torch.no_grad():
        return _Search(inference, tags, weights, operands).run(most)


class _Search:
    def __init__(
        self, inference: Inference, tags: Tensor, weights: Sequence[Tensor | float], operands: Operands | None
    ) -> None:
        self.inference, self.tags, self.weights, self.operands = inference, tags, weights, operands
        self.elements = inference.theory.elements

    def run(self, most: int) -> tuple[Contradiction, ...]:
        left = list(range(len(self.elements)))
        found: list[Contradiction] = []
        while len(found) < most and self._clash(left) is not None:
            core = self._explain([], [], left)
            clash = self._clash(core)
            if clash is None:  # the facts alone
                break
            found.append(self._named(core, clash))
            blamed = {k for k in core if self.elements[k].kind == "constraint"} or set(core)
            if not blamed:
                break
            left = [k for k in left if k not in blamed]
        return tuple(found)

    def _clash(self, chosen: Sequence[int]) -> tuple[int, float, float] | None:
        """A unit in contradiction, with its bounds, if only some elements are asserted; an atom if there is one."""
        active = torch.zeros(len(self.elements), dtype=torch.bool)
        active[list(chosen)] = True
        settled = self.inference(self.tags, self.weights, self.operands, active, stop=True)
        gap = (settled.lower - settled.upper)[:, 0]
        crossed = (gap > 10 * self.inference.slack(self.tags)).nonzero()[:, 0].tolist()
        if not crossed:
            return None
        graph = self.inference.theory.formulas.graph
        told = [u for u in crossed if u >= graph.num_facts or not graph.hidden(u)]
        unit = min(told or crossed)
        return unit, float(settled.lower[unit, 0]) + 0.0, float(settled.upper[unit, 0]) + 0.0

    def _explain(self, background: list[int], added: list[int], candidates: list[int]) -> list[int]:
        """A minimal subset of candidates that clashes together with the background (Junker, QuickXplain, 2004)."""
        if added and self._clash(background) is not None:
            return []
        if len(candidates) == 1:
            return candidates
        middle = len(candidates) // 2
        first, second = candidates[:middle], candidates[middle:]
        right = self._explain([*background, *first], first, second)
        left = self._explain([*background, *right], right, first)
        return [*left, *right]

    def _named(self, core: list[int], clash: tuple[int, float, float]) -> Contradiction:
        theory = self.inference.theory
        unit, lower, upper = clash
        formulas = theory.formulas
        if unit < formulas.num_atoms:
            where = formulas.spell_atom(unit)
        else:
            nodes = (theory.unit_of_node == unit).nonzero()[0]
            where = formulas.spell(int(nodes[0])) if len(nodes) else self._of_rule(unit)
        return Contradiction(tuple(self.elements[k] for k in sorted(core)), where, lower, upper)

    def _of_rule(self, unit: int) -> str:
        """What a rule's unit is about: the atom that it concludes."""
        formulas = self.inference.theory.formulas
        for layer in self.inference.theory.layers:
            at = (layer.units == unit).nonzero()[0]
            if len(at):
                children = layer.child[layer.parent == at[0]]
                atoms = [int(c) for c in children if c < formulas.num_atoms]
                return f"what the rules say of {formulas.spell_atom(atoms[0])}" if atoms else "a rule's body"
        return "a rule"
