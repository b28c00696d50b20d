"""Which variables a body binds, and those that are used without being bound.

A variable is bound by a positive literal, by `=` or `is` with an expression whose variables are bound, by an
aggregate's result, by the third argument of `between`, by the `-` arguments of a foreign predicate, by a neural
predicate's value and slots, and by an `open` predicate where an argument's type enumerates. Binding is a fixpoint over
the conjunction, so the order in which literals are written does not matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from neurosym.errors import did_you_mean
from neurosym.lang.ast import (
    Aggregate,
    And,
    Atom,
    Body,
    Comparison,
    Exists,
    ForallIn,
    Literal,
    NeuralDecl,
    Not,
    Or,
    PredicateDecl,
    Program,
    Rule,
    Term,
    Var,
)
from neurosym.lang.builtins import PREDICATES, SLOT_TYPES
from neurosym.lang.checks.asked import Recursion, asked_for, branches
from neurosym.lang.checks.context import Context
from neurosym.lang.printer import Printer
from neurosym.lang.walk import Key, atom_variables, body_variables, built_in, conjuncts, head_atoms, variables

Names = frozenset[str]


class Binding:
    """Which variables bodies bind, given the neural and open predicates, and those that are built in or foreign."""

    def __init__(self, program: Program) -> None:
        self.neural = program.neural
        self.open: dict[Key, PredicateDecl] = program.opened
        self.built_in = built_in(program)

    def closure(self, body: Body, bound: Names) -> Names:
        """The variables that are bound where the body has been evaluated."""
        match body:
            case Literal(atom):
                return bound | self._by_atom(atom, bound)
            case Comparison("=" | "is" as op, left, right):
                return bound | self._by_equation(op, left, right, bound)
            case Aggregate():
                if body.op == "=" and isinstance(body.result, Var):
                    return bound | {body.result.name}
            case And(parts):
                # A fixpoint: `Z is X + 1, p(X)` binds Z whichever comes first.
                while True:
                    wider = bound
                    for part in parts:
                        wider = self.closure(part, wider)
                    if wider == bound:
                        return bound
                    bound = wider
            case Or(parts) if parts:
                return frozenset.intersection(*(self.closure(part, bound) for part in parts))
        return bound

    def _by_atom(self, atom: Atom, bound: Names) -> set[str]:
        direct = {i: arg.name for i, arg in enumerate(atom.args) if isinstance(arg, Var)}
        if (binds := self.built_in.get(atom.key)) is not None:
            needed = {v.name for i, arg in enumerate(atom.args) if i not in binds for v in variables(arg)}
            return {name for i, name in direct.items() if i in binds} if needed <= bound else set()
        if (opened := self.open.get(atom.key)) is not None:
            return {name for i, name in direct.items() if opened.args[i].type.enumerates}
        declaration = self.neural.get(atom.key)
        if declaration is None or declaration.top is not None:
            return set(direct.values())
        return {name for i, name in direct.items() if not is_entity(declaration, i)}

    @staticmethod
    def _by_equation(op: str, left: Term, right: Term, bound: Names) -> set[str]:
        made = set()
        sides = [(left, right)] if op == "is" else [(left, right), (right, left)]
        for target, value in sides:
            if isinstance(target, Var) and all(v.name in bound for v in variables(value)):
                made.add(target.name)
        return made


def is_entity(declaration: NeuralDecl, position: int) -> bool:
    """Whether an argument of a neural predicate indexes a feature table, and so has to be bound elsewhere."""
    if declaration.values is not None and position == len(declaration.args) - 1:
        return False
    return declaration.args[position].type.kind not in SLOT_TYPES


class _Uses:
    """Finds the variables of one statement that are used without being bound."""

    def __init__(self, binding: Binding, total: Counter[str]) -> None:
        self.binding = binding
        self.total = total
        self.unbound: list[tuple[Var, str]] = []  # with the reason
        self.existential: list[Var] = []
        self.outputs: set[str] = set()  # what a built-in or a function would bind, were its inputs bound

    def check(self, body: Body, bound: Names) -> None:
        bound = self.binding.closure(body, bound)
        match body:
            case And(parts) | Or(parts):
                for part in parts:
                    self.check(part, bound)
            case Literal(atom):
                self._atom(atom, bound)
            case Comparison():
                where = "comparison" if body.op not in ("is",) else "arithmetic"
                self._need([*variables(body.left), *variables(body.right)], bound, where)
            case Aggregate():
                self._aggregate(body, bound)
            case Not(inner) | Exists(inner):
                self._shared(body, bound, "negation" if isinstance(body, Not) else "exists{…}")
                self.check(inner, bound)
            case ForallIn(condition, then):
                self._shared(body, bound, "forall{…}")
                self.check(condition, bound)
                self.check(then, self.binding.closure(condition, bound))

    def _need(self, used: Iterable[Var], bound: Names, where: str) -> None:
        self.unbound.extend((v, where) for v in used if v.name not in bound)

    def _atom(self, atom: Atom, bound: Names) -> None:
        binds = self.binding.built_in.get(atom.key)
        kind = "built-in" if atom.key in PREDICATES else "foreign predicate"
        declaration = self.binding.neural.get(atom.key)
        opened = self.binding.open.get(atom.key)
        for i, arg in enumerate(atom.args):
            if binds is not None and i in binds and isinstance(arg, Var):
                self.outputs |= {arg.name} - bound
            elif binds is not None:
                self._need(variables(arg), bound, f"{kind} `{atom.predicate}`")
            elif not isinstance(arg, Var):
                self._need(variables(arg), bound, "arithmetic")
            elif declaration is not None and declaration.top is None and is_entity(declaration, i):
                self._need([arg], bound, "neural")
            elif opened is not None and not opened.args[i].type.enumerates:
                self._need([arg], bound, "open")

    def consequences(self, body: Body, bound: Names) -> set[str]:
        """Unbound variables that would be bound if those that are reported were: the cause alone is reported."""
        causes = {v.name for v, _ in self.unbound} - self.outputs
        return (self.outputs & self.binding.closure(body, bound | causes)) - bound

    def _aggregate(self, body: Aggregate, bound: Names) -> None:
        template = {v.name for term in body.template for v in variables(term)}
        counts = Counter(v.name for v in body_variables(body))
        outside = bound - template
        for v in body_variables(body.body):
            if v.name not in template and self.total[v.name] > counts[v.name] and v.name not in bound:
                self.unbound.append((v, f"{body.function}{{…}}"))
        self.check(body.body, outside)
        inside = self.binding.closure(body.body, outside)
        self._need([v for t in body.template for v in variables(t)], inside, "template")
        if not (body.op == "=" and isinstance(body.result, Var)):
            self._need(variables(body.result), bound, "comparison")

    def _shared(self, node: Body, bound: Names, where: str) -> None:
        """Variables that also occur outside the node are bound there; the others are local to it."""
        counts = Counter(v.name for v in body_variables(node))
        for v in body_variables(node):
            if v.name in bound:
                continue
            if self.total[v.name] > counts[v.name]:
                self.unbound.append((v, where))
            elif isinstance(node, Not) and not v.name.startswith("_"):
                self.existential.append(v)


def check_safety(context: Context) -> None:
    """NS202, NS203, NS204, NS222, NS223, NS233 for every rule, given fact and prohibition."""
    binding, recursion = Binding(context.program), Recursion(context.program)
    for rule in context.rules_with(()):
        _check_rule(context, binding, recursion, rule)
    for constraint in context.program.constraints:
        if constraint.forbids is not None:
            names = Counter(v.name for v in outer_variables(constraint.forbids))
            uses = _Uses(binding, names)
            uses.check(constraint.forbids, frozenset())
            bound = binding.closure(constraint.forbids, frozenset())
            _report(context, uses, uses.consequences(constraint.forbids, bound), frozenset())


def weight_variables(rule: Rule) -> Iterator[Var]:
    """Each occurrence of a variable in a weight of the rule."""
    for weight in (*(a.weight for a in rule.heads), rule.exception_weight):
        if weight is not None and weight.value is not None:
            yield from variables(weight.value)


def outer_variables(body: Body) -> Iterator[Var]:
    """Occurrences of variables in a body, without those that an aggregate's template makes local."""
    match body:
        case Aggregate():
            template = {v.name for term in body.template for v in variables(term)}
            yield from variables(body.result)
            yield from (v for v in outer_variables(body.body) if v.name not in template)
        case And(parts) | Or(parts):
            for part in parts:
                yield from outer_variables(part)
        case Not(inner) | Exists(inner):
            yield from outer_variables(inner)
        case ForallIn(left, right):
            yield from outer_variables(left)
            yield from outer_variables(right)
        case _:
            yield from body_variables(body)


