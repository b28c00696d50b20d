"""Random samples of random programs, and what of a graph has to be the same however it was grounded."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st

from neurosym.facts import FactBase
from neurosym.grounding import DerivationGraph
from tests.oracles.programs import LAYERS

GivenFact = tuple[str, tuple[int, ...]]


@st.composite
def fact_lists(draw: st.DrawFn, most: int = 5) -> list[GivenFact]:
    """Some facts of the lowest layer, now and then of another."""
    facts = []
    for _ in range(draw(st.integers(0, most))):
        layer = draw(st.sampled_from((0, 0, 0, 0, 1, 2)))
        name, arity = draw(st.sampled_from(LAYERS[layer]))
        facts.append((name, tuple(draw(st.integers(1, 3)) for _ in range(arity))))
    return facts


@st.composite
def sample_lists(draw: st.DrawFn) -> tuple[list[GivenFact], list[list[GivenFact]]]:
    """Shared facts, and those of some samples, of which two may have the same."""
    samples = draw(st.lists(fact_lists(), min_size=1, max_size=4))
    return draw(fact_lists()), [*samples, *draw(st.sampled_from(([], samples[:1])))]


def base_of(facts: list[GivenFact]) -> FactBase:
    """A fact base."""
    return FactBase.from_facts(facts)


def visible_facts(graph: DerivationGraph) -> dict[str, int]:
    """Atoms of the program's own predicates, with their statuses."""
    return {graph.atom(f): int(graph.status[f]) for f in range(graph.num_facts) if not graph.hidden(f)}


def visible_groundings(graph: DerivationGraph) -> Counter[tuple]:
    """Groundings that derive atoms of the program's own predicates, with all that they rest on."""
    found: Counter[tuple] = Counter()
    for number in range(graph.num_groundings):
        head = int(graph.head[number])
        if not graph.hidden(head):
            body, signs = graph.body_of(number)
            literals = sorted(zip(map(graph.atom, body), signs, strict=True))
            rule = int(graph.rule[number])
            found[rule, graph.atom(head), tuple(literals), tuple(sorted(graph.absent_of(number)))] += 1
    return found
