"""The probability of data as a function of the weights, for many weight vectors as one batch.

Labels are what `fit` takes: each is the outcome of an experiment of its own, and their probabilities are multiplied.
An interpretation is what was seen together in one world: its probability is that of the conjunction. Both are exact.
What networks say is asked once and kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor

from neurosym.bayes.interpretations import Interpretations
from neurosym.bayes.space import Weights
from neurosym.errors import DataError, SemanticsError
from neurosym.reasoner import Answers, Reasoner, Targets
from neurosym.reasoner.answers import TINY

BUDGET = 4_000_000  # numbers in one batch of leaf probabilities; more weight vectors are cut into several


class Labelled(Protocol):
    """A question with its answers, such as `Batch`."""

    @property
    def queries(self) -> tuple[str, ...]:
        """Atoms that are asked."""
        ...

    @property
    def targets(self) -> Targets:
        """The answers that are known."""
        ...

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        """Slot → (B, …)."""
        ...

    @property
    def weight(self) -> float:
        """How many times it counts."""
        ...


Interpretation = Mapping[str, bool]
Data = Labelled | Interpretation | Iterable[Labelled | Interpretation]


class Question:
    """The answers of a query as a function of the weights."""

    def __init__(self, answers: Answers) -> None:
        """Keep what networks said.

        Raises:
            SemanticsError: NS664, an answer rests on unknown atoms, or has no probability.
        """
        if answers.algebra is not None:
            raise _no_probability(f"the answers were computed under `{answers.semantics}`")
        for atom, method, detail in zip(answers.atoms, answers.methods, answers.details, strict=True):
            if method == "bounds":
                raise _no_probability(f"{atom} rests on what is unknown; {detail}")
        self.answers = answers
        facts = [f for f in answers.facts if f >= 0]
        self.columns = torch.tensor([k for k, f in enumerate(answers.facts) if f >= 0], dtype=torch.long)
        self.evaluator = answers.grounded.evaluator(facts, answers.evidence, None)
        self.leaf_tags = answers.leaf_tags.detach()

    @property
    def width(self) -> int:
        """How many numbers one weight vector takes."""
        return self.leaf_tags.numel()

    def __call__(self, weights: Weights) -> Tensor:
        """(S, B, A) probabilities of the answers."""
        tags = self.answers.grounded.leaves.under(self.leaf_tags, weights)
        vectors, batch = tags.shape[:2]
        found = self.evaluator(tags.reshape(vectors * batch, -1))
        full = found.new_zeros((len(found), len(self.answers.facts))).index_copy(1, self.columns, found)
        return full.reshape(vectors, batch, -1)


class Labels:
    """The log probability of a batch's labels."""

    def __init__(self, question: Question, batch: Labelled) -> None:
        self.question = question
        self.batch = batch
        answers, targets = question.answers, batch.targets
        answers.nll(targets)  # refuses what does not fit
        labels = answers.labels(targets)
        self.places: Tensor | None = None  # of the labelled answers; None where the targets are values
        if labels is not None:
            flat = labels.reshape(-1)
            self.places = (~torch.isnan(flat)).nonzero()[:, 0]
            wanted = flat[self.places]
            self.base, self.slope = 1 - wanted, 2 * wanted - 1

    def __call__(self, weights: Weights) -> Tensor:
        """(S,) sums over the labels."""
        tags = self.question(weights)
        count = len(tags)
        if self.places is not None:
            chances = self.base + self.slope * tags.reshape(count, -1)[:, self.places]
            return torch.log(chances.clamp_min(TINY)).sum(dim=1) * self.batch.weight
        answers = replace(self.question.answers, tags=tags.reshape(-1, tags.shape[-1]))
        losses = answers.nll(_repeated(self.batch.targets, count), reduction="none")
        return -losses.reshape(count, -1).sum(dim=1) * self.batch.weight


