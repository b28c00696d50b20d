"""Why an atom is not true under `bounds`: what constraints that speak of it would need to make it so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, product

from neurosym.explain.alternatives import NearLiteral, NearMiss
from neurosym.explain.changes.logic import constraint_weight
from neurosym.explain.changes.setting import Setting
from neurosym.grounding.formulas import Sentence, label_of, sentences
from neurosym.lang.ast import (
    Atom,
    Comparison,
    Const,
    Formula,
    FormulaJunction,
    FormulaNot,
    Iff,
    Implies,
    Literal,
    Quantified,
    Var,
)
from neurosym.lang.terms import term_key
from neurosym.lang.walk import body_atoms, built_in

MOST = 5  # constraints that are told of
MANY = 6  # atoms of an instance beside the goal, beyond which nothing is said of it
TOGETHER = 2  # of them that would have to change
GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
NEAR = 1e-6

Interval = tuple[float, float]
Env = Mapping[str, Const]


class Constraints:
    """The constraints that could make an atom true, each with the fewest changes of what is known that would."""

    def __init__(self, setting: Setting, number: Callable[[int], int], threshold: float) -> None:
        self.setting, self.number, self.threshold = setting, number, threshold
        logic = setting.answers.logic
        assert logic is not None
        self.logic, self.formulas = logic, logic.formulas
        self.units = {self.formulas.spell_atom(i): i for i in range(self.formulas.num_atoms)}
        self.tests = built_in(setting.program)

    def of(self, goal: Atom) -> tuple[NearMiss, ...]:
        """The nearest first: those for which least is missing."""
        found: list[tuple[int, int, NearMiss]] = []
        for k, sentence in enumerate(sentences(self.setting.program)):
            if sentence.helper is None:
                misses = [m for env in self._instances(k, sentence, goal) if (m := self._miss(k, sentence, env, goal))]
                best = min(misses, key=lambda m: len(m.failed), default=None)
                if best is not None:
                    found.append((len(best.failed), k, best))
        return tuple(miss for _, _, miss in sorted(found, key=lambda x: x[:2])[:MOST])

    def bounds(self, text: str, key: tuple[str, int]) -> Interval:
        """What is known of an atom."""
        unit, sample = self.units.get(text), self.setting.sample
        if unit is None:
            return 0.0, float(key in self.formulas.open)
        settled = self.logic.settled
        return float(settled.lower[unit, sample].detach()), float(settled.upper[unit, sample].detach())

    def _instances(self, number: int, sentence: Sentence, goal: Atom) -> Iterator[Env]:
        """Substitutions under which a constraint speaks of the goal."""
        names = [v.name for v in sentence.variables]
        formula = self.formulas.formulas[number]
        symbols = self.formulas.graph.symbols
        for atom, _ in body_atoms(sentence.formula):
            env = _unified(atom, goal)
            if env is None or not env.keys() <= set(names):
                continue
            if set(names) <= env.keys():
                yield env
                continue
            for row in formula.substitutions.tolist():
                values = dict(zip(formula.variables, map(Const, symbols.values(row)), strict=True))
                if all(term_key(values[n].value) == term_key(c.value) for n, c in env.items()):
                    yield values

    def _miss(self, number: int, sentence: Sentence, env: Env, goal: Atom) -> NearMiss | None:
        """What would have to be otherwise for an instance to make the goal true; None if nothing would do."""
        own = self._spell(goal, {})
        known: dict[str, Interval] = {}
        for atom, _ in body_atoms(sentence.formula):
            text = self._spell(atom, env)
            if atom.key in self.tests or text is None:
                return None
            if text != own:
                known[text] = self.bounds(text, atom.key)
        if len(known) > MANY or own is None:
            return None
        least = constraint_weight(self.setting, sentence.constraint)
        for count in range(min(TOGETHER, len(known)) + 1):
            for chosen in combinations(known, count):
                for values in product((1.0, 0.0), repeat=count):
                    changed = {**known, **{t: (v, v) for t, v in zip(chosen, values, strict=True)}}
                    if self._forces(sentence.formula, env, own, changed, least):
                        wanted = dict(zip(chosen, values, strict=True))
                        return self._told(number, sentence, env, known, wanted) if wanted else None
        return None

    def _forces(self, formula: Formula, env: Env, own: str, known: Mapping[str, Interval], least: float) -> bool:
        """Whether the goal must be true, wherever in their bounds the other atoms are."""
        ends = [sorted(set(bounds)) for bounds in known.values()]
        for values in product(*ends):
            truth = dict(zip(known, values, strict=True))
            for part in GRID:
                goal = part * (self.threshold - NEAR)
                value = self._value(formula, env, {**truth, own: goal})
                if value is None or value >= least - NEAR:
                    return False
        return True

    def _value(self, formula: Formula, env: Env, truth: Mapping[str, float]) -> float | None:
        """The truth of a formula; None where a quantifier or a test is part of it."""
        match formula:
            case Literal(atom):
                return truth.get(self._spell(atom, env) or "")
            case Comparison() | Quantified():
                return None
            case FormulaNot(inner):
                parts = [self._value(inner, env, truth)]
            case FormulaJunction():
                parts = [self._value(p, env, truth) for p in formula.parts]
            case Implies(left, right) | Iff(left, right):
                parts = [self._value(left, env, truth), self._value(right, env, truth)]
        found = [p for p in parts if p is not None]
        if len(found) < len(parts):
            return None
        match formula:
            case FormulaNot():
                return 1 - found[0]
            case Implies():
                return min(1.0, 1 - found[0] + found[1])
            case Iff():
                return 1 - abs(found[0] - found[1])
        total = sum(found)
        return max(0.0, total - len(found) + 1) if formula.op == "and" else min(1.0, total)

    def _told(
        self, number: int, sentence: Sentence, env: Env, known: Mapping[str, Interval], wanted: Mapping[str, float]
    ) -> NearMiss:  # fmt: skip
        held, failed = [], []
        for text, (lower, upper) in known.items():
            said = f"is {lower:.4g}" if upper - lower < NEAR else f"lies between {lower:.4g} and {upper:.4g}"
            if text in wanted:
                word = "true" if wanted[text] else "false"
                failed.append(NearLiteral(text, "not derived", f"{text} would have to be {word}, and {said}"))
            elif upper - lower < NEAR:
                held.append(NearLiteral(text, "holds", f"{text} {said}", lower))
            else:
                held.append(NearLiteral(text, "unknown", f"between {lower:.4g} and {upper:.4g}"))
        words = self.setting.words
        values = {n: words.value(c.value) for n, c in env.items()}
        name = label_of(sentence.constraint)
        return NearMiss(self.number(number), name, False, None, values, tuple(held), tuple(failed))

    def _spell(self, atom: Atom, env: Env) -> str | None:
        """An atom as it is spelled; None where a variable has no value, or a term is calculated."""
        args = tuple(env.get(t.name) if isinstance(t, Var) else t for t in atom.args)
        if not all(isinstance(a, Const) for a in args):
            return None
        return self.setting.spell(self.setting.ground(Atom(atom.predicate, args)))  # pyright: ignore[reportArgumentType]


def _unified(atom: Atom, goal: Atom) -> dict[str, Const] | None:
    """What the variables of an atom are where it is the goal."""
    if atom.key != goal.key:
        return None
    env: dict[str, Const] = {}
    for term, value in zip(atom.args, goal.args, strict=True):
        assert isinstance(value, Const)
        known = env.setdefault(term.name, value) if isinstance(term, Var) else term
        if not isinstance(known, Const) or term_key(known.value) != term_key(value.value):
            return None
    return env


__all__ = ["Constraints"]
