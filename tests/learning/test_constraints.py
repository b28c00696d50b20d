"""Training with constraints beside the labels."""

from __future__ import annotations

import pytest
import torch

import neurosym as ns
from neurosym.reasoner.constraints import KINDS

PROGRAM = """
    t(0.5) :: cat(a). t(0.5) :: cat(b). t(0.5) :: pet(a). t(0.5) :: pet(b).
    constraint cats : cat(X) implies pet(X) .
"""


@pytest.mark.parametrize("kind", KINDS)
def test_constraints_tell_what_no_label_does(kind: str) -> None:
    reasoner = ns.Reasoner(ns.Program.from_text(PROGRAM))
    batch = ns.Batch(("cat(X)", "pet(X)"), {"cat(a)": True, "cat(b)": True})
    ns.fit(reasoner, batch, epochs=400, lr=0.1, constraints=ns.Constraints(kind, weight=2.0), progress=False)
    with torch.no_grad():
        answers = reasoner.query("pet(X)").detach()
    assert min(answers.values()) > 0.8
    assert reasoner.check_constraints() == ()


def test_a_kind_by_name_and_some_constraints_alone() -> None:
    reasoner = ns.Reasoner(ns.Program.from_text(PROGRAM + "constraint other : not pet(a) ."))
    batch = ns.Batch(("cat(X)",), {"cat(a)": True})
    result = ns.fit(reasoner, batch, epochs=3, constraints="semantic", progress=False)
    assert result.epochs[0].loss > 1
    alone = ns.Constraints(names=("other",))
    ns.fit(reasoner, batch, epochs=200, lr=0.1, constraints=alone, progress=False)
    assert reasoner.query("pet(a)").detach()["pet(a)"] < 0.1


def test_constraints_over_networks_and_batches() -> None:
    text = """neural digit(image: Image, d: 0..2) by net .
        constraint same : digit(a, X) and digit(b, Y) implies X = Y ."""
    net = torch.nn.Linear(2, 3).double()
    reasoner = ns.Reasoner(ns.Program.from_text(text), networks={"net": net})
    inputs = {"a": torch.randn(4, 2, dtype=torch.float64), "b": torch.randn(4, 2, dtype=torch.float64)}
    found = reasoner.constraint_loss("semantic", inputs=inputs)
    x, y = (torch.softmax(net(inputs[k]), dim=1) for k in "ab")
    assert torch.allclose(found.satisfaction["same"], (x * y).sum(dim=1))
    found.loss.backward()
    assert net.weight.grad is not None and bool(torch.isfinite(net.weight.grad).all())


def test_learned_weights_are_kept(tmp_path) -> None:
    program = ns.Program.from_text("t(0.5) :: a. constraint c weight 0.7 learn : a .")
    reasoner = ns.Reasoner(program)
    with torch.no_grad():
        reasoner.constraint_logits["0"].fill_(0.3)
    reasoner.save(tmp_path / "model")
    again = ns.Reasoner.load(tmp_path / "model")
    assert float(again.constraint_logits["0"].detach()) == pytest.approx(0.3)
    assert again.over(again.facts).constraint_logits is again.constraint_logits
