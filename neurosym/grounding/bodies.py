"""What normalising asks about terms and bodies: their variables, which of them a body binds, and its alternatives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any

from neurosym.grounding.core import (
    AggregateStep,
    Builtin,
    Compare,
    CoreAtom,
    CoreLiteral,
    CoreProgram,
    ForeignCall,
    Negated,
    Scan,
)
from neurosym.lang import ast

BUILTINS = {("contains", 2), ("starts_with", 2), ("ends_with", 2), ("matches", 2), ("between", 3)}
SLOT_TYPES = ("Image", "Text", "Tensor")


def variables_of(node: object) -> set[str]:
    """Variables of a term or body, those local to `exists` and negation included, those of templates left out."""
    children: tuple = ()
    match node:
        case ast.Var(name):
            return {name}
        case ast.Aggregate(body=body, result=result):
            return variables_of(result) | (variables_of(body) - template_variables(node))
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


def template_variables(node: ast.Aggregate) -> set[str]:
    """Variables of an aggregate's template, which are local to its braces."""
    return set().union(*map(variables_of, node.template)) if node.template else set()


def choice_variables(body: ast.Body) -> set[str]:
    """Variables that tell groundings apart: not those local to negation, aggregates or quantifiers."""
    match body:
        case ast.And(parts=parts) | ast.Or(parts=parts):
            return set().union(*map(choice_variables, parts)) if parts else set()
        case ast.Not() | ast.Exists() | ast.ForallIn():
            return set()
        case ast.Aggregate():
            return variables_of(body.result)
    return variables_of(body)


def branches(body: ast.Body) -> Iterator[tuple[ast.Body, ...]]:
    """Disjunctive form: every way to choose one part of each disjunction."""
    if isinstance(body, ast.Or):
        for part in body.parts:
            yield from branches(part)
    elif isinstance(body, ast.And):
        for combination in product(*(list(branches(p)) for p in body.parts)):
            yield tuple(x for parts in combination for x in parts)
    else:
        yield (body,)


def count_branches(body: ast.Body) -> int:
    """How many `branches` there are, without making them."""
    if isinstance(body, ast.Or):
        return sum(map(count_branches, body.parts))
    count = 1
    if isinstance(body, ast.And):
        for part in body.parts:
            count *= count_branches(part)
    return count


def is_builtin(part: ast.Body, core: CoreProgram) -> bool:
    """Whether the part is a text test, `between`, or answered by a Python function."""
    return isinstance(part, ast.Literal) and (part.atom.key in BUILTINS or part.atom.key in core.foreign)


def is_plain(atom: ast.Atom, others: set[str]) -> bool:
    """Whether a negated atom needs no hidden predicate: no arithmetic, no local variable twice."""
    local = [t.name for t in atom.args if isinstance(t, ast.Var) and t.name not in others]
    return len(local) == len(set(local)) and not any(isinstance(t, ast.Arithmetic) for t in atom.args)


def renamed(node: Any, names: dict[str, str]) -> Any:
    """A term or body with some of its variables renamed."""

    def again(x: Any) -> Any:
        return renamed(x, names)

    def each(xs: tuple) -> tuple:
        return tuple(map(again, xs))

    new = node
    match node:
        case ast.Var(name) if name in names:
            new = ast.Var(names[name], node.mark, node.span)
        case ast.Arithmetic(op, args):
            new = ast.Arithmetic(op, each(args), node.span)
        case ast.Atom(predicate, args):
            new = ast.Atom(predicate, each(args), node.span)
        case ast.Literal(atom):
            new = ast.Literal(again(atom), node.span)
        case ast.Comparison(op, left, right):
            new = ast.Comparison(op, again(left), again(right), node.span)
        case ast.Not(body) | ast.Exists(body):
            new = type(node)(again(body), node.span)
        case ast.ForallIn(condition, then):
            new = ast.ForallIn(again(condition), again(then), node.span)
        case ast.And(parts) | ast.Or(parts):
            new = type(node)(each(parts), node.span)
        case ast.Aggregate(function, template, body, op, result):
            # an inner template hides the outer variable of the same name
            inner = {k: v for k, v in names.items() if k not in template_variables(node)}
            new = ast.Aggregate(
                function,
                template,
                renamed(body, inner),
                op,
                again(result),
                node.span,
            )
    return new


