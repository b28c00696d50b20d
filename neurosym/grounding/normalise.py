"""Program -> CoreProgram: flat rules, hidden predicates for groups, choices for weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from neurosym.errors import Diagnostic, RuleError
from neurosym.facts import RDF_TYPE, SymbolTable
from neurosym.grounding.core import (
    AggregateStep,
    Builtin,
    ChoiceSpec,
    Compare,
    CoreAtom,
    CoreLiteral,
    CoreProgram,
    CoreRule,
    GroundFact,
    Key,
    Negated,
    Parameter,
    Scan,
)
from neurosym.lang import ast
from neurosym.lang.terms import Iri, predicate_of_iri

BUILTINS = {("contains", 2), ("starts_with", 2), ("ends_with", 2), ("matches", 2), ("between", 3)}
TRIPLE: Key = ("triple", 3)
SLOT_TYPES = ("Image", "Text", "Tensor")
MAX_BRANCHES = 4096


def normalise(program: ast.Program, symbols: SymbolTable) -> CoreProgram:
    """Bring a checked program into normal form.

    Raises:
        RuleError: with every statement that is parsed but not evaluated yet, each by name (NS900 and up).
    """
    return _Normaliser(program, symbols).run()


def variables_of(node: object) -> set[str]:
    """Variables of a term or body, those local to aggregates, `exists` and negation included."""
    if isinstance(node, ast.Var):
        return {node.name}
    if isinstance(node, ast.Aggregate):
        return variables_of(node.result) | _inner(node)
    children: tuple = ()
    match node:
        case ast.Arithmetic(args=args) | ast.Atom(args=args):
            children = args
        case ast.Literal(atom=atom):
            children = (atom,)
        case ast.Comparison(left=left, right=right):
            children = (left, right)
        case ast.Not(body=body) | ast.Exists(body=body):
            children = (body,)
        case ast.ForallIn(condition=condition, then=then):
            children = (condition, then)
        case ast.And(parts=parts) | ast.Or(parts=parts):
            children = parts
    return set().union(*map(variables_of, children)) if children else set()


def _inner(node: ast.Aggregate) -> set[str]:
    return variables_of(node.body).union(*map(variables_of, node.template))


class _Normaliser:
    def __init__(self, program: ast.Program, symbols: SymbolTable) -> None:
        self.program = program
        self.symbols = symbols
        self.core = CoreProgram(statements=program.rules, neural=dict(program.neural))
        self.fresh = 0
        self.faults: list[Diagnostic] = []
        for key, declaration in program.declarations.items():
            if declaration.iri is not None:
                self.core.aliases[(predicate_of_iri(declaration.iri), key[1])] = key
        self.core.triple_mode = _uses_triples(program)

    def run(self) -> CoreProgram:
        self._refuse_unevaluated()
        exceptions: dict[str, list[CoreAtom]] = {}
        for index, rule in enumerate(self.program.rules):
            if rule.exception_to is not None:
                exceptions.setdefault(rule.exception_to, []).append(self._exception(index, rule))
        occurrences = Counter(a.key for r in self.program.rules if not r.is_fact for h in r.heads for a in h.atoms)
        seen: Counter[tuple] = Counter()
        for rule in self.program.rules:
            if rule.is_fact and len(rule.heads) == 1 and rule.heads[0].weight is not None:
                seen.update(self._ground(a) for a in rule.heads[0].atoms)
        for index, rule in enumerate(self.program.rules):
            if rule.exception_to is not None:
                continue
            blocked = tuple(Negated(a) for a in exceptions.get(rule.name or "", ()))
            if rule.is_fact and not blocked and self._plain_fact(index, rule, occurrences, seen):
                continue
            self._rule(index, rule, blocked)
        if self.faults:
            raise RuleError(self.faults)
        return self.core

    def _refuse_unevaluated(self) -> None:
        for statement in self.program.statements:
            if isinstance(statement, ast.PredicateDecl) and statement.open:
                self._refuse("NS901", "`open` predicates", statement.span, "absent facts are false for now")
            if isinstance(statement, ast.NeuralDecl) and statement.top is not None:
                self._refuse("NS902", "`top K` of a neural predicate", statement.span, "bind its arguments instead")

    def _refuse(self, code: str, what: str, span: ast.Span, help: str) -> None:
        text = self.program.texts.get(span.file, "").splitlines()
        line = text[span.line - 1] if 0 < span.line <= len(text) else ""
        message = f"{what} cannot be evaluated yet"
        self.faults.append(Diagnostic(code, "error", message, span, line, "it is parsed and checked only", help))

    # ------------------------------------------------------------------------------------------------- atoms

    def _atom(self, atom: ast.Atom, extra: list[CoreLiteral] | None = None) -> CoreAtom:
        """A core atom; arithmetic in arguments moves into `extra` as assignments to fresh variables."""
        args: list[str | int | None] = []
        for term in atom.args:
            if isinstance(term, ast.Var):
                args.append(term.name)
            elif isinstance(term, ast.Const):
                args.append(self.symbols.intern(term.value))
            else:
                name = self._name("#v")
                assert extra is not None, "arithmetic in an atom that must be plain"
                extra.append(Compare("=", ast.Var(name), term))
                args.append(name)
        return self._rdf(CoreAtom(atom.key, tuple(args)))

    def _rdf(self, atom: CoreAtom) -> CoreAtom:
        key = self.core.aliases.get(atom.key, atom.key)
        if not self.core.triple_mode or not key[0].startswith("<") or key[1] not in (1, 2):
            return CoreAtom(key, atom.args)
        relation = self.symbols.intern(Iri(key[0][1:-1]))
        if key[1] == 1:
            return CoreAtom(TRIPLE, (atom.args[0], self.symbols.intern(Iri(RDF_TYPE)), relation))
        return CoreAtom(TRIPLE, (atom.args[0], relation, atom.args[1]))

    def _ground(self, atom: ast.Atom) -> tuple:
        return (atom.key, tuple(self.symbols.intern(t.value) if isinstance(t, ast.Const) else None for t in atom.args))

    def _name(self, prefix: str) -> str:
        self.fresh += 1
        return f"{prefix}{self.fresh}"

    def _hidden(self, what: str, statement: int, arity: int, description: str) -> Key:
        label = self.program.rules[statement].label
        key = (self._name(f"{what} of {label} #"), arity)
        self.core.hidden[key] = description
        return key

    # ------------------------------------------------------------------------------------------------- facts

    def _plain_fact(self, index: int, rule: ast.Rule, occurrences: Counter[Key], seen: Counter[tuple]) -> bool:
        """Take a fact without going through a rule, where that means the same."""
        if len(rule.heads) != 1:
            return False
        (head,) = rule.heads
        constant = all(isinstance(t, ast.Const) for a in head.atoms for t in a.args)
        if not constant:
            return False
        if head.weight is None:
            for atom in head.atoms:
                core = self._atom(atom)
                self.core.facts.append(GroundFact(core.key, self._ids(core), index))
            return True
        atom = head.atoms[0]
        # A probabilistic fact is itself the leaf of its choice only if nothing else can derive it.
        alone = len(head.atoms) == 1 and not occurrences[atom.key] and seen[self._ground(atom)] == 1
        constant_weight = head.weight.learn or isinstance(head.weight.value, ast.Const)
        if not alone or not constant_weight or self.core.triple_mode:
            return False
        core = self._atom(atom)
        if core.key != atom.key:
            return False
        if head.weight.learn:
            parameter = self._parameter(index, rule, [head.weight])
            self.core.facts.append(GroundFact(core.key, self._ids(core), index, parameter=parameter))
        else:
            weight = float(head.weight.value.value)  # pyright: ignore
            self.core.facts.append(GroundFact(core.key, self._ids(core), index, weight=weight))
        return True

    @staticmethod
    def _ids(atom: CoreAtom) -> tuple[int, ...]:
        return tuple(a for a in atom.args if isinstance(a, int))

    # ------------------------------------------------------------------------------------------------- rules

    def _rule(self, index: int, rule: ast.Rule, blocked: tuple[Negated, ...]) -> None:
        extra: list[CoreLiteral] = []
        weights = [h.weight for h in rule.heads]
        heads = tuple(
            (self._atom(a, extra), k if weights[k] is not None else None)
            for k, h in enumerate(rule.heads)
            for a in h.atoms
        )
        choice = self._choice(index, rule, weights) if any(w is not None for w in weights) else None
        outer = set().union(*(variables_of(a) for h in rule.heads for a in h.atoms)) | (
            set(choice.variables) if choice else set()
        )
        outer |= set().union(*(b.atom.variables for b in blocked)) if blocked else set()
        for body in self._flat(index, rule.body, outer, ()):
            self.core.rules.append(CoreRule(heads, (*body, *extra, *blocked), index, "rule", choice))

    def _choice(self, index: int, rule: ast.Rule, weights: list[ast.Weight | None]) -> ChoiceSpec:
        given = [w for w in weights if w is not None]
        learn = any(w.learn for w in given)
        names: dict[str, None] = {}
        for head in rule.heads:
            for atom in head.atoms:
                for term in atom.args:
                    names |= dict.fromkeys(sorted(variables_of(term)))
        names |= dict.fromkeys(sorted(_choice_variables(rule.body)))
        values: tuple[ast.Term | float | None, ...] = tuple(None if learn else _number(w.value) for w in given)
        leaves = tuple(
            self._hidden("choice", index, len(names), f"outcome {k + 1} of the choice made by the rule's weight")
            for k in range(len(given))
        )
        return ChoiceSpec(values, self._parameter(index, rule, given) if learn else None, tuple(names), leaves)

    def _parameter(self, index: int, rule: ast.Rule, weights: list[ast.Weight]) -> int:
        initial = [_number(w.value) if w.value is not None else None for w in weights]
        numbers = tuple(v for v in initial if isinstance(v, float))
        known = len(numbers) == len(weights)
        rest = len(weights) == 1 or not known or sum(numbers) < 1 - 1e-9
        self.core.parameters.append(Parameter(index, rule.label, numbers if known else None, len(weights), rest))
        return len(self.core.parameters) - 1

    def _exception(self, index: int, rule: ast.Rule) -> CoreAtom:
        """Rules for an exception; gives the atom whose negation the excepted rule gets."""
        target = next(r for r in self.program.rules if r.name == rule.exception_to and r.exception_to is None)
        head_variables = set().union(*(variables_of(a) for h in target.heads for a in h.atoms))
        shared = tuple(sorted(head_variables & _choice_variables(rule.body)))
        key = self._hidden("exception", index, len(shared), f"the exception `{rule.label}` applies")
        atom = CoreAtom(key, shared)
        weight = rule.exception_weight or next((h.weight for h in rule.heads if h.weight is not None), None)
        extra: list[CoreLiteral] = []
        concluded = [(self._atom(a, extra), 0 if weight else None) for h in rule.heads for a in h.atoms]
        heads = ((atom, 0 if weight else None), *concluded)
        choice = self._choice(index, rule, [weight]) if weight else None
        outer = set(shared).union(*(a.variables for a, _ in concluded)) | (set(choice.variables) if choice else set())
        for body in self._flat(index, rule.body, outer, ()):
            self.core.rules.append(CoreRule(heads, (*body, *extra), index, "exception", choice))
        return atom

    # ------------------------------------------------------------------------------------------------ bodies

    def _flat(
        self, index: int, body: ast.Body, outer: set[str], context: tuple[Scan, ...]
    ) -> Iterator[tuple[CoreLiteral, ...]]:
        """The conjunctions of a body in disjunctive form; groups become hidden predicates.

        Args:
            outer: variables that are visible outside the body.
            context: literals that bind outer variables, for groups that do not bind them by themselves.
        """
        branches = list(_branches(body))
        if len(branches) > MAX_BRANCHES:
            raise RuleError([_too_many(self.program.rules[index], len(branches))])
        for parts in branches:
            literals: list[CoreLiteral] = []
            scans = [self._scan(p.atom, literals) for p in parts if isinstance(p, ast.Literal) and not _builtin(p)]
            literals.extend(scans)
            around = (*context, *(replace(s, record=False) for s in scans))
            used = [variables_of(p) for p in parts]
            for k, part in enumerate(parts):
                if isinstance(part, ast.Literal) and not _builtin(part):
                    continue
                others = outer.union(*(u for j, u in enumerate(used) if j != k))
                literals.extend(self._part(index, part, others, around))
            yield tuple(literals)

    def _scan(self, atom: ast.Atom, extra: list[CoreLiteral]) -> Scan:
        return Scan(self._atom(atom, extra))

    def _part(self, index: int, part: ast.Body, others: set[str], around: tuple[Scan, ...]) -> list[CoreLiteral]:
        match part:
            case ast.Comparison(op, left, right):
                return [Compare(op, left, right)]
            case ast.Literal(atom):
                return [Builtin(atom.predicate, atom.args)]
            case ast.Not(ast.Comparison(op, left, right)):
                return [Compare(op, left, right, negated=True)]
            case ast.Not(ast.Literal(atom) as inner) if _builtin(inner):
                return [Builtin(atom.predicate, atom.args, negated=True)]
            case ast.Not(ast.Literal(atom)) if _plain(atom, others):
                core = self._atom(atom)
                args = tuple(a if not isinstance(a, str) or a in others else None for a in core.args)
                return [Negated(CoreAtom(core.key, args))]
            case ast.Not(inner):
                return [Negated(self._group(index, inner, others, around, "negated group"))]
            case ast.Exists(inner):
                return [Scan(self._group(index, inner, others, around, "exists"))]
            case ast.ForallIn(condition, then):
                counter = ast.And((condition, ast.Not(then)))
                return [Negated(self._group(index, counter, others, around, "counterexample"))]
            case ast.Aggregate():
                return self._aggregate(index, part, others, around)
        raise AssertionError(part)

    def _group(
        self, index: int, body: ast.Body, others: set[str], around: tuple[Scan, ...], what: str
    ) -> CoreAtom:
        """A hidden predicate that holds where the body does, over the variables it shares with its surroundings."""
        shared = tuple(sorted(variables_of(body) & others))
        atom = CoreAtom(self._hidden(what, index, len(shared), f"{what} in the rule"), shared)
        self._define(index, atom, body, set(shared), around, what)
        return atom

    def _define(
        self, index: int, head: CoreAtom, body: ast.Body, outer: set[str], around: tuple[Scan, ...], what: str
    ) -> None:
        for literals in self._flat(index, body, outer, around):
            missing = (set(head.variables) | _needs(literals, self.core)) - bound_by(literals, self.core)
            extra = _supply(missing & set().union(*(s.atom.variables for s in around)) if around else set(), around)
            self.core.rules.append(CoreRule(((head, None),), (*extra, *literals), index, what))

    def _aggregate(
        self, index: int, part: ast.Aggregate, others: set[str], around: tuple[Scan, ...]
    ) -> list[CoreLiteral]:
        inner = _inner(part)
        group = tuple(sorted(inner & others))
        extra: list[ast.Body] = []
        template: list[str] = []
        for term in part.template:
            if isinstance(term, ast.Var) and term.name not in template and term.name not in group:
                template.append(term.name)
            else:
                template.append(self._name("#t"))
                extra.append(ast.Comparison("=", ast.Var(template[-1]), term))
        members = self._hidden("member", index, len(group) + len(template), f"what `{part.function}` ranges over")
        head = CoreAtom(members, (*group, *template))
        self._define(index, head, ast.And((part.body, *extra)), set(head.variables), around, "member")
        key = self._hidden(part.function, index, len(group) + 1, f"`{part.function}` over the members")
        states = self._hidden(f"{part.function} so far", index, len(group) + 2, f"`{part.function}` of the first members")
        binds = part.op in ("=", "is") and isinstance(part.result, ast.Var)
        result = part.result.name if binds and isinstance(part.result, ast.Var) else self._name("#a")
        step = AggregateStep(part.function, members, key, states, group, result)
        return [step] if binds else [step, Compare(part.op, part.result, ast.Var(result))]


def _uses_triples(program: ast.Program) -> bool:
    """Whether `triple/3` or `rdf:type/2` occurs: then RDF atoms of all forms must meet in one relation."""

    def inside(node: object) -> bool:
        match node:
            case ast.Atom():
                return node.key in (TRIPLE, (predicate_of_iri(RDF_TYPE), 2))
            case ast.Literal(atom=atom):
                return inside(atom)
            case ast.Not(body=body) | ast.Exists(body=body) | ast.Aggregate(body=body):
                return inside(body)
            case ast.ForallIn(condition=condition, then=then):
                return inside(condition) or inside(then)
            case ast.And(parts=parts) | ast.Or(parts=parts):
                return any(map(inside, parts))
        return False

    directives = [s.atom for s in (*program.queries, *program.evidence)]
    heads = [a for r in program.rules for h in r.heads for a in h.atoms]
    return any(map(inside, (*directives, *heads, *(r.body for r in program.rules))))


def _branches(body: ast.Body) -> Iterator[tuple[ast.Body, ...]]:
    """Disjunctive form: every way to choose one part of each disjunction."""
    if isinstance(body, ast.Or):
        for part in body.parts:
            yield from _branches(part)
    elif isinstance(body, ast.And):
        for combination in product(*(list(_branches(p)) for p in body.parts)):
            yield tuple(x for parts in combination for x in parts)
    else:
        yield (body,)


def _too_many(rule: ast.Rule, count: int) -> Diagnostic:
    return Diagnostic(
        "NS903", "error", f"the body has {count} alternatives", rule.span, help="split the rule, or name its groups"
    )


def _builtin(part: ast.Literal) -> bool:
    return part.atom.key in BUILTINS


def _plain(atom: ast.Atom, others: set[str]) -> bool:
    """Whether a negated atom needs no hidden predicate: no arithmetic, no local variable twice."""
    local = [t.name for t in atom.args if isinstance(t, ast.Var) and t.name not in others]
    return len(local) == len(set(local)) and not any(isinstance(t, ast.Arithmetic) for t in atom.args)


def _number(term: ast.Term | None) -> ast.Term | float | None:
    """A constant weight as a float, an expression as it is."""
    if isinstance(term, ast.Const):
        return float(term.value)  # pyright: ignore[reportArgumentType]
    if isinstance(term, ast.Arithmetic) and not variables_of(term):
        from neurosym.grounding.builtins import constant

        return constant(term)
    return term


def _choice_variables(body: ast.Body) -> set[str]:
    """Variables that tell groundings apart: not those local to negation, aggregates or quantifiers."""
    match body:
        case ast.And(parts=parts) | ast.Or(parts=parts):
            return set().union(*map(_choice_variables, parts)) if parts else set()
        case ast.Not() | ast.Exists() | ast.ForallIn():
            return set()
        case ast.Aggregate():
            return variables_of(body.result)
    return variables_of(body)


def entity_inputs(atom: CoreAtom, core: CoreProgram) -> set[str]:
    """Variables of a neural atom that other literals must bind: its entities, not its slots and not its value."""
    declaration = core.neural.get(atom.key)
    if declaration is None:
        return set()
    inputs = declaration.args if declaration.values is None else declaration.args[:-1]
    pairs = zip(atom.args, inputs, strict=False)
    return {a for a, i in pairs if isinstance(a, str) and i.type.kind not in SLOT_TYPES}


def bound_by(literals: tuple[CoreLiteral, ...] | list[CoreLiteral], core: CoreProgram) -> set[str]:
    """Variables that a flat body binds, in whatever order its literals are evaluated."""
    bound: set[str] = set()
    for literal in literals:
        if isinstance(literal, Scan):
            bound |= literal.atom.variables - entity_inputs(literal.atom, core)
    while True:
        before = len(bound)
        for literal in literals:
            match literal:
                case Compare("=" | "is", left, right, False):
                    for target, value in ((left, right), (right, left)):
                        if isinstance(target, ast.Var) and variables_of(value) <= bound:
                            bound.add(target.name)
                case Builtin("between", args, False) if set().union(*map(variables_of, args[:2])) <= bound:
                    bound |= variables_of(args[2])
                case AggregateStep() if set(literal.group) <= bound:
                    bound.add(literal.result)
        if len(bound) == before:
            return bound


def _needs(literals: tuple[CoreLiteral, ...], core: CoreProgram) -> set[str]:
    """Variables that must be bound for the literals to be evaluated."""
    needed: set[str] = set()
    for literal in literals:
        match literal:
            case Scan(atom):
                needed |= entity_inputs(atom, core)
            case Negated(atom):
                needed |= atom.variables
            case Compare(_, left, right):
                needed |= variables_of(left) | variables_of(right)
            case Builtin(_, args):
                needed = needed.union(*map(variables_of, args))
            case AggregateStep():
                needed |= set(literal.group)
    return needed


def _supply(missing: set[str], around: tuple[Scan, ...]) -> tuple[Scan, ...]:
    """As few of the surrounding literals as bind the variables that a group does not bind itself."""
    chosen: list[Scan] = []
    while missing:
        best = max(around, key=lambda s: len(missing & s.atom.variables))
        if not missing & best.atom.variables:
            break
        chosen.append(best)
        missing = missing - best.atom.variables
    return tuple(chosen)
