"""Audits of rules: what they do, their conflicts, violated constraints, concept accuracy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import neurosym as ns
from neurosym.explain.audit import Audit
from neurosym.explain.audit.sections import sections, unexpected
from tests.explain.test_authored import Domain

WARD = """
pred fever(p: symbol) . pred covered(p: symbol) . pred rash(p: symbol) .
rule by_fever weight 0.8 if fever(?p) then sick(?p) .
rule by_rash weight 0.6 if rash(?p) then sick(?p) .
rule cover exception to by_fever weight 0.5 if covered(?p) .
rule never if rash(?p) and fever(?p) and not fever(?p) then sick(?p) .
rule idle if sick(?p) and fever(?p) then sick(?p) .
constraint not_both : not (well(X) and sick(X)) .
rule looks_well if covered(?p) then well(?p) .
fever(a). fever(b). covered(b). rash(c). rash(b).
"""
TRUTH = {"sick(a)": True, "sick(b)": True, "sick(c)": False}


def chance(fever: bool, rash: bool, covered: bool, without: str = "") -> float:
    """The probability of `sick`, by hand."""
    holds = 0.8 * fever * (0.5 if covered and without != "cover" else 1) * (without != "by_fever")
    return 1 - (1 - holds) * (1 - 0.6 * rash * (without != "by_rash"))


PATIENTS = {"a": (True, False, False), "b": (True, True, True), "c": (False, True, False)}


@pytest.fixture(scope="module")
def ward() -> Audit:
    reasoner = ns.Reasoner(ns.Program.from_text(WARD, "ward.rules"))
    return ns.audit(reasoner, ns.Batch(("sick(P)",), TRUTH))


@pytest.mark.parametrize("name", ["by_fever", "by_rash", "cover"])
def test_what_a_rule_does_is_what_leaving_it_out_does(ward: Audit, name: str) -> None:
    rule = next(r for r in ward.rules if r.name == name)
    change = {p: chance(*f) - chance(*f, without=name) for p, f in PATIENTS.items()}
    towards = {p: c if TRUTH[f"sick({p})"] else -c for p, c in change.items()}
    assert rule.moved == sum(abs(c) >= 0.01 for c in change.values())
    assert rule.right == sum(c >= 0.01 for c in towards.values())
    assert rule.wrong == sum(c <= -0.01 for c in towards.values())

    def likelihood(without: str) -> np.ndarray:
        tags = np.array([chance(*f, without=without) for f in PATIENTS.values()])
        return np.log(np.clip(np.where(list(TRUTH.values()), tags, 1 - tags), 1e-12, None))

    assert rule.gain == pytest.approx(float((likelihood("") - likelihood(name)).mean()))


def test_verdicts(ward: Audit) -> None:
    verdicts = {r.name: r.verdict for r in ward.rules}
    assert verdicts == {
        "by_fever": "works", "by_rash": "works", "cover": "mostly errs", "never": "never fires",
        "idle": "changes nothing", "looks_well": "never fires",
    }  # fmt: skip
    saves = {r.name: (r.saves, r.spoils) for r in ward.rules}
    assert saves["by_fever"] == (1, 0)  # a; b has a rash as well
    assert saves["by_rash"] == (1, 1)  # b, at 0.4 without it; and c, who is not sick


def test_exceptions_are_conflicts_that_the_rules_say(ward: Audit) -> None:
    opposite = {(c.first, c.second): c for c in ward.conflicts if c.kind == "opposite"}
    assert opposite["by_fever", "cover"].intended and opposite["by_fever", "cover"].example == "sick(b)"
    assert ("cover", "by_fever") not in opposite


def test_a_violated_constraint_names_the_rules_behind_it(ward: Audit) -> None:
    (broken,) = ward.broken
    assert broken.constraint == "not_both" and broken.instances == 1 and "b" in broken.example
    assert broken.worst == pytest.approx(chance(*PATIENTS["b"]))
    pairs = {(c.first, c.second) for c in ward.conflicts if c.kind == "constraint"}
    assert ("by_fever", "looks_well") in pairs and ("by_rash", "looks_well") in pairs


def test_leaving_out_by_leaves_agrees_with_grounding_anew() -> None:
    """A weighted rule is left out on the same graph; a program without it gives the same."""
    program = ns.Program.from_text(WARD)
    found = ns.audit(ns.Reasoner(program), ns.Batch(("sick(P)",), TRUTH), least=0.0)
    plain = WARD.replace("rule by_rash weight 0.6 if rash(?p)", "rule by_rash weight 0.6 if rash(?p) and fail")
    without = ns.Reasoner(ns.Program.from_text(plain)).query("sick(P)").detach()
    full = ns.Reasoner(program).query("sick(P)").detach()
    rule = next(r for r in found.rules if r.name == "by_rash")
    likelihood = [
        np.log(max(1e-12, t if TRUTH[a] else 1 - t)) - np.log(max(1e-12, w if TRUTH[a] else 1 - w))
        for a, t, w in ((a, full[a], without.get(a, 0.0)) for a in TRUTH)
    ]
    assert rule.gain == pytest.approx(sum(likelihood) / 3)


def test_what_is_overridden_everywhere_is_found() -> None:
    program = ns.Program.from_text("""
        pred granted(q: symbol) . pred denied(q: symbol) .
        rule permit if granted(?q) then permitted(?q) .
        rule deny if denied(?q) then forbidden(?q) .
        rule allow if permitted(?q) and not forbidden(?q) then allowed(?q) .
        granted(q1). granted(q2). denied(q2).
    """)
    found = ns.audit(ns.Reasoner(program), ns.Batch(("allowed(Q)",), {}))
    assert {r.name: r.moved for r in found.rules} == {"permit": 1, "deny": 1, "allow": 1}
    (conflict,) = [c for c in found.conflicts if not c.intended]
    assert (conflict.first, conflict.second, conflict.example) == ("permit", "deny", "allowed(q2)")
    assert "overridden" in conflict.detail


def test_a_rule_without_which_what_was_observed_cannot_be() -> None:
    program = ns.Program.from_text("""
        0.5 :: x. 0.4 :: y. evidence(z).
        rule a weight 0.7 if x then z . rule b if y then z .
    """)
    found = ns.audit(ns.Reasoner(program), ns.Batch(("x",), {"x": True}))
    without_b = 1.0  # then only x explains z
    with_b = 0.5 * (0.7 + 0.3 * 0.4) / (1 - (1 - 0.5 * 0.7) * (1 - 0.4))
    assert next(r for r in found.rules if r.name == "b").gain == pytest.approx(np.log(with_b / without_b))
    alone = ns.Program.from_text("0.5 :: x. rule a weight 0.7 if x then z . rule c if x then w . evidence(z).")
    found = ns.audit(ns.Reasoner(alone), ns.Batch(("x",), {"x": True}))
    assert [r.moved for r in found.rules] == [None, 0]
    assert any(w.startswith("a was not left out") for w in found.warnings)


def test_no_answer_at_all() -> None:
    program = ns.Program.from_text("pred p(x: any) . rule a if p(?x) then q(?x) .")
    found = ns.audit(ns.Reasoner(program), ns.Batch(("q(X)",), {}))
    assert (found.answers, found.rules[0].verdict) == (0, "never fires") and str(found)


class Fixed(torch.nn.Module):
    """Gives its rows as logits."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows


