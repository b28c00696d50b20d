"""The course of training: rates, steps of several batches, kills within an epoch, compiled networks."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import neurosym as ns
from neurosym.errors import DataError, ModelError
from neurosym.learning import Batch, Schedule, batches, load_weights
from neurosym.neural import MLP

PARITY = """
neural high(x: Tensor, h: {no, yes}) by net .
same(X, Y, yes) :- high(X, V), high(Y, V).
same(X, Y, no) :- high(X, V), high(Y, W), V \\= W.
"""


def data(n: int = 64, size: int = 8, seed: int = 0) -> list[Batch]:
    random = torch.Generator().manual_seed(seed)
    left, right = torch.randn(n, 2, generator=random), torch.randn(n, 2, generator=random)
    same = (left[:, 0] > 0) == (right[:, 0] > 0)
    return batches("same(a, b, V)", {"a": left, "b": right}, [ns.Symbol("yes" if s else "no") for s in same], size)


def reasoner(dropout: float = 0.0, double: bool = False) -> ns.Reasoner:
    torch.manual_seed(0)
    net = MLP([2, 8, 2], dropout)
    return ns.Reasoner(ns.Program.from_text(PARITY), networks={"net": net.double() if double else net})


def fit(model: ns.Reasoner, train: list[Batch] | None = None, **options: Any) -> ns.FitResult:
    return ns.fit(model, data() if train is None else train, progress=False, **{"lr": 0.02, "epochs": 3, **options})


def numbers(model: ns.Reasoner) -> list[bytes]:
    return [t.numpy().tobytes() for t in model.state_dict().values()]


# ------------------------------------------------------------------------------------------------------ learning rates


def test_schedules_by_hand() -> None:
    assert [Schedule("constant")(p) for p in (0.0, 0.5, 1.0)] == [1, 1, 1]
    assert [Schedule("linear")(p) for p in (0.0, 0.25, 1.0)] == pytest.approx([1, 0.75, 0])
    assert [Schedule("linear", warmup=0.2, end=0.1)(p) for p in (0.1, 0.2, 0.6, 1.0)] == pytest.approx(
        [0.5, 1.0, 0.55, 0.1]
    )
    assert [Schedule("cosine")(p) for p in (0.0, 0.5, 1.0)] == pytest.approx([1, 0.5, 0])
    assert Schedule("cosine")(0.25) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)
    assert Schedule("linear", warmup=1.0)(0.5) == pytest.approx(0.5)


def test_a_schedule_sets_the_rate_of_each_step_and_gives_it_back() -> None:
    model = reasoner()
    optimizer = torch.optim.SGD(
        [{"params": model.networks["net"].parameters()}], 0.5
    )  # fmt: skip
    used: list[float] = []
    step = optimizer.step
    optimizer.step = lambda *a: used.append(optimizer.param_groups[0]["lr"]) or step(*a)  # pyright: ignore
    result = fit(model, data(32, 8), optimizer=optimizer, schedule="linear", epochs=2)
    assert used == pytest.approx([0.5 * (1 - (k + 0.5) / 8) for k in range(8)])
    assert [e.lr for e in result.epochs] == pytest.approx([used[3], used[7]])
    assert optimizer.param_groups[0]["lr"] == 0.5
    asked: list[float] = []
    fit(model, data(32, 8), optimizer=optimizer, schedule=lambda p: asked.append(p) or 1.0, epochs=1)
    assert asked == pytest.approx([0.125, 0.375, 0.625, 0.875])


@pytest.mark.parametrize(
    "wrong",
    [
        {"schedule": "cosinus"}, {"schedule": lambda p: -1.0}, {"schedule": lambda p: math.nan}, {"accumulate": 0},
        {"checkpoint_every": 0},
    ],
)  # fmt: skip
def test_settings_that_do_not_fit(wrong: dict[str, Any]) -> None:
    model = reasoner()
    before = numbers(model)
    with pytest.raises(DataError) as caught:
        fit(model, **wrong)
    assert caught.value.code == "NS625" and numbers(model) == before
    with pytest.raises(DataError):
        Schedule("linear", warmup=1.5)


# ----------------------------------------------------------------------------------------------- several batches a step


def test_batches_whose_gradients_add_up_are_one_batch() -> None:
    whole, parts, other = reasoner(double=True), reasoner(double=True), reasoner(double=True)
    expected = fit(whole, data(64, 32))
    found = fit(parts, data(64, 8), accumulate=4)
    fit(other, data(64, 8))
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-10, rtol=0)
    assert not torch.allclose(next(whole.parameters()), next(other.parameters()), atol=1e-4)
    assert [e.loss for e in found.epochs] == pytest.approx([e.loss for e in expected.epochs])
    assert [e.batches for e in found.epochs] == [8, 8, 8]


def test_unequal_batches_count_by_their_labels() -> None:
    """A step of 6 + 2 samples is one of 8."""
    whole, parts = reasoner(double=True), reasoner(double=True)
    (one,) = data(8, 8)
    optimizer = [torch.optim.SGD(m.parameters(), 0.1) for m in (whole, parts)]
    fit(whole, [one], epochs=1, optimizer=optimizer[0])
    fit(parts, data(8, 6), epochs=1, optimizer=optimizer[1], accumulate=2)
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-12, rtol=0)


# --------------------------------------------------------------------------------------------------- kills in an epoch


def dying(at: int) -> Callable[..., Tensor]:
    calls = []

    def loss(answers: ns.Answers, batch: Batch) -> Tensor:
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return answers.nll(batch.targets)

    return loss


@pytest.mark.parametrize(("every", "accumulate", "die"), [(1, 1, 13), (3, 1, 15), (2, 2, 15), (3, 2, 7)])
def test_a_kill_within_an_epoch_costs_no_bit(tmp_path: Path, every: int, accumulate: int, die: int) -> None:
    options: dict[str, Any] = {"accumulate": accumulate, "schedule": "cosine", "patience": 9}
    whole = reasoner(0.4)
    expected = fit(whole, **options)
    keep = {"checkpoint": tmp_path / "c", "checkpoint_every": every}
    with pytest.raises(KeyboardInterrupt):
        fit(reasoner(0.4), loss=dying(die), **options, **keep)
    resumed = reasoner(0.4)
    count = []

    def counted(answers: ns.Answers, batch: Batch) -> Tensor:
        count.append(1)
        return answers.nll(batch.targets)

    result = fit(resumed, loss=counted, **options, **keep)
    assert numbers(resumed) == numbers(whole)
    assert [e.loss for e in result.epochs] == [e.loss for e in expected.epochs]
    # it went on within the epoch: what was done and kept was not done again
    done = die - 1
    step = max(every, -(-every // accumulate) * accumulate)
    kept = done // 8 * 8 + (done % 8) // step * step
    assert len(count) == 24 - kept


SCRIPT = """
import sys, torch, time
sys.path.insert(0, {here!r})
from test_course import data, fit, reasoner
def slow(answers, batch):
    time.sleep(0.02)
    return answers.nll(batch.targets)
