"""A structure, its normal form and what was proved of it, read fact by fact: for what is solved one piece at a time."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from neurosym.grounding import DerivationGraph
from neurosym.grounding.compiled import load
from neurosym.semantics.diagrams import Body
from neurosym.semantics.exact.normal import FALSE, LITERAL, OUTCOMES, TRUE, Normal
from neurosym.semantics.exact.proof import ADD, Proof
from neurosym.semantics.exact.structure import Structure

HEADS = 3  # of a disjunction that its name spells out
Spans = tuple[tuple[int, int], ...]  # sorted intervals of choices


class View:
    """What is known of each fact, as Python values that are made when they are asked for."""

    def __init__(self, graph: DerivationGraph, structure: Structure, normal: Normal, proof: Proof) -> None:
        self.graph, self.structure, self.normal, self.proof = graph, structure, normal, proof
        self.leaf_reference = list(range(len(structure.leaf_facts)))  # under evidence, its probability given that
        self._bodies: dict[int, tuple[Body, ...]] = {}
        self._spans: dict[int, Spans] = {}
        self._groups: dict[int, tuple[tuple[int, int], ...]] = {}

    @cached_property
    def sizes(self) -> list[int]:
        """For each choice how many outcomes it has; `leaf_start`: the first of them among the leaves."""
        return self.structure.sizes.tolist()

    @cached_property
    def leaf_start(self) -> list[int]:
        """See `sizes`."""
        return self.structure.leaf_start.tolist()

    @cached_property
    def component(self) -> list[int]:
        """For each fact its strongly connected component."""
        return self.structure.component.tolist()

    @cached_property
    def _columns(self) -> tuple[list, ...]:
        """What a body is read from, as lists: one element of an array costs as much as a hundred of a list."""
        normal = self.normal
        columns = normal.choice_start, normal.choices, normal.masks, normal.literal_start, normal.literals
        return (*(column.tolist() for column in columns), self.proof.dropped.tolist())

    @cached_property
    def full(self) -> list[int]:
        """For each choice the set of all its outcomes."""
        return [_set(row) for row in self.structure.full.tolist()]

    @cached_property
    def level(self) -> list[int]:
        """For each fact the longest way down to a choice; the facts of a cycle share it."""
        level = np.zeros(len(self.normal.state), np.int64)
        starts = self.normal.literal_start[self.normal.starts]
        load("neurosym.semantics.walks").levels(starts, self.normal.literals, self.structure.component, level)
        return level.tolist()

    def height(self, literal: int) -> tuple[int, int]:
        """Orders literals such that a fact comes after those it depends on, and what is equally deep is neighbours."""
        fact = literal if literal >= 0 else ~literal
        return self.level[fact], fact

    def bodies(self, fact: int) -> tuple[Body, ...]:
        """A fact's bodies, without those that cannot hold; of one that stands for something else, that."""
        if fact not in self._bodies:
            self._bodies[fact] = self._read(fact)
        return self._bodies[fact]

    def _read(self, fact: int) -> tuple[Body, ...]:
        normal, proof = self.normal, self.proof
        state = normal.state[fact]
        if state == TRUE:
            return (Body((), ()),)
        if state == FALSE:
            return ()
        if state == OUTCOMES:
            return (Body(((int(normal.alias[fact]), _set(normal.alias_mask[fact].tolist())),), ()),)
        if state == LITERAL:
            return (Body((), (int(normal.alias[fact]),)),)
        live = [b for b in range(normal.starts[fact], normal.starts[fact + 1]) if not proof.dead[b]]
        return tuple(self.body(b) for b in live)

    def body(self, b: int) -> Body:
        """A body by its number."""
        choice_start, choices, masks, literal_start, literals, dropped = self._columns
        sets = [(choices[k], _set(masks[k])) for k in range(choice_start[b], choice_start[b + 1])]
        kept = [literals[k] for k in range(literal_start[b], literal_start[b + 1]) if not dropped[k]]
        return Body(tuple(sets), tuple(kept))

    def exclusive(self, fact: int) -> bool:
        """Whether its bodies exclude one another."""
        return self.proof.how[fact] == ADD or self.normal.state[fact] != 0

    def spans(self, fact: int) -> Spans:
        """The choices that a fact rests on, perhaps with some more."""
        if fact not in self._spans:
            at = slice(self.proof.support_start[fact], self.proof.support_end[fact])
            self._spans[fact] = tuple(zip(self.proof.first[at].tolist(), self.proof.last[at].tolist(), strict=True))
        return self._spans[fact]

    def groups(self, fact: int) -> tuple[tuple[int, int], ...]:
        """The derived choices that a fact is a value of, as (group, value)."""
        if fact not in self._groups:
            groups = self.proof.groups
            at = slice(groups.of_start[fact], groups.of_start[fact + 1])
            pairs = zip(groups.of_group[at].tolist(), groups.of_value[at].tolist(), strict=True)
            self._groups[fact] = tuple((g, v) for g, v in pairs if self.proof.proved[g])
        return self._groups[fact]

    def name(self, fact: int) -> str:
        """A fact as the rule language spells it; of the engine's own facts, what they are about."""
        return readable(self.graph, int(self.structure.facts[fact]))

    def group_name(self, fact: int) -> str:
        """What a derived choice is about, by one of its members: its predicate and the arguments before the last."""
        graph_fact = int(self.structure.facts[fact])
        key, args = self.graph.key(graph_fact), self.graph.args(graph_fact)
        if key in self.graph.program.hidden or len(args) < 2:
            return readable(self.graph, graph_fact)
        return self.graph.spell((key[0], key[1] - 1), args[:-1])

    def choice_name(self, choice: int) -> str:
        """What a choice is about."""
        return choice_name(self.graph, int(self.structure.leaf_facts[self.structure.leaf_start[choice]]))


