"""Networks compiled by `torch.compile` while they train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from neurosym.reasoner import Reasoner


@contextmanager
def compiled(reasoner: Reasoner, options: bool | Mapping[str, Any]) -> Iterator[None]:
    """Meanwhile the reasoner's networks are compiled; graph networks are not, their graphs change their shape.

    In place: names, weights and hooks stay what they are, and so does what is saved. Afterwards the networks are as
    they were, for explanations and exports look into them.

    Args:
        options: whether to, or arguments of `torch.compile`, such as `{"mode": "reduce-overhead"}`.
    """
    chosen = []
    if options is not False:
        settings = {} if options is True else dict(options)
        # one that the caller has compiled already stays as it is
        chosen = [
            n for n in reasoner.networks.values()
            if not getattr(n, "uses_graph", False) and n._compiled_call_impl is None
        ]  # fmt: skip
        for network in chosen:
            network.compile(**settings)
    try:
        yield
    finally:
        for network in chosen:
            network._compiled_call_impl = None
