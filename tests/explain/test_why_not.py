"""Why an atom does not hold: the rules that came nearest, with the literals that failed and by how much."""

from __future__ import annotations

import json

import pytest
import torch

import neurosym as ns
from neurosym.explain import Explanation, NearLiteral, NearMiss

WARD = r"""
pred patient(p: symbol) . pred smoker(p: symbol) . pred vaccinated(p: symbol) .
pred temperature(p: symbol, celsius: float) label "{p} has a temperature of {celsius} °C" .
patient(p1). patient(p2). patient(p3). smoker(p1). vaccinated(p2).
temperature(p1, 36.2). temperature(p1, 37.6). temperature(p2, 38.9). temperature(p3, 39.0).
cough(p2). cough(p3). on_antibiotics(p3). symptom(p1, rash). symptom(p1, ache).
rule fever
  if temperature(?p, ?t) and ?t > 38.0 and cough(?p) and not vaccinated(?p)
  then flu(?p) .
rule covered exception to fever if on_antibiotics(?p) .
rule many_signs if patient(?p) and count{ ?s : symptom(?p, ?s) } >= 3 then flu(?p) .
rule ill weight 0.9 if patient(?p) and flu(?p) then ill(?p) .
"""


def explained(text: str, atom: str, query: str = "", **kwargs) -> Explanation:
    answers = ns.Reasoner(ns.Program.from_text(text)).query(query or atom, evidence=kwargs.pop("evidence", None))
    return ns.explain(answers, atom, **kwargs)


def named(why: Explanation, rule: str) -> NearMiss:
    return next(n for n in why.why_not if n.name == rule)


def failed(near: NearMiss) -> dict[str, NearLiteral]:
    return {x.text: x for x in near.failed}


def test_a_threshold_that_was_missed_says_by_how_much() -> None:
    why = explained(WARD, "flu(p1)", others=True)
    fever = named(why, "fever")
    assert fever.substitution == {"p": "p1", "t": "37.6"}  # of two measurements the nearer one
    assert not fever.fires and fever.probability is None
    assert {x.text for x in fever.held} >= {"temperature(p1, 37.6)", "not vaccinated(p1)"}
    missed = failed(fever)["37.6 > 38.0"]
    assert missed.how == "false comparison" and missed.missed_by == pytest.approx(0.4)
    assert missed.detail == "t is 37.6, missed by 0.4"
    cough = failed(fever)["cough(p1)"]
    assert cough.how == "no such fact" and set(cough.nearest) == {"cough(p2)", "cough(p3)"}
    assert why.rules[fever.rule].name == "fever"


def test_rules_are_ordered_by_how_near_they_came() -> None:
    why = explained(WARD, "flu(p1)")
    assert [n.name for n in why.why_not] == ["many_signs", "fever"]
    counted = named(why, "many_signs").failed[0]
    assert counted.text == "2 >= 3" and counted.detail == "count is 2, missed by 1" and counted.missed_by == 1


def test_negation_and_exceptions() -> None:
    why = explained(WARD, "flu(p2)")
    (literal,) = named(why, "fever").failed
    assert (literal.text, literal.how, literal.detail) == ("not vaccinated(p2)", "there", "vaccinated(p2)")
    (literal,) = named(explained(WARD, "flu(p3)"), "fever").failed
    assert literal.how == "exception" and "covered" in literal.text


def test_exceptions_with_a_weight_and_exceptions_to_exceptions() -> None:
    text = """
    rule base if a(?x) then b(?x) .
    rule often exception to base weight 0.8 if c(?x) .
    rule anyway exception to often if d(?x) .
    a(1). 0.4::a(2). c(1). c(2). d(2).
    """
    why = explained(text, "b(1)", contributions=False)
    (near,) = why.why_not
    assert near.fires and near.probability == pytest.approx(0.2) == pytest.approx(why.claim.probability)
    (near,) = explained(text, "b(2)", contributions=False).why_not
    assert near.fires and near.probability == pytest.approx(0.4)


