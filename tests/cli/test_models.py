"""`neurosym predict` and `report`: a saved model on patients never seen."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import neurosym as ns
from neurosym.lang import Iri
from neurosym.neural import FeatureTable, MonotoneThreshold, OnColumns, TableNet

EX = "http://hospital.example/"
RULES = f"""
@prefix ex: <{EX}> .
neural large(p: ex:Patient) by large_net .
pred smoker(p: ex:Patient) .
0.9 :: malignant(P) :- ex:Patient(P), large(P).
0.2 :: malignant(P) :- smoker(P).
query(malignant(P)).
"""
HEADER = "id,size,age,shade\n"


@pytest.fixture(scope="module")
def reasoner() -> ns.Reasoner:
    torch.manual_seed(0)
    table = FeatureTable(
        ["ex:p1", "ex:p2"], torch.tensor([[1.0, 40.0, 3.0], [2.0, 50.0, 4.0]]), ["size", "age", "shade"]
    )
    network = OnColumns(MonotoneThreshold(2, "above", 0.5), [0, 2], ["size", "shade"])
    network.fit(table.rows)
    facts = ns.FactBase.from_facts([(f"<{EX}Patient>", (Iri(f"{EX}p{i}"),)) for i in (1, 2)])
    return ns.Reasoner(ns.Program.from_text(RULES), facts, {"large_net": network}, {"ex:Patient": table})


@pytest.fixture
def model(reasoner: ns.Reasoner, tmp_path: Path) -> Path:
    reasoner.save(tmp_path / "model", ns.FactBase.from_facts([("smoker", (Iri(f"{EX}p8"),))]))
    return tmp_path / "model"


def expected(reasoner: ns.Reasoner, name: str, row: list[float]) -> float:
    facts = ns.FactBase.from_facts([(f"<{EX}Patient>", (Iri(EX + name),))])
    table = FeatureTable([f"ex:{name}"], torch.tensor([row]), ["size", "age", "shade"])
    answers = reasoner.predict(facts, f"malignant(ex:{name})", features={"ex:Patient": table})
    return answers.tags[0, 0].item()


def test_a_table_of_new_patients(cli, file, model, reasoner):
    table = file("new.csv", HEADER + f"p7,1.7,44,3.5\nex:p8,0.9,30,2\n<{EX}p9>,3,60,5\n")
    found = cli("predict", model, table, "--json")
    assert found.status == 0
    numbers = {row["atom"]: row["probability"] for row in found.json["answers"]}
    assert list(numbers) == ["malignant(ex:p7)", "malignant(ex:p8)", "malignant(ex:p9)"]
    assert numbers["malignant(ex:p7)"] == expected(reasoner, "p7", [1.7, 44, 3.5])
    assert numbers["malignant(ex:p9)"] == expected(reasoner, "p9", [3.0, 60, 5])
    own = expected(reasoner, "p8", [0.9, 30, 2])
    assert numbers["malignant(ex:p8)"] == pytest.approx(1 - (1 - own) * 0.8)  # a smoker, says the background


def test_facts_beside_the_table(cli, file, model, reasoner):
    table = file("new.csv", "age,shade,name,id,size\n44,3.5,Ann,p7,1.7\n")
    smoker = file("smoker.csv", f"patient\n<{EX}p7>\n")
    found = cli("predict", model, table, smoker, "--query", "malignant(ex:p7)")
    own = expected(reasoner, "p7", [1.7, 44, 3.5])
    assert found.out == f"malignant(ex:p7): {1 - (1 - own) * 0.8:.8g}\n"
    assert "does not use the column `name`" in found.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,size,age,shde\np7,1,2,3\n", "lacks the column `shade`"),
        (HEADER + "p7,1,2,big\n", "new.csv:2: `big` is no number in column `shade`"),
        (HEADER + "p7,1,,3\n", "new.csv:2: there is no value in column `age`"),
        (HEADER + "p7,1,2,nan\n", "new.csv:2"),
        (HEADER + "p7,1,2\n", "new.csv:2: 3 cells"),
        (HEADER + "p7,1,2,3\np7,1,2,3\n", "new.csv:3: `http://hospital.example/p7` has a row already"),
        (HEADER + "on:p7,1,2,3\n", "the prefix `on:`"),
        (HEADER + ",1,2,3\n", "names no entity"),
        (HEADER, "has no rows"),
        ("size,age,shade\n1,2,3\n", "does not name its entities"),
    ],
)
def test_faulty_tables(cli, file, model, text, words):
    found = cli("predict", model, file("new.csv", text), "--json")
    assert found.status == 1
    assert found.json["answers"] == []
    assert words in found.err


def test_a_byte_that_is_no_text_far_down_a_table(cli, tmp_path, model):
    table = tmp_path / "new.csv"
    rows = "".join(f"q{k},1,2,3\n" for k in range(5000))
    table.write_bytes((HEADER + rows).encode() + b"q\xff,1,2,3\n")
    found = cli("predict", model, table)
    assert found.status == 1 and "error[NS303]" in found.err


def test_no_model(cli, file, tmp_path):
    found = cli("predict", tmp_path / "gone", file("new.csv", HEADER))
    assert found.status == 1
    assert "error[NS701]" in found.err


def test_facts_without_features(cli, file, model):
    facts = file("new.nt", f"<{EX}p7> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <{EX}Patient> .\n")
    found = cli("predict", model, facts)
    assert found.status == 1
    assert "error[NS614]" in found.err


def test_report(cli, file, model, tmp_path):
    table = file("new.csv", HEADER + "p7,1.7,44,3.5\np9,3,60,5\np6,0.1,60,0.2\n")
    truth = file("truth.csv", "id,malignant\np9,1\nmalignant(ex:p6),false\n")
    out = tmp_path / "pages"
    found = cli("report", model, table, "--out", out, "--truth", truth, "--limit", 2)
    assert found.status == 0
    index = Path(found.out.strip())
    assert index.parent == out
    assert "p9" in index.read_text("utf-8")
    assert "p6" not in index.read_text("utf-8")
    assert len(list(out.rglob("*.html"))) == 3
    assert "4 answers; the 2 most probable ones" in found.err


def test_report_with_attributions(cli, file, model, tmp_path):
    pytest.importorskip("captum")
    table = file("new.csv", HEADER + "p7,1.7,44,3.5\n")
    found = cli("report", model, table, "--out", tmp_path / "pages", "--attributions")
    assert found.status == 0
    pages = "".join(p.read_text("utf-8") for p in (tmp_path / "pages").rglob("*.html"))
    assert "Where in its input that comes from" in pages and "size 1.7: +" in pages


def test_faulty_truth(cli, file, model, tmp_path):
    table = file("new.csv", HEADER + "p7,1.7,44,3.5\n")
    for text, code in (("id,x\np7,perhaps\n", "NS305"), (None, "NS301")):
        truth = file("truth.csv", text) if text else tmp_path / "gone.csv"
        found = cli("report", model, table, "--out", tmp_path / "pages", "--truth", truth)
        assert found.status == 1
        assert code in found.err
    assert not (tmp_path / "pages").exists()


def test_categories_and_missing_values_keep_their_codes(cli, file, tmp_path):
    """The model keeps what its codes stand for; a new category and an empty cell are what they were in training."""
    torch.manual_seed(0)
    rows = torch.tensor([[40.0, 0.0], [float("nan"), 1.0]])
    table = FeatureTable(["ex:p1", "ex:p2"], rows, ["age", "smokes"], True, {"smokes": ["daily", "never"]})
    facts = ns.FactBase.from_facts([(f"<{EX}Patient>", (Iri(f"{EX}p{i}"),)) for i in (1, 2)])
    network = TableNet.of_table(table)
    model = ns.Reasoner(ns.Program.from_text(RULES), facts, {"large_net": network}, {"ex:Patient": table})
    model.save(tmp_path / "model")
    new = file("new.csv", "id,age,smokes\np1,40,daily\np2,,never\np3,40,weekly\np4,40,\n")
    found = cli("predict", str(tmp_path / "model"), new, "--json")
    assert found.status == 0
    numbers = [row["probability"] for row in found.json["answers"]]
    codes = torch.tensor([[40.0, 0.0], [float("nan"), 1.0], [40.0, 2.0], [40.0, float("nan")]])
    expected = 0.9 * torch.sigmoid(network.eval()(codes).double())[:, 0]
    assert numbers == pytest.approx(expected.tolist(), abs=1e-7)


def test_a_model_without_missing_values_says_what_is_missing(cli, file, tmp_path):
    torch.manual_seed(0)
    table = FeatureTable(["ex:p1"], torch.tensor([[1.0]]), ["smokes"], categories={"smokes": ["daily", "never"]})
    facts = ns.FactBase.from_facts([(f"<{EX}Patient>", (Iri(f"{EX}p1"),))])
    model = ns.Reasoner(ns.Program.from_text(RULES), facts, {"large_net": TableNet([2])}, {"ex:Patient": table})
    model.save(tmp_path / "model")
    found = cli("predict", str(tmp_path / "model"), file("new.csv", "id,smokes\np1,\n"))
    assert found.status == 1 and "there is no value in column `smokes`" in found.err
