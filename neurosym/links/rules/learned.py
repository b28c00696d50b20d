"""Weights of rules learned from the ranking that they give: score = sum of the weights of the rules that fire."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurosym.links.evaluation import KnownAnswers
from neurosym.links.positive import inverse_softplus
from neurosym.links.rules.applying import BEST, HIGHEST, Applier, Firings
from neurosym.links.rules.index import Long


@dataclass(frozen=True)
class Weighing:
    """How weights are learned.

    Attributes:
        best: rules that count for each candidate, those of the highest confidence.
        epochs: at most; learning ends when the valid queries' MRR has not grown for `patience` of them. 0 leaves each
            weight at -log(1 - confidence), which ranks as noisy-or does.
        rate: Adam's.
        dropout: share of firings that are left out in training.
        decay: pull of each weight towards its start, -log(1 - confidence): coefficient of the squared distance.
        queries: of training, at most; a sample, if there are more.
        candidates: per training query, at most: those that the starting weights rank first, and the answer.
    """

    best: int = 2 * BEST
    epochs: int = 20
    patience: int = 2
    rate: float = 0.02
    dropout: float = 0.3
    decay: float = 1e-3
    queries: int = 20_000
    candidates: int = 200
    batch: int = 128


class RuleWeights(nn.Module):
    """A non-negative weight for each of n rules.

    Weights start at -log(1 - confidence), where their sum ranks as noisy-or does.
    """

    def __init__(self, confidence: NDArray[np.float64]) -> None:
        super().__init__()
        start = -np.log1p(-np.minimum(confidence, 1 - 1e-3))
        self.raw = nn.Parameter(torch.as_tensor(inverse_softplus(start), dtype=torch.float32))
        self.start: Tensor
        self.register_buffer("start", self.raw.detach().clone())
        self.log_scale = nn.Parameter(torch.zeros(()))

    def weights(self) -> Tensor:
        """(n,) weights, before they are scaled."""
        return nn.functional.softplus(self.raw)

    def forward(self, rules: Tensor, dropout: float = 0.0, factor: Tensor | None = None) -> Tensor:
        """(m,) scores of candidates from (m, K) rules that reach them, -1 for none; `factor` (m, K) of the weights."""
        used = (rules >= 0).to(self.raw.dtype)
        if factor is not None:
            used = used * factor
        if dropout > 0 and self.training:
            used = used * (torch.rand_like(used) >= dropout) / (1 - dropout)
        return (nn.functional.softplus(self.raw[rules.clamp(min=0)]) * used).sum(1) * self.log_scale.exp()

    def pull(self) -> Tensor:
        """The squared distance of the weights from their start."""
        return (self.raw - self.start).square().sum()

    def told(self) -> Tensor:
        """(n,) what each rule adds where it fires, as numbers."""
        return (self.weights() * self.log_scale.exp()).detach()


@dataclass(frozen=True, eq=False)
class _Batch:
    """Candidates of some queries: the query of each, its rules, and whether it is the answer."""

    query: Tensor
    rules: Tensor
    answer: Tensor


def learn_weights(
    applier: Applier,
    train: Long,
    known: KnownAnswers,
    valid: Callable[[NDArray[np.float64]], float] | None,
    options: Weighing | None = None,
    seed: int = 0,
    progress: Callable[[int, float, float], None] | None = None,
) -> tuple[NDArray[np.float64], float]:
    """Learn weights by softmax cross-entropy over the candidates of training queries.

    Args:
        applier: rules and graph. The training query's own triple is masked.
        train: (n, 3) queries: entity, directed relation, answer.
        known: all answers of the training queries; those that are not a query's own are no candidates.
        valid: weights → MRR, higher is better; the best weights are given back, without it those of the last epoch.
        progress: called with epoch, mean loss and valid MRR.

    Returns:
        (n rules,) weights, and the MRR that they reach on the valid queries; never worse than the starting weights'.
    """
    options = options or Weighing()
    generator = np.random.default_rng(seed)
    torch.manual_seed(seed)
    chosen = train[generator.permutation(len(train))[: options.queries if options.epochs else 0]]
    size = options.batch
    batches = [
        batch
        for at in range(0, len(chosen), size)
        if (batch := _candidates(applier, chosen[at : at + size], known, options)) is not None
    ]
    # a weight that nothing fires stays where it starts, so only the others, often a tenth, are parameters
    fired, batches = _numbered(batches, len(applier.rules))
    model = RuleWeights(applier.rules.confidence[fired])
    optimiser = torch.optim.Adam(model.parameters(), lr=options.rate)
    weights = RuleWeights(applier.rules.confidence).told().double().numpy()
    best = -np.log1p(-np.minimum(applier.rules.confidence, HIGHEST))
    reached, waited = math.nan if valid is None else valid(best), 0
    for epoch in range(options.epochs):
        model.train()
        total = 0.0
        for i in generator.permutation(len(batches)):
            optimiser.zero_grad()
            batch = batches[i]
            loss = _loss(model(batch.rules, options.dropout), batch)
            loss = loss + options.decay * model.pull() / size
            loss.backward()
            optimiser.step()
            total += float(loss.detach())
        weights[fired] = model.weights().detach().double().numpy()
        mrr = math.nan if valid is None else valid(weights)
        if progress is not None:
            progress(epoch, total / max(1, len(batches)), mrr)
        if valid is None:
            best = weights
        elif mrr > reached:
            best, reached, waited = weights.copy(), mrr, 0
        elif (waited := waited + 1) > options.patience:
            break
    return best, reached


def _numbered(batches: list[_Batch], rules: int) -> tuple[Long, list[_Batch]]:
    """The rules that fire in some batch, ascending, and the batches with their rules as places among these."""
    number = np.full(rules + 1, -1)
    for batch in batches:
        number[batch.rules.numpy()] = 0
    number[-1] = -1  # where rule -1 has left its mark
    fired = np.flatnonzero(number == 0)
    number[fired] = np.arange(len(fired))
    return fired, [replace(b, rules=torch.from_numpy(number[b.rules.numpy()])) for b in batches]


def _loss(score: Tensor, batch: _Batch) -> Tensor:
    """Mean over queries of -log softmax at the answer."""
    n = int(batch.query[-1]) + 1
    top = torch.full((n,), -torch.inf).scatter_reduce(0, batch.query, score.detach(), "amax")
    sums = torch.zeros(n).index_add(0, batch.query, (score - top[batch.query]).exp())
    return (sums.log() + top - score[batch.answer]).mean()


def _candidates(applier: Applier, queries: Long, known: KnownAnswers, options: Weighing) -> _Batch | None:
    """The candidates of queries whose answer some rule reaches."""
    found: Firings = applier.features(queries, options.best)
    start = np.append(-np.log1p(-np.minimum(applier.rules.confidence, HIGHEST)), 0.0)
    size = applier.index.n_entities
    places = np.repeat(np.arange(len(queries)), np.diff(found.starts)) * size + found.candidate
    others, true = known.of(queries[:, :2])
    other = np.isin(places, others * size + true)
    query, rules, answers, n, rows = [], [], [], 0, 0
    for i, answer in enumerate(queries[:, 2].tolist()):
        span = slice(found.starts[i], found.starts[i + 1])
        candidate, fired = found.candidate[span], found.rules[span]
        kept = np.flatnonzero(~other[span] | (candidate == answer))
        if len(kept) > options.candidates:
            kept = kept[np.argsort(-start[fired[kept]].sum(1), kind="stable")]
            cut = kept[: options.candidates]
            kept = cut if answer in candidate[cut] else np.append(cut, np.flatnonzero(candidate == answer))
        at = np.flatnonzero(candidate[kept] == answer)
        if len(at) == 0 or len(kept) < 2:
            continue
        query.append(np.full(len(kept), n))
        rules.append(fired[kept])
        answers.append(rows + at[0])
        n, rows = n + 1, rows + len(kept)
    if n == 0:
        return None
    return _Batch(*(torch.as_tensor(a) for a in (np.concatenate(query), np.concatenate(rules), np.array(answers))))
