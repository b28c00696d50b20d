"""Checkpoints: training goes on as if it had never stopped, and nothing half-written is left."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import neurosym as ns
from neurosym.errors import ModelError
from neurosym.learning import Batch
from neurosym.neural import MLP

RULES = """
neural high(x: Tensor, h: {no, yes}) by net .
t(0.5) :: seen(X) :- high(X, yes).
"""


def reasoner(text: str = RULES, hidden: int = 6, dropout: float = 0.4) -> ns.Reasoner:
    torch.manual_seed(1)
    return ns.Reasoner(ns.Program.from_text(text), networks={"net": MLP([3, hidden, 2], dropout)})


def data(n: int = 40, seed: int = 0) -> list[Batch]:
    random = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, 3, generator=random)
    labels = (rows.sum(dim=1) > 0).double()[:, None]
    return [Batch(("seen(a)",), labels[k : k + 8], {"a": rows[k : k + 8]}) for k in range(0, n, 8)]


def fit(model: ns.Reasoner, **options: object) -> ns.FitResult:
    return ns.fit(model, data(), data(16, 9), progress=False, **{"lr": 0.02, **options})  # pyright: ignore


def numbers(model: ns.Reasoner) -> list[bytes]:
    return [t.numpy().tobytes() for t in model.state_dict().values()]


def losses(result: ns.FitResult) -> list[tuple[float, float | None]]:
    return [(e.loss, e.valid_loss) for e in result.epochs]


@pytest.mark.parametrize("stop", [1, 4])
def test_a_resumed_run_gives_the_numbers_of_an_uninterrupted_one(tmp_path: Path, stop: int) -> None:
    whole = reasoner()
    expected = fit(whole, epochs=7)
    fit(reasoner(), epochs=stop, checkpoint=tmp_path / "c.safetensors")
    torch.manual_seed(99)
    resumed = reasoner()
    result = fit(resumed, epochs=7, checkpoint=tmp_path / "c.safetensors")
    assert result.resumed and not expected.resumed
    assert losses(result) == losses(expected)
    assert result.best_epoch == expected.best_epoch
    assert numbers(resumed) == numbers(whole)
    assert [p.name for p in tmp_path.iterdir()] == ["c.safetensors"]


@pytest.mark.parametrize(
    "make", [lambda p: torch.optim.SGD(p, 0.05, momentum=0.9), lambda p: torch.optim.AdamW(p, 0.02)]
)
def test_other_optimizers_resume_as_well(tmp_path: Path, make: object) -> None:
    results = []
    for stops in ((5,), (2, 5)):
        for stop in stops:
            model = reasoner()
            path = tmp_path / f"{len(stops)}.safetensors"
            result = fit(model, epochs=stop, checkpoint=path, optimizer=make(model.parameters()))  # pyright: ignore
        results.append((numbers(model), losses(result)))  # pyright: ignore[reportPossiblyUnboundVariable]
    assert results[0] == results[1]


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    first, second = reasoner(), reasoner()
    done = fit(first, epochs=30, lr=0.5, patience=2, checkpoint=tmp_path / "c")
    again = fit(second, epochs=30, lr=0.5, patience=2, checkpoint=tmp_path / "c")
    assert done.stopped_early and again.stopped_early
    assert losses(again) == losses(done) and numbers(second) == numbers(first)


def test_ctrl_c_leaves_a_whole_checkpoint_and_a_usable_reasoner(tmp_path: Path) -> None:
    expected = fit(reasoner(), epochs=4)
    calls = 0

    def loss(answers: ns.Answers, batch: Batch) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 16:  # in the third epoch: five batches and two of validation each
            raise KeyboardInterrupt
        return answers.nll(batch.targets)

    model = reasoner()
    with pytest.raises(KeyboardInterrupt):
        fit(model, epochs=4, loss=loss, checkpoint=tmp_path / "c")
    assert [p.name for p in tmp_path.iterdir()] == ["c"]
    assert not model.training and all(p.grad is None for p in model.parameters())
    assert torch.isfinite(model.query("seen(a)", inputs={"a": torch.zeros(2, 3)}).tags).all()
    # the same reasoner goes on, from the last whole epoch
    assert losses(fit(model, epochs=4, checkpoint=tmp_path / "c")) == losses(expected)


def test_ctrl_c_in_the_first_epoch(tmp_path: Path) -> None:
    whole = reasoner()
    fit(whole, epochs=2)

    def loss(answers: ns.Answers, batch: Batch) -> Tensor:
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(1)
        return answers.nll(batch.targets)

    seen: list[int] = []
    model = reasoner()
    with pytest.raises(KeyboardInterrupt):
        fit(model, epochs=2, loss=loss, checkpoint=tmp_path / "c")
    fit(model, epochs=2, checkpoint=tmp_path / "c")
    assert numbers(model) == numbers(whole)


# -------------------------------------------------------------------------------------------------- what is refused


def refused(path: Path, model: ns.Reasoner, **options: object) -> ModelError:
    before, random = numbers(model), torch.get_rng_state()
    with pytest.raises(ModelError) as caught:
        fit(model, epochs=3, checkpoint=path, **options)
    assert numbers(model) == before
    assert torch.equal(random, torch.get_rng_state())
    return caught.value


@pytest.mark.parametrize(
    "damage",
    [lambda b: b"", lambda b: b[: len(b) // 2], lambda b: b"no checkpoint at all", lambda b: b[:8] + b"\xff" + b[9:]],
)
def test_a_damaged_file(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "c"
    fit(reasoner(), epochs=1, checkpoint=path)
    path.write_bytes(damage(path.read_bytes()))  # pyright: ignore[reportCallIssue]
    kept = path.read_bytes()
    error = refused(path, reasoner())
    assert error.code == "NS711" and str(path) in str(error)
    assert path.read_bytes() == kept


def test_a_file_of_tensors_that_is_no_checkpoint(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(2)}, tmp_path / "c")
    assert refused(tmp_path / "c", reasoner()).code == "NS711"


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    assert refused(tmp_path / "c", reasoner()).code == "NS711"


@pytest.mark.parametrize(
    "other",
    [
        lambda: reasoner(hidden=5),
        lambda: reasoner(RULES.replace("0.5", "0.6")),
        lambda: reasoner(RULES.replace("t(0.5) ::", "")),
    ],
    ids=["network", "rule", "weights"],
)
def test_a_checkpoint_of_another_model(tmp_path: Path, other: object) -> None:
    fit(reasoner(), epochs=1, checkpoint=tmp_path / "c")
    assert refused(tmp_path / "c", other()).code == "NS712"  # pyright: ignore[reportCallIssue]


def test_a_checkpoint_of_other_trained_parameters(tmp_path: Path) -> None:
    fit(reasoner(), epochs=1, checkpoint=tmp_path / "c")
    model = reasoner()
    model.freeze_rules()
    assert refused(tmp_path / "c", model).code == "NS712"


def test_a_checkpoint_of_another_kind_of_optimizer(tmp_path: Path) -> None:
    fit(reasoner(), epochs=1, checkpoint=tmp_path / "c")
    model = reasoner()
    error = refused(tmp_path / "c", model, optimizer=torch.optim.SGD(model.parameters(), 0.1, momentum=0.5))
    assert error.code == "NS712"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError) as caught:
        fit(reasoner(), epochs=1, checkpoint=tmp_path / "file" / "c")
    assert caught.value.code == "NS710"
