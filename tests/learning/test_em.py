"""Learning from interpretations: the expected counts, the climb, what is refused, recovery of known weights."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

import neurosym as ns
from neurosym.errors import DataError
from neurosym.learning import Anchor, Interpretation, climb, fit_interpretations, parse_interpretations
from neurosym.learning.likelihood import Likelihood


def model(text: str, dialect: str = "pl", seed: int = 0) -> ns.Reasoner:
    return ns.Reasoner(ns.Program.from_text(text, dialect=dialect), seed=seed)


def interpretations(rows: list[dict[str, bool]]) -> list[Interpretation]:
    return [Interpretation.of(r) for r in rows]


def fit(reasoner: ns.Reasoner, rows, **options) -> ns.InterpretationFit:
    return fit_interpretations(reasoner, rows, progress=False, **options)


# ------------------------------------------------------------------------------------------- expected counts

# Each program, and the same with its choices as facts of their own: the atoms that say that a choice is made, and those
# that say that it is made and falls so.
COUNTS = {
    "facts and rules": (
        """0.3::e. t(0.4)::b.
        t(0.7)::a :- b, e.
        t(0.2)::a :- \\+b.
        0.6::c :- a. 0.1::c :- \\+a.""",
        """0.3::e. 0.4::b. 0.7::c1. 0.2::c2.
        m1 :- b, e. y1 :- m1, c1. m2 :- \\+b. y2 :- m2, c2. a :- y1. a :- y2. t.
        0.6::c :- a. 0.1::c :- \\+a.""",
        [(["t"], [["b"]]), (["m1"], [["y1"]]), (["m2"], [["y2"]])],
        [{"c": True}, {"c": False, "e": True}, {"a": True}, {"b": True, "a": False}, {"b": False, "c": True}],
    ),
    "a disjunction over constants, alternatives in a body": (
        """0.5::p(1). 0.4::p(2). 0.3::q.
        t(0.2)::r(X); t(0.5)::g(X) :- p(X), (q ; p(2)).
        some :- r(X). some :- g(1).""",
        """0.5::p(1). 0.4::p(2). 0.3::q. n(1). n(2).
        0.2::cr(X); 0.5::cg(X) :- n(X).
        m(X) :- p(X), (q ; p(2)). r(X) :- m(X), cr(X). g(X) :- m(X), cg(X).
        some :- r(X). some :- g(1).""",
        [(["m(1)", "m(2)"], [["r(1)", "r(2)"], ["g(1)", "g(2)"]])],
        [{"some": True}, {"some": False, "p(2)": True}, {"some": True, "p(1)": True}, {"some": True, "g(2)": False}],
    ),
    "a cycle": (
        """0.3::s(1). 0.2::s(2). 0.4::f(1,2). 0.5::f(2,1).
        t(0.6)::s(X) :- f(X,Y), s(Y).""",
        """0.3::b(1). 0.2::b(2). 0.4::f(1,2). 0.5::f(2,1). n(1,2). n(2,1).
        0.6::c(X,Y) :- n(X,Y).
        s(X) :- b(X). m(X,Y) :- f(X,Y), s(Y). y(X,Y) :- m(X,Y), c(X,Y). s(X) :- y(X,Y).""",
        [(["m(1,2)", "m(2,1)"], [["y(1,2)", "y(2,1)"]])],
        [{"s(1)": True}, {"s(2)": True, "s(1)": False}, {"s(1)": True, "s(2)": True, "f(1,2)": True}],
    ),
}


@pytest.mark.parametrize("name", COUNTS)
def test_expected_counts_are_conditional_probabilities(name):
    text, plain, atoms, rows = COUNTS[name]
    reasoner, oracle = model(text), model(plain)
    weights = [reasoner.weights(k).tolist() for k in range(len(reasoner.learnable))]
    for row in rows:
        found = Likelihood(reasoner, interpretations([row])).expect(weights)

        def total(queries: list[str], row: dict[str, bool] = row) -> float:
            return sum(oracle.query(*queries, evidence=row).tags[0].tolist())

        for counts, (made, chosen) in zip(found.counts, atoms, strict=True):
            for count, queries in zip(counts, chosen, strict=False):
                assert count == pytest.approx(total(queries), abs=1e-9), (name, row)
            assert sum(counts) == pytest.approx(total(made), abs=1e-9), (name, row)


def test_the_likelihood_is_the_joint_probability():
    reasoner = model("t(0.4)::a. 0.5::b. t(0.3)::c :- a. c :- b. d :- \\+c.")
    found = Likelihood(reasoner, interpretations([{"c": True, "d": False}, {"a": True, "d": True}]))
    both = found.expect([[0.4], [0.3]]).log_likelihood
    import math

    assert both == pytest.approx(math.log(1 - (1 - 0.12) * 0.5) + math.log(0.4 * 0.7 * 0.5), abs=1e-12)


def test_equal_interpretations_are_evaluated_once():
    text = "t(0.3)::s(X) :- n(X). 0.5::r(X) :- s(X). n(1). n(2). n(3)."
    rows = [{f"r({k})": value} for k in (1, 2, 3) for value in (True, True, False)] * 5
    found = Likelihood(model(text), interpretations(rows))
    assert found.distinct == 6


def test_times_is_how_often_it_was_seen():
    rows = [Interpretation.of({"a": True}, times=3), Interpretation.of({"a": False})]
    assert fit(model("t(_)::a."), rows).weights[0].probabilities == pytest.approx((0.75,))


# ------------------------------------------------------------------------------------------------- the climb

HIDDEN = """t(_)::dirty. t(_)::old.
t(_)::fails(X) :- dirty, part(X).
t(_)::fails(X) :- old, part(X), \\+dirty.
t(_)::mild(X); t(_)::severe(X) :- fails(X).
part(1). part(2). part(3)."""


def hidden_rows(n: int, seed: int) -> list[dict[str, bool]]:
    draw = random.Random(seed)
    rows = []
    for _ in range(n):
        dirty, old = draw.random() < 0.3, draw.random() < 0.6
        row: dict[str, bool] = {}
        for x in (1, 2, 3):
            failed = draw.random() < (0.8 if dirty else 0.3 if old else 0)
            if draw.random() < 0.8:
                row[f"fails({x})"] = failed
            if failed and draw.random() < 0.5:
                row[f"severe({x})"] = draw.random() < 0.4
        rows.append(row | ({"old": old} if draw.random() < 0.5 else {}) or {"dirty": dirty})
    return rows


@pytest.mark.parametrize("accelerate", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_likelihood_never_decreases(seed, accelerate):
    priors = {"old": Anchor(0.5, 4)}
    found = fit(model(HIDDEN, seed=seed), hidden_rows(25, seed), accelerate=accelerate, iterations=60, priors=priors)
    steps = [b - a for a, b in zip(found.history, found.history[1:], strict=False)]
    assert min(steps) > -1e-9
    assert found.history[-1] > found.history[0] + 0.1
    mild, severe = found.weights[-1].probabilities
    assert mild + severe <= 1 + 1e-12


def test_long_steps_save_rounds_and_end_where_plain_ones_do():
    rows = hidden_rows(40, 5)
    plain = fit(model(HIDDEN), rows, accelerate=False, tolerance=1e-7, iterations=3000)
    quick = fit(model(HIDDEN), rows, tolerance=1e-7, iterations=3000)
    assert plain.converged
    assert quick.converged
    assert quick.iterations < plain.iterations / 2
    assert quick.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-4)


def test_what_is_fully_observed_is_learned_in_one_step():
    text = "t(0.5)::a. t(0.5)::b :- a. t(0.5)::b :- \\+a. t(0.5)::c(X) :- b, n(X). n(1). n(2)."
    rows = [{"a": k < 4, "b": k % 2 == 0, "c(1)": k in (0, 2), "c(2)": k == 0} for k in range(10)]
    reasoner = model(text)
    found = fit(reasoner, rows, iterations=2)
    assert found.converged
    assert [w.probabilities for w in found.weights] == [
        (pytest.approx(0.4),), (pytest.approx(0.5),), (pytest.approx(0.5),), (pytest.approx(0.3),),
    ]  # fmt: skip
    assert [w.observations for w in found.weights] == pytest.approx([10, 4, 6, 10])
    assert float(reasoner.query("c(1)").tags.detach()) == pytest.approx(0.5 * 0.3, abs=1e-9)


def test_what_no_interpretation_tells_stays():
    found = fit(model("t(0.3)::a. t(0.7)::b. c :- b."), [{"a": True}])
    assert found.weights[1].probabilities == pytest.approx((0.7,))
    assert found.weights[1].observations == 0


def test_restarts_find_a_better_maximum():
    # only one of the two fits: from equal weights, each of two explanations stays half
    text = "t(0.5)::a. t(0.5)::b. x :- a, \\+b. y :- b, \\+a."
    rows = [{"x": True}] * 3 + [{"x": False}]
    stuck = fit(model(text), rows)
    found = fit(model(text), rows, restarts=4, seed=1)
    assert len(found.starts) == 5
    assert found.log_likelihood >= stuck.log_likelihood - 1e-9
    assert found.log_likelihood == pytest.approx(max(found.starts))
    again = fit(model(text), rows, restarts=4, seed=1)
    assert again.starts == found.starts


def test_ctrl_c_gives_what_it_has(monkeypatch):
    calls = []
    expect = Likelihood.expect

    def interrupted(self, weights):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return expect(self, weights)

    monkeypatch.setattr(climb.Likelihood, "expect", interrupted)
    reasoner = model(HIDDEN)
    found = fit(reasoner, hidden_rows(10, 0), restarts=2)
    assert found.interrupted
    assert not found.converged
    assert len(found.history) >= 3
    assert reasoner.weights(0).tolist() == pytest.approx(list(found.weights[0].probabilities), abs=1e-9)


def test_the_program_with_learned_weights():
    found = fit(model("t(_)::a. 0.5::b."), [{"a": True}, {"a": False}])
    assert ns.Reasoner(found.program()).query("a").detach() == {"a": pytest.approx(0.5)}
    (rule, *_) = found.program(learnable=True).rules
    assert rule.heads[0].weight is not None
    assert rule.heads[0].weight.learn


def test_evidence_of_the_program_counts_in_each_interpretation():
    text = "t(0.5)::a. 0.4::b. c :- a, b. evidence(b, true)."
    assert fit(model(text), [{"c": True}, {"c": False}]).weights[0].probabilities == pytest.approx((0.5,))


def test_networks_take_part_and_stay():
    import torch

    class Half(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.logit = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return self.logit.expand(len(x), 1)

    text = "neural high(p: ex:P) by net .\n@prefix ex: <http://e/> .\nt(0.5) :: ill(X) :- ex:P(X), high(X)."
    facts = ns.FactBase.from_facts([("<http://e/P>", (ns.Iri("http://e/a"),))])
    program = ns.Program.from_text(text, facts_predicates=facts.predicates)
    table = ns.FeatureTable(["ex:a"], torch.ones(1, 1), ["x"])
    reasoner = ns.Reasoner(program, facts, networks={"net": Half()}, features={"ex:P": table})
    found = fit(reasoner, [{"ill(ex:a)": True}, {"ill(ex:a)": False}, {"ill(ex:a)": False}, {"ill(ex:a)": False}])
    assert found.weights[0].probabilities == pytest.approx((0.5,), abs=1e-5)
    assert float(next(reasoner.networks["net"].parameters()).detach()) == 0


# ------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "rows", "code", "said"),
    [
        ("t(_)::a. b :- a.", "evidence(a, true).\n---\nevidence(a, true).\nevidence(b, false).\n", "NS641", "e.ev:3"),
        ("t(_)::a. b :- a, c. c :- fail.", "evidence(a).\n---\nevidence(b).\n", "NS641", "e.ev:3"),
        ("t(_)::a.", "evidence(a, true).\nevidence(a, false).\n", "NS641", "e.ev:1"),
        ("t(_)::a. b.", "---\nevidence(b, false).\n", "NS641", "e.ev:2"),
        ("t(_)::a. 0.0::b.", "evidence(b, true).\n", "NS641", "e.ev:1"),
        ("t(_)::a.", "evidence(z, false).\n", "NS616", "e.ev:1"),
        ("t(_)::a.", "", "NS640", "no interpretations"),
        ("0.5::a.", "evidence(a).\n", "NS621", "nothing to train"),
    ],
)
def test_refusals_name_the_interpretation(text, rows, code, said):
    with pytest.raises(DataError) as error:
        fit(model(text), parse_interpretations(rows, "e.ev"))
    assert error.value.code == code
    assert said in str(error.value)


def test_an_interpretation_from_python_is_named_by_its_number():
    with pytest.raises(DataError, match="interpretation 2"):
        fit(model("t(_)::a. b :- a."), [{"a": True}, {"a": True, "b": False}])


def test_open_predicates_are_refused():
    with pytest.raises(DataError) as error:
        fit(model("pred e(x: {j, k}) open .\nt(0.5) :: a(X) :- e(X).", "rules"), [{"a(k)": True}])
    assert error.value.code == "NS643"


# ------------------------------------------------------------------------------------------------- recovery


def _alarm(draw: random.Random) -> dict[str, bool]:
    burglary, quake = draw.random() < 0.3, draw.random() < 0.2
    alarm = (burglary and draw.random() < 0.9) or (quake and draw.random() < 0.4)
    calls = {f"calls({x})": alarm and draw.random() < 0.7 for x in ("john", "mary")}
    return {"burglary": burglary, "quake": quake, "alarm": alarm, **calls}


def _die(draw: random.Random) -> dict[str, bool]:
    value = draw.choices((1, 2, 3), (0.5, 0.3, 0.2))[0]
    return {f"face({value})": True, "win": draw.random() < {1: 0.0, 2: 0.6, 3: 0.9}[value]}


def _coins(draw: random.Random) -> dict[str, bool]:
    biased = draw.random() < 0.4
    return {"biased": biased} | {f"heads({k})": draw.random() < (0.9 if biased else 0.3) for k in (1, 2, 3)}


RECOVERED: dict[str, tuple[str, Callable[[random.Random], dict[str, bool]], list[float]]] = {
    "alarm": (
        """t(_)::burglary. t(_)::quake. t(_)::alarm :- burglary. t(_)::alarm :- quake.
        t(_)::calls(X) :- alarm, person(X). person(john). person(mary).""",
        _alarm,
        [0.3, 0.2, 0.9, 0.4, 0.7],
    ),
    "die": (
        "t(_)::face(1); t(_)::face(2); t(_)::face(3). t(_)::win :- face(2). t(_)::win :- face(3).",
        _die,
        [0.5, 0.3, 0.2, 0.6, 0.9],
    ),
    "coins": (
        "t(_)::biased. t(_)::heads(X) :- n(X), biased. t(_)::heads(X) :- n(X), \\+biased. n(1). n(2). n(3).",
        _coins,
        [0.4, 0.9, 0.3],
    ),
}


@pytest.mark.parametrize("name", RECOVERED)
def test_known_weights_are_recovered_from_partly_observed_samples(name):
    text, sample, true = RECOVERED[name]
    draw = random.Random(7)
    rows = []
    for _ in range(2000):
        row = sample(draw)
        kept = {a: v for a, v in row.items() if draw.random() < 0.75}
        rows.append(kept or row)
    found = fit(model(text), rows, tolerance=1e-5)
    assert [p for w in found.weights for p in w.probabilities] == pytest.approx(true, abs=0.06)


def test_a_circuit_that_grows_too_large_names_the_interpretation():
    from neurosym.errors import NeurosymError

    text = "t(0.5)::e(X,Y) :- n(X), n(Y), X \\= Y. r(X) :- e(1,X). r(X) :- r(Y), e(Y,X). n(1). n(2). n(3). n(4)."
    reasoner = ns.Reasoner(ns.Program.from_text(text, dialect="pl"), max_circuit=5)
    with pytest.raises(NeurosymError) as error:
        fit(reasoner, parse_interpretations("evidence(e(1,2)).\n---\nevidence(r(4)).\nevidence(r(3)).\n", "e.ev"))
    assert error.value.code == "NS520"
    assert "e.ev:3" in str(error.value)


def test_single_precision_and_exceptions():
    import torch

    text = """
    rule r weight 0.9 learn if p(?x) then q(?x) .
    rule e exception to r weight 0.5 learn if s(?x) .
    p(1). p(2). p(3). p(4). s(3). s(4).
    """
    reasoner = ns.Reasoner(ns.Program.from_text(text), dtype=torch.float32)
    rows = [{"q(1)": True, "q(2)": k < 6, "q(3)": k < 4, "q(4)": False} for k in range(10)]
    found = fit(reasoner, rows, tolerance=1e-7)
    weights = {w.label: w.probabilities[0] for w in found.weights}
    assert weights["r"] == pytest.approx(0.8, abs=1e-3)  # 16 of 20
    assert weights["r"] * (1 - weights["e"]) == pytest.approx(0.2, abs=1e-3)  # 4 of 20
