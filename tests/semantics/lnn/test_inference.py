"""Bounds: the truth tables and contradictions of the LNN paper, soundness against classical models, gradients."""

from __future__ import annotations

import random
import time
from itertools import product

import pytest
import torch

import neurosym as ns
from neurosym.semantics.lnn import LogicBounds

UNKNOWN = "".join(f"pred {p} open . " for p in ("a", "b", "c", "d", "e"))
T, F, U = (1.0, 1.0), (0.0, 0.0), (0.0, 1.0)


def truth(value: tuple[float, float], atom: str) -> str:
    """A program in which an atom has bounds."""
    lower, upper = value
    text = f"constraint low_{atom} weight {lower} : {atom} . " if lower > 0 else ""
    return text + (f"constraint high_{atom} weight {1 - upper} : not {atom} . " if upper < 1 else "")


def bounds(text: str, *atoms: str, semantics: object = "bounds") -> list[tuple[float, float]]:
    answers = ns.Reasoner(ns.Program.from_text(text), semantics=semantics).query(*atoms)  # pyright: ignore
    found = zip(answers.atoms, answers.lower[0].tolist(), answers.upper[0].tolist(), strict=True)
    table = {atom: (low, high) for atom, low, high in found}
    return [table[a] for a in atoms]


def formula_bounds(text: str, label: str) -> tuple[float, float]:
    answers = ns.Reasoner(ns.Program.from_text(text), semantics="bounds").query("a")
    assert answers.logic is not None
    lower, upper = answers.logic.of_formula(label)
    return float(lower[0]), float(upper[0])


# upward: the three-valued tables of the connectives, and numbers between. A formula of weight 0 asserts nothing.
UPWARD = {
    "not a": {(T,): F, (F,): T, (U,): U, ((0.3, 0.6),): (0.4, 0.7)},
    "a and b": {
        (T, T): T, (T, F): F, (F, F): F, (T, U): U, (F, U): F, (U, U): U,
        ((0.8, 0.9), (0.7, 1.0)): (0.5, 0.9), ((0.4, 0.5), (0.3, 0.4)): (0.0, 0.0),
    },
    "a or b": {
        (T, F): T, (F, F): F, (T, U): T, (F, U): U, (U, U): U,
        ((0.2, 0.3), (0.1, 0.4)): (0.3, 0.7), ((0.8, 0.9), (0.7, 1.0)): T,
    },
    "a implies b": {
        (T, T): T, (T, F): F, (F, T): T, (F, F): T, (T, U): U, (F, U): T, (U, T): T, (U, F): U,
        ((0.8, 0.9), (0.2, 0.3)): (0.3, 0.5), ((0.1, 0.2), (0.3, 0.5)): T,
    },
    "a iff b": {
        (T, T): T, (T, F): F, (F, F): T, (U, T): U, ((0.8, 0.9), (0.2, 0.3)): (0.3, 0.5),
        ((0.3, 0.7), (0.3, 0.7)): (0.6, 1.0),
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("formula", "given", "expected"), [(f, g, x) for f, rows in UPWARD.items() for g, x in rows.items()]
)
def test_upward(formula: str, given: tuple, expected: tuple[float, float]) -> None:
    text = UNKNOWN + "".join(truth(v, a) for v, a in zip(given, "ab", strict=False))
    assert formula_bounds(f"{text} constraint f weight 0 : {formula} .", "f") == pytest.approx(expected)


# downward: the formula's least truth and what is known of a, then the bounds of a and b
DOWNWARD = [
    ("a implies b", 1.0, T, U, (T, T)),  # modus ponens
    ("a implies b", 1.0, U, F, (F, F)),  # modus tollens
    ("a implies b", 0.9, (0.8, 1.0), U, ((0.8, 1.0), (0.7, 1.0))),
    ("a or b", 1.0, F, U, (F, T)),  # disjunctive syllogism
    ("a or b", 1.0, (0.1, 0.3), U, ((0.1, 0.3), (0.7, 1.0))),
    ("not (a and b)", 1.0, T, U, (T, F)),  # conjunctive syllogism
    ("a and b", 1.0, U, U, (T, T)),  # and elimination
    ("a and b", 0.7, U, U, ((0.7, 1.0), (0.7, 1.0))),
    ("not a", 1.0, U, U, (F, U)),
    ("a iff b", 1.0, (0.2, 0.4), U, ((0.2, 0.4), (0.2, 0.4))),
    ("a iff b", 0.9, (0.2, 0.4), U, ((0.2, 0.4), (0.1, 0.5))),
    ("not (a iff b)", 1.0, (0.8, 1.0), U, ((0.8, 1.0), (0.0, 0.2))),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "weight", "a", "b", "expected"), DOWNWARD)
