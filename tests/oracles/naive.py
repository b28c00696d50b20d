"""What a program derives, in plain Python: no columns, no deltas, no order of literals worked out in advance.

Slow and obvious on purpose. Choices are asked of a callback, so that `worlds` can enumerate them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import networkx as nx

from neurosym.lang import ast
from neurosym.lang.walk import body_atoms
from tests.oracles.values import TESTS, NoValue, Term, apply, fold, holds, key_of, number, text

Fact = tuple[str, tuple[Term, ...]]
Subst = dict[str, Term]
Choice = tuple[int, frozenset]
Ask = Callable[[Choice, tuple[float, ...]], int | None]  # which outcome; None: none of them, or not known yet
BUILTINS = {("contains", 2), ("starts_with", 2), ("ends_with", 2), ("matches", 2), ("between", 3)}


def names(node: object) -> set[str]:
    """Variables of a term, atom or body that are visible outside it or local to negation; templates' are left out."""
    match node:
        case ast.Var(name):
            return {name}
        case ast.Arithmetic(args=args) | ast.Atom(args=args):
            return set().union(*map(names, args)) if args else set()
        case ast.Literal(atom=atom):
            return names(atom)
        case ast.Comparison(left=left, right=right):
            return names(left) | names(right)
        case ast.Not(body=body) | ast.Exists(body=body):
            return names(body)
        case ast.ForallIn(condition=condition, then=then):
            return names(condition) | names(then)
        case ast.And(parts=parts) | ast.Or(parts=parts):
            return set().union(*map(names, parts)) if parts else set()
        case ast.Aggregate(template=template, body=body, result=result):
            return names(result) | (names(body) - set().union(*map(names, template)))
    return set()


def value(term: ast.Term, subst: Subst) -> Term:
    """The value of a term whose variables are bound."""
    if isinstance(term, ast.Var):
        return subst[term.name]
    if isinstance(term, ast.Const):
        return key_of(term.value)
    return apply(term.op, [value(a, subst) for a in term.args])


