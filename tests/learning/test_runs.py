"""One training under several seeds: means, and failures that are counted."""

from __future__ import annotations

import gc
import json
import math
import statistics
import weakref
from pathlib import Path

import pytest

from neurosym.errors import DataError
from neurosym.learning import Run, repeat

FIGURES = {1: 0.9, 2: 0.95, 3: 0.2, 4: math.nan, 5: 1.0}


def train(seed: int) -> dict[str, float]:
    if seed == 2:
        raise RuntimeError("the disk is full\nat length")
    return {"accuracy": FIGURES[seed], "epochs": 3}


def chance(figures: object) -> str | None:
    return "accuracy at chance" if figures["accuracy"] < 0.5 else None  # pyright: ignore[reportIndexIssue]


def test_means_are_over_the_runs_that_did_not_fail_and_failures_are_listed() -> None:
    runs = repeat(train, range(1, 6), failed=chance, command="python -m tasks.example")
    assert runs.values("accuracy") == [0.9, 1.0]
    assert runs.mean("accuracy") == 0.95 and runs.std("accuracy") == pytest.approx(statistics.stdev([0.9, 1.0]))
    assert {r.seed: r.failed for r in runs.failures} == {
        2: "RuntimeError: the disk is full", 3: "accuracy at chance", 4: "accuracy is nan",
    }  # fmt: skip
    assert runs.summary().splitlines()[0] == "5 runs, 3 failed" and "seed 3: accuracy at chance" in runs.summary()
    assert runs.told("accuracy", ".2f") == "0.95 ± 0.07, 3 of 5 failed"
    assert repeat(train, [1, 5]).told("accuracy", ".2f") == "0.95 ± 0.07 (2 seeds)"


def test_results_are_a_small_json(tmp_path: Path) -> None:
    path = tmp_path / "results" / "example.json"
    seen: list[Run] = []
    counts: list[int] = []

    def told(run: Run) -> None:
        seen.append(run)
        counts.append(len(json.loads(path.read_text())["runs"]))  # written after each run

    repeat(train, range(1, 6), failed=chance, out=path, command="python -m tasks.example", told=told)
    assert [r.seed for r in seen] == counts == [1, 2, 3, 4, 5]
    assert [p.name for p in path.parent.iterdir()] == ["example.json"]
    read = json.loads(path.read_text())
    assert read["command"] == "python -m tasks.example" and read["seeds"] == [1, 2, 3, 4, 5]
    assert {"python", "torch", "numpy"} <= set(read["versions"])
    assert read["figures"]["accuracy"]["mean"] == 0.95 and read["figures"]["accuracy"]["runs"] == 2
    assert [f["seed"] for f in read["failed"]] == [2, 3, 4]
    assert read["runs"][3]["accuracy"] is None and read["runs"][2]["accuracy"] == 0.2
    assert read["runs"][0]["cpu_seconds"] >= 0 and read["runs"][0]["failed"] is None


def test_all_runs_failing_gives_no_mean() -> None:
    runs = repeat(lambda seed: {"accuracy": math.nan}, [1, 2])
    assert math.isnan(runs.mean("accuracy")) and math.isnan(runs.std("accuracy"))
    assert runs.to_json()["figures"]["accuracy"]["mean"] is None
    nothing = repeat(lambda seed: {}[seed], [1])
    assert nothing.failures[0].failed == "KeyError: 1"
    with pytest.raises(DataError, match="no run measured") as caught:
        nothing.mean("accuracy")
    assert caught.value.code == "NS610"


def test_one_run_has_no_deviation() -> None:
    assert repeat(train, [1]).std("accuracy") == 0


def test_ctrl_c_ends_the_series() -> None:
    def stop(seed: int) -> dict[str, float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repeat(stop, [1, 2])


@pytest.mark.parametrize("seeds", [[], [1, 1]])
def test_seeds_that_do_not_fit(seeds: list[int]) -> None:
    with pytest.raises(DataError) as caught:
        repeat(train, seeds)
    assert caught.value.code == "NS625"


def test_the_command_names_no_folder_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurosym.learning import runs

    monkeypatch.setattr("sys.argv", ["/home/someone/run.py", "--data", "/home/someone/data", "--epochs", "3"])
    monkeypatch.setattr(runs.sys.modules["__main__"], "__spec__", None)
    assert repeat(train, [1]).command == "run.py --data data --epochs 3"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError) as caught:
        repeat(train, [1], out=tmp_path / "file" / "x.json")
    assert caught.value.code == "NS624"


def test_a_run_does_not_stay_in_memory_during_the_next() -> None:
    class Model:
        def __init__(self) -> None:
            self.me = self  # as a reasoner and what it grounded

    made: list[weakref.ref[Model]] = []

    def train(seed: int) -> dict[str, float]:
        alive = sum(r() is not None for r in made)
        made.append(weakref.ref(Model()))
        return {"alive": alive}

    gc.disable()
    try:
        assert repeat(train, range(3)).values("alive") == [0, 0, 0]
    finally:
        gc.enable()
