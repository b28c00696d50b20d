"""Constraints as losses: against the enumeration of worlds, a slow reference for fuzzy truth, and their gradients."""

from __future__ import annotations

import random
from itertools import product

import pytest
import torch

import neurosym as ns
from neurosym.grounding.formulas import ATOM
from neurosym.reasoner.constraints import KINDS, ConstraintLoss
from neurosym.reasoner.formulas import ground_constraints
from neurosym.semantics.constraints import FUZZY, FuzzyFormulas

PROGRAM = """
    0.3 :: a(x). 0.6 :: a(y). 0.7 :: b(x). 0.2 :: b(y). t(0.9) :: c(x). d(X) :- a(X), b(X). 0.4 :: r; 0.5 :: s.
    constraint c1 : forall X: a(X) implies b(X) .
    constraint c2 weight 2 : a(X) iff c(X) .
    constraint c3 : (exists X: a(X) and not b(X)) or r .
    constraint c4 : not (r and s) and (r or s) .
    forbid f : d(X), c(X) .
"""
CHANCE = {"a(x)": 0.3, "a(y)": 0.6, "b(x)": 0.7, "b(y)": 0.2, "c(x)": 0.9}


def worlds():
    for values in product((False, True), repeat=5):
        w = dict(zip(CHANCE, values, strict=True))
        p = 1.0
        for atom, v in w.items():
            p *= CHANCE[atom] if v else 1 - CHANCE[atom]
        for chosen, q in (("r", 0.4), ("s", 0.5), ("", 0.1)):
            yield {**w, "r": chosen == "r", "s": chosen == "s", "c(y)": False}, p * q


HOLDS = {
    "c1": lambda w: all(not w[f"a({x})"] or w[f"b({x})"] for x in "xy"),
    "c2": lambda w: all(w[f"a({x})"] == w[f"c({x})"] for x in "xy"),
    "c3": lambda w: any(w[f"a({x})"] and not w[f"b({x})"] for x in "xy") or w["r"],
    "c4": lambda w: w["r"] or w["s"],
    "f": lambda w: not any(w[f"a({x})"] and w[f"b({x})"] and w[f"c({x})"] for x in "xy"),
}


def loss(text: str, kind: str, p: float = 2.0, **given: object) -> ConstraintLoss:
    return ns.Reasoner(ns.Program.from_text(text)).constraint_loss(kind, p, **given)  # pyright: ignore


def test_semantic_loss_is_the_exact_probability() -> None:
    found = loss(PROGRAM, "semantic")
    expected = {c: sum(p for w, p in worlds() if holds(w)) for c, holds in HOLDS.items()}
    assert {c: float(v.detach()[0]) for c, v in found.satisfaction.items()} == pytest.approx(expected)
    for c, value in found.losses.items():
        assert float(value.detach()[0]) == pytest.approx(-float(torch.log(found.satisfaction[c].detach())[0]))
    weights = {"c2": 2.0}
    total = sum(weights.get(c, 1.0) * float(v.detach()[0]) for c, v in found.losses.items())
    assert float(found.loss.detach()) == pytest.approx(total)


def test_semantic_loss_under_evidence() -> None:
    found = loss(PROGRAM, "semantic", evidence={"d(x)": True, "r": False}, constraints=["c2", "c3", "f"])
    given = [(w, p) for w, p in worlds() if w["a(x)"] and w["b(x)"] and not w["r"]]
    total = sum(p for _, p in given)
    expected = {c: sum(p for w, p in given if HOLDS[c](w)) / total for c in ("c2", "c3", "f")}
    assert {c: float(v.detach()[0]) for c, v in found.satisfaction.items()} == pytest.approx(expected)


def random_formula(rng: random.Random, depth: int):
    """A formula, and what it says of a world."""
    if depth == 0:
        atom = rng.choice((*CHANCE, "r", "s"))
        return atom, lambda w: w[atom]
    (left, x), (right, y) = (random_formula(rng, depth - 1) for _ in range(2))
    made = {
        "and": lambda w: x(w) and y(w),
        "or": lambda w: x(w) or y(w),
        "implies": lambda w: not x(w) or y(w),
        "iff": lambda w: x(w) == y(w),
    }
    op = rng.choice((*made, "not"))
    return (f"not ({left})", lambda w: not x(w)) if op == "not" else (f"({left}) {op} ({right})", made[op])


@pytest.mark.parametrize("seed", range(40))
def test_semantic_loss_of_random_formulas(seed: int) -> None:
    text, holds = random_formula(random.Random(seed), 3)
    head = PROGRAM.split("constraint")[0]
    found = loss(f"{head} constraint k : {text} .", "semantic").satisfaction["k"]
    assert float(found.detach()[0]) == pytest.approx(sum(p for w, p in worlds() if holds(w)))


