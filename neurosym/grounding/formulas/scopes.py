"""Rules for the instances of formulas: each quantifier's variables range over a hidden predicate, its *scope*.

A scope holds the values for which the quantifier's formula can matter, found by joins over its positive literals. The
same rules serve twice: while the program is grounded they make networks answer what formulas ask about, and over the
finished graph they list the instances. There, atoms of open predicates come into being where a formula speaks of them,
so that a scope over those sees what other formulas spoke of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from neurosym.errors import GroundingError
from neurosym.grounding.core import Key
from neurosym.grounding.formulas.sentences import Sentence, free_variables, sentences
from neurosym.grounding.formulas.ways import Way, ways
from neurosym.lang import ast
from neurosym.lang.checks.safety import Binding, spelled
from neurosym.lang.terms import predicate_of_iri
from neurosym.lang.walk import atom_variables, body_atoms, body_variables, built_in

NAMES: Key = ("names", 1)  # of a declared `symbol`: the names that the facts and the formulas have


@dataclass(frozen=True)
class Scope:
    """Where one quantifier's variables range.

    Attributes:
        atom: the hidden predicate over the outer variables that the formula uses, then the quantifier's own.
        own: how many of its arguments are the quantifier's own; `exhaustive`: whether nothing else can matter, because
            no open predicate bounds them.
    """

    atom: ast.Atom
    own: int
    exhaustive: bool


@dataclass
class Scopes:
    """The rules of all sentences' scopes.

    Attributes:
        rules: for the instances; `asking`: for the program that is grounded, so that networks are asked.
        values: facts for arguments whose type enumerates; predicates: all that the formulas speak of.
        of: quantified formula, by its place in the sentence's tree → its scope; the sentence itself has the path ().
    """

    rules: list[ast.Rule] = field(default_factory=list)
    asking: list[ast.Rule] = field(default_factory=list)
    values: dict[ast.Atom, ast.Rule] = field(default_factory=dict)
    predicates: dict[Key, None] = field(default_factory=dict)
    of: list[dict[tuple[int, ...], Scope]] = field(default_factory=list)
    sentences: tuple[Sentence, ...] = ()
    open: frozenset[Key] = frozenset()


def open_predicates(program: ast.Program, given: Mapping[Key, object] | frozenset[Key]) -> frozenset[Key]:
    """Predicates whose absent atoms are unknown in formulas.

    Those declared `open`, and those of which nobody says anything: no rule, no fact, no declaration.

    Args:
        given: predicates that have facts in the data.
    """
    heads = {a.key for r in program.rules for h in r.heads for a in h.atoms}
    told = heads | set(program.declarations) | set(program.neural) | set(built_in(program)) | set(given)
    told |= {(predicate_of_iri(d.iri), key[1]) for key, d in program.declarations.items() if d.iri is not None}
    spoken = {a.key for s in sentences(program) for a, _ in body_atoms(s.formula) if s.helper is None}
    return frozenset(program.opened) | frozenset(spoken - told - {("triple", 3)})


def scopes_of(program: ast.Program, given: Mapping[Key, object] | frozenset[Key]) -> Scopes:
    """The scopes of all constraints of a program.

    Raises:
        GroundingError: NS430, a variable has neither a positive guard nor a declared type that says what there is.
    """
    found = Scopes(sentences=sentences(program), open=open_predicates(program, given))
    known = _Known(program)
    for number, sentence in enumerate(found.sentences):
        _Maker(known, found, number, sentence).run()
    return found


class _Known:
    """What all sentences ask about the program."""

    def __init__(self, program: ast.Program) -> None:
        self.neural = program.neural
        self.binding = Binding(replace_open(program))
        self.foreign = program.foreign_predicates
        self.tests = built_in(program)
        self.signatures = {k: d.args for k, d in (*program.declarations.items(), *program.neural.items())}


class _Maker:
    def __init__(self, known: _Known, scopes: Scopes, number: int, sentence: Sentence) -> None:
        self.scopes, self.sentence, self.number = scopes, sentence, number
        self.binding, self.foreign, self.tests = known.binding, known.foreign, known.tests
        self.asked, self.signatures = known.neural, known.signatures
        self.mine: dict[tuple[int, ...], Scope] = {}
        scopes.of.append(self.mine)
        self.neural = any(a.key in known.neural for a, _ in body_atoms(sentence.formula))

    def run(self) -> None:
        if self.sentence.helper is not None:
            self.scopes.asking.append(self.sentence.helper)
        for atom, _ in body_atoms(self.sentence.formula):
            if atom.key not in self.tests:
                self.scopes.predicates.setdefault(atom.key)
        variables = self.sentence.variables
        top = self._scope((), variables, (), self.sentence.formula, True, None)
        self._inside((), self.sentence.formula, variables, top)

    def _inside(
        self, path: tuple[int, ...], formula: ast.Formula, visible: Sequence[ast.Var], scope: Scope
    ) -> None:  # fmt: skip
        """The scopes of quantifiers inside, and the atoms that stand in this one."""
        for atom in _direct_atoms(formula):
            self._atom(atom, scope)
        for at, inner in quantifiers(formula):
            free = {v.name for v in free_variables(inner)}
            outer = tuple(v for v in visible if v.name in free)
            made = self._scope((*path, *at), inner.variables, outer, inner.formula, inner.quantifier == "forall", scope)
            names = {v.name for v in inner.variables}
            shown = [*(v for v in visible if v.name not in names), *inner.variables]
            self._inside((*path, *at), inner.formula, shown, made)

    def _scope(
        self, path: tuple[int, ...], own: Sequence[ast.Var], outer: tuple[ast.Var, ...], formula: ast.Formula,
        universal: bool, parent: Scope | None,
    ) -> Scope:  # fmt: skip
        name = f"instances of {self.sentence.label}" + (f" #{len(self.mine)}" if path else "")
        atom = ast.Atom(f"{name} ({self.number})", (*outer, *own), formula.span)
        above = () if parent is None or not outer else (ast.Literal(parent.atom, formula.span),)
        scope = Scope(atom, len(own), True)
        found = ways(formula, not universal, self.foreign) or [(ast.Or(()),)]
        if not own:
            found = [()]
        for way in found:
            literals = self._typed((*above, *self._wanted(way, own, outer)), own, formula, universal)
            if any(isinstance(x, ast.Literal) and x.atom.key in self.scopes.open for x in literals):
                scope = replace(scope, exhaustive=False)
            self._rule(self.scopes.rules, atom, literals)
            if self.neural:
                known = tuple(
                    x for x in literals if not (isinstance(x, ast.Literal) and x.atom.key in self.scopes.open)
                )
                self._rule(self.scopes.asking, atom, known)
        self.mine[path] = scope
        return scope

    def _wanted(self, way: Way, own: Sequence[ast.Var], outer: Sequence[ast.Var]) -> Way:
        """The literals of a way that can be evaluated: tests on variables that nothing binds say nothing here."""
        bound = self.binding.closure(ast.And(way), frozenset(v.name for v in (*own, *outer)))
        return tuple(
            x for x in way
            if not isinstance(x, ast.Not | ast.Comparison) or all(v.name in bound for v in body_variables(x))
        )  # fmt: skip

    def _typed(self, literals: Way, own: Sequence[ast.Var], formula: ast.Formula, universal: bool) -> Way:
        """The literals with one for each variable that they do not bind, from its declared type.

        An open literal restricts nothing, since atoms that nobody spoke of may hold, too. It is a guard only where
        nothing else says over what a variable ranges.
        """
        closed = tuple(x for x in literals if not (isinstance(x, ast.Literal) and x.atom.key in self.scopes.open))
        for chosen, enumerated in ((closed, True), (literals, False)):
            bound = self.binding.closure(ast.And(chosen), frozenset())
            extra: list[ast.Body] = []
            for v in own:
                if v.name not in bound and (domain := self._domain(v, formula, enumerated)) is not None:
                    extra.append(domain)
                    bound = self.binding.closure(ast.And((*chosen, *extra)), frozenset())
            unbound = [v for v in own if v.name not in bound]
            if not unbound:
                return (*chosen, *extra)
        v = unbound[0]  # pyright: ignore[reportPossiblyUnboundVariable]
        word = "forall" if universal else "exists"
        raise GroundingError(
            f"nothing says over what `{spelled(v)}` ranges in the constraint {self.sentence.label} ({v.span})",
            code="NS430", note=f"a variable of `{word}` has a positive guard in every alternative, or a declared type",
            help=f"guard it: `p({spelled(v)}) {'implies' if universal else 'and'} …`, or declare the type of an "
            "argument that it fills: a class, an enumeration, a range or `symbol`",
        )  # fmt: skip

    def _domain(self, v: ast.Var, formula: ast.Formula, enumerated: bool) -> ast.Body | None:
        """A literal for the declared type of a variable, None if that says nothing.

        Args:
            enumerated: only of a type that enumerates; else the known names are enough.
        """
        symbol = False
        for atom, _ in body_atoms(formula):
            for argument, arg in zip(self.signatures.get(atom.key, ()), atom.args, strict=False):
                if not isinstance(arg, ast.Var) or arg.name != v.name:
                    continue
                if argument.type.kind == "class":
                    key = predicate_of_iri(argument.type.iri or "")
                    self.scopes.predicates.setdefault((key, 1))
                    return ast.Literal(ast.Atom(key, (v,), v.span), v.span)
                if argument.type.kind in ("enum", "bool"):
                    return self._enumerated(v, argument)
                symbol |= argument.type.kind == "symbol"
        if symbol and not enumerated:
            return ast.Literal(ast.Atom(NAMES[0], (v,), v.span), v.span)
        return None

    def _enumerated(self, v: ast.Var, argument: ast.Argument) -> ast.Body:
        values = (False, True) if argument.type.kind == "bool" else argument.type.values
        name = (
            "values of {" + ", ".join(map(str, values[:4])) + (", …" if len(values) > 4 else "") + f"}} {len(values)}"
        )
        for value in values:
            atom = ast.Atom(name, (ast.Const(value, argument.span),), argument.span)
            self.scopes.values.setdefault(atom, ast.Rule((ast.Alternative((atom,)),), span=argument.span))
        return ast.Literal(ast.Atom(name, (v,), v.span), v.span)

    def _atom(self, atom: ast.Atom, scope: Scope) -> None:
        """Let an atom come into being where its predicate is open; ask its network."""
        above = ast.Literal(scope.atom, atom.span)
        if atom.key in self.scopes.open:
            self._rule(self.scopes.rules, atom, (above,))
        elif atom.key in self.asked:
            names = dict.fromkeys(v.name for v in atom_variables(atom))
            asked = ast.Atom(f"asked by {self.sentence.label} #{len(self.scopes.asking)} ({self.number})",
                             tuple(map(ast.Var, names)), atom.span)  # fmt: skip
            self._rule(self.scopes.asking, asked, (above, ast.Literal(atom, atom.span)))

    def _rule(self, rules: list[ast.Rule], head: ast.Atom, body: Way) -> None:
        constraint = self.sentence.constraint
        rules.append(
            ast.Rule(
                (ast.Alternative((head,)),),
                ast.And(body),
                name=f"constraint {self.sentence.label}",
                span=constraint.span,
            )
        )


def replace_open(program: ast.Program) -> ast.Program:
    """The program without `open`: in a formula, an open atom that is there binds its variables like any other."""
    statements = tuple(
        replace(s, open=False) if isinstance(s, ast.PredicateDecl) and s.open else s for s in program.statements
    )
    return replace(program, statements=statements)


def quantifiers(formula: ast.Formula) -> Iterator[tuple[tuple[int, ...], ast.Quantified]]:
    """The outermost quantified formulas inside, with their paths: the numbers of the parts that lead to them."""
    match formula:
        case ast.Quantified():
            yield (0,), formula
        case ast.FormulaNot(inner):
            yield from (((0, *p), q) for p, q in quantifiers(inner))
        case ast.FormulaJunction():
            for k, part in enumerate(formula.parts):
                yield from (((k, *p), q) for p, q in quantifiers(part))
        case ast.Implies(left, right) | ast.Iff(left, right):
            for k, part in enumerate((left, right)):
                yield from (((k, *p), q) for p, q in quantifiers(part))


def _direct_atoms(formula: ast.Formula) -> Iterator[ast.Atom]:
    """Atoms that stand under no quantifier inside, tests left out."""
    match formula:
        case ast.Literal(atom):
            yield atom
        case ast.FormulaNot(inner):
            yield from _direct_atoms(inner)
        case ast.FormulaJunction():
            for part in formula.parts:
                yield from _direct_atoms(part)
        case ast.Implies(left, right) | ast.Iff(left, right):
            yield from _direct_atoms(left)
            yield from _direct_atoms(right)


def with_questions(program: ast.Program, scopes: Scopes) -> tuple[ast.Program, tuple[ast.Atom, ...]]:
    """The program that asks networks about what formulas speak of, and the atoms that must be asked for."""
    rules = (*scopes.values.values(), *scopes.asking)
    # not the open ones, whose facts are there anyway: asked for with variables, they would range over all their types
    keys: dict[Key, None] = dict.fromkeys(k for k in scopes.predicates if k not in scopes.open)
    keys |= dict.fromkeys(a.key for r in rules for h in r.heads for a in h.atoms)
    free = tuple(ast.Atom(n, tuple(ast.Var(f"_{k}", "_") for k in range(a))) for n, a in keys)
    return replace(program, statements=(*program.statements, *rules)), free
