"""What a reasoner is trained on: questions, with the answers that are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from neurosym.errors import DataError
from neurosym.lang import Symbol, Value
from neurosym.reasoner import Answers, Reasoner, SampleAnswers, Targets
from neurosym.reasoner.sample_query import Given

Fact = tuple[str, Sequence[Value]]
Labels = Sequence[Value | None] | Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch of samples, or one set of labelled atoms over a common graph.

    Attributes:
        queries: atoms that are asked.
        targets: what `Answers.nll` or `SampleAnswers.nll` takes: labelled atoms, a (B, A) tensor, B values of the
            query's variable, or labelled atoms sample by sample. None among them: unlabelled.
        inputs: slot → (B, …) tensor.
        weight: of its loss.
        samples: facts of each sample's own, as for `Reasoner.query_samples`; all batches that are cut from the same
            data share one such object, which is grounded once.
        only: numbers of the samples that the batch has; all by default.
        concepts: labels on what networks say: `digit(a, D)` → B values, or `odd(a)` → B truth values; None (NaN in a
            tensor) where unlabelled. Read by the loss `concept_nll` only.
        difficulty: (B,) for a curriculum, instead of the size of the ground graph.

    Raises:
        DataError: NS620, there is no sample in it; NS625, lengths disagree.
    """

    queries: tuple[str, ...]
    targets: Targets
    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    weight: float = 1.0
    samples: Given | None = None
    only: Sequence[int] | None = None
    concepts: Mapping[str, Labels] = field(default_factory=dict)
    difficulty: Tensor | None = None

    def __post_init__(self) -> None:
        queries = (self.queries,) if isinstance(self.queries, str) else tuple(self.queries)
        object.__setattr__(self, "queries", queries)
        if isinstance(self.targets, Mapping):
            return
        if not len(self.targets):
            raise DataError("a batch has no samples", code="NS620", help="leave it out")
        if self.samples is not None and self.only is None:
            object.__setattr__(self, "only", range(len(self.samples)))
        self._check("numbers of samples", self.only)
        self._check("difficulties", self.difficulty)
        for name, labels in self.concepts.items():
            self._check(f"labels of `{name}`", labels)

    def _check(self, what: str, values: Labels | None) -> None:
        if values is not None and len(values) != len(self.targets):
            raise DataError(f"{len(values)} {what} for {len(self.targets)} targets", code="NS625")

    def ask(self, reasoner: Reasoner) -> Answers | SampleAnswers:
        """The answers to its questions; samples of one ground shape are one tensor."""
        if self.samples is None:
            return reasoner.query(*self.queries, inputs=self.inputs)
        return reasoner.query_samples(*self.queries, samples=self.samples, inputs=self.inputs, only=self.only)

    @property
    def size(self) -> float:
        """How much it counts in a mean: its number of targets, times its weight."""
        return float(len(self.targets)) * self.weight

    @property
    def labels(self) -> int:
        """How many labels there are: the loss is their mean."""
        targets = self.targets
        if isinstance(targets, Mapping):
            return sum(label is not None for label in targets.values())
        if isinstance(targets, Tensor):
            return int((~torch.isnan(targets.float())).sum()) if targets.dim() == 2 else len(targets)
        of_atoms = (t.values() if isinstance(t, Mapping) else (t,) for t in targets)
        return sum(label is not None for labels in of_atoms for label in labels)

    @property
    def labelled(self) -> bool:
        """Whether there is a label at all."""
        if isinstance(self.targets, Tensor) and self.targets.dim() == 1:
            return True
        if isinstance(self.targets, Sequence) and not isinstance(self.targets[0], Mapping):
            return any(t is not None for t in self.targets)  # mostly the first
        return self.labels > 0


