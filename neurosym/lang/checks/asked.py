"""Head variables that only a query binds, in recursion with arithmetic.

`state(T, X) :- T > 0, T1 is T - 1, state(T1, Y), next(Y, X).` has no beginning bottom up: nothing in its body says
which `T` there are. A query for `state(5, X)` does, and the recursion hands the next value on. It is accepted where
exactly that is so; every other unbound head variable is the slip that it mostly is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from neurosym.lang.ast import And, Arithmetic, Atom, Body, Comparison, Literal, Or, Program, Rule, Term, Var
from neurosym.lang.stratify import edges, predicate_key
from neurosym.lang.walk import Key, head_atoms, variables

MAX_BRANCHES = 64  # alternatives of a body that are looked at; a rule with more has to bind its variables


class Recursion:
    """Which predicates depend on which, asked only where a rule leaves a head variable unbound."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._ahead: dict[Key, set[Key]] | None = None
        self._reached: dict[Key, set[Key]] = {}

    def together(self, head: Key, body: Key) -> bool:
        """Whether a predicate of a rule's body depends on the rule's head: then they are of one recursive component."""
        if head == body:
            return True
        if self._ahead is None:
            self._ahead = {}
            for edge in edges(self.program):
                self._ahead.setdefault(edge.body, set()).add(edge.head)
        if head not in self._reached:
            found, queue = {head}, [head]
            while queue:
                new = self._ahead.get(queue.pop(), set()) - found
                found |= new
                queue.extend(new)
            self._reached[head] = found
        return body in self._reached[head]

    def excepted(self, rule: Rule) -> bool:
        """Whether an exception names the rule: its body would be asked for values that only a query has."""
        return rule.name is not None and any(r.exception_to == rule.name for r in self.program.rules)


def branches(body: Body) -> list[tuple[Body, ...]] | None:
    """The alternatives of a body, each a flat conjunction; None if they are too many."""
    match body:
        case And(parts):
            made = [branches(part) for part in parts]
            known = [one for one in made if one is not None]
            size = 1
            for one in known:
                size *= len(one)
            if len(known) < len(made) or size > MAX_BRANCHES:
                return None
            return [tuple(x for part in combination for x in part) for combination in product(*known)]
        case Or(parts):
            chosen = [branches(part) for part in parts]
            flat = [x for one in chosen if one is not None for x in one]
            return None if None in chosen or len(flat) > MAX_BRANCHES else flat
    return [(body,)]


def handed_on(parts: tuple[Body, ...], name: str) -> Iterator[Atom]:
    """Positive literals of a conjunction with an argument that arithmetic computes from the variable."""
    computed: set[str] = set()
    while True:
        new = {target.name for target, value in _assignments(parts) if _names(value) & (computed | {name})}
        if new <= computed:
            break
        computed |= new
    computed.discard(name)
    for part in parts:
        if isinstance(part, Literal):
            for arg in part.atom.args:
                plain = isinstance(arg, Var) and arg.name in computed
                if plain or (isinstance(arg, Arithmetic) and _names(arg) & (computed | {name})):
                    yield part.atom
                    break


def _assignments(parts: tuple[Body, ...]) -> Iterator[tuple[Var, Term]]:
    for part in parts:
        if isinstance(part, Comparison) and part.op in ("=", "is"):
            sides = [(part.left, part.right)] if part.op == "is" else [(part.left, part.right), (part.right, part.left)]
            for target, value in sides:
                if isinstance(target, Var):
                    yield target, value


def _names(term: Term) -> set[str]:
    return {v.name for v in variables(term)}


def asked_for(rule: Rule, parts: tuple[Body, ...], name: str, recursion: Recursion) -> bool:
    """Whether a query can bind a head variable, and one alternative of the body hands it on in its recursion."""
    literals = {predicate_key(atom) for atom in handed_on(parts, name)}
    for head in head_atoms(rule):
        direct = any(isinstance(arg, Var) and arg.name == name for arg in head.args)
        inside = any(name in _names(arg) for arg in head.args)
        if inside and not (direct and any(recursion.together(predicate_key(head), key) for key in literals)):
            return False
    return True