class Database:
    """Facts by predicate."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], set[tuple[Term, ...]]] = {}

    def add(self, fact: Fact) -> bool:
        rows = self.rows.setdefault((fact[0], len(fact[1])), set())
        if fact[1] in rows:
            return False
        rows.add(fact[1])
        return True

    def copy(self) -> Database:
        new = Database()
        new.rows = {k: set(v) for k, v in self.rows.items()}
        return new

    def facts(self) -> frozenset[Fact]:
        return frozenset((name, row) for (name, _), rows in self.rows.items() for row in rows)


def solve(body: ast.Body, subst: Subst, outer: set[str], base: Database) -> Iterator[Subst]:
    """Substitutions under which a body holds; `outer` are the variables that occur outside it."""
    match body:
        case ast.And(parts):
            yield from _all(list(parts), subst, outer, base)
        case ast.Or(parts):
            for part in parts:
                yield from solve(part, subst, outer, base)
        case ast.Literal(atom) if atom.key in BUILTINS:
            yield from _builtin(atom, subst)
        case ast.Literal(atom):
            for row in list(base.rows.get(atom.key, ())):
                new = dict(subst)
                if all(_unify(a, v, new) for a, v in zip(atom.args, row, strict=True)):
                    yield new
        case ast.Comparison(op, left, right):
            try:
                for target, other in ((left, right), (right, left)):
                    if isinstance(target, ast.Var) and target.name not in subst:
                        yield {**subst, target.name: value(other, subst)}
                        return
                if holds(op, value(left, subst), value(right, subst)):
                    yield subst
            except NoValue:
                return
        case ast.Not(inner):
            if not any(True for _ in solve(inner, subst, outer | set(subst), base)):
                yield subst
        case ast.Exists(inner):
            if any(True for _ in solve(inner, subst, outer | set(subst), base)):
                yield subst
        case ast.ForallIn(condition, then):
            inside = outer | set(subst)
            for found in solve(condition, subst, inside | names(then), base):
                if not any(True for _ in solve(then, found, inside | names(condition), base)):
                    return
            yield subst
        case ast.Aggregate():
            yield from _aggregate(body, subst, outer, base)


def _all(parts: list[ast.Body], subst: Subst, outer: set[str], base: Database) -> Iterator[Subst]:
    if not parts:
        yield subst
        return
    for k, part in enumerate(parts):
        others = outer.union(*(names(p) for j, p in enumerate(parts) if j != k), set(subst))
        if _ready(part, set(subst), others):
            rest = parts[:k] + parts[k + 1 :]
            for found in solve(part, subst, others, base):
                yield from _all(rest, found, outer | names(part), base)
            return
    raise AssertionError(f"nothing can be evaluated: {parts}")


def _ready(part: ast.Body, bound: set[str], others: set[str]) -> bool:
    match part:
        case ast.Literal(atom) if atom.key == ("between", 3):
            made = isinstance(atom.args[2], ast.Var)  # a variable may be free, an expression is only tested
            return names(atom.args[0]) | names(atom.args[1]) | (set() if made else names(atom.args[2])) <= bound
        case ast.Literal(atom) if atom.key in BUILTINS:
            return names(atom) <= bound
        case ast.Literal(atom):
            return all(names(a) <= bound for a in atom.args if isinstance(a, ast.Arithmetic))
        case ast.Comparison(op, left, right):
            free = (names(left) | names(right)) - bound
            if not free:
                return True
            sides = [(left, right), (right, left)]
            return op in ("=", "is") and any(isinstance(a, ast.Var) and names(b) <= bound for a, b in sides)
        case ast.Not() | ast.Exists() | ast.ForallIn():
            return names(part) & others <= bound
        case ast.Aggregate():
            result = set() if part.op in ("=", "is") and isinstance(part.result, ast.Var) else names(part.result)
            inner = names(part.body) - set().union(*map(names, part.template))
            return (inner & others) | result <= bound
        case ast.Or(parts):
            return all(_ready(ast.And((p,)) if not isinstance(p, ast.And) else p, bound, others) for p in parts)
        case ast.And(parts):
            return any(_ready(p, bound, others) for p in parts) if parts else True
    raise AssertionError(part)


def _unify(term: ast.Term, row: Term, subst: Subst) -> bool:
    if isinstance(term, ast.Var):
        return subst.setdefault(term.name, row) == row
    try:
        return value(term, subst) == row
    except NoValue:
        return False


def _builtin(atom: ast.Atom, subst: Subst) -> Iterator[Subst]:
    try:
        if atom.predicate == "between":
            low, high = (value(a, subst) for a in atom.args[:2])
            if not low[0] == high[0] == "int":
                return
            numbers = range(low[1], high[1] + 1)  # type: ignore[arg-type, operator]
            if names(atom.args[2]) <= set(subst):  # a test: the range may be long
                kind, there = value(atom.args[2], subst)
                if kind == "int" and there in numbers:
                    yield subst
                return
            for n in numbers:
                new = dict(subst)
                if _unify(atom.args[2], ("int", n), new):
                    yield new
            return
        a, b = (text(value(x, subst)) for x in atom.args)
    except NoValue:
        return
    if TESTS[atom.predicate](a, b):
        yield subst


def _aggregate(node: ast.Aggregate, subst: Subst, outer: set[str], base: Database) -> Iterator[Subst]:
    local = set().union(*map(names, node.template))
    inside = {k: v for k, v in subst.items() if k not in local}
    members = set()
    for found in solve(node.body, inside, (outer | set(subst)) - local | local, base):
        try:
            members.add(tuple(value(t, found) for t in node.template))
        except NoValue:
            continue
    result = fold(node.function, [m[0] for m in members])
    if result is None:
        return
    if node.op in ("=", "is") and isinstance(node.result, ast.Var) and node.result.name not in subst:
        yield {**subst, node.result.name: result}
        return
    try:
        if holds(node.op, value(node.result, subst), result):
            yield subst
    except NoValue:
        return


class Program:
    """A checked program, ready to be evaluated component by component."""

    def __init__(self, program: ast.Program) -> None:
        self.program = program
        self.rules = program.rules
        self.exceptions: dict[str, list[int]] = {}
        for k, rule in enumerate(self.rules):
            if rule.exception_to is not None:
                self.exceptions.setdefault(rule.exception_to, []).append(k)
        self.components = self._components()

    def _components(self) -> list[list[int]]:
        """Rules in the order of evaluation: those of one strongly connected component together."""
        graph: nx.DiGraph = nx.DiGraph()
        for rule in self.rules:
            heads = [a.key for h in rule.heads for a in h.atoms]
            graph.add_nodes_from(heads)
            graph.add_edges_from(zip(heads, heads[1:] + heads[:1], strict=True))
            graph.add_edges_from((a, h) for h in heads for a in self._reads(rule))
        condensed = nx.condensation(graph)
        order = []
        for n in nx.topological_sort(condensed):
            members = condensed.nodes[n]["members"]
            rules = [k for k, r in enumerate(self.rules) if any(a.key in members for h in r.heads for a in h.atoms)]
            if rules:
                order.append(rules)
        return order

    def _reads(self, rule: ast.Rule) -> set[tuple[str, int]]:
        found = {atom.key for atom, _ in body_atoms(rule.body)}
        for k in self.exceptions.get(rule.name or "", ()):
            found |= self._reads(self.rules[k])
        return found

    def fixpoint(self, rules: list[int], base: Database, ask: Ask) -> None:
        """Fire rules until nothing new comes; `base` grows."""
        changed = True
        while changed:
            changed = False
            for k in rules:
                for fact in list(self._fire(k, base, ask)):
                    changed |= base.add(fact)

    def _fire(self, k: int, base: Database, ask: Ask) -> Iterator[Fact]:
        rule = self.rules[k]
        if not rule.heads:
            return
        outer = set().union(*(names(a) for h in rule.heads for a in h.atoms))
        if rule.exception_to is not None:
            target = next(r for r in self.rules if r.name == rule.exception_to)
            shared = set().union(*(names(a) for h in target.heads for a in h.atoms)) & names(rule.body)
            starts = [{v: s[v] for v in shared} for s in solve(target.body, {}, shared, base)]
            found = [s for start in [{}, *starts] for s in _try(rule.body, start, outer | shared, base)]
        else:
            found = list(solve(rule.body, {}, outer, base))
        done = set()
        for subst in found:
            mark = frozenset(subst.items())
            if mark in done or any(self._applies(e, rule, subst, base, ask) for e in self._exceptions_to(rule)):
                continue
            done.add(mark)
            try:  # an argument without a value fails the whole grounding, whichever head it stands in
                for term in (t for h in rule.heads for a in h.atoms for t in a.args):
                    value(term, subst)
            except NoValue:
                continue
            outcome = self._outcome(k, rule, subst, ask)
            for number_, head in enumerate(rule.heads):
                if (head.weight is None and rule.exception_weight is None) or outcome == number_:
                    yield from ((a.predicate, tuple(value(t, subst) for t in a.args)) for a in head.atoms)

    def _exceptions_to(self, rule: ast.Rule) -> list[int]:
        return self.exceptions.get(rule.name, []) if rule.name else []

    def _applies(self, k: int, target: ast.Rule, subst: Subst, base: Database, ask: Ask) -> bool:
        rule = self.rules[k]
        shared = set().union(*(names(a) for h in target.heads for a in h.atoms))
        if target.exception_to is not None:  # it speaks of what the exception's body binds, which may have no head
            shared |= names(target.body) & set(subst)
        start = {v: subst[v] for v in shared & names(rule.body)}
        for found in solve(rule.body, start, set(start), base):
            if any(self._applies(e, rule, found, base, ask) for e in self._exceptions_to(rule)):
                continue
            weighted = rule.exception_weight is not None or any(h.weight for h in rule.heads)
            if not weighted or self._outcome(k, rule, found, ask) == 0:
                return True
        return False

    def _outcome(self, k: int, rule: ast.Rule, subst: Subst, ask: Ask) -> int | None:
        weights = [w for w in [rule.exception_weight, *(h.weight for h in rule.heads)] if w is not None]
        if not weights:
            return 0
        numbers = tuple(float(number(value(w.value, subst))) for w in weights if w.value is not None)
        return ask((k, frozenset(subst.items())), numbers)


def _try(body: ast.Body, start: Subst, outer: set[str], base: Database) -> Iterator[Subst]:
    try:
        yield from solve(body, start, outer, base)
    except AssertionError:  # it needs variables of the rule that it excepts
        return


def derive(program: ast.Program, facts: frozenset[Fact] = frozenset()) -> frozenset[Fact]:
    """The facts of a program without weights."""
    made = Program(program)
    base = Database()
    for fact in facts:
        base.add(fact)
    for rules in made.components:
        made.fixpoint(rules, base, lambda choice, weights: 0)
    return base.facts()
