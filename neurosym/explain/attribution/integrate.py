"""Integrated gradients, by captum: the only door to it.

Sundararajan, Taly & Yan, Axiomatic attribution for deep networks (ICML 2017): the gradient is averaged on the straight
line from a baseline to the input, times their difference; the scores then add up to the difference of the outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from neurosym.errors import ExplanationError
from neurosym.explain.attribution.questions import Question, at_rest

CELLS = 1 << 22  # numbers in the inputs of one run of a network


@dataclass(frozen=True)
class Scores:
    """How a network's output is shared out among its inputs.

    Attributes:
        parts: for each argument (…) scores, of the shape of its input; of a text of word numbers, one for each word.
        output, baseline: of the input and of its baseline; gap: what all scores are more than their difference.
        steps: points on the line between them.
    """

    parts: tuple[Tensor, ...]
    output: float
    baseline: float
    gap: float
    steps: int


def method() -> tuple[Any, Any]:
    """Integrated gradients of inputs, and of the output of a layer.

    Raises:
        ExplanationError: NS840, captum is not installed.
    """
    try:
        from captum.attr import IntegratedGradients, LayerIntegratedGradients
    except ImportError as error:
        raise ExplanationError(
            "attributions on the inputs of networks need the package captum", code="NS840", note=str(error),
            help="pip install 'neurosym-logic[explain]', or leave out attributions",
        ) from None  # fmt: skip
    return IntegratedGradients, LayerIntegratedGradients


def integrate(question: Question, steps: int = 64, most_steps: int = 1024, tolerance: float = 1e-3) -> Scores | None:
    """The scores of all inputs of a question; None where its network has no gradient to them.

    Args:
        steps: points on the line, doubled until the gap is within `tolerance` or there are `most_steps`.
    """
    inputs = tuple(g.values for g in question.given)
    baselines = tuple(g.baseline for g in question.given)
    words = [k for k, g in enumerate(question.given) if g.whole]
    with at_rest(question.network):
        layer = _embedding(question, words)
        if layer is None and (words or not _has_gradient(question, inputs)):
            return None
        with torch.no_grad():
            # Inputs beside a text keep their values: the line runs through the words' vectors alone.
            kept = tuple(
                b if not words or k in words else x for k, (x, b) in enumerate(zip(inputs, baselines, strict=True))
            )
            output, baseline = (float(question.probability(*x)[0]) for x in (inputs, kept))
        while True:
            parts = _of_numbers(question, steps) if layer is None else _of_words(question, layer, words[0], steps)
            gap = float(sum(p.double().sum() for p in parts)) - (output - baseline)
            if abs(gap) <= tolerance or steps >= most_steps:
                return Scores(tuple(p[0].double() for p in parts), output, baseline, gap, steps)
            steps = min(2 * steps, most_steps)


def _embedding(question: Question, words: list[int]) -> nn.Module | None:
    """The layer that gives the words of a text their vectors: the one that is handed them as they are.

    None where there is none, or where several arguments are texts.
    """
    if len(words) != 1:
        return None
    ids = question.given[words[0]].values
    found: list[nn.Module] = []

    def look(layer: nn.Module, handed: tuple[Tensor, ...]) -> None:
        if handed and handed[0].shape == ids.shape and bool((handed[0] == ids).all()):
            found.append(layer)

    layers = [m for m in question.network.modules() if isinstance(m, nn.Embedding)]
    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        with torch.no_grad():
            question.probability(*(g.values for g in question.given))
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def _has_gradient(question: Question, inputs: tuple[Tensor, ...]) -> bool:
    with torch.enable_grad():
        return question.probability(*(x.clone().requires_grad_() for x in inputs)).requires_grad


def _of_numbers(question: Question, steps: int) -> list[Tensor]:
    """Scores of inputs that have gradients."""
    inputs = tuple(g.values.clone().requires_grad_() for g in question.given)

    def output(*x: Tensor) -> Tensor:
        # An input that the network does not look at has the gradient 0, and not none.
        return question.probability(*x) + sum(t.nan_to_num().flatten(1).sum(dim=1) * 0.0 for t in x)

    run, _ = method()
    batch = max(1, CELLS // max(1, sum(x.numel() for x in inputs)))
    with torch.enable_grad():
        found = run(output).attribute(
            inputs, tuple(g.baseline for g in question.given), n_steps=steps, internal_batch_size=min(batch, steps)
        )
    # what is missing is NaN in both, and so is their difference; it has no share in what differs
    return [torch.where(x.isnan(), 0.0, f).detach() for f, x in zip(found, inputs, strict=True)]


def _of_words(question: Question, layer: nn.Module, word: int, steps: int) -> list[Tensor]:
    """Scores of the word numbers of one input, through the vectors that a layer gives them; 0 for other inputs."""
    given = question.given
    others = [g.values for k, g in enumerate(given) if k != word]

    def output(words: Tensor, *rest: Tensor) -> Tensor:
        return question.probability(*rest[:word], words, *rest[word:])

    _, run = method()
    with torch.enable_grad():
        found = run(output, layer).attribute(
            given[word].values, given[word].baseline, additional_forward_args=tuple(others) or None, n_steps=steps
        )
    # (1, T, D) scores of the vectors → (1, T) of the words
    scores = found.detach().sum(dim=-1)
    return [scores if k == word else torch.zeros(g.values.shape) for k, g in enumerate(given)]


__all__ = ["Scores", "integrate", "method"]
