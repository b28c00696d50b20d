"""What is said of each literal of a rule that nearly fired: whether it holds, and if not, how it failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from neurosym.explain.alternatives import DENIED, How, NearLiteral, NearMiss
from neurosym.explain.changes.bodies import Part
from neurosym.explain.changes.nearest import Ids, Near, Nearest, Pattern
from neurosym.explain.words import Words
from neurosym.grounding.bodies import variables_of
from neurosym.grounding.core import CoreAtom
from neurosym.lang.ast import Aggregate, Arithmetic, Atom, Comparison, Const, Literal, Not, Term, Var
from neurosym.lang.notation import substituted

UNKNOWN = "unknown"  # what is said instead of a fault, of a literal that rests on what is unknown
NEAREST = 3  # recorded facts shown beside one that is missing
NOTHING = 1e-12


class Judge:
    """Puts into words what became of the literals of one substitution.

    Args:
        tags: fact of the graph → its probability; `spans`: between which numbers that lies, where it is unknown.
        threshold: literals that hold with less are weak.
        below: why an atom is not derived, or nothing.
    """

    def __init__(
        self, search: Nearest, words: Words, tags: Mapping[int, float], derived: set[tuple[str, int]],
        below: Callable[[Atom], tuple[NearMiss, ...]], spans: Mapping[int, tuple[float, float]], threshold: float,
    ) -> None:  # fmt: skip
        self.search, self.facts, self.words = search, search.facts, words
        self.graph = search.facts.graph
        self.tags, self.derived, self.below = tags, derived, below
        self.spans, self.threshold = spans, threshold
        self.printer = self.graph.program.notation.printer(self.graph.prefixes)

    def literals(self, near: Near, asked: Mapping[int, tuple[float | None, Ids, str]]) -> list[NearLiteral]:
        """All literals, in the order of the rule.

        Args:
            asked: position → (its probability, the values that it gave variables, why not), of those that were asked.
        """
        ids = self.assigned(near, asked)
        found = [self._literal(k, part, near, ids, asked.get(k)) for k, part in enumerate(self.search.parts)]
        return [self._finished(x, part, ids) for x, part in zip(found, self.search.parts, strict=True)]

    def assigned(self, near: Near, asked: Mapping[int, tuple[float | None, Ids, str]]) -> Ids:
        """The substitution with what was asked, and what follows from equations."""
        ids = dict(near.ids)
        for _, more, _ in asked.values():
            ids |= more
        return self.facts.assigned(self.search.parts, ids)

    def _finished(self, literal: NearLiteral, part: Part, ids: Ids) -> NearLiteral:
        """With its label, and with why it is no more probable."""
        literal = replace(literal, label=self._label(part, ids))
        if literal.how != "holds" or literal.probability is None or literal.probability >= self.threshold:
            return literal
        below: tuple[NearMiss, ...] = ()
        if part.kind == "atom" and part.atom is not None and part.atom.key in self.derived:
            below = self.below(self._goal(self.facts.core(part.atom), ids))
        return replace(literal, weak=True, below=below)

    def _label(self, part: Part, ids: Ids) -> str:
        """The literal in the expert's words, where it is an atom or the negation of one."""
        if part.exception:
            return f"{DENIED}the exception {part.exception.label} applies"
        inner = part.body.body if isinstance(part.body, Not) else part.body
        atom = part.atom or (inner.atom if isinstance(inner, Literal) else None)
        if atom is None or any(isinstance(t, Arithmetic) for t in atom.args):
            return ""
        core = self.facts.core(atom)
        values = [None if v is None else self.graph.symbols.value(v) for v in self.facts.pattern(core, ids)]
        said = self.words.atom(core.key, values)
        return said if inner is part.body else f"{DENIED}{said}"

    def _goal(self, atom: CoreAtom, ids: Ids) -> Atom:
        """An atom with the values that are known, for which it can be asked why it is not so."""
        pattern = self.facts.pattern(atom, ids)
        values = [None if v is None else self.graph.symbols.value(v) for v in pattern]
        args = tuple(Var(f"_{c}", "_") if v is None else Const(v) for c, v in enumerate(values))
        return Atom(atom.key[0], args)

    def _literal(
        self, k: int, part: Part, near: Near, ids: Ids, asked: tuple[float | None, Ids, str] | None
    ) -> NearLiteral:
        text = self._text(part, ids)
        if part.kind == "atom":
            return self._atom(k, text, near, ids)
        if part.kind == "negated":
            return self._negated(k, text, ids)
        if isinstance(part.body, Comparison):
            return self._comparison(part.body, text, ids)
        probability, _, fault = asked or (None, {}, "")
        if fault.startswith(UNKNOWN):
            return NearLiteral(text, "unknown", fault.removeprefix(UNKNOWN).strip())
        if probability is None:
            return NearLiteral(text, "undecided", fault or "what it needs has no value")
        if probability > 0:
            return NearLiteral(text, "holds", self._result(part, ids), probability)
        if part.exception:
            return NearLiteral(f"the exception {part.exception.label}", "exception", "it applies", 0.0)
        if isinstance(part.body, Not) and isinstance(part.body.body, Literal):  # an open atom, or a network's word
            return NearLiteral(text, "there", self._label(part, ids).removeprefix(DENIED), 0.0)
        return NearLiteral(text, "false", "", 0.0)

    def _text(self, part: Part, ids: Ids) -> str:
        if part.exception:
            return f"no exception {part.exception.label}"
        known = {n: Const(self.graph.symbols.value(i)) for n, i in ids.items()}
        body = part.body
        return self.printer.body(substituted(body, known))

    def _result(self, part: Part, ids: Ids) -> str:
        """What an aggregate gave."""
        if isinstance(part.body, Aggregate) and isinstance(part.body.result, Var) and part.body.result.name in ids:
            value = self.graph.symbols.value(ids[part.body.result.name])
            return f"{part.body.function} is {self.words.value(value)}"
        return ""

    # --------------------------------------------------------------------------------------------------- kinds

    def _atom(self, k: int, text: str, near: Near, ids: Ids) -> NearLiteral:
        atom = self.search.atoms[k]
        fact = near.facts.get(k)
        if fact is not None and fact in self.spans:
            return NearLiteral(text, "unknown", between(*self.spans[fact]))
        if fact is not None and self.tags.get(fact, 1.0) > 0:
            return NearLiteral(text, "holds", self.words.fact(fact), self.tags.get(fact, 1.0))
        pattern = self.facts.pattern(atom, ids)
        if fact is not None:
            detail = f"{self.words.fact(fact)} has probability 0"
            return NearLiteral(text, "not derived" if atom.key in self.derived else "false", detail, 0.0)
        if not self.search.reached(k, ids):
            return NearLiteral(text, "undecided", "nothing recorded says whom or what it is about", 0.0)
        values = [None if v is None else self.graph.symbols.value(v) for v in pattern]
        detail = self.words.absence(atom.key, values)
        derived = atom.key in self.derived
        below = self.below(self._goal(atom, ids)) if derived else ()
        how: How = "not derived" if derived else "no such fact"
        return NearLiteral(text, how, detail, 0.0, None, self._nearest(atom, pattern), below)

    def _nearest(self, atom: CoreAtom, pattern: Pattern) -> tuple[str, ...]:
        """Facts that differ from a missing one in one argument; of numbers the nearest first.

        Where others are not to be named, those alone that are about the same and differ in something else.
        """
        found: list[tuple[float, str]] = []
        own = self.search.own
        for place, value in enumerate(pattern):
            if value is None or (own is not None and (value in own or not own & set(pattern))):
                continue
            rows = self.facts.matching(atom.key, (*pattern[:place], None, *pattern[place + 1 :]))
            wanted = self.graph.symbols.value(value)
            for row in islice(rows.tolist(), 200):
                other = self.graph.symbols.value(self.facts.row(atom.key, row)[place])
                far = 0.0
                if isinstance(other, int | float) and isinstance(wanted, int | float):
                    far = abs(other - wanted)
                found.append((far, self.graph.atom(self.facts.fact(atom.key, row))))
        return tuple(dict.fromkeys(text for _, text in sorted(found)))[:NEAREST]

    def _negated(self, k: int, text: str, ids: Ids) -> NearLiteral:
        """A negated atom holds as far as no fact that it forbids does."""
        absent, told, spans = 1.0, [], []
        for fact, certain in islice(self.search.there(k, ids), 20):
            spans += [self.spans[fact]] if fact in self.spans else []
            tag = 1.0 if certain else self.tags.get(fact, 1.0)
            absent *= 1.0 - tag
            told.append((tag, self.words.fact(fact)))
        told.sort(key=lambda pair: -pair[0])
        if told and absent <= NOTHING:
            return NearLiteral(text, "there", told[0][1], 0.0)
        if spans:
            least, most = max(s[0] for s in spans), sum(s[1] for s in spans)
            return NearLiteral(text, "unknown", between(max(0.0, 1.0 - most), 1.0 - least))
        detail = f"{told[0][1]} has probability {told[0][0]:.4g}" if told and told[0][0] > 0 else ""
        return NearLiteral(text, "holds", detail, absent)

    def _comparison(self, compare: Comparison, text: str, ids: Ids) -> NearLiteral:
        holds = self.facts.compares(compare, ids)
        if holds is None:
            return NearLiteral(text, "undecided", "a variable in it has no value")
        if holds:
            return NearLiteral(text, "holds", "", 1.0)
        gap = self.facts.missed_by(compare, ids)
        detail = ", ".join(filter(None, (self._values(side, ids) for side in (compare.left, compare.right))))
        if gap is None:
            return NearLiteral(text, "false comparison", detail, 0.0)
        amount = f"{gap[0]:.6g}" + (" days" if gap[2] else "")
        detail += f"{', ' if detail else ''}missed by {amount}" if gap[0] else f"{', ' if detail else ''}it is equal"
        return NearLiteral(text, "false comparison", detail, 0.0, gap[0])

    def _values(self, side: Term, ids: Ids) -> str:
        """`t is 37.6` for a variable or an expression; nothing for a number."""
        if not variables_of(side):
            return ""
        value = self.facts.value(side, ids)
        if value is None:
            return ""
        shown = self.words.value(self.graph.symbols.value(value))
        if isinstance(side, Var) and side.name.startswith("#"):  # the engine's own: what a count or a sum came to
            return f"{side.name[1:].split()[0]} is {shown}"
        return f"{self.printer.term(side).lstrip('?')} is {shown}"


def between(lower: float, upper: float) -> str:
    """What is known of a probability; nothing where it may be any."""
    return "" if lower <= 0 and upper >= 1 else f"between {lower:.4g} and {upper:.4g}"


def chance(literals: Sequence[NearLiteral]) -> float:
    """The product of the literals' probabilities."""
    total = 1.0
    for literal in literals:
        total *= 1.0 if literal.probability is None else literal.probability
    return total


__all__ = ["UNKNOWN", "Judge", "between", "chance"]