def slow(graph, node: int, atoms: dict[int, float], logic: str, p: float) -> float:
    """The definitions of the page, one node at a time."""
    kind, eps = graph.kind[node], 1e-4 if logic == "product" else 0.0
    up, down = (lambda x: (1 - eps) * x + eps), (lambda x: (1 - eps) * x)
    x = [slow(graph, c, atoms, logic, p) for c in graph.children_of(node)]

    def conj(x: list[float]) -> float:
        if logic == "goedel":
            return min(x)
        if logic == "product":
            value = 1.0
            for v in x:
                value *= up(v)
            return value
        return max(0.0, sum(x) - len(x) + 1)

    def disj(x: list[float]) -> float:
        if logic == "goedel":
            return max(x)
        if logic == "product":
            value = 1.0
            for v in x:
                value *= 1 - down(v)
            return 1 - value
        return min(1.0, sum(x))

    def implies(a: float, b: float) -> float:
        if logic == "goedel":
            return max(1 - a, b)
        return 1 - up(a) + up(a) * down(b) if logic == "product" else min(1.0, 1 - a + b)

    if kind <= 1:
        return float(kind)
    if kind == ATOM:
        return atoms[int(graph.atom[node])]
    if kind == 3:
        return 1 - x[0]
    if kind in (4, 5):
        return conj(x) if kind == 4 else disj(x)
    if kind == 6:
        return implies(*x)
    if kind == 7:
        return conj([implies(x[0], x[1]), implies(x[1], x[0])])
    if kind == 8:
        return conj(x) if logic == "hinge" else 1 - (sum((1 - down(v)) ** p for v in x) / len(x)) ** (1 / p)
    return disj(x) if logic == "hinge" else (sum(up(v) ** p for v in x) / len(x)) ** (1 / p)


@pytest.mark.parametrize("logic", FUZZY)
@pytest.mark.parametrize("p", [1.0, 2.0, 5.0])
def test_fuzzy_truth(logic: str, p: float) -> None:
    reasoner = ns.Reasoner(ns.Program.from_text(PROGRAM))
    graph = ground_constraints(reasoner).graph
    rng = random.Random(3)
    atoms = {a: rng.random() for a in range(graph.num_atoms)}
    tags = torch.tensor([[atoms[a]] for a in range(graph.num_atoms)], dtype=torch.float64)
    values = FuzzyFormulas(graph, logic, p)(tags)
    for formula in graph.formulas:
        assert float(values[formula.root, 0]) == pytest.approx(slow(graph, formula.root, atoms, logic, p)), (
            formula.label
        )


def test_hinge_is_the_distance_to_satisfaction() -> None:
    text = "0.9 :: a(x). 0.3 :: b(x). 0.8 :: a(y). 0.7 :: b(y). constraint c weight 3 : a(X) implies b(X) ."
    assert float(loss(text, "hinge", 1).loss) == pytest.approx(3 * (0.6 + 0.1))
    assert float(loss(text, "hinge", 2).loss) == pytest.approx(3 * (0.36 + 0.01))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_right(kind: str) -> None:
    text = "t(0.31) :: a(x). t(0.62) :: a(y). t(0.73) :: b(x). t(0.24) :: b(y). "
    text += "constraint c weight 1.5 : a(X) implies b(X) . constraint e : exists X: a(X) and not b(X) ."
    reasoner = ns.Reasoner(ns.Program.from_text(text))
    logits = [p.detach().clone().requires_grad_() for p in reasoner.weight_logits]

    def run(*values: torch.Tensor) -> torch.Tensor:
        for k, v in enumerate(values):
            reasoner.weight_logits._parameters[str(k)] = v  # pyright: ignore
        return reasoner.constraint_loss(kind).loss

    assert torch.autograd.gradcheck(run, logits)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("a", [0.0, 1.0])
@pytest.mark.parametrize("b", [0.0, 1.0])
def test_gradients_are_finite_at_0_and_1(kind: str, a: float, b: float) -> None:
    text = "t(0.5) :: a(x). t(0.5) :: b(x). constraint c : a(X) implies b(X) . constraint d : a(x) and not b(x) ."
    reasoner = ns.Reasoner(ns.Program.from_text(text))
    with torch.no_grad():
        for k, v in enumerate((a, b)):
            reasoner.weight_logits[k].fill_(800.0 if v else -800.0)
    found = reasoner.constraint_loss(kind)
    found.loss.backward()
    assert torch.isfinite(found.loss)
    assert all(p.grad is None or bool(torch.isfinite(p.grad).all()) for p in reasoner.parameters())


