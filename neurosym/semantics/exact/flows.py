"""Facts together with evidence, all at once: the way down through the conjunctions that the evidence was folded into.

Where the evidence needs a value of a derived choice, such as the hidden state at some time, every world in which the
evidence holds derives it through exactly one value, and the probability of a value together with the evidence is what
flows through it: its part of the sum. Forward and backward messages of a hidden Markov model are the special case;
Darwiche, A differential approach to inference in Bayesian networks (JACM 2003), the general idea.
"""

from __future__ import annotations

from neurosym.semantics.exact.fold import Folder, Joint, Term
from neurosym.semantics.exact.normal import PLAIN


class Flows:
    """What flows through the facts that were met while a term was folded."""

    def __init__(self, folder: Folder, top: Term) -> None:
        """Walk down once.

        Args:
            top: a solved term, such as all evidence.
        """
        self.folder, self.top = folder, top
        self.order = self._order()
        self.needed = self._needed()
        self._found: dict[int, list[int]] | None = None

    def joint(self, fact: int) -> int | None:
        """A reference to the probability of a fact together with the term; None if the term may do without it."""
        groups = self.folder.view.groups(fact)
        # a fact that stands for something else was looked through; one that was taken apart body by body is met again
        if self.folder.kept or self.folder.view.normal.state[fact] != PLAIN:
            return None
        if not any(self.needed >> g & 1 for g, _ in groups):
            return None
        if self._found is None:
            self._found = self._walk()
        return self.folder.builder.sum(self._found.get(fact, []))

    def _order(self) -> list[Joint]:
        """The conjunctions below, each before those that it is made of."""
        seen: set[Joint] = set()
        order: list[Joint] = []
        stack: list[tuple[Joint, bool]] = [(j, False) for j in self.top.joints]
        while stack:
            joint, done = stack.pop()
            if done:
                order.append(joint)
            elif joint not in seen:
                seen.add(joint)
                stack.append((joint, True))
                stack.extend((j, False) for t in self.folder.terms[joint] for j in t.joints if j not in seen)
        return order[::-1]

    def _needed(self) -> int:
        """Bit set of the derived choices of which every way to the term takes a value."""
        of: dict[Joint, int] = {}
        for joint in reversed(self.order):
            common = -1
            for term in self.folder.terms[joint]:
                common &= self._of_term(term, of)
            top = self.folder.expanded[joint]
            of[joint] = common | (self._bits(top) if top >= 0 else 0)
        return self._of_term(self.top, of)

    def _of_term(self, term: Term, of: dict[Joint, int]) -> int:
        result = 0
        for literal, _ in term.literals:
            result |= self._bits(literal) if literal >= 0 else 0
        for joint in term.joints:
            result |= of[joint]
        return result

    def _bits(self, fact: int) -> int:
        result = 0
        for group, _ in self.folder.view.groups(fact):
            result |= 1 << group
        return result

    def _walk(self) -> dict[int, list[int]]:
        """For each fact references to what flows through it, place by place."""
        builder, folder = self.folder.builder, self.folder
        found: dict[int, list[int]] = {}
        above: dict[Joint, list[int]] = {}

        def spread(term: Term, weight: int) -> None:
            factors = folder.factors(term)
            first = len(term.sets) + len(term.literals)
            for literal, _ in term.literals:
                if literal >= 0:
                    found.setdefault(literal, []).append(builder.product([weight, *factors]))
            for k, joint in enumerate(term.joints):
                others = [weight, *factors[: first + k], *factors[first + k + 1 :]]
                above.setdefault(joint, []).append(builder.product(others))

        spread(self.top, builder.one)
        for joint in self.order:
            weight = builder.sum(above[joint])
            top = folder.expanded[joint]
            if top >= 0:
                found.setdefault(top, []).append(builder.product([weight, folder.known[joint]]))
            for term in folder.terms[joint]:
                spread(term, weight)
        return found
