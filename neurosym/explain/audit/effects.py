"""What each rule does to the answers: they are computed again without it, exactly, networks included."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from neurosym.errors import ImpossibleEvidence
from neurosym.explain.audit.intended import Intended
from neurosym.explain.audit.labels import Asked, Labelled, ask
from neurosym.explain.audit.model import RuleUse
from neurosym.explain.contributions.players import rule_leaves
from neurosym.explain.firings import conclusions
from neurosym.lang.ast import Or, Program
from neurosym.reasoner import Answers, Reasoner
from neurosym.semantics import TopK, relevant_part

NEVER = Or(())  # a body that holds nowhere
TINY = 1e-12

Numbers = NDArray[np.float64]
Columns = dict[str, Numbers]  # answer → (B,) probabilities


@dataclass(frozen=True)
class Effects:
    """All rules, left out one at a time.

    Attributes:
        atoms: for each batch A answers: those that were given, then those that only appear without some rule.
        tags, labels: for each batch (B, A) their probabilities, and what is known of them, NaN where nothing is.
        statements: rules that are no facts, by their number in the program.
        firings: statement → ground instances.
        change: statement → for each batch (B, A) the probability with the rule minus that without it; a rule that
            never fires has none, nor one for which there was no time, or without which the evidence is impossible.
        hidden: (statement, over) → (B, A) likewise, in the program without `over`, where `over` alone decides against
            an answer and the statement changes nothing as long as it stands.
        skipped: how many rules there was no time for, unpaired: how many pairs; impossible: names of rules without
            which the evidence is impossible.
    """

    atoms: list[list[str]]
    tags: list[Numbers]
    labels: list[Numbers]
    statements: tuple[int, ...]
    firings: dict[int, int]
    change: dict[int, list[Numbers]]
    hidden: dict[tuple[int, int], list[Numbers]]
    skipped: int
    unpaired: int
    impossible: tuple[str, ...]


class LeftOut:
    """Answers without some rules, made one after the other until the time is up.

    Attributes:
        late: how many there was no time for; impossible: names of rules without which the evidence is impossible.
    """

    def __init__(
        self, reasoner: Reasoner, data: Sequence[Labelled], asked: Sequence[Asked], semantics: str | None,
        seconds: float,
    ) -> None:  # fmt: skip
        self.reasoner, self.data, self.asked, self.semantics = reasoner, data, asked, semantics
        self.end = time.monotonic() + seconds
        self.late = 0
        self.impossible: list[str] = []
        self.read = [_read_by_networks(reasoner, a) for a in asked]

    def __call__(self, *statements: int) -> list[Columns] | None:
        """For each batch the answers without some rules; None if there is no time, or if there can be none."""
        if time.monotonic() > self.end:
            self.late += 1
            return None
        try:
            return self._without(statements)
        except ImpossibleEvidence:
            self.impossible += [self.reasoner.program.rules[s].label for s in statements]
            return None

    def _without(self, statements: Sequence[int]) -> list[Columns]:
        leaves = [self._leaves(k, statements) for k in range(len(self.asked))]
        if all(found is not None for found in leaves):
            return [_at_zero(a, found or []) for a, found in zip(self.asked, leaves, strict=True)]
        program = self.reasoner.program
        for statement in statements:
            program = without(program, statement)
        other = self.reasoner.over(self.reasoner.facts, program=program)
        return [_columns(ask(other, b, self.semantics)) for b in self.data]

    def _leaves(self, batch: int, statements: Sequence[int]) -> list[int] | None:
        """The leaves without which these rules conclude nothing, None where the program must be grounded anew."""
        asked, found = self.asked[batch], []
        graph, answers = asked.graph, asked.answers
        plain = not isinstance(answers.algebra, TopK) and not answers.grounded.has_unknown  # else there are bounds
        for statement in statements:
            rule = self.reasoner.program.rules[statement]
            weighted = rule.exception_weight is not None or all(h.weight is not None for h in rule.heads)
            mine = rule_leaves(graph, statement) if weighted and plain else []
            if not mine or not self.read[batch].isdisjoint(mine):
                return None
            found += mine
        return found


def effects(
    reasoner: Reasoner, data: Sequence[Labelled], asked: Sequence[Asked], semantics: str | None, seconds: float,
    threshold: float, intended: Intended,
) -> Effects:  # fmt: skip
    """Leave out each rule in turn, and each rule that another one keeps from having any effect.

    Args:
        seconds: that it may take; what is left then is skipped.
        threshold: of a decision.
    """
    program = reasoner.program
    statements = tuple(k for k, r in enumerate(program.rules) if not r.is_fact)
    firings = _firings(asked)
    left_out = LeftOut(reasoner, data, asked, semantics, seconds)
    without_each: dict[int, list[Columns]] = {}
    for statement in statements:
        if firings.get(statement) and (found := left_out(statement)) is not None:
            without_each[statement] = found
    skipped = left_out.late
    given = [_columns(a.answers) for a in asked]
    # a rule may keep an answer from being derived at all: it appears without it
    atoms = [list(dict.fromkeys([*g, *(a for f in without_each.values() for a in f[k])])) for k, g in enumerate(given)]
    sizes = [len(a.labels) for a in asked]

    def matrices(found: list[Columns]) -> list[Numbers]:
        """(B, A) of each batch, in the order of its atoms."""
        return [
            np.stack([np.broadcast_to(f.get(a, 0.0), n) for a in names], 1) if names else np.zeros((n, 0))
            for f, names, n in zip(found, atoms, sizes, strict=True)
        ]

    tags = matrices(given)
    change = {s: [t - f for t, f in zip(tags, matrices(found), strict=True)] for s, found in without_each.items()}
    hidden: dict[tuple[int, int], list[Numbers]] = {}
    for over, lowered in change.items():
        # where it alone decides against an answer, other rules may be for it, and change nothing as long as it stands
        decided = [(t < threshold) & (t - c >= threshold) for t, c in zip(tags, lowered, strict=True)]
        if not any(d.any() for d in decided):
            continue
        for statement, own in change.items():
            unseen = [d & (np.abs(c) < TINY) for d, c in zip(decided, own, strict=True)]
            if statement == over or not any(u.any() for u in unseen) or intended(statement, over):
                continue
            if (found := left_out(over, statement)) is not None:
                parts = zip(tags, lowered, matrices(found), unseen, strict=True)
                hidden[statement, over] = [np.where(u, (t - c) - f, 0.0) for t, c, f, u in parts]
    more = [
        np.full((n, len(names) - a.labels.shape[1]), np.nan) for a, names, n in zip(asked, atoms, sizes, strict=True)
    ]
    labels = [np.concatenate([a.labels, m], 1) for a, m in zip(asked, more, strict=True)]
    names = tuple(dict.fromkeys(left_out.impossible))
    return Effects(
        atoms, tags, labels, statements, firings, change, hidden, skipped, left_out.late - skipped, names
    )  # fmt: skip


def without(program: Program, statement: int) -> Program:
    """The program with a rule that never fires; learnable weights keep their numbers."""
    rule = program.rules[statement]
    kept = tuple(replace(s, body=NEVER) if s is rule else s for s in program.statements)
    return replace(program, statements=kept)


def _columns(answers: Answers) -> Columns:
    tags = answers.tags.detach().cpu().double().numpy()
    return dict(zip(answers.atoms, tags.T, strict=True))


def _at_zero(asked: Asked, leaves: list[int]) -> Columns:
    """The answers with some leaves at probability 0."""
    answers = asked.answers
    columns = [k for k, f in enumerate(answers.facts) if f >= 0]
    evaluator = answers.grounded.evaluator([answers.facts[k] for k in columns], answers.evidence, answers.algebra)
    tags = answers.leaf_tags.clone()
    tags[:, leaves] = 0.0
    with torch.no_grad():
        found = evaluator(tags).double().numpy()
    return {answers.atoms[k]: found[:, column] for column, k in enumerate(columns)}


def _read_by_networks(reasoner: Reasoner, asked: Asked) -> set[int]:
    """All that the probabilities depend on which graph networks read: without it they are asked again."""
    facts = [f for atom in reasoner.read_by_networks() for f in asked.graph.matches(atom).tolist()]
    if not facts:
        return set()
    return set(relevant_part(asked.graph, np.array(sorted(facts), np.int32), drop_certain=True).facts.tolist())


def _firings(asked: Sequence[Asked]) -> dict[int, int]:
    """Statement → ground instances of the rule itself, each graph once."""
    found: dict[int, int] = {}
    for graph in {id(a.graph): a.graph for a in asked}.values():
        for statement, count in conclusions(graph).items():
            found[statement] = found.get(statement, 0) + count
    return found


def rule_uses(program: Program, found: Effects, least: float, threshold: float) -> tuple[RuleUse, ...]:
    """What each rule did, as counts."""
    uses: list[RuleUse] = []
    labels, tags = flat(found.labels), flat(found.tags)
    for statement in found.statements:
        rule = program.rules[statement]
        use = RuleUse(rule.label, f"{rule.span.file}:{rule.span.line}", found.firings.get(statement, 0))
        if not use.firings:
            use = replace(use, moved=0)
        elif statement in found.change:
            use = _counted(use, flat(found.change[statement]), tags, labels, least, threshold)
        uses.append(use)
    return tuple(uses)


def _counted(
    use: RuleUse, change: Numbers, tags: Numbers, labels: Numbers, least: float, threshold: float
) -> RuleUse:  # fmt: skip
    known = ~np.isnan(labels)
    moved = np.abs(change) >= least
    towards = np.where(labels == 1, change, -change)[known]
    counted = moved[known]
    truth = labels[known] == 1
    now, then = tags[known], (tags - change)[known]
    right, was = (now >= threshold) == truth, (then >= threshold) == truth
    gain = None
    if known.any():
        gain = float(np.mean(_log_likelihood(now, truth) - _log_likelihood(then, truth)))
    return replace(
        use, moved=int(moved.sum()), right=int((counted & (towards > 0)).sum()),
        wrong=int((counted & (towards < 0)).sum()), saves=int((right & ~was).sum()), spoils=int((~right & was).sum()),
        gain=gain,
    )  # fmt: skip


def _log_likelihood(tags: Numbers, truth: NDArray[np.bool_]) -> Numbers:
    return np.log(np.clip(np.where(truth, tags, 1 - tags), TINY, None))


def flat(parts: Sequence[Numbers]) -> Numbers:
    """The numbers of all batches, one after the other."""
    return np.concatenate([p.reshape(-1) for p in parts]) if parts else np.zeros(0)
