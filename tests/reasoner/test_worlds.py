"""`Reasoner.most_probable` and `Reasoner.sample`."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from problog.formula import LogicFormula
from problog.program import PrologString
from problog.tasks.mpe import mpe_semiring
from torch import nn

from neurosym.errors import DataError, SemanticsError
from neurosym.lang import parse_text
from neurosym.reasoner import Reasoner

ALARM = """
0.1 :: burglary.
0.2 :: earthquake.
0.9 :: alarm :- burglary.
0.3 :: alarm :- earthquake.
0.7 :: calls(X) :- alarm, neighbour(X).
0.6 :: radio(strong); 0.4 :: radio(weak) :- earthquake.
neighbour(mary). neighbour(john).
query(alarm).
"""
CYCLE = """
0.3 :: edge(a, b). 0.6 :: edge(b, c). 0.4 :: edge(c, a). 0.2 :: edge(a, c). 0.5 :: edge(c, d). 0.3 :: edge(d, b).
path(X, Y) :- edge(X, Y).
path(X, Y) :- edge(X, Z), path(Z, Y).
cut(X) :- edge(X, _), \\+ path(X, d).
"""
DICE = """
1/6 :: die(N, 1); 1/6 :: die(N, 2); 1/6 :: die(N, 3); 1/6 :: die(N, 4); 1/6 :: die(N, 5); 1/6 :: die(N, 6) :- throw(N).
throw(1). throw(2). throw(3).
high(N) :- die(N, V), V > 4.
pair :- die(A, V), die(B, V), A < B.
none_high :- \\+ high(1), \\+ high(2), \\+ high(3).
"""


def reasoner(text: str, **more: object) -> Reasoner:
    dialect = "pl" if "neural" not in text and "open" not in text else "rules"
    return Reasoner(parse_text(text, f"a.{dialect}", dialect), **more)  # type: ignore[arg-type]


def test_a_world_in_words():
    best = reasoner(ALARM).most_probable({"calls(mary)": True, "calls(john)": False})
    assert best.world == {
        "burglary": "true", "earthquake": "false", "alarm by a.pl:4": "alarm", "alarm by a.pl:5": "none",
        "calls(mary) by a.pl:6": "calls(mary)", "calls(john) by a.pl:6": "none",
    }  # fmt: skip
    assert best.atoms == ("alarm",) and best["alarm"] and best.holds == (True,)
    assert best.probability == pytest.approx(0.1 * 0.8 * 0.9 * 0.7 * 0.7 * 0.3)
    known = reasoner(ALARM + "both :- calls(mary), \\+ calls(john).").query("both")
    assert math.exp(best.log_evidence) == pytest.approx(float(known.tags[0, 0]))
    assert best.given == pytest.approx(best.probability / float(known.tags[0, 0]))
    assert best.log_probability == pytest.approx(sum(map(math.log, best.chances)))
    with pytest.raises(DataError, match="NS611"):
        best["burglary"]


def test_what_is_asked_and_not_touched_by_evidence():
    best = reasoner(ALARM).most_probable({"burglary": True}, queries=["radio(S)", "earthquake", "path"][:2])
    assert best.world["radio(strong); radio(weak) by a.pl:7"] == "radio(strong)"
    assert not best["earthquake"] and not best["radio( strong )"]


def test_ties_take_the_first_outcome():
    best = reasoner(
        "0.5 :: a. 0.25 :: b(1); 0.25 :: b(2); 0.25 :: b(3). 0.5 :: c. x :- a, c. x :- b(3)."
    ).most_probable(queries=["x", "b(1)"])
    assert best.world["a"] == best.world["c"] == "true" and best["b(1)"]
    tied = reasoner("0.5 :: a. 0.5 :: b. x :- a, \\+ b. x :- b, \\+ a.")
    worlds = {tuple(tied.most_probable({"x": True}).world.values()) for _ in range(3)}
    assert worlds == {("true", "false")}


def test_evidence_of_the_program_and_joint_queries():
    made = reasoner(ALARM + "evidence(calls(mary)).")
    best = made.most_probable(queries="alarm, \\+ earthquake")
    assert best.holds == (True,) and best.log_evidence < 0


@pytest.mark.parametrize("evidence", [{"burglary": True, "calls(bob)": True}, {"neighbour(mary)": False}])
def test_impossible_evidence(evidence):
    with pytest.raises(SemanticsError, match="NS502"):
        reasoner(ALARM).most_probable(evidence)
    with pytest.raises(SemanticsError, match="NS502"):
        reasoner(ALARM).sample(3, evidence)


def test_impossible_by_its_numbers():
    made = reasoner("0.0 :: a. 0.5 :: b. x :- a, b. x :- a, \\+ b.")
    for ask in (lambda: made.most_probable({"x": True}), lambda: made.sample(2, {"x": True})):
        with pytest.raises(SemanticsError, match="NS502"):
            ask()


def test_limits_and_usage():
    edges = " ".join(f"0.5 :: edge({a}, {b})." for a, b in itertools.permutations(range(9), 2))
    text = edges + " path(X, Y) :- edge(X, Y). path(X, Y) :- edge(X, Z), path(Z, Y)."
    with pytest.raises(SemanticsError, match="NS520"):
        reasoner(text, max_circuit=2_000).most_probable({"path(0, 8)": True})
    with pytest.raises(DataError, match="NS615"):
        reasoner("0.5 :: a.").most_probable()
    with pytest.raises(DataError):
        reasoner("0.5 :: a.").sample(0, queries="a")
    with pytest.raises(DataError):
        reasoner("0.5 :: a.").sample(1, queries="a", row=1)


def test_unknown_atoms():
    made = reasoner("pred flies(x: symbol) open . 0.3 :: bird(a). ok :- bird(a), flies(a).")
    with pytest.raises(SemanticsError, match="NS550"):
        made.most_probable(queries="ok")
    best = made.most_probable({"flies(a)": True}, queries="ok")
    assert not best["ok"] and best.probability == pytest.approx(0.7)


class Twice(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(x, dim=1)


def test_networks_and_rows():
    made = reasoner(
        "neural digit(i: Image, v: 0..2) by net . sum(S) :- digit(a, X), digit(b, Y), S = X + Y.",
        networks={"net": Twice()},
    )
    one = torch.log(torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]))
    two = torch.log(torch.tensor([[0.1, 0.3, 0.6], [0.2, 0.7, 0.1]]))
    first = made.most_probable({"sum(2)": True}, {"a": one, "b": two})
    assert first.world == {"digit(a)": "digit(a, 0)", "digit(b)": "digit(b, 2)"}
    assert first.given == pytest.approx(0.42 / (0.42 + 0.06 + 0.01))
    second = made.most_probable({"sum(2)": True}, {"a": one, "b": two}, row=1)
    assert second.world == {"digit(a)": "digit(a, 2)", "digit(b)": "digit(b, 0)"}
    assert set(made.sample(50, {"sum(2)": True}, {"a": one, "b": two}, row=1).outcomes.sum(dim=1).tolist()) == {2}


def test_seeds_and_shapes():
    made = reasoner(ALARM)
    one, again = (made.sample(50, {"alarm": True}, seed=3, queries=["burglary", "calls(X)"]) for _ in range(2))
    assert torch.equal(one.outcomes, again.outcomes) and torch.equal(one.truth, again.truth)
    other = made.sample(50, {"alarm": True}, seed=4, queries=["burglary", "calls(X)"])
    assert not torch.equal(one.outcomes, other.outcomes)
    assert len(one) == 50 and one.truth.shape == (50, 3) and one.outcomes.shape == (50, len(one.choices))
    assert set(one.world(0)) == {c.name for c in one.choices}
    assert one.holding(0) == [a for a, t in zip(one.atoms, one.truth[0].tolist(), strict=True) if t]
    assert one.to_json()["answers"][0]["frequency"] == one.frequency(one.atoms[0])


@pytest.mark.parametrize(
    ("text", "queries", "evidence"),
    [
        (ALARM, ["burglary", "earthquake", "calls(john)", "radio(S)"], {"calls(mary)": True}),
        (ALARM, ["burglary", "earthquake"], {}),
        (CYCLE, ["path(X, Y)", "cut(X)", "edge(X, Y)"], {"path(a, d)": True, "edge(a, c)": False}),
        (CYCLE, ["path(X, Y)", "edge(X, Y)"], {"cut(a)": True}),
        (DICE, ["die(N, V)", "high(N)"], {"pair": True, "none_high": False}),
        (DICE, ["pair"], {"none_high": True}),
    ],
)
def test_frequencies(text, queries, evidence):
    """Each atom's frequency is within 4.5 standard errors of its exact probability."""
    n = 20_000
    made = reasoner(text)
    drawn = made.sample(n, evidence, seed=0, queries=[*queries, *evidence])
    for atom, value in evidence.items():
        assert drawn.frequency(atom) == float(value)
    exact = made.query(*queries, evidence=evidence).detach()
    for atom, p in exact.items():
        assert abs(drawn.frequency(atom) - p) <= 4.5 * math.sqrt(p * (1 - p) / n) + 1e-12, atom