def _check_rule(context: Context, binding: Binding, recursion: Recursion, rule: Rule) -> None:
    head = [v for atom in head_atoms(rule) for v in atom_variables(atom)]
    weight = list(weight_variables(rule))
    if rule.is_fact and not head and not weight:
        return
    total = Counter(v.name for v in (*head, *weight, *outer_variables(rule.body)))
    start: Names = frozenset()
    if rule.exception_to and (target := context.named_rules.get(rule.exception_to)):
        # The named rule has bound the variables of its head where the exception is asked.
        start = frozenset(v.name for atom in head_atoms(target) for v in atom_variables(atom))
        total.update(start)
    if not rule.is_fact:
        start |= _from_query(binding, recursion, rule, total, start)
    bound = binding.closure(rule.body, start)
    uses = _Uses(binding, total)
    uses.check(rule.body, start)
    reported = uses.consequences(rule.body, bound)
    _report_entities(context, uses, reported)
    candidates = sorted({v.name for v in body_variables(rule.body)} & bound)
    for v, code, what in [*((v, "NS202", "head") for v in head), *((v, "NS204", "weight") for v in weight)]:
        if v.name in bound or v.name in reported:
            continue
        reported.add(v.name)
        shown = spelled(v)
        if rule.is_fact:
            context.error(code, f"{what} variable `{shown}` in a fact", v.span,
                          note="a fact speaks of named things",
                          help="write a constant" + ("" if v.anonymous else f": `{v.name.lower()}`"))  # fmt: skip
            continue
        context.error(code, f"{what} variable `{shown}` is not bound by the body", v.span,
                      note="it must occur in a positive literal of the body" + _inside(rule.body, v.name),
                      help=_did_you_mean(context, rule, v, candidates))  # fmt: skip
    _report(context, uses, reported, bound)