def test_downward(formula: str, weight: float, a: tuple, b: tuple, expected: tuple) -> None:
    text = UNKNOWN + truth(a, "a") + truth(b, "b")
    found = bounds(f"{text} constraint f weight {weight} : {formula} .", "a", "b")
    if formula == "not (a iff b)":  # |a - b| >= 1
        expected = (T, F)
    assert found[0] == pytest.approx(expected[0], abs=1e-6) and found[1] == pytest.approx(expected[1], abs=1e-6)


QUANTIFIERS = """
    pred p(x: {u, v, w}) open . pred q open . pred e(x: symbol) open .
"""


@pytest.mark.parametrize(
    ("text", "atom", "expected"),
    [
        ("constraint c : forall X: p(X) .", "p(u)", T),
        ("constraint c : forall X: not p(X) .", "p(u)", F),
        ("constraint c : exists X: p(X) . constraint n : not p(u) and not p(v) .", "p(w)", T),
        ("constraint c : exists X: p(X) . constraint n : not p(u) .", "p(w)", U),
        ("constraint c : not (forall X: p(X)) . constraint n : p(u) and p(v) .", "p(w)", F),
        ("constraint c : not (exists X: p(X)) .", "p(w)", F),
        ("constraint c : q iff exists X: p(X) . constraint n : p(u) .", "q", T),
        ("constraint c : q iff exists X: p(X) . constraint n : not p(u) and not p(v) and not p(w) .", "q", F),
        ("constraint c : q iff forall X: p(X) . constraint n : p(u) and p(v) and p(w) .", "q", T),
        ("constraint c : q iff forall X: p(X) . constraint n : not p(u) .", "q", F),
        # of an open predicate without a type that enumerates there may be more
        ("constraint c : q iff exists X: e(X) and e(X) . constraint n : not e(k) .", "q", U),
        ("constraint c : q iff exists X: e(X) and e(X) . constraint n : e(k) .", "q", T),
        # of nothing that anybody speaks of: it may hold, whatever other atoms there are
        ("certain. constraint c : certain implies (q or exists X: e(X)) .", "q", U),
        ("certain. constraint c : certain implies (q or exists X: e(X)) . constraint n : not exists X: e(X) .", "q", T),
    ],
)
def test_quantifiers(text: str, atom: str, expected: tuple[float, float]) -> None:
    assert bounds(QUANTIFIERS + text, atom)[0] == pytest.approx(expected)


def test_open_and_closed() -> None:
    text = """
        pred open_one(x: symbol) open . pred closed_one(x: symbol) . n(k). 0.6 :: closed_one(k). open_one(k).
        0.9 :: head(X) :- closed_one(X). 0.5 :: head(X) :- n(X), open_one(X).
        constraint c : forall X: n(X) implies (open_one(X) or closed_one(X)) ."""
    found = bounds(text, "open_one(z)", "closed_one(z)", "closed_one(k)", "head(k)", "open_one(k)")
    assert found == [U, F, pytest.approx((0.6, 0.6)), pytest.approx((0.5, 1.0)), T]


