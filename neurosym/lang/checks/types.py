"""Types: constants against declarations, comparisons of unlike values, guards of quantified variables."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from neurosym.errors import did_you_mean
from neurosym.lang.ast import (
    Aggregate,
    And,
    Arithmetic,
    Atom,
    Body,
    Comparison,
    Const,
    Constraint,
    Exists,
    ForallIn,
    Formula,
    FormulaJunction,
    FormulaNot,
    Iff,
    Implies,
    Literal,
    Not,
    Or,
    Quantified,
    Term,
    TypeRef,
    Var,
)
from neurosym.lang.builtins import SLOT_TYPES, TEXT_FUNCTIONS
from neurosym.lang.checks.context import Context
from neurosym.lang.checks.safety import spelled
from neurosym.lang.terms import Iri, LangString, Symbol, TermKey, Value, spell, term_key
from neurosym.lang.walk import Key, atom_variables, body_variables, constants, variables

_FAMILY = {"int": "number", "float": "number", "string": "text", "date": "date", "bool": "truth value",
           "symbol": "name", "class": "name"}  # fmt: skip
_ORDERED = ("<", "=<", ">", ">=")


def check_types(context: Context) -> None:
    """NS206, NS207, NS225."""
    listed: dict[tuple[Key, int], frozenset[TermKey]] = {}
    for atom in context.atoms_with(context.signatures.keys()):
        _constants(context, atom, listed)
    for rule in context.program.plain_facts.others:
        _comparisons(context, rule.body, {})
    for constraint in context.program.constraints:
        _guards(context, constraint)


def _constants(context: Context, atom: Atom, listed: dict[tuple[Key, int], frozenset[TermKey]]) -> None:
    """Check the constants of an atom; `listed` remembers what the arguments of predicates enumerate."""
    arguments = context.signatures.get(atom.key)
    if arguments is None:
        return
    for i, const in constants(atom):
        declared = arguments[i].type
        if declared.kind == "enum":
            terms = listed.get((atom.key, i))
            if terms is None:
                terms = listed[atom.key, i] = frozenset(map(term_key, declared.values))
            right = term_key(const.value) in terms
        else:
            right = fits(const.value, declared)
        if not right:
            value = spell(const.value, context.program.prefixes)
            hint = ""
            if declared.kind == "enum":
                words = [spell(v, context.program.prefixes) for v in declared.values]
                hint = did_you_mean(value, words) or f"one of {', '.join(words[:10])}{', …' * (len(words) > 10)}"
            context.error("NS206", f"`{value}` is no {_type_name(context, declared)}", const.span,
                          note=f"argument {i + 1} of `{atom.predicate}` is declared so", help=hint)  # fmt: skip


def _type_name(context: Context, type_: TypeRef) -> str:
    if type_.kind == "class":
        return spell(Iri(type_.iri or ""), context.program.prefixes)
    return {"enum": "value of its enumeration"}.get(type_.kind, type_.kind)


def fits(value: Value, type_: TypeRef) -> bool:
    """Whether a constant may stand where the type is declared. Integers are floats, names are things of any class."""
    match type_.kind:
        case "symbol":
            return isinstance(value, Symbol)
        case "string":
            return isinstance(value, str | LangString)
        case "int":
            return type(value) is int
        case "float":
            return type(value) in (int, float)
        case "bool":
            return isinstance(value, bool)
        case "date":
            return isinstance(value, datetime.date)
        case "class":
            return isinstance(value, Symbol | Iri)
        case "enum":
            return term_key(value) in set(map(term_key, type_.values))
    return type_.kind in SLOT_TYPES or type_.kind == "any"


# ---------------------------------------------------------------------------------------------- comparisons


def value_family(value: Value) -> str | None:
    """`number`, `text`, `date`, `truth value`, `name`, or None where that is open."""
    match value:
        case bool():
            return "truth value"
        case int() | float():
            return "number"
        case str() | LangString():
            return "text"
        case datetime.date():
            return "date"
        case Symbol() | Iri():
            return "name"
    return None


def _type_family(type_: TypeRef) -> str | None:
    if type_.kind == "enum":
        families = {value_family(v) for v in type_.values}
        return families.pop() if len(families) == 1 else None
    return _FAMILY.get(type_.kind)


def _families(context: Context, body: Body) -> dict[str, str]:
    """The families of variables that declared predicates tell, and results of counting."""
    known: dict[str, str] = {}
    match body:
        case And(parts):
            for part in parts:
                known = {**_families(context, part), **known}
        case Or(parts) if parts:  # what all alternatives agree on
            first, *rest = (_families(context, part) for part in parts)
            known = {v: family for v, family in first.items() if all(other.get(v) == family for other in rest)}
        case Literal(atom):
            for argument, arg in zip(context.signatures.get(atom.key, ()), atom.args, strict=False):
                if isinstance(arg, Var) and (family := _type_family(argument.type)):
                    known.setdefault(arg.name, family)
        case Aggregate(function, result=Var(name)) if function in ("count", "sum", "avg"):
            known[name] = "number"
    return known


def _comparisons(context: Context, body: Body, outside: dict[str, str]) -> None:
    """Check the comparisons of a body, given the families of variables that are bound outside it."""
    known = {**_families(context, body), **outside}
    match body:
        case Comparison():
            _compare(context, body, known)
        case And(parts) | Or(parts):
            for part in parts:
                _comparisons(context, part, known)
        case Not(inner) | Exists(inner):
            _comparisons(context, inner, known)
        case Aggregate():  # the template's variables are others than those of the same name outside
            local = {v.name for term in body.template for v in variables(term)}
            _comparisons(context, body.body, {v: f for v, f in known.items() if v not in local})
        case ForallIn(condition, then):
            _comparisons(context, condition, known)
            _comparisons(context, then, {**_families(context, condition), **known})


def _compare(context: Context, comparison: Comparison, known: dict[str, str]) -> None:
    if comparison.op not in _ORDERED:
        return
    left, right = (_term_family(t, known) for t in (comparison.left, comparison.right))
    if left and right and left != right:
        context.error("NS207", f"a {left} is compared with a {right}", comparison.span,
                      note="only numbers with numbers, texts with texts, dates with dates have an order")  # fmt: skip


def _term_family(term: Term, known: dict[str, str]) -> str | None:
    match term:
        case Const(value):
            return value_family(value)
        case Var(name):
            return known.get(name)
        case Arithmetic(op):
            return "text" if op in TEXT_FUNCTIONS else None if op in ("min", "max") else "number"
    return None


# --------------------------------------------------------------------------------------------------- guards


def _guards(context: Context, constraint: Constraint) -> None:
    """NS225: each variable of a formula has a literal that says over what it ranges, or a declared type."""
    formula = constraint.formula
    if formula is None:
        return
    quantifiers = list(_quantified(formula))
    bound = {v.name for q in quantifiers for v in q.variables}
    free = {v.name: v for v in reversed(list(body_variables(formula))) if v.name not in bound}
    for v in free.values():
        _guard(context, v, formula, universal=True)
    for q in quantifiers:
        for v in q.variables:
            _guard(context, v, q.formula, universal=q.quantifier == "forall")


def _guard(context: Context, v: Var, formula: Formula, universal: bool) -> None:
    """A guard of `forall` stands where the formula is denied (left of `implies`), of `exists` where it is claimed."""
    for atom, sign in polar_atoms(formula):
        if all(u.name != v.name for u in atom_variables(atom)):
            continue
        if sign is None or sign != universal:
            return
        for argument, arg in zip(context.signatures.get(atom.key, ()), atom.args, strict=False):
            if (
                isinstance(arg, Var)
                and arg.name == v.name
                and argument.type.kind in ("class", "enum", "bool", "symbol")
            ):
                return
    quantifier = "forall" if universal else "exists"
    example = f"`p({spelled(v)}) implies …`" if universal else f"`p({spelled(v)}) and …`"
    context.error("NS225", f"nothing says over what `{spelled(v)}` ranges", v.span,
                  note=f"a variable of `{quantifier}` has a positive guard or a declared type",
                  help=f"guard it: {example}, or declare the class of an argument that it fills")  # fmt: skip


def polar_atoms(formula: Formula, positive: bool = True) -> Iterator[tuple[Atom, bool | None]]:
    """Each atom with True where the formula claims it, False where it denies it, None where both (`iff`)."""
    match formula:
        case Literal(atom):
            yield atom, positive
        case FormulaNot(inner):
            yield from polar_atoms(inner, not positive)
        case FormulaJunction():
            for part in formula.parts:
                yield from polar_atoms(part, positive)
        case Implies(left, right):
            yield from polar_atoms(left, not positive)
            yield from polar_atoms(right, positive)
        case Iff(left, right):
            for side in (left, right):
                for atom, _ in polar_atoms(side, positive):
                    yield atom, None
        case Quantified():
            yield from polar_atoms(formula.formula, positive)


def _quantified(formula: Formula) -> Iterator[Quantified]:
    match formula:
        case Quantified():
            yield formula
            yield from _quantified(formula.formula)
        case FormulaNot(inner):
            yield from _quantified(inner)
        case FormulaJunction():
            for part in formula.parts:
                yield from _quantified(part)
        case Implies(left, right) | Iff(left, right):
            yield from _quantified(left)
            yield from _quantified(right)
