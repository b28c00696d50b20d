"""`neurosym train`: a model from a file that names rules, tables and labels."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss, roc_auc_score

import neurosym as ns
from neurosym.cli.train.file import read_training_file
from neurosym.cli.train.labels import Figures, read_labels
from neurosym.learning.result import State
from neurosym.learning.training import Training
from neurosym.neural import FeatureTable, OnColumns, SoftThreshold

EX = "http://hospital.example/"
RULES = f"""
@prefix ex: <{EX}> .
neural hot(p: ex:Patient) by heat_net .
pred met(a: ex:Patient, b: ex:Patient) .
rule fever weight 0.5 learn if ex:Patient(?p) and hot(?p) then infected(?p) .
rule contact weight 0.2 learn if ex:Patient(?p) and ex:Patient(?q) and met(?p, ?q) then infected(?p) .
query(infected(P)).
"""
CONFIG = """
rules = "ward.rules"
facts = "met.csv"
model = "out/ward"

[tables."ex:Patient"]
file = "patients.csv"
prefix = "ex:"

[networks.heat_net]
class = "SoftThreshold"
columns = ["celsius"]

[labels]
file = "labels.csv"

[training]
epochs = 30
lr = 0.05
"""
PATIENTS = [(f"p{k}", round(36.2 + 0.1 * k, 1), 60 + k % 7) for k in range(30)]
LABELS = {name: celsius > 37.5 or name == "p3" for name, celsius, _ in PATIENTS}


@pytest.fixture
def ward(file, tmp_path: Path) -> Path:
    """The training file, with everything that it names beside it."""
    file("ward.rules", RULES)
    file("patients.csv", "id,celsius,pulse\n" + "".join(f"{n},{c},{p}\n" for n, c, p in PATIENTS))
    file("met.csv", f"a,b\n<{EX}p3>,<{EX}p29>\n<{EX}p4>,<{EX}p0>\n")
    file("labels.csv", "patient,infected\n" + "".join(f"{n},{str(t).lower()}\n" for n, t in LABELS.items()))
    return file("ward.toml", CONFIG)


def edited(path: Path, *changes: tuple[str, str]) -> Path:
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


def by_hand() -> tuple[ns.Reasoner, ns.FitResult]:
    """What the file asks for, in Python."""
    table = FeatureTable(
        [EX + n for n, *_ in PATIENTS], torch.tensor([[c, p] for _, c, p in PATIENTS]), ["celsius", "pulse"]
    )
    facts = [(f"<{EX}Patient>", (ns.Iri(EX + n),)) for n, *_ in PATIENTS]
    facts += [("met", (ns.Iri(EX + a), ns.Iri(EX + b))) for a, b in (("p3", "p29"), ("p4", "p0"))]
    net = OnColumns(SoftThreshold(), [0], ["celsius"]).fit(table.rows)
    program = ns.Program.from_text(RULES)
    reasoner = ns.Reasoner(program, ns.FactBase.from_facts(facts), {"heat_net": net}, {"ex:Patient": table})
    batch = ns.Batch(("infected(P)",), {f"infected(ex:{n})": t for n, t in LABELS.items()})
    return reasoner, ns.fit(reasoner, batch, epochs=30, lr=0.05, progress=False)


@contextmanager
def interrupted_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ctrl-C, once so many epochs are done."""
    epoch = Training.epoch

    def stopped(self: Training, state: State) -> None:
        if len(state.epochs) == epochs:
            raise KeyboardInterrupt
        epoch(self, state)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "epoch", stopped)
        yield


