"""Statements in the form in which they are checked.

Parts are numbered for each statement and role in the order in which they are written, alternatives of `or` one after
the other; what is inside a group comes after the group. `neurosym.explain.certificates` numbers them likewise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from neurosym.lang.ast import (
    Aggregate,
    And,
    Atom,
    Body,
    Comparison,
    Const,
    Exists,
    ForallIn,
    Literal,
    Not,
    Program,
    Rule,
    Term,
    Var,
    Weight,
)
from neurosym.lang.builtins import PREDICATES
from neurosym.verify.rules.form import (
    Args,
    BodyLiteral,
    Called,
    Chooses,
    Compared,
    Counted,
    FlatRule,
    Head,
    Key,
    Leaf,
    Negative,
    Part,
    Positive,
    Row,
    Tested,
)
from neurosym.verify.rules.names import Names
from neurosym.verify.rules.scope import (
    Asked,
    alternatives,
    bound_by,
    choosing,
    local,
    names,
    needed_by,
    plainly_negated,
    renamed,
    renamed_term,
    visible,
)
from neurosym.verify.rules.terms import Terms

Made = dict[tuple[str, ...], Chooses]


class NormalForm:
    """A program in the form in which it is checked.

    Attributes:
        rules: predicate or part → its rules, each with the head that concludes it.
        certain: predicate → certain facts of the rule text; leaves: probabilistic facts that are their own choice.
        counted: part of an aggregate's result or states → the aggregate, and its statement.
        asked: networks and open predicates.
    """

    def __init__(self, program: Program, names: Names, terms: Terms) -> None:
        self.program, self.names, self.terms = program, names, terms
        self.rules: dict[Key, list[tuple[FlatRule, Head]]] = {}
        self.certain: dict[Key, list[Row]] = {}
        self.leaves: dict[Key, dict[Row, Leaf]] = {}
        self.counted: dict[Key, tuple[Counted, int]] = {}
        self.asked = Asked(
            {names.predicate(k): d for k, d in program.neural.items()},
            {names.predicate(k): d for k, d in program.declarations.items() if d.open},
        )
        self.foreign = program.foreign_predicates
        self._numbers: Counter[tuple[int, str]] = Counter()
        self._fresh = 0
        self._excepted: dict[str, list[int]] = {}
        self._exceptions: dict[int, Negative] = {}
        for index, rule in enumerate(program.rules):
            if rule.exception_to is not None:
                self._excepted.setdefault(rule.exception_to, []).append(index)
        own = self._own_leaves()
        for index, rule in enumerate(program.rules):
            if rule.exception_to is not None:
                self._exception(index)
            elif not self._fact(index, rule, index in own):
                self._rule(index, rule)

    # ------------------------------------------------------------------------------------------------- facts

    def _own_leaves(self) -> set[int]:
        """Probabilistic facts that are the leaf of their own choice: nothing else of the rule text derives them."""
        facts: dict[int, tuple[Key, Row]] = {}
        others: set[Key] = set()
        for index, rule in enumerate(self.program.rules):
            atoms = [a for h in rule.heads for a in h.atoms]
            constant = rule.is_fact and all(isinstance(t, Const) for a in atoms for t in a.args)
            if constant and rule.heads and rule.heads[0].weight is None:
                continue
            if constant and len(atoms) == 1 and rule.exception_to is None:
                facts[index] = self._ground(atoms[0])
            else:
                others |= {self.atom(a, [])[0] for a in atoms}
        seen = Counter(facts.values())
        return {index for index, atom in facts.items() if atom[0] not in others and seen[atom] == 1}

    def _fact(self, index: int, rule: Rule, own: bool) -> bool:
        """Take a fact as it is, unless it is a rule without a body."""
        if not rule.is_fact or len(rule.heads) != 1 or (rule.name or "") in self._excepted:
            return False
        (head,) = rule.heads
        if not all(isinstance(t, Const) for a in head.atoms for t in a.args):
            return False
        if head.weight is None:
            for atom in head.atoms:
                key, row = self._ground(atom)
                self.certain.setdefault(key, []).append(row)
            return True
        if not own:
            return False
        key, row = self._ground(head.atoms[0])
        kind = "learned" if head.weight.learn else "constant"
        weight = self._weight(head.weight)
        value = float(weight.value) if isinstance(weight, Const) else None  # pyright: ignore[reportArgumentType]
        self.leaves.setdefault(key, {})[row] = Leaf(("fact", index), 0, index, rule.label, kind, value)
        return True

    def _weight(self, weight: Weight) -> Term | None:
        """A weight as an expression; a constant one as its value. None where it is learned."""
        if weight.learn or weight.value is None:
            return None
        if not names(weight.value):
            return Const(self.names.constant(weight.value))
        return weight.value

    # ------------------------------------------------------------------------------------------------- atoms

    def atom(self, atom: Atom, extra: list[BodyLiteral]) -> tuple[Key, Args]:
        """Key and arguments of an atom; arithmetic among them moves into `extra`."""
        args: list[int | str | None] = []
        for term in atom.args:
            if isinstance(term, Var):
                args.append(term.name)
            elif isinstance(term, Const):
                args.append(self.terms.number(term.value))
            else:
                name = self._new("#v")
                extra.append(Compared("=", Var(name), term))
                args.append(name)
        return self.names.canonical(atom.key, tuple(args))

    def _ground(self, atom: Atom) -> tuple[Key, Row]:
        key, args = self.atom(atom, [])
        return key, tuple(a for a in args if isinstance(a, int))

    def _new(self, prefix: str) -> str:
        self._fresh += 1
        return f"{prefix}{self._fresh}"

    def _part(self, index: int, role: str, arity: int) -> Part:
        number = self._numbers[(index, role)]
        self._numbers[(index, role)] += 1
        return Part(index, role, number, arity)

    def _add(self, rule: FlatRule) -> None:
        for head in rule.heads:
            self.rules.setdefault(head.key, []).append((rule, head))

    # ------------------------------------------------------------------------------------------------- rules

    def _rule(self, index: int, rule: Rule) -> None:
        extra: list[BodyLiteral] = []
        heads = tuple(
            Head(*self.atom(a, extra), k if h.weight is not None else None)
            for k, h in enumerate(rule.heads)
            for a in h.atoms
        )
        weights = [h.weight for h in rule.heads if h.weight is not None]
        choice = self._choice(rule, weights) if weights else None
        blocked = [self._exception(k) for k in self._excepted.get(rule.name or "", ())]
        outer = {v for h in rule.heads for a in h.atoms for t in a.args for v in names(t)}
        outer |= set(choice[1]) if choice else set()
        outer |= {a for b in blocked for a in b.args if isinstance(a, str)}
        made: Made = {}
        for body in self._flat(index, rule.body, outer):
            literals = (*body, *extra, *blocked)
            self._add(FlatRule(heads, literals, index, "rule", self._chosen(choice, index, heads, literals, made)))

    def _choice(self, rule: Rule, weights: list[Weight]) -> tuple[tuple[Term | None, ...], tuple[str, ...]]:
        """The weights of a rule's outcomes, and all variables that tell its choices apart, in order."""
        order: dict[str, None] = {}
        for head in rule.heads:
            for atom in head.atoms:
                for term in atom.args:
                    order |= dict.fromkeys(sorted(names(term)))
        order |= dict.fromkeys(sorted(choosing(rule.body)))
        learned = any(w.learn for w in weights)
        return tuple(None if learned else self._weight(w) for w in weights), tuple(order)

    def _chosen(
        self, choice: tuple[tuple[Term | None, ...], tuple[str, ...]] | None, index: int, heads: tuple[Head, ...],
        body: tuple[BodyLiteral, ...], made: Made,
    ) -> Chooses | None:  # fmt: skip
        """The choice of one alternative of a body; those that bind the same variables share it."""
        if choice is None:
            return None
        weights, order = choice
        bound = bound_by(body, self.asked, {a for h in heads for a in h.args if isinstance(a, str)})
        variables = tuple(v for v in order if v in bound)
        if variables not in made:
            leaves = tuple(self._part(index, "choice", len(variables)) for _ in weights)
            made[variables] = Chooses(weights, variables, leaves)
        return made[variables]

    def _exception(self, index: int) -> Negative:
        """The literal that an excepted rule gets; the rules that say when the exception applies are added once."""
        if index in self._exceptions:
            return self._exceptions[index]
        rule = self.program.rules[index]
        blocked = [self._exception(k) for k in self._excepted.get(rule.name or "", ())]
        target = next(r for r in self.program.rules if r.name == rule.exception_to)
        of_target = {v for h in target.heads for a in h.atoms for t in a.args for v in names(t)}
        if target.exception_to is not None:
            of_target |= choosing(target.body)
        shared = tuple(sorted(of_target & choosing(rule.body)))
        part = self._part(index, "exception", len(shared))
        made_literal = self._exceptions[index] = Negative(part, shared)
        weight = rule.exception_weight or next((h.weight for h in rule.heads if h.weight is not None), None)
        outcome = 0 if weight else None
        extra: list[BodyLiteral] = []
        concluded = [Head(*self.atom(a, extra), outcome) for h in rule.heads for a in h.atoms]
        heads = (Head(part, shared, outcome), *concluded)
        choice = self._choice(rule, [weight]) if weight else None
        outer = {a for h in heads for a in h.args if isinstance(a, str)}
        outer |= {a for b in blocked for a in b.args if isinstance(a, str)}
        outer |= set(choice[1]) if choice else set()
        made: Made = {}
        for body in self._flat(index, rule.body, outer):
            literals = (*body, *extra, *blocked)
            needed = outer | needed_by(literals, self.asked)
            if needed <= bound_by(literals, self.asked):
                chosen = self._chosen(choice, index, heads, literals, made)
                self._add(FlatRule(heads, literals, index, "exception", chosen))
                continue
            # what it does not bind itself, the rule that it excepts has bound
            for around in self._flat(index, target.body, needed):
                both = (*around, *literals)
                chosen = self._chosen(choice, index, heads, both, made)
                self._add(FlatRule(heads, both, index, "exception", chosen))
        return made_literal

    # ------------------------------------------------------------------------------------------------ bodies

    def _flat(self, index: int, body: Body, outer: set[str]) -> Iterator[tuple[BodyLiteral, ...]]:
        """The conjunctions of a body; groups become parts.

        Args:
            outer: variables that are visible outside of it.
        """
        for parts in alternatives(body):
            literals: list[BodyLiteral] = []
            used = [visible(p) for p in parts]
            for k, part in enumerate(parts):
                if isinstance(part, Literal) and not self._built_in(part):
                    literals.append(Positive(*self.atom(part.atom, literals)))
                    continue
                others = outer.union(*(u for j, u in enumerate(used) if j != k))
                literals.extend(self._literals(index, part, others))
            yield tuple(literals)

    def _built_in(self, part: Literal) -> bool:
        return part.atom.key in PREDICATES or part.atom.key in self.foreign

    def _literals(self, index: int, part: Body, others: set[str]) -> list[BodyLiteral]:
        match part:
            case Comparison() | Literal():
                return self.simple(part, False)
            case Not(Comparison() as inner):
                return self.simple(inner, True)
            case Not(Literal(atom) as inner) if self._built_in(inner) and visible(inner) <= others:
                return self.simple(inner, True)
            case Not(Literal(atom) as inner) if not self._built_in(inner) and plainly_negated(atom, others):
                key, args = self.atom(atom, [])
                return [Negative(key, tuple(a if not isinstance(a, str) or a in others else None for a in args))]
            case Not(inner):
                return [Negative(*self._group(index, inner, others, "negated group"))]
            case Exists(inner):
                return [Positive(*self._group(index, inner, others, "exists"))]
            case ForallIn(condition, then):
                return [Negative(*self._group(index, And((condition, Not(then))), others, "counterexample"))]
            case Aggregate():
                return self._aggregate(index, part, others)
        raise AssertionError(part)

    def simple(self, part: Comparison | Literal, negated: bool) -> list[BodyLiteral]:
        """A test, or its negation."""
        if isinstance(part, Comparison):
            return [Compared(part.op, part.left, part.right, negated)]
        atom = part.atom
        if atom.key not in self.foreign:
            return [Tested(atom.predicate, atom.args, negated)]
        return [Called(self.foreign[atom.key], atom.args, negated)]

    def _group(self, index: int, body: Body, others: set[str], role: str) -> tuple[Part, tuple[str, ...]]:
        shared = tuple(sorted(visible(body) & others))
        part = self._part(index, role, len(shared))
        self._define(index, part, shared, body)
        return part, shared

    def _define(self, index: int, part: Part, args: tuple[str, ...], body: Body) -> None:
        for literals in self._flat(index, body, set(args)):
            self._add(FlatRule((Head(part, args, None),), literals, index, part.role))

    def _aggregate(self, index: int, part: Aggregate, others: set[str]) -> list[BodyLiteral]:
        # template variables are local to the braces, also where the rule uses their names outside
        new = {v: self._new("#l") for v in sorted(local(part) & others)}
        body = renamed(part.body, new)
        group = tuple(sorted((visible(part.body) - local(part)) & others))
        extra: list[Body] = []
        template: list[str] = []
        for term in (renamed_term(t, new) for t in part.template):
            if isinstance(term, Var) and term.name not in template:
                template.append(term.name)
            else:
                template.append(self._new("#t"))
                extra.append(Comparison("=", Var(template[-1]), term))
        members = self._part(index, "member", len(group) + len(template))
        self._define(index, members, (*group, *template), And((body, *extra)))
        result = self._part(index, part.function, len(group) + 1)
        states = self._part(index, f"{part.function} so far", len(group) + 2)
        binds = part.op in ("=", "is") and isinstance(part.result, Var)
        name = part.result.name if binds and isinstance(part.result, Var) else self._new("#a")
        counted = Counted(part.function, members, result, states, group, name)
        self.counted[result] = self.counted[states] = (counted, index)
        return [counted] if binds else [counted, Compared(part.op, part.result, Var(name))]
