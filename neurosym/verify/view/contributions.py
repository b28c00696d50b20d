"""What leaving out a rule or a leaf does: the claim is recomputed with probability 0 in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from neurosym.errors import ExplanationError
from neurosym.verify.exact import Recomputed
from neurosym.verify.structure import Choice, GroundProgram, fault
from neurosym.verify.view.read import ShownContribution, View
from neurosym.verify.view.sources import Source
from neurosym.verify.view.steps import Traced

Recompute = Callable[[GroundProgram, int], Recomputed]


class Without:
    """Claims without some leaves, within a number of steps."""

    def __init__(
        self, view: View, traced: Traced, source: Source, found: GroundProgram, recompute: Recompute, max_steps: int
    ) -> None:
        self.view, self.traced, self.source, self.found = view, traced, source, found
        self.recompute, self.left = recompute, max_steps
        self._leaves = {f for c in found.choices for f in c.outcomes}
        self._near = _below(found)
        self._values: dict[tuple[int, ...], float | None] = {}

    def compare(self, tolerance: float) -> tuple[int, int]:
        """See that each claim without something is what it is said to be.

        Returns:
            How many were recomputed, and how many could not be.

        Raises:
            ExplanationError: NS836 another number comes out.
        """
        owner: dict[int, tuple[int, ...]] = {}
        of_rule = self._rules()
        for leaves in of_rule.values():
            owner |= dict.fromkeys(leaves, leaves)
        done = left = 0
        for added in self.view.contributions:
            leaves = self._left_out(added, of_rule, owner)
            value = self._without(leaves) if leaves else None
            if value is None:
                left += 1
                continue
            done += 1
            if not abs(value - added.without) <= tolerance * max(1.0, abs(value)):
                raise fault(
                    "NS836", f"without {added.name:.200} the claim is {value!r}, and not {added.without!r} as is shown"
                )
        return done, left

    def _left_out(
        self, added: ShownContribution, of_rule: Mapping[int, tuple[int, ...]], owner: Mapping[int, tuple[int, ...]]
    ) -> tuple[int, ...]:
        """The leaves that are left out; none where that takes grounding anew."""
        if added.kind == "rule":
            return of_rule.get(int(added.reference), ())
        fact = self.traced.facts.get(added.reference)
        number = None if fact is None else self.source.number(fact)
        if number is None or number not in self._leaves or self._values_of_network(added.reference, number):
            return ()
        return owner.get(number, (number,))

    def _values_of_network(self, name: str, number: int) -> bool:
        """Whether a leaf is one of several values: what one loses goes to no other, and leaves less than all worlds."""
        choice = next(c for c in self.found.choices if number in c.outcomes)
        return choice.kind == "neural" and (len(choice.outcomes) > 1 or self.view.nodes[name].value != "true")

    def _rules(self) -> dict[int, tuple[int, ...]]:
        """For each shown rule the leaves of its choices that the claim rests on: those that its steps use, and more."""
        choice = {f: c for c in self.found.choices for f in c.outcomes if c.kind in ("constant", "learned")}
        hidden: dict[str, list[int]] = {}
        for f, c in choice.items():
            if self.found.hidden[f] and f in self._near:
                hidden.setdefault(c.origin, []).append(f)
        names = [rule.name for rule in self.view.rules]
        used: dict[int, tuple[int, ...]] = {}
        for number, name in enumerate(names):
            # two rules of one line have one name
            if names.count(name) == 1 and self._one_statement(hidden.get(name, [])):
                used[number] = tuple(hidden.get(name, []))
        return used

    def _one_statement(self, leaves: list[int]) -> bool:
        """Whether leaves are of the choices of one statement."""
        return len({self.found.atoms[f].split("(")[0].rpartition(" #")[0] for f in leaves}) == 1

    def _without(self, leaves: tuple[int, ...]) -> float | None:
        """The claim without some leaves; None where it cannot be had."""
        if leaves not in self._values:
            out = set(leaves)
            choices = [_silenced(c, out) if out.intersection(c.outcomes) else c for c in self.found.choices]
            try:
                made = self.recompute(replace(self.found, choices=tuple(choices)), self.left)
                self.left -= made.steps
                self._values[leaves] = made.value
            except ExplanationError as error:
                if error.code not in ("NS820", "NS823"):
                    raise
                self._values[leaves] = None  # too much work; or what was observed could not be without it
        return self._values[leaves]


def _silenced(choice: Choice, out: set[int]) -> Choice:
    """A choice some of whose outcomes have probability 0."""
    pairs = zip(choice.outcomes, choice.probabilities, strict=True)
    return replace(choice, probabilities=tuple(0.0 if f in out else p for f, p in pairs))


def _below(found: GroundProgram) -> set[int]:
    """What the claim rests on, but for what only the observations do."""
    groundings: dict[int, list[int]] = {}
    for g in found.groundings:
        groundings.setdefault(g.head, []).extend((*g.body, *g.negated))
    seen, stack = {found.claim}, [found.claim]
    while stack:
        for f in groundings.get(stack.pop(), ()):
            if f not in seen:
                seen.add(f)
                stack.append(f)
    return seen


__all__ = ["Without"]
