"""The claim under any set of moves, from one graph: what may change is grounded as choices of its own.

So a set of moves is a row of leaf probabilities, and many sets are one batch. Where the program cannot be grounded
so, each set is run by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch

from neurosym.errors import ImpossibleEvidence, NeurosymError, SemanticsError
from neurosym.explain.changes.moves import Candidate, Candidates
from neurosym.explain.changes.setting import Ground, Setting
from neurosym.explain.contributions.tags import AnyEvaluator, bounds_of
from neurosym.grounding import DerivationGraph
from neurosym.lang.ast import Alternative, Atom, Const, Constraint, Rule, Weight
from neurosym.reasoner import Reasoner
from neurosym.reasoner.grounded import Grounded
from neurosym.semantics import Boolean, Part, Semiring, TopK, relevant_part
from neurosym.semantics.algebras.semirings import ABSORPTIVE
from neurosym.semantics.polarity import Polarity

BATCH = 256
MOST_NODES = 20_000  # of a circuit over all that may change; beyond, each set is run by itself
HALF = Weight(Const(0.5))
Interval = tuple[float, float]  # between which numbers the claim's tag lies; NaN where the evidence cannot be then


@dataclass(frozen=True)
class Signs:
    """Which ways a move can push the claim."""

    up: bool
    down: bool


class Possible:
    """Evaluates sets of moves, given as positions among the candidates.

    Attributes:
        signs: for each move, which ways it can push the claim; a move that can push it neither way does not matter.
        monotone: whether the claim's number follows the signs, as it does without evidence.
    """

    def __init__(self, setting: Setting, found: Candidates, weighted: Sequence[Rule] = ()) -> None:
        self.setting, self.moves = setting, found.moves
        self._swapped = {id(r): with_weight(r, 0.5) for r in weighted if id(r) not in setting.learned}
        removed = {
            c.off: found.records[c.off] for c in found.moves if c.off is not None and found.records[c.off].certain
        }
        self._stand = _stand_ins(setting, [*removed, *(c.on for c in found.moves if c.on is not None)])
        reasoner = setting.changed(removed, [], self._swapped, tuple(self._stand.values()))
        observed = setting.observed
        inputs = setting.answers.inputs
        grounded = reasoner.grounded(inputs, (setting.atom, *(a for a, _ in observed)))
        grounded.max_circuit = min(grounded.max_circuit, MOST_NODES)
        self._program, self.graph = reasoner.program, grounded.graph
        self._leaf_of = self._leaves(self.graph)
        self.rule_leaves = {id(r): self.leaves_of(r) for r in weighted}
        with torch.no_grad():
            self._base = grounded.leaves(reasoner.weights, inputs)[setting.sample].clone()
        for ground, rule in self._stand.items():
            for leaf in self._leaf_of.get(id(rule), ()):
                self._base[leaf] = float(ground in removed)
        for rule in weighted:
            if id(rule) in self._swapped:
                self._base[self.rule_leaves[id(rule)]] = setting.weight_of(rule)  # pyright: ignore[reportArgumentType]
        self._off_on = [self._effects(c, found) for c in self.moves]
        self.fact = next(iter(grounded.matches(setting.atom)), -1)
        self.evidence = grounded.evidence(observed)
        self.monotone = not self.evidence and not isinstance(setting.answers.algebra, TopK)
        self._part = self._relevant()
        self.signs = self._signs()
        self._alone = OneByOne(setting, found)
        self._evaluator = self._made(grounded)

    def _relevant(self) -> Part | None:
        """What the claim depends on, and what was observed; nothing where the claim cannot be derived at all."""
        if self.fact < 0:
            return None
        roots = np.array([self.fact, *(f for f, _ in self.evidence)], np.int32)
        algebra = self.setting.answers.algebra
        drop = not isinstance(algebra, Semiring) or ABSORPTIVE in algebra.properties
        return relevant_part(self.graph, roots, drop_certain=drop)

    def _made(self, grounded: Grounded) -> AnyEvaluator | None:
        """The evaluator of the claim; None where there can be none, or a circuit would be too large."""
        if self._part is None:
            return None
        algebra = self.setting.answers.algebra
        if algebra is None and self.monotone and not grounded.has_unknown and self._is_crisp(self._part):
            algebra = Boolean()  # whatever moves is so or not so, and all else is certain: that takes no circuit
        try:
            return grounded.evaluator([self.fact], self.evidence, algebra)
        except SemanticsError as error:
            if error.code != "NS520":
                raise
            return None

    def _is_crisp(self, part: Part) -> bool:
        """Whether all that the claim depends on is so or not so, whatever is moved."""
        leaves = part.facts[part.leaf].tolist()
        weighted = {leaf for group in self.rule_leaves.values() for leaf in group}
        return not weighted & set(leaves) and all(float(t) in (0.0, 1.0) for t in self._base[leaves])

    # ---------------------------------------------------------------------------------------------- evaluating

    @property
    def fast(self) -> bool:
        """Whether many sets are evaluated at once, and weights can be moved."""
        return self._evaluator is not None or self.fact < 0

    def values(self, sets: Sequence[Sequence[int]]) -> list[Interval]:
        """The claim under each of some sets of moves."""
        if self._evaluator is None and self.fact >= 0:
            return self._alone.values(sets)
        rows = []
        for moves in sets:
            row = self._base.clone()
            for k in moves:
                off, on = self._off_on[k]
                row[off] = 0.0
                row[on] = 1.0
            rows.append(row)
        return self._evaluate(rows)

    def weights(self, rule: Rule | Constraint, weights: Sequence[float]) -> list[Interval]:
        """The claim under other weights of a rule."""
        leaves = self.rule_leaves[id(rule)]
        rows = []
        for weight in weights:
            row = self._base.clone()
            row[leaves] = weight
            rows.append(row)
        return self._evaluate(rows)

    def _evaluate(self, rows: list[torch.Tensor]) -> list[Interval]:
        if self._evaluator is None:
            return [(0.0, 0.0)] * len(rows)
        found: list[Interval] = []
        for start in range(0, len(rows), BATCH):
            part = torch.stack(rows[start : start + BATCH])
            found += [(lower, upper) for lower, upper in bounds_of(self._evaluator, part).tolist()]
        return found

    # ------------------------------------------------------------------------------------------------ building

    def _leaves(self, graph: DerivationGraph) -> dict[int, list[int]]:
        """Python's id of a rule → the leaves of its choices."""
        rules = self._program.rules
        found: dict[int, list[int]] = {}
        for group in graph.choices:
            if group.kind in ("constant", "learned"):
                for statement, row in zip(group.statements.tolist(), group.facts.tolist(), strict=True):
                    found.setdefault(id(rules[statement]), []).extend(row)
        return found

    def leaves_of(self, rule: Rule | Constraint) -> list[int]:
        """The leaves of a rule's choices."""
        return self._leaf_of.get(id(self._swapped.get(id(rule), rule)), [])

    def _effects(self, candidate: Candidate, found: Candidates) -> tuple[list[int], list[int]]:
        """The leaves that a move takes to 0, and those that it takes to 1."""
        return self._leaves_of_fact(candidate.off, found), self._leaves_of_fact(candidate.on, found)

    def _leaves_of_fact(self, ground: Ground | None, found: Candidates) -> list[int]:
        if ground is None:
            return []
        rules: list[Rule] = [self._stand[ground]] if ground in self._stand else []
        if ground in found.records and not found.records[ground].certain:
            rules += [t.rule for t in found.records[ground].texts]
        return [leaf for r in rules for leaf in self.leaves_of(r)]

    def _signs(self) -> list[Signs]:
        """Which ways each move pushes, by the signs under which its leaves reach the claim."""
        part = self._part
        if part is None:
            return [Signs(False, False)] * len(self.moves)
        positive, negative = Polarity(part).below(part.roots, part.leaf)
        up, down = set(part.facts[positive].tolist()), set(part.facts[negative].tolist())
        if not self.monotone:
            up = down = up | down
        signs = []
        for off, on in self._off_on:
            rises, falls = set(on), {k for k in off if self._base[k] > 0}
            signs.append(Signs(bool(rises & up or falls & down), bool(rises & down or falls & up)))
        return signs


