"""Why a rule costs what it does, in words: a cross product, a heavy value, a recursion, or just its largest join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neurosym.grounding.core import CoreAtom
from neurosym.grounding.cost.estimate import Step
from neurosym.grounding.cost.growth import Growth, Tally
from neurosym.lang.terms import Iri, spell, spell_predicate


class Reasons:
    """Writes reasons, spelling atoms as the rules do."""

    def __init__(self, growth: Growth, prefixes: Mapping[str, str]) -> None:
        self.growth, self.prefixes = growth, dict(prefixes)

    def of(self, tallies: Sequence[tuple[int, Tally]]) -> str:
        """The reason of a statement from the core rules that it became."""
        number, tally = max(tallies, key=lambda pair: (bool(pair[1].unbounded), pair[1].join, pair[1].firings))
        parts = []
        if any(t.recursive for _, t in tallies):
            number, tally = next((n, t) for n, t in tallies if t.recursive) if not tally.recursive else (number, tally)
            parts.append(self._recursion(number, tally))
        step = tally.worst
        if step is None:
            if parts:
                return parts[0]
            return "never fires" if tally.firings <= 0 else "joins nothing"
        if step.crossed:
            parts.append(self._cross(step, tally.steps))
        elif step.heavy is not None:
            atom, share = step.heavy
            parts.append(f"joins on `{self.atom(atom)}`, which {_n(share)} of {_n(step.size)} rows share")
        elif not parts:
            parts.append(self._join(step))
        return "; ".join(parts)

    def _cross(self, step: Step, steps: Sequence[Step]) -> str:
        before = steps[: steps.index(step)]
        others = " and ".join(f"`{self.atom(s.atom)}`" for s in before)
        return (
            f"a cross product: nothing connects `{self.atom(step.atom)}` with {others}: "
            f"{_n(step.size)} × {_n(step.before)} rows"
        )

    def _join(self, step: Step) -> str:
        if step.before <= 1:
            return f"reads {_n(step.rows)} rows of `{self.atom(step.atom)}`"
        each = step.rows / max(step.before, 1e-9)
        return f"`{self.atom(step.atom)}` matches {each:.3g} times for each of {_n(step.before)} rows"

    def _recursion(self, number: int, tally: Tally) -> str:
        rule = self.growth.core.rules[number]
        if tally.unbounded:
            return f"an unbounded recursion: nothing in the rule ends `{tally.unbounded}`"
        heads = []
        for head, _ in rule.heads:
            relation = self.growth.relation(head.key)
            name = spell_predicate(head.key[0], self.prefixes)
            room = " × ".join(_n(c.distinct) for c in relation.columns)
            heads.append(f"{name} grows to about {_n(relation.rows)} facts" + (f", of {room}" if room else ""))
        return f"recursive: {' and '.join(heads)}"

    def atom(self, atom: CoreAtom) -> str:
        """An atom as the rules spell it; what stands for a hidden predicate in words."""
        hidden = self.growth.core.hidden.get(atom.key)
        if hidden is not None:
            return hidden
        args = [self._argument(a) for a in atom.args]
        name = atom.key[0]
        if atom.key == ("triple", 3) and isinstance(atom.args[1], int):
            relation = self.growth.symbols.value(atom.args[1])
            if isinstance(relation, Iri):
                name, args = f"<{relation.value}>", [args[0], args[2]]
        return f"{spell_predicate(name, self.prefixes)}({', '.join(args)})" if args else name

    def _argument(self, arg: str | int | None) -> str:
        if isinstance(arg, int):
            return spell(self.growth.symbols.value(arg), self.prefixes)
        return "_" if arg is None or arg.startswith("#") else arg


def _n(number: float) -> str:
    """A count for people."""
    return f"{round(number):,}" if number < 1e15 else f"{number:.0e}"
