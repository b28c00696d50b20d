"""Program -> CoreProgram: flat rules, hidden predicates for groups, choices for weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from neurosym.errors import Diagnostic, RuleError
from neurosym.facts import SymbolTable
from neurosym.grounding.bodies import (
    bound_by,
    branches,
    choice_variables,
    count_branches,
    is_builtin,
    is_plain,
    needed_by,
    renamed,
    supply,
    template_variables,
    variables_of,
)
from neurosym.grounding.core import (
    TRIPLE,
    AggregateStep,
    Builtin,
    ChoiceSpec,
    Compare,
    CoreAtom,
    CoreLiteral,
    CoreProgram,
    CoreRule,
    ForeignCall,
    GroundFact,
    Key,
    Negated,
    OpenPredicate,
    Parameter,
    Scan,
)
from neurosym.grounding.triples import uses_triples
from neurosym.lang import ast
from neurosym.lang.checks.unevaluated import not_yet, unevaluated
from neurosym.lang.terms import predicate_of_iri

MAX_BRANCHES = 4096
Choices = dict[tuple[str, ...], ChoiceSpec]  # variables → the choice of the alternatives that have just these
Heads = tuple[tuple[CoreAtom, int | None], ...]
Ground = tuple[Key, tuple[int, ...]]  # a ground atom


def normalise(program: ast.Program, symbols: SymbolTable, queries: Sequence[ast.Atom] = ()) -> CoreProgram:
    """Bring a checked program into normal form, in which also `queries` can be asked.

    Raises:
        RuleError: with every statement that is parsed but not evaluated yet, each by name (NS900 and up).
    """
    return _Normaliser(program, symbols, queries).run()


class _Normaliser:
    def __init__(self, program: ast.Program, symbols: SymbolTable, queries: Sequence[ast.Atom]) -> None:
        self.program = program
        self.symbols = symbols
        self.core = CoreProgram(statements=program.rules, neural=dict(program.neural), notation=program.notation)
        self.core.foreign = dict(program.foreign_predicates)
        self.plain = program.plain_facts
        self.terms: dict[int, int] = {}  # Python's id of a value → its id in the symbol table
        self.fresh = 0
        self.parts: Counter[tuple[int, str]] = Counter()  # of each statement, by what they are
        self.faults: list[Diagnostic] = []
        for key, declaration in program.declarations.items():
            if declaration.iri is not None:
                self.core.aliases[(predicate_of_iri(declaration.iri), key[1])] = key
        self.core.triple_mode = uses_triples(program, queries)
        if self.core.triple_mode:  # then the one relation of triples holds what the declared names stand for
            self.core.aliases = {name: iri for iri, name in self.core.aliases.items()}
        self._opened()

    def run(self) -> CoreProgram:
        self.faults += unevaluated(self.program)
        blocked: dict[str, list[Negated]] = {}
        for index in self._exceptions_first():
            rule = self.program.rules[index]
            assert rule.exception_to is not None
            atom = self._exception(index, rule, tuple(blocked.get(rule.name or "", ())))
            blocked.setdefault(rule.exception_to, []).append(Negated(atom))
        leaves = self._own_leaves()
        for index, (rule, key) in enumerate(zip(self.program.rules, self.plain.predicates, strict=True)):
            if key is not None:
                head, ground, weight = rule.heads[0], leaves.get(index), None
                if head.weight is None:
                    ground = self._ground(head.atoms[0], key)
                elif ground is not None:
                    weight = _number(head.weight.value)
                    assert isinstance(weight, float)
                if ground is not None:
                    self.core.facts.append(GroundFact(ground[0], ground[1], index, weight, None))
                    continue
            if rule.exception_to is not None:
                continue
            exceptions = tuple(blocked.get(rule.name or "", ()))
            if not exceptions and self._plain_fact(index, rule, index in leaves):
                continue
            self._rule(index, rule, exceptions)
        if self.faults:
            raise RuleError(self.faults)
        return self.core

    def _exceptions_first(self) -> list[int]:
        """Indices of the exceptions, those to an exception before that exception."""
        if all(rule.exception_to is None for rule in self.program.plain_facts.others):
            return []
        left = {k: r for k, r in enumerate(self.program.rules) if r.exception_to is not None}
        order: list[int] = []
        while left:
            open_ = {r.exception_to for r in left.values()}
            ready = [k for k, r in left.items() if r.name is None or r.name not in open_]
            if not ready:
                spans = [r.span for r in left.values()]
                message = "exceptions to one another go round in a circle"
                raise RuleError([Diagnostic("NS208", "error", message, spans[0], self._line(spans[0]))])
            order.extend(ready)
            for index in ready:
                del left[index]
        return order

    def _own_leaves(self) -> dict[int, Ground]:
        """The probabilistic facts that can be the leaf of their own choice, by index: nothing else derives them."""
        facts: dict[int, Ground] = {}
        others: set[Key] = set()
        for index, (rule, plain) in enumerate(zip(self.program.rules, self.plain.predicates, strict=True)):
            if plain is not None:
                head = rule.heads[0]
                if head.weight is not None:
                    facts[index] = self._ground(head.atoms[0], plain)
                continue
            atoms = [a for h in rule.heads for a in h.atoms]
            constant = rule.is_fact and all(isinstance(t, ast.Const) for a in atoms for t in a.args)
            if constant and rule.heads and rule.heads[0].weight is None:
                continue  # certain: then the leaf is not needed, which is seen as the facts are loaded
            if constant and len(atoms) == 1 and rule.exception_to is None:
                core = self._atom(atoms[0])
                facts[index] = (core.key, self._ids(core))
            else:
                others |= {self._atom(a, []).key for a in atoms}
        if not others and len(set(facts.values())) == len(facts):
            return facts
        seen = Counter(facts.values())
        return {k: ground for k, ground in facts.items() if ground[0] not in others and seen[ground] == 1}

    def _opened(self) -> None:
        """The predicates that are declared `open`."""
        for key, declaration in self.program.declarations.items():
            if not declaration.open:
                continue
            core = self.core.canonical(CoreAtom(key, (None,) * key[1]), self.symbols).key
            if core == TRIPLE:
                help = "write the RDF predicates out instead of `triple(S, P, O)` and `rdf:type(S, C)`"
                what = f"the `open` predicate {key[0]} in a program that ranges over RDF predicates"
                self.faults.append(not_yet(self.program, "NS901", what, declaration.span, help))
                continue
            leaf = (self._name(f"unknown {key[0]} #"), key[1])
            self.core.parts[leaf] = (-1, f"unknown {key[0]}/{key[1]}", 0)
            self.core.hidden[leaf] = f"`{key[0]}` is open, and this is not among its facts"
            classes = tuple(
                self.core.canonical(CoreAtom((predicate_of_iri(a.type.iri), 1), (None,)), self.symbols)
                if a.type.iri is not None else None for a in declaration.args
            )  # fmt: skip
            self.core.open[core] = OpenPredicate(declaration, leaf, classes)

    def _line(self, span: ast.Span) -> str:
        text = self.program.texts.get(span.file, "").splitlines()
        return text[span.line - 1] if 0 < span.line <= len(text) else ""

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
        return self.core.canonical(CoreAtom(atom.key, tuple(args)), self.symbols)

    def _ground(self, atom: ast.Atom, key: Key) -> Ground:
        """The predicate and the term ids of a plain fact's atom."""
        if self.core.triple_mode or key in self.core.aliases:
            core = self._atom(atom)
            return core.key, self._ids(core)
        # Most terms are those of other facts, too: a look at the object is quicker than the symbol table's question,
        # what other terms are equal to it. The program keeps all of them, so that no other object gets their id.
        terms, args = self.terms, []
        for term in atom.args:
            value = term.value  # pyright: ignore[reportAttributeAccessIssue]
            known = terms.get(id(value))
            if known is None:
                known = terms[id(value)] = self.symbols.intern(value)
            args.append(known)
        return key, tuple(args)

    def _name(self, prefix: str) -> str:
        self.fresh += 1
        return f"{prefix}{self.fresh}"

    def _hidden(self, what: str, statement: int, arity: int, description: str) -> Key:
        label = self.program.rules[statement].label
        key = (self._name(f"{what} of {label} #"), arity)
        self.core.hidden[key] = description
        self.core.parts[key] = (statement, what, self.parts[(statement, what)])
        self.parts[(statement, what)] += 1
        return key

    # ------------------------------------------------------------------------------------------------- facts

    def _plain_fact(self, index: int, rule: ast.Rule, leaf: bool) -> bool:
        """Take a fact without going through a rule, where that means the same."""
        if not rule.is_fact or len(rule.heads) != 1:
            return False
        (head,) = rule.heads
        if not all(isinstance(t, ast.Const) for a in head.atoms for t in a.args):
            return False
        if head.weight is None:
            for atom in head.atoms:
                core = self._atom(atom)
                self.core.facts.append(GroundFact(core.key, self._ids(core), index))
            return True
        if not leaf:
            return False
        core = self._atom(head.atoms[0])
        if head.weight.learn:
            parameter = self._parameter(index, rule, [head.weight])
            self.core.facts.append(GroundFact(core.key, self._ids(core), index, parameter=parameter))
            return True
        weight = _number(head.weight.value)
        if not isinstance(weight, float):
            return False
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
        made: Choices = {}
        for body in self._flat(index, rule.body, outer, (), True):
            literals = (*body, *extra, *blocked)
            chosen = self._chosen(choice, index, heads, literals, made)
            self.core.rules.append(CoreRule(heads, literals, index, "rule", chosen))

    def _choice(self, index: int, rule: ast.Rule, weights: list[ast.Weight | None]) -> ChoiceSpec:
        """The choice of a rule over all its variables, without leaves."""
        given = [w for w in weights if w is not None]
        learn = any(w.learn for w in given)
        names: dict[str, None] = {}
        for head in rule.heads:
            for atom in head.atoms:
                for term in atom.args:
                    names |= dict.fromkeys(sorted(variables_of(term)))
        names |= dict.fromkeys(sorted(choice_variables(rule.body)))
        values: tuple[ast.Term | float | None, ...] = tuple(None if learn else _number(w.value) for w in given)
        return ChoiceSpec(values, self._parameter(index, rule, given) if learn else None, tuple(names), ())

    def _chosen(
        self, choice: ChoiceSpec | None, index: int, heads: Heads, body: tuple[CoreLiteral, ...], made: Choices
    ) -> ChoiceSpec | None:  # fmt: skip
        """The choice of one alternative of a body.

        Alternatives that have the same variables share their choices. One that lacks some (`e(X) ; f(Y)`) chooses for
        the groundings of those that it has: no term may stand in for the others, which could be a term of the facts.
        """
        if choice is None:
            return None
        given = set().union(*(atom.variables for atom, _ in heads))
        bound = bound_by(body, self.core, given)
        variables = tuple(v for v in choice.variables if v in bound)
        if variables not in made:
            leaves = tuple(
                self._hidden(
                    "choice", index, len(variables), f"outcome {k + 1} of the choice made by the rule's weight"
                )
                for k in range(len(choice.weights))
            )
            made[variables] = replace(choice, variables=variables, leaves=leaves)
        return made[variables]

    def _parameter(self, index: int, rule: ast.Rule, weights: list[ast.Weight]) -> int:
        initial = [_number(w.value) if w.value is not None else None for w in weights]
        numbers = tuple(v for v in initial if isinstance(v, float))
        known = len(numbers) == len(weights)
        rest = len(weights) == 1 or not known or sum(numbers) < 1 - 1e-9
        self.core.parameters.append(Parameter(index, rule.label, numbers if known else None, len(weights), rest))
        return len(self.core.parameters) - 1

    def _exception(self, index: int, rule: ast.Rule, blocked: tuple[Negated, ...]) -> CoreAtom:
        """Rules for an exception; gives the atom whose negation the excepted rule gets."""
        target = next(r for r in self.program.rules if r.name == rule.exception_to)
        head_variables = set().union(*(variables_of(a) for h in target.heads for a in h.atoms))
        if target.exception_to is not None:
            head_variables |= choice_variables(target.body)
        shared = tuple(sorted(head_variables & choice_variables(rule.body)))
        key = self._hidden("exception", index, len(shared), f"the exception {rule.label} applies")
        atom = CoreAtom(key, shared)
        weight = rule.exception_weight or next((h.weight for h in rule.heads if h.weight is not None), None)
        extra: list[CoreLiteral] = []
        concluded = [(self._atom(a, extra), 0 if weight else None) for h in rule.heads for a in h.atoms]
        heads = ((atom, 0 if weight else None), *concluded)
        choice = self._choice(index, rule, [weight]) if weight else None
        outer = set(shared).union(*(a.variables for a, _ in concluded), *(b.atom.variables for b in blocked))
        outer |= set(choice.variables) if choice else set()
        made: Choices = {}
        for body in self._flat(index, rule.body, outer, (), True):
            literals = (*body, *extra, *blocked)
            needed = outer | needed_by(literals, self.core)
            if needed <= bound_by(literals, self.core):
                chosen = self._chosen(choice, index, heads, literals, made)
                self.core.rules.append(CoreRule(heads, literals, index, "exception", chosen))
                continue
            # What it does not bind itself, the rule that it excepts has bound.
            for around in self._flat(index, target.body, needed, (), True):
                chosen = self._chosen(choice, index, heads, (*around, *literals), made)
                self.core.rules.append(CoreRule(heads, (*around, *literals), index, "exception", chosen))
        return atom

    # ------------------------------------------------------------------------------------------------ bodies

    def _flat(
        self, index: int, body: ast.Body, outer: set[str], context: tuple[CoreLiteral, ...], positive: bool
    ) -> Iterator[tuple[CoreLiteral, ...]]:
        """The conjunctions of a body in disjunctive form; groups become hidden predicates.

        Args:
            outer: variables that are visible outside the body.
            context: literals that bind outer variables, for groups that do not bind them by themselves.
            positive: not below a negation or an aggregate.
        """
        if (count := count_branches(body)) > MAX_BRANCHES:
            raise RuleError([_too_many(self.program.rules[index], count)])
        for parts in branches(body):
            simple: list[CoreLiteral] = []
            atoms = [p.atom for p in parts if isinstance(p, ast.Literal) and not is_builtin(p, self.core)]
            scans = [Scan(self._atom(atom, simple)) for atom in atoms]
            literals: list[CoreLiteral] = [*simple, *scans]
            for part in parts:
                if isinstance(part, ast.Comparison) or is_builtin(part, self.core):
                    simple.extend(self._simple(part))
            around = (*context, *(replace(s, record=False) for s in scans), *simple)
            used = [variables_of(p) for p in parts]
            for k, part in enumerate(parts):
                if isinstance(part, ast.Literal) and not is_builtin(part, self.core):
                    continue
                others = outer.union(*(u for j, u in enumerate(used) if j != k))
                literals.extend(self._part(index, part, others, around, positive))
            yield tuple(literals)

    def _simple(self, part: ast.Body, negated: bool = False) -> list[CoreLiteral]:
        """A comparison, a built-in test or a call of a Python function, also under a negation."""
        match part:
            case ast.Comparison(op, left, right):
                return [Compare(op, left, right, negated)]
            case ast.Literal(atom) if atom.key in self.core.foreign:
                return self._call(atom, negated)
            case ast.Literal(atom):
                return [Builtin(atom.predicate, atom.args, negated)]
        raise AssertionError(part)

    def _call(self, atom: ast.Atom, negated: bool) -> list[CoreLiteral]:
        """A foreign literal; arithmetic among what it finds is compared afterwards: its inputs may be found, too."""
        foreign, args = self.core.foreign[atom.key], list(atom.args)
        extra: list[CoreLiteral] = []
        for k in foreign.outputs if not negated else ():
            if isinstance(args[k], ast.Arithmetic):
                name = ast.Var(self._name("#f"))
                extra.append(Compare("=", name, args[k]))
                args[k] = name
        return [ForeignCall(foreign, tuple(args), atom.span, negated), *extra]

    def _part(
        self, index: int, part: ast.Body, others: set[str], around: tuple[CoreLiteral, ...], positive: bool
    ) -> list[CoreLiteral]:
        match part:
            case ast.Comparison() | ast.Literal():
                return self._simple(part)
            case ast.Not(ast.Comparison() as inner):
                return self._simple(inner, negated=True)
            case ast.Not(ast.Literal() as inner) if is_builtin(inner, self.core) and variables_of(inner) <= others:
                return self._simple(inner, negated=True)
            case ast.Not(ast.Literal(atom) as inner) if not is_builtin(inner, self.core) and is_plain(atom, others):
                core = self._atom(atom)
                args = tuple(a if not isinstance(a, str) or a in others else None for a in core.args)
                return [Negated(CoreAtom(core.key, args))]
            case ast.Not(inner):
                return [Negated(self._group(index, inner, others, "negated group"))]
            case ast.Exists(inner):
                return [Scan(self._group(index, inner, others, "exists", around if positive else None))]
            case ast.ForallIn(condition, then):
                counter = ast.And((condition, ast.Not(then)))
                return [Negated(self._group(index, counter, others, "counterexample"))]
            case ast.Aggregate():
                return self._aggregate(index, part, others)
        raise AssertionError(part)

    def _group(
        self, index: int, body: ast.Body, others: set[str], what: str, around: tuple[CoreLiteral, ...] | None = None
    ) -> CoreAtom:
        """A hidden predicate that holds where the body does, over the variables it shares with its surroundings."""
        shared = tuple(sorted(variables_of(body) & others))
        atom = CoreAtom(self._hidden(what, index, len(shared), f"{what} in the rule"), shared)
        self._define(index, atom, body, shared, what, around)
        return atom

    def _define(
        self, index: int, head: CoreAtom, body: ast.Body, shared: tuple[str, ...], what: str,
        around: tuple[CoreLiteral, ...] | None,
    ) -> None:  # fmt: skip
        """Rules for a hidden predicate.

        A group that leaves shared variables unbound (`not (r(Z), Z > Y)`) is evaluated for the bindings that the rule
        around it asks about. Copying literals of that rule instead would let the group depend on them, and a recursive
        one among them would close a cycle through the negation. A positive group (`around` is given) may stand on
        such a cycle, and cannot be asked before it is finished; there the copies do no harm.
        """
        flat = list(self._flat(index, body, set(head.variables), around or (), around is not None))
        needs = [(set(head.variables) | needed_by(x, self.core)) - bound_by(x, self.core) for x in flat]
        demand: tuple[Scan, ...] = ()
        if around is None and any(needs) and shared:
            key = self._hidden("question", index, len(shared), f"bindings for which {what} is asked")
            self.core.demands[head.key] = key
            demand = (Scan(CoreAtom(key, shared), record=False),)
        for literals, missing in zip(flat, needs, strict=True):
            first = demand if around is None else supply(missing, around, self.core)
            self.core.rules.append(CoreRule(((head, None),), (*first, *literals), index, what))

    def _aggregate(self, index: int, part: ast.Aggregate, others: set[str]) -> list[CoreLiteral]:
        # Template variables are local to the braces, also where the rule uses their names outside.
        fresh = {v: self._name("#l") for v in sorted(template_variables(part) & others)}
        body = renamed(part.body, fresh)
        group = tuple(sorted(variables_of(part.body) - template_variables(part) & others))
        extra: list[ast.Body] = []
        template: list[str] = []
        for term in (renamed(t, fresh) for t in part.template):
            if isinstance(term, ast.Var) and term.name not in template:
                template.append(term.name)
            else:
                template.append(self._name("#t"))
                extra.append(ast.Comparison("=", ast.Var(template[-1]), term))
        members = self._hidden("member", index, len(group) + len(template), f"what `{part.function}` ranges over")
        head = CoreAtom(members, (*group, *template))
        self._define(index, head, ast.And((body, *extra)), group, "member", None)
        key = self._hidden(part.function, index, len(group) + 1, f"`{part.function}` over the members")
        so_far = f"`{part.function}` of the first members"
        states = self._hidden(f"{part.function} so far", index, len(group) + 2, so_far)
        binds = part.op in ("=", "is") and isinstance(part.result, ast.Var)
        result = part.result.name if binds and isinstance(part.result, ast.Var) else self._name("#a")
        step = AggregateStep(part.function, members, key, states, group, result)
        return [step] if binds else [step, Compare(part.op, part.result, ast.Var(result))]


def _too_many(rule: ast.Rule, count: int) -> Diagnostic:
    return Diagnostic(
        "NS903", "error", f"the body has {count} alternatives", rule.span, help="split the rule, or name its groups"
    )


def _number(term: ast.Term | None) -> ast.Term | float | None:
    """A constant weight as a float, an expression as it is."""
    if isinstance(term, ast.Const):
        return float(term.value)  # pyright: ignore[reportArgumentType]
    if isinstance(term, ast.Arithmetic) and not variables_of(term):
        from neurosym.grounding.builtins import constant

        return constant(term)
    return term