class Likelihood:
    """The log probability of all data."""

    def __init__(self, reasoner: Reasoner, data: Data) -> None:
        """Ground what the data asks, and ask the networks once.

        Raises:
            DataError: NS620, there is none; NS661, an item is neither labels nor an interpretation.
            SemanticsError: NS502 and NS664.
        """
        labelled, interpretations = _sorted(data)
        self.terms: list[Labels | Interpretations] = []
        with torch.no_grad():
            for batch in labelled:
                if getattr(batch, "samples", None) is not None:
                    raise DataError("samples with facts of their own have no posterior yet", code="NS661")
                answers = reasoner.query(*batch.queries, inputs=batch.inputs)
                self.terms.append(Labels(Question(answers), batch))
            if interpretations:
                atoms = dict.fromkeys(atom for one in interpretations for atom in one)
                answers = reasoner.query(*atoms)
                Question(answers)  # refuses what has no probability
                self.terms.append(Interpretations(answers, interpretations))

    def __call__(self, weights: Weights) -> Tensor:
        """(S,) the log probability of the data under S weight vectors."""
        first = next(iter(weights.values()))
        total = first.new_zeros(len(first))
        for term in self.terms:
            total = total + term(weights).to(total)
        return total

    def in_parts(self, weights: Weights) -> Tensor:
        """The same without gradients, for any number of weight vectors."""
        widest = max((t.question if isinstance(t, Labels) else t).width for t in self.terms)
        return in_parts(self, weights, widest)

    def impossible(self, weights: Weights) -> str:
        """What of the data has probability 0 under some weights, an empty string if nothing has."""
        with torch.no_grad():
            for term in self.terms:
                if isinstance(term, Interpretations):
                    bad = (term.parts(weights)[0] <= 0).nonzero()
                    if len(bad):
                        return term.names[int(bad[0])]
                elif not bool(torch.isfinite(term(weights)).all()):
                    return ", ".join(term.batch.queries)
                else:
                    wrong = _ruled_out(term, weights)
                    if wrong:
                        return wrong
        return ""


def in_parts(function: Callable[[Weights], Tensor], weights: Weights, width: int) -> Tensor:
    """(S, …) values of a function of the weights without gradients, for as many of them at a time as fit.

    Args:
        width: numbers that one weight vector takes.
    """
    size = max(1, BUDGET // max(1, width))
    count = len(next(iter(weights.values())))
    with torch.no_grad():
        return torch.cat([function({k: w[s : s + size] for k, w in weights.items()}) for s in range(0, count, size)])


def _ruled_out(term: Labels, weights: Weights) -> str:
    """A label whose probability is 0."""
    tags = term.question({k: w[:1] for k, w in weights.items()})[0]
    answers = replace(term.question.answers, tags=tags)
    targets = term.batch.targets
    if bool((answers.nll(targets, reduction="none") < -math.log(2 * TINY)).all()):
        return ""
    if isinstance(targets, Mapping):
        for atom, label in targets.items():
            chance = float(answers[atom][0])
            if label is not None and (chance if label else 1 - chance) <= TINY:
                return f"{atom}, which is labelled {'true' if label else 'false'}"
    return f"a target of {', '.join(term.batch.queries)}"


def _sorted(data: Data) -> tuple[list[Labelled], list[Mapping[str, bool]]]:
    """Labels and interpretations."""
    items: list[Any] = [data] if isinstance(data, Mapping) or hasattr(data, "queries") else list(data)  # pyright: ignore
    if not items:
        raise DataError("there is no training data", code="NS620")
    labelled = [i for i in items if hasattr(i, "queries") and hasattr(i, "targets")]
    worlds = [i for i in items if isinstance(i, Mapping)]
    if len(labelled) + len(worlds) < len(items):
        raise DataError(
            "the data holds something that is neither labels nor an interpretation", code="NS661",
            help="a `Batch` has labels; a mapping from atoms to true or false is an interpretation",
        )  # fmt: skip
    return labelled, [w for w in worlds if w]


def _repeated(values: Targets, count: int) -> Targets:
    """The values that a batch is labelled with, one copy for each weight vector."""
    return values.repeat(count) if isinstance(values, Tensor) else [*values] * count  # pyright: ignore


def _no_probability(note: str) -> SemanticsError:
    return SemanticsError(
        "a posterior needs probabilities", code="NS664", note=note,
        help="use the semantics exact, and give what is unknown as facts",
    )  # fmt: skip
