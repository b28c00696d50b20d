"""Where sums and products are provably exact.

For each fact of a shape: are the literals of each body independent (then multiply), and do its groundings exclude one
another (then add) or rest on disjoint choices (then combine as a noisy-or)? Exclusion is proved by signatures: which
values of which choices a grounding needs. See the design in docs/explanation/exact.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import networkx as nx

from neurosym.semantics.exact.shape import Shape

ADD, NOISY_OR, ALIAS, COMPILE = "add", "noisy-or", "alias", "compile"


@dataclass(frozen=True, slots=True)
class Body:
    """A normalised body.

    Attributes:
        choices: choice → allowed outcomes as a bit set; the bit after the last outcome is 'other'.
        facts: literals on derived facts, `~fact` under negation.
    """

    choices: tuple[tuple[int, int], ...]
    facts: tuple[int, ...]


@dataclass
class Solved:
    """How a fact's probability follows from its children's.

    Attributes:
        how: `add`, `noisy-or`, `alias` (one body with one literal) or `compile`.
        bodies: normalised, without impossible and equal ones.
        support: bit set of the choices it depends on.
        signature: choice → outcomes that it needs.
        split: choices that tell its groundings apart.
    """

    how: str
    bodies: tuple[Body, ...]
    support: int
    signature: dict[int, int]
    split: set[int] = field(default_factory=set)


class Analysis:
    """Solves the facts of a shape bottom up."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.full = [(1 << (n + o)) - 1 for n, o in zip(shape.outcomes, shape.other, strict=True)]
        self.solved: dict[int, Solved] = {}
        for component, cyclic in order_of(shape):
            if cyclic:
                support = 0
                for fact in component:
                    for body in shape.groundings[fact]:
                        for literal in body:
                            other = literal if literal >= 0 else ~literal
                            if other not in component:
                                support |= self._support(other)
                for fact in component:
                    self.solved[fact] = Solved(COMPILE, (), support, {})
            else:
                (fact,) = component
                if shape.leaf[fact] is None:
                    self.solved[fact] = self._solve(fact)

    def _support(self, fact: int) -> int:
        leaf = self.shape.leaf[fact]
        return 1 << leaf[0] if leaf is not None else self.solved[fact].support

    def _normalise(self, literals: tuple[int, ...]) -> Body | None:
        """Merge the literals on one choice into one set of outcomes; None if the body cannot hold."""
        choices: dict[int, int] = {}
        facts: set[int] = set()
        for literal in literals:
            negative = literal < 0
            fact = ~literal if negative else literal
            leaf = self.shape.leaf[fact]
            if leaf is None:
                solved = self.solved[fact]
                if solved.how == ALIAS:  # looks through unit bodies
                    (body,) = solved.bodies
                    if body.choices:
                        ((choice, allowed),) = body.choices
                        mask = self.full[choice] & ~allowed if negative else allowed
                        choices[choice] = choices.get(choice, self.full[choice]) & mask
                    else:
                        (inner,) = body.facts
                        facts.add(~inner if negative else inner)
                    continue
                facts.add(literal)
            else:
                choice, outcome = leaf
                mask = self.full[choice] & ~(1 << outcome) if negative else 1 << outcome
                choices[choice] = choices.get(choice, self.full[choice]) & mask
        if any(m == 0 for m in choices.values()) or any(~f in facts for f in facts):
            return None
        kept = tuple(sorted((c, m) for c, m in choices.items() if m != self.full[c]))
        return Body(kept, tuple(sorted(facts)))

    def _solve(self, fact: int) -> Solved:
        bodies: dict[Body, None] = {}
        for literals in self.shape.groundings[fact]:
            body = self._normalise(literals)
            if body is not None:
                bodies[body] = None
        signatures, kept = [], []
        for body in bodies:
            signature = self._signature(body)
            if signature is not None:
                signatures.append(signature)
                kept.append(body)
        supports = [self._body_support(b) for b in kept]
        support = 0
        for s in supports:
            support |= s
        signature = _union(signatures)
        if len(kept) == 1 and len(kept[0].choices) + len(kept[0].facts) == 1:
            return Solved(ALIAS, tuple(kept), support, signature)
        solved = Solved(COMPILE, tuple(kept), support, signature)
        if all(self._decomposable(b) for b in kept):
            if exclusive(signatures, solved.split):
                solved.how = ADD
            elif sum(s.bit_count() for s in supports) == support.bit_count():
                solved.how = NOISY_OR
        return solved

    def _body_support(self, body: Body) -> int:
        support = 0
        for choice, _ in body.choices:
            support |= 1 << choice
        for literal in body.facts:
            support |= self._support(literal if literal >= 0 else ~literal)
        return support

    def _decomposable(self, body: Body) -> bool:
        seen = 0
        for choice, _ in body.choices:
            seen |= 1 << choice
        for literal in body.facts:
            support = self._support(literal if literal >= 0 else ~literal)
            if seen & support:
                return False
            seen |= support
        return True

    def _signature(self, body: Body) -> dict[int, int] | None:
        """Outcomes that the body needs of each choice; None if no outcome is left."""
        signature = dict(body.choices)
        for literal in body.facts:
            if literal < 0:
                continue  # a negated fact needs nothing that could be told from its own signature
            for choice, mask in self.solved[literal].signature.items():
                signature[choice] = signature.get(choice, self.full[choice]) & mask
                if not signature[choice]:
                    return None
        return signature


