"""What labelled answers say under each combination of concept values: truth tables of the ground program.

Answers that rest on the same questions to networks belong together. Where two groups of answers have the same ground
program up to names, as those of two patients mostly do, one table serves both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from neurosym.explain.audit.labels import Asked, Concept, concepts_of
from neurosym.semantics import Exact, Part, relevant_part

CELLS = 4_000_000  # leaf probabilities in memory at once
DIGITS = 9  # decimals to which probabilities are told apart


@dataclass(frozen=True)
class Group:
    """Labelled answers over common concepts.

    Attributes:
        columns: of the answers; `facts`: their ids; `concepts`: m questions that they rest on, in the order of their
            leaves; `key`: equal for groups of the same structure.
    """

    columns: tuple[int, ...]
    facts: tuple[int, ...]
    concepts: tuple[Concept, ...]
    key: object

    @property
    def shape(self) -> tuple[int, ...]:
        """(m,) how many values each concept has."""
        return tuple(len(c.values) for c in self.concepts)

    @property
    def combinations(self) -> int:
        """N combinations of concept values."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Table:
    """The answers of a group under all N combinations.

    Attributes:
        tags: (N, A) their probabilities; `kind`: (N,) equal for combinations under which all answers are the same.
    """

    tags: NDArray[np.float64]
    kind: NDArray[np.int64]


def groups(asked: Asked, columns: list[int]) -> Iterator[Group]:
    """The groups of some answers of a batch, and of what was observed."""
    graph = asked.graph
    of_leaf = {leaf: c for c in concepts_of(graph) for leaf in c.leaves}
    facts = [(k, asked.answers.facts[k]) for k in columns]
    below: dict[int, set[Concept]] = {}
    for _, fact in facts:
        if fact >= 0 and fact not in below:
            part = relevant_part(graph, np.array([fact], np.int32), drop_certain=True)
            below[fact] = {of_leaf[f] for f in part.facts[part.leaf].tolist() if f in of_leaf}
    members: list[tuple[list[tuple[int, int]], set[Concept]]] = []
    at: dict[Concept, int] = {}  # concept → the group it is in
    for column, fact in facts:
        found = below.get(fact)
        if not found:
            continue
        joined = sorted({at[c] for c in found if c in at})
        mine = ([(column, fact)], set(found))
        for number in joined:  # whoever shares a concept belongs together
            mine[0].extend(members[number][0])
            mine[1].update(members[number][1])
            members[number] = ([], set())
        at |= dict.fromkeys(mine[1], len(members))
        members.append(mine)
    for answers, concepts in members:
        if answers:
            roots = tuple(f for _, f in sorted(answers))
            ordered = sorted(concepts, key=lambda c: c.leaves)
            yield Group(tuple(k for k, _ in sorted(answers)), roots, tuple(ordered), _key(asked, roots, ordered))


def _key(asked: Asked, roots: tuple[int, ...], concepts: list[Concept]) -> object:
    """What the answers are as a function of the concepts: the ground program without its names."""
    graph = asked.graph
    part: Part = relevant_part(graph, np.array(sorted(set(roots)), np.int32), drop_certain=True)
    number = {f: k for k, f in enumerate(part.facts.tolist())}
    tags = asked.answers.leaf_tags[0]
    questions = tuple((c.network, c.values, tuple(number.get(f, -1) for f in c.leaves)) for c in concepts)
    said = {f for c in concepts for f in c.leaves}
    first: dict[int, int] = {}
    others = tuple(
        (k, first.setdefault(int(graph.choice[f]), len(first)), float(tags[f]))
        for k, f in enumerate(part.facts.tolist()) if part.leaf[k] and f not in said
    )  # fmt: skip
    columns = (part.leaf, part.given, part.head, part.body_start, part.body, part.sign)
    return (questions, others, tuple(number[f] for f in roots), tuple(c.tobytes() for c in columns))


def table(asked: Asked, group: Group) -> Table:
    """The answers of a group under every combination, computed exactly."""
    graph = asked.graph
    evaluator = Exact(graph, list(group.facts), (), asked.answers.grounded.max_circuit)
    base = asked.answers.leaf_tags[0].detach().cpu().double()
    values = np.stack([i.reshape(-1) for i in np.indices(group.shape)], 1)  # (N, m)
    parts: list[NDArray[np.float64]] = []
    chunk = max(1, CELLS // max(1, graph.num_facts))
    for start in range(0, len(values), chunk):
        some = torch.from_numpy(values[start : start + chunk])
        tags = base[None].repeat(len(some), 1)
        for k, concept in enumerate(group.concepts):
            for outcome, leaf in enumerate(concept.leaves):
                tags[:, leaf] = (some[:, k] == (1 if concept.binary else outcome)).double()
        with torch.no_grad():
            parts.append(evaluator(tags).cpu().numpy())
    found = np.concatenate(parts)
    kind = np.unique(found.round(DIGITS) + 0.0, axis=0, return_inverse=True)[1].reshape(-1)  # -0.0 is 0.0
    return Table(found, kind)
