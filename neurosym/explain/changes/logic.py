"""Under `bounds`, what a claim can depend on beyond the rules, and what it is under other weights.

Constraints are read in every direction, so that whatever is linked with one may matter. Other weights leave the theory
as it is, which settles anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from neurosym.explain.changes.setting import Setting
from neurosym.grounding.core import CoreAtom
from neurosym.grounding.formulas import label_of
from neurosym.lang.ast import Atom, Const, Constraint, Rule, Var
from neurosym.lang.walk import body_atoms, built_in
from neurosym.reasoner.formulas import fixed_weight

Interval = tuple[float, float]


def atoms_of_constraints(setting: Setting) -> list[list[CoreAtom]]:
    """The atoms of each constraint, under the predicates that hold their facts."""
    tests = built_in(setting.program)
    return [
        [_core(setting, atom) for atom, _ in body_atoms(body) if atom.key not in tests]
        for body in (c.formula or c.forbids for c in setting.program.constraints) if body is not None
    ]  # fmt: skip


def everything(setting: Setting) -> list[CoreAtom]:
    """Patterns of all that constraints and rules speak of."""
    atoms = [a for group in atoms_of_constraints(setting) for a in group]
    atoms += [head for rule in setting.core.rules for head, _ in rule.heads]
    keys = dict.fromkeys(a.key for a in atoms)
    return [CoreAtom(k, (None,) * k[1]) for k in keys]


def _core(setting: Setting, atom: Atom) -> CoreAtom:
    intern = setting.normal.symbols.intern
    args = tuple(
        t.name if isinstance(t, Var) else intern(t.value) if isinstance(t, Const) else None for t in atom.args
    )  # fmt: skip
    return setting.core.canonical(CoreAtom(atom.key, args), setting.normal.symbols)


def movable_constraints(setting: Setting, wanted: bool | Sequence[str]) -> list[Constraint]:
    """The constraints whose weight may move: those that are named, or all whose weight is written."""
    found = setting.program.constraints if setting.answers.logic is not None else ()
    if isinstance(wanted, bool):
        return [c for c in found if wanted and c.weight is not None]
    return [c for c in found if label_of(c) in wanted]


def constraint_weight(setting: Setting, constraint: Constraint) -> float:
    """The weight of a constraint as it is now; one above 1 counts as 1."""
    number = setting.program.constraints.index(constraint)
    return min(1.0, setting.reasoner.constraint_weights().get(number, fixed_weight(constraint)))


class OtherWeights:
    """The claim under other weights of a rule or a constraint, over the theory of the answers."""

    fast = True

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        assert setting.answers.logic is not None
        self.logic = setting.answers.logic
        spelled = setting.spell(setting.ground(setting.atom))
        formulas = self.logic.formulas
        self.unit = next((i for i in range(formulas.num_atoms) if formulas.spell_atom(i) == spelled), None)

    def leaves_of(self, weighted: Rule | Constraint) -> list[int]:
        """The leaves whose tag is a rule's weight, or the number of a constraint; none where it changes nothing."""
        if self.unit is None:
            return []
        if isinstance(weighted, Constraint):
            return [self.setting.program.constraints.index(weighted)]
        graph = self.logic.formulas.graph
        statement = next(k for k, r in enumerate(self.setting.program.rules) if r is weighted)
        return [
            leaf for group in graph.choices if group.kind in ("constant", "learned")
            for s, row in zip(group.statements.tolist(), group.facts.tolist(), strict=True) if s == statement
            for leaf in row
        ]  # fmt: skip

    def weights(self, weighted: Rule | Constraint, weights: Sequence[float]) -> list[Interval]:
        """The claim's bounds under each of some weights."""
        assert self.unit is not None
        leaves, logic, sample = self.leaves_of(weighted), self.logic, self.setting.sample
        with torch.no_grad():
            if isinstance(weighted, Constraint):
                rows = logic.leaf_tags[sample][None]
                given = [[w if k == leaves[0] else x for k, x in enumerate(logic.weights)] for w in weights]
                settled = [logic.inference(rows, own, logic.operands) for own in given]
                return [(float(s.lower[self.unit, 0]), float(s.upper[self.unit, 0])) for s in settled]
            rows = logic.leaf_tags[sample].repeat(len(weights), 1)
            rows[:, leaves] = torch.tensor(weights, dtype=rows.dtype)[:, None]
            found = logic.inference(rows, logic.weights, logic.operands)
            return list(zip(found.lower[self.unit].tolist(), found.upper[self.unit].tolist(), strict=True))


__all__ = [
    "OtherWeights",
    "atoms_of_constraints",
    "constraint_weight",
    "everything",
    "movable_constraints",
]
