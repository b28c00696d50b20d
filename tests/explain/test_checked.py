"""Every view says whether the certificate was verified, and a report that does not verify says so first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import neurosym as ns
from neurosym.explain.report import explanation_html, write_batch
from neurosym.explain.verification import checked
from tests.explain.samples import diagnosis
from tests.explain.test_report import Page

COINS = """
0.5::heads(c1). 0.2::heads(c2).
0.9::win :- heads(c1), heads(c2).
0.4::win :- heads(c1).
"""


def why(semantics: str = "exact") -> ns.Explanation:
    answers = ns.Reasoner(ns.Program.from_text(COINS), semantics=semantics).query("win")
    return ns.explain(answers, "win")


def words(explanation: ns.Explanation) -> str:
    page = Page(explanation_html(explanation))
    page.check()
    return " ".join(page.text.split())


def test_a_claim_that_follows_is_verified() -> None:
    found, error = checked(why())
    assert error is None and "that the facts are in the data" not in found.unverified
    assert "the warnings, and whether one was left out" in found.unverified
    assert found.verified is not None and "the number follows from the certificate" in found.verified
    assert "whether one was left out" in words(found) and "Not looked at: what each" in " ".join(str(found).split())
    # one that was read from a file does not know the rules and the data
    found, error = checked(ns.Explanation.from_json(why().to_json()))
    assert error is None and found.verified is not None
    assert "that the facts are in the data" in found.unverified
    page, text = words(found), " ".join(str(found).split())
    assert "Verified when this report was made" in page and "does not verify" not in page
    assert page.index("The number follows from the certificate.") < page.index("Not looked at")
    assert "Verified when this was made: the certificate is well formed" in text and "Not looked at: that" in text


def test_a_claim_that_does_not_follow_is_refuted_before_anything_else() -> None:
    made = why()
    claimed = 0.75
    found, error = checked(replace(made, claim=replace(made.claim, probability=claimed, lower=claimed, upper=claimed)))
    assert error is not None and found.verified == () and found.unverified == (error.message,)
    page, text = words(found), str(found)
    assert page.index("This report does not verify. Do not rely on it.") < page.index("Main reason")
    assert text.startswith("This report does not verify, do not rely on it")
    assert "Verified when" not in page and "Verified when" not in text


def test_what_cannot_be_decided_is_neither() -> None:
    made = why()
    certificate = replace(made.certificate, semantics="fuzzy")
    found, error = checked(ns.Explanation.from_json(replace(made, certificate=certificate).to_json()))
    assert error is not None and error.code == "NS822"
    assert found.verified is None and found.unverified == (error.message,)
    assert "Not verified when this report was made: a claim under the semantics" in words(found)


def test_where_nobody_looked_the_views_say_so() -> None:
    made = why()
    assert made.verified is None and made.unverified == ()
    assert "Not verified when this report was made : nobody recomputed" in words(made).replace("made:", "made :")
    assert "Not verified when this was made." in " ".join(str(made).split())


def test_the_json_has_both() -> None:
    data = json.loads(checked(ns.Explanation.from_json(why().to_json()))[0].to_json())
    assert data["verified"][0] == "the certificate is well formed" and len(data["unverified"]) >= 2


def test_the_index_marks_what_does_not_verify(tmp_path: Path) -> None:
    good, bad = (replace(diagnosis(), verified=v, unverified=("x",)) for v in (("all is well",), ()))
    index = write_batch(tmp_path, [(good, True), (bad, True)], "Two").read_text("utf-8")
    page = Page(index)
    page.check(scripts=1)
    told = " ".join(page.text.split())
    assert "1 report of these does not verify. Do not rely on it." in told and "1 verified when" in told
    assert index.count(" data-refuted>") == 1


def test_hashes_are_taken_once_for_all_explanations_of_some_answers(monkeypatch) -> None:
    taken: list[str] = []
    weights = ns.Reasoner.weights_sha256
    monkeypatch.setattr(ns.Reasoner, "weights_sha256", lambda self: taken.append("weights") or weights(self))
    facts = ns.FactBase.from_facts([("coin", (ns.Symbol(name),)) for name in ("a", "b", "c")])
    program = ns.Program.from_text("t(_) :: heads(X) :- coin(X).", facts_predicates=[("coin", 1)])
    reasoner = ns.Reasoner(program, facts)
    answers = reasoner.query("heads(X)")
    before = [ns.explain(answers, atom) for atom in answers.atoms[:2]]
    for parameter in reasoner.parameters():
        parameter.data += 1.0
    # the tags are still those of the weights that they were made from
    after = ns.explain(answers, answers.atoms[2])
    assert taken == ["weights"]
    assert {w.certificate.hashes["weights"] for w in (*before, after)} == {before[0].provenance.weights_sha256}
    assert reasoner.weights_sha256() != before[0].provenance.weights_sha256
    assert ns.explain(reasoner.query("heads(a)"), "heads(a)").provenance.weights_sha256 == reasoner.weights_sha256()
