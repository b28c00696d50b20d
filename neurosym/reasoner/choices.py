"""The choices of a world in words: what each is about, and what its outcomes are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurosym.grounding import ChoiceGroup, DerivationGraph
from neurosym.lang.ast import Program
from neurosym.semantics.part import Long
from neurosym.semantics.unknown_atoms import unknown_atom


@dataclass(frozen=True)
class Choice:
    """One random choice of a program.

    Attributes:
        name: what it is about: the atom of a probabilistic fact, `digit(a)` for a network's question, the heads of a
            weighted rule or disjunction with the rule's name or place.
        kind: `fact`, `rule`, `network` or `open`.
        outcomes: what they are called; nothing: what it is called when none of them happens.
    """

    name: str
    kind: str
    outcomes: tuple[str, ...]
    nothing: str = "none"

    def outcome(self, number: int) -> str:
        """An outcome by its number; -1 is none of them."""
        return self.nothing if number < 0 else self.outcomes[number]


def named_choices(graph: DerivationGraph, program: Program, numbers: Sequence[int]) -> tuple[Choice, ...]:
    """Choices of a graph, by their numbers there."""
    starts = np.cumsum([0, *(len(group.facts) for group in graph.choices)])
    order = np.argsort(graph.body, kind="stable")
    users = _Users(graph, order, graph.body[order])
    result = []
    for number in numbers:
        at = int(np.searchsorted(starts, number, side="right")) - 1
        result.append(_named(graph, program, graph.choices[at], number - int(starts[at]), users))
    return tuple(result)


class _Users:
    """The groundings in whose bodies a fact stands."""

    def __init__(self, graph: DerivationGraph, order: Long, body: np.ndarray) -> None:
        self._graph, self._order, self._body = graph, order, body

    def heads(self, leaf: int) -> list[str]:
        """The visible facts that a leaf's groundings derive."""
        graph = self._graph
        first, last = np.searchsorted(self._body, [leaf, leaf + 1])
        groundings = np.searchsorted(graph.body_start, self._order[first:last], side="right") - 1
        facts = dict.fromkeys(graph.head[groundings].tolist())
        return sorted(graph.atom(f) for f in facts if not graph.hidden(f))


def _named(graph: DerivationGraph, program: Program, group: ChoiceGroup, row: int, users: _Users) -> Choice:
    leaves = group.facts[row].tolist()
    if group.kind == "open":
        return Choice(unknown_atom(graph, leaves[0]), "open", ("true",), "false")
    if group.kind == "neural":
        if graph.neural_of(group).values is None:
            return Choice(graph.atom(leaves[0]), "network", ("true",), "false")
        key, args = graph.key(leaves[0]), graph.args(leaves[0])
        return Choice(graph.spell((key[0], key[1] - 1), args[:-1]), "network", tuple(map(graph.atom, leaves)))
    if not graph.hidden(leaves[0]):
        return Choice(graph.atom(leaves[0]), "fact", ("true",), "false")
    label = program.rules[int(group.statements[row])].label
    outcomes = []
    for k, leaf in enumerate(leaves):
        heads = users.heads(leaf)
        outcomes.append(", ".join(heads) if heads else f"outcome {k + 1}")
    return Choice(f"{'; '.join(outcomes)} by {label}", "rule", tuple(outcomes))
