"""What a program derives, in plain Python: no columns, no deltas, no order of literals worked out in advance.

Slow and obvious on purpose. Choices are asked of a callback, so that `worlds` can enumerate them.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Iterator
from fractions import Fraction

import networkx as nx

from neurosym.lang import ast
from neurosym.lang.terms import Iri, LangString, Symbol, Value, term_key
from neurosym.lang.walk import body_atoms

Term = tuple[str, object]  # a term_key: type name and value, so that 2, 2.0 and true differ
Fact = tuple[str, tuple[Term, ...]]
Subst = dict[str, Term]
Choice = tuple[int, frozenset]
Ask = Callable[[Choice, tuple[float, ...]], int | None]  # which outcome; None: none of them, or not known yet
BUILTINS = {("contains", 2), ("starts_with", 2), ("ends_with", 2), ("matches", 2), ("between", 3)}


class NoValue(Exception):
    """An expression that has no value: the literal that holds it fails."""


def key_of(value: Value) -> Term:
    kind, plain = term_key(value)
    return kind, plain


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


def number(term: Term) -> int | float:
    if term[0] in ("int", "float"):
        return term[1]  # type: ignore[return-value]
    raise NoValue


def text(term: Term) -> str:
    match term[1]:
        case str() as plain if term[0] == "str":
            return plain
        case Symbol(name):
            return name
        case LangString(words, _):
            return words
        case Iri(iri):
            return iri
    raise NoValue


def value(term: ast.Term, subst: Subst) -> Term:
    """The value of a term whose variables are bound."""
    if isinstance(term, ast.Var):
        return subst[term.name]
    if isinstance(term, ast.Const):
        return key_of(term.value)
    args = [value(a, subst) for a in term.args]
    try:
        return key_of(_apply(term.op, args))
    except (ZeroDivisionError, ValueError, OverflowError, TypeError):
        raise NoValue from None


def _apply(op: str, args: list[Term]) -> Value:
    if op in ("lower", "upper"):
        return getattr(text(args[0]), op)()
    if op == "length":
        return len(text(args[0]))
    if op == "concat":
        return "".join(str(a[1]) if a[0] in ("int", "float") else text(a) for a in args)
    if op in ("days_between", "year"):
        dates = [a[1] for a in args]
        if not all(isinstance(d, datetime.date) for d in dates):
            raise NoValue
        return dates[0].year if op == "year" else (dates[1] - dates[0]).days  # type: ignore[union-attr, operator]
    x = [number(a) for a in args]
    whole = all(isinstance(v, int) for v in x)
    match op:
        case "+":
            result = x[0] + x[1]
        case "-":
            result = x[0] - x[1]
        case "*":
            result = x[0] * x[1]
        case "/":
            result = float(x[0]) / float(x[1])
        case "//":
            result = x[0] // x[1]
        case "mod":
            result = x[0] % x[1]
        case "**":
            result = x[0] ** x[1]
        case "neg":
            result = -x[0]
        case "min":
            result = min(x) if whole else float(min(x))
        case "max":
            result = max(x) if whole else float(max(x))
        case "abs":
            result = abs(x[0])
        case "round":
            result = math.floor(Fraction(x[0]) + Fraction(1, 2))
        case "floor":
            result = math.floor(x[0])
        case "ceil":
            result = math.ceil(x[0])
        case "sqrt" | "log" | "exp":
            result = getattr(math, op)(x[0])
        case _:
            raise AssertionError(op)
    if isinstance(result, complex):
        raise NoValue
    return result


def holds(op: str, a: Term, b: Term) -> bool:
    """A comparison of two values."""
    if op in ("=", "==", "is"):
        return a == b
    if op in ("!=", "\\=="):
        return a != b
    x, y = a[1], b[1]
    numbers = {a[0], b[0]} <= {"int", "float"}
    dates = a[0] == b[0] == "date"
    texts = {a[0], b[0]} <= {"str", "LangString"}
    if texts:
        x, y = text(a), text(b)
    if not (numbers or dates or texts):
        return {"=:=": a == b, "=\\=": a != b}.get(op, False)
    return {
        "=:=": lambda: x == y, "=\\=": lambda: x != y, "<": lambda: x < y,  # type: ignore[operator]
        "=<": lambda: x <= y, ">": lambda: x > y, ">=": lambda: x >= y,  # type: ignore[operator]
    }[op]()  # fmt: skip


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
            return names(atom.args[0]) | names(atom.args[1]) <= bound
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
            if low[0] == high[0] == "int":
                for n in range(low[1], high[1] + 1):  # type: ignore[arg-type, operator]
                    new = dict(subst)
                    if _unify(atom.args[2], ("int", n), new):
                        yield new
            return
        a, b = (text(value(x, subst)) for x in atom.args)
    except NoValue:
        return
    tests = {"contains": b in a, "starts_with": a.startswith(b), "ends_with": a.endswith(b)}
    if tests[atom.predicate] if atom.predicate in tests else re.search(b, a) is not None:
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
    result = _fold(node.function, [m[0] for m in members] if node.function != "count" else [("int", 1)] * len(members))
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


def _fold(function: str, values: list[Term]) -> Term | None:
    plain = [v[1] for v in values]
    if function in ("count", "sum"):
        whole = all(v[0] == "int" for v in values)
        return key_of(sum(plain) if whole else math.fsum(plain))  # type: ignore[arg-type]
    if not values:
        return None
    if function == "avg":
        return key_of(math.fsum(plain) / len(plain))  # type: ignore[arg-type]
    pick = min if function == "min" else max
    best = pick(plain)  # type: ignore[type-var]
    return min((v for v in values if v[1] == best), key=lambda v: v[0] != "int")


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
            outcome = self._outcome(k, rule, subst, ask)
            for number_, head in enumerate(rule.heads):
                if (head.weight is None and rule.exception_weight is None) or outcome == number_:
                    for atom in head.atoms:
                        try:
                            yield atom.predicate, tuple(value(a, subst) for a in atom.args)
                        except NoValue:
                            continue

    def _exceptions_to(self, rule: ast.Rule) -> list[int]:
        return self.exceptions.get(rule.name, []) if rule.name else []

    def _applies(self, k: int, target: ast.Rule, subst: Subst, base: Database, ask: Ask) -> bool:
        rule = self.rules[k]
        shared = set().union(*(names(a) for h in target.heads for a in h.atoms))
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
