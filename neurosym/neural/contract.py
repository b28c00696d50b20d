"""What a network behind a neural predicate is to do, and what the library's own networks share.

`forward` takes one tensor (n, …) for each argument and gives (n, V) logits over the values; (n, 1) for a predicate that
is true or false (the engine applies the sigmoid). A class whose attribute `gives` is `probabilities` gives these.

`config()` gives the arguments of the constructor as JSON, so that a model can be saved without pickling code.

A network that has embeddings gives them by `embed`, with the arguments of `forward`: (n, width) vectors, mostly what
its last layer reads. `width` is an attribute of it.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from neurosym.errors import NetworkError


def width_of(network: nn.Module) -> int:
    """The width of a network's embeddings.

    Raises:
        NetworkError: it has none.
    """
    width = getattr(network, "width", None)
    if not isinstance(width, int) or not callable(getattr(network, "embed", None)):
        raise NetworkError(
            f"{type(network).__name__} has no embeddings",
            help="give it a method `embed(…)` that returns (n, D) vectors, and an attribute `width`, their D",
        )
    return width


def described(network: nn.Module) -> dict[str, object]:
    """A network inside another one's config.

    Raises:
        NetworkError: it has no `config()`.
    """
    config = getattr(network, "config", None)
    if not callable(config):
        raise NetworkError(
            f"{type(network).__name__} cannot be saved inside another network: it has no `config()`",
            help="give it a method `config()` that returns its constructor's arguments as plain data",
        )
    return {"class": type(network).__name__, "config": config()}


def inverse_softplus(value: float) -> float:
    """What softplus makes `value` of."""
    return value + math.log(-math.expm1(-value))


def check_width(network: nn.Module, rows: Tensor, width: int) -> None:
    """Refuse rows that are not (n, width)."""
    if rows.ndim != 2 or rows.shape[1] != width:
        raise NetworkError(f"{type(network).__name__} takes rows of shape (n, {width}), not {tuple(rows.shape)}")


__all__ = ["check_width", "described", "inverse_softplus", "width_of"]