def _from_query(binding: Binding, recursion: Recursion, rule: Rule, total: Counter[str], start: Names) -> Names:
    """Head variables that the body does not bind, if a query can: they make the body safe, and recursion hands them on.

    All of them, or none: a rule with one that is a slip is reported as if there were no queries.
    """
    head = {v.name for atom in head_atoms(rule) for v in atom_variables(atom) if not v.anonymous}
    given = frozenset(head - binding.closure(rule.body, start))
    if not given or rule.exception_to is not None or recursion.excepted(rule):
        return frozenset()
    uses = _Uses(binding, total)
    uses.check(rule.body, start | given)
    bound = binding.closure(rule.body, start | given)
    if uses.unbound or any(v.name not in bound for v in weight_variables(rule)):
        return frozenset()
    alternatives = branches(rule.body)
    for parts in alternatives or ():
        for name in given - binding.closure(And(parts), start):
            if not asked_for(rule, parts, name, recursion):
                return frozenset()
    return given if alternatives is not None else frozenset()


def _inside(body: Body, name: str) -> str:
    """An addition to the note, where the variable occurs in a place that binds nothing."""
    for part in conjuncts(body):
        if any(v.name == name for v in body_variables(part)):
            match part:
                case Not():
                    return "; a negation binds nothing"
                case Or():
                    return ", in every alternative of an `or`"
                case Aggregate() | Exists() | ForallIn():
                    return "; what stands in braces is local to them"
    return ""


def _did_you_mean(context: Context, rule: Rule, v: Var, candidates: list[str]) -> str:
    head = {u.name for atom in head_atoms(rule) for u in atom_variables(atom)}
    free = [name for name in candidates if name not in head]
    near = did_you_mean(v.name, candidates)
    pick = near.split("`")[1] if near else (free[0] if len(free) == 1 else None)
    if pick is None or pick.startswith("_"):
        return ""
    for part in conjuncts(rule.body):
        for u in body_variables(part):
            if u.name == pick:
                where = f", from `{Printer(context.program.prefixes).body(part)}`" if isinstance(part, Literal) else ""
                return f"did you mean `{spelled(u)}`{where}?"
    return ""


def _report_entities(context: Context, uses: _Uses, reported: set[str]) -> None:
    for v, where in uses.unbound:
        if where == "neural" and v.name not in reported:
            reported.add(v.name)
            context.error("NS223", f"the entity `{spelled(v)}` of a neural predicate is not bound", v.span,
                          note="a network is asked about given entities, never about all pairs",
                          help="bind it by another literal, or declare the predicate with `top K`")  # fmt: skip
        elif where == "open" and v.name not in reported:
            reported.add(v.name)
            context.error("NS233", f"the argument `{spelled(v)}` of an open predicate is not bound", v.span,
                          note="what is not among its facts is unknown, so that it could be anything",
                          help="bind it by another literal, or declare a type that enumerates: {a, b}, 0..9, bool "
                          "or an RDF class")  # fmt: skip


def _report(context: Context, uses: _Uses, reported: set[str], bound: Names) -> None:
    _report_entities(context, uses, reported)
    for v, where in uses.unbound:
        if v.name in reported:
            continue
        reported.add(v.name)
        context.error("NS203", f"variable `{spelled(v)}` in {_article(where)} is not bound", v.span,
                      note="it must occur in a positive literal " +
                      ("within the braces" if where == "template" else "of the body"))  # fmt: skip
    for v in uses.existential:
        if v.name not in reported and v.name not in bound:
            reported.add(v.name)
            context.warn("NS222", f"`{spelled(v)}` occurs only inside this negation, and means `some` there", v.span,
                         help="write `_` if that is meant")  # fmt: skip


def _article(where: str) -> str:
    if where == "arithmetic" or "{" in where:
        return where
    return f"the {where}" if where.startswith(("built-in", "foreign")) else f"a {where}"


def spelled(v: Var) -> str:
    """The variable as it was written."""
    return "_" if v.anonymous else ("?" if v.mark == "?" else "") + v.name