def _union(signatures: list[dict[int, int]]) -> dict[int, int]:
    """A fact needs a choice only if every grounding does; then any of their values will do."""
    if not signatures:
        return {}
    common = set(signatures[0]).intersection(*signatures[1:])
    result: dict[int, int] = {}
    for choice in common:
        mask = 0
        for signature in signatures:
            mask |= signature[choice]
        result[choice] = mask
    return result


def exclusive(signatures: list[dict[int, int]], split: set[int]) -> bool:
    """Whether a decision tree tells all signatures apart; adds the choices it splits by."""
    stack = [list(signatures)]
    while stack:
        group = stack.pop()
        if len(group) < 2:
            continue
        for choice in set(group[0]).intersection(*group[1:]):
            parts = _overlapping(group, choice)
            if len(parts) > 1:
                split.add(choice)
                stack.extend(parts)
                break
        else:
            return False
    return True


def _overlapping(group: list[dict[int, int]], choice: int) -> list[list[dict[int, int]]]:
    """Connected components of signatures whose value sets of a choice overlap."""
    parts: list[tuple[int, list[dict[int, int]]]] = []
    by_mask: dict[int, list[dict[int, int]]] = {}
    for signature in group:
        by_mask.setdefault(signature[choice], []).append(signature)
    for mask, members in by_mask.items():
        joined, rest = [*members], []
        for other, signatures in parts:
            if other & mask:
                mask |= other
                joined.extend(signatures)
            else:
                rest.append((other, signatures))
        parts = [*rest, (mask, joined)]
    return [members for _, members in parts]


def bits(mask: int) -> list[int]:
    """The positions of the ones in a bit set."""
    return [k for k in range(mask.bit_length()) if mask >> k & 1]


def order_of(shape: Shape) -> list[tuple[set[int], bool]]:
    """Strongly connected components of the facts, children first, with whether each is a cycle."""
    graph: nx.DiGraph = nx.DiGraph()
    graph.add_nodes_from(range(len(shape.groundings)))
    for fact, bodies in enumerate(shape.groundings):
        graph.add_edges_from((fact, x if x >= 0 else ~x) for body in bodies for x in body)
    # networkx yields components in reverse topological order: what a fact depends on comes first
    return [
        (component, len(component) > 1 or graph.has_edge(*(2 * tuple(component))[:2]))
        for component in nx.strongly_connected_components(graph)
    ]