def entity_inputs(atom: CoreAtom, core: CoreProgram) -> set[str]:
    """Variables of an atom that other literals must bind.

    Of a neural atom its entities, not its slots and not its value; of an open one those whose type does not enumerate.
    """
    if not core.open and not core.neural:
        return set()
    if (opened := core.open.get(atom.key)) is not None:
        return {a for k, a in enumerate(atom.args) if isinstance(a, str) and not opened.ranges(k)}
    declaration = core.neural.get(atom.key)
    if declaration is None:
        return set()
    inputs = declaration.args if declaration.values is None else declaration.args[:-1]
    pairs = zip(atom.args, inputs, strict=False)
    return {a for a, i in pairs if isinstance(a, str) and i.type.kind not in SLOT_TYPES}


def slot_inputs(atom: CoreAtom, core: CoreProgram) -> set[str]:
    """Variables of a neural atom that stand for the sample's inputs."""
    declaration = core.neural.get(atom.key)
    pairs = zip(atom.args, declaration.args, strict=False) if declaration is not None else ()
    return {a for a, i in pairs if isinstance(a, str) and i.type.kind in SLOT_TYPES}


def bound_by(literals: Sequence[CoreLiteral], core: CoreProgram, given: Iterable[str] = ()) -> set[str]:
    """Variables that a flat body binds, in whatever order its literals are evaluated; the given ones are bound."""
    bound: set[str] = set(given)
    for literal in literals:
        if isinstance(literal, Scan) and literal.atom.key not in core.demands:
            bound |= literal.atom.variables - entity_inputs(literal.atom, core)
    while True:
        before = len(bound)
        for literal in literals:
            match literal:
                case Compare("=" | "is", left, right, False):
                    for target, value in ((left, right), (right, left)):
                        if isinstance(target, ast.Var) and variables_of(value) <= bound:
                            bound.add(target.name)
                case Builtin("between", (low, high, ast.Var(target)), False):
                    if variables_of(low) | variables_of(high) <= bound:
                        bound.add(target)
                case ForeignCall(_, args, _, False) if set().union(*map(variables_of, literal.inputs)) <= bound:
                    bound |= {
                        a.name for k, a in enumerate(args) if isinstance(a, ast.Var) and k in literal.foreign.outputs
                    }
                case AggregateStep() if set(literal.group) <= bound:
                    bound.add(literal.result)
        if len(bound) == before:
            return bound


def needed_by(literals: Sequence[CoreLiteral], core: CoreProgram) -> set[str]:
    """Variables that must be bound for the literals to be evaluated."""
    needed: set[str] = set()
    for literal in literals:
        match literal:
            case Scan(atom):
                needed |= entity_inputs(atom, core)
                if atom.key in core.demands:
                    needed |= atom.variables
            case Negated(atom):
                needed |= atom.variables
            case Compare(_, left, right):
                needed |= variables_of(left) | variables_of(right)
            case Builtin(_, args) | ForeignCall(_, args):
                needed = needed.union(*map(variables_of, args))
            case AggregateStep():
                needed |= set(literal.group)
    return needed


def supply(missing: set[str], around: Sequence[CoreLiteral], core: CoreProgram) -> tuple[CoreLiteral, ...]:
    """Some of the surrounding literals that bind what a group does not bind itself: few scans if they suffice."""
    scans = [x for x in around if isinstance(x, Scan)]
    chosen: list[CoreLiteral] = []
    left = set(missing)
    while left and scans:
        best = max(scans, key=lambda s: len(left & s.atom.variables))
        if not left & best.atom.variables:
            break
        chosen.append(best)
        left -= best.atom.variables
    return tuple(chosen) if missing <= bound_by(chosen, core) else tuple(around)
