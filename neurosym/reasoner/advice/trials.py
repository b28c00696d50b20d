"""Each semantics on the same answers: what it gives, what it costs, where it stops."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch

from neurosym.errors import NeurosymError
from neurosym.lang.ast import Constraint
from neurosym.reasoner.advice.clock import Alarm, OutOfTime
from neurosym.reasoner.advice.model import Trial
from neurosym.reasoner.advice.subject import Subject
from neurosym.reasoner.reasoner import method_of
from neurosym.semantics import ALGEBRAS, Bounds, Evaluator, Exact, LogicBounds, ProofBounds, Semantics, TopK

Interval = tuple[float, float]
CIRCUITS = (2_000, 20_000, 200_000)  # limits on circuits that are tried before the reasoner's own
TOGETHER = 0.7  # of the time for `exact` is for all answers together, the rest for each by itself
RISE = 20  # a try with the next limit may take so much longer than the one before
PROOFS = (16, 64, 256, 1024)  # limits on proofs, likewise
REASONS = 4  # answers whose reason is put into words
IMPOSSIBLE, TOO_LARGE = "NS502", "NS520"  # the evidence has probability 0; a circuit grew past its limit


@dataclass(frozen=True)
class Outcome:
    """A trial with its answers.

    Attributes:
        values: fact → the interval of its tags, in which both are equal where the semantics gives one number.
        methods: for answers of `exact`, how they were computed; detail: of the largest circuit, in words.
        reached: leaves of learnable weights and networks that a gradient reaches.
        impossible: the error that said that the evidence has probability 0.
    """

    trial: Trial
    values: dict[int, Interval]
    methods: tuple[str, ...] = ()
    detail: str = ""
    reached: frozenset[int] = frozenset()
    impossible: NeurosymError | None = None
    contradictions: int = 0


Made = Exact | Evaluator | Bounds | ProofBounds


def try_exact(subject: Subject, seconds: float, max_circuit: int) -> Outcome:
    """The exact semantics on more and more answers, with circuits of more and more nodes; then on each by itself."""
    end, outgrown = time.monotonic() + seconds, 0
    outcome = Outcome(Trial("exact", of=len(subject.facts)), {})
    limits = [*(c for c in CIRCUITS if c < max_circuit), max_circuit]
    count = 1
    try:
        with Alarm(seconds * TOGETHER) as alarm:
            while True:
                began = time.monotonic()
                subject.grounded.max_circuit = limits[0]
                try:
                    outcome = _exactly(subject, subject.facts[:count])
                except NeurosymError as error:
                    if error.code != TOO_LARGE:
                        return _refused(outcome, error)
                    outgrown = limits.pop(0)
                    if limits and (time.monotonic() - began) * RISE < alarm.left:
                        continue
                    break
                if count == len(subject.facts):
                    return outcome
                if (time.monotonic() - began) * 4 > alarm.left:
                    break
                count = min(4 * count, len(subject.facts))
    except OutOfTime:
        pass
    if not outgrown:
        return _late(outcome, seconds * TOGETHER)
    subject.grounded.max_circuit = outgrown
    return _one_by_one(subject, outcome, max(0.0, end - time.monotonic()), outgrown)


def _exactly(subject: Subject, facts: Sequence[int]) -> Outcome:
    subject.grounded.solutions = {}  # the next try shall not profit from this one
    outcome = _measured(subject, facts, None, subject.observed)
    made = subject.grounded.evaluator(facts, subject.observed, None)
    if not isinstance(made, Exact):
        found = [method_of(made, k) for k in range(len(facts))]
        # the first few reasons will do: putting all into words takes longer than solving
        ways = [
            (name, why if isinstance(why, str) else why() if k < REASONS else "") for k, (name, why) in enumerate(found)
        ]
        detail = max((d for m, d in ways if m == "circuit"), key=_nodes, default="")
        return replace(outcome, methods=tuple(m for m, _ in ways), detail=detail)
    names = tuple(m.name for m in made.methods)
    # one reason alone: to find the reasons of all answers can take longer than the answers
    largest = max((k for k, m in enumerate(names) if m == "circuit"), key=lambda k: made.methods[k].nodes, default=None)
    return replace(outcome, methods=names, detail="" if largest is None else made.detail(largest))


def _nodes(detail: str) -> int:
    """The nodes that the detail of a circuit speaks of."""
    words = detail.partition(":")[0].replace(",", "").split()
    return next((int(n) for n, word in pairwise(words) if word == "nodes" and n.isdigit()), 0)


def _one_by_one(subject: Subject, outcome: Outcome, seconds: float, limit: int) -> Outcome:
    """Which answers can be had, each by itself, with circuits of the largest size that was too small for all."""
    outcome, failed = replace(outcome, trial=Trial("exact", of=len(subject.facts)), values={}, methods=()), 0
    try:
        with Alarm(seconds) as alarm:
            for fact in subject.facts:
                if not alarm.left:
                    break
                try:
                    outcome = _joined(outcome, _exactly(subject, [fact]))
                except NeurosymError as error:
                    if error.code != TOO_LARGE:
                        return _refused(outcome, error)
                    failed += 1
    except OutOfTime:
        pass
    because = f"circuits of {limit:,} nodes were too small for {failed} of the answers"
    untried = len(subject.facts) - failed - outcome.trial.answered
    if untried:
        because += f", and there was no time for {untried}"
    return replace(outcome, trial=replace(outcome.trial, code=TOO_LARGE if failed else "", because=because))


def try_topk(subject: Subject, seconds: float) -> Outcome:
    """Bounds from more and more proofs, answer by answer first."""
    outcome = Outcome(Trial("topk", of=len(subject.facts)), {})
    try:
        with Alarm(seconds) as alarm:
            for fact in subject.facts:
                if not alarm.left:
                    return _late(outcome, seconds)
                one = _measured(subject, [fact], TopK(max_k=PROOFS[0]), subject.observed)
                outcome = _joined(outcome, one, f"max_k={PROOFS[0]}")
            for most in PROOFS[1:]:
                widest = max((b - a for a, b in outcome.values.values()), default=0.0)
                if widest <= TopK.width or (outcome.trial.seconds or 0) * 4 > alarm.left:
                    break
                more = _measured(subject, subject.facts, TopK(max_k=most), subject.observed)
                settings = "" if most == TopK.max_k else f"max_k={most}"
                outcome = replace(more, trial=replace(more.trial, settings=settings))
    except OutOfTime:
        if outcome.trial.answered < len(subject.facts):
            return _late(outcome, seconds)
    except NeurosymError as error:
        return _refused(outcome, error)
    return outcome


def _joined(one: Outcome, other: Outcome, settings: str = "") -> Outcome:
    """Two outcomes of one semantics as one."""
    a, b, reached = one.trial, other.trial, one.reached | other.reached
    trial = replace(
        a, answered=a.answered + b.answered, seconds=(a.seconds or 0) + (b.seconds or 0),
        again=(a.again or 0) + (b.again or 0), settings=settings, reached=None if b.reached is None else len(reached),
    )  # fmt: skip
    return replace(
        one, trial=trial, values={**one.values, **other.values}, methods=(*one.methods, *other.methods),
        detail=max(one.detail, other.detail, key=_nodes), reached=reached,
    )  # fmt: skip


def try_algebras(subject: Subject, left: Callable[[], float]) -> list[Outcome]:
    """Every algebra, which takes one pass over the firings."""
    tried = []
    for algebra in ALGEBRAS:
        outcome, seconds = Outcome(Trial(algebra.name, of=len(subject.facts)), {}), left() / 3
        try:
            if subject.observed:
                because = f"the semantics `{algebra.name}` does not define evidence"
                outcome = replace(outcome, trial=replace(outcome.trial, code="NS503", because=because))
            elif seconds > 0:
                with Alarm(seconds):
                    _measured(subject, subject.facts[:1], algebra())  # whatever is loaded at first costs nothing later
                    outcome = _measured(subject, subject.facts, algebra())
            else:
                outcome = _late(outcome, 0)
        except NeurosymError as error:
            outcome = _refused(outcome, error)
        except OutOfTime:
            outcome = _late(outcome, seconds)
        tried.append(outcome)
    return tried


def try_bounds(subject: Subject, seconds: float, constrained: bool = True) -> Outcome:
    """Logical bounds, for all answers at once.

    Args:
        constrained: with the program's constraints; else without, to see what these do.
    """
    outcome, reasoner = Outcome(Trial("bounds", of=len(subject.facts)), {}), subject.reasoner
    if seconds < 2 * subject.numbers.grounding_seconds:  # it grounds the program anew, as a whole
        return _late(outcome, seconds)
    if not constrained:
        kept = tuple(s for s in reasoner.program.statements if not isinstance(s, Constraint))
        reasoner = reasoner.over(reasoner.facts, program=replace(reasoner.program, statements=kept))
    try:
        with Alarm(seconds), torch.no_grad():
            began = time.monotonic()
            answers = reasoner.query(
                *subject.atoms, inputs=subject.inputs, evidence=subject.given, semantics=LogicBounds()
            )
            spent = time.monotonic() - began
            reasoner.query(*subject.atoms, inputs=subject.inputs, evidence=subject.given, semantics=LogicBounds())
            again = time.monotonic() - began - spent
            at = [answers.position(name) for name in subject.names]
            lower, upper = answers.lower[0, at].tolist(), answers.upper[0, at].tolist()
            trial = replace(outcome.trial, answered=len(at), seconds=spent, again=again)
            values = dict(zip(subject.facts, zip(lower, upper, strict=True), strict=True))
            return replace(outcome, trial=trial, values=values, contradictions=len(answers.contradictions))
    except NeurosymError as error:
        return _refused(outcome, error)
    except OutOfTime:
        return _late(outcome, seconds)


def _measured(
    subject: Subject, facts: Sequence[int], semantics: Semantics | None, evidence: Sequence[tuple[int, bool]] = ()
) -> Outcome:
    """Prepare and evaluate once, evaluate once more, and see how far gradients reach."""
    name = "exact" if semantics is None else semantics.name
    began = time.monotonic()
    with torch.no_grad():
        made = subject.grounded.evaluator(facts, tuple(evidence), semantics)
        lower, upper = _interval(made, subject.tags)
        spent = time.monotonic() - began
        _interval(made, subject.tags.clone())
        again = time.monotonic() - began - spent
    values = dict(zip(facts, zip(lower[0].tolist(), upper[0].tolist(), strict=True), strict=True))
    reached = _reached(subject, made)
    trial = Trial(
        name, answered=len(facts), of=len(subject.facts), seconds=spent, again=again,
        reached=len(reached) if len(subject.trained) else None,
    )  # fmt: skip
    return Outcome(trial, values, reached=reached)


def _interval(made: Made, tags: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if isinstance(made, Bounds | ProofBounds):
        return made.bounds(tags)
    found = made(tags)
    return found, found


def _reached(subject: Subject, made: Made) -> frozenset[int]:
    """Leaves of learnable weights and networks that get a gradient."""
    if not len(subject.trained):
        return frozenset()
    tags = subject.tags.clone().requires_grad_()
    found = made(tags)
    if not found.requires_grad:
        return frozenset()
    (gradient,) = torch.autograd.grad(found.sum(), tags, allow_unused=True)
    return frozenset() if gradient is None else frozenset(subject.trained[gradient[0, subject.trained] != 0].tolist())


def _refused(outcome: Outcome, error: NeurosymError) -> Outcome:
    trial = replace(outcome.trial, code=error.code, because=error.message)
    return replace(outcome, trial=trial, impossible=error if error.code == IMPOSSIBLE else None)


def _late(outcome: Outcome, seconds: float) -> Outcome:
    because = f"not finished within {seconds:.2g} s" if seconds > 0.01 else "not tried: no time was left"
    return replace(outcome, trial=replace(outcome.trial, because=because))


__all__ = ["Interval", "Outcome", "try_algebras", "try_bounds", "try_exact", "try_topk"]
