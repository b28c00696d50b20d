"""Evaluating again with new weights, one vector of them and 1,024 at once, against the first query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.common.process import cpu_seconds, timed
from benchmarks.semantics.ours import answer, load_kernels, parse
from neurosym.grounding import DerivationGraph
from neurosym.reasoner import Answers, Reasoner

BATCH = 1024
LEAST = 0.3  # CPU seconds that an evaluation is repeated for


def new_weights(graph: DerivationGraph, leaves: Tensor, batch: int, seed: int = 0) -> Tensor:
    """(batch, F) leaf probabilities near those of (1, F); a choice that must fall on an outcome still does."""
    random = torch.Generator().manual_seed(seed)
    tags = leaves.detach().expand(batch, -1).clone()
    first = 0
    for group in graph.choices:
        rest = torch.from_numpy(graph.choice_rest[first : first + len(group.facts)])[None, :, None]
        first += len(group.facts)
        facts = torch.from_numpy(group.facts.astype("int64"))
        old = tags[:, facts]  # (batch, n, K)
        new = old * (0.5 + 0.5 * torch.rand(old.shape, generator=random, dtype=old.dtype))
        tags[:, facts] = torch.where(rest, new, new * (old.sum(2, True) / new.sum(2, True).clamp_min(1e-30)))
    return tags


def repeated(action: Callable[[], object]) -> float:
    """CPU seconds of one call among many, once warm; of the first where it is long."""
    start = cpu_seconds()
    action()
    if (first := cpu_seconds() - start) >= LEAST:
        return first
    calls, start = 0, cpu_seconds()
    while cpu_seconds() - start < LEAST:
        action()
        calls += 1
    return (cpu_seconds() - start) / calls


def solve(text: str, warm_up: str, limit: float) -> dict[str, Any]:
    """CPU seconds of the first query, of the next one, and of evaluations with new weights.

    Raises:
        AssertionError: a batch and its members one by one give different probabilities.
    """
    load_kernels()
    answer(warm_up)
    parsing, program = timed(lambda: parse(text))
    first, (reasoner, answers) = timed(lambda: _ask(Reasoner(program)), limit)
    facts = [f for f in answers.facts if f >= 0]
    evaluator = answers.grounded.evaluator(facts, answers.evidence, None)
    many = new_weights(answers.grounded.graph, answers.leaf_tags, BATCH)
    with torch.no_grad():
        together = evaluator(many)
        alone = torch.cat([evaluator(many[k : k + 1]) for k in range(4)])
        assert torch.allclose(together[:4], alone, rtol=0, atol=1e-9), "a batch differs from its members"
        one = repeated(lambda: evaluator(many[:1]))
        batch = repeated(lambda: evaluator(many))
        next_query = repeated(reasoner.query)
    return {
        "cpu": first,
        "parse": parsing,
        "next": next_query,
        "one": one,
        "batch": batch,
        "one_gradient": repeated(lambda: _gradient(evaluator, many[:1])),
        "batch_gradient": repeated(lambda: _gradient(evaluator, many)),
        "facts": answers.grounded.graph.num_facts,
        "method": answers.method,
    }


def _ask(reasoner: Reasoner) -> tuple[Reasoner, Answers]:
    return reasoner, reasoner.query()


def _gradient(evaluator: Callable[[Tensor], Tensor], weights: Tensor) -> Tensor:
    weights = weights.clone().requires_grad_()
    evaluator(weights).sum().backward()
    assert weights.grad is not None
    return weights.grad