def _set(words: list[int]) -> int:
    """Words as one integer."""
    result = 0
    for word in reversed(words):
        result = result << 64 | word
    return result


def readable(graph: DerivationGraph, fact: int) -> str:
    """A fact as the rule language spells it; of the engine's own facts, what they are about."""
    hidden = graph.program.hidden.get(graph.key(fact))
    return hidden if hidden is not None else graph.atom(fact)


def choice_name(graph: DerivationGraph, leaf: int) -> str:
    """What a leaf's choice is about: `digit(a)` for the network's question behind `digit(a, 3)`."""
    key = graph.key(leaf)
    declaration = graph.program.neural.get(key)
    if declaration is not None and declaration.values is not None:
        return graph.spell((key[0], key[1] - 1), graph.args(leaf)[:-1])
    return _heads(graph, leaf) or readable(graph, leaf)


def _heads(graph: DerivationGraph, leaf: int) -> str:
    """The heads of a disjunction, `x(0); x(1)`, if each outcome has one of its own; else nothing."""
    group, row = graph.choice_of(leaf)
    outcomes = group.facts[row].tolist()
    names: list[str] = []
    for outcome in outcomes[:HEADS] if len(outcomes) > 1 else ():
        edges = np.nonzero((graph.body == outcome) & graph.sign)[0]
        groundings = np.searchsorted(graph.body_start, edges, "right") - 1
        heads = {int(f) for f in graph.head[groundings] if not graph.hidden(int(f))}
        if len(heads) != 1:
            return ""
        names.extend(graph.atom(f) for f in heads)
    return "; ".join(names) + ("; …" if len(outcomes) > HEADS else "")


def overlap(one: Spans, two: Spans) -> bool:
    """Whether two sorted lists of intervals meet."""
    i = j = 0
    while i < len(one) and j < len(two):
        if one[i][1] < two[j][0]:
            i += 1
        elif two[j][1] < one[i][0]:
            j += 1
        else:
            return True
    return False


def sharing(supports: list[Spans]) -> list[list[int]]:
    """Positions of supports that share choices, directly or through others; groups in the order of their last members.

    A support without choices stands alone.
    """
    joined = list(range(len(supports)))  # position → one of its group, itself at the end
    end, latest = -1, 0
    for first, last, at in sorted([(first, last, k) for k, spans in enumerate(supports) for first, last in spans]):
        if first > end:
            end, latest = last, at
            continue
        end = max(end, last)
        one, two = _end(joined, at), _end(joined, latest)
        joined[min(one, two)] = max(one, two)
    groups: dict[int, list[int]] = {}
    for k in range(len(supports)):
        groups.setdefault(_end(joined, k), []).append(k)
    return [groups[k] for k in sorted(groups)]


def _end(joined: list[int], k: int) -> int:
    while joined[k] != k:
        k = joined[k]
    return k


def united(spans: list[Spans]) -> Spans:
    """The union of lists of intervals."""
    result: list[tuple[int, int]] = []
    for first, last in sorted(s for part in spans for s in part):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return tuple(result)
