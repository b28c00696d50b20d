"""Probabilities of conjunctions whose members share choices: joint queries, evidence, bodies that cannot be multiplied.

A conjunction is taken apart from the top: its highest fact is replaced by each of its bodies in turn, which exclude one
another; what then rests on choices of its own is multiplied, and every conjunction is solved once. Where facts follow
one another in a chain through a derived choice, as digits do through a carry or observations through a hidden state,
that pushes the rest of the conjunction down to each value of it, and there are as many conjunctions as links.
Darwiche, Recursive conditioning (AIJ 2001) has the idea for Bayesian networks.

Facts whose bodies do not exclude one another are taken apart by their first body, and by what makes it fail. That is
exact, too, but nothing bounds its size; hence a budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from neurosym.semantics.diagrams import Body
from neurosym.semantics.exact.circuit import CircuitBuilder
from neurosym.semantics.exact.view import Spans, View, sharing, united
from neurosym.semantics.part import Long

Choices = tuple[tuple[int, int], ...]
MAX_SPLITS = 200  # beyond, a compiled diagram is the better way


class TooLarge(Exception):
    """A conjunction that cannot be folded within the budget, or at all."""


@dataclass(frozen=True, slots=True)
class Joint:
    """A conjunction: of literals, highest fact first; of sets of outcomes; and of evidence from a position on."""

    literals: tuple[int, ...]
    choices: Choices
    rest: int


@dataclass(frozen=True, slots=True)
class Term:
    """Factors that rest on different choices.

    Attributes:
        sets: references to sets of outcomes; literals: with a reference each; joints: what is left to solve.
    """

    sets: tuple[int, ...]
    literals: tuple[tuple[int, int], ...]
    joints: tuple[Joint, ...]


def fact_of(literal: int) -> int:
    """The fact that a literal speaks of."""
    return literal if literal >= 0 else ~literal


class Folder:
    """Solves conjunctions over one view.

    Attributes:
        evidence: literals, highest first, that belong to every conjunction from a position on.
        needed: facts whose own references were used.
        splits: how often a fact was taken apart by one of its bodies at a time; kept: of them those that hold.
    """

    def __init__(
        self, view: View, builder: CircuitBuilder, reference: Long, evidence: Iterable[int], budget: int
    ) -> None:
        """Prepare.

        Args:
            reference: a reference for each fact; budget: conjunctions that may be taken apart.
        """
        self.view, self.builder, self.reference = view, builder, reference
        self.evidence = sorted(evidence, key=view.height, reverse=True)
        self.budget = budget
        self.needed: set[int] = set()
        self.splits = self.kept = 0
        self.known: dict[Joint, int] = {}
        self.terms: dict[Joint, list[Term]] = {}
        self.expanded: dict[Joint, int] = {}  # the literal that was taken apart
        self._tails: list[Spans] = [()]
        for literal in reversed(self.evidence):
            self._tails.append(united([view.spans(fact_of(literal)), self._tails[-1]]))
        self._tails.reverse()

    def conjunction(self, literals: Iterable[int], choices: Choices = (), rest: int | None = None) -> int:
        """A reference to the probability of a conjunction.

        Args:
            rest: position from which on the evidence belongs to it; none by default.

        Raises:
            TooLarge: beyond the budget, or a cycle is met.
        """
        term = self.term(literals, choices, rest)
        return self.builder.zero if term is None else self.solve(term)

    def term(self, literals: Iterable[int], choices: Choices = (), rest: int | None = None) -> Term | None:
        """A conjunction as factors; None if it cannot hold."""
        return self._term((), dict(choices), literals, len(self.evidence) if rest is None else rest)

    def solve(self, term: Term) -> int:
        """A reference to the probability of a term.

        Raises:
            TooLarge: beyond the budget, or a cycle is met.
        """
        stack = list(term.joints)
        while stack:
            joint = stack[-1]
            if joint in self.known:
                stack.pop()
                continue
            if joint not in self.terms:
                if len(self.terms) >= self.budget:
                    raise TooLarge
                self.terms[joint] = self._expand(joint)
                if any(j in self.terms and j not in self.known for t in self.terms[joint] for j in t.joints):
                    raise TooLarge  # it rests on what it is needed for
            missing = [j for t in self.terms[joint] for j in t.joints if j not in self.known]
            if missing:
                stack.extend(missing)
            else:
                self.known[joint] = self.builder.sum([self.builder.product(self.factors(t)) for t in self.terms[joint]])
        return self.builder.product(self.factors(term))

    def factors(self, term: Term) -> list[int]:
        """References to a solved term's factors: sets of outcomes, literals, conjunctions."""
        return [*term.sets, *(r for _, r in term.literals), *(self.known[j] for j in term.joints)]

    # ----------------------------------------------------------------------------------------------- taking apart

    def _expand(self, joint: Joint) -> list[Term]:
        """Exclusive alternatives of a conjunction, by its highest fact."""
        literals, rest = joint.literals, joint.rest
        if rest < len(self.evidence) and (
            not literals or self.view.height(self.evidence[rest]) >= self.view.height(literals[0])
        ):  # fmt: skip
            top, others, rest = self.evidence[rest], literals, rest + 1
            if ~top in others:
                return []
            others = tuple(x for x in others if x != top)
        else:
            top, others = literals[0], literals[1:]
        fact = fact_of(top)
        if self.view.structure.cyclic[fact]:
            raise TooLarge
        self.expanded[joint] = top
        held = dict(joint.choices)
        positive = {g: v for x in (top, *others) if x >= 0 for g, v in self.view.groups(x)}
        bodies = [b for b in self.view.bodies(fact) if self._consistent(b, held, others, positive)]
        terms: list[Term | None]
        if top >= 0 and (self.view.exclusive(fact) or len(bodies) == 1):
            terms = [self._term(others, {**held, **self._met(b, held)}, b.literals, rest) for b in bodies]
        elif top < 0 and not bodies:
            terms = [self._term(others, held, (), rest)]
        elif not bodies:
            return []
        else:
            self.splits += 1
            self.kept += top >= 0
            if self.splits > MAX_SPLITS:
                raise TooLarge
            first = bodies[0]
            terms = [self._term((top, *others), {**held, **c}, new, rest) for c, new in self._failing(first, held)]
            if top >= 0:
                terms.append(self._term(others, {**held, **self._met(first, held)}, first.literals, rest))
        return [t for t in terms if t is not None]

    def _consistent(
        self, body: Body, held: dict[int, int], others: tuple[int, ...], positive: dict[int, int]
    ) -> bool:  # fmt: skip
        """Whether a body may hold, given sets of outcomes, literals, and the values of derived choices."""
        for choice, allowed in body.choices:
            if choice in held and not held[choice] & allowed:
                return False
        for x in body.literals:
            if ~x in others or self._reference(x) == self.builder.zero:
                return False
            if x >= 0 and positive and any(positive.get(g, v) != v for g, v in self.view.groups(x)):
                return False
        return True

    def _reference(self, literal: int) -> int:
        """A reference to the probability of a literal by itself."""
        return int(self.reference[literal]) if literal >= 0 else ~int(self.reference[~literal])

    def _met(self, body: Body, held: dict[int, int]) -> dict[int, int]:
        return {c: held.get(c, allowed) & allowed for c, allowed in body.choices}

    def _failing(self, body: Body, held: dict[int, int]) -> Iterable[tuple[dict[int, int], tuple[int, ...]]]:
        """Exclusive ways in which a body fails: by its first literal, by the second while the first holds, …"""
        met: dict[int, int] = {}
        for choice, allowed in body.choices:
            now = held.get(choice, self.view.full[choice])
            if now & ~allowed:
                yield {**met, choice: now & ~allowed}, ()
            met[choice] = now & allowed
        for k, literal in enumerate(body.literals):
            yield met, (*body.literals[:k], ~literal)

    def _term(self, others: Sequence[int], choices: dict[int, int], new: Iterable[int], rest: int) -> Term | None:
        """A conjunction as factors that rest on different choices; None if it cannot hold."""
        literals = self._joined(others, new)
        if literals is None:
            return None
        held = [(c, allowed) for c, allowed in choices.items() if allowed != self.view.full[c]]
        spans = [self.view.spans(fact_of(x)) for x in literals]
        parts = sharing([self._tails[rest], *spans, *(((c, c),) for c, _ in held)])
        outcome_sets: list[int] = []
        alone: list[tuple[int, int]] = []
        joints: list[Joint] = []
        for part in parts:
            tail = part[0] == 0 and rest < len(self.evidence)
            members = [literals[k - 1] for k in part if 0 < k <= len(literals)]
            sets = [held[k - 1 - len(literals)] for k in part if k > len(literals)]
            if not tail and not members:
                outcome_sets.extend(outcomes(self.view, self.builder, c, allowed) for c, allowed in sets)
            elif not tail and len(members) == 1 and not sets:
                (literal,) = members
                fact = fact_of(literal)
                self.needed.add(fact)
                alone.append((literal, self._reference(literal)))
            else:
                ordered = tuple(sorted(members, key=self.view.height, reverse=True))
                joints.append(Joint(ordered, tuple(sorted(sets)), rest if tail else len(self.evidence)))
        if self.builder.zero in outcome_sets or any(r == self.builder.zero for _, r in alone):
            return None
        return Term(tuple(outcome_sets), tuple(alone), tuple(joints))

    def _joined(self, others: Sequence[int], new: Iterable[int]) -> list[int] | None:
        """Literals together; None if two contradict. What members of one derived choice say is said once."""
        literals = list(others)
        for literal in new:
            if ~literal in literals:
                return None
            if literal not in literals:
                literals.append(literal)
        values: dict[int, int] = {}
        for literal in literals:
            if literal >= 0:
                for group, value in self.view.groups(literal):
                    if values.setdefault(group, value) != value:
                        return None
        if values:
            literals = [x for x in literals if x >= 0 or not any(g in values for g, _ in self.view.groups(~x))]
        return literals


def outcomes(view: View, builder: CircuitBuilder, choice: int, allowed: int) -> int:
    """A reference to the probability that a choice falls into a set of outcomes."""
    size, first = view.sizes[choice], view.leaf_start[choice]
    leaves = view.leaf_reference
    inside = [leaves[first + k] for k in range(size) if allowed >> k & 1]
    outside = [leaves[first + k] for k in range(size) if not allowed >> k & 1]
    if allowed >> size & 1 or (len(outside) < len(inside) and not view.structure.other[choice]):
        return ~builder.sum(outside)
    return builder.sum(inside)
