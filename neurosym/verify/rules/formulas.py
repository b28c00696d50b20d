"""Constraints over the facts of a program: their instances, each as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from neurosym.lang.ast import (
    Atom,
    Comparison,
    Formula,
    FormulaJunction,
    FormulaNot,
    Iff,
    Implies,
    Literal,
    Program,
    Quantified,
    Var,
)
from neurosym.lang.builtins import PREDICATES
from neurosym.lang.terms import predicate_of_iri
from neurosym.verify.rules.form import BodyLiteral, Key, Part, Positive, Row, TooLarge
from neurosym.verify.rules.join import Env, Join, Source, variables_of
from neurosym.verify.rules.normal import NormalForm
from neurosym.verify.rules.scope import bound_by
from neurosym.verify.rules.sentences import Sentence, free, literals, parts_of, quantified, sentence_of, sides
from neurosym.verify.rules.trees import ATOM, UNKNOWN, Tree, Weights, tree
from neurosym.verify.rules.values import NoValue

TRIPLE = ("triple", 3)
Operands = tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True)
class _Search:
    """How the values of a quantifier's variables are found, for one way in which an instance can matter.

    Attributes:
        body: what closed predicates and tests say; guards: open literals, where nothing else says enough.
        domains: of the variables that are left, from their declared types.
    """

    body: tuple[BodyLiteral, ...]
    guards: tuple[Positive, ...]
    domains: dict[str, tuple[int, ...]]


class Formulas:
    """The constraints of a program over a source of facts.

    Attributes:
        sentences: by number; None of those that are no formulas.
        opened: predicates whose absent atoms are unknown.
        spoken: atoms of these that somebody speaks of; `narrow`: constraints whose variables range over such.
    """

    def __init__(
        self, program: Program, normal: NormalForm, join: Join, source: Source, operands: Operands | None
    ) -> None:  # fmt: skip
        """Nothing ground yet.

        Args:
            operands: weights of all operands and biases of all connectives, where they have some; empty: unknown ones.
        """
        self.program, self.normal, self.join, self.source = program, normal, join, source
        self.sentences = [sentence_of(c) for c in program.constraints]
        self.opened = frozenset(normal.asked.opened) | self._unsaid()
        self.spoken: dict[Key, dict[Row, None]] = {}
        self._types = {
            normal.names.predicate(k): d.args for k, d in (*program.declarations.items(), *program.neural.items())
        }
        self._weights = {} if operands is None else weighted(filter(None, self.sentences), operands)
        self._searches: dict[tuple[int, str], tuple[list[_Search], bool]] = {}
        self._status: dict[tuple[Key, Row], bool] = {}

    def _unsaid(self) -> frozenset[Key]:
        """Predicates that constraints speak of, and of which nobody says anything."""
        program, canonical = self.program, self.normal.names.predicate
        said = {canonical(a.key) for r in program.rules for h in r.heads for a in h.atoms}
        said |= {canonical(k) for k in (*program.declarations, *program.neural)}
        spoken = {
            x.atom.key for s in self.sentences if s is not None for x, _ in literals(s.formula)
            if x.atom.key not in PREDICATES and x.atom.key not in self.normal.foreign and x.atom.key != TRIPLE
        }  # fmt: skip
        return frozenset(k for k in map(canonical, spoken) if k not in said and not self._given(k))

    def _given(self, key: Key) -> bool:
        arity = key.arity if isinstance(key, Part) else key[1]
        return next(iter(self.source.finished(key, (None,) * arity)), None) is not None

    # ------------------------------------------------------------------------------------------------- instances

    def instances(self, sentence: Sentence, given: Env) -> Iterator[tuple[Env, Tree]]:
        """The instances of a constraint that can matter, where some of its variables are known.

        Raises:
            TooLarge: nothing says what there is, or there is too much of it.
        """
        rows, _ = self._over(sentence.variables, given, sentence.formula, True)
        for env in rows:
            made = self.ground(sentence.formula, env)
            if made is not True:
                yield env, made

    def exhaustive(self, sentence: Sentence) -> bool:
        """Whether no further instance can matter."""
        return self._plan(sentence.variables, frozenset(), sentence.formula, True)[1]

    def speak(self) -> bool:
        """Find all atoms of open predicates that constraints speak of, where variables range over such.

        Returns:
            Whether some do.
        """
        known = [s for s in self.sentences if s is not None]
        if not any(self._ranges(s.variables, frozenset(), s.formula, True) for s in known):
            return False
        before = -1
        while before != (before := sum(map(len, self.spoken.values()))):
            for sentence in known:
                for _ in self.instances(sentence, {}):
                    pass
        return True

    def _ranges(self, own: Sequence[str], outer: frozenset[str], formula: Formula, universal: bool) -> bool:
        """Whether a quantifier or one inside of it ranges over atoms of open predicates."""
        if not self._plan(own, outer, formula, universal)[1]:
            return True
        inside = outer | set(own)
        for q in quantified(formula):
            names = tuple(v.name for v in q.variables)
            used = (inside - set(names)) & set(free(q))
            if self._ranges(names, frozenset(used), q.formula, q.quantifier == "forall"):
                return True
        return False

    def ground(self, formula: Formula, env: Env) -> Tree:
        """A formula with terms in place of its free variables."""
        self.join.spend()
        match formula:
            case Literal(atom) if atom.key not in PREDICATES and atom.key not in self.normal.foreign:
                return self._atom(atom, env)
            case Literal() | Comparison():
                (test,) = self.normal.simple(formula, False)
                return next(self.join.test(test, env, self.source), None) is not None
            case FormulaNot(inner):
                return tree("not", [self.ground(inner, env)])
            case FormulaJunction():
                parts = [self.ground(p, env) for p in formula.parts]
                return tree(formula.op, parts, weights=self._weights.get(id(formula)))
            case Implies(left, right):
                parts = [self.ground(left, env), self.ground(right, env)]
                return tree("implies", parts, weights=self._weights.get(id(formula)))
            case Iff(left, right):
                return tree("iff", [self.ground(left, env), self.ground(right, env)])
            case Quantified():
                own = tuple(v.name for v in formula.variables)
                outer = {k: n for k, n in env.items() if k in set(free(formula))}
                rows, every = self._over(own, outer, formula.formula, formula.quantifier == "forall")
                return tree(formula.quantifier, [self.ground(formula.formula, row) for row in rows], every)
        raise AssertionError(formula)

    def _atom(self, atom: Atom, env: Env) -> Tree:
        try:
            values = [self.normal.terms.number(self.join.value(t, env)) for t in atom.args]
        except NoValue:
            return False
        key, row = self.normal.names.canonical(atom.key, tuple(values))
        fact = (key, row)
        if key in self.opened:
            self.spoken.setdefault(key, {})[row] = None
            return (ATOM, fact)
        if fact not in self._status:
            self._status[fact] = next(iter(self.source.finished(key, row)), None) is not None
        return (ATOM, fact) if self._status[fact] else False

    # ------------------------------------------------------------------------------------------------- variables

    def _over(
        self, own: Sequence[str], outer: Env, formula: Formula, universal: bool
    ) -> tuple[list[Env], bool]:  # fmt: skip
        """The values of a quantifier's variables where its formula can matter, and whether there are no others."""
        searches, exhaustive = self._plan(own, frozenset(outer) - set(own), formula, universal)
        known: dict[tuple[int, ...], Env] = {}
        for search in searches:
            for env in self._found(search, outer):
                row = {v: env[v] for v in (*outer, *own)}
                known.setdefault(tuple(row.values()), row)
        return list(known.values()), exhaustive

    def _found(self, search: _Search, outer: Env) -> Iterator[Env]:
        for found in self.join.all_of(search.body, dict(outer), self.source):
            for env in self._guarded(search.guards, found.env):
                options = [[env[v]] if v in env else values for v, values in search.domains.items()]
                for values in product(*options):
                    self.join.spend()
                    if all(n in search.domains[v] for v, n in zip(search.domains, values, strict=True)):
                        yield env | dict(zip(search.domains, values, strict=True))

    def _guarded(self, guards: Sequence[Positive], env: Env) -> Iterator[Env]:
        if not guards:
            yield env
            return
        for row in list(self.spoken.get(guards[0].key, ())):
            self.join.spend()
            new = matched(guards[0].args, row, env)
            if new is not None:
                yield from self._guarded(guards[1:], new)

    def _plan(
        self, own: Sequence[str], outer: frozenset[str], formula: Formula, universal: bool
    ) -> tuple[list[_Search], bool]:  # fmt: skip
        key = (id(formula), f"{universal} {sorted(outer)}")
        if key not in self._searches:
            made = [self._search(side, own, outer, formula) for side in sides(formula, not universal)] if own else []
            made = made if own else [_Search((), (), {})]
            self._searches[key] = (made, not any(s.guards for s in made))
        return self._searches[key]

    def _search(self, side: Sequence[tuple[Literal | Comparison, bool]], own: Sequence[str], outer: frozenset[str],
                formula: Formula) -> _Search:  # fmt: skip
        body: list[BodyLiteral] = []
        guards: list[Positive] = []
        tests: list[BodyLiteral] = []
        for part, truth in side:
            if isinstance(part, Comparison) or part.atom.key in PREDICATES or part.atom.key in self.normal.foreign:
                tests += self.normal.simple(part, not truth)
            elif truth:
                extra: list[BodyLiteral] = []
                literal = Positive(*self.normal.atom(part.atom, extra))
                if literal.key in self.opened:
                    guards.append(literal)
                else:
                    body.append(literal)
                    tests += extra
        chosen = self._kept(body, tests, outer)
        domains = self._domains(own, bound_by(chosen, self.normal.asked, outer), formula)
        if domains is not None:
            return _Search(tuple(chosen), (), domains)
        given = outer | {a for g in guards for a in g.args if isinstance(a, str)}
        bound = bound_by(chosen, self.normal.asked, given)
        domains = self._domains(own, bound, formula)
        if domains is None:
            raise TooLarge("a constraint over all names that there are")
        return _Search(tuple(chosen), tuple(guards), domains)

    def _kept(
        self, body: Sequence[BodyLiteral], tests: Sequence[BodyLiteral], outer: frozenset[str]
    ) -> list[BodyLiteral]:
        """The literals without the tests of what nothing binds, which are made of each instance later."""
        chosen = [*body, *tests]
        while True:
            bound = bound_by(chosen, self.normal.asked, outer)
            left = [x for x in chosen if isinstance(x, Positive) or variables_of(x) <= bound]
            if len(left) == len(chosen):
                return chosen
            chosen = left

    def _domains(self, own: Sequence[str], bound: set[str], formula: Formula) -> dict[str, tuple[int, ...]] | None:
        """The values of the variables that nothing binds, by their declared types; None if one has none."""
        found: dict[str, tuple[int, ...]] = {}
        for name in own:
            if name not in bound:
                values = self._domain(name, formula)
                if values is None:
                    return None
                found[name] = values
        return found

    def _domain(self, name: str, formula: Formula) -> tuple[int, ...] | None:
        number = self.normal.terms.number
        for literal, hidden in literals(formula):
            declared = self._types.get(self.normal.names.predicate(literal.atom.key), ())
            for argument, term in zip(declared, literal.atom.args, strict=False):
                if not isinstance(term, Var) or term.name != name or name in hidden:
                    continue
                kind = argument.type
                if kind.kind == "class":
                    key, pattern = self.normal.names.canonical((predicate_of_iri(kind.iri or ""), 1), (None,))
                    return tuple(row[0] for row, _ in self.source.finished(key, pattern))
                if kind.kind == "bool":
                    return number(False), number(True)
                if kind.kind == "enum":
                    return tuple(number(v) for v in kind.values)
        return None


def weighted(sentences: Iterable[Sentence], operands: Operands) -> dict[int, Weights]:
    """Python's id of a connective → its weights. Operands are numbered as they are written, quantifiers' too."""
    weights, biases = operands
    found: dict[int, Weights] = {}
    first = number = 0

    def walk(formula: Formula) -> None:
        nonlocal first, number
        parts = parts_of(formula)
        if parts:
            if isinstance(formula, FormulaJunction | Implies):
                own = tuple(max(0.0, w) for w in weights[first : first + len(parts)])
                found[id(formula)] = (own, biases[number]) if weights else UNKNOWN
            first, number = first + len(parts), number + 1
        for part in parts:
            walk(part)

    for sentence in sentences:
        first, number = first + 1, number + 1  # over all instances
        walk(sentence.formula)
    return found


def matched(args: Sequence[int | str | None], row: Sequence[int], env: Env) -> Env | None:
    """The bindings with which an atom is a fact; None if it cannot be."""
    new = dict(env)
    for argument, number in zip(args, row, strict=True):
        if isinstance(argument, str):
            if new.setdefault(argument, number) != number:
                return None
        elif argument is not None and argument != number:
            return None
    return new


__all__ = ["Formulas", "matched"]