def test_concepts_against_their_labels() -> None:
    program = ns.Program.from_text("""
        pred p(x: symbol) .
        neural large(x: symbol) by large_net . neural hue(x: symbol, c: {red, green, blue}) by hue_net .
        odd(X) :- p(X), large(X), hue(X, red).
    """)
    rows = torch.tensor([[2.0, 0.0, 0.0], [-2.0, 0.0, 1.0], [3.0, 5.0, 0.0]])
    table = ns.FeatureTable(["a", "b", "c"], rows, ["r", "g", "b"])
    first = torch.nn.Linear(3, 1)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0, 0.0, 0.0]]))
        first.bias.zero_()
    facts = ns.FactBase.from_facts([("p", (ns.Symbol(n),)) for n in "abc"])
    reasoner = ns.Reasoner(program, facts, {"large_net": first, "hue_net": Fixed()}, {"symbol": table})
    concepts = {
        "large(a)": True, "large(b)": True, "large(c)": None,
        "hue(a, red)": True, "hue(b, green)": True, "hue(c, green)": True, "hue(c, blue)": False,
    }  # fmt: skip
    found = ns.audit(reasoner, ns.Batch(("odd(X)",), {"odd(a)": True}), concepts=concepts)
    by_name = {c.concept: c for c in found.concepts}
    assert (by_name["large"].labelled, by_name["large"].right) == (2, 1)
    assert by_name["large"].mean == pytest.approx(float(torch.sigmoid(torch.tensor([2.0, -2.0])).mean()))
    assert by_name["large"].confused == (("true", "false", 1),)
    assert (by_name["hue"].labelled, by_name["hue"].right) == (3, 2)
    assert by_name["hue"].confused == (("green", "blue", 1),)
    assert found.warnings == ()
    alone = [ns.Batch((f"odd({x})",), {}) for x in "ab"]  # each graph has the concepts of one of them
    found = ns.audit(reasoner, alone, concepts={"large(a)": True, "large(b)": True})
    assert found.warnings == ()
    found = ns.audit(reasoner, alone, concepts={"large(a)": True, "large(c)": True})
    assert found.warnings == ("1 concept labels name what no answer rests on",)


