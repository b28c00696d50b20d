"""A program on the table: what was asked of it, grounded, with a sample of the answers to look at."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from neurosym.errors import DataError, LimitError, NetworkError
from neurosym.grounding import CERTAIN, Limits, ground
from neurosym.grounding.cost.forecast import sample_inputs
from neurosym.lang.ast import Atom, Const
from neurosym.reasoner.advice.model import Numbers
from neurosym.reasoner.grounded import Evidence, Grounded
from neurosym.reasoner.leaves import Leaves
from neurosym.semantics import Boolean, relevant_part, unknown_leaves
from neurosym.semantics.polarity import Polarity

if TYPE_CHECKING:
    from neurosym.reasoner.reasoner import Reasoner

MAX_ANSWERS = 100  # uncertain answers that are looked at
GROUNDING = 0.5  # of the time, at most


@dataclass(frozen=True)
class Subject:
    """What the semantics are tried on.

    Attributes:
        reasoner: a copy, whose program answers the queries; atoms: what is asked; inputs, given: its inputs, and its
            evidence beside the program's.
        grounded: its ground program; observed: the evidence, as facts.
        tags: (1, F) probabilities of the leaves.
        facts: the m uncertain answers that are looked at; names: as they are spelled.
        rests: (m,) whether they rest on unknown atoms; trained: leaves below them that are learned or from networks.
        numbers: what was found out so far.
    """

    reasoner: Reasoner
    atoms: tuple[Atom, ...]
    inputs: Mapping[str, Tensor]
    given: Mapping[str, bool] | tuple[str, ...]
    grounded: Grounded
    observed: Evidence
    tags: Tensor
    facts: list[int]
    names: list[str]
    rests: list[bool]
    trained: Tensor
    numbers: Numbers


def prepare(
    reasoner: Reasoner, queries: Sequence[str | Atom], seconds: float, inputs: Mapping[str, Tensor],
    evidence: Mapping[str, bool] | Iterable[str] | None,
) -> Subject | Numbers:  # fmt: skip
    """Foresee the cost of grounding, ground, and draw the answers to look at.

    Args:
        seconds: for all of the advice.

    Returns:
        Numbers alone where grounding would go, or went, beyond its limits.

    Raises:
        DataError: NS615, nothing is asked.
    """
    began = time.monotonic()
    # a copy: what is grounded and compiled here for a look leaves nothing behind
    copy = reasoner.over(reasoner.facts)
    copy.limits = replace(reasoner.limits, seconds=min(reasoner.limits.seconds, seconds * GROUNDING))
    copy.progress = reasoner.progress
    given = evidence if isinstance(evidence, Mapping) else tuple(evidence or ())
    foreseen = copy.forecast(*queries)
    worst = foreseen.worst
    numbers = Numbers(
        foreseen.facts, foreseen.firings, foreseen.seconds, foreseen.limits,
        "" if worst is None else f"{worst.label} ({worst.place}): {worst.reason}",
        constraints=len(copy.program.constraints),
    )  # fmt: skip
    if foreseen.limits:
        return numbers
    try:
        asking, atoms = copy.joint.asking(queries or copy.queries, dict(inputs), False)
        if not atoms:
            raise DataError("nothing is asked", code="NS615", help="pass an atom, or write `query(…).` in the rules")
        observed = [(asking.atom(e.atom), e.positive) for e in asking.program.evidence]
        observed += asking.joint.observed(given)
        asked = (*atoms, *(a for a, _ in observed))
        for atom in asked:
            asking.check_known(atom)
        asking.limits = _left(copy.limits, began)
        grounded = _grounded(asking, asked, inputs)
    except LimitError as error:
        return replace(numbers, worst="; ".join(filter(None, [error.message, error.note])))
    tags, stand_ins = _leaf_tags(asking, grounded, inputs)
    numbers = replace(
        numbers, facts=grounded.graph.num_facts, firings=grounded.graph.num_groundings,
        grounding_seconds=time.monotonic() - began,
    )  # fmt: skip
    return _sampled(
        Subject(
            asking, atoms, inputs, given, grounded, grounded.evidence(observed), tags, [], [], [],
            torch.zeros(0, dtype=torch.long), replace(numbers, stand_ins=stand_ins),
        ), reasoner.seed,
    )  # fmt: skip


def _left(limits: Limits, began: float) -> Limits:
    return replace(limits, seconds=max(0.01, limits.seconds - (time.monotonic() - began)))


def _grounded(reasoner: Reasoner, asked: Sequence[Atom], inputs: Mapping[str, Tensor]) -> Grounded:
    """The ground program; one whose networks are not there is grounded all the same."""
    slots = sorted(inputs) if inputs else sample_inputs(reasoner.program, asked)
    if not reasoner.program.neural:
        return reasoner.grounded(slots, asked, mode=reasoner._mode(Boolean()))
    try:
        return reasoner.grounded(slots, asked)
    except (NetworkError, DataError) as error:
        if error.code not in ("NS601", "NS614"):
            raise
        graph = ground(
            reasoner.program, reasoner.facts, slots=slots, queries=asked, limits=reasoner.limits, demand=reasoner.demand
        )
        # no leaves can be made without networks: the tags come from `_leaf_tags`
        return Grounded(graph, cast(Leaves, None), reasoner.max_circuit, slots)


def _leaf_tags(reasoner: Reasoner, grounded: Grounded, inputs: Mapping[str, Tensor]) -> tuple[Tensor, int]:
    """(1, F) probabilities of the leaves, and for how many of them equal ones stand in for what networks would say."""
    with torch.no_grad():
        if grounded.leaves is not None:
            try:
                return grounded.leaves(reasoner.weights, inputs)[:1].double().cpu(), 0
            except DataError as error:
                if error.code != "NS613":
                    raise
        graph, count = grounded.graph, 0
        tags = torch.zeros(graph.num_facts, dtype=torch.float64)
        for group in graph.choices:
            index = torch.from_numpy(group.facts.astype(np.int64))
            if group.probabilities is not None:
                tags[index] = torch.from_numpy(group.probabilities)
            elif group.parameters is not None:
                tags[index] = torch.stack([reasoner.weights(int(p)).double().cpu() for p in group.parameters])
            elif group.kind == "neural":
                tags[index] = 1 / (group.facts.shape[1] + group.rest)
                count += group.facts.size
    return tags[None], count


def _sampled(subject: Subject, seed: int) -> Subject:
    """The subject with some of its uncertain answers."""
    graph = subject.grounded.graph
    # ids alone: to spell millions of answers would take longer than all trials
    matched = [graph.matches(a) for a in subject.atoms]
    absent = {str(a) for a, m in zip(subject.atoms, matched, strict=True) if not len(m) and _is_ground(a)}
    seen = np.zeros(graph.num_facts, bool)
    for found in matched:
        seen[found] = True
    answers = np.nonzero(seen)[0].astype(np.int32)
    uncertain = answers[graph.status[answers] != CERTAIN]
    drawn = list(range(len(uncertain)))
    if len(drawn) > MAX_ANSWERS:
        drawn = sorted(random.Random(seed).sample(drawn, MAX_ANSWERS))
    facts = uncertain[drawn].tolist()
    numbers = replace(
        subject.numbers, answers=len(answers) + len(absent), certain=len(answers) - len(uncertain) + len(absent),
        measured=len(facts), observed=len(subject.observed),
    )  # fmt: skip
    rests, trained = [False] * len(facts), np.zeros(0, np.int64)
    if facts:
        kinds = [g.facts.ravel() for g in graph.choices if g.kind in ("learned", "neural")]
        part = relevant_part(graph, np.array(facts, np.int32), drop_certain=True)
        trained = np.intersect1d(part.facts, np.concatenate([*kinds, trained]))
        unknown = np.isin(part.facts, unknown_leaves(graph))
        rests = Polarity(part).above(np.nonzero(unknown)[0])[part.roots].tolist()
    return replace(
        subject, facts=facts, names=[graph.atom(f) for f in facts], rests=rests,
        trained=torch.from_numpy(trained.astype(np.int64)),
        numbers=replace(numbers, unknown=sum(rests), trainable=len(trained)),
    )  # fmt: skip


def _is_ground(atom: Atom) -> bool:
    return all(isinstance(t, Const) for t in atom.args)


__all__ = ["MAX_ANSWERS", "Subject", "prepare"]
