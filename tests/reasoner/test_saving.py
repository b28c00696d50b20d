"""Saving and loading: the same numbers, nothing half-written, nothing run, and every damage told by its code."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import neurosym as ns
from neurosym.errors import ModelError
from neurosym.lang import Iri, LangString, Symbol, TypedLiteral
from neurosym.neural import MLP, FeatureTable, OnColumns, SoftThreshold
from neurosym.reasoner import saving
from neurosym.reasoner.saved_facts import read_facts, write_facts
from neurosym.reasoner.saving import id_prefix, load, read_manifest, save

ROOT = Path(__file__).parents[2]
EX = "http://hospital.example/"
RULES = """
@prefix ex: <http://hospital.example/> .
@include "parts/units.rules" .
neural large(p: ex:Patient) by large_net .
neural grade(p: ex:Patient, g: 1..3) by grade_net .
t(0.4) :: suspect(P) :- ex:Patient(P), large(P).
rule high_grade
  weight 0.7 learn
  if ex:Patient(?p) and grade(?p, ?g) and severe(?g) and not treated(?p)
  then suspect(?p) .
pred treated(p: ex:Patient) from ex:treated .
query(suspect(P)).
"""


class Twice(nn.Module):
    """A user's own network."""

    def __init__(self, factor: float = 2.0) -> None:
        super().__init__()
        self.factor = factor
        self.scale = nn.Parameter(torch.ones(1, dtype=torch.float64))

    def config(self) -> dict[str, object]:
        return {"factor": self.factor}

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows[:, :1].double() * self.factor * self.scale


def patients(count: int, start: int = 1) -> tuple[ns.FactBase, dict[str, FeatureTable]]:
    names = [f"{EX}p{i}" for i in range(start, start + count)]
    facts = ns.FactBase.from_facts([(f"<{EX}Patient>", (Iri(n),)) for n in names])
    rows = torch.linspace(-1, 1, count * 2).reshape(count, 2).flip(0) ** 3 + start / 10
    return facts, {"ex:Patient": FeatureTable([n.replace(EX, "ex:") for n in names], rows, ["size", "age"])}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "hospital"
    (folder / "parts").mkdir(parents=True)
    (folder / "suspect.rules").write_text(RULES, "utf-8")
    (folder / "parts" / "units.rules").write_text("severe(2). severe(3).\n", "utf-8")
    return folder / "suspect.rules"


@pytest.fixture
def trained(rules: Path) -> ns.Reasoner:
    """A few steps of training, so that no number is the one at the start."""
    torch.manual_seed(0)
    facts, features = patients(6)
    networks = {"large_net": OnColumns(SoftThreshold(), [0], ["size"]), "grade_net": MLP([2, 4, 3], dropout=0.5)}
    reasoner = ns.Reasoner(ns.Program.from_file(rules), facts, networks, features, seed=5)
    optimizer = torch.optim.Adam(reasoner.parameters(), lr=0.05)
    for _ in range(5):
        optimizer.zero_grad()
        reasoner.query("suspect(P)").nll({f"suspect(ex:p{i})": i > 3 for i in range(1, 7)}).backward()
        optimizer.step()
    return reasoner.eval()


def hexes(answers: ns.Answers) -> dict[str, str]:
    """Answers bit by bit."""
    return {atom: value.hex() for atom, value in answers.detach().items()}