def test_rules_are_read_in_both_directions() -> None:
    text = """
        pred cause(x: symbol) open . pred other(x: symbol) open . n(k).
        0.8 :: effect(X) :- n(X), cause(X). effect(X) :- n(X), other(X). """
    assert bounds(text + "constraint c : cause(k) .", "effect(k)") == [pytest.approx((0.8, 1.0))]
    # not effect: the body is at most 0.2 true
    assert bounds(text + "evidence(effect(k), false).", "cause(k)", "other(k)") == [pytest.approx((0.0, 0.2)), F]
    # completed: an effect has a cause
    assert bounds(text + "evidence(effect(k)). constraint c : not other(k) .", "cause(k)") == [T]


def test_tweety() -> None:
    text = """pred flies(x: symbol) open . bird(tweety). penguin(tweety). bird(woodstock).
        constraint birds : bird(X) implies flies(X) .
        constraint penguins : penguin(X) implies not flies(X) ."""
    reasoner = ns.Reasoner(ns.Program.from_text(text), semantics="bounds")
    answers = reasoner.query("flies(X)")
    (found,) = answers.contradictions
    assert found.formulas == ("constraint birds", "constraint penguins")
    assert found.where == "flies(tweety)" and (found.lower, found.upper) == (1, 0)
    assert [e.span.line for e in found.elements if e.span] == [2, 3]
    assert found.diagnostic(reasoner.program.texts).code == "NS541"
    at = answers.position("flies(woodstock)")  # which the contradiction does not reach
    assert (float(answers.lower[0, at]), float(answers.upper[0, at])) == T


CONTRADICTIONS = {
    "a clause and its negation": ("constraint one : a . constraint two : not a . constraint three : b .",
                                  [("constraint one", "constraint two")]),
    "modus ponens against a negation": (
        "constraint one : a implies b . constraint two : a . constraint three : not b . constraint four : c or d .",
        [("constraint one", "constraint two", "constraint three")],
    ),
    "a chain": (
        "constraint ab : a implies b . constraint bc : b implies c . constraint cd : c implies d . "
        "constraint not_d : not d . "
        "constraint a : a . constraint e : e .",
        [("constraint ab", "constraint bc", "constraint cd", "constraint not_d", "constraint a")],
    ),
    "two of them": (
        "constraint one : a . constraint two : not a . constraint three : b iff c . constraint four : b and not c .",
        [("constraint one", "constraint two"), ("constraint three", "constraint four")],
    ),
    "degrees that do not meet": (
        "constraint one weight 0.8 : a . constraint two weight 0.3 : not a .", [("constraint one", "constraint two")],
    ),
    "degrees that do": ("constraint one weight 0.7 : a . constraint two weight 0.3 : not a .", []),
    "one formula alone": ("constraint one : a and not a .", [("constraint one",)]),
}  # fmt: skip


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_contradictions(what: str) -> None:
    text, expected = CONTRADICTIONS[what]
    answers = ns.Reasoner(ns.Program.from_text(UNKNOWN + text), semantics="bounds").query("a")
    assert [c.formulas for c in answers.contradictions] == expected
    assert answers.logic is not None
    assert (float(answers.logic.contradiction_loss()[0]) > 1e-6) == bool(expected)


def test_rules_and_observations_are_blamed_too() -> None:
    text = """pred cause open .
        rule strong if cause then effect .
        constraint known : cause .
        evidence(effect, false)."""
    (found,) = ns.Reasoner(ns.Program.from_text(text), semantics="bounds").query("effect").contradictions
    assert found.formulas == ("constraint known", "rule strong", "the evidence on effect")
    assert found.elements[2].span is not None and found.elements[2].span.line == 4


# ------------------------------------------------------------------------------------------------- soundness


