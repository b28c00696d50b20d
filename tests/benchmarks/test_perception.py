"""The benchmark of learning from images: what is kept and counted, and that looking at the test changes nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.common.figures import Figure
from benchmarks.common.process import JobError, run
from benchmarks.perception import addition, explain, numbers, peers, puzzles
from benchmarks.perception.part import Job, Options, Part, Watch, mean
from benchmarks.perception.parts import PARTS
from benchmarks.perception.series import results
from benchmarks.perception.theirs import network as theirs
from neurosym.neural import DigitNet
from tasks.addition.data import load
from tasks.addition.run import Settings, build, train
from tasks.common import begin


class Counting:
    """A part whose jobs are counted; those of some seeds fail at first."""

    def __init__(self, failing: Sequence[int] = ()) -> None:
        self.failing, self.ran = set(failing), []
        self.epochs = 1

    def part(self) -> Part:
        return Part(self.jobs, lambda job, work: {}, lambda found: [mean(found, "right", "accuracy", "%")], self.run)

    def jobs(self, options: Options) -> list[Job]:
        return [{"part": "counted", "seed": s, "settings": {"epochs": self.epochs}} for s in options.seeds]

    def run(self, job: Job, work: Path, options: Options) -> dict[str, Any]:
        self.ran.append(job["seed"])
        if job["seed"] in self.failing:
            raise JobError("at chance")
        return {"accuracy": float(job["seed"])}


def measured(counted: Counting, path: Path, seeds: Sequence[int]) -> list[dict[str, Any]]:
    counted.ran = []
    return results(counted.part(), Options(seeds), path, path.parent, "the command", lambda line: None)


def test_a_series_goes_on_where_it_was_and_counts_what_failed(tmp_path: Path) -> None:
    counted, path = Counting(failing=[1]), tmp_path / "there" / "counted.json"
    found = measured(counted, path, [0, 1])
    assert [r.get("failed") for r in found] == [None, "at chance"] and counted.ran == [0, 1]
    kept = json.loads(path.read_text("utf-8"))
    assert kept["command"] == "the command" and kept["figures"][0]["ours"] == "0.00 (1 seed, 1 failed)"
    assert kept["measured"][1]["result"] == {"failed": "at chance"}
    counted.failing = set()
    assert [r["accuracy"] for r in measured(counted, path, [0, 1, 4])] == [0.0, 1.0, 4.0] and counted.ran == [1, 4]
    assert len(json.loads(path.read_text("utf-8"))["measured"]) == 3
    counted.epochs = 2
    measured(counted, path, [0, 1, 4])
    assert counted.ran == [0, 1, 4]  # other settings: nothing of before counts


def test_an_interrupted_series_keeps_what_it_has(tmp_path: Path) -> None:
    counted, path = Counting(), tmp_path / "counted.json"

    def stopped(job: Job, work: Path, options: Options) -> dict[str, Any]:
        if job["seed"] == 1:
            raise KeyboardInterrupt
        return counted.run(job, work, options)

    with pytest.raises(KeyboardInterrupt):
        results(replace(counted.part(), run=stopped), Options([0, 1]), path, tmp_path, "", lambda line: None)
    measured(counted, path, [0, 1])
    assert counted.ran == [1]


def test_means_and_the_worst_seed() -> None:
    runs = [{"x": 0.97}, {"x": 0.99}, {"failed": "at chance"}, {"x": None}]
    found = mean(runs, "x", "x", "%", 97.5, scale=100)
    assert found.value == pytest.approx(98.0)
    assert replace(found, value=0.0) == Figure("x", 0.0, "%", "98.00 ± 1.41 (2 seeds, 2 failed)", "", 97.5, True)
    assert mean(runs, "x", "x", "%", 97.5, scale=100, worst=True).verdict == "not met"
    assert mean(runs, "x", "x", "%", 98.0, at_least=False, scale=100, worst=True).value == pytest.approx(99.0)
    assert mean(runs[2:], "x", "x", "%", 1.0).verdict == "not measured: 2 runs failed"


def test_a_watch_stands_still_while_it_is_stopped() -> None:
    watch = Watch()
    first = watch.stop()
    sum(range(100_000))
    watch.go()
    wall, cpu = watch.stop()
    assert wall >= first[0] and cpu >= first[1]
    assert (watch.wall, watch.cpu) == (wall, cpu)


def test_every_part_has_jobs_for_each_seed_and_says_its_settings() -> None:
    for name, part in PARTS.items():
        jobs = part.jobs(Options((3, 4)))
        assert jobs and {job["part"] for job in jobs} == {name}
        assert json.loads(json.dumps(jobs)) == jobs
        if name not in ("peers", "explain"):
            assert {job["seed"] for job in jobs} >= {3, 4} and all(job["settings"] for job in jobs)


def test_looking_at_the_test_changes_nothing_that_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: it ships the digits")
    settings = Settings(1, 64, 2e-3)
    monkeypatch.setattr(addition, "EVERY", 3)
    looked, found = addition.trained("digits", settings, seed=1)
    data = load("digits", 1)
    plain = build(data.size, 1)
    train(plain, data.train, data.valid, settings, 1)
    assert looked.weights_sha256() == plain.weights_sha256()
    assert [steps for steps, *_ in found["curve"]] == [3, 6, 9] and found["goal_cpu"] is None
    seconds = [cpu for *_, cpu, _ in found["curve"]]
    assert seconds == sorted(seconds) and seconds[-1] <= found["cpu_seconds"]


def test_epochs_are_of_the_same_loss_and_a_hundred_digits_go_on(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: it ships the digits")
    found = addition.epochs(load("digits"), Settings(1, 314, 2e-3))
    assert all(found[f"{name}_cpu"] > 0 for name in ("engine", "hand", "network"))
    numbers.numbers.build(8, 15, seed=0).save(tmp_path / numbers.model_of(15, 0))
    job = {"data": "digits", "seed": 0, "settings": asdict(numbers.GO_ON)}
    gone_on = numbers.measure_hundred(job, tmp_path)
    assert gone_on["samples"] == 7 and gone_on["steps"] == 2 and gone_on["step_cpu"] > 0
    with pytest.raises(FileNotFoundError, match="addition-0: run the part"):
        explain.measure({"task": "addition", "data": "digits", "seed": 0}, tmp_path)


def test_the_other_libraries_get_our_network(tmp_path: Path) -> None:
    theirs_, ours = theirs.network(0), DigitNet(28)
    assert [p.shape for p in theirs_.parameters()] == [p.shape for p in ours.parameters()]
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs_.state_dict().values(), strict=True)))
    images = torch.rand(6, 1, 28, 28)
    assert torch.equal(ours(images), theirs_(images))
    digits = ours(images).argmax(1)
    sums = (digits[:3] + digits[3:]).numpy()
    np.savez(tmp_path / "pairs.npz", test_left=images[:3].numpy(), test_right=images[3:].numpy(), test_sums=sums)
    with torch.no_grad():
        for parameter in theirs_[-1].parameters():
            parameter.mul_(1e3)  # so that the most probable sum is that of the most probable digits
    assert theirs.sum_accuracy(theirs_, theirs.read(str(tmp_path / "pairs.npz"))) == 1.0


def test_shortcuts_that_the_audit_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: it ships the digits")
    job = next(j for j in puzzles.shortcut_jobs(Options((0,), "digits", quick=True)) if j["means"] == "none")
    with pytest.raises(ArithmeticError, match="1 networks got stuck"):
        puzzles.measure_shortcut(job | {"pairs": 100}, tmp_path)
    monkeypatch.setattr(begin, "STUCK", 0.0)
    found = puzzles.measure_shortcut(job | {"pairs": 100}, tmp_path)
    assert found["finds"] == 1.0 and found["shortcuts"] == 2 and found["begun_anew"] == 0
    shown = puzzles.shortcut_figures([job | found, job | {"failed": "stuck"}])
    assert shown[0].verdict == "met" and "1 seed, 1 failed" in shown[0].ours


def test_peers_are_asked_for_by_their_interpreter(tmp_path: Path) -> None:
    jobs = peers.jobs(Options((0,)))
    assert [job.get("peer") for job in jobs] == [None, "deepproblog", None, None, "ltn", None]
    with pytest.raises(JobError, match="--peers PYTHON"):
        peers.started(jobs[4], tmp_path, Options((0,)))
    with pytest.raises(JobError, match="nowhere cannot be started"):
        run("benchmarks.perception.worker", {}, python=str(tmp_path / "nowhere"))


def test_figures_beside_the_other_libraries() -> None:
    ours = [
        {"what": "train", "sum_accuracy": 0.98, "goal_cpu": cpu, "goal_wall": 2 * cpu} for cpu in (8.0, 10.0)
    ] + [{"what": "epochs", "engine_cpu": 5.0, "engine_wall": 6.0}]  # fmt: skip
    ltn = {"peer": "ltn", "sum_accuracy": 0.97, "goal_cpu": None, "goal_wall": None, "cpu_seconds": 40.0}
    problog = {"peer": "deepproblog", "epoch_cpu": 600.0, "epoch_wall": 700.0, "count": 2000}
    found = peers.figures([*ours, ltn | {"wall_seconds": 90.0, "epochs": 3}, problog])
    assert [(f.value, f.verdict) for f in found] == [
        (pytest.approx(120.0), "met"), (pytest.approx(700 / 6), ""), (pytest.approx(1.0), "met"),
        (pytest.approx(4.0), "met"), (pytest.approx(4.5), ""),
    ]  # fmt: skip
    failed = peers.figures([{"peer": "ltn", "failed": "no module named ltn"}])
    assert [f.verdict for f in failed] == ["not measured: no module named ltn"]
