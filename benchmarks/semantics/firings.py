"""Evaluation and gradient over recorded firings under an algebra, for each firing."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.common.process import timed
from benchmarks.grounding.case import Case, distinct
from benchmarks.grounding.closures import CLOSURE, chains
from benchmarks.semantics.again import repeated
from neurosym.grounding import DerivationGraph, ground
from neurosym.lang import Program
from neurosym.semantics import ALGEBRAS, Evaluator

FIRINGS, FIRINGS_QUICK = 1_000_000, 10_000
DEEP = 20_000
REACH = "reach(Y) :- edge(0, Y).\nreach(Y) :- reach(X), edge(X, Y).\n"
UNCERTAIN = "0.9 :: edge(X, Y) :- link(X, Y).\n"
WIDE = "0.3 :: a(X) :- node(X).\nb(X) :- one(X, Y, Z), a(Y), a(Z).\nc(X) :- two(X, Y, Z), b(Y), \\+ a(Z).\n"


def case_of(name: str, firings: int) -> Case:
    """A program of about so many firings, or for `deep` of one chain whose k-th fact is k layers deep.

    `chain` closes many chains, `wide` has two layers with ten firings a fact, `rand` one large cycle.
    """
    if name == "chain":
        return Case(name, UNCERTAIN + CLOSURE, {("link", 2): chains(max(1, firings // 1052))})
    if name == "deep":
        links = np.stack([np.arange(DEEP), np.arange(1, DEEP + 1)], axis=1).astype(np.int32)
        return Case(name, UNCERTAIN + REACH, {("link", 2): links})
    if name == "rand":
        nodes = max(10, int((firings / 4) ** 0.5))
        edges = np.random.default_rng(1).integers(0, nodes, (4 * nodes, 2), np.int32)
        return Case(name, UNCERTAIN + CLOSURE, {("link", 2): distinct(edges)})
    size = max(10, firings // 20)
    random = np.random.default_rng(2)
    heads = np.repeat(np.arange(size, dtype=np.int32), 10)

    def rows() -> NDArray[np.int32]:
        columns = [heads, *random.integers(0, size, (2, len(heads)), np.int32)]
        return np.unique(np.stack(columns, axis=1), axis=0)

    tables = {("node", 1): np.arange(size, dtype=np.int32)[:, None], ("one", 3): rows(), ("two", 3): rows()}
    return Case(name, WIDE, tables)


def graph_of(name: str, firings: int) -> DerivationGraph:
    """The ground program."""
    case = case_of(name, firings)
    facts = case.factbase()
    return ground(Program.from_text(case.rules, facts_predicates=facts.predicates), facts)


def solve(name: str, semantics: str, firings: int) -> dict[str, Any]:
    """CPU seconds of an evaluation of all facts and of its gradient, for one sample."""
    graph = graph_of(name, firings)
    algebra = next(a for a in ALGEBRAS if a.name == semantics)()
    laid_out, evaluator = timed(lambda: Evaluator(graph, np.arange(graph.num_facts, dtype=np.int32), algebra))
    random = torch.Generator().manual_seed(0)
    # weak edges on the cycle, so that fuzzy truth settles below 1 there and gradients are not all 0
    weights = torch.rand((1, graph.num_facts), generator=random, dtype=torch.float64) * (0.25 if name == "rand" else 1)

    def both() -> None:
        leaves = weights.clone().requires_grad_()
        evaluator(leaves).sum().backward()

    with torch.no_grad():
        forward = repeated(lambda: evaluator(weights))
    return {"cpu": repeated(both), "forward": forward, "laid_out": laid_out, "firings": len(evaluator.part.head)}
