"""One program under different options of `ground`, and what has to be the same under all of them."""

from __future__ import annotations

from collections.abc import Sequence

from neurosym.grounding import DerivationGraph
from neurosym.lang import Program
from neurosym.lang.ast import Atom
from neurosym.semantics.exact import Exact
from tests.oracles.engine import constant_inputs, fact_of, observed
from tests.oracles.naive import Fact


def listing(graph: DerivationGraph) -> list[tuple[Fact, int]]:
    """Each fact with its status, hidden ones included, by id."""
    return [(fact_of(graph, f), int(graph.status[f])) for f in range(graph.num_facts)]


def statuses(graph: DerivationGraph, queries: Sequence[Atom]) -> dict[Fact, int]:
    """The facts that queries match, with their statuses."""
    return {fact_of(graph, f): int(graph.status[f]) for q in queries for f in graph.matches(q).tolist()}


def probabilities(graph: DerivationGraph, program: Program, queries: Sequence[Atom]) -> dict[Fact, float] | None:
    """Exact probabilities of the facts that queries match; None if something absent was observed true.

    Raises:
        SemanticsError: NS502, the evidence is impossible.
    """
    evidence = observed(graph, program)
    if evidence is None:
        return None
    roots = list(dict.fromkeys(f for q in queries for f in graph.matches(q).tolist()))
    values = Exact(graph, roots, evidence)(constant_inputs(graph))[0].tolist()
    return dict(zip((fact_of(graph, f) for f in roots), values, strict=True))
