"""`neurosym verify` with rules, facts and a model: what is confirmed, what is refused, and what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import neurosym as ns
from neurosym.lang import Iri
from neurosym.neural import FeatureTable, MonotoneThreshold
from tests.cli.test_models import EX

WARD = """@prefix ex: <http://hospital.example/> .
rule fever weight 0.85 if ex:temperature(?p, ?t) and ?t > 38.3 and not treated(?p) then suspect(?p) .
rule seen  weight 0.5  if ex:seen(?p, ?q) and suspect(?q) then suspect(?p) .
"""
DATA = """@prefix ex: <http://hospital.example/> .
ex:p1 ex:temperature 39.5 . ex:p2 ex:temperature 38.9 . ex:p2 ex:seen ex:p1 . ex:p3 ex:temperature 36.6 .
"""


@pytest.fixture
def ward(cli, file, tmp_path: Path):
    """Rules, facts, and the explanation of a claim as JSON."""
    rules, facts = file("ward.rules", WARD), file("ward.ttl", DATA)
    treated = file("treated.csv", f"patient\n<{EX}p3>\n")
    why = tmp_path / "why.json"
    found = cli("explain", rules, "--facts", facts, "--facts", treated, "--query", "suspect(ex:p2)", "--json")
    assert found.status == 0 and "NS803" not in found.err
    why.write_text(found.out, "utf-8")
    return rules, facts, treated, why


def test_with_rules_and_facts(cli, ward):
    rules, facts, treated, why = ward
    given = ("--rules", rules, "--facts", facts, "--facts", treated)
    found = cli("verify", why, *given)
    assert found.status == 0
    assert "confirmed: each ground rule is an instance of its rule, and none was left out" in found.out
    assert "not looked at: that" not in found.out
    payload = cli("verify", why, *given, "--json").json
    assert payload["unchecked"] == [] and "the warnings, and whether one was left out" in payload["unlooked"]
    assert len(payload["checked"]) == 11


def test_without_them_it_says_what_it_did_not_look_at(cli, ward):
    found = cli("verify", ward[3])
    assert found.status == 0
    assert "not looked at: that the facts are in the data" in found.out


def test_other_rules_and_facts_are_refused(cli, ward, file):
    rules, facts, treated, why = ward
    other = file("other.ttl", DATA.replace("39.5", "39.6"))
    refused = cli("verify", why, "--rules", rules, "--facts", other, "--facts", treated)
    assert refused.status == 1
    assert "error[NS825]" in refused.err and "other facts" in refused.err
    rules.write_text(WARD.replace("38.3", "38.4"), "utf-8")
    refused = cli("verify", why, "--rules", rules, "--facts", facts, "--facts", treated, "--json")
    assert refused.status == 1
    assert refused.json["diagnostics"][0]["code"] == "NS825"


def test_a_dropped_grounding_is_refused(cli, ward):
    rules, facts, treated, why = ward
    whole = json.loads(why.read_text("utf-8"))
    certificate = whole["certificate"]
    gone = next(g for g in certificate["groundings"] if g["rule"] == "seen")
    # what is left is a certificate of its own, whose number follows
    kept = [g for g in certificate["groundings"] if g is not gone and g["head"] == certificate["claim"]]
    used = sorted({certificate["claim"], *kept[0]["body"]})
    number = {f: k for k, f in enumerate(used)}
    certificate["facts"] = [certificate["facts"][f] for f in used]
    certificate["groundings"] = [
        {**kept[0], "head": number[kept[0]["head"]], "body": [number[f] for f in kept[0]["body"]]}
    ]
    certificate["choices"] = [
        {**c, "outcomes": [number[f] for f in c["outcomes"]]}
        for c in certificate["choices"] if all(f in number for f in c["outcomes"])
    ]  # fmt: skip
    certificate["claim"], certificate["value"] = number[certificate["claim"]], 0.85
    why.write_text(json.dumps(certificate), "utf-8")
    assert cli("verify", why).status == 0
    refused = cli("verify", why, "--rules", rules, "--facts", facts, "--facts", treated)
    assert refused.status == 1
    assert "error[NS827]" in refused.err and "`seen`" in refused.err


def test_observations_are_compared_where_they_are_known(cli, file, tmp_path):
    rules = file("coins.rules", "0.5 :: heads(a). 0.4 :: heads(b). win :- heads(a), heads(b).")
    why = tmp_path / "why.json"
    why.write_text(cli("explain", rules, "--query", "win", "--evidence", "heads(a)", "--json").out, "utf-8")
    found = cli("verify", why, "--rules", rules)
    assert "not looked at: that heads(a) was observed as it says" in found.out
    assert "observed as it says" not in cli("verify", why, "--rules", rules, "--evidence", "heads(a)").out
    for literal in ("\\+ heads(a)", "heads(b)"):
        refused = cli("verify", why, "--rules", rules, "--evidence", literal)
        assert refused.status == 1
        assert "error[NS833]" in refused.err


@pytest.mark.parametrize(
    "literal", ["\\+ heads(a)", "\\+heads(a).", "not heads(a)", "not\theads(a)", "not(heads(a))", "\\+(heads(a))"]
)
def test_an_observed_negation_however_it_is_written(cli, file, tmp_path, literal):
    rules = file("coins.rules", "0.5 :: heads(a). 0.4 :: heads(b). win :- heads(b), not heads(a).")
    why = tmp_path / "why.json"
    why.write_text(cli("explain", rules, "--query", "win", "--evidence", literal, "--json").out, "utf-8")
    found = cli("verify", why, "--rules", rules, "--evidence", literal)
    assert found.status == 0, found.err
    assert "was observed as it says" not in found.out
    refused = cli("verify", why, "--rules", rules, "--evidence", "heads(a)")
    assert refused.status == 1
    assert "error[NS833]" in refused.err


def test_a_query_for_more_than_an_atom(cli, file, tmp_path):
    rules = file(
        "coins.rules", "0.5 :: heads(a). 0.4 :: heads(b). tails(X) :- coin(X), not heads(X). coin(a). coin(b)."
    )
    why = tmp_path / "why.json"
    for query in ("heads(X), tails(b)", "not heads(a)", "heads(a) ; heads(b)"):
        why.write_text(cli("explain", rules, "--query", query, "--json").out, "utf-8")
        found = cli("verify", why, "--rules", rules)
        assert found.status == 0, found.err
        assert "not looked at: that" not in found.out


def test_usage(cli, ward):
    assert cli("verify", ward[3], "--facts", ward[1]).status == 2


def test_rules_alone_need_neither_torch_nor_numpy(cli, file, tmp_path):
    rules = file("coins.rules", "0.5 :: heads(a). 0.4 :: heads(b). win :- heads(a), heads(b).")
    why = tmp_path / "why.json"
    why.write_text(cli("explain", rules, "--query", "win", "--json").out, "utf-8")
    code = (
        "import sys\nfrom neurosym.cli.app import main\n"
        f"main(['verify', {str(why)!r}, '--rules', {str(rules)!r}])\n"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "none was left out" in run.stdout


# ------------------------------------------------------------------------------------------------------- a model


MODEL = f"""
@prefix ex: <{EX}> .
neural large(p: ex:Patient) by large_net .
rule size weight 0.9 learn if ex:Patient(?p) and large(?p) then malignant(?p) .
0.2 :: malignant(P) :- smoker(P).
"""


@pytest.fixture
def saved(tmp_path: Path, file, cli):
    """A saved model, a table of new patients, and the explanation of a prediction."""
    torch.manual_seed(0)
    network = MonotoneThreshold(1, "above", 0.5)
    table = FeatureTable(["ex:p1", "ex:p2"], torch.tensor([[1.0], [2.0]]), ["size"])
    facts = ns.FactBase.from_facts([(f"<{EX}Patient>", (Iri(f"{EX}p{i}"),)) for i in (1, 2)])
    program = ns.Program.from_text(MODEL, "model.rules", facts_predicates=[("smoker", 1), (f"<{EX}Patient>", 1)])
    reasoner = ns.Reasoner(program, facts, {"large_net": network}, {"ex:Patient": table})
    reasoner.save(tmp_path / "model", ns.FactBase.from_facts([("smoker", (Iri(f"{EX}p8"),))]))
    new = file("new.csv", "id,size\np8,1.7\n")
    loaded = ns.Reasoner.load(tmp_path / "model")
    answers = loaded.predict(
        ns.FactBase.from_facts([(f"<{EX}Patient>", (Iri(f"{EX}p8"),))]), "malignant(ex:p8)",
        features={"ex:Patient": FeatureTable(["ex:p8"], torch.tensor([[1.7]]), ["size"])},
    )  # fmt: skip
    why = tmp_path / "why.json"
    why.write_text(ns.explain(answers, "malignant(ex:p8)").to_json(), "utf-8")
    return tmp_path / "model", new, why


def test_with_a_model(cli, saved):
    model, new, why = saved
    found = cli("verify", why, "--model", model, "--facts", new)
    assert found.status == 0, found.err
    assert "confirmed: what the networks say, for 1 values" in found.out
    assert "not looked at: that" not in found.out


@pytest.mark.parametrize("kind", ["neural", "learned"])
def test_a_changed_network_or_weight_is_caught(cli, saved, kind):
    model, new, why = saved
    certificate = json.loads(why.read_text("utf-8"))["certificate"]
    choice = next(c for c in certificate["choices"] if c["kind"] == kind)
    choice["probabilities"][0] *= 0.9
    probability = {c["kind"]: c["probabilities"][0] for c in certificate["choices"]}
    certificate["value"] = 1 - (1 - probability["learned"] * probability["neural"]) * (1 - probability["constant"])
    why.write_text(json.dumps(certificate), "utf-8")
    assert cli("verify", why).status == 0
    refused = cli("verify", why, "--model", model, "--facts", new)
    assert refused.status == 1
    assert ("error[NS835]" if kind == "neural" else "error[NS831]") in refused.err


def test_another_model_is_refused(cli, saved):
    model, new, why = saved
    other = ns.Reasoner.load(model)
    other.set_rule_weight("size", 0.7)
    other.save(model)
    refused = cli("verify", why, "--model", model, "--facts", new)
    assert refused.status == 1
    assert "NS825" in refused.err or "NS831" in refused.err
