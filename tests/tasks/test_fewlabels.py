"""Few labels: what training may know, that relations help, and a class from five examples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import neurosym as ns
from neurosym.errors import DataError
from tasks.fewlabels import run as task
from tasks.fewlabels.data import KINDS, NEW, load, load_new, pairs_of
from tasks.fewlabels.learn import HERE, Settings, few, new_class

pytest.importorskip("sklearn", reason="scikit-learn is not installed: it ships the digits")


def test_pairs_are_of_their_kind_and_no_image_is_in_two() -> None:
    digits = torch.randint(10, (600,), generator=torch.Generator().manual_seed(0))
    same, after, rest = pairs_of(digits, torch.Generator().manual_seed(1))
    assert len(same) == len(after) == 100 and len(rest) >= 99
    used = torch.cat([same, after, rest]).flatten()
    assert len(used.unique()) == len(used)
    assert (digits[same[:, 0]] == digits[same[:, 1]]).all()
    assert ((digits[after[:, 0]] + 1) % 10 == digits[after[:, 1]]).all()


def test_labels_are_as_many_as_asked_for() -> None:
    data = load(0.05, "digits", seed=0)
    count = sum(d is not None for r in data.related for side in r.labels for d in side)
    assert len(data.labelled.digits) - 1 <= count <= len(data.labelled.digits)  # one may be in no pair
    assert 55 <= len(data.labelled.digits) <= 70 and set(data.labelled.digits.tolist()) == set(range(10))
    for related in data.related:
        batch = related.batches(16)[0]
        assert batch.concepts and not (set(batch.inputs) - {"a", "b"})
    for share in (0.0, 1.5):
        with pytest.raises(DataError, match="cannot have labels"):
            load(share, "digits")


def test_digits_without_labels_play_no_part() -> None:
    data = load(0.02, "digits", seed=0)
    for related in data.related:
        shown = [d for side in related.labels for d in side]
        assert shown.count(None) > 0.9 * len(shown)
    assert [r.kind for r in data.related] == list(KINDS)


def test_relations_help() -> None:
    """The whole training is measured in the task's README."""
    data = load(0.02, "digits", seed=0)
    _, result = few(data, 0.02, Settings(150, 6, 16, 2e-3, labels=3.0), 0, progress=False)
    assert result.alone > 0.4 and result.related > result.alone + 0.05


def test_a_class_is_added_and_the_rules_stay() -> None:
    data = load_new(5, "digits", seed=0)
    assert not data.train.new.any() and not data.valid.new.any() and len(data.examples) == 5
    settings = Settings(0, 8, 16, 2e-3)
    reasoner, result = new_class(data, settings, 0, progress=False)
    assert result.old_before > 0.9 and result.old_after > result.old_before - 0.1
    assert result.new > 0.4 and result.sums_new > 0.3
    assert reasoner.query("sum(a, b, 18)", inputs={"a": data.examples, "b": data.examples}).tags.mean() > 0.3
    task.explain(reasoner, data).verify()


def test_the_two_programs_have_the_same_rules() -> None:
    for name in ("nine.rules", "ten.rules"):
        own = (HERE / name).read_text("utf-8")
        assert "rule " not in own and '@include "relations.rules"' in own


def test_the_rule_files_own_tests_hold() -> None:
    from neurosym.reasoner.tests_of import run_tests

    for name in ("nine.rules", "ten.rules"):
        found = list(run_tests(ns.Program.from_file(HERE / name)))
        assert found and all(t.passed for t in found)


def test_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", "digits", "--share", "0.1", "--steps", "20", "--epochs", "1", "--quiet", "--seeds", "2"]
    assert task.run([*options, "--out", str(tmp_path), "--json", str(tmp_path / "r.json")]) == 0
    shown = capsys.readouterr().out
    assert "labels and relations" in shown and f"sums with {NEW}" in shown and "mean" in shown
    results = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert [r["part"] for r in results["results"]] == ["labels", "labels", "newclass", "newclass"]
    assert results["settings"]["labels"]["data"] == "digits"
    assert (tmp_path / "newclass.html").exists()


def test_pages_are_of_the_new_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        task.run(["--part", "labels", "--out", str(tmp_path / "out")])
    assert "add --part newclass" in capsys.readouterr().err and not (tmp_path / "out").exists()
