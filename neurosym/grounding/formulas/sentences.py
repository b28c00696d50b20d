"""Constraints as closed sentences: prohibitions become formulas, leading quantifiers and free variables one list."""

from __future__ import annotations

from dataclasses import dataclass

from neurosym.lang import ast
from neurosym.lang.checks.safety import Binding, outer_variables
from neurosym.lang.walk import body_variables


@dataclass(frozen=True)
class Sentence:
    """A constraint as a formula, each of whose universal instances is to hold.

    Attributes:
        variables: those of the leading `forall`s, and the free ones.
        helper: for a prohibition with an aggregate, a rule that derives what is forbidden.
    """

    constraint: ast.Constraint
    variables: tuple[ast.Var, ...]
    formula: ast.Formula
    helper: ast.Rule | None = None

    @property
    def label(self) -> str:
        """What reports call it: its name, or the place where it stands."""
        return label_of(self.constraint)


def label_of(constraint: ast.Constraint) -> str:
    """The name of a constraint, or the place where it stands."""
    return constraint.name or f"{constraint.span.file.rsplit('/', 1)[-1]}:{constraint.span.line}"


def sentences(program: ast.Program) -> tuple[Sentence, ...]:
    """The constraints and prohibitions of a program, in order."""
    return tuple(_sentence(c, program) for c in program.constraints)


def _sentence(constraint: ast.Constraint, program: ast.Program) -> Sentence:
    helper = None
    if constraint.formula is not None:
        formula = constraint.formula
    else:
        assert constraint.forbids is not None
        if _has_aggregate(constraint.forbids):
            helper = _helper(constraint, constraint.forbids, program)
            body: ast.Formula = ast.Literal(helper.heads[0].atoms[0], constraint.span)
        else:
            body = _formula(constraint.forbids, frozenset())
        formula = ast.FormulaNot(body, constraint.span)
    variables = list(free_variables(formula))
    while isinstance(formula, ast.Quantified) and formula.quantifier == "forall":
        names = {v.name for v in variables}
        if names & {v.name for v in formula.variables}:
            break  # one hides the other
        variables += formula.variables
        formula = formula.formula
    return Sentence(constraint, tuple(variables), formula, helper)


def free_variables(formula: ast.Formula) -> tuple[ast.Var, ...]:
    """The variables of a formula that no quantifier inside it binds, each once, in order."""
    found: dict[str, ast.Var] = {}

    def walk(node: ast.Formula, bound: frozenset[str]) -> None:
        match node:
            case ast.Quantified():
                walk(node.formula, bound | {v.name for v in node.variables})
            case ast.FormulaNot(inner):
                walk(inner, bound)
            case ast.FormulaJunction():
                for part in node.parts:
                    walk(part, bound)
            case ast.Implies(left, right) | ast.Iff(left, right):
                walk(left, bound)
                walk(right, bound)
            case _:
                for v in body_variables(node):
                    if v.name not in bound:
                        found.setdefault(v.name, v)

    walk(formula, frozenset())
    return tuple(found.values())


# ---------------------------------------------------------------------------------------------- prohibitions


def _has_aggregate(body: ast.Body) -> bool:
    match body:
        case ast.Aggregate():
            return True
        case ast.And(parts) | ast.Or(parts):
            return any(map(_has_aggregate, parts))
        case ast.Not(inner) | ast.Exists(inner):
            return _has_aggregate(inner)
        case ast.ForallIn(condition, then):
            return _has_aggregate(condition) or _has_aggregate(then)
    return False


def _helper(constraint: ast.Constraint, body: ast.Body, program: ast.Program) -> ast.Rule:
    """A rule for what is forbidden: a formula has no aggregates, a body has."""
    bound = Binding(program).closure(body, frozenset())
    shown = {v.name: v for v in outer_variables(body) if v.name in bound and not v.anonymous}
    atom = ast.Atom(f"what {label_of(constraint)} forbids", tuple(shown.values()), constraint.span)
    return ast.Rule((ast.Alternative((atom,)),), body, name=label_of(constraint), span=constraint.span)


def _formula(body: ast.Body, outside: frozenset[str]) -> ast.Formula:
    """A body as a formula: what occurs only inside a negation or a brace is existential there.

    Args:
        outside: variables that occur outside the body.
    """
    match body:
        case ast.And(parts) | ast.Or(parts):
            own = [frozenset(v.name for v in body_variables(p)) for p in parts]
            made = []
            for k, part in enumerate(parts):
                others = outside.union(*(o for j, o in enumerate(own) if j != k))
                made.append(_formula(part, others))
            return ast.FormulaJunction("and" if isinstance(body, ast.And) else "or", tuple(made), body.span)
        case ast.Not(inner):
            return ast.FormulaNot(_exists(inner, outside, body.span), body.span)
        case ast.Exists(inner):
            return _exists(inner, outside, body.span)
        case ast.ForallIn(condition, then):
            names = frozenset(v.name for v in body_variables(condition)) | {v.name for v in body_variables(then)}
            implies = ast.Implies(
                _formula(condition, outside | names), _formula(then, outside | names), body.span
            )  # fmt: skip
            return _quantified("forall", ast.And((condition, then)), implies, outside, body.span)
        case ast.Literal() | ast.Comparison():
            return body
    raise AssertionError(body)


def _exists(inner: ast.Body, outside: frozenset[str], span: ast.Span) -> ast.Formula:
    return _quantified("exists", inner, _formula(inner, outside), outside, span)


def _quantified(
    quantifier: str, body: ast.Body, formula: ast.Formula, outside: frozenset[str], span: ast.Span
) -> ast.Formula:
    free = {v.name for v in free_variables(formula)}
    local = {v.name: v for v in body_variables(body) if v.name not in outside and v.name in free}
    return ast.Quantified(quantifier, tuple(local.values()), formula, span) if local else formula