def test_it_learns_what_the_same_calls_in_python_learn(cli, ward, file):
    reasoner, result = by_hand()
    found = cli("train", ward, "--json").json
    assert found["epochs"] == 30
    assert {w["statement"]: w["after"] for w in found["weights"]} == {
        name: pytest.approx(value, abs=1e-6) for name, value in reasoner.rule_weights().items()
    }
    (threshold,) = found["thresholds"]
    net = reasoner.networks["heat_net"]
    assert isinstance(net, OnColumns)
    (own,) = net.describe()
    assert threshold["column"] == "celsius"
    assert threshold["cutoff"] == pytest.approx(own.cutoff, abs=1e-5)
    assert found["best_epoch"] is None
    assert found["figures"]["train"]["log_loss"] == pytest.approx(result.best_loss, abs=0.02)  # that one step later
    with torch.no_grad():
        said = reasoner.query("infected(P)").detach()
    right = sum((said[f"infected(ex:{n})"] >= 0.5) == t for n, t in LABELS.items())
    assert found["figures"]["train"] == {
        "count": 30, "accuracy": pytest.approx(right / 30), "log_loss": pytest.approx(
            log_loss(list(LABELS.values()), [said[f"infected(ex:{n})"] for n in LABELS]), abs=1e-6
        ), "auc": pytest.approx(roc_auc_score(list(LABELS.values()), [said[f"infected(ex:{n})"] for n in LABELS])),
    }  # fmt: skip
    new = file("new.csv", "id,celsius,pulse\nq1,39.5,70\n")
    answer = cli("predict", ward.parent / "out" / "ward", new).out.split()
    assert answer[0] == "infected(ex:q1):"
    assert float(answer[1]) > 0.5
    assert list((ward.parent / "out").iterdir()) == [ward.parent / "out" / "ward"]  # the checkpoint is gone


def test_people_read_tables(cli, ward):
    edited(
        ward, ("[training]", "[training]\npatience = 5"), ('file = "labels.csv"', 'file = "labels.csv"\nvalid = 0.2')
    )
    found = cli("train", ward, "--out", ward.parent / "other")
    assert found.status == 0
    lines = [line.split() for line in found.out.splitlines()]
    assert lines[0] == ["labels", "accuracy", "AUC", "log", "loss"]
    assert [line[:2] for line in lines[1:3]] == [["train", "24"], ["valid", "6"]]
    assert ["weight", "of", "before", "after"] in lines
    assert any(line[:3] == ["heat_net:", "celsius", "above"] for line in lines)
    assert found.out.splitlines()[-1].endswith(f"the model is in {ward.parent / 'other'}")
    assert not (ward.parent / "out").exists()


def test_an_interrupted_run_is_gone_on_with(cli, ward, monkeypatch):
    expected = cli("train", ward, "--out", ward.parent / "whole", "--json").json
    with interrupted_after(12, monkeypatch):
        found = cli("train", ward, "--json")
    assert found.status == 130
    assert "the same command goes on from here" in found.err
    assert [p.suffix for p in (ward.parent / "out").iterdir()] == [".checkpoint"]
    again = cli("train", ward, "--json")
    assert "gone on with a run that was interrupted" in again.err
    assert again.json["weights"] == expected["weights"]
    assert again.json["figures"] == expected["figures"]


def test_what_changed_is_not_gone_on_with(cli, ward, monkeypatch):
    with interrupted_after(0, monkeypatch):
        cli("train", ward)
        cli("train", ward, "--seed", 3)
        cli("train", edited(ward, ("lr = 0.05", "lr = 0.06")))
        edited(ward.parent / "patients.csv", ("p3,", "p3,3"))
        cli("train", ward)
    assert len(list((ward.parent / "out").iterdir())) == 4
    edited(ward.parent / "ward.rules", ("0.2", "0.3"))
    assert "gone on with" not in cli("train", ward).err