class OneByOne:
    """The same where each set is run by itself, which any program allows."""

    fast = False

    def __init__(self, setting: Setting, found: Candidates) -> None:
        self.setting, self.found = setting, found
        self.moves = found.moves
        self.signs = [Signs(True, True)] * len(found.moves)
        self.monotone = False

    def values(self, sets: Sequence[Sequence[int]]) -> list[Interval]:
        """The claim under each of some sets of moves."""
        result: list[Interval] = []
        for moves in sets:
            try:
                answers = self.setting.run(changed_by([self.moves[k] for k in moves], self.setting, self.found))
                result.append(self.setting.bounds(answers))
            except ImpossibleEvidence:
                result.append((math.nan, math.nan))
        return result


def possible(setting: Setting, found: Candidates, weighted: Sequence[Rule] = ()) -> Possible | OneByOne:
    """What evaluates sets of moves; a graph of all of them where there can be one."""
    if setting.answers.logic is not None or setting.reasoner.read_by_networks():
        return OneByOne(setting, found)  # such a network says something else when the facts change
    try:
        return Possible(setting, found, weighted)
    except NeurosymError:  # a sum of floats over what may change, too large a circuit: run by itself, each set may do
        return OneByOne(setting, found)


def changed_by(moves: Sequence[Candidate], setting: Setting, found: Candidates) -> Reasoner:
    """The reasoner after some moves."""
    removed = {c.off: found.records[c.off] for c in moves if c.off is not None}
    return setting.changed(removed, [c.on for c in moves if c.on is not None])


def _stand_ins(setting: Setting, grounds: Sequence[Ground]) -> dict[Ground, Rule]:
    """A fact with a choice of its own for each fact that may go or come."""
    made: dict[Ground, Rule] = {}
    for ground in dict.fromkeys(grounds):
        name, values = setting.plain(ground)
        atom = Atom(name, tuple(Const(v) for v in values))
        made[ground] = Rule((Alternative((atom,), HALF),))
    return made


W = TypeVar("W", bound=Rule | Constraint)


def with_weight(rule: W, weight: float) -> W:
    """The rule or constraint with another weight, which is not learned."""
    other = Weight(Const(weight))
    if isinstance(rule, Constraint):
        return replace(rule, weight=other)
    if rule.exception_weight is not None:
        return replace(rule, exception_weight=other)
    return replace(rule, heads=(replace(rule.heads[0], weight=other),))


__all__ = ["Interval", "OneByOne", "Possible", "Signs", "changed_by", "possible", "with_weight"]
