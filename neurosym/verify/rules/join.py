"""Solutions of a flat body: one literal after the other, each in place as soon as what it needs is bound."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from neurosym.lang.ast import Term, Var
from neurosym.lang.foreign import Foreign
from neurosym.lang.terms import Value, term_key
from neurosym.verify.rules.aggregates import Member
from neurosym.verify.rules.form import (
    Args,
    BodyLiteral,
    Called,
    Compared,
    Counted,
    FlatRule,
    GroundAtom,
    Head,
    Key,
    Negative,
    Part,
    Pattern,
    Positive,
    Row,
    Tested,
    TooLarge,
)
from neurosym.verify.rules.scope import Asked, names
from neurosym.verify.rules.terms import Terms
from neurosym.verify.rules.values import NoValue, compare, evaluate, holds

Env = dict[str, int]


class Source(Protocol):
    """Where a body's facts come from."""

    def finished(self, key: Key, pattern: Pattern) -> Iterable[tuple[Row, bool]]:
        """Possible facts that match a pattern, and whether each is certain; no more can be derived."""
        ...

    def waits(self, key: Key, pattern: Pattern, place: Place) -> bool:
        """Whether such facts are still being derived; then the source goes on from the place with each of them."""
        ...

    def results(self, counted: Counted, group: Row) -> Iterable[tuple[int, bool]]:
        """Possible results of an aggregate, and whether each is certain."""
        ...

    def is_unknown(self, key: Key, row: Row) -> bool:
        """Whether an atom of an open predicate is unknown."""
        ...


def members_of(source: Source, counted: Counted, group: Row, terms: Terms) -> list[Member]:
    """Members of an aggregate: row, value, and whether each is certain."""
    width = len(group)
    found = source.finished(counted.members, (*group, *(None,) * (counted.members.arity - width)))
    return [(row, terms.value(row[width]) if len(row) > width else 1, certain) for row, certain in found]


@dataclass(slots=True)
class Solution:
    """Bindings under which a body holds.

    Attributes:
        certain: whether it holds in all worlds; facts: of positive literals; negated: possible facts under negations;
            absent: patterns of negations that no fact matches.
    """

    env: Env
    certain: bool
    facts: tuple[GroundAtom, ...]
    negated: tuple[GroundAtom, ...]
    absent: tuple[tuple[Key, Pattern], ...]


@dataclass(slots=True)
class Place:
    """A positive literal that waits for facts, with what was found before it."""

    plan: tuple[BodyLiteral, ...]
    at: int
    found: Solution


