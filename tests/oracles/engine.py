"""The engine's answers in the form of the oracles'."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurosym.facts import FactBase
from neurosym.grounding import CERTAIN, DerivationGraph, Limits, ground
from neurosym.lang import Program
from neurosym.semantics.exact import Exact
from tests.oracles.naive import Fact, key_of


@dataclass
class Run:
    """One evaluation of all visible facts.

    Attributes:
        answers: fact → probability; methods: fact → how it was found.
    """

    graph: DerivationGraph
    answers: dict[Fact, float]
    methods: dict[Fact, str]


def fact_of(graph: DerivationGraph, fact: int) -> Fact:
    """A fact of the graph as the oracles write it."""
    return graph.key(fact)[0], tuple(key_of(v) for v in graph.symbols.values(graph.args(fact)))


def visible(graph: DerivationGraph) -> list[int]:
    """Facts of the program's own predicates."""
    return [f for f in range(graph.num_facts) if not graph.hidden(f)]


def certain_facts(graph: DerivationGraph) -> frozenset[Fact]:
    """The visible facts, which must all be certain."""
    facts = visible(graph)
    assert (graph.status[facts] == CERTAIN).all()
    return frozenset(fact_of(graph, f) for f in facts)


def constant_inputs(graph: DerivationGraph, batch: int = 1, dtype: torch.dtype = torch.float64) -> Tensor:
    """(B, F) inputs: the constant weights of the leaves, NaN elsewhere, because nothing else may be read."""
    inputs = torch.full((batch, graph.num_facts), torch.nan, dtype=dtype)
    for group in graph.choices:
        if group.kind == "open":
            continue  # unknown atoms have no probability
        assert group.probabilities is not None
        index = torch.from_numpy(group.facts.astype(np.int64))
        inputs[:, index] = torch.from_numpy(group.probabilities).to(dtype)
    return inputs


def observed(graph: DerivationGraph, program: Program) -> list[tuple[int, bool]] | None:
    """The program's evidence as fact ids; None if something absent was observed true."""
    result = []
    for item in program.evidence:
        found = graph.matches(item.atom).tolist()
        if not found and item.positive:
            return None
        result.extend((f, item.positive) for f in found)
    return result


def run(program: Program, facts: FactBase | None = None, limits: Limits | None = None) -> Run | None:
    """Ground and evaluate; None if evidence is absent from every world.

    Raises:
        NeurosymError: whatever the engine has to say.
    """
    graph = ground(program, facts, limits=limits)
    evidence = observed(graph, program)
    if evidence is None:
        return None
    roots = visible(graph)
    exact = Exact(graph, roots, evidence)
    values = exact(constant_inputs(graph))[0].tolist()
    names = [fact_of(graph, f) for f in roots]
    methods = [m.name for m in exact.methods]
    return Run(graph, dict(zip(names, values, strict=True)), dict(zip(names, methods, strict=True)))
