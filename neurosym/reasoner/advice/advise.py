"""Advice on the semantics: every one is tried on the program's own queries, and what was measured decides."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from neurosym.errors import NeurosymError
from neurosym.lang.ast import Atom
from neurosym.reasoner.advice.clock import Alarm, OutOfTime
from neurosym.reasoner.advice.compare import compared
from neurosym.reasoner.advice.model import Advice, Numbers, Trial
from neurosym.reasoner.advice.subject import Subject, prepare
from neurosym.reasoner.advice.trials import Outcome, try_algebras, try_bounds, try_exact, try_topk
from neurosym.reasoner.advice.warm import warm_up
from neurosym.reasoner.advice.words import about_certain, about_grounding, sentences
from neurosym.semantics.exact import survey

if TYPE_CHECKING:
    from neurosym.reasoner.reasoner import Reasoner

SAME = 1e-6  # differences below it are rounding


def advise(
    reasoner: Reasoner, queries: Sequence[str | Atom], seconds: float, inputs: Mapping[str, Tensor],
    evidence: Mapping[str, bool] | Iterable[str] | None,
) -> Advice:  # fmt: skip
    """Which semantics suits a program: see `Reasoner.advise`."""
    warm_up()
    end = time.monotonic() + seconds

    def left() -> float:
        return max(0.0, end - time.monotonic())

    subject = prepare(reasoner, queries, seconds, inputs, evidence)
    if isinstance(subject, Numbers):
        return Advice(None, about_grounding(subject), subject, ())
    if not subject.facts:
        return _certain(subject)
    numbers = _surveyed(subject, left() / 4)
    outcomes = [try_exact(subject, left() / 2, reasoner.max_circuit)]
    _refuse_impossible(outcomes[0])
    outcomes += try_algebras(subject, lambda: left() / 2)
    unsolved = len(outcomes[0].values) < len(subject.facts)
    outcomes.append(try_topk(subject, left() * (0.8 if unsolved else 0.5)))
    if unsolved:
        _refuse_impossible(outcomes[-1])
    outcomes.append(try_bounds(subject, left() / 2))
    numbers = replace(
        numbers, methods=tuple(sorted(Counter(outcomes[0].methods).items())),
        contradictions=outcomes[-1].contradictions,
    )  # fmt: skip
    if numbers.constraints and outcomes[-1].values:
        numbers = _narrowed(subject, numbers, outcomes[-1], try_bounds(subject, left(), constrained=False))
    names = dict(zip(subject.facts, subject.names, strict=True))
    exact, proved = outcomes[0].values, next(o.values for o in outcomes if o.trial.semantics == "topk")
    trials = [compared(o, exact, proved, names) for o in outcomes]
    chosen = _chosen(numbers, {t.semantics: t for t in trials})
    trials.sort(key=lambda t: t.semantics != chosen)
    return Advice(
        chosen, sentences(chosen, numbers, trials, outcomes[0].detail), numbers, tuple(trials)
    )  # fmt: skip


def _refuse_impossible(outcome: Outcome) -> None:
    """Evidence of probability 0 leaves nothing to give advice on."""
    if outcome.impossible is not None:
        raise outcome.impossible


def _chosen(numbers: Numbers, trials: Mapping[str, Trial]) -> str | None:
    """The semantics that suits."""
    exact, topk = trials["exact"], trials["topk"]
    if numbers.narrowed:  # only `bounds` reasons with constraints
        return "bounds"
    if exact.answered == exact.of:
        return "exact"
    if topk.answered > exact.answered or (topk.answered and topk.answered == topk.of):
        return "topk"
    if exact.answered:
        return "exact"
    return next((name for name in ("bounds", "viterbi") if trials[name].answered), None)


def _surveyed(subject: Subject, seconds: float) -> Numbers:
    """The numbers with what can be proved of the facts below the answers."""
    try:
        with Alarm(seconds):
            found = survey(subject.grounded.graph, np.array(subject.facts, np.int32))
    except OutOfTime:
        return subject.numbers
    return replace(
        subject.numbers, choices=found.choices, derived=len(found.facts), proved=int(found.proved.sum()),
        cyclic=int(found.cyclic.sum()),
    )  # fmt: skip


def _narrowed(subject: Subject, numbers: Numbers, with_them: Outcome, without: Outcome) -> Numbers:
    """The numbers with the answers that only the constraints narrow."""
    wider = {
        f: (b[1] - b[0]) - (a[1] - a[0])
        for f, a in with_them.values.items()
        if (b := without.values.get(f)) is not None and a[1] - a[0] >= 0
    }
    narrowed = [f for f, by in wider.items() if by > SAME]
    if not narrowed:
        return numbers
    most = max(narrowed, key=lambda f: wider[f])
    return replace(
        numbers, narrowed=len(narrowed), narrowed_atom=subject.names[subject.facts.index(most)],
        before=without.values[most], after=with_them.values[most],
    )  # fmt: skip


def _certain(subject: Subject) -> Advice:
    """Advice where no answer rests on a choice."""
    numbers, reasoner = subject.numbers, subject.reasoner
    chosen = "exact" if subject.observed or not numbers.answers else "boolean"
    trials = [Trial("boolean", code="NS503", because="the semantics `boolean` does not define evidence")]
    if not subject.observed:
        trials = [Trial("boolean", error=0.0)]
    exact = Trial("exact", error=0.0)
    if subject.grounded.graph.engine is not None:  # facts alone were kept; all but `boolean` need the firings
        try:
            began = time.monotonic()
            firings = reasoner.grounded((), subject.atoms).graph.num_groundings
            exact = replace(exact, seconds=time.monotonic() - began, because=f"keeps {firings:,} firings, too")
            numbers = replace(numbers, firings=firings)
        except NeurosymError as error:
            exact = replace(exact, code=error.code, because=error.message)
    trials.append(exact)
    trials.sort(key=lambda t: t.semantics != chosen)
    return Advice(chosen, about_certain(chosen, numbers, exact), numbers, tuple(trials))


__all__ = ["advise"]
