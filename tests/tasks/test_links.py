"""The task of missing links, on a small graph in the files of a real one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from neurosym.links.saving import load_links
from tasks.links.run import run


def write(folder: Path, seed: int) -> None:
    """UMLS's files with three generations of families; what is asked are grandparents."""
    random = np.random.default_rng(seed)
    train, rest = [], []
    for tree in range(15):
        name = [f"f{tree}_{k}" for k in range(7)]
        train += [(name[0], "parent", name[1]), (name[0], "parent", name[2])]
        train += [(name[1 + k // 2], "parent", name[3 + k]) for k in range(4)]
        grand = [(name[0], "grandparent", name[3 + k]) for k in range(4)]
        train += grand[:2]
        rest += grand[2:]
    order = random.permutation(len(rest))
    folder.mkdir(parents=True)
    parts = {"train": train, "valid": [rest[i] for i in order[:15]], "test": [rest[i] for i in order[15:]]}
    for part, triples in parts.items():
        (folder / f"{part}.txt").write_text("".join("\t".join(t) + "\n" for t in triples), "utf-8")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path / "data" / "umls" / "pykeen", 0)
    monkeypatch.setenv("NEUROSYM_DATA", str(tmp_path / "data"))
    return tmp_path


def test_a_run_leaves_a_table_a_model_and_reasons(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--graph", "umls", "--epochs", "1", "--out", str(data / "out"), "--reports", "3", "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "rules + prior + paths" in shown and "calibrated on valid" in shown
    folder = data / "out" / "umls"
    record = json.loads((folder / "results-0.json").read_text("utf-8"))
    assert record["command"].startswith("neurosym run links --graph umls --epochs 1")
    assert record["settings"]["recipe"]["epochs"] == 1 and record["versions"]["torch"] == torch.__version__
    (results,) = record["results"]
    assert [v["parts"] for v in results["variants"]] == [
        "rules",
        "prior + paths",
        "all, before they learn together",
        "rules + prior + paths",
    ]
    assert results["variants"][-1]["mrr"] > 0.5
    assert sum(part["share"] for part in results["explained"].values()) == pytest.approx(1)
    assert "grandparent" in (folder / "reasons.txt").read_text("utf-8")
    assert "grandparent" in (folder / "mined.rules").read_text("utf-8")
    saved = load_links(folder / "model-0.safetensors")
    assert saved.relations == ("parent", "grandparent") and saved.calibration is not None
    # a second run goes on from the checkpoints, and says the same
    assert run(["--graph", "umls", "--epochs", "1", "--out", str(data / "out"), "--quiet"]) == 0
    (again,) = json.loads((folder / "results-0.json").read_text("utf-8"))["results"]
    assert [v["mrr"] for v in again["variants"]] == [v["mrr"] for v in results["variants"]]


def test_rules_alone_are_one_variant(data: Path) -> None:
    assert run(["--graph", "umls", "--parts", "rules", "--out", str(data / "out"), "--quiet"]) == 0
    (results,) = json.loads((data / "out" / "umls" / "results-0.json").read_text("utf-8"))["results"]
    assert [v["parts"] for v in results["variants"]] == ["rules"]
    with pytest.raises(SystemExit):
        run(["--parts", "magic"])
