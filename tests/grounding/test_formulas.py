"""Ground formulas against plain Python: the truth of each constraint over all substitutions, in random worlds."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest

from neurosym import Limits, NeurosymError, Program
from neurosym.grounding import ground
from neurosym.grounding.formulas import (
    AND,
    ATOM,
    EXISTS,
    FORALL,
    IFF,
    IMPLIES,
    NOT,
    OR,
    TRUE,
    FormulaGraph,
    ground_formulas,
    scopes_of,
    with_questions,
)
from neurosym.lang import ast
from neurosym.lang.terms import Symbol

NAMES = ("a", "b", "c")


def grounded(text: str, limits: Limits | None = None, apart: bool = False) -> FormulaGraph:
    program = Program.from_text(text)
    scopes = scopes_of(program, frozenset())
    asking, atoms = with_questions(program, scopes)
    graph = ground(asking, queries=atoms, demand=True)
    return ground_formulas(program, graph, scopes, limits, apart)


def shown(graph: FormulaGraph, label: str) -> list[str]:
    formula = next(f for f in graph.formulas if f.label == label)
    return sorted(graph.spell(i) for i in formula.instances.tolist())


def truth(graph: FormulaGraph, holds: dict[str, bool]) -> np.ndarray:
    """(N,) truth values in a world that says of each atom whether it holds."""
    values = np.zeros(graph.num_nodes, bool)
    connect = {NOT: lambda b: ~b[0], IMPLIES: lambda b: ~b[0] | b[1], IFF: lambda b: b[0] == b[1]}
    for node in np.argsort(graph.level, kind="stable").tolist():
        kind, below = int(graph.kind[node]), values[graph.children_of(node)]
        if kind == ATOM:
            values[node] = holds[graph.spell_atom(int(graph.atom[node]))]
        elif kind in (AND, FORALL):
            values[node] = below.all()
        elif kind in (OR, EXISTS):
            values[node] = below.any()
        elif kind in (NOT, IMPLIES, IFF):
            values[node] = connect[kind](below)
        else:
            values[node] = kind == TRUE
    return values


def reference(formula: ast.Formula, where: dict[str, str], holds: dict[str, bool]) -> bool:
    match formula:
        case ast.Literal(atom):
            args = [where[t.name] if isinstance(t, ast.Var) else t.value.name for t in atom.args]  # pyright: ignore
            return holds.get(f"{atom.predicate}({', '.join(args)})", False)
        case ast.Comparison(op, left, right):
            equal = where[left.name] == where[right.name]  # pyright: ignore
            return equal if op == "=" else not equal
        case ast.FormulaNot(inner):
            return not reference(inner, where, holds)
        case ast.FormulaJunction():
            parts = [reference(p, where, holds) for p in formula.parts]
            return all(parts) if formula.op == "and" else any(parts)
        case ast.Implies(left, right):
            return not reference(left, where, holds) or reference(right, where, holds)
        case ast.Iff(left, right):
            return reference(left, where, holds) == reference(right, where, holds)
        case ast.Quantified():
            names = [v.name for v in formula.variables]
            values = [
                reference(formula.formula, where | dict(zip(names, chosen, strict=True)), holds)
                for chosen in product(NAMES, repeat=len(names))
            ]
            return all(values) if formula.quantifier == "forall" else any(values)
    raise AssertionError(formula)


def random_formula(rng: random.Random, depth: int, variables: tuple[str, ...]) -> str:
    if depth == 0 or rng.random() < 0.15:
        kind = rng.randrange(4)
        if kind == 3 and len(variables) > 1:
            return f"{rng.choice(variables)} {rng.choice(('=', '!='))} {rng.choice(variables)}"
        if kind == 2:
            return f"e({rng.choice((*variables, 'a'))}, {rng.choice((*variables, 'b'))})"
        return f"{rng.choice('pq')}({rng.choice((*variables, 'c'))})"
    kind = rng.randrange(6)
    if kind == 5 and len(variables) < 3:
        name = "XYZ"[len(variables)]
        inner = random_formula(rng, depth - 1, (*variables, name))
        guard = rng.choice((f"p({name})", f"e({rng.choice((*variables, 'a'))}, {name})"))
        if rng.random() < 0.5:
            return f"(exists {name}: {guard} and ({inner}))"
        return f"(forall {name}: {guard} implies ({inner}))"
    left, right = (random_formula(rng, depth - 1, variables) for _ in range(2))
    if kind == 0:
        return f"not ({left})"
    return f"({left}) {('and', 'or', 'implies', 'iff', 'and')[kind - 1]} ({right})"


@pytest.mark.parametrize("seed", range(120))
def test_random_formulas_in_random_worlds(seed: int) -> None:
    rng = random.Random(seed)
    atoms = [f"p({x})" for x in NAMES] + [f"q({x})" for x in NAMES] + [f"e({x}, {y})" for x in NAMES for y in NAMES]
    known = [a for a in atoms if rng.random() < 0.7]
    body = random_formula(rng, 3, ("X", "Y"))
    text = "pred p(x: symbol) . pred q(x: symbol) . pred e(x: symbol, y: symbol) . " + "".join(
        f"0.5 :: {a}. " if rng.random() < 0.6 else f"{a}. " for a in known
    )
    text += f"constraint c : forall X, Y: p(X) and p(Y) implies ({body}) . "
    text += f"constraint d : p(a) or not ({random_formula(rng, 2, ())}) ."
    graph = grounded(text, apart=seed % 4 == 0)
    program = Program.from_text(text)
    facts = {graph.graph.atom(f): int(graph.graph.status[f]) for f in range(graph.graph.num_facts)}
    for _ in range(6):
        holds = {a: status == 2 or rng.random() < 0.5 for a, status in facts.items()}
        values = truth(graph, holds)
        for formula, constraint in zip(graph.formulas, program.constraints, strict=True):
            assert constraint.formula is not None
            assert bool(values[formula.root]) == reference(constraint.formula, {}, holds), (constraint, holds)


def test_instances_are_found_by_guards() -> None:
    graph = grounded("""
        smokes(ann). 0.3 :: smokes(bob). friend(ann, bob). friend(bob, eve).
        constraint c : smokes(X) and friend(X, Y) implies smokes(Y) .
        constraint one : forall X, Y: friend(X, Y) and friend(Y, X) implies X = Y .
        constraint some : forall X: smokes(X) implies exists Y: friend(X, Y) .""")
    assert shown(graph, "c") == [
        "(smokes(ann) and friend(ann, bob)) implies smokes(bob)", "not (smokes(bob) and friend(bob, eve))",
    ]  # fmt: skip
    assert shown(graph, "one") == []
    assert shown(graph, "some") == ["smokes(ann) implies friend(ann, bob)", "smokes(bob) implies friend(bob, eve)"]


def test_open_atoms_come_into_being_where_formulas_speak_of_them() -> None:
    graph = grounded("""
        pred rich(x: symbol) open . pred happy(x: symbol) open . works(ann).
        constraint late : forall X: rich(X) implies happy(X) .
        constraint early : forall X: works(X) implies rich(X) .""")
    assert shown(graph, "late") == ["rich(ann) implies happy(ann)"]
    late, early = graph.formulas
    assert not graph.exhaustive[late.root] and graph.exhaustive[early.root]
    assert sorted(graph.spell_atom(i) for i in range(graph.graph.num_facts, graph.num_atoms)) == [
        "happy(ann)",
        "rich(ann)",
    ]


def test_variables_range_over_declared_types() -> None:
    graph = grounded("""
        pred p(x: symbol) . pred grade(x: symbol, n: 0..2) . pred ex(x: {u, v}) .
        p(a). grade(b, 1). ex(u).
        constraint names : forall X: p(X) .
        constraint range : forall N: grade(b, N) .
        constraint enum : forall X: ex(X) .""")
    assert shown(graph, "names") == ["false", "p(a)"]
    assert shown(graph, "range") == ["false", "false", "grade(b, 1)"]
    assert shown(graph, "enum") == ["ex(u)", "false"]


def test_prohibitions() -> None:
    graph = grounded("""
        on(p1, a). 0.5 :: on(p1, b). interacts(a, b). on(p2, c).
        forbid double : on(P, A), on(P, B), interacts(A, B) .
        forbid none : on(P, A), not interacts(A, _) .
        forbid many : patient(P), N = count{ A : on(P, A) }, N > 1 .
        patient(p1).""")
    assert shown(graph, "double") == ["not (on(p1, a) and on(p1, b) and interacts(a, b))"]
    assert "not on(p1, b)" in shown(graph, "none") and "not on(p2, c)" in shown(graph, "none")
    assert shown(graph, "many") == ["not 'what many forbids'(p1, 2)"]


def test_networks_are_asked_what_formulas_speak_of() -> None:
    graph = grounded("""
        neural risky(p: symbol) by net . neural grade(p: symbol, g: {low, high}) by net2 .
        patient(ann). patient(bob).
        constraint c : forall P: patient(P) and risky(P) implies grade(P, high) .""")
    assert shown(graph, "c") == [f"(patient({x}) and risky({x})) implies grade({x}, high)" for x in ("ann", "bob")]


def test_equal_formulas_are_one_node() -> None:
    text = "0.5 :: p(a). 0.5 :: q(a). constraint c : p(a) and q(a) . constraint d : not (q(a) and p(a)) ."
    shared = grounded(text)
    first, second = shared.formulas
    assert shared.children_of(second.root) == [first.root]
    assert [f.label for f in shared.formulas_of(first.root)] == ["c", "d"]
    apart = grounded(text, apart=True)
    assert apart.num_nodes == shared.num_nodes + 1
    assert [c.span.column for c in apart.connectives] == sorted(c.span.column for c in apart.connectives)


def test_values_are_terms() -> None:
    graph = grounded("q(a, 3). 0.5 :: q(b, 4). constraint c : forall X, Y: q(X, Y) implies exists Z: q(Z, Y + 1) .")
    assert shown(graph, "c") == ["not q(b, 4)", "q(a, 3) implies q(b, 4)"] or shown(graph, "c") == [
        "not q(b, 4)",
        "q(b, 4)",
    ]
    assert graph.graph.symbols.find(Symbol("a")) is not None


@pytest.mark.parametrize(
    ("text", "limits", "code"),
    [
        ("p(a). q(a). r(a). constraint k: forall X: (p(X) or q(a)) implies r(X).", None, "NS430"),
        ("p(a). p(b). constraint k: forall X, Y: p(X) and p(Y) implies X = Y.", Limits(facts=1), "NS410"),
        ("0.5 :: p(a). 0.5 :: p(b). constraint k: p(X) implies not (p(Y) and p(a)).", Limits(firings=5), "NS410"),
    ],
)  # fmt: skip
def test_refusals(text: str, limits: Limits | None, code: str) -> None:
    with pytest.raises(NeurosymError) as caught:
        grounded(text, limits)
    assert caught.value.code == code
