"""The formula graph: ground constraints as integer columns, over the atoms of a derivation graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import Span
from neurosym.facts import Ids
from neurosym.grounding.columns import expand
from neurosym.grounding.core import Key
from neurosym.grounding.graph import DerivationGraph
from neurosym.lang.ast import Constraint

FALSE, TRUE, ATOM, NOT, AND, OR, IMPLIES, IFF, FORALL, EXISTS = range(10)
WORDS = {AND: " and ", OR: " or ", IMPLIES: " implies ", IFF: " iff ", FORALL: " and ", EXISTS: " or "}
Long = NDArray[np.int64]


@dataclass(frozen=True)
class Connective:
    """A connective as it is written.

    Attributes:
        formula: number of its constraint; `span`: where it stands.
        kind: `NOT` to `EXISTS`; `operands`: how many it has, 1 for quantifiers.
        first: number of its first operand among all operands of all connectives.
    """

    formula: int
    kind: int
    span: Span
    operands: int
    first: int


@dataclass(frozen=True)
class GroundFormula:
    """A constraint with its instances.

    Attributes:
        label: its name or place; `root`: the node that says that all instances hold.
        instances: (n,) nodes, one for each substitution of the universal variables at which it could be violated.
        substitutions: (n, variables) term ids, in the order of `variables`.
    """

    label: str
    constraint: Constraint
    root: int
    instances: Ids
    variables: tuple[str, ...]
    substitutions: Ids

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.constraint.span


@dataclass(frozen=True)
class FormulaGraph:
    """N nodes over the F facts of a derivation graph and U unknown atoms beyond them.

    Attributes:
        graph: the derivation graph; its facts keep their ids.
        kind: (N,) `FALSE` to `EXISTS`; children come before their parents.
        start: (N + 1,) offsets into `children` (E,), node numbers in the order of the operands.
        connective: (N,) index into `connectives` of the place where a node was first met, -1 for atoms and constants.
        atom: (N,) atom id, -1 for what is no atom: below F a fact, from F on an unknown atom.
        exhaustive: (N,) of a quantifier, whether its children are all that can matter; else open predicates may have
            further instances.
        formulas: the constraints, in order; connectives: as they are written.
        unknown: predicate → (atom ids, rows of term ids) of unknown atoms that are no facts of the graph.
        open: the predicates whose absent atoms are unknown.
    """

    graph: DerivationGraph
    kind: NDArray[np.uint8]
    start: Long
    children: Ids
    connective: Ids
    atom: Ids
    exhaustive: NDArray[np.bool_]
    formulas: tuple[GroundFormula, ...]
    connectives: tuple[Connective, ...]
    unknown: dict[Key, tuple[Ids, Ids]] = field(default_factory=dict)
    open: frozenset[Key] = frozenset()

    @property
    def num_nodes(self) -> int:
        """N."""
        return len(self.kind)

    @cached_property
    def num_atoms(self) -> int:
        """F + U."""
        return self.graph.num_facts + sum(len(ids) for ids, _ in self.unknown.values())

    @cached_property
    def level(self) -> Long:
        """(N,) the layer in which a node can be computed: 0 for atoms and constants, else one above its children."""
        level = np.zeros(self.num_nodes, np.int64)
        parents = np.repeat(np.arange(self.num_nodes), np.diff(self.start))
        while True:
            new = np.zeros(self.num_nodes, np.int64)
            np.maximum.at(new, parents, level[self.children] + 1)
            if np.array_equal(new, level):
                return level
            level = new

    def children_of(self, node: int) -> list[int]:
        """A node's children."""
        return self.children[self.start[node] : self.start[node + 1]].tolist()

    def below(self, nodes: Sequence[int]) -> Ids:
        """The nodes that some nodes rest on, they themselves included, ascending."""
        seen = np.zeros(self.num_nodes, bool)
        frontier = np.unique(np.array(nodes, np.int64))
        while len(frontier):
            seen[frontier] = True
            _, at = expand(self.start[frontier], self.start[frontier + 1] - self.start[frontier])
            new = np.unique(self.children[at])
            frontier = new[~seen[new]]
        return np.nonzero(seen)[0].astype(np.int32)

    def formulas_of(self, node: int) -> list[GroundFormula]:
        """The constraints that a node is part of; nodes are shared."""
        return [f for f in self.formulas if node in set(self.below([f.root]).tolist())]

    @cached_property
    def _unknown_place(self) -> list[tuple[int, Key, int]]:
        return [
            (int(i), key, row) for key, (ids, _) in self.unknown.items() for row, i in enumerate(ids.tolist())
        ]  # fmt: skip

    def key_of(self, atom: int) -> Key:
        """The predicate of an atom."""
        if atom < self.graph.num_facts:
            return self.graph.key(atom)
        return self._by_id[atom][0]

    @cached_property
    def _by_id(self) -> dict[int, tuple[Key, int]]:
        return {i: (key, row) for i, key, row in self._unknown_place}

    def terms_of(self, atom: int) -> tuple[int, ...]:
        """The term ids of an atom's arguments."""
        if atom < self.graph.num_facts:
            return tuple(self.graph.args(atom))
        key, row = self._by_id[atom]
        return tuple(self.unknown[key][1][row].tolist())

    def spell_atom(self, atom: int) -> str:
        """An atom as the rule language spells it."""
        if atom < self.graph.num_facts:
            return self.graph.atom(atom)
        key, row = self._by_id[atom]
        return self.graph.spell(key, tuple(self.unknown[key][1][row].tolist()))

    def spell(self, node: int, most: int = 6) -> str:
        """A ground formula as text; of a quantifier, the first instances."""
        kind = int(self.kind[node])
        if kind in (FALSE, TRUE):
            return "true" if kind == TRUE else "false"
        if kind == ATOM:
            return self.spell_atom(int(self.atom[node]))
        if kind in (FORALL, EXISTS) and len(self.children_of(node)) == 1:
            return self.spell(self.children_of(node)[0], most)
        parts = [self._bracketed(c, most) for c in self.children_of(node)[:most]]
        if kind == NOT:
            return f"not {parts[0]}"
        more = "" if len(self.children_of(node)) <= most else WORDS[kind] + "…"
        return WORDS[kind].join(parts) + more if parts else "true" if kind == FORALL else "false"

    def _bracketed(self, node: int, most: int) -> str:
        text = self.spell(node, most)
        while self.kind[node] in (FORALL, EXISTS) and len(self.children_of(node)) == 1:
            node = self.children_of(node)[0]
        return text if self.kind[node] in (FALSE, TRUE, ATOM, NOT) else f"({text})"