def random_formula(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.2:
        return rng.choice("abcde")
    if rng.random() < 0.25:
        return f"not ({random_formula(rng, depth - 1)})"
    op = rng.choice(("and", "or", "implies", "iff"))
    return f"({random_formula(rng, depth - 1)}) {op} ({random_formula(rng, depth - 1)})"


def holds(formula: str, world: dict[str, bool]) -> bool:
    tokens = {"and": "and", "or": "or", "not": "not", "implies": "<=", "iff": "=="}
    text = " ".join(tokens.get(w, w) for w in formula.replace("(", " ( ").replace(")", " ) ").split())
    return bool(
        eval(text.replace("not (", "1 - (") if "not" in text else text, {}, {k: int(v) for k, v in world.items()})
    )


@pytest.mark.parametrize("seed", range(150))
def test_classical_models_lie_within_the_bounds(seed: int) -> None:
    rng = random.Random(seed)
    formulas = [random_formula(rng, rng.choice((1, 2, 3))) for _ in range(rng.randrange(1, 6))]
    rules = "".join(
        f"{rng.choice('de')} :- {', '.join(rng.choice(('', 'not ')) + x for x in rng.sample('abc', 2))}. "
        for _ in range(rng.randrange(3))
    )
    declared = (
        UNKNOWN
        if not rules
        else "".join(f"pred {p} open . " for p in "abc" + "".join(p for p in "de" if f"{p} :-" not in rules))
    )
    text = declared + rules + "".join(f"constraint c{k} : {f} . " for k, f in enumerate(formulas))
    models = []
    for values in product((False, True), repeat=5):
        world = dict(zip("abcde", values, strict=True))
        if all(holds(f, world) for f in formulas) and _completed(rules, world):
            models.append(world)
    reasoner = ns.Reasoner(ns.Program.from_text(text), semantics="bounds")
    answers = reasoner.query("a", "b", "c", "d", "e")
    table = {
        x: (float(lo), float(up)) for x, lo, up in zip(answers.atoms, answers.lower[0], answers.upper[0], strict=True)
    }
    for world in models:
        for atom, value in world.items():
            lower, upper = table[atom]
            assert lower - 1e-6 <= value <= upper + 1e-6, (text, world, table)
    if models:
        assert answers.contradictions == ()


def _completed(rules: str, world: dict[str, bool]) -> bool:
    """Whether heads hold just where one of their bodies does."""
    bodies: dict[str, list[bool]] = {}
    for rule in filter(None, (r.strip() for r in rules.split("."))):
        head, body = rule.split(" :- ")
        literals = [x.strip() for x in body.split(",")]
        bodies.setdefault(head, []).append(all(world[x[-1]] != x.startswith("not ") for x in literals))
    return all(world[h] == any(b) for h, b in bodies.items())


def test_fuzzy_models_lie_within_the_bounds() -> None:
    """Łukasiewicz truth values that give each formula at least its weight."""
    rng = random.Random(5)
    for _ in range(25):
        world = {x: rng.random() for x in "abcde"}
        text = UNKNOWN
        for k in range(4):
            formula = random_formula(rng, 2)
            text += f"constraint c{k} weight {max(0.0, fuzzy(formula, world) - 1e-9):.12f} : {formula} . "
        answers = ns.Reasoner(ns.Program.from_text(text), semantics="bounds").query("a", "b", "c", "d", "e")
        for k, atom in enumerate(answers.atoms):
            assert float(answers.lower[0, k]) - 1e-6 <= world[atom] <= float(answers.upper[0, k]) + 1e-6, (text, world)


def fuzzy(formula: str, world: dict[str, float]) -> float:
    from neurosym.lang import ast

    parsed = ns.Program.from_text(f"{UNKNOWN} constraint c : {formula} .").constraints[0].formula

    def value(node: object) -> float:
        match node:
            case ast.Literal(atom):
                return world[atom.predicate]
            case ast.FormulaNot(inner):
                return 1 - value(inner)
            case ast.FormulaJunction():
                parts = [value(p) for p in node.parts]
                return max(0.0, sum(parts) - len(parts) + 1) if node.op == "and" else min(1.0, sum(parts))
            case ast.Implies(left, right):
                return min(1.0, 1 - value(left) + value(right))
            case ast.Iff(left, right):
                return 1 - abs(value(left) - value(right))
        raise AssertionError(node)

    return value(parsed)


# ------------------------------------------------------------------------------- convergence, gradients, learning


def test_a_theory_of_200_formulas_converges_fast() -> None:
    atoms = [f"p{k}" for k in range(200)]
    text = "".join(f"pred {a} open . " for a in atoms) + "constraint start weight 0.95 : p0 . "
    text += "".join(f"constraint f{k} weight 0.999 : p{k} implies p{k + 1} . " for k in range(199))
    reasoner = ns.Reasoner(ns.Program.from_text(text), semantics="bounds")
    with torch.no_grad():
        answers = reasoner.query("p199")
        started = time.perf_counter()
        answers = reasoner.query("p199")
        seconds = time.perf_counter() - started
    assert float(answers.lower[0, 0]) == pytest.approx(0.95 - 0.199)
    assert answers.details == ("unknown",)
    assert seconds < 1


def test_rounds_that_are_not_enough_are_reported_and_the_bounds_hold() -> None:
    text = (
        UNKNOWN
        + "constraint a : a . constraint ab : a implies b . constraint bc : b implies c . constraint cd : c implies d ."
    )
    few = bounds(text, "d", semantics=LogicBounds(max_rounds=1))[0]
    assert few[0] <= 1 and bounds(text, "d") == [T]
    reasoner = ns.Reasoner(ns.Program.from_text(text), semantics=LogicBounds(max_rounds=1))
    assert "not enough to settle" in reasoner.query("d").details[0]


def test_gradients_reach_weights_and_networks() -> None:
    text = """pred risky(x: symbol) open . patient(k). t(0.7) :: smokes(k). neural old(x: symbol) by net .
        constraint c weight 0.9 learn : patient(X) and smokes(X) and old(X) implies risky(X) ."""

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.logit = torch.nn.Parameter(torch.tensor(2.0, dtype=torch.float64))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.logit.expand(len(x), 1)

    net = Net()
    features = {"symbol": ns.FeatureTable(["k"], torch.zeros(1, 1, dtype=torch.float64), ["n"])}
    reasoner = ns.Reasoner(ns.Program.from_text(text), networks={"net": net}, features=features, semantics="bounds")
    answers = reasoner.query("risky(k)")
    old = float(torch.sigmoid(net.logit.detach()))
    assert float(answers.lower[0, 0].detach()) == pytest.approx(0.9 + 0.7 + old - 2)
    answers.lower.sum().backward()
    assert float(reasoner.weight_logits[0].grad[0]) == pytest.approx(0.21)  # pyright: ignore
    assert float(net.logit.grad) == pytest.approx(old * (1 - old))  # pyright: ignore
    assert float(reasoner.constraint_logits["0"].grad) > 0  # pyright: ignore


def test_gradcheck() -> None:
    from neurosym.semantics.lnn import Inference, theory_of

    grounded = _grounded()

    graph = grounded("pred a open . pred b open . 0.5 :: p. 0.5 :: q. 0.9 :: r :- p, not q. "
                     "constraint c : p and q implies a . "
                     "constraint d : a iff b . constraint e : not (b and r) .")  # fmt: skip
    inference = Inference(theory_of(graph), LogicBounds())
    tags = torch.full((2, graph.graph.num_facts), 0.83, dtype=torch.float64)
    tags[1] = 0.57
    tags += torch.arange(tags.numel(), dtype=torch.float64).reshape(tags.shape) * 0.011
    tags.requires_grad_()

    def run(x: torch.Tensor) -> torch.Tensor:
        settled = inference(x, [0.9, 0.8, 0.7])
        return torch.cat([settled.lower, settled.upper])

    assert torch.autograd.gradcheck(run, (tags,))  # pyright: ignore


def test_weights_of_operands_are_learned_from_contradictions() -> None:
    """`a and b implies c` where c is false though both hold: b's weight, or the bias, gives way."""
    text = "pred c open . 0.9 :: a. 0.8 :: b. constraint rule : a and b implies c . constraint no : not c ."
    reasoner = ns.Reasoner(ns.Program.from_text(text), semantics=LogicBounds(learn=True))
    optimizer = torch.optim.SGD(reasoner.operands.parameters(), lr=0.05)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        logic = reasoner.query("c").logic
        assert logic is not None
        loss = logic.contradiction_loss().sum()
        losses.append(float(loss.detach()))
        if loss.requires_grad:
            loss.backward()
        optimizer.step()
    assert losses[0] > 0.5 and losses[-1] < 0.01
    assert float(logic.operand_loss().detach()) >= 0
    assert reasoner.query("c").contradictions == ()


def test_weighted_connectives() -> None:
    """Riegel et al.: and β - Σ w (1 - x), or 1 - β + Σ w x, implies 1 - β + w (1 - x) + w' y, each clamped."""
    text = "0.9 :: a. 0.8 :: b. constraint f weight 0 : a and b . constraint g weight 0 : a or b . "
    text += "constraint h weight 0 : a implies b ."
    reasoner = ns.Reasoner(ns.Program.from_text(text), semantics=LogicBounds(learn=True))
    with torch.no_grad():
        # operands in order: of each constraint the quantifier over its instances, then its connective
        reasoner.operands["weights"].copy_(torch.tensor([1, 0.5, 2.0, 1, 0.3, 0.4, 1, 0.5, 0.25]))
        reasoner.operands["biases"].copy_(torch.tensor([1, 0.9, 1, 0.7, 1, 0.8]))
        logic = reasoner.query("a").logic
    assert logic is not None
    assert [float(logic.of_formula(f)[0][0]) for f in "fgh"] == pytest.approx(
        [0.9 - 0.5 * 0.1 - 2 * 0.2, 0.3 + 0.3 * 0.9 + 0.4 * 0.8, 0.2 + 0.5 * 0.1 + 0.25 * 0.8]
    )


def test_batches() -> None:
    text = """neural digit(image: Image, d: 0..1) by net . pred odd(image: Image) open .
        constraint c : digit(a, 1) implies odd(a) ."""
    net = torch.nn.Linear(1, 2).double()
    reasoner = ns.Reasoner(ns.Program.from_text(text), networks={"net": net}, semantics="bounds")
    inputs = {"a": torch.tensor([[0.0], [1.0], [4.0]], dtype=torch.float64)}
    answers = reasoner.query("odd(a)", inputs=inputs)
    expected = torch.softmax(net(inputs["a"]), dim=1)[:, 1]
    assert torch.allclose(answers.lower[:, 0], expected)


@pytest.mark.parametrize("settings", [{"alpha": 0.4}, {"max_rounds": 0}, {"tolerance": 0.0}])
def test_settings_out_of_range(settings: dict) -> None:
    with pytest.raises(ns.NeurosymError, match="NS540"):
        LogicBounds(**settings)


def _grounded():
    from neurosym.grounding import ground
    from neurosym.grounding.formulas import ground_formulas, scopes_of, with_questions

    def grounded(text: str):
        program = ns.Program.from_text(text)
        scopes = scopes_of(program, frozenset())
        asking, atoms = with_questions(program, scopes)
        return ground_formulas(program, ground(asking, queries=atoms), scopes)

    return grounded


def test_rounding_is_no_news() -> None:
    """On a cycle, a bound that rounding puts beside 0 must not open the inverse of `and`."""
    text = """0.5 :: e(a, b). 0.6 :: e(b, a). 0.7 :: e(b, c). 0.4 :: e(a, c).
        p(X, Y) :- e(X, Y). p(X, Z) :- p(X, Y), e(Y, Z)."""
    answers = ns.Reasoner(ns.Program.from_text(text), semantics="bounds").query("p(b, b)")
    assert answers.contradictions == ()
    assert (float(answers.lower[0, 0]), float(answers.upper[0, 0])) == pytest.approx((0.1, 0.1), abs=0.11)


def test_single_precision() -> None:
    text = UNKNOWN + "0.9 :: p. 0.8 :: q. constraint c : p and q implies a . "
    text += "constraint d : a iff b . constraint e : not (b and c) ."
    double, single = (
        ns.Reasoner(ns.Program.from_text(text), semantics="bounds", dtype=t).query("a", "b", "c")
        for t in (torch.float64, torch.float32)
    )
    assert torch.allclose(double.lower, single.lower.double(), atol=1e-5) and single.contradictions == ()
    assert torch.allclose(double.upper, single.upper.double(), atol=1e-5)