class Join:
    """Evaluates bodies over a source, within a number of steps."""

    def __init__(self, terms: Terms, asked: Asked, derived: Container[Key], max_steps: int) -> None:
        """No work done yet.

        Args:
            derived: predicates that rules conclude; facts of others are looked up first.
        """
        self.terms, self.asked, self.derived = terms, asked, derived
        self.left = max_steps
        self._plans: dict[tuple[int, frozenset[str]], tuple[BodyLiteral, ...]] = {}
        self._rules: list[FlatRule] = []  # kept, so that the id of one in a plan's key is given to no other
        self._answers: dict[tuple[str, Row], list[Row]] = {}

    def spend(self, steps: int = 1) -> None:
        """Count work.

        Raises:
            TooLarge: it is more than may be done.
        """
        self.left -= steps
        if self.left < 0:
            raise TooLarge("the work of deriving what the claim rests on")

    def of(self, rule: FlatRule, head: Head, pattern: Pattern, source: Source) -> Iterator[Solution]:
        """Solutions of a rule's body for which a head matches a pattern."""
        env: Env = {}
        for argument, number in zip(head.args, pattern, strict=True):
            if number is None:
                continue
            if isinstance(argument, str):
                if env.setdefault(argument, number) != number:
                    return
            elif argument != number:
                return
        plan = self._plan(rule, frozenset(env))
        yield from self._from(plan, 0, Solution(env, True, (), (), ()), source)

    def all_of(self, body: tuple[BodyLiteral, ...], env: Env, source: Source) -> Iterator[Solution]:
        """Solutions of a body beside what is known."""
        plan = self._ordered(body, set(env))
        yield from self._from(plan, 0, Solution(env, True, (), (), ()), source)

    def test(self, literal: BodyLiteral, env: Env, source: Source) -> Iterator[Solution]:
        """Solutions of a single literal beside what is known."""
        return self._step(literal, Solution(env, True, (), (), ()), source)

    def _from(self, plan: tuple[BodyLiteral, ...], at: int, found: Solution, source: Source) -> Iterator[Solution]:
        if at == len(plan):
            yield found
            return
        literal = plan[at]
        if isinstance(literal, Positive):
            pattern = _bound(literal.args, found.env)
            if source.waits(literal.key, pattern, place := Place(plan, at, found)):
                return
            for row, certain in source.finished(literal.key, pattern):
                yield from self.go_on(place, row, certain, source)
            return
        for one in self._step(literal, found, source):
            self.spend()
            yield from self._from(plan, at + 1, one, source)

    def go_on(self, place: Place, row: Row, certain: bool, source: Source) -> Iterator[Solution]:
        """Solutions with one more fact in the place of a literal."""
        self.spend()
        literal, found = place.plan[place.at], place.found
        assert isinstance(literal, Positive)
        env = dict(found.env)
        for argument, number in zip(literal.args, row, strict=True):
            if isinstance(argument, str) and env.setdefault(argument, number) != number:
                return
        facts = (*found.facts, (literal.key, row))
        one = Solution(env, found.certain and certain, facts, found.negated, found.absent)
        yield from self._from(place.plan, place.at + 1, one, source)

    # -------------------------------------------------------------------------------------------------- plans

    def _plan(self, rule: FlatRule, bound: frozenset[str]) -> tuple[BodyLiteral, ...]:
        """An order of the body's literals; what filters comes early, what has to be asked late."""
        key = (id(rule), bound)
        plan = self._plans.get(key)
        if plan is not None:
            return plan
        self._rules.append(rule)
        self._plans[key] = self._ordered(rule.body, set(bound))
        return self._plans[key]

    def _ordered(self, body: Sequence[BodyLiteral], known: set[str]) -> tuple[BodyLiteral, ...]:
        left, order = list(body), []
        while left:
            literal = min(left, key=lambda x: self._cost(x, known))
            left.remove(literal)
            order.append(literal)
            known |= variables_of(literal)
        return tuple(order)

    def _cost(self, literal: BodyLiteral, known: set[str]) -> float:
        never = 1e9
        match literal:
            case Compared(op, left, right, negated):
                open_ = [t for t in (left, right) if not names(t) <= known]
                binding = op in ("=", "is") and not negated and len(open_) == 1 and isinstance(open_[0], Var)
                return 0 if not open_ or binding else never
            case Tested(name, args, _):
                missing = [a for a in args if not names(a) <= known]
                generates = name == "between" and missing == [args[2]] and isinstance(args[2], Var)
                return 0 if not missing else 3 if generates else never
            case Called(foreign, args, negated):
                asked = args if negated else [args[k] for k in foreign.inputs]
                return 4 if all(names(a) <= known for a in asked) else never
            case Negative(_, args):
                return 5 if all(not isinstance(a, str) or a in known for a in args) else never
            case Counted():
                return 6 if known.issuperset(literal.group) else never
            case Positive(key, args):
                free = sum(isinstance(a, str) and a not in known for a in args)
                if not self.asked.needs(literal) <= known:
                    return never
                late = isinstance(key, Part) or key in self.asked.opened or key in self.asked.neural
                unbound = 40 * (free == len(args))  # a look at all facts, where others are looked up
                return 2 if not free else (100 if late else 10 + 5 * (key in self.derived)) + unbound + free
        raise AssertionError(literal)

    # ------------------------------------------------------------------------------------------------ literals

    def _step(self, literal: BodyLiteral, found: Solution, source: Source) -> Iterator[Solution]:
        match literal:
            case Negative(key, args):
                pattern = _bound(args, found.env)
                facts = list(source.finished(key, pattern))
                if not any(certain for _, certain in facts):
                    more = tuple((key, row) for row, _ in facts)
                    none = () if facts else ((key, pattern),)
                    sure = found.certain and not facts
                    yield Solution(found.env, sure, found.facts, found.negated + more, found.absent + none)
            case Compared():
                yield from self._compared(literal, found)
            case Tested():
                yield from self._tested(literal, found)
            case Called():
                yield from self._called(literal, found)
            case Counted():
                group = tuple(found.env[v] for v in literal.group)
                for number, certain in source.results(literal, group):
                    if found.env.get(literal.variable, number) == number:
                        env = found.env | {literal.variable: number}
                        facts = (*found.facts, (literal.result, (*group, number)))
                        yield Solution(env, found.certain and certain, facts, found.negated, found.absent)

    def _values(self, terms: Iterable[Term], env: Env) -> dict[str, Value]:
        return {name: self.terms.value(env[name]) for t in terms for name in names(t)}

    def value(self, term: Term, env: Mapping[str, int]) -> Value:
        """The value of a term under bindings.

        Raises:
            NoValue: it has none.
        """
        if isinstance(term, Var):
            return self.terms.value(env[term.name])
        return evaluate(term, self._values([term], dict(env)))

    def _compared(self, literal: Compared, found: Solution) -> Iterator[Solution]:
        env = found.env
        for target, term in ((literal.left, literal.right), (literal.right, literal.left)):
            if isinstance(target, Var) and target.name not in env:
                try:
                    number = self.terms.number(self.value(term, env))
                except NoValue:
                    return
                yield _with(found, env | {target.name: number})
                return
        try:
            same = compare(literal.op, self.value(literal.left, env), self.value(literal.right, env))
        except NoValue:
            same = False
        if same != literal.negated:
            yield found

    def _tested(self, literal: Tested, found: Solution) -> Iterator[Solution]:
        target = literal.args[-1]
        generates = isinstance(target, Var) and target.name not in found.env
        try:
            given = [self.value(a, found.env) for a in (literal.args[:-1] if generates else literal.args)]
        except NoValue:
            if literal.negated:
                yield found
            return
        if literal.name != "between":
            if holds(literal.name, *given) != literal.negated:
                yield found
            return
        low, high = given[:2]
        whole = all(isinstance(v, int) and not isinstance(v, bool) for v in given)
        if generates and whole:
            assert isinstance(target, Var)
            assert isinstance(low, int) and isinstance(high, int)
            for number in range(low, high + 1):
                self.spend()
                yield _with(found, found.env | {target.name: self.terms.number(number)})
        elif not generates and (whole and low <= given[2] <= high) != literal.negated:  # pyright: ignore
            yield found

    def _called(self, literal: Called, found: Solution) -> Iterator[Solution]:
        foreign, env = literal.foreign, found.env
        try:
            inputs = tuple(self.terms.number(self.value(literal.args[k], env)) for k in foreign.inputs)
            known = {
                k: self.terms.number(self.value(a, env))
                for k, a in enumerate(literal.args)
                if k in foreign.outputs and all(v in env for v in names(a))
            }
        except NoValue:
            return
        matching = []
        for answer in self._answered(foreign, inputs):
            given = dict(zip(foreign.outputs, answer, strict=True))
            new: Env = {}
            fits = all(given[k] == number for k, number in known.items())
            for k, number in given.items():
                if fits and k not in known:
                    arg = literal.args[k]
                    # arithmetic over what this very literal finds is compared once that is known
                    fits = isinstance(arg, Var) and new.setdefault(arg.name, number) == number
            if fits or self._later(literal, given, env):
                matching.append(self._found(literal, given))
        if literal.negated:
            if not matching:
                yield found
            return
        for new in matching:
            yield _with(found, env | new)

    def _found(self, literal: Called, given: dict[int, int]) -> Env:
        return {a.name: given[k] for k, a in enumerate(literal.args) if k in given and isinstance(a, Var)}

    def _later(self, literal: Called, given: dict[int, int], env: Env) -> bool:
        """Whether an answer fits where an argument calculates with another that the literal finds."""
        if all(isinstance(literal.args[k], Var) for k in given):
            return False
        try:
            both = env | self._found(literal, given)
            return all(self.terms.number(self.value(literal.args[k], both)) == n for k, n in given.items())
        except (NoValue, KeyError):
            return False

    def _answered(self, foreign: Foreign, inputs: Row) -> list[Row]:
        """What a Python function answers to one row of inputs."""
        key = (foreign.signature, inputs)
        if key not in self._answers:
            given: Any = foreign.function(*([self.terms.value(n)] for n in inputs))
            answer = (given.tolist() if hasattr(given, "tolist") else list(given))[0]
            if not foreign.outputs:
                self._answers[key] = [()] if answer else []
            else:
                several = [] if answer is None else answer if isinstance(answer, list) else [answer]
                rows = [a if isinstance(a, tuple) else (a,) for a in several]
                rows = [tuple(v.item() if hasattr(v, "item") else v for v in row) for row in rows]
                distinct = {tuple(map(term_key, row)): row for row in rows}
                self._answers[key] = [tuple(map(self.terms.number, row)) for row in distinct.values()]
        return self._answers[key]


def _with(found: Solution, env: Env) -> Solution:
    return Solution(env, found.certain, found.facts, found.negated, found.absent)


def _bound(args: Args, env: Env) -> Pattern:
    return tuple(env.get(a) if isinstance(a, str) else a for a in args)


def variables_of(literal: BodyLiteral) -> set[str]:
    """The variables of a literal."""
    match literal:
        case Positive(_, args) | Negative(_, args):
            return {a for a in args if isinstance(a, str)}
        case Compared(_, left, right):
            return names(left) | names(right)
        case Tested(_, args) | Called(_, args):
            return set().union(*map(names, args))
        case Counted():
            return {literal.variable}