def test_of_the_test_nothing_is_learned(cli, ward):
    """Neither labels nor rows of its entities, not even their mean."""
    aside = random.Random(0).sample(list(LABELS), 8)
    (ward.parent / "test.csv").write_text("id,infected\n" + "".join(f"{n},{LABELS[n]}\n" for n in aside))
    (ward.parent / "labels.csv").write_text(
        "id,infected\n" + "".join(f"{n},{t}\n" for n, t in LABELS.items() if n not in aside)
    )
    edited(ward, ('file = "labels.csv"', 'file = "labels.csv"\ntest = "test.csv"'))
    weights = []
    for wrong in (False, True):
        rows = [f"{n},{99.9 if wrong and n in aside else c},{p}\n" for n, c, p in PATIENTS]
        (ward.parent / "patients.csv").write_text("id,celsius,pulse\n" + "".join(rows))
        found = cli("train", ward, "--json").json
        assert found["figures"]["train"]["count"] == 22
        assert found["figures"]["test"]["count"] == 8
        weights.append((ward.parent / "out" / "ward" / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_a_share_has_as_much_of_either(ward):
    labels = read_training_file(str(edited(ward, ('file = "labels.csv"', 'file = "labels.csv"\nvalid = 0.2')))).labels
    parts = read_labels(labels, 0)
    assert {n: t for part in parts.values() for n, t in part.items()} == LABELS
    true = sum(LABELS.values())
    assert sum(parts["valid"].values()) == round(0.2 * true)
    assert len(parts["valid"]) == round(0.2 * true) + round(0.2 * (30 - true))
    assert read_labels(labels, 0) == parts != read_labels(labels, 1)


def test_weights_alone_and_background_facts(cli, file, tmp_path):
    file("ward.rules", """pred on(p: any, w: any) .
pred closed(w: any) .
rule near weight 0.5 learn if on(?p, ?w) and closed(?w) then infected(?p) .
query(infected(P)).
""")  # fmt: skip
    file("closed.csv", "ward\neast\n")
    file("on.csv", "p,w\n" + "".join(f"p{k},{'east' if k < 4 else 'west'}\n" for k in range(6)))
    file("labels.csv", "p,infected\np0,true\np1,true\np2,true\np3,false\np5,true\nnobody,false\n")
    config = file("w.toml", """
rules = ["ward.rules"]
background = ["closed.csv"]
facts = ["on.csv"]
model = "m"
labels = { file = "labels.csv", query = "infected(P)" }
training = { epochs = 400, lr = 0.05 }
""")  # fmt: skip
    found = cli("train", config)
    assert found.status == 0
    assert re.search(r"^near +0.5 +0.75$", found.out, re.M)  # three of the four on the closed ward
    assert "1 labels call true what no rule derives, such as infected(p5)" in found.err
    assert "labels.csv names nobody" in found.err
    file("on.csv", "p,w\nq,east\n")
    assert cli("predict", tmp_path / "m", tmp_path / "on.csv").out.split()[0] == "infected(q):"
    assert json.loads((tmp_path / "m" / "model.json").read_text())["limits"]["seconds"] == 3600


def test_rules_may_be_left_as_they_are(cli, ward):
    found = cli("train", edited(ward, ("epochs = 30", "epochs = 3\nweights = false")), "--json").json
    assert all(w["after"] == w["before"] for w in found["weights"])


def test_categories_and_empty_cells(cli, ward, file):
    rows = [f"{n},{c if k % 5 else ''},{['east', 'west', ''][k % 3]}\n" for k, (n, c, _) in enumerate(PATIENTS)]
    file("patients.csv", "id,celsius,ward\n" + "".join(rows))
    net = 'class = "TableNet"\nhidden = [4]'
    edited(ward, ('class = "SoftThreshold"\ncolumns = ["celsius"]', net))
    edited(ward, ('prefix = "ex:"', 'prefix = "ex:"\ncategories = ["ward"]\nmissing = true'))
    assert cli("train", ward).status == 0
    new = file("new.csv", "id,celsius,ward\nq1,,north\nq2,39,east\n")
    assert len(cli("predict", ward.parent / "out" / "ward", new).out.splitlines()) == 2
    assert cli("train", edited(ward, (net, 'class = "MLP"')), "--out", ward.parent / "mlp").status == 1


def test_classes_of_more_than_two_values(cli, file):
    file("kind.rules", """neural kind(f: any, k: {small, big}) by kind_net .
pred seen(f: any) .
rule by_net if seen(?f) and kind(?f, ?k) then of_kind(?f, ?k) .
query(of_kind(F, K)).
""")  # fmt: skip
    file("seen.csv", "f\n" + "".join(f"f{k}\n" for k in range(20)))
    file("rows.csv", "id,size\n" + "".join(f"f{k},{k}\n" for k in range(20)))
    file(
        "labels.csv",
        "is,known\n" + "".join(f'"of_kind(f{k}, {"big" if k > 9 else "small"})",true\n' for k in range(20)),
    )
    config = file("k.toml", """rules = "kind.rules"
facts = "seen.csv"
model = "kinds"
[tables.f]
file = "rows.csv"
[networks.kind_net]
class = "MLP"
hidden = [4]
[labels]
file = "labels.csv"
[training]
epochs = 60
lr = 0.1
""")  # fmt: skip
    found = cli("train", config, "--json")
    assert found.status == 0
    assert found.json["figures"]["train"]["count"] == 20
    assert found.json["figures"]["train"]["accuracy"] == 1
    assert found.json["figures"]["train"]["auc"] is None  # all labels are true


def test_labels_that_contradict_each_other(cli, ward, file):
    labels = (ward.parent / "labels.csv").read_text()
    file("labels.csv", labels + "p3,false\n")
    assert "labels.csv:32: `p3` is false here, and true in " in cli("train", ward).err
    file("labels.csv", labels + "ex:p3,false\n")
    assert "`infected(ex:p3)` is labelled both true and false" in cli("train", ward).err
    file("labels.csv", labels)
    file("more.csv", "id,infected\np3,false\n")
    edited(ward, ('file = "labels.csv"', 'file = ["labels.csv", "more.csv"]'))
    assert "more.csv calls `p3` false" in cli("train", ward).err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no labels"),
        ("id,infected\n", "has no labels"),
        ("p0,true\np1,false\n", "labels.csv:1: the first line is a label"),
        ("id,infected\np0,maybe\n", "labels.csv:2: a line has an entity or an atom, and `maybe` at its end is no"),
        ("id,infected\nmet(p0, p1),true\n", '"met(p0, p1)",true'),
        ("id,infected\nnobody,true\n", "no label for train names an answer"),
    ],
)  # fmt: skip
def test_labels_that_are_none(cli, ward, file, text, message):
    file("labels.csv", text)
    found = cli("train", ward)
    assert found.status == 1
    assert message in found.err


