"""Demand: evaluate only what the queries can reach, with the arguments that they bind (magic sets).

Each derived predicate that is asked for gets a *question*: a relation of the values asked about, at the arguments
that are bound wherever the predicate is used. Its rules begin with that question as a guard, and further rules pass
questions on from a rule's head to its body, through literals that connect them. A predicate has one question only,
whose bound arguments are those that all its uses bind: so no grounding is found twice, and every reader sees one
relation.

After Beeri & Ramakrishnan (On the power of magic, PODS 1987) and Tekle & Liu (More efficient Datalog queries:
subsumptive tabling beats magic sets, SIGMOD 2011), who share one demand among many uses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from neurosym.facts import SymbolTable
from neurosym.grounding.bodies import bound_by, needed_by, variables_of
from neurosym.grounding.core import (
    AggregateStep,
    Builtin,
    Compare,
    CoreAtom,
    CoreLiteral,
    CoreProgram,
    CoreRule,
    ForeignCall,
    Key,
    Negated,
    Scan,
)
from neurosym.grounding.strata import is_stratified, recursive_with
from neurosym.lang.ast import Atom, Const, Program, Var

Rules = list[tuple[int, CoreRule]]
Seeds = dict[Key, dict[tuple[int, ...], None]]
Places = frozenset[int]
PASSED_ON = -1  # the number of a rule that derives questions: no grounding of it is recorded


def restricted(
    core: CoreProgram, program: Program, queries: Sequence[Atom], symbols: SymbolTable
) -> tuple[Rules, Seeds]:  # fmt: skip
    """The rules that queries (the program's own if none are given) and evidence need, and the questions to begin with.

    Adds the questions to `core.questions`.
    """
    atoms = queries or [s.atom for s in program.queries]
    asked = [_core_atom(atom, core, symbols) for atom in (*atoms, *(s.atom for s in program.evidence))]
    # Questions passed on through derived facts reach less, but can tie a negation into a cycle, as when what is asked
    # of a predicate depends on what it lacks. Passed on through input facts alone they never do.
    together = recursive_with(core.rules, core)
    for through_derived in (True, False):
        demand = _Demand(core, through_derived, together)
        rules, seeds = demand.rewrite(asked)
        if not through_derived or is_stratified([rule for _, rule in rules], core):
            break
        core.questions -= demand.questions
    return rules, seeds  # pyright: ignore[reportPossiblyUnboundVariable]


def _core_atom(atom: Atom, core: CoreProgram, symbols: SymbolTable) -> CoreAtom:
    args = tuple(symbols.intern(t.value) if isinstance(t, Const) else None for t in atom.args)
    return core.canonical(CoreAtom(atom.key, args), symbols)


@dataclass(frozen=True)
class _Use:
    """A literal of a derived predicate in a rule's body.

    Attributes:
        atom: its arguments, those that are local to a negation or an aggregate as None.
        through: the literals that pass the question on to it; bound: the variables that they bind.
        guarded: whether they begin with the head's question.
    """

    atom: CoreAtom
    through: tuple[CoreLiteral, ...]
    bound: frozenset[str]
    guarded: bool

    @property
    def places(self) -> Places:
        """Its bound arguments."""
        return frozenset(k for k, a in enumerate(self.atom.args) if isinstance(a, int) or a in self.bound)


class _Demand:
    def __init__(self, core: CoreProgram, through_derived: bool, together: dict[Key, int]) -> None:
        self.core = core
        self.through_derived = through_derived
        self.together = together
        self.rules_of: dict[Key, list[tuple[int, CoreRule, int]]] = {}
        for number, rule in enumerate(core.rules):
            for at, (head, _) in enumerate(rule.heads):
                self.rules_of.setdefault(head.key, []).append((number, rule, at))
        self.places: dict[Key, Places] = {}  # derived predicates that are asked for, and their bound arguments
        self._known_uses: dict[tuple[int, CoreAtom, Places], list[_Use]] = {}
        self.questions: set[Key] = set()
        self._needs_binding: set[Key] = set()  # predicates with a rule that takes its head's arguments for given
        for rule in core.rules:
            needed, bound = needed_by(rule.body, core), bound_by(rule.body, core)
            self._needs_binding.update(head.key for head, _ in rule.heads if not needed | head.variables <= bound)

    def rewrite(self, asked: Sequence[CoreAtom]) -> tuple[Rules, Seeds]:
        """Guarded rules, rules that pass questions on, and what is asked from the start."""
        pending: list[Key] = []
        for atom in asked:
            self._ask(atom.key, frozenset(k for k, a in enumerate(atom.args) if a is not None), pending)
        while pending:
            key = pending.pop()
            for number, rule, at in self.rules_of[key]:
                for use in self._uses(number, rule.heads[at][0]):
                    self._ask(use.atom.key, use.places, pending)
        seeds: Seeds = {}
        for atom in asked:
            self._seed(atom, seeds)
        rules: Rules = []
        done: set[tuple[int, int]] = set()
        for key in self.places:
            for number, rule, at in self.rules_of[key]:
                if (number, at) not in done:
                    rules.extend(self._guarded(number, rule, at, done))
                    rules.extend(self._passing_on(number, rule.heads[at][0], seeds))
        self.core.questions |= self.questions
        return rules, seeds

    def _ask(self, key: Key, places: Places, pending: list[Key]) -> None:
        if key not in self.rules_of:
            return
        known = self.places.get(key)
        if key in self.core.demands:
            places = frozenset()  # evaluated where it is asked, for what is asked
        narrowed = places if known is None else known & places
        if narrowed != known:
            self.places[key] = narrowed
            pending.append(key)

    # ------------------------------------------------------------------------------------------------- rules

    def _question(self, key: Key) -> Key:
        name = (f"question {key[0]}/{key[1]}", len(self.places[key]))
        self.questions.add(name)
        return name

    def _asked_about(self, atom: CoreAtom) -> CoreAtom:
        """The question about an atom: its bound arguments."""
        return CoreAtom(self._question(atom.key), tuple(atom.args[k] for k in sorted(self.places[atom.key])))

    def _guarded(
        self, number: int, rule: CoreRule, at: int, done: set[tuple[int, int]]
    ) -> Iterator[tuple[int, CoreRule]]:
        """A rule for one of its heads behind its question, or for all that need none."""
        free = [k for k, (head, _) in enumerate(rule.heads) if self.places.get(head.key) == frozenset()]
        if at in free:
            done.update((number, k) for k in free)
            if len(free) == len(rule.heads):
                yield number, rule
            else:
                yield number, replace(rule, heads=tuple(rule.heads[k] for k in free))
            return
        done.add((number, at))
        guard = Scan(self._asked_about(rule.heads[at][0]), record=False)
        yield number, CoreRule((rule.heads[at],), (guard, *rule.body), rule.statement, rule.part, rule.choice)

    def _passing_on(self, number: int, head: CoreAtom, seeds: Seeds) -> Iterator[tuple[int, CoreRule]]:
        """The questions that a rule's body asks when its head is asked for."""
        for use in self._uses(number, head):
            places = self.places.get(use.atom.key)
            if not places:
                continue
            question = self._asked_about(use.atom)
            if not question.variables and not use.guarded:
                self._seed(use.atom, seeds)
                continue
            guard = (Scan(self._asked_about(head), record=False),) if use.guarded else ()
            body = (*guard, *use.through)
            if question != (guard[0].atom if guard else None):
                yield PASSED_ON, CoreRule(((question, None),), body, self.core.rules[number].statement, "question")

    def _seed(self, atom: CoreAtom, seeds: Seeds) -> None:
        if self.places.get(atom.key):
            question = self._asked_about(atom)
            row = tuple(a for a in question.args if isinstance(a, int))
            seeds.setdefault(question.key, {})[row] = None

    # ------------------------------------------------------------------------------------------------ bodies

    def _uses(self, number: int, head: CoreAtom) -> list[_Use]:
        """The derived predicates in a rule's body, each with how the question about one of its heads leads to it."""
        key = (number, head, self.places[head.key])
        if key not in self._known_uses:
            self._known_uses[key] = self._found_uses(self.core.rules[number], head)
        return self._known_uses[key]

    def _found_uses(self, rule: CoreRule, head: CoreAtom) -> list[_Use]:
        places = self.places[head.key]
        given = frozenset(a for k, a in enumerate(head.args) if k in places and isinstance(a, str))
        open_ = [atom for literal in rule.body if (atom := self._derived(literal)) is not None]
        passed: list[CoreLiteral] = [x for x in rule.body if self._passes(x)]
        uses: list[_Use] = []
        while open_:
            # the one with most bound arguments first: it may bind those of the others
            options = [self._use(head, atom, given, passed) for atom in open_]
            best = max(range(len(open_)), key=lambda k: (len(options[k].places), -k)) if len(open_) > 1 else 0
            atom = open_.pop(best)
            uses.append(options[best])
            if self.through_derived:
                passed += [
                    Scan(x.atom, record=False)
                    for x in rule.body
                    if isinstance(x, Scan) and x.atom == atom and x.atom.key not in self.core.demands
                ]
        return uses

    def _derived(self, literal: CoreLiteral) -> CoreAtom | None:
        match literal:
            case Scan(atom) | Negated(atom) if atom.key in self.rules_of:
                return atom
            case AggregateStep() if literal.members in self.rules_of:
                local = literal.members[1] - len(literal.group)
                return CoreAtom(literal.members, (*literal.group, *(None,) * local))
        return None

    def _passes(self, literal: CoreLiteral) -> bool:
        """Whether a question can be passed on through a literal: input facts, comparisons, `between`."""
        if isinstance(literal, Scan):
            key = literal.atom.key
            hidden = key in self.core.demands.values() or key in self.core.neural or key in self.core.open
            return not hidden and key not in self.rules_of
        return isinstance(literal, Compare | Builtin | ForeignCall)

    def _use(self, head: CoreAtom, atom: CoreAtom, given: frozenset[str], passed: Sequence[CoreLiteral]) -> _Use:
        """How a question reaches an atom: through literals that are connected with the head's bound arguments."""
        guarded = bool(self.places[head.key])
        if atom.key not in self._needs_binding:
            # Questions that a recursion calculates may go on for ever where the facts themselves do not.
            circle = self.together.get(head.key) == self.together.get(atom.key) and head.key in self.together
            through, bound = _reach(given, passed, calculate=not circle)
            return _Use(atom, *_needed(given, through, bound, atom.variables, not circle), guarded=guarded)
        # Only questions can bound it: nothing that may filter them is left out.
        through, bound = _reach(given, passed)
        if atom.variables & bound:
            return _Use(atom, tuple(through), bound, guarded)
        # The head gives it no arguments: any literal that does will do.
        through, bound = _reach(frozenset(), passed, begin=atom.variables)
        return _Use(atom, tuple(through), bound, guarded=False)


def _needed(
    given: frozenset[str], literals: list[CoreLiteral], bound: frozenset[str], wanted: Collection[str], calculate: bool
) -> tuple[tuple[CoreLiteral, ...], frozenset[str]]:  # fmt: skip
    """The literals without those that lead elsewhere than to wanted variables, which would multiply rows for nothing.

    What only filters stays.
    """
    reachable = bound & set(wanted)
    for literal in [x for x in reversed(literals) if isinstance(x, Scan)]:
        fewer, reached = _reach(given, [x for x in literals if x is not literal], calculate)
        if reached & set(wanted) == reachable and not literal.atom.variables <= reached:
            literals, bound = fewer, reached
    return tuple(literals), bound


def _reach(
    given: frozenset[str], literals: Sequence[CoreLiteral], calculate: bool = True, begin: frozenset[str] = frozenset()
) -> tuple[list[CoreLiteral], frozenset[str]]:  # fmt: skip
    """The literals that are connected with given variables, and the variables that they bind.

    Args:
        calculate: whether comparisons and built-ins may bind variables.
        begin: variables that are not bound, but that a literal may begin with.
    """
    bound, chosen, left = given, [], list(literals)
    progress = True
    while progress:
        progress = False
        for literal in list(left):
            if isinstance(literal, Scan):
                ready, new = bool(literal.atom.variables & (bound | begin)), literal.atom.variables
            else:
                ready, new = _evaluable(literal, bound)
                ready &= calculate or new <= bound
            if ready:
                left.remove(literal)
                chosen.append(Scan(literal.atom, record=False) if isinstance(literal, Scan) else literal)
                bound |= new
                progress = True
    return chosen, bound


def _evaluable(literal: CoreLiteral, bound: frozenset[str]) -> tuple[bool, frozenset[str]]:
    """Whether a comparison or built-in can be evaluated, and the variables that it binds then."""
    match literal:
        case Compare(op, left, right, negated):
            if variables_of(left) | variables_of(right) <= bound:
                return True, frozenset()
            for target, value in ((left, right), (right, left)):
                if op in ("=", "is") and not negated and isinstance(target, Var) and variables_of(value) <= bound:
                    return True, frozenset((target.name,))
        case Builtin(name, args, negated):
            needed = set().union(*map(variables_of, args))
            if needed <= bound:
                return True, frozenset()
            if name == "between" and not negated and set().union(*map(variables_of, args[:2])) <= bound:
                return True, frozenset(variables_of(args[2]))
        case ForeignCall(args=args, inputs=inputs, negated=negated):
            if set().union(*map(variables_of, inputs)) <= bound:
                return True, frozenset() if negated else frozenset(set().union(*map(variables_of, args)))
    return False, frozenset()
