"""Puts an audit together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from neurosym.errors import ExplanationError
from neurosym.explain.audit.accuracy import accuracies
from neurosym.explain.audit.conflicts import Violations, opposites, violations
from neurosym.explain.audit.effects import Effects, effects, rule_uses
from neurosym.explain.audit.intended import Intended
from neurosym.explain.audit.labels import Asked, Concepts, Labelled, as_batches, ask, concept_labels, label_matrix
from neurosym.explain.audit.model import Audit
from neurosym.explain.audit.shortcuts import shortcuts
from neurosym.reasoner import Answers, Reasoner
from neurosym.semantics import LogicBounds


def audit(
    reasoner: Reasoner,
    data: Labelled | Iterable[Labelled],
    *,
    concepts: Concepts | None = None,
    least: float = 0.01,
    threshold: float = 0.5,
    seconds: float = 60.0,
    max_combinations: int = 4096,
    max_nodes: int = 100_000,
    max_samples: int = 100,
) -> Audit:
    """What can be criticised in a model: its rules, their conflicts, and whether its concepts are what they are called.

    Each rule is left out alone, and all answers are computed again without it, networks included.

    Args:
        reasoner: with the facts that the data are about.
        data: as for `fit`: batches of questions, with the answers that are known. Unlabelled ones may be among them.
        concepts: what is known of the concepts that networks decide: `"digit(a, D)"` → the value for each sample, in
            the order of the data; `"large(ex:p7)"` → true or false. Without it, every combination of values that the
            labels allow counts as shown.
        least: changes of probability below it count as none, and so do violations of constraints.
        threshold: probability from which an answer is held true.
        seconds: that leaving out rules may take, and then again the search for shortcuts.
        max_combinations: of concept values behind one group of answers, for shortcuts; max_nodes: steps of the search.
        max_samples: of a batch whose constraints are checked.

    Returns:
        The audit; what was cut short is among its `warnings`.

    Raises:
        ExplanationError: NS870, NS871, NS872, concept labels that do not fit; NS873, the semantics `bounds`.
        DataError: NS620, no data; labels that do not fit the answers.
    """
    if isinstance(reasoner.semantics, LogicBounds):
        raise ExplanationError(
            "an audit is not defined under the semantics `bounds`", code="NS873", help="load the model with `exact`"
        )
    # Facts without firings would not say what a rule did.
    semantics = "exact" if reasoner.semantics_name == "boolean" else None
    batches = as_batches(data)
    asked = _asked(reasoner, batches, concepts or {}, semantics)
    intended = Intended(reasoner.program)
    found = effects(reasoner, batches, asked, semantics, seconds, threshold, intended)
    uses = rule_uses(reasoner.program, found, least, threshold)
    broken = violations(reasoner, batches, max(least, 0.5), max_samples)
    cuts = shortcuts(asked, max_combinations=max_combinations, max_nodes=max_nodes, seconds=seconds)
    labels = np.concatenate([a.labels.reshape(-1) for a in asked])
    tags = np.concatenate([a.answers.tags.numpy().reshape(-1) for a in asked])
    known = ~np.isnan(labels)
    return Audit(
        "exact" if semantics else reasoner.semantics_name, len(labels), int(known.sum()),
        int(((tags[known] >= threshold) == (labels[known] == 1)).sum()), uses,
        (*broken.conflicts, *opposites(reasoner.program, found, least, intended)), broken.broken,
        accuracies(asked), cuts, least, threshold, tuple(_warnings(found, broken, asked, concepts or {}, max_samples)),
    )  # fmt: skip


def _asked(reasoner: Reasoner, batches: Sequence[Labelled], concepts: Concepts, semantics: str | None) -> list[Asked]:
    """All batches with their answers, labels and concept labels."""
    asked: list[Asked] = []
    start = 0
    for batch in batches:
        answers = _plain(ask(reasoner, batch, semantics))
        size = len(answers.tags)
        known, idle = concept_labels(reasoner, concepts, answers.grounded.graph, start, size)
        asked.append(Asked(answers, label_matrix(answers, batch.targets), known, idle))
        start += size
    if concepts and not any(a.concepts for a in asked):
        raise ExplanationError(
            "no concept label belongs to anything that the answers rest on", code="NS871",
            note=f"such as {next(iter(concepts))}", help="check the spelling of the entities and inputs",
        )  # fmt: skip
    return asked


def _plain(answers: Answers) -> Answers:
    return replace(answers, tags=answers.tags.detach().cpu().double(), leaf_tags=answers.leaf_tags.detach().cpu())


def _warnings(
    found: Effects, broken: Violations, asked: Sequence[Asked], concepts: Concepts, max_samples: int
) -> Iterable[str]:
    """What was not looked at."""
    if found.skipped:
        yield f"{found.skipped} rules were not left out: there was no time"
    if found.unpaired:
        yield f"{found.unpaired} pairs of rules were not left out together: there was no time"
    for name in found.impossible:
        yield f"{name} was not left out: without it, what was observed is impossible"
    if broken.refused:
        yield broken.refused
    if broken.cut:
        yield f"constraints were checked in the first {max_samples} samples of each batch"
    if any(a.answers.evidence for a in asked):
        yield "shortcuts are counted as if nothing had been observed"
    if idle := [text for text in concepts if all(text in a.idle for a in asked)]:
        yield f"{len(idle)} concept labels name what no answer rests on"