print("ready", flush=True)
fit(reasoner(0.4), loss=slow, epochs=200, checkpoint={path!r}, checkpoint_every=1)
"""


def test_a_process_that_is_killed_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "c"
    code = SCRIPT.format(here=str(Path(__file__).parent), path=str(path))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        first = None
        while time.monotonic() < deadline:  # until some steps are written, then in the middle of whatever it does
            now = path.stat().st_mtime_ns if path.exists() else None
            first = first or now
            if now is not None and now != first:
                break
            time.sleep(0.01)
        time.sleep(0.15)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    expected, resumed = reasoner(0.4), reasoner(0.4)
    whole = fit(expected, epochs=6)
    load_weights(path, resumed)  # it can be read
    result = fit(resumed, epochs=6, checkpoint=path)
    assert result.resumed and [e.loss for e in result.epochs[:6]] == [e.loss for e in whole.epochs]
    if len(result.epochs) == 6:
        assert numbers(resumed) == numbers(expected)


def test_best_and_last_weights_can_be_had_without_training(tmp_path: Path) -> None:
    path = tmp_path / "c"
    model = reasoner()
    result = fit(model, data(16, 4), valid=data(64, 64, 5), epochs=12, lr=0.3, checkpoint=path)
    assert result.best_epoch < 11
    best, last, other = reasoner(), reasoner(), reasoner()
    load_weights(path, best)
    load_weights(path, last, "last")
    assert numbers(best) == numbers(model) != numbers(last)
    fit(other, data(16, 4), epochs=12, lr=0.3)
    assert numbers(last) == numbers(other)
    with pytest.raises(ModelError) as caught:
        load_weights(path, ns.Reasoner(ns.Program.from_text(PARITY), networks={"net": MLP([2, 5, 2])}))
    assert caught.value.code == "NS712"
    with pytest.raises(ModelError) as caught:
        load_weights(tmp_path / "d", reasoner())
    assert caught.value.code == "NS711"


# --------------------------------------------------------------------------------------------------- compiled networks


@pytest.mark.filterwarnings("ignore")
def test_compiled_networks_learn_the_same() -> None:
    plain, compiled = reasoner(double=True), reasoner(double=True)
    expected = fit(plain, epochs=2)
    seen: list[object] = []

    def loss(answers: ns.Answers, batch: Batch) -> Tensor:
        seen.append(net(compiled)._compiled_call_impl)
        return answers.nll(batch.targets)

    result = fit(compiled, epochs=2, compile={"backend": "aot_eager"}, loss=loss)
    assert all(callable(s) for s in seen)
    assert net(compiled)._compiled_call_impl is None
    assert [e.loss for e in result.epochs] == pytest.approx([e.loss for e in expected.epochs], rel=1e-9)
    assert list(compiled.state_dict()) == list(plain.state_dict())


def net(model: ns.Reasoner) -> Any:
    return model.networks["net"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_networks_compiled_by_the_default_backend_learn_the_same() -> None:
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        pytest.skip("torch.compile needs a C++ compiler, and there is none")
    plain, compiled = reasoner(double=True), reasoner(double=True)
    expected = fit(plain, epochs=2)
    result = fit(compiled, epochs=2, compile=True)
    assert [e.loss for e in result.epochs] == pytest.approx([e.loss for e in expected.epochs], rel=1e-6)


def test_graph_networks_and_what_is_compiled_already_stay_as_they_are() -> None:
    from neurosym.learning.compiled import compiled

    class Graph(nn.Linear):
        uses_graph = True

    model = ns.Reasoner(ns.Program.from_text("a."), networks={"g": Graph(2, 2), "n": nn.Linear(2, 2)})
    own: Any = nn.Linear(2, 2)
    own.compile(backend="eager")
    model.networks["own"] = own
    mine = own._compiled_call_impl
    with pytest.raises(KeyboardInterrupt), compiled(model, {"backend": "eager"}, lambda: Batch(("a",), {"a": True})):
        networks: Any = model.networks
        assert networks["g"]._compiled_call_impl is None and networks["n"]._compiled_call_impl is not None
        raise KeyboardInterrupt
    assert networks["n"]._compiled_call_impl is None and own._compiled_call_impl is mine


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fault", ["forward", "backward"])
def test_a_compiler_that_gives_another_network_is_refused(fault: str) -> None:
    """A backend that is wrong in the outputs, or in the gradients alone."""

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor) -> Tensor:
            return gradients[0] * 0.5

    def backend(module: Any, inputs: Any) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            found = module(*given)
            return tuple(Wrong.apply(f) if fault == "backward" else f + 1 for f in found)

        return run

    model = reasoner()
    before = numbers(model)
    with pytest.raises(ns.NeurosymError, match="compiled, the network `net` is another") as caught:
        fit(model, compile={"backend": backend})
    assert caught.value.code == "NS627" and numbers(model) == before
    assert net(model)._compiled_call_impl is None
    assert ("output" if fault == "forward" else "gradient of") in str(caught.value)


@pytest.mark.filterwarnings("ignore")
def test_the_comparison_changes_no_number(tmp_path: Path) -> None:
    """It draws no random numbers, and leaves a network in training mode to the training."""
    plain, compiled = reasoner(0.4), reasoner(0.4)
    fit(plain, epochs=2)
    fit(compiled, epochs=2, compile={"backend": "eager"})
    assert numbers(plain) == numbers(compiled)
