"""Attributions of the leaves of one explanation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from neurosym.explain.attribution.heat import heat_map
from neurosym.explain.attribution.integrate import Scores, integrate, method
from neurosym.explain.attribution.paths import carried
from neurosym.explain.attribution.questions import Given, Question, question_of
from neurosym.explain.model import Attribution
from neurosym.reasoner import Answers

LISTED = 24  # columns and edges; the scores of the others are added up
WORDS = 512  # of a text, likewise
TOLERANCE = 1e-3  # of a probability; a gap above it is remarked on


class Attributions:
    """Runs networks again to tell where in their inputs their words come from; each leaf once."""

    def __init__(self, answers: Answers, sample: int) -> None:
        """Prepare for the leaves of one sample.

        Raises:
            ExplanationError: NS840, captum is not installed.
        """
        method()
        self.answers, self.sample = answers, sample
        self._found: dict[int, Attribution | None] = {}
        self._blind: dict[str, None] = {}

    def of(self, fact: int) -> Attribution | None:
        """The attribution of a neural leaf; None where its network has no gradient to its input."""
        if fact not in self._found:
            question = question_of(self.answers, fact, self.sample)
            scores = integrate(question, tolerance=TOLERANCE)
            if scores is None or not all(bool(torch.isfinite(p).all()) for p in scores.parts):
                self._blind[question.name] = None
                self._found[fact] = None
            else:
                self._found[fact] = _told(question, scores)
        return self._found[fact]

    def warnings(self) -> list[str]:
        """What the reader should know."""
        found = [(f, a) for f, a in self._found.items() if a is not None]
        told = [
            f"the network {n} has no gradient to its input, so nothing is told of where it looked" for n in self._blind
        ]
        if found:
            names = {self._name(f): None for f, _ in found}
            told.append(f"for the attributions {', '.join(names)} ran again, between what was seen and a baseline")
        wide = [(f, a) for f, a in found if abs(a.gap) > TOLERANCE]
        told += [
            f"the attribution of {self.answers.grounded.graph.atom(f)} is off by {a.gap:+.2g} after {a.steps} steps"
            for f, a in wide
        ]
        return told

    def _name(self, fact: int) -> str:
        graph = self.answers.grounded.graph
        return graph.neural_of(graph.choice_of(fact)[0]).network


def _told(question: Question, scores: Scores) -> Attribution:
    """Scores as an explanation shows them."""
    images: list[str] = []
    spans: list[tuple[str, float]] = []
    columns: list[tuple[str, float, float]] = []
    edges: list[tuple[str, float, float]] = []
    paths: tuple[tuple[str, float, float], ...] = ()
    others = 0.0
    for given, part in zip(question.given, scores.parts, strict=True):
        if given.kind == "image":
            images.append(heat_map(given.values[0], part))
        elif given.kind == "text":
            read = _spans(question, given, part)
            spans += read[:WORDS]
            others += sum(s for _, s in read[WORDS:])
        elif given.kind in ("columns", "edges"):
            rows = zip(given.names, given.values[0].tolist(), part.tolist(), strict=True)
            (columns if given.kind == "columns" else edges).extend(r for r in rows if r[2])
            if given.kind == "edges":
                paths = carried(question, given, part, scores.output, scores.baseline)
        else:
            others += float(part.sum())
    (columns, more), (edges, still) = _largest(columns), _largest(edges)
    baseline = ", ".join(
        dict.fromkeys(g.named for g in question.given if g.whole or not any(x.whole for x in question.given))
    )
    return Attribution(
        baseline, scores.output, scores.baseline, scores.gap, scores.steps, tuple(i for i in images if i),
        tuple(spans), tuple(columns), tuple(edges), others + more + still, paths,
    )  # fmt: skip


def _largest(rows: Iterable[tuple[str, float, float]]) -> tuple[list[tuple[str, float, float]], float]:
    """The rows with the largest scores, and the sum of the others."""
    order = sorted(rows, key=lambda r: -abs(r[2]))
    return order[:LISTED], sum(r[2] for r in order[LISTED:])


def _spans(question: Question, given: Given, part: Tensor) -> list[tuple[str, float]]:
    """Pieces of a text with their scores; the network may say what they are by its method `words`."""
    scores = part.reshape(len(part), -1).sum(dim=1).tolist()
    spell: Any = getattr(question.network, "words", None)
    words: Sequence[str] = [] if spell is None else [str(w) for w in spell(given.values[0])]
    if len(words) != len(scores):
        words = [f"[{k}]" for k in range(len(scores))]
    return list(zip(words, scores, strict=True))


__all__ = ["Attributions"]