def test_atoms_that_are_not_derived_are_looked_into_as_deep_as_asked() -> None:
    shallow = named(explained(WARD, "ill(p1)", depth=1), "ill").failed[0]
    assert shallow.how == "not derived" and shallow.below == ()
    deep = named(explained(WARD, "ill(p1)"), "ill").failed[0]
    assert [n.name for n in deep.below] == ["many_signs", "fever"]


def test_an_unknown_thing_fails_everywhere_and_nothing_is_made_up() -> None:
    why = explained(WARD, "flu(p9)")
    fever = failed(named(why, "fever"))
    assert fever["temperature(p9, ?t)"].how == "no such fact"
    assert fever["?t > 38.0"].how == "undecided"
    assert "t" not in named(why, "fever").substitution


def test_rules_that_fire_too_weakly_are_told_apart() -> None:
    text = """
    rule weak weight 0.2 if a(?x) and b(?x) then c(?x) .
    rule other weight 0.9 if a(?x) and d(?x) then c(?x) .
    a(1). 0.5::b(1). d(2).
    """
    why = explained(text, "c(1)")
    weak, other = why.why_not
    assert weak.fires and weak.probability == pytest.approx(0.1) == pytest.approx(why.claim.probability)
    assert next(x for x in weak.held if x.text == "b(1)").probability == pytest.approx(0.5)
    assert not other.fires and other.failed[0].text == "d(1)"


def test_the_threshold_decides_whether_there_is_anything_to_say() -> None:
    text = "rule r weight 0.6 if a(?x) then b(?x) .\na(1)."
    assert explained(text, "b(1)").why_not == ()
    assert [n.name for n in explained(text, "b(1)", threshold=0.7).why_not] == ["r"]
    assert explained(text, "b(2)", threshold=None).why_not == ()


def test_recursion() -> None:
    text = """
    path(X, Y) :- edge(X, Y).
    path(X, Z) :- path(X, Y), edge(Y, Z).
    edge(a, b). edge(b, c). edge(f, g).
    """
    why = explained(text, "path(a, g)", depth=3)
    step = next(n for n in why.why_not if n.substitution.get("Y") == "f")
    assert [x.text for x in step.held] == ["edge(f, g)"]
    (gap,) = step.failed
    assert gap.text == "path(a, f)" and gap.how == "not derived"
    assert {x.text for n in gap.below for x in n.failed} >= {"edge(a, f)"}


def test_annotated_disjunctions_and_evidence() -> None:
    text = "0.4 :: heads(C); 0.6 :: tails(C) :- coin(C).\nwon(C) :- heads(C).\ncoin(c1)."
    why = explained(text, "heads(c1)")
    assert why.why_not[0].fires and why.why_not[0].probability == pytest.approx(0.4)
    assert explained(text, "heads(c2)").why_not[0].failed[0].text == "coin(c2)"
    why = explained(text, "won(c1)", evidence={"tails(c1)": True})
    assert why.claim.probability == 0
    (literal,) = why.why_not[0].failed
    assert literal.text == "heads(c1)" and literal.detail == "heads(c1) has probability 0"


def test_groups_disjunctions_and_calculations() -> None:
    text = """
    p(1). p(2). q(2, 5).
    rule either if p(?x) and (r(?x) ; q(?x, ?y) and ?y > 7) then s(?x) .
    rule all if p(?x) and forall{ q(?x, ?y) : ?y > 7 } then t(?x) .
    rule sum if q(?x, ?y) and ?z is ?x + 2 * ?y and ?z > 20 then u(?x) .
    rule here if p(?x) and exists{ q(?x, ?y), ?y > 7 } then v(?x) .
    pred r(x: int) .
    """
    (near,) = explained(text, "s(2)").why_not  # of two ways through the rule the nearer one
    assert near.failed[0].text in ("5 > 7", "r(2)") and len(near.failed) == 1
    assert explained(text, "t(2)").why_not[0].failed[0].how == "false"
    missed = explained(text, "u(2)").why_not[0].failed[0]
    assert missed.text == "12 > 20" and missed.missed_by == 8
    assert explained(text, "v(2)").why_not[0].failed[0].missed_by == 2