def test_names_of_all_kinds_are_found_again(cli, ward, file):
    names = ["Mr P1", "Zoë-p1", "a/b", "O'Neill", "p.1", "7"]
    file("patients.csv", "id,celsius,pulse\n" + "".join(f"{n},{36 + k},60\n" for k, n in enumerate(names)))
    file("labels.csv", "id,infected\n" + "".join(f"{n},{k > 2}\n" for k, n in enumerate(names)))
    file("met.csv", f"a,b\n<{EX}x>,<{EX}y>\n")
    assert cli("train", ward, "--json").json["figures"]["train"]["count"] == 6
    plain = RULES.replace("ex:Patient(?p) and ex:Patient(?q)", "seen(?p)").replace("ex:Patient(?p)", "seen(?p)")
    file("plain.rules", plain.replace("ex:Patient", "any") + "pred seen(p: any) .")
    file("seen.csv", "p\n" + "".join(f"{n}\n" for n in names))
    edited(ward, ("ward.rules", "plain.rules"), ('facts = "met.csv"', 'facts = ["met.csv", "seen.csv"]'))
    edited(ward, ('tables."ex:Patient"', "tables.p"), ('prefix = "ex:"', ""))
    assert cli("train", ward, "--json").json["figures"]["train"]["count"] == 6


