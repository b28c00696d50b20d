"""In which order samples are seen: mixed anew in each epoch, easy ones first, or those of one shape together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neurosym.errors import DataError
from neurosym.learning.data import Batch, Labels
from neurosym.reasoner import Reasoner, SampleAnswers


@dataclass(frozen=True)
class Curriculum:
    """Easy samples first (Bengio et al. 2009), and by and by the harder ones.

    How hard a sample is says its batch's `difficulty`; where there is none, the number of groundings of its ground
    graph: all its proofs together. A batch of labelled atoms counts as one sample. The share of the samples that take
    part grows by the competence of Platanios et al. (2019); samples that are equally hard take part together.

    Attributes:
        start: share in the first epoch; epochs: after so many all take part.
        power: 1 grows linearly, 2 by the square root, faster at first.
    """

    start: float = 0.25
    epochs: int = 5
    power: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.start <= 1 or self.epochs < 1 or self.power <= 0:
            raise DataError(
                f"{self} is no curriculum", code="NS625", help="0 < start <= 1, epochs >= 1 and power > 0"
            )  # fmt: skip

    def share(self, epoch: int) -> float:
        """Of the samples in an epoch, counted from 0; 1 is all."""
        done = min(1.0, epoch / self.epochs)
        first = self.start**self.power
        return min(1.0, (first + done * (1 - first)) ** (1 / self.power))


class Pool:
    """Samples of equal questions, put together once and cut anew in each epoch."""

    def __init__(self, data: Sequence[Batch]) -> None:
        first = data[0]
        self.like = first
        self.sizes = [len(b.targets) for b in data]
        self.targets = _joined([b.targets for b in data])  # pyright: ignore[reportArgumentType]
        self.inputs = {n: torch.cat([b.inputs[n] for b in data]) for n in first.inputs}
        self.concepts = {n: _joined([b.concepts[n] for b in data]) for n in first.concepts}
        self.only = None if first.samples is None else torch.tensor([k for b in data for k in b.only or ()])
        self.difficulty = None if first.difficulty is None else _joined([b.difficulty for b in data])  # pyright: ignore

    def __len__(self) -> int:
        return sum(self.sizes)

    def take(self, rows: Tensor) -> Batch:
        """The batch of some samples."""
        like = self.like
        return Batch(
            like.queries,
            _chosen(self.targets, rows),  # pyright: ignore[reportArgumentType]
            {n: t[rows] for n, t in self.inputs.items()},
            like.weight,
            like.samples,
            None if self.only is None else self.only[rows].tolist(),
            {n: _chosen(labels, rows) for n, labels in self.concepts.items()},
        )

    def cut(self, order: Tensor, shapes: Tensor | None, generator: torch.Generator) -> list[Tensor]:
        """Rows of the batches of an epoch, from some rows in some order."""
        if shapes is None:
            return [part for part in _cut(order, self.sizes) if len(part)]
        size = max(self.sizes)
        full: list[Tensor] = []
        rest: list[Tensor] = []
        for shape in torch.unique(shapes[order]).tolist():
            for part in order[shapes[order] == shape].split(size):
                (full if len(part) == size else rest).append(part)
        # what is left of the shapes, the like beside the like
        parts = [*full, *(torch.cat(rest).split(size) if rest else ())]
        return [parts[k] for k in torch.randperm(len(parts), generator=generator).tolist()]


class Order:
    """What is seen in each epoch.

    Args:
        data: batches; those of samples with equal questions are mixed among themselves, others are kept whole.
        seed: of the order; same_shape: samples of one ground shape are put together, so that a step evaluates few
            tensors; reasoner: says what is hard and which shapes there are.
    """

    def __init__(
        self, data: Sequence[Batch], seed: int = 0, *, curriculum: Curriculum | None = None, same_shape: bool = False,
        reasoner: Reasoner | None = None,
    ) -> None:  # fmt: skip
        kinds: dict[object, list[Batch]] = {}
        for batch in data:
            kinds.setdefault(_kind(batch), []).append(batch)
        self.pools: list[Pool | Batch] = []
        for same in kinds.values():
            self.pools += [Pool(same)] if len(same) > 1 else same
        self.seed, self.curriculum, self.same_shape = seed, curriculum, same_shape
        self.reasoner = reasoner
        self._hard: list[Tensor] | None = None
        self._shapes: dict[int, Tensor] = {}

    def epoch(self, number: int) -> list[Callable[[], Batch]]:
        """What makes the batches of an epoch, one after the other; the same ones for the same number."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        allowed = self._allowed(number)
        made: list[Callable[[], Batch]] = []
        for at, pool in enumerate(self.pools):
            if isinstance(pool, Batch):
                if allowed is None or bool(allowed[at].all()):
                    made.append(_same(pool))
                continue
            order = torch.randperm(len(pool), generator=generator)
            order = order if allowed is None else order[allowed[at][order]]
            made += [_taken(pool, rows) for rows in pool.cut(order, self._shapes_of(at), generator)]
        if len(self.pools) == 1:
            return made
        return [made[k] for k in torch.randperm(len(made), generator=generator).tolist()]

    def _allowed(self, number: int) -> list[Tensor] | None:
        """For each pool (n,) whether a sample takes part; None: all do."""
        if self.curriculum is None or self.curriculum.share(number) >= 1:
            return None
        if self._hard is None:
            self._hard = [_difficulty(pool, self.reasoner) for pool in self.pools]
        every = torch.cat(self._hard).sort().values
        limit = every[max(0, math.ceil(self.curriculum.share(number) * len(every)) - 1)]
        return [hard <= limit for hard in self._hard]

    def _shapes_of(self, at: int) -> Tensor | None:
        pool = self.pools[at]
        if not self.same_shape or isinstance(pool, Batch) or pool.like.samples is None:
            return None
        if at not in self._shapes:
            assert self.reasoner is not None and pool.only is not None
            answers = _nobody(pool.like, self.reasoner)
            self._shapes[at] = torch.from_numpy(answers.graphs.shape)[pool.only]
        return self._shapes[at]