def test_whole_worlds_by_chi_square():
    """The joint distribution of three dice given a pair, and not only that of each."""
    made = reasoner(DICE)
    n = 54_000
    drawn = made.sample(n, {"pair": True}, seed=5)
    counts: dict[tuple[int, ...], int] = {}
    for row in drawn.outcomes.tolist():
        counts[tuple(row)] = counts.get(tuple(row), 0) + 1
    cells = [d for d in itertools.product(range(6), repeat=3) if len(set(d)) < 3]
    assert set(counts) <= set(cells)
    expected = n / len(cells)
    chi = sum((counts.get(c, 0) - expected) ** 2 / expected for c in cells)
    freedom = len(cells) - 1
    assert chi < freedom + 4 * math.sqrt(2 * freedom)


@pytest.mark.parametrize(
    ("text", "queries"),
    [
        (ALARM.replace("query(alarm).", "evidence(alarm)."), ()),
        (CYCLE + "evidence(path(a, d)).", "edge(X, Y)"),
        ("0.4 :: a. 0.3 :: b. 0.6 :: c. q :- a, \\+ b. q :- c, b. evidence(q).", ()),
    ],
)
def test_problog_finds_a_world_of_the_same_probability(text, queries):
    """Where ProbLog is right: it counts evidence on a choice twice, and misses choices that a branch leaves out."""
    best = reasoner(text).most_probable(queries=queries)
    formula = LogicFormula.create_from(PrologString(text), label_all=True, avoid_name_clash=True)
    probability, _ = mpe_semiring(formula)
    assert best.probability == pytest.approx(probability, rel=1e-9)


