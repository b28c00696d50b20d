"""Networks compiled by `torch.compile` while they train."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from neurosym.errors import NetworkError
from neurosym.learning.data import Batch
from neurosym.reasoner import Reasoner

CLOSE = 1e-2  # of the largest gradient of a parameter: reordered float32 sums differ by less, wrong code by far more


@contextmanager
def compiled(reasoner: Reasoner, options: bool | Mapping[str, Any], batch: Callable[[], Batch]) -> Iterator[None]:
    """Meanwhile the reasoner's networks are compiled; graph networks are not, their graphs change their shape.

    In place: names, weights and hooks stay what they are, and so does what is saved. Afterwards the networks are as
    they were, for explanations and exports look into them.

    Args:
        options: whether to, or arguments of `torch.compile`, such as `{"mode": "reduce-overhead"}`.
        batch: on which outputs and gradients are compared with those of the plain networks.

    Raises:
        NetworkError: NS627, they are others.
    """
    chosen: dict[str, nn.Module] = {}
    if options is not False:
        settings = {} if options is True else dict(options)
        # one that the caller has compiled already stays as it is
        chosen = {
            name: n for name, n in reasoner.networks.items()
            if not getattr(n, "uses_graph", False) and n._compiled_call_impl is None
        }  # fmt: skip
    try:
        if chosen:
            with torch.random.fork_rng(devices=[]):  # the training shall draw what it would have drawn
                given = _given(reasoner, batch())
                for name, network in chosen.items():
                    network.compile(**settings)
                    if name in given:
                        _check(name, network, given[name])
        yield
    finally:
        for network in chosen.values():
            network._compiled_call_impl = None


@torch.no_grad()
def _given(reasoner: Reasoner, batch: Batch) -> dict[str, list[Tensor]]:
    """Network → what a batch gives it."""
    reasoner.eval()  # dropout would draw numbers that the training is to draw
    heard = [s for s in batch.ask(reasoner).said() if not getattr(reasoner.networks[s.network], "uses_graph", False)]
    return {s.network: s.inputs() for s in heard if len(s.question)}


def _check(name: str, network: nn.Module, tensors: list[Tensor]) -> None:
    """Compare with the plain network: compilers have given other gradients without a word."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    like = next((p for p in parameters if p.is_floating_point()), None)
    if like is None:
        return
    moved = [t.to(like) if t.is_floating_point() else t.to(like.device) for t in tensors]
    network.eval()
    found: list[list[Tensor]] = []
    for forward in (network._call_impl, network):
        out: Tensor = forward(*moved)  # pyright: ignore[reportAssignmentType]
        # any direction: not all alike, for a softmax does not see what is common to all
        towards = torch.linspace(-1, 1, out.numel(), dtype=out.dtype, device=out.device).reshape(out.shape)
        gradients = torch.autograd.grad(out, parameters, towards, allow_unused=True)
        each = zip(gradients, parameters, strict=True)
        found.append([out.detach(), *(torch.zeros_like(p) if g is None else g for g, p in each)])
    names = ["output", *(f"gradient of {n}" for n, p in network.named_parameters() if p.requires_grad)]
    least = 1e-6 * max(float(t.abs().max()) for t in found[0])
    for what, plain, fast in zip(names, *found, strict=True):
        if float((plain - fast).abs().max()) > CLOSE * float(plain.abs().max()) + least:
            raise NetworkError(
                f"compiled, the network `{name}` is another: its {what} differs", code="NS627",
                note=f"by {float((plain - fast).abs().max()):.3g}, where the plain one has up to "
                f"{float(plain.abs().max()):.3g}; this is a fault of torch.compile or of its backend",
                help='leave compile out, or try compile={"backend": "aot_eager"}',
            )  # fmt: skip