def test_the_same_numbers_in_another_process(trained: ns.Reasoner, tmp_path: Path):
    background = ns.FactBase.from_facts([(f"<{EX}treated>", (Iri(f"{EX}p9"),))])
    new, features = patients(3, start=8)
    expected = hexes(trained.predict(new, features=features, background=background))
    trained.save(tmp_path / "model", background)
    torch.save((features["ex:Patient"].ids, features["ex:Patient"].rows), tmp_path / "new.pt")
    code = f"""
import torch, neurosym as ns
from neurosym.lang import Iri
ids, rows = torch.load({str(tmp_path / "new.pt")!r})
facts = ns.FactBase.from_facts([("<{EX}Patient>", (Iri(i.replace("ex:", "{EX}")),)) for i in ids])
answers = ns.Reasoner.load({str(tmp_path / "model")!r}).predict(
    facts, features={{"ex:Patient": ns.FeatureTable(ids, rows, ["size", "age"])}})
print({{a: v.hex() for a, v in answers.detach().items()}})
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert eval(run.stdout) == expected
    assert len(set(expected.values())) == 3


def test_a_loaded_model_is_the_model(trained: ns.Reasoner, tmp_path: Path):
    trained.queries = ("suspect(ex:p1)",)
    trained.save(tmp_path / "model")
    facts, features = patients(6)
    loaded = ns.Reasoner.load(tmp_path / "model", facts, features)
    assert hexes(loaded.query("suspect(P)")) == hexes(trained.query("suspect(P)"))
    assert loaded.query().atoms == ("suspect(ex:p1)",)
    assert loaded.rule_weights() == trained.rule_weights()
    assert loaded.program == trained.program
    assert loaded.program.texts == trained.program.texts
    assert [r.label for r in loaded.program.rules] == [r.label for r in trained.program.rules]
    assert loaded.rules_sha256() == trained.rules_sha256()
    assert loaded.weights_sha256() == trained.weights_sha256()
    assert not loaded.training
    loaded.save(tmp_path / "again")
    again = ns.Reasoner.load(tmp_path / "again", facts, features)
    assert hexes(again.query("suspect(P)")) == hexes(trained.query("suspect(P)"))


def test_what_the_manifest_says(trained: ns.Reasoner, tmp_path: Path):
    trained.save(tmp_path / "model")
    manifest = read_manifest(tmp_path / "model")
    assert manifest.networks["grade_net"] == {"class": "MLP", "config": {"sizes": [2, 4, 3], "dropout": 0.5}}
    assert manifest.features["ex:Patient"].columns == ("size", "age")
    assert manifest.features["ex:Patient"].id_prefix == "ex:"
    assert {r["path"]: r["root"] for r in manifest.rules} == {"suspect.rules": True, "parts/units.rules": False}
    assert (manifest.semantics, manifest.seed, manifest.dtype) == ("exact", 5, "float64")
    assert manifest.facts_sha256 == trained.facts.sha256()
    text = (tmp_path / "model" / "model.json").read_text("utf-8")
    assert json.loads(text)["format"] == "neurosym-model/1"
    assert "p3" not in text  # neither rows nor names of the training data
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["model.json", "rules", "weights.safetensors"]


def test_ids_share_a_prefix():
    assert id_prefix(["onc:patient-1", "onc:patient-2"]) == "onc:"
    assert id_prefix(["<http://a.example/x#p1>", "http://a.example/x#p2"]) == "http://a.example/x#"
    assert id_prefix(["alice", "bob"]) == id_prefix(["ex:a", "b"]) == id_prefix([]) == ""


@pytest.mark.parametrize(
    "value",
    [Symbol("a b"), Iri("http://x/ü"), Iri("_:b.1"), "tab\there\n", "", LangString("chat", "fr"), TypedLiteral("x", "http://t"),
     True, 1, 1.0, -0.5, 2**62, float("inf"), 1e-300, datetime.date(2024, 5, 17)],
)  # fmt: skip
def test_terms_come_back_exactly(value, tmp_path: Path):
    base = ns.FactBase.from_facts([("p", (value, Symbol("a"))), ("nullary", ())])
    write_facts(base, tmp_path / "facts")
    again = read_facts(tmp_path / "facts")
    assert [(n, [(type(v), v) for v in a]) for n, a in again] == [(n, [(type(v), v) for v in a]) for n, a in base]
    assert again.places == base.places
    assert again.sha256() == base.sha256()


def test_a_users_own_network_and_semantics(tmp_path: Path):
    class Mine(type(ns.reasoner.reasoner.algebra("product"))):  # pyright: ignore[reportAttributeAccessIssue]
        name = "mine"

    program = ns.Program.from_text("neural n(p: symbol) by net.\nq(P) :- c(P), n(P).", facts_predicates=[("c", 1)])
    facts = ns.FactBase.from_facts([("c", (Symbol("a"),))])
    features = {"symbol": FeatureTable(["a"], torch.tensor([[0.3]]), ["x"])}
    reasoner = ns.Reasoner(program, facts, {"net": Twice(3.0)}, features, Mine())
    save(reasoner, tmp_path / "model")
    for classes in (None, {"Twice": Twice}):
        with pytest.raises(ModelError) as caught:
            load(tmp_path / "model", classes=classes)
        assert caught.value.code == "NS704"
        assert "class" in caught.value.help
    loaded = load(tmp_path / "model", facts, features, {"Twice": Twice, "mine": Mine})
    assert hexes(loaded.query("q(P)")) == hexes(reasoner.query("q(P)"))
    assert next(loaded.networks.parameters()).dtype == torch.float64


def test_programs_without_files_are_printed(tmp_path: Path):
    text = "0.3::a. 0.5::weight(x). b :- a, \\+ weight(x). query(b)."
    reasoner = ns.Reasoner(ns.Program.from_text(text, dialect="pl"))
    save(reasoner, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.query().detach() == reasoner.query().detach()
    ruled = ns.Reasoner(ns.Program.from_text("a. query(a)."))
    save(ruled, tmp_path / "model")  # replaces the other
    assert load(tmp_path / "model").program.texts == {"<text>": "a. query(a)."}


def test_files_of_different_folders_keep_their_includes(rules: Path, tmp_path: Path):
    (tmp_path / "odd name").mkdir()
    other = tmp_path / "odd name" / "more:rules.pl"
    other.write_text("0.5::weight(1).\n", "utf-8")
    reasoner = ns.Reasoner(ns.Program.from_file(rules, other))
    save(reasoner, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.program == reasoner.program
    assert loaded.program.texts == reasoner.program.texts
    assert (tmp_path / "model/rules/hospital/parts/units.rules").is_file()


# ------------------------------------------------------------------------------------------------------ damage


def damage(model: Path, kind: str) -> None:
    manifest = json.loads((model / "model.json").read_text("utf-8"))

    def rewrite(**changes: object) -> None:
        (model / "model.json").write_text(json.dumps({**manifest, **changes}), "utf-8")

    match kind:
        case "no model.json":
            (model / "model.json").unlink()
        case "broken json":
            (model / "model.json").write_text('{"format": ', "utf-8")
        case "other format":
            rewrite(format="neurosym-model/99")
        case "missing key":
            del manifest["networks"]
            rewrite()
        case "wrong type":
            rewrite(features=[1, 2])
        case "bad dtype":
            rewrite(dtype="__class__")
        case "no weights":
            (model / "weights.safetensors").unlink()
        case "changed weights":
            (model / "weights.safetensors").write_bytes(b"\0" * 100)
        case "changed rules":
            (model / "rules/suspect.rules").write_text(RULES.replace("0.7", "0.9"), "utf-8")
        case "missing rules":
            shutil.rmtree(model / "rules/parts")
        case "traversal":
            rules = [{**r, "path": "../../" + r["path"]} for r in manifest["rules"]]
            rewrite(rules=rules)
        case "unknown class":
            rewrite(networks={**manifest["networks"], "grade_net": {"class": "os.system", "config": {}}})
        case "bad config":
            rewrite(networks={**manifest["networks"], "grade_net": {"class": "MLP", "config": {"sizes": "no"}}})
        case "other shapes":
            tensors = load_file(model / "weights.safetensors")
            name = next(n for n in tensors if n.endswith("0.weight"))
            save_file({**tensors, name: torch.zeros(7, 7)}, model / "weights.safetensors")
            rewrite(weights_sha256=saving._hash(model / "weights.safetensors"))
        case "no background":
            rewrite(background_sha256="0" * 64)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("no model.json", "NS701"),
        ("broken json", "NS702"),
        ("other format", "NS702"),
        ("missing key", "NS702"),
        ("wrong type", "NS702"),
        ("bad dtype", "NS702"),
        ("no weights", "NS701"),
        ("changed weights", "NS703"),
        ("changed rules", "NS703"),
        ("missing rules", "NS701"),
        ("traversal", "NS702"),
        ("unknown class", "NS704"),
        ("bad config", "NS704"),
        ("other shapes", "NS705"),
        ("no background", "NS701"),
    ],
)
def test_damage_is_told(trained: ns.Reasoner, tmp_path: Path, kind: str, code: str):
    trained.save(tmp_path / "model")
    damage(tmp_path / "model", kind)
    with pytest.raises(ModelError) as caught:
        ns.Reasoner.load(tmp_path / "model")
    assert caught.value.code == code
    assert caught.value.help


@pytest.mark.parametrize(
    "text", ["", "null\n", "{}\n", '{"format": "neurosym-facts/1", "prefixes": {}, "places": []}\n[1]\n']
)
def test_damaged_facts_are_told(tmp_path: Path, text: str):
    (tmp_path / "facts").write_text(text, "utf-8")
    with pytest.raises(ModelError, match="cannot be read"):
        read_facts(tmp_path / "facts")


def test_a_network_without_config_is_refused_before_anything_is_written(tmp_path: Path):
    program = ns.Program.from_text("neural n(p: symbol) by net.\nq :- n(a).")
    with pytest.raises(ModelError, match="config") as caught:
        save(ns.Reasoner(program, networks={"net": nn.Linear(1, 1)}), tmp_path / "model")
    assert caught.value.code == "NS704"
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_save_leaves_the_old_model(trained: ns.Reasoner, tmp_path: Path, monkeypatch):
    trained.save(tmp_path / "model")
    before = (tmp_path / "model/model.json").read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("_write_weights", "_hash"):
        monkeypatch.setattr(saving, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            trained.save(tmp_path / "model")
    renamed = Path.rename
    monkeypatch.undo()

    def no_rename(self: Path, target: Path) -> Path:
        if target == tmp_path / "model":
            raise KeyboardInterrupt
        return renamed(self, target)

    monkeypatch.setattr(Path, "rename", no_rename)
    with pytest.raises(KeyboardInterrupt):
        trained.save(tmp_path / "model")
    assert (tmp_path / "model/model.json").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hospital", "model"]


def test_only_models_are_replaced(trained: ns.Reasoner, tmp_path: Path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    (tmp_path / "file").write_text("x")
    for name in ("thesis", "file"):
        with pytest.raises(ModelError) as caught:
            trained.save(tmp_path / name)
        assert caught.value.code == "NS706"
    assert (tmp_path / "thesis/chapter.tex").read_text() == "years of work"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(trained: ns.Reasoner, tmp_path: Path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(ModelError) as caught:
        trained.save(tmp_path / "locked" / "model")
    assert caught.value.code == "NS706"