def test_a_long_chain():
    steps = 150
    text = """
    0.5 :: s(0, up); 0.5 :: s(0, down).
    0.9 :: s(T, up); 0.1 :: s(T, down) :- next(U, T), s(U, up).
    0.2 :: s(T, up); 0.8 :: s(T, down) :- next(U, T), s(U, down).
    0.8 :: o(T, wet); 0.2 :: o(T, dry) :- s(T, up).
    0.3 :: o(T, wet); 0.7 :: o(T, dry) :- s(T, down).
    """ + " ".join(f"next({t}, {t + 1})." for t in range(steps))
    seen = ["wet" if t % 7 < 4 else "dry" for t in range(steps + 1)]
    made = reasoner(text)
    evidence = {f"o({t}, {o})": True for t, o in enumerate(seen)}
    best = made.most_probable(evidence, queries=["s(T, up)"])
    assert best.log_probability == pytest.approx(log_viterbi(seen), abs=1e-8)


def log_viterbi(seen: list[str]) -> float:
    """The best path of the chain; choices that no path meets take their maximum."""
    emit = {"up": {"wet": 0.8, "dry": 0.2}, "down": {"wet": 0.3, "dry": 0.7}}
    move = {"up": {"up": 0.9, "down": 0.1}, "down": {"up": 0.2, "down": 0.8}}
    other = {"up": "down", "down": "up"}

    def here(state: str, o: str) -> float:
        return math.log(emit[state][o] * max(emit[other[state]].values()))

    best = {s: math.log(0.5) + here(s, seen[0]) for s in emit}
    for o in seen[1:]:
        best = {
            s: max(best[b] + math.log(move[b][s] * max(move[other[b]].values())) for b in emit) + here(s, o)
            for s in emit
        }
    return max(best.values())