def test_dates_and_tests_on_text() -> None:
    text = """
    pred visit(p: symbol, d: date) .
    visit(p1, 2024-03-01). visit(p1, 2024-05-20). note(p1, "no fever").
    rule late if visit(?p, ?d) and ?d > 2024-06-01 then late(?p) .
    rule hot if note(?p, ?t) and starts_with(?t, "fever") then hot(?p) .
    rule ends if note(?p, ?t) and ends_with(?t, "fever") and visit(?p, 2025-01-01) then ends(?p) .
    """
    (missed,) = explained(text, "late(p1)").why_not[0].failed
    assert missed.missed_by == 12 and missed.detail == "d is 2024-05-20, missed by 12 days"
    (literal,) = explained(text, "hot(p1)").why_not[0].failed
    assert literal.how == "false" and literal.text == 'starts_with("no fever", "fever")'
    (near,) = explained(text, "ends(p1)").why_not
    assert len(near.held) == 2 and near.failed[0].nearest


def test_aliases_and_triples() -> None:
    ex = "http://example.org/"
    facts = ns.FactBase.from_triples([(ns.Iri(ex + "a"), ns.Iri(ex + "knows"), ns.Iri(ex + "b"))])
    program = ns.Program.from_text(
        "@prefix ex: <http://example.org/> .\npred known(x: any, y: any) from ex:knows .\n"
        "rule advised if known(?x, ?y) and ex:Expert(?y) then advised(?x) ."
    )
    answers = ns.Reasoner(program, facts).query("advised(ex:a)")
    (near,) = ns.explain(answers, "advised(ex:a)").why_not
    assert [x.text for x in near.held] == ["known(ex:a, ex:b)"] or near.held[0].how == "holds"
    assert near.failed[0].how == "no such fact" and "Expert" in near.failed[0].text


class Doubtful(torch.nn.Module):
    """Gives `true` a probability of 0.1."""

    asked = 0

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        self.asked += 1
        return torch.logit(torch.full((len(rows), 1), 0.1))


def test_what_a_network_says_is_a_literal_like_others() -> None:
    text = """
    neural risky(p: symbol) by net .
    rule act if patient(?p) and risky(?p) then act(?p) .
    patient(p1).
    """
    table = ns.FeatureTable(["p1"], torch.tensor([[1.0]]), ["x"])
    reasoner = ns.Reasoner(ns.Program.from_text(text), None, {"net": Doubtful()}, {"symbol": table})
    with torch.no_grad():
        answers = reasoner.query("act(p1)")
    (near,) = ns.explain(answers, "act(p1)").why_not
    assert near.fires and near.probability == pytest.approx(0.1, abs=1e-6)


def test_networks_are_not_asked_again_for_what_they_said() -> None:
    text = """
    neural risky(p: symbol) by net .
    rule seen if patient(?p) and risky(?p) then seen(?p) .
    rule act if seen(?p) and not cleared(?p) and (treated(?p) ; risky(?p)) then act(?p) .
    pred treated(p: symbol) .  pred cleared(p: symbol) .
    patient(p1).
    """
    net = Doubtful()
    table = ns.FeatureTable(["p1"], torch.tensor([[1.0]]), ["x"])
    reasoner = ns.Reasoner(ns.Program.from_text(text), None, {"net": net}, {"symbol": table})
    answers = reasoner.query("act(p1)")
    before = net.asked
    (near,) = ns.explain(answers, "act(p1)", contributions=False).why_not
    assert net.asked == before
    assert near.fires and next(x for x in near.held if x.text == "seen(p1)").probability == pytest.approx(0.1, abs=1e-6)
    (below,) = near.held[0].below
    assert below.name == "seen" and below.held[1].weak and below.held[1].probability == pytest.approx(0.1, abs=1e-6)


