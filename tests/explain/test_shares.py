"""Contributions of real claims: Shapley shares and gradients against plain enumeration of worlds."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosym as ns
from neurosym.errors import ExplanationError
from neurosym.explain.contributions.game import Game
from neurosym.explain.model import Explanation
from neurosym.neural import FeatureTable

ALL = ("leave-one-out", "gradient", "shapley")


# ----------------------------------------------------------------------------- programs, written here once more


@dataclass(frozen=True)
class Plain:
    """A propositional program: facts with probabilities, then weighted rules for a0, a1, … in that order."""

    facts: dict[str, float]
    rules: list[tuple[str, float, str, list[tuple[str, bool]]]]  # name, weight, head, body
    observed: tuple[str, bool] | None = None

    @property
    def text(self) -> str:
        lines = [f"{p} :: {f}." for f, p in self.facts.items()]
        for name, weight, head, body in self.rules:
            condition = " and ".join(a if sign else f"not {a}" for a, sign in body)
            lines.append(f"rule {name} weight {weight} if {condition} then {head} .")
        return "\n".join(lines)

    def probability(self, claim: str, there: Callable[[str], bool]) -> float:
        """Of the claim given what was observed, or without that where it cannot be, by going through all worlds.

        Args:
            there: whether a fact or a rule takes part.
        """
        names = [*self.facts, *(r[0] for r in self.rules)]
        chances = [
            p if there(n) else 0.0
            for n, p in zip(names, [*self.facts.values(), *(r[1] for r in self.rules)], strict=True)
        ]
        both = seen = alone = 0.0
        for world in product((True, False), repeat=len(names)):
            chance = math.prod(p if w else 1 - p for p, w in zip(chances, world, strict=True))
            if not chance:
                continue
            true = {n for n, w in zip(names, world, strict=True) if w and n in self.facts}
            for (_, _, head, body), fires in zip(self.rules, world[len(self.facts) :], strict=True):
                if fires and all((a in true) == sign for a, sign in body):
                    true.add(head)
            agrees = self.observed is None or (self.observed[0] in true) == self.observed[1]
            alone += chance * (claim in true)
            seen += chance * agrees
            both += chance * (agrees and claim in true)
        return both / seen if seen > 1e-12 else alone


@st.composite
def programs(draw: st.DrawFn) -> Plain:
    chance = st.sampled_from([0.1, 0.25, 0.5, 0.6, 0.9])
    facts = {f"f{k}": draw(chance) for k in range(draw(st.integers(1, 3)))}
    rules = []
    known = list(facts)
    count = draw(st.integers(1, 3))
    for k in range(count):
        body = draw(
            st.lists(st.tuples(st.sampled_from(known), st.booleans()), min_size=1, max_size=2, unique_by=lambda x: x[0])
        )
        # heads in order, so that a rule never looks at what a later one derives
        head = f"a{k}" if k + 1 == count or draw(st.booleans()) else f"a{count - 1}"
        rules.append((f"r{k}", draw(chance), head, body))
        if head == f"a{k}":
            known.append(head)
    last = f"a{count - 1}"
    observed = draw(st.one_of(st.none(), st.tuples(st.sampled_from([k for k in known if k != last]), st.booleans())))
    return Plain(facts, rules, observed)


def explained(plain: Plain, **options: object) -> Explanation | None:
    """The explanation of the last head; None where the observation is impossible or nothing is derived."""
    claim = plain.rules[-1][2]
    evidence = [] if plain.observed is None else [("" if plain.observed[1] else "\\+ ") + plain.observed[0]]
    try:
        answers = ns.Reasoner(ns.Program.from_text(plain.text, "p.rules")).query(claim, evidence=evidence)
    except ns.errors.SemanticsError:
        return None
    if answers.facts[0] < 0:
        return None
    return ns.explain(answers, claim, proofs=2, contributions=ALL, **options)  # pyright: ignore[reportArgumentType]


def player_names(plain: Plain, why: Explanation) -> list[str | None]:
    """Name of the fact or rule behind each contribution; None for one that is no player of its own."""
    found = []
    for c in why.contributions:
        name = c.name if c.kind == "rule" else why.nodes[c.reference].atom.removeprefix("not ")
        found.append(None if c.shapley is None else name)
    return found


@settings(max_examples=60)
@given(programs())
def test_shares_are_those_of_plain_enumeration(plain: Plain):
    why = explained(plain)
    if why is None or why.shares is None:
        return
    claim, shares = plain.rules[-1][2], why.shares
    named = player_names(plain, why)
    players: list[set[str]] = [{n} for n in named if n is not None]
    others = {*plain.facts, *(r[0] for r in plain.rules)}.difference(*players)
    assert shares.rest_leaves <= len(others)
    if shares.rest_leaves:
        # Names whose leaves the claim rests on are unknown here; a name that it does not rest on changes nothing,
        # but for making evidence impossible that is apart from the claim.
        if plain.observed is not None:
            return
        players.append(others)

    def value(group: tuple[int, ...]) -> float:
        out = set().union(*(players[k] for k in range(len(players)) if k not in group))
        return plain.probability(claim, lambda name: name not in out)

    assert shares.baseline == pytest.approx(value(()), abs=1e-9)
    orders = list(permutations(range(len(players))))
    wanted = [0.0] * len(players)
    known = {g: value(g) for o in orders for k in range(len(o) + 1) for g in [tuple(sorted(o[:k]))]}
    for order in orders:
        for k, player in enumerate(order):
            wanted[player] += (known[tuple(sorted(order[: k + 1]))] - known[tuple(sorted(order[:k]))]) / len(orders)
    found = [c.shapley for c in why.contributions if c.shapley is not None]
    found += [shares.rest] if shares.rest_leaves else []
    assert found == pytest.approx(wanted, abs=1e-9)
    for c, name in zip(why.contributions, named, strict=True):
        if name is not None:
            assert c.without == pytest.approx(plain.probability(claim, lambda n, out=name: n != out), abs=1e-9)


@settings(max_examples=40)
@given(programs(), st.booleans())
def test_shares_add_up_to_claim_minus_baseline(plain: Plain, sampled: bool):
    why = explained(plain, exact_players=0 if sampled else 12, permutations=6, seed=3)
    if why is None or why.shares is None:
        return
    assert why.shares.method == ("sampled" if sampled and why.shares.evaluations else "exact")
    total = sum(c.shapley for c in why.contributions if c.shapley is not None) + why.shares.rest
    assert total == pytest.approx(why.claim.probability - why.shares.baseline, abs=1e-9)
    json.loads(why.to_json())  # no NaN


@settings(max_examples=40)
@given(programs())
def test_gradients_are_those_of_finite_differences(plain: Plain):
    why = explained(plain)
    if why is None:
        return
    claim = plain.rules[-1][2]
    step = 1e-5

    def fading(name: str, by: float) -> float:
        facts = {f: p * (by if f == name else 1) for f, p in plain.facts.items()}
        rules = [(n, w * (by if n == name else 1), h, b) for n, w, h, b in plain.rules]
        return Plain(facts, rules, plain.observed).probability(claim, lambda _: True)

    for c, name in zip(why.contributions, player_names(plain, why), strict=True):
        if name is not None:
            slope = (fading(name, 1 + step) - fading(name, 1 - step)) / (2 * step)
            assert c.gradient == pytest.approx(slope, abs=1e-6)


# ----------------------------------------------------------------------------- what they say


COINS = """
rule first  weight 0.5 if coin(?c) then heads(?c) .
rule second weight 0.2 if coin(?c) and bent(?c) then heads(?c) .
pred coin(c: symbol) .
0.3 :: bent(c1).
"""
COIN = [("coin", (ns.Symbol("c1"),))]


@pytest.fixture(scope="module")
def coins() -> ns.Answers:
    return ns.Reasoner(ns.Program.from_text(COINS, "coins.rules"), ns.FactBase.from_facts(COIN)).query("heads(c1)")


def test_by_hand(coins: ns.Answers):
    why = ns.explain(coins, "heads(c1)", contributions="shapley")
    # v(second, bent) = .06, v(first) = .5, v(all) = .53: each of the pair adds .06 in 1/6 and .03 in 2/6 of the orders
    assert {c.name: c.shapley for c in why.contributions} == pytest.approx(
        {"first": 0.53 - 0.04, "second": 0.02, "bent(c1)": 0.02}
    )
    assert why.shares is not None and why.shares.baseline == 0 and why.shares.method == "exact"
    assert why.shares.named == "all weighted rules and uncertain evidence left out"


def test_what_was_not_asked_for_is_not_there(coins: ns.Answers):
    plain = ns.explain(coins, "heads(c1)")
    assert plain.shares is None and all(c.shapley is None and c.gradient is None for c in plain.contributions)
    assert {c.name for c in plain.contributions} >= {"first", "second", "bent(c1)", "coin(c1)"}
    sloped = ns.explain(coins, "heads(c1)", contributions={"gradient"})
    assert sloped.shares is None and all(c.gradient is not None for c in sloped.contributions)
    assert "coin(c1)" not in {c.name for c in sloped.contributions}  # grounding anew is leave-one-out's business
    assert ns.explain(coins, "heads(c1)", contributions=()).contributions == ()


def test_what_is_certain_is_no_player(coins: ns.Answers):
    why = ns.explain(coins, "heads(c1)", contributions=ALL)
    assert next(c for c in why.contributions if c.name == "coin(c1)").shapley is None


def test_firings_of_a_rule_fade_together():
    program = ns.Program.from_text("0.5 :: e(1). 0.4 :: e(2). rule any weight 0.6 if e(?x) then hit .", "e.rules")
    answers = ns.Reasoner(program).query("hit")
    why = ns.explain(answers, "hit", contributions=ALL)
    rule = next(c for c in why.contributions if c.kind == "rule")
    # 1 - (1 - .5 w)(1 - .4 w) at w = .6; w times its slope is not what leaving it out takes away
    assert rule.gradient == pytest.approx(0.6 * (0.5 * (1 - 0.24) + 0.4 * (1 - 0.3)))
    assert rule.difference == pytest.approx(1 - 0.7 * 0.76)


def test_what_no_shown_proof_uses_is_shared_out_as_one():
    program = ns.Program.from_text("\n".join(f"0.{k} :: e({k}). p :- e({k})." for k in range(1, 7)), "e.rules")
    answers = ns.Reasoner(program).query("p")
    why = ns.explain(answers, "p", proofs=2, contributions="shapley")
    assert why.shares is not None and why.shares.rest_leaves == 4
    assert {c.name for c in why.contributions} == {"e(6)", "e(5)"} and why.shares.rest > 0.3
    everyone = ns.explain(answers, "p", proofs=6, contributions="shapley")
    assert everyone.shares is not None and everyone.shares.rest_leaves == 0
    assert "everything else" in str(why) and "everything else" not in str(everyone)


def test_a_fact_that_is_needed_and_needed_false_counts_once():
    program = ns.Program.from_text("0.4 :: a. 0.5 :: b. 0.3 :: c. p :- a, b. p :- \\+ a, c.", "p.rules")
    why = ns.explain(ns.Reasoner(program).query("p"), "p", contributions=ALL)
    shares = {why.nodes[c.reference].atom: c.shapley for c in why.contributions if c.kind == "leaf"}
    assert set(shares) == {"a", "b", "c"} and None not in shares.values()
    assert sum(s for s in shares.values() if s is not None) == pytest.approx(why.claim.probability)


BURGLARY = "0.7::burglary. 0.2::earthquake. 0.9::alarm :- burglary. 0.5::alarm :- earthquake. query(burglary)."


def test_evidence_that_cannot_be_is_set_aside():
    answers = ns.Reasoner(ns.Program.from_text(BURGLARY, dialect="pl")).query(evidence=["alarm"])
    why = ns.explain(answers, "burglary", contributions="shapley")
    # alone, the burglary has its 0.7, as no alarm can be; with all else it has the claim's probability
    (only,) = why.contributions
    assert only.shapley == pytest.approx((0.7 + 0.637 / 0.667) / 2)
    assert why.shares is not None and why.shares.rest == pytest.approx((0.637 / 0.667 - 0.7) / 2)
    assert any("without the observations" in w for w in why.warnings)


def test_evidence_apart_from_the_claim_stays():
    program = ns.Program.from_text("0.5 :: a. 0.4 :: b. seen :- b. p :- a.", "p.rules")
    why = ns.explain(ns.Reasoner(program).query("p", evidence=["seen"]), "p", contributions="shapley")
    assert why.shares is not None and why.shares.rest_leaves == 0
    assert not any("observations" in w for w in why.warnings)


def test_many_players_are_sampled():
    lines = [f"0.1 :: e({k}). 0.5 :: p :- e({k})." for k in range(20)]
    answers = ns.Reasoner(ns.Program.from_text("\n".join(lines), "e.rules")).query("p")
    options: dict[str, Any] = {"proofs": 20, "contributions": "shapley", "permutations": 32, "seed": 5}
    assert getattr(ns.explain(answers, "p", **options).shares, "method", "") == "exact"  # as the claim is linear
    options["exact_players"] = 4
    why = ns.explain(answers, "p", **options)
    shares = why.shares
    assert shares is not None and shares.method == "sampled" and shares.seed == 5
    assert shares.evaluations == 1 + 32 * (len(why.contributions) - 1)
    rows = [c for c in why.contributions if c.kind == "leaf"]
    assert len(rows) == 20
    for c in rows:  # all are alike
        assert c.shapley is not None and c.shapley_error is not None
        mean = sum(r.shapley or 0 for r in rows) / 20
        assert abs(c.shapley - mean) < 5 * c.shapley_error + 1e-9
    assert "±" in str(why)
    assert ns.explain(answers, "p", **options).contributions == why.contributions


def test_many_players_under_evidence_are_sampled():
    """A quotient of probabilities is not linear, so that nothing but the coalitions is left."""
    lines = [f"0.1 :: e({k}). p :- e({k})." for k in range(14)]
    answers = ns.Reasoner(ns.Program.from_text("\n".join([*lines, "q :- e(3)."]), "e.rules")).query("q", evidence=["p"])
    why = ns.explain(answers, "q", contributions="shapley")
    assert why.shares is not None and why.shares.method == "exact"  # one player, and the rest
    assert why.shares.rest_leaves == 13
    answers = ns.Reasoner(ns.Program.from_text("\n".join([*lines, "q :- p, e(3). q :- p, e(4)."]), "e.rules"))
    why = ns.explain(answers.query("q", evidence=["p"]), "q", proofs=30, contributions="shapley")
    assert why.shares is not None and why.shares.method == "sampled" and len(why.contributions) == 14
    assert sum(c.shapley or 0 for c in why.contributions) == pytest.approx(why.claim.probability - why.shares.baseline)


def test_polynomials_and_coalitions_agree(monkeypatch: pytest.MonkeyPatch):
    """Rules that fire often, a network of several values, cycles, negation, an aggregate."""
    text = """
    item(i1). item(i2). item(i3).
    neural x(i: symbol, v: {a, b, c}) by net .
    0.5 :: soft(i1). 0.3 :: soft(i2).
    rule often weight 0.6 if item(?i) and x(?i, a) and soft(?i) then hit(?i) .
    rule more  weight 0.4 if item(?i) and not x(?i, b) then hit(?i) .
    hit(X) :- item(X), x(X, V), V != b, soft(X).
    0.7 :: near(i1, i2). 0.2 :: near(i2, i1). 0.4 :: near(i2, i3).
    reach(X) :- hit(X).
    reach(Y) :- reach(X), near(X, Y).
    any :- reach(i3), \\+ x(i1, c).
    all(X) :- item(X), x(X, a). all(X) :- item(X), x(X, b). all(X) :- item(X), x(X, c), soft(X).
    many :- N = count{ I : hit(I) }, N >= 2.
    """

    class Net(torch.nn.Module):
        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return torch.cat([rows, -rows, 0.5 * rows + 1], dim=1)

    table = FeatureTable(["i1", "i2", "i3"], torch.tensor([[0.3], [-0.5], [1.0]]), ["z"])
    reasoner = ns.Reasoner(ns.Program.from_text(text, "x.rules"), None, {"net": Net()}, {"symbol": table})
    answers = reasoner.query("any", "many", "all(i1)", "hit(i1)", "reach(i2)")
    for atom in answers.atoms:
        fast = ns.explain(answers, atom, proofs=2, contributions="shapley")
        with monkeypatch.context() as patch:
            patch.setattr(Game, "polynomial", False)
            slow = ns.explain(answers, atom, proofs=2, contributions="shapley")
        assert fast.shares is not None and slow.shares is not None and slow.shares.method == "exact"
        assert fast.shares.evaluations < slow.shares.evaluations
        assert [c.shapley for c in fast.contributions] == pytest.approx(
            [c.shapley for c in slow.contributions], abs=1e-9
        )
        assert fast.shares.rest == pytest.approx(slow.shares.rest, abs=1e-9)


class Fixed(torch.nn.Module):
    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.log(torch.tensor([[0.3, 0.1, 0.6]])).expand(len(rows), 3)


def test_a_network_s_word_is_a_player_and_it_is_not_run_again():
    text = "patient(p1).\nneural xray(p: symbol, f: {clear, nodule, infiltrate}) by net .\n"
    text += "rule shadow weight 0.7 if patient(?p) and xray(?p, infiltrate) then ill(?p) ."
    table = FeatureTable(["p1"], torch.ones(1, 1), ["z"])
    answers = ns.Reasoner(ns.Program.from_text(text, "x.rules"), None, {"net": Fixed()}, {"symbol": table}).query(
        "ill(p1)"
    )
    why = ns.explain(answers, "ill(p1)", contributions="shapley")
    assert {c.kind: c.shapley for c in why.contributions} == pytest.approx({"rule": 0.21, "leaf": 0.21})
    assert any("no network was run again" in w for w in why.warnings)


@pytest.mark.parametrize(
    "semantics", ["viterbi", "goedel", "product", "lukasiewicz", "boolean", "count", "sum-product", "topk"]
)
def test_other_semantics_share_out_their_tags(semantics: str):
    facts = ns.FactBase.from_facts(COIN)
    program = ns.Program.from_text(COINS, "coins.rules")
    answers = ns.Reasoner(program, facts, semantics=semantics).query("heads(c1)")
    why = ns.explain(answers, "heads(c1)", contributions=ALL)
    assert why.shares is not None
    total = sum(c.shapley or 0.0 for c in why.contributions)
    assert total == pytest.approx(why.claim.probability - why.shares.baseline, abs=1e-9)
    sloped = [c.gradient for c in why.contributions if c.shapley is not None]
    assert all(g is None for g in sloped) == (semantics in ("boolean", "count"))


def test_unknown_atoms_stay_unknown():
    program = ns.Program.from_text(
        "pred s(x: symbol) open .\n0.5 :: a(x1). p(X) :- a(X), s(X). p(X) :- a(X), b(X). 0.2 :: b(x1).", "o.rules"
    )
    why = ns.explain(ns.Reasoner(program).query("p(x1)"), "p(x1)", contributions="shapley", proofs=5)
    assert why.shares is not None
    total = sum(c.shapley or 0.0 for c in why.contributions) + why.shares.rest
    assert total == pytest.approx(why.claim.probability - why.shares.baseline, abs=1e-9)
    assert why.shares.rest_leaves == 0


def test_under_bounds_there_is_leave_one_out_alone():
    program = ns.Program.from_text("rule r weight 0.9 if a(?x) then b(?x) . a(x1).", "b.rules")
    answers = ns.Reasoner(program, semantics="bounds").query("b(x1)")
    why = ns.explain(answers, "b(x1)", contributions=("leave-one-out", "shapley"))
    assert why.shares is None and why.contributions and any("leave-one-out alone" in w for w in why.warnings)
    assert ns.explain(answers, "b(x1)", contributions=False).contributions == ()


def test_what_cannot_be_asked_for(coins: ns.Answers):
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"contributions": ("shap",)}, "NS841"),
        ({"contributions": "shapley", "exact_players": 21}, "NS842"),
        ({"contributions": "shapley", "permutations": 3}, "NS842"),
    )
    for options, code in cases:
        with pytest.raises(ExplanationError) as error:
            ns.explain(coins, "heads(c1)", **options)
        assert error.value.code == code