@pytest.mark.parametrize(
    ("rules", "cut"),
    [
        ("rule r if v(?x, 1) then c(?x) .", False),  # no constraint that could have been looked at
        ("forbid v(X, 1), v(X, 0) .\n", True),
    ],
)
def test_only_constraints_that_were_cut_are_said_to_be(rules: str, cut: bool) -> None:
    program = ns.Program.from_text(f"neural v(x: Tensor, d: 0..1) by net .\n{rules}")
    reasoner = ns.Reasoner(program, networks={"net": Fixed()})
    query = "v(a, 1)" if cut else "c(a)"
    found = ns.audit(reasoner, ns.Batch((query,), {}, {"a": torch.zeros(4, 2)}), max_samples=3)
    warning = "constraints were checked in the first 3 samples of each batch"
    assert (warning in found.warnings) == cut, found.warnings


@pytest.mark.parametrize(
    ("concepts", "code"),
    [
        ({"label(a, X)": [1]}, "NS870"),
        ({"v(a, 1)": [1]}, "NS871"),
        ({"v(a, X)": [1]}, "NS871"),
        ({"v(zzz, X)": [1, 1]}, "NS871"),
        ({"v(a, X)": [1, 7]}, "NS872"),
    ],
)
def test_concept_labels_that_do_not_fit(concepts, code) -> None:
    program = ns.Program.from_text("neural v(x: Tensor, d: 0..1) by net .\nlabel(X, Z) :- v(X, Z).")
    reasoner = ns.Reasoner(program, networks={"net": Fixed()})
    batch = ns.Batch(("label(a, Z)",), [0, 1], {"a": torch.zeros(2, 2)})
    with pytest.raises(ns.NeurosymError) as caught:
        ns.audit(reasoner, batch, concepts=concepts)
    assert caught.value.code == code


def test_nothing_to_audit_and_a_semantics_without_audits() -> None:
    program = ns.Program.from_text("a. b :- a. query(b).")
    with pytest.raises(ns.NeurosymError) as caught:
        ns.audit(ns.Reasoner(program), [])
    assert caught.value.code == "NS620"
    with pytest.raises(ns.NeurosymError) as caught:
        ns.audit(ns.Reasoner(program, semantics="bounds"), ns.Batch(("b",), {}))
    assert caught.value.code == "NS873"
    assert ns.audit(ns.Reasoner(program, semantics="boolean"), ns.Batch(("b",), {})).semantics == "exact"


def test_what_there_was_no_time_for_is_said() -> None:
    found = ns.audit(ns.Reasoner(ns.Program.from_text(WARD)), ns.Batch(("sick(P)",), TRUTH), seconds=0.0)
    assert all(r.moved is None for r in found.rules if r.firings)
    assert any("rules were not left out" in w for w in found.warnings)
    assert "not left out" in str(found)


def test_views(ward: Audit, tmp_path: Path) -> None:
    data = json.loads(ward.to_json())
    assert data["format"] == "neurosym-audit/1"
    assert {r["name"]: r["verdict"] for r in data["rules"]}["never"] == "never fires"
    text = str(ward)
    assert "! never" in text and "3 answers under `exact`" in text
    page = ward.to_html(str(tmp_path / "audit.html"), "<b>Ward</b>")
    assert (tmp_path / "audit.html").read_text() == page
    assert "&lt;b&gt;Ward&lt;/b&gt;" in page and "<b>Ward</b>" not in page
    assert "http-equiv" in page and "<script" not in page


@pytest.mark.parametrize("name", ["family", "access", "statute"])
def test_the_authored_programs_have_no_idle_rule(name: str) -> None:
    """Each rule moves some answer of the program's own questions."""
    domain = Domain(name)
    found = ns.audit(
        ns.Reasoner(domain.program, domain.facts), ns.Batch((), {a: p >= 0.5 for a, p in domain.expected.items()})
    )
    assert found.right == found.labelled == len(domain.expected)
    assert [r.name for r in found.rules if r.verdict in ("never fires", "changes nothing")] == []
    assert not found.broken and found.shortcuts is None


def test_firings_are_those_of_the_rule_and_not_of_its_aggregate() -> None:
    text = "rule many if t(?x) and ?n = count{ ?w : said(?x, ?w) } and ?n >= 2 then loud(?x) ."
    facts = " t(a). t(b). said(a, 1). said(a, 2). said(a, 3). said(b, 1)."
    found = ns.audit(ns.Reasoner(ns.Program.from_text(text + facts)), ns.Batch(("loud(X)",), {"loud(a)": True}))
    assert [r.firings for r in found.rules] == [1]


def test_the_page_counts_conflicts_as_its_table_does() -> None:
    text = """
    rule one if p(?x) then q(?x) . rule two if q(?x) then r(?x) . rule three weight 0.9 if s(?x) then t(?x) .
    rule four if r(?x) and not u(?x) then v(?x) . rule five if t(?x) then u(?x) .
    p(a). s(a).
    """
    found = ns.audit(ns.Reasoner(ns.Program.from_text(text)), ns.Batch(("v(X)",), {"v(a)": True}))
    marked = next(s for s in sections(found) if s.name == "conflicts").doubtful
    assert len([c for c in found.conflicts if not c.intended]) > len(marked) == unexpected(found)
    page = " ".join(found.to_html().split())
    assert f'<b class="number">{len(marked)}</b><span>conflict' in page and "logarithm" in page