def test_all_views_show_it() -> None:
    why = explained(WARD, "flu(p1)", depth=2)
    text = why.to_text()
    assert "Why not: the rules that came nearest" in text
    assert "- 37.6 > 38.0 is false: t is 37.6, missed by 0.4" in text
    page = why.to_html()
    assert 'id="why-not"' in page and "37.6 &gt; 38.0 is false" in page
    data = json.loads(why.to_json())
    assert data["why_not"][0]["name"] == "many_signs" and data["changes"] == []
    why.verify()


def test_strings_from_data_are_escaped() -> None:
    text = 'pred says(x: any, t: string) .\nsays(1, "<b>no</b>").\nb(X) :- says(X, T), T = "<i>".\n'
    page = explained(text, "b(1)").to_html()
    assert "<b>no</b>" not in page and "<i>" not in page and "&lt;i&gt;" in page


def test_the_search_is_limited_and_says_so() -> None:
    text = "pred e(x: int, y: int) .\n"
    text += "rule far if e(?a, ?b) and e(?c, ?d) and e(?f, ?g) and ?a + ?c + ?f > 9999 then far .\n"
    text += " ".join(f"e({k}, {k})." for k in range(60))
    why = explained(text, "far")
    assert any("was cut" in w for w in why.warnings)
    assert why.why_not[0].failed[0].how == "false comparison"


def test_a_weight_may_be_written_as_a_fraction() -> None:
    near = named(explained("w(a). rule r weight 1/4 if w(?x) then c(?x) .", "c(a)", threshold=0.5), "r")
    assert near.fires and near.probability == 0.25
    branches = "w. 1/4::a; 1/2::b :- w.\n"
    why = explained(branches, "a", threshold=0.9)
    assert [n.probability for n in why.why_not] == [0.25] and why.rules[0].weights == (0.25, 0.5)


def test_the_weight_of_an_exception_is_what_it_concludes_with_and_how_far_it_applies() -> None:
    text = """
p(a). q(a).
rule pays if p(?x) then pays(?x) .
rule child weight 3/10 exception to pays if q(?x) then free(?x) .
"""
    free = named(explained(text, "free(a)", threshold=0.5), "child")
    assert free.fires and free.probability == pytest.approx(0.3)
    pays = named(explained(text, "pays(a)", threshold=0.9), "pays")
    assert pays.fires and pays.probability == pytest.approx(0.7)


HOUSE = """
@prefix t: <http://t.example/> .
pred served(tenant: any, day: date) label "notice was served on {tenant} on {day}" .
pred allergic(p: any, d: any) open label "{p} is allergic to {d}" .
rule termination if good_cause(?t) and served(?t, ?d) and not protected(?t) then evict(?t) .
rule payment weight 0.9 if owes(?t) then good_cause(?t) .
rule neighbour if shares(?t, ?q) and good_cause(?q) then good_cause(?t) .
rule social weight 0.7 if hardship(?t) then protected(?t) .
rule season if good_cause(?t) and winter(?s) and cold(?s) then frozen(?t) .
owes(t:ada). owes(t:cem). hardship(t:ada). shares(t:dan, t:cem). winter(january). cold(january).
served(t:ada, 2024-03-01). served(t:bea, 2024-03-02). served(t:cem, 2024-03-02).
rule give weight 0.9 if needs(?p, ?d) and not allergic(?p, ?d) and healthy(?p) then treat(?p, ?d) .
rule healthy weight 0.8 if needs(?p, ?d) and not allergic(?p, ?d) then healthy(?p) .
needs(ann, penicillin). needs(bob, penicillin). allergic(bob, penicillin).
"""