def batches(
    query: str, inputs: Mapping[str, Tensor],
    targets: Sequence[Value | None] | Sequence[Mapping[str, bool | None]] | Tensor, size: int = 64, *,
    samples: Given | None = None, concepts: Mapping[str, Labels] | None = None, difficulty: Tensor | None = None,
) -> list[Batch]:  # fmt: skip
    """Cut samples into batches of one query.

    Args:
        query: an atom with one variable, such as `sum(a, b, Z)`.
        inputs: slot → (n, …); targets: (n,) values of the variable.
        samples, concepts, difficulty: for n samples, as in a `Batch`.

    Raises:
        DataError: lengths disagree.
    """
    n = len(targets)
    for name, tensor in inputs.items():
        if len(tensor) != n:
            raise DataError(f"{len(tensor)} inputs `{name}` for {n} targets")
    if samples is not None and len(samples) != n:
        raise DataError(f"{len(samples)} samples for {n} targets", code="NS625")
    named = dict(concepts or {})
    for name, labels in named.items():
        if len(labels) != n:
            raise DataError(f"{len(labels)} labels of `{name}` for {n} targets", code="NS625")
    result: list[Batch] = []
    for start in range(0, n, size):
        part = slice(start, start + size)
        result.append(
            Batch(
                (query,),
                targets[part],
                {k: t[part] for k, t in inputs.items()},
                samples=samples,
                only=None if samples is None else range(n)[part],
                concepts={k: labels[part] for k, labels in named.items()},
                difficulty=None if difficulty is None else difficulty[part],
            )
        )
    return result


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample by itself: its facts, its inputs, and what is known of its answer.

    Attributes:
        facts: (predicate, arguments) of its own; target: the value of the query's variable, or labelled atoms; None
            where unlabelled.
        inputs: slot → (…) tensor; samples may have different slots.
        concepts: `digit(a, D)` → its value; difficulty: for a curriculum.
    """

    facts: Sequence[Fact]
    target: Value | Mapping[str, bool | None] | None
    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    concepts: Mapping[str, Value | None] = field(default_factory=dict)
    difficulty: float | None = None


def batches_of(query: str, samples: Sequence[Sample], size: int = 64) -> list[Batch]:
    """Cut samples of any structure into batches; they are grounded together, and evaluated shape by shape.

    Where a sample lacks a slot that others have, its row is NaN (0, for integers): no network is asked about it.

    Raises:
        DataError: NS625, inputs of one slot have different shapes, or a sample's facts name a slot that it lacks.
    """
    names = list(dict.fromkeys(name for s in samples for name in s.inputs))
    for number, sample in enumerate(samples):
        named = {a.name for _, args in sample.facts for a in args if isinstance(a, Symbol)}
        if lacking := sorted(named & set(names) - set(sample.inputs)):
            raise DataError(
                f"the facts of sample {number} name `{lacking[0]}`, and it has no such input", code="NS625",
                note=f"its inputs are {', '.join(sorted(sample.inputs)) or 'none'}",
            )  # fmt: skip
    labelled = list(dict.fromkeys(name for s in samples for name in s.concepts))
    rated = [s.difficulty for s in samples if s.difficulty is not None]
    if rated and len(rated) < len(samples):
        raise DataError("some samples have a difficulty, and some do not", code="NS625")
    return batches(
        query,
        {name: _column(name, [s.inputs.get(name) for s in samples]) for name in names},
        [s.target for s in samples],  # pyright: ignore[reportArgumentType]
        size,
        samples=[s.facts for s in samples],
        concepts={name: [s.concepts.get(name) for s in samples] for name in labelled},
        difficulty=torch.tensor(rated, dtype=torch.float64) if rated else None,
    )


def _column(name: str, given: Sequence[Tensor | None]) -> Tensor:
    """(n, …) the inputs of one slot."""
    like = next(t for t in given if t is not None)
    odd = next((t for t in given if t is not None and t.shape != like.shape), None)
    if odd is not None:
        shapes = f"{tuple(like.shape)} and {tuple(odd.shape)}"
        raise DataError(f"inputs `{name}` have different shapes: {shapes}", code="NS625")
    empty = torch.full_like(like, float("nan") if like.is_floating_point() else 0)
    return torch.stack([empty if t is None else t for t in given])


def as_list(data: Batch | Iterable[Batch]) -> list[Batch]:
    """A batch, or any iterable of them, as a list.

    Raises:
        DataError: there is none.
    """
    result = [data] if isinstance(data, Batch) else list(data)
    if not result:
        raise DataError("there is no training data", code="NS620")
    return result


__all__ = ["Batch", "Fact", "Given", "Labels", "Sample", "as_list", "batches", "batches_of"]