def test_learned_weights_of_constraints() -> None:
    """With -log W beside W times the loss, a weight settles at the reciprocal of the loss."""
    text = "0.8 :: a. constraint c weight 1 learn : not a ."
    reasoner = ns.Reasoner(ns.Program.from_text(text))
    optimizer = torch.optim.Adam(reasoner.constraint_logits.parameters(), lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        found = reasoner.constraint_loss("product")
        found.loss.backward()
        optimizer.step()
    assert float(found.weights["c"].detach()) == pytest.approx(1 / 0.8, rel=1e-3)  # pyright: ignore


def test_atoms_that_rules_derive_have_their_tags() -> None:
    text = "0.5 :: e(a, b). 0.5 :: e(b, c). p(X, Y) :- e(X, Y). p(X, Z) :- p(X, Y), e(Y, Z). constraint c : p(a, c) ."
    assert float(loss(text, "lukasiewicz").satisfaction["c"][0]) == pytest.approx(0.25)
    reasoner = ns.Reasoner(ns.Program.from_text(text), semantics="goedel")
    assert float(reasoner.constraint_loss("lukasiewicz").satisfaction["c"][0]) == pytest.approx(0.5)


def test_what_is_violated() -> None:
    reasoner = ns.Reasoner(ns.Program.from_text(PROGRAM))
    found = reasoner.check_constraints(constraints=["c1", "c2", "f"], least=0.4)
    assert [(v.constraint, v.substitution, round(v.amount, 6)) for v in found] == [
        ("c2", {"X": "x"}, 0.66), ("c2", {"X": "y"}, 0.6), ("c1", {"X": "y"}, 0.48),
    ]  # fmt: skip
    assert found[2].instance == "a(y) implies b(y)" and "c1: a(y) implies b(y)" in str(found[2])
    crisp = ns.Reasoner(ns.Program.from_text('p(a). q(b). forbid none because "p needs q" : p(X), not q(X) .'))
    (violation,) = crisp.check_constraints()
    assert (violation.amount, violation.because) == (1.0, "p needs q")
    assert float(crisp.constraint_loss().satisfaction["none"][0]) == 0


@pytest.mark.parametrize(
    ("text", "kind", "names", "code"),
    [
        ("p(a).", "semantic", None, "NS623"),
        ("p(a). constraint c : p(a) .", "semantic", ["d"], "NS623"),
        ("p(a). constraint c : p(a) .", "fuzzy", None, "NS543"),
        ("pred u(x: symbol) open . p(a). constraint c : p(X) implies u(X) .", "hinge", None, "NS544"),
        ("pred u(x: any) open . p(a). q(X) :- p(X), u(X). constraint c : u(a) .", "semantic", None, "NS544"),
    ],
)  # fmt: skip
def test_refusals(text: str, kind: str, names: list[str] | None, code: str) -> None:
    with pytest.raises(ns.NeurosymError) as caught:
        loss(text, kind, constraints=names)
    assert caught.value.code == code


@pytest.mark.parametrize("semantics", ["count", "sum-product"])
def test_tags_that_are_no_degrees_of_truth_are_refused(semantics: str) -> None:
    text = "0.9 :: a. 0.8 :: b. p :- a. p :- b. constraint c : p implies a ."
    with pytest.raises(ns.NeurosymError) as caught:
        ns.Reasoner(ns.Program.from_text(text), semantics=semantics).constraint_loss("product")
    assert caught.value.code == "NS545"
    assert ns.Reasoner(ns.Program.from_text(text), semantics="product").constraint_loss("product").loss >= 0


# The table of docs/explanation/constraints.md: d loss / d truth of `a` and `b` for `a implies b`, violated, satisfied
# and in between. None: no gradient at all.
POINTS = {"violated": (1.0, 0.0), "nearly satisfied": (0.3, 0.8), "satisfied": (0.0, 1.0)}
GRADIENTS = {
    "semantic": {"violated": "infinite", "nearly satisfied": (0.2128, -0.3191), "satisfied": (0.0, 0.0)},
    "product": {"violated": (1.0, -1.0), "nearly satisfied": (0.2, -0.3), "satisfied": (0.0, 0.0)},
    "lukasiewicz": {"violated": (1.0, -1.0), "nearly satisfied": (0.0, 0.0), "satisfied": (0.0, 0.0)},
    "goedel": {"violated": (0.5, -0.5), "nearly satisfied": (0.0, -1.0), "satisfied": (0.5, -0.5)},
    "hinge": {"violated": (2.0, -2.0), "nearly satisfied": (0.0, 0.0), "satisfied": (0.0, 0.0)},
}


def gradient(kind: str, a: float, b: float) -> tuple[float, float]:
    reasoner = ns.Reasoner(ns.Program.from_text("t(0.5) :: a. t(0.5) :: b. constraint c : a implies b ."))
    tags = torch.tensor([a, b], dtype=torch.float64, requires_grad=True)
    reasoner.weights = lambda k: tags[k : k + 1]  # pyright: ignore[reportAttributeAccessIssue]
    reasoner.constraint_loss(kind).loss.backward()
    assert tags.grad is not None
    return float(tags.grad[0]), float(tags.grad[1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", POINTS)
def test_table_of_gradients(kind: str, point: str) -> None:
    expected = GRADIENTS[kind][point]
    if expected == "infinite":
        near = gradient(kind, 1.0, 1e-6)
        assert near[0] > 1e5 and near[1] < -1e5
        return
    assert gradient(kind, *POINTS[point]) == pytest.approx(expected, abs=2e-3)