def test_categories_of_the_test_are_not_learned(cli, ward, file):
    file("labels.csv", "id,infected\n" + "".join(f"{n},{t}\n" for n, t in LABELS.items() if n != "p7"))
    file("test.csv", 'atom,holds\n"infected(ex:p7)",false\n')
    edited(ward, ('class = "SoftThreshold"\ncolumns = ["celsius"]', 'class = "TableNet"'))
    edited(ward, ('prefix = "ex:"', 'prefix = "ex:"\ncategories = ["ward"]'))
    edited(ward, ('file = "labels.csv"', 'file = "labels.csv"\ntest = "test.csv"'))
    weights = []
    for strange in ("east", "attic"):
        rows = (
            f"{n},{c},{strange if n == 'p7' else ['east', 'west'][k % 2]}\n" for k, (n, c, _) in enumerate(PATIENTS)
        )
        file("patients.csv", "id,celsius,ward\n" + "".join(rows))
        assert cli("train", ward).status == 0
        weights.append((ward.parent / "out" / "ward" / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_new_test_labels_start_anew(cli, ward, monkeypatch):
    """The columns' scale, which a checkpoint has, depends on who is put aside."""
    (ward.parent / "test.csv").write_text("id,infected\np0,false\n")
    lines = (ward.parent / "labels.csv").read_text().splitlines(keepends=True)
    (ward.parent / "labels.csv").write_text("".join(line for line in lines if line[:3] not in ("p0,", "p1,")))
    edited(ward, ('file = "labels.csv"', 'file = "labels.csv"\ntest = "test.csv"'))
    with interrupted_after(3, monkeypatch):
        assert cli("train", ward).status == 130
    (ward.parent / "test.csv").write_text("id,infected\np0,false\np1,false\n")
    assert "gone on with" not in cli("train", ward).err


def test_what_was_learned_is_not_lost_where_the_model_cannot_be_written(cli, ward, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("neurosym.reasoner.saving._write", full)
        found = cli("train", ward)
    assert found.status == 1
    assert "no space left" in found.err
    again = cli("train", ward, "--json")
    assert "gone on with a run that was interrupted" in again.json["notes"]
    assert again.json["epochs"] == 30


def test_new_rows_belong_to_the_table_with_most_of_their_columns(cli, file):
    file("two.rules", """pred fish(f: any) .
pred bird(b: any) .
neural big(f: any) by fish_net .
neural wide(b: any) by bird_net .
rule fish weight 0.5 learn if fish(?x) and big(?x) then eaten(?x) .
rule bird weight 0.5 learn if bird(?x) and wide(?x) then eaten(?x) .
query(eaten(X)).
""")  # fmt: skip
    file("fish.csv", "f\nf1\nf2\n")
    file("bird.csv", "b\nb1\nb2\n")
    file("f.csv", "id,mass\nf1,1\nf2,9\n")
    file("b.csv", "id,mass,wing\nb1,1,2\nb2,2,8\n")
    file("labels.csv", "id,eaten\nf1,false\nf2,true\nb1,true\nb2,false\n")
    net = '[networks.{}_net]\nclass = "MonotoneThreshold"\n'
    config = file("two.toml", 'rules = "two.rules"\nbackground = ["fish.csv", "bird.csv"]\nmodel = "m"\n'
        + 'tables.f.file = "f.csv"\ntables.b.file = "b.csv"\nlabels.file = "labels.csv"\n'
        + net.format("fish") + net.format("bird"))  # fmt: skip
    trained = cli("train", config)
    assert trained.status == 0, trained.err
    asked = cli("predict", config.parent / "m", config.parent / "b.csv", config.parent / "f.csv", "--json")
    assert len(asked.json["answers"]) == 4
    assert "does not use" not in asked.err
    file("b.csv", "id,mass\nb1,1\nb2,2\n")
    again = cli("train", config)
    assert "`f` and `b` have the same columns" in again.err
    refused = cli("predict", config.parent / "m", config.parent / "f.csv")
    assert refused.status == 1
    assert "may be a table of `f` or of `b`" in refused.err


def test_tumours(cli, file):
    """Real data: 569 aspirates, of which 169 are asked about."""
    data: Any = load_breast_cancer()
    order = torch.randperm(569, generator=torch.Generator().manual_seed(0)).tolist()
    columns = [str(n) for n in data.feature_names]
    rows = "".join(f"p{k},{','.join(map(str, data.data[k]))}\n" for k in order)
    file("patients.csv", f"id,{','.join(columns)}\n{rows}")
    for name, part in (("known.csv", order[:400]), ("test.csv", order[400:])):
        file(name, "id,malignant\n" + "".join(f"p{k},{data.target[k] == 0}\n" for k in part))
    file("t.rules", """pred patient(p: any) .
neural large(p: any) by size_net .
neural odd(p: any) by whole_net .
rule large weight 0.3 learn if patient(?p) and large(?p) then malignant(?p) .
rule odd weight 0.7 learn if patient(?p) and odd(?p) then malignant(?p) .
query(malignant(P)).
""")  # fmt: skip
    file("patient.csv", "p\n" + "".join(f"p{k}\n" for k in order))
    config = file("t.toml", """rules = "t.rules"
facts = "patient.csv"
tables.p.file = "patients.csv"
model = "tumours"
[networks.size_net]
class = "MonotoneThreshold"
columns = ["worst area", "worst radius"]
[networks.whole_net]
class = "MLP"
hidden = [8]
[labels]
file = "known.csv"
valid = 0.2
test = "test.csv"
[training]
epochs = 150
lr = 0.02
patience = 20
""")  # fmt: skip
    found = cli("train", config, "--json").json
    assert {part: f["count"] for part, f in found["figures"].items()} == {"train": 320, "valid": 80, "test": 169}
    assert found["figures"]["test"]["accuracy"] > 0.93
    assert found["figures"]["test"]["auc"] > 0.98


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ([("rules =", "rule =")], "NS730", "did you mean `rules`?"),
        ([("rules = \"ward.rules\"", "")], "NS730", "the file lacks `rules`"),
        ([("rules = \"ward.rules\"", "rules = 3")], "NS730", "`rules` is 3, and should be a list of texts"),
        ([("rules = \"ward.rules\"", "rules = ward")], "NS730", "is no TOML"),
        ([("rules = \"ward.rules\"", 'rules = "lost.rules"')], "NS130", "lost.rules"),
        ([("model = \"out/ward\"", "")], "NS730", "--out"),
        ([("lr = 0.05", "lr = -1")], "NS730", "`training.lr` is -1.0"),
        ([("lr = 0.05", "lr = true")], "NS730", "`training.lr` is True, and should be a number"),
        ([("epochs = 30", "epochs = 0")], "NS730", "`training.epochs` is 0"),
        ([("epochs = 30", "epoch = 3")], "NS730", "did you mean `epochs`?"),
        ([("epochs = 30", 'schedule = "sometimes"')], "NS730", "one of constant, linear, cosine"),
        ([("epochs = 30", 'constraints = "hard"')], "NS730", "one of semantic, product"),
        ([('model = "out/ward"', 'model = "out/ward"\nsemantics = "count"')], "NS730", "`semantics` is 'count'"),
        ([("[labels]", "[label]")], "NS730", "has no `label`"),
        ([('[labels]\nfile = "labels.csv"', "")], "NS730", "[labels] lacks `file`"),
        ([('file = "labels.csv"', 'file = "labels.csv"\nvalid = 1.5')], "NS730", "a share from 0 to below 1"),
        ([('file = "labels.csv"', 'file = "labels.csv"\nvalid = 0.001')], "NS732", "of 30 labels is none"),
        ([('file = "labels.csv"', 'file = "labels.csv"\nvalid = 0.999')], "NS732", "labels is all of them"),
        ([('file = "labels.csv"', 'file = "labels.csv"\nquery = ["infected(P)", "hot(P)"]')], "NS732", "several"),
        ([('file = "labels.csv"', 'file = "labels.csv"\nquery = "met(P, Q)"')], "NS732", "a query of 2 variables"),
        ([('file = "labels.csv"', 'file = "labels.csv"\ntest = "labels.csv"')], "NS732", "for train and for test, and"),
        ([('file = "labels.csv"', 'file = "lost.csv"')], "NS301", "lost.csv"),
        ([('file = "labels.csv"', 'file = "met.csv"')], "NS305", "is no truth"),
        ([('file = "labels.csv"', 'file = "labels.csv"\nquery = "nothing(P)"')], "NS616", "nothing"),
        ([("[networks.heat_net]", "[networks.heatnet]")], "NS731", "did you mean `heat_net`?"),
        ([('[networks.heat_net]\nclass = "SoftThreshold"\ncolumns = ["celsius"]', "")], "NS731", "[networks.heat_net]"),
        ([('class = "SoftThreshold"', "")], "NS730", "lacks `class`"),
        ([('"SoftThreshold"', '"DigitNet"')], "NS731", "trained from Python"),
        ([('columns = ["celsius"]', "")], "NS731", "sees one column, not 2"),
        ([('columns = ["celsius"]', 'columns = ["fever"]')], "NS731", "no column `fever`"),
        ([('columns = ["celsius"]', 'columns = ["Celsius"]')], "NS731", "did you mean `celsius`?"),
        ([('columns = ["celsius"]', 'columns = ["celsius"]\nwidth = 3')], "NS731", "SoftThreshold takes no `width`"),
        ([('columns = ["celsius"]', 'columns = ["celsius"]\ncutof = 3')], "NS731", "did you mean `cutoff`?"),
        ([('columns = ["celsius"]', 'columns = ["celsius"]\ncutoff = "38"')], "NS731", "`cutoff` is '38'"),
        ([('columns = ["celsius"]', 'columns = ["celsius"]\ncutoff = 38')], "NS731", "standard deviations"),
        ([('"SoftThreshold"\ncolumns = ["celsius"]', '"MLP"\ndropout = 2')], "NS731", "`dropout` is 2"),
        ([('"SoftThreshold"\ncolumns = ["celsius"]', '"TableNet"\nhidden = "32"')], "NS731", "`hidden` is '32'"),
        ([('columns = ["celsius"]', 'columns = ["celsius"]\nslope = "steep"')], "NS731", "a number above 0"),
        ([('columns = ["celsius"]', 'columns = ["celsius"]\ndirection = "up"')], "NS731", '"above" or "below"'),
        ([('"SoftThreshold"\ncolumns = ["celsius"]', '"MLP"\nhidden = 3')], "NS731", "a list of widths, such as [16]"),
        ([('"SoftThreshold"', '"TableNet"')], "NS731", "sees all columns"),
        ([('tables."ex:Patient"', 'tables."ex:Person"')], "NS731", "has no table to read"),
        ([('prefix = "ex:"', 'columns = ["weight"]')], "NS617", "lacks the column `weight`"),
        ([('prefix = "ex:"', 'prefix = "hosp:"')], "NS617", "hosp:"),
        ([('prefix = "ex:"', 'prefix = "ex:p"')], "NS730", "should end in"),
        ([('prefix = "ex:"', 'prefix = "ex:"\ncolumns = ["celsius"]\ncategories = ["pulse"]')], "NS730", "add it to"),
        ([('model = "out/ward"', 'model = "met.csv/ward"')], "NS710", "met.csv"),
        ([('tables."ex:Patient"', "tables")], "NS730", "should be a section"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_written(cli, ward, changes, code, message):
    found = cli("train", edited(ward, *changes))
    assert found.status == 1
    assert f"[{code}]" in found.err
    assert message in found.err
    assert not [p for p in ward.parent.glob("out/**/*") if p.is_file()]


def test_no_such_file_and_a_folder_that_is_no_model(cli, ward, tmp_path):
    assert "[NS730]" in cli("train", tmp_path / "lost.toml").err
    (tmp_path / "out" / "ward").mkdir(parents=True)
    (tmp_path / "out" / "ward" / "letter.txt").write_text("Dear")
    found = cli("train", ward)
    assert found.status == 1
    assert "[NS706]" in found.err
    assert (tmp_path / "out" / "ward" / "letter.txt").read_text() == "Dear"
    latin = tmp_path / "latin.toml"
    latin.write_bytes("rules = 'fièvre.rules'".encode("latin-1"))
    assert "is not UTF-8" in cli("train", latin).err


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0]), st.booleans()), min_size=1, max_size=30))
def test_figures_are_those_of_scikit_learn(pairs):
    said, labels = (torch.tensor([float(p[k]) for p in pairs], dtype=torch.float64) for k in (0, 1))
    found = Figures.of(said, labels)
    assert found.accuracy == pytest.approx(((said >= 0.5) == (labels > 0.5)).double().mean().item())
    assert found.log_loss == pytest.approx(log_loss(labels, said.clamp(1e-12, 1 - 1e-12), labels=[0, 1]), rel=1e-5)
    if len(labels.unique()) == 2:
        assert found.auc == pytest.approx(roc_auc_score(labels, said))
    else:
        assert found.auc is None
