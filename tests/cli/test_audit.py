"""`neurosym audit`: a saved model, labels, concept labels."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import neurosym as ns
from neurosym.lang import Iri
from neurosym.neural import FeatureTable

EX = "http://hospital.example/"
RULES = f"""
@prefix ex: <{EX}> .
neural large(p: ex:Patient) by large_net .
neural hue(p: ex:Patient, c: {{pale, dark}}) by hue_net .
pred smoker(p: ex:Patient) .
rule size weight 0.9 if ex:Patient(?p) and large(?p) then malignant(?p) .
rule shade weight 0.9 if ex:Patient(?p) and hue(?p, dark) then malignant(?p) .
rule smoking weight 0.2 if smoker(?p) then malignant(?p) .
query(malignant(P)).
"""
TABLE = "id,size,pale,dark\np7,2,1,-1\np8,-2,1,-1\np9,-2,-1,1\n"
KNOWLEDGE = Path(__file__).parents[2] / "knowledge"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    from neurosym.neural import MLP, OnColumns

    table = FeatureTable(["ex:p1"], torch.tensor([[1.0, 1.0, 0.0]]), ["size", "pale", "dark"])
    large, hue = MLP([1, 1]), MLP([2, 2])
    with torch.no_grad():
        for network in (large, hue):
            for parameter in network.parameters():
                parameter.copy_(torch.eye(*parameter.shape) if parameter.dim() == 2 else torch.zeros_like(parameter))
    networks = {"large_net": OnColumns(large, [0], ["size"]), "hue_net": OnColumns(hue, [1, 2], ["pale", "dark"])}
    facts = ns.FactBase.from_facts([(f"<{EX}Patient>", (Iri(f"{EX}p1"),))])
    reasoner = ns.Reasoner(ns.Program.from_text(RULES), facts, networks, {"ex:Patient": table})
    reasoner.save(tmp_path / "model")
    return tmp_path / "model"


def test_rules_concepts_and_shortcuts(cli, file, model, tmp_path):
    truth = file("truth.csv", "id,malignant\np7,true\np8,false\nmalignant(ex:p9),1\n")
    concepts = file("seen.csv", "id,large,hue\np7,true,pale\np8,true,\nex:p9,no,dark\n")
    page = tmp_path / "audit.html"
    options = ("--truth", truth, "--concepts", concepts, "--html", page)
    found = cli("audit", model, file("new.csv", TABLE), *options, "--json")
    assert found.status == 0, found.err
    audit = found.json["audit"]
    assert (audit["answers"], audit["labelled"], audit["right"]) == (3, 3, 3)
    assert {r["name"]: r["verdict"] for r in audit["rules"]} == {
        "size": "works", "shade": "works", "smoking": "never fires",
    }  # fmt: skip
    assert {c["concept"]: (c["labelled"], c["right"]) for c in audit["concepts"]} == {"large": (3, 2), "hue": (2, 2)}
    # either finding alone makes a patient malignant, equally probably: but each network reads its own values
    assert audit["shortcuts"]["exact"] and audit["shortcuts"]["contradicted"] == 0
    assert "Audit of model" in page.read_text("utf-8")
    shown = cli("audit", model, file("new.csv", TABLE), *options)
    assert shown.status == 0 and "! smoking" in shown.out and "Reasoning shortcuts" in shown.out
    assert shown.out.rstrip().endswith("audit.html")


@pytest.mark.parametrize(
    ("option", "text", "code"),
    [
        ("--truth", "id,malignant\np70,true\n", "NS874"),
        ("--truth", "id,malignant\np7,perhaps\n", "NS305"),
        ("--concepts", "id,larg\np7,true\n", "NS870"),
        ("--concepts", "id,large\np7,perhaps\n", "NS872"),
        ("--concepts", "id,hue\np7,green\n", "NS872"),
        ("--concepts", "id,large\np7\n", "NS303"),
        ("--concepts", "id,large\np70,true\n", "NS871"),
    ],
)
def test_labels_that_do_not_fit(cli, file, model, option, text, code):
    found = cli("audit", model, file("new.csv", TABLE), option, file("labels.csv", text), "--json")
    assert found.status == 1
    assert found.json["audit"] is None
    assert f"error[{code}]" in found.err


def test_data_that_do_not_fit(cli, file, model, tmp_path):
    lacking = cli("audit", model, file("new.csv", "id,size,pale,drk\np7,1,2,3\n"))
    assert lacking.status == 1 and "error[NS617]" in lacking.err and "lacks the column `dark`" in lacking.err
    gone = cli("audit", tmp_path / "gone", file("new.csv", TABLE))
    assert gone.status == 1 and "error[NS701]" in gone.err
    missing = cli("audit", model, file("new.csv", TABLE), "--concepts", tmp_path / "gone.csv")
    assert missing.status == 1 and "error[NS301]" in missing.err


class Own(torch.nn.Linear):
    """A network that the library does not have."""

    def config(self) -> dict[str, int]:
        return {"in_features": 1, "out_features": 1}


@pytest.mark.parametrize("command", ["predict", "report", "audit"])
def test_a_network_whose_class_is_not_given(cli, file, tmp_path, command):
    program = ns.Program.from_text(
        "pred p(x: symbol) . neural big(x: symbol) by net . q(X) :- p(X), big(X). query(q(X))."
    )
    table = FeatureTable(["a"], torch.tensor([[1.0]]), ["size"])
    ns.Reasoner(program, None, {"net": Own(1, 1)}, {"symbol": table}).save(tmp_path / "model")
    out = ("--out", tmp_path / "pages") if command == "report" else ()
    found = cli(command, tmp_path / "model", file("p.csv", "x\na\n"), *out)
    assert found.status == 1 and "error[NS704]" in found.err and "Own" in found.err


@pytest.mark.parametrize(
    ("domain", "rules", "data"),
    [("family", "kin.rules", "*.ttl"), ("access", "policy.rules", "*.csv"), ("statute", "bees.rules", "*.ttl")],
)
def test_the_authored_programs_as_models(cli, tmp_path, domain, rules, data):
    """All three commands on a program that has no network."""
    folder = KNOWLEDGE / domain
    ns.Reasoner(ns.Program.from_file(str(folder / rules))).save(tmp_path / "model")
    files = sorted(folder.glob(data))
    predicted = cli("predict", tmp_path / "model", *files, "--json")
    asked = cli("query", folder / rules, *(w for f in files for w in ("--facts", f)), "--json")
    assert predicted.status == 0 and predicted.json["answers"] == asked.json["answers"]
    reported = cli("report", tmp_path / "model", *files, "--out", tmp_path / "pages", "--limit", 2)
    assert reported.status == 0 and len(list((tmp_path / "pages").glob("*.html"))) == 3
    audited = cli("audit", tmp_path / "model", *files, "--json")
    assert audited.status == 0
    assert audited.json["audit"]["answers"] == len(predicted.json["answers"])
