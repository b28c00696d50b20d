"""The normal form of a program: what grounding evaluates.

Every rule statement becomes one or more `CoreRule`s whose bodies are flat. Groups under negation, `exists`, `forall`
and the members of aggregates become hidden predicates of their own; exceptions become negated literals. Each core
rule keeps the index of the statement it came from, so that explanations can show what the expert wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from neurosym.errors import Span
from neurosym.facts import RDF_TYPE, SymbolTable
from neurosym.lang.ast import NeuralDecl, PredicateDecl, Rule, Term
from neurosym.lang.foreign import Foreign
from neurosym.lang.notation import Notation
from neurosym.lang.terms import Iri, predicate_of_iri

if TYPE_CHECKING:
    from neurosym.grounding.foreign import Answers

Key = tuple[str, int]
TRIPLE: Key = ("triple", 3)
RDF_TYPE_PREDICATE: Key = (predicate_of_iri(RDF_TYPE), 2)


@dataclass(frozen=True)
class CoreAtom:
    """A predicate on variables (by name), constants (by term id) and, in negated literals, wildcards (None)."""

    key: Key
    args: tuple[str | int | None, ...]

    @cached_property
    def variables(self) -> frozenset[str]:
        """Its variables."""
        return frozenset(a for a in self.args if isinstance(a, str))


@dataclass(frozen=True, slots=True)
class Scan:
    """A positive literal. With `record` false it only restricts bindings and leaves no edge in the graph."""

    atom: CoreAtom
    record: bool = True


@dataclass(frozen=True, slots=True)
class Negated:
    """A negated literal; its wildcards are existential inside the negation."""

    atom: CoreAtom


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison or assignment over expressions; `negated` asks that it does not hold."""

    op: str
    left: Term
    right: Term
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Builtin:
    """A built-in test on terms (`contains`, `matches`, …) or the generator `between`."""

    name: str
    args: tuple[Term, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ForeignCall:
    """A literal that a Python function answers; `negated` asks that it has no such answer.

    Attributes:
        args: expressions; those at `-` positions of a literal that is not negated are variables or constants.
        span: where it is written, for errors.
    """

    foreign: Foreign
    args: tuple[Term, ...]
    span: Span
    negated: bool = False

    @property
    def inputs(self) -> tuple[Term, ...]:
        """The arguments that must be known."""
        return tuple(self.args[k] for k in self.foreign.inputs)


@dataclass(frozen=True, slots=True)
class AggregateStep:
    """`result = function{ template : members }` for each binding of `group`.

    Attributes:
        members: hidden predicate over (group…, template…).
        key: hidden predicate over (group…, result).
        states: hidden predicate of the chain over possible members, (group…, member number, state).
    """

    function: str
    members: Key
    key: Key
    states: Key
    group: tuple[str, ...]
    result: str


CoreLiteral = Scan | Negated | Compare | Builtin | ForeignCall | AggregateStep


@dataclass(frozen=True, slots=True)
class ChoiceSpec:
    """The independent random choice that each grounding of a weighted rule makes.

    Attributes:
        weights: one for each outcome: a number or an expression over the rule's variables; None where learned.
        parameter: index into the program's parameters, or None.
        variables: all variables of the rule, in order of appearance; they tell its groundings apart.
        leaves: one hidden predicate for each outcome.
    """

    weights: tuple[Term | float | None, ...]
    parameter: int | None
    variables: tuple[str, ...]
    leaves: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class CoreRule:
    """A flat rule: for each grounding of the body, each head holds if its outcome (None: always) is chosen.

    Attributes:
        statement: index into the program's rules, -1 for what an `open` declaration stands for; `part`: what of it this
            is (`rule`, `negated group`, …, `open`).
    """

    heads: tuple[tuple[CoreAtom, int | None], ...]
    body: tuple[CoreLiteral, ...]
    statement: int
    part: str = "rule"
    choice: ChoiceSpec | None = None

    @property
    def positive(self) -> list[Key]:
        """Predicates of the body whose facts the graph's edges lead to."""
        scans = [x.atom.key for x in self.body if isinstance(x, Scan) and x.record]
        return scans + [x.key for x in self.body if isinstance(x, AggregateStep)]


@dataclass(frozen=True, slots=True)
class Parameter:
    """Learnable probabilities of one statement.

    Attributes:
        statement: index into the program's rules; `label`: its name or place.
        initial: (K,) probabilities to start from, or None for a random start.
        outcomes: K; `rest`: whether what they leave over is 'none of them'.
    """

    statement: int
    label: str
    initial: tuple[float, ...] | None
    outcomes: int
    rest: bool


@dataclass(frozen=True, slots=True)
class GroundFact:
    """A fact of the rule text: an atom of constants.

    Attributes:
        weight: None if certain, else its probability, or None with a `parameter`.
    """

    key: Key
    args: tuple[int, ...]
    statement: int
    weight: float | None = None
    parameter: int | None = None


@dataclass(frozen=True, slots=True)
class OpenPredicate:
    """A predicate whose absent atoms are unknown.

    Attributes:
        leaf: hidden predicate of the same arity, whose facts are the unknown atoms' leaves.
        classes: for each argument the predicate of its declared RDF class, or None.
    """

    declaration: PredicateDecl
    leaf: Key
    classes: tuple[CoreAtom | None, ...]

    def ranges(self, position: int) -> bool:
        """Whether the argument's declared type says what it ranges over."""
        return self.declaration.args[position].type.enumerates


@dataclass
class CoreProgram:
    """A program in normal form, over the term ids of one symbol table.

    Attributes:
        hidden: hidden predicate → what it stands for, for people.
        parts: hidden predicate → its statement (-1 for an open one), what of it this is, how many such it had before.
        demands: hidden predicate that is evaluated only for the bindings asked about → the one that holds those.
        questions: predicates that hold what is asked about; their rows are no facts.
        open: predicates declared `open`, by the name that holds their facts.
        aliases: RDF predicate → the declared name that maps to it; with `triple_mode` the other way round.
        triple_mode: whether RDF atoms were rewritten to `triple/3`, because the program ranges over predicates.
        foreign: the predicates that Python functions answer; `answers`: what they answered while grounding.
        statements: the program's rules, which `statement` indices refer to; `notation`: how its atoms are spelled.
    """

    rules: list[CoreRule] = field(default_factory=list)
    facts: list[GroundFact] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    hidden: dict[Key, str] = field(default_factory=dict)
    parts: dict[Key, tuple[int, str, int]] = field(default_factory=dict)
    demands: dict[Key, Key] = field(default_factory=dict)
    questions: set[Key] = field(default_factory=set)
    aliases: dict[Key, Key] = field(default_factory=dict)
    neural: dict[Key, NeuralDecl] = field(default_factory=dict)
    foreign: dict[Key, Foreign] = field(default_factory=dict)
    answers: dict[Key, Answers] = field(default_factory=dict)
    open: dict[Key, OpenPredicate] = field(default_factory=dict)
    statements: Sequence[Rule] = ()
    triple_mode: bool = False
    notation: Notation = field(default_factory=Notation)

    def asked(self, key: Key) -> bool:
        """Whether a predicate gets facts when a rule asks about them: networks, unknown atoms, groups with a demand."""
        return key in self.neural or key in self.open or key in self.demands

    def canonical(self, atom: CoreAtom, symbols: SymbolTable) -> CoreAtom:
        """The atom under the predicate that holds its facts: `ex:p(S, O)` and `triple(S, ex:p, O)` are one."""
        key = self.aliases.get(atom.key, atom.key)
        args = list(atom.args)
        if key == TRIPLE and (relation := _iri(args[1], symbols)):
            key, args = (predicate_of_iri(relation), 2), [args[0], args[2]]
        if key == RDF_TYPE_PREDICATE and (relation := _iri(args[1], symbols)):
            key, args = (predicate_of_iri(relation), 1), args[:1]
        key = self.aliases.get(key, key)
        if not self.triple_mode or not key[0].startswith("<") or key[1] not in (1, 2):
            return CoreAtom(key, tuple(args))
        term = symbols.intern(Iri(key[0][1:-1]))
        if key[1] == 1:
            return CoreAtom(TRIPLE, (args[0], symbols.intern(Iri(RDF_TYPE)), term))
        return CoreAtom(TRIPLE, (args[0], term, args[1]))


def _iri(arg: str | int | None, symbols: SymbolTable) -> str | None:
    value = symbols.value(arg) if isinstance(arg, int) else None
    return value.value if isinstance(value, Iri) else None
