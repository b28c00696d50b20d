"""The abstract syntax of the rule language: what a rule file says, with the place where it says it.

Spans never take part in equality, so that `parse(print(p)) == p` can be asked. Clauses and rule blocks give the same
`Rule`; a fact is a `Rule` with an empty body.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from neurosym.errors import Diagnostic, Span
from neurosym.lang.foreign import Foreign, ForeignFunction, foreign_by_key
from neurosym.lang.terms import Value, predicate_of_iri

if TYPE_CHECKING:
    from neurosym.lang.notation import Notation
    from neurosym.lang.plain_facts import PlainFacts

NOWHERE = Span("<none>", 1, 1, 1, 1)


def _span() -> Span:
    return field(default=NOWHERE, compare=False, repr=False)  # pyright: ignore[reportReturnType]


# ---------------------------------------------------------------------------------------------------- terms


@dataclass(frozen=True, slots=True)
class Var:
    """A variable. `?p` has the name `p`, `X` the name `X`; each `_` has a name of its own, `_1`, `_2`, …

    Attributes:
        mark: `?` where it was written so, else empty; `_` for an anonymous variable.
    """

    name: str
    mark: str = ""
    span: Span = _span()

    @property
    def anonymous(self) -> bool:
        """Whether it was written `_`."""
        return self.mark == "_"


@dataclass(frozen=True, slots=True)
class Const:
    """A constant. `2`, `2.0` and `true` are different terms: compare through `term_key`, never by `==` alone."""

    value: Value
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """An expression that is evaluated: `X + 1`, `min(A, B)`, `lower(S)`, unary `-` as op `neg` with one argument.

    Attributes:
        op: `+ - * / // mod ** neg min max abs round floor ceil sqrt log exp`, or a text or date function
            (`lower upper concat length days_between year`).
    """

    op: str
    args: tuple[Term, ...]
    span: Span = _span()


Term = Var | Const | Arithmetic


@dataclass(frozen=True, slots=True)
class Atom:
    """A predicate applied to terms. An RDF class or property has its IRI in angle brackets as its name."""

    predicate: str
    args: tuple[Term, ...]
    span: Span = _span()

    @property
    def key(self) -> tuple[str, int]:
        """Name and arity, under which predicates are told apart."""
        return (self.predicate, len(self.args))


# --------------------------------------------------------------------------------------------------- bodies


@dataclass(frozen=True, slots=True)
class Literal:
    """A positive occurrence of an atom in a body. Text tests (`contains`, `matches` …) and `between` are atoms too."""

    atom: Atom
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Comparison:
    r"""`left op right`, with op one of `= != == \== =:= =\= < =< > >= is`.

    The parser maps `\=` to `!=` and `<=` to `=<`.
    """

    op: str
    left: Term
    right: Term
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`result op function{ template : body }`, with function one of `count sum min max avg`.

    Attributes:
        op: a comparison; `=` (also written `is`) binds a variable or compares.
    """

    function: str
    template: tuple[Term, ...]
    body: Body
    op: str
    result: Term
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Exists:
    """`exists{ body }`: variables that occur only inside are local to it."""

    body: Body
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ForallIn:
    """`forall{ condition : then }`: variables that occur only inside are local to it."""

    condition: Body
    then: Body
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Not:
    """Negation as failure, of a literal or of a group."""

    body: Body
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class And:
    """A conjunction; the empty one is true. The parser flattens nested ones."""

    parts: tuple[Body, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Or:
    """A disjunction; the empty one (`fail`) is false."""

    parts: tuple[Body, ...]
    span: Span = _span()


Body = Literal | Comparison | Aggregate | Exists | ForallIn | Not | And | Or
TRUE = And(())


# ----------------------------------------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Weight:
    """The probability of a head.

    Attributes:
        value: a number, an expression over variables that the body binds, or None for `_` (random start).
        learn: `weight W learn`, `t(W)`.
    """

    value: Term | None
    learn: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Alternative:
    """One outcome of a rule's choice: the atoms that hold together, and its weight (None: certain)."""

    atoms: tuple[Atom, ...]
    weight: Weight | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A fact, clause or rule block.

    Attributes:
        heads: one alternative, or several of which at most one holds for each grounding (annotated disjunction). In
            a block `weight W` stands on the only alternative. An exception without `then` has none.
        exception_to: the name of the rule that does not fire where this body holds.
        block: written as a rule block.
    """

    heads: tuple[Alternative, ...]
    body: Body = TRUE
    name: str | None = None
    source: str | None = None
    because: str | None = None
    exception_to: str | None = None
    exception_weight: Weight | None = None
    block: bool = False
    span: Span = _span()

    @property
    def is_fact(self) -> bool:
        """Whether it has no body."""
        return isinstance(self.body, And) and not self.body.parts

    @property
    def label(self) -> str:
        """What reports call it: its name, or the place where it stands."""
        return self.name or f"{self.span.file.rsplit('/', 1)[-1]}:{self.span.line}"


@dataclass(frozen=True, slots=True)
class TypeRef:
    """The type of an argument.

    Attributes:
        kind: `any symbol string int float bool date Image Text Tensor`, or `class`, `enum`.
        iri: of a class; `values`: of an enumeration or a range of integers, in order.
    """

    kind: str
    iri: str | None = None
    values: tuple[Value, ...] = ()
    span: Span = _span()

    @property
    def enumerates(self) -> bool:
        """Whether it says what there is: an enumeration, a range, the truth values, the members of a class."""
        return self.kind in ("enum", "bool", "class")


@dataclass(frozen=True, slots=True)
class Argument:
    """A declared argument; its name is what `label` and `because` templates use."""

    name: str
    type: TypeRef
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class PredicateDecl:
    """`pred name(arg: type, …) from IRI label "…" open .`"""

    name: str
    args: tuple[Argument, ...]
    iri: str | None = None
    label: str | None = None
    open: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class NeuralDecl:
    """`neural name(arg: type, …) by network .`, also DeepProbLog's `nn(network, [X], Y, [0, 1]) :: name(X, Y).`

    Attributes:
        args: all arguments; of a categorical predicate the last one is the value.
        values: what the softmax ranges over, or None for a sigmoid (Bernoulli).
        top: `top K`: only the K best entity pairs are grounded, and reported as a cut.
    """

    name: str
    args: tuple[Argument, ...]
    network: str
    values: tuple[Value, ...] | None = None
    top: int | None = None
    label: str | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Implies:
    """`left implies right`, only in constraints."""

    left: Formula
    right: Formula
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Iff:
    """`left iff right`, only in constraints."""

    left: Formula
    right: Formula
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Quantified:
    """`forall X, Y: F` or `exists X: F`, only in constraints."""

    quantifier: str
    variables: tuple[Var, ...]
    formula: Formula
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FormulaNot:
    """Classical negation, only in constraints."""

    formula: Formula
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FormulaJunction:
    """`and` or `or` in a constraint."""

    op: str
    parts: tuple[Formula, ...]
    span: Span = _span()


Formula = Literal | Comparison | Implies | Iff | Quantified | FormulaNot | FormulaJunction


@dataclass(frozen=True, slots=True)
class Constraint:
    """`constraint NAME weight W : F .`; `forbid [NAME :] BODY .` has its body in `forbids` instead of a formula."""

    name: str | None
    formula: Formula | None
    forbids: Body | None = None
    weight: Weight | None = None
    source: str | None = None
    because: str | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Evidence:
    r"""`evidence(a, true).` or `evidence(\+ a).`"""

    atom: Atom
    positive: bool = True
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Query:
    r"""`query(p(X, bob)).` or `?- p(X, bob).`, also `query(\+ a).` and `?- a, b(X).`

    Attributes:
        atom: what is asked; for a body an atom of a predicate of its own, over the variables that are asked for.
        body: None where an atom is asked. The negation of an atom with variables asks for the complement of each of its
            answers; then `atom` is the one that is negated.
    """

    atom: Atom
    body: Body | None = None
    span: Span = _span()

    @property
    def each(self) -> bool:
        """Whether the complement of each answer of `atom` is asked for."""
        return isinstance(self.body, Not) and self.body.body == Literal(self.atom)

    @property
    def rule(self) -> Rule | None:
        """The rule that derives the answers of a body."""
        if self.body is None:
            return None
        if self.each:
            return None
        return Rule((Alternative((self.atom,)),), self.body, self.atom.predicate, span=self.span)


@dataclass(frozen=True, slots=True)
class Expectation:
    """`expect A` (1), `expect not A` (0), `expect A = 0.3`."""

    atom: Atom
    probability: float
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Test:
    """`test "name" : given FACT, … expect … .`"""

    __test__ = False  # not a test class of pytest's

    name: str
    given: tuple[Rule, ...]
    expectations: tuple[Expectation, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Prefix:
    """`@prefix ex: <http://…> .`"""

    name: str
    iri: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Include:
    """`@include "file.rules" .`, also `consult(file)` in `.pl`. Its statements follow it in the program."""

    path: str
    span: Span = _span()


Statement = Rule | PredicateDecl | NeuralDecl | Constraint | Evidence | Query | Test | Prefix | Include


@dataclass(frozen=True)
class Program:
    """The statements of one or more rule files, in order, includes expanded.

    Made by `neurosym.lang.parse_files` and `parse_text`, which check it; the public constructors are
    `Program.from_file` and `Program.from_text` of `neurosym.lang`.

    Attributes:
        texts: file name → its text, for excerpts and hashes; includes too.
        warnings: what the checker said that is no error.
        foreign: the predicates that Python functions answer; no rule file holds them.
        facts_predicates: (name, arity) of predicates whose facts come from elsewhere; None where nobody said.
        dialect: `pl` where all its files are ProbLog's, else `rules`; answers are spelled accordingly.
        quoted: names that a `.pl` program always writes in quotation marks, though they need none.
    """

    statements: tuple[Statement, ...]
    texts: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    warnings: tuple[Diagnostic, ...] = field(default=(), compare=False, repr=False)
    foreign: tuple[Foreign, ...] = ()
    facts_predicates: frozenset[tuple[str, int]] | None = field(default=None, compare=False, repr=False)
    dialect: str = field(default="rules", compare=False)
    quoted: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    @classmethod
    def from_file(
        cls,
        *paths: str | Path,
        facts_predicates: Iterable[tuple[str, int]] | None = None,
        foreign: Iterable[Foreign] = (),
    ) -> Program:
        """Parse and check the program that the files make together; see `neurosym.lang.parse_files`.

        Raises:
            RuleError: with every diagnostic of the run, if one of them is an error.
        """
        from neurosym.lang import parse_files  # the parser builds on this module

        return parse_files(paths, facts_predicates, foreign)

    @classmethod
    def from_text(
        cls,
        text: str,
        file: str = "<text>",
        dialect: str = "rules",
        base_dir: str | Path | None = None,
        facts_predicates: Iterable[tuple[str, int]] | None = None,
        foreign: Iterable[Foreign] = (),
    ) -> Program:
        """Parse and check a program given as text; see `neurosym.lang.parse_text`.

        Raises:
            RuleError: with every diagnostic of the run, if one of them is an error.
        """
        from neurosym.lang import parse_text  # the parser builds on this module

        return parse_text(text, file, dialect, base_dir, facts_predicates, foreign)

    def register(self, declaration: str, function: ForeignFunction) -> Program:
        """The same program with one more foreign predicate, checked anew; this one is not changed.

        A file that uses a predicate without declaring it is refused when it is read: pass `foreign` there.

        Args:
            declaration: with the mode of each argument, `distance(+A, +B, -D)`; `function`: see `Foreign`.

        Raises:
            RuleError: NS145 the declaration cannot be read; NS232 the predicate has a function or a meaning already;
                and what else the checker finds, now that it knows which arguments must be given.
        """
        from neurosym.lang.checker import recheck  # the checker builds on this module

        return recheck(replace(self, foreign=(*self.foreign, Foreign(declaration, function))))

    def text_of(self, statement: Statement) -> str:
        """The source text of a statement exactly as it stands in its file; empty where it has none."""
        span = statement.span
        lines = self.texts.get(span.file, "").split("\n")[span.line - 1 : span.end_line]
        if not lines:
            return ""
        lines[-1] = lines[-1][: span.end_column - 1]
        lines[0] = lines[0][span.column - 1 :]
        return "\n".join(lines)

    @cached_property
    def _by_kind(self) -> dict[type, list]:
        kinds: dict[type, list] = {}
        for statement in self.statements:
            kinds.setdefault(type(statement), []).append(statement)
        return kinds

    def _of(self, kind: type) -> tuple:
        return tuple(self._by_kind.get(kind, ()))

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Facts, clauses and blocks; last, the rules of queries for bodies."""
        asked = {q.atom.predicate: q.rule for q in self.queries}
        return (*self._of(Rule), *(rule for rule in asked.values() if rule is not None))

    @cached_property
    def plain_facts(self) -> PlainFacts:
        """Which of the rules are plain facts."""
        from neurosym.lang.plain_facts import plain_facts  # it builds on this module

        return plain_facts(self.rules)

    @cached_property
    def declarations(self) -> dict[tuple[str, int], PredicateDecl]:
        """Declared predicates by (name, arity)."""
        return {(d.name, len(d.args)): d for d in self._of(PredicateDecl)}

    @cached_property
    def opened(self) -> dict[tuple[str, int], PredicateDecl]:
        """Predicates declared `open`, by (name, arity); those with `from IRI` under both their names."""
        found: dict[tuple[str, int], PredicateDecl] = {}
        for key, declaration in self.declarations.items():
            if declaration.open:
                found[key] = declaration
                if declaration.iri is not None:
                    found[(predicate_of_iri(declaration.iri), key[1])] = declaration
        return found

    @cached_property
    def neural(self) -> dict[tuple[str, int], NeuralDecl]:
        """Neural predicates by (name, arity)."""
        return {(d.name, len(d.args)): d for d in self._of(NeuralDecl)}

    @cached_property
    def foreign_predicates(self) -> dict[tuple[str, int], Foreign]:
        """Foreign predicates by (name, arity)."""
        return foreign_by_key(self.foreign)

    @cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        """Constraints and prohibitions."""
        return self._of(Constraint)

    @cached_property
    def evidence(self) -> tuple[Evidence, ...]:
        """Evidence directives."""
        return self._of(Evidence)

    @cached_property
    def queries(self) -> tuple[Query, ...]:
        """Query directives."""
        return self._of(Query)

    @cached_property
    def tests(self) -> tuple[Test, ...]:
        """The tests that the files' authors wrote."""
        return self._of(Test)

    @cached_property
    def notation(self) -> Notation:
        """How its answers are spelled."""
        from neurosym.lang.notation import Notation  # it builds on this module

        joint = {q.atom.key: q for q in self.queries if q.rule is not None}
        return Notation(self.dialect, self.quoted, joint)

    @cached_property
    def prefixes(self) -> dict[str, str]:
        """Prefix → IRI, the standard ones included."""
        from neurosym.lang.terms import STANDARD_PREFIXES

        return STANDARD_PREFIXES | {p.name: p.iri for p in self._of(Prefix)}