def _kind(batch: Batch) -> object:
    """What batches must agree in for their samples to be mixed; a batch that is kept whole agrees with none."""
    of_samples = (batch.inputs or batch.samples is not None) and not isinstance(batch.targets, Mapping)
    if not of_samples:
        return id(batch)
    given, labels = frozenset(batch.inputs), frozenset(batch.concepts)
    tensors = (isinstance(batch.targets, Tensor), batch.difficulty is None)
    return (batch.queries, given, tensors, batch.weight, id(batch.samples), labels)


def _same(batch: Batch) -> Callable[[], Batch]:
    return lambda: batch


def _taken(pool: Pool, rows: Tensor) -> Callable[[], Batch]:
    return lambda: pool.take(rows)


def _joined(parts: Sequence[Labels]) -> Labels:
    tensors = [p for p in parts if isinstance(p, Tensor)]
    if len(tensors) == len(parts):
        return torch.cat(tensors)
    return [value for part in parts for value in (part.tolist() if isinstance(part, Tensor) else part)]


def _chosen(labels: Labels, rows: Tensor) -> Labels:
    return labels[rows] if isinstance(labels, Tensor) else [labels[k] for k in rows.tolist()]


def _cut(order: Tensor, sizes: Sequence[int]) -> Iterator[Tensor]:
    start = 0
    for size in sizes:
        yield order[start : start + size]
        start += size


def _nobody(batch: Batch, reasoner: Reasoner) -> SampleAnswers:
    """The answers of none of the samples: their graphs are made, and no network is asked."""
    assert batch.samples is not None
    inputs = {name: tensor[:0] for name, tensor in batch.inputs.items()}
    return reasoner.query_samples(*batch.queries, samples=batch.samples, inputs=inputs, only=())


@torch.no_grad()
def _difficulty(pool: Pool | Batch, reasoner: Reasoner | None) -> Tensor:
    """(n,) how hard the samples are; (1,) of a batch that is kept whole: its hardest."""
    whole = isinstance(pool, Batch)
    like, given = (pool, pool.difficulty) if whole else (pool.like, pool.difficulty)
    if isinstance(given, Tensor):
        return given.double().max()[None] if whole else given.double()
    assert reasoner is not None, "only the difficulties that are given are known without one"
    if like.samples is None:
        queried = reasoner.query(*like.queries, inputs={k: t[:1] for k, t in like.inputs.items()})
        return torch.full((1 if whole else len(pool),), float(queried.grounded.graph.num_groundings)).double()  # pyright: ignore
    graphs = _nobody(like, reasoner).graphs
    each = torch.tensor([float(s.graph.num_groundings) for s in graphs.shapes], dtype=torch.float64)
    sizes = each[torch.from_numpy(graphs.shape)]
    if isinstance(pool, Batch):
        return sizes[torch.tensor(list(pool.only or ()))].max()[None]
    assert pool.only is not None
    return sizes[pool.only]