def test_a_page_about_one_person_names_no_other() -> None:
    why = explained(HOUSE, "evict(t:bea)")
    for view in (why.to_text(), why.to_html(), why.to_json()):
        assert not any(name in view for name in ("t:ada", "t:cem", "Ada", "Cem"))
    missing = why.why_not[0].failed[0]
    assert missing.how == "not derived" and missing.label == "good_cause(bea)" and missing.nearest == ()
    neighbour = next(n for n in missing.below if n.name == "neighbour")
    assert [x.how for x in neighbour.failed] == ["no such fact", "undecided"]
    asked = explained(HOUSE, "evict(t:bea)", others=True).why_not[0].failed[0]
    assert set(asked.nearest) == {"good_cause(t:ada)", "good_cause(t:cem)", "good_cause(t:dan)"}
    # whom a record connects with the claim is named, and so is what no record could connect with anybody
    near = explained(HOUSE, "evict(t:dan)").why_not[0]
    assert "good_cause(t:dan)" in {x.text for x in near.held}
    near = explained(HOUSE, "frozen(t:bea)").why_not[0]
    assert {x.text for x in near.held} == {"winter(january)", "cold(january)"}


def test_the_main_reason_against_a_claim_stands_first() -> None:
    why = explained(HOUSE, "evict(t:bea)")
    said = "there is no good_cause(bea), because there is no owes(bea)"
    text, page = " ".join(why.to_text().split()), why.to_html()
    assert text.startswith(f"evict(bea): 0% (probability). Main reason against it: {said}.")
    assert f"<strong>Main reason against it:</strong> {said[0].upper()}{said[1:]}." in page
    for section in ("why", "evidence"):
        assert f'id="{section}"' not in page and f'href="#{section}"' not in page
    assert "No rule, fact or network supports it" not in page


def test_a_literal_under_the_threshold_has_no_tick_and_is_the_main_point() -> None:
    why = explained(HOUSE, "evict(t:ada)")
    (weak,) = (x for x in why.why_not[0].held if x.weak)
    assert weak.text == "not protected(t:ada)" and weak.probability == pytest.approx(0.3)
    text = " ".join(why.to_text().split())
    assert "Speaks against it: " in text and "without the rule social" in text
    assert "~ it is not so that protected(ada): 30.0% only [not protected(t:ada)]" in text
    assert "+ notice was served on ada on 2024-03-01 [served(t:ada, 2024-03-01)]" in text
    assert "too weak: </span><strong>it is not so that protected(ada): 30.0% only</strong>" in why.to_html()
    light = explained("rule r weight 0.2 if a(?x) then b(?x) .\na(1).", "b(1)")
    assert light.why_not[0].weak
    assert "Main reason against it: the rule r applies: 20.0% only." in " ".join(light.to_text().split())


def test_what_is_unknown_is_said_to_be() -> None:
    near = explained(HOUSE, "treat(ann, penicillin)").why_not[0]
    assert near.fires and near.probability is None
    assert {x.text: x.how for x in near.held} == {
        "needs(ann, penicillin)": "holds", "not allergic(ann, penicillin)": "unknown", "healthy(ann)": "unknown",
    }  # fmt: skip
    assert next(x for x in near.held if x.text == "healthy(ann)").detail == "between 0 and 0.8"
    text = explained(HOUSE, "treat(ann, penicillin)").to_text()
    assert "? it is not so that ann is allergic to penicillin: unknown" in text and "50.0%" not in text
    (literal,) = (x for x in explained(HOUSE, "treat(bob, penicillin)").why_not[0].failed if x.how == "there")
    assert literal.detail == "bob is allergic to penicillin"


def test_a_threshold_over_one_is_refused() -> None:
    with pytest.raises(ns.NeurosymError, match=r"did you mean 0\.5\?") as caught:
        explained(HOUSE, "evict(t:ada)", threshold=50)
    assert caught.value.code == "NS848"
    answers = ns.Reasoner(ns.Program.from_text(HOUSE), semantics="count").query("evict(t:bea)")
    ns.explain(answers, "evict(t:bea)", threshold=2)
