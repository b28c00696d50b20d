"""From what an expert says of learnable statements to the vectors that learning reads; and weights as logits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from neurosym.errors import DataError
from neurosym.grounding import Parameter
from neurosym.lang import Program
from neurosym.lang.printer import Printer
from neurosym.learning.weights import Anchor, Belief, Fixed, Limit, Prior
from neurosym.reasoner.priors import Beta, Dirichlet


def heads_of(program: Program, parameter: Parameter) -> tuple[str, ...]:
    """The heads of a learnable statement, one text for each outcome."""
    rule, printer = program.rules[parameter.statement], Printer(program.prefixes)
    heads = tuple(" and ".join(map(printer.atom, a.atoms)) for a in rule.heads)
    return heads if len(heads) == parameter.outcomes else (f"exception to {rule.exception_to}",)


def categories(parameter: Parameter, weights: Sequence[float]) -> tuple[float, ...]:
    """(n,) the weights of the outcomes, then that of 'none of them' where it can happen."""
    if not parameter.rest:
        total = sum(weights)
        return tuple(w / total for w in weights)
    return (*weights, max(0.0, 1 - sum(weights)))


def beliefs(
    program: Program,
    learnable: Sequence[Parameter],
    current: Sequence[Sequence[float]],
    priors: Mapping[str, Prior] | None = None,
    limits: Mapping[str, Limit] | None = None,
) -> list[Belief]:
    """What is known of each learnable statement.

    Args:
        current: for each its weights until now.
        priors, limits: rule's name, `file:line`, or heads as they are printed (`heads; tails`) → what is known.

    Raises:
        DataError: NS642, a name that no learnable statement has or that several have; or something that does not fit.
    """
    named: dict[str, list[int]] = {}
    for k, parameter in enumerate(learnable):
        for name in dict.fromkeys((parameter.label, "; ".join(heads_of(program, parameter)))):
            named.setdefault(name, []).append(k)
    said: list[tuple[Prior | None, Limit | None]] = [(None, None)] * len(learnable)
    for name, prior in (priors or {}).items():
        k = _position(name, named)
        said[k] = (prior, said[k][1])
    for name, limit in (limits or {}).items():
        k = _position(name, named)
        said[k] = (said[k][0], limit)
    return [_belief(p, *s, w) for p, s, w in zip(learnable, said, current, strict=True)]


def _position(name: str, named: Mapping[str, list[int]]) -> int:
    found = named.get(name, [])
    if len(found) == 1:
        return found[0]
    what = "no learnable statement is" if not found else "several learnable statements are"
    raise _misfit(f"{what} called `{name}`", f"there are: {', '.join(named) or 'none'}")


def _belief(
    parameter: Parameter, prior: Prior | None, limit: Limit | None, current: Sequence[float]
) -> Belief:  # fmt: skip
    count = parameter.outcomes + parameter.rest
    pseudo = _pseudo(parameter, prior)
    if isinstance(limit, Fixed):
        weights = tuple(current) if limit.weight is None else _each(parameter, limit.weight)
        _check_weights(parameter, weights)
        return Belief(pseudo, (0.0,) * count, (1.0,) * count, categories(parameter, weights))
    if limit is None:
        return Belief(pseudo, (0.0,) * count, (1.0,) * count)
    lower, upper = _each(parameter, limit.at_least), _each(parameter, limit.at_most)
    if any(not 0 <= lo <= hi <= 1 for lo, hi in zip(lower, upper, strict=True)):
        raise _misfit(f"{limit} is no range of probabilities for `{parameter.label}`")
    if parameter.rest:
        lower, upper = (*lower, 0.0), (*upper, 1.0)
    if sum(lower) > 1 + 1e-12 or sum(upper) < 1 - 1e-12:
        raise _misfit(f"no weights of `{parameter.label}` add up to 1 within {limit}")
    return Belief(pseudo, lower, upper)


def _pseudo(parameter: Parameter, prior: Prior | None) -> tuple[float, ...]:
    """(n,) the observations that a prior is worth."""
    count = parameter.outcomes + parameter.rest
    match prior:
        case None:
            return (0.0,) * count
        case Beta(a, b):
            counts = (a, b)
            if parameter.outcomes != 1:
                raise _misfit(f"`{parameter.label}` has {parameter.outcomes} weights", "give it a Dirichlet")
        case Dirichlet(counts):
            if len(counts) != count:
                rest = ", 'none of them' included" if parameter.rest else ""
                raise _misfit(f"{prior} has {len(counts)} numbers, and `{parameter.label}` {count} outcomes{rest}")
        case Anchor(weight, confidence):
            weights = parameter.initial if weight is None else _each(parameter, weight)
            if weights is None:
                raise _misfit(f"`{parameter.label}` has no weight to be anchored at", "Anchor(0.8, confidence=10)")
            _check_weights(parameter, weights)
            if not 0 <= confidence < math.inf:
                raise _misfit(f"a confidence of {confidence} observations for `{parameter.label}`")
            return tuple(confidence * w for w in categories(parameter, weights))
    if not all(1 <= c < math.inf for c in counts):
        raise _misfit(f"{prior} of `{parameter.label}` has a parameter below 1, and so no mode")
    return tuple(c - 1 for c in counts)


def _each(parameter: Parameter, value: float | tuple[float, ...]) -> tuple[float, ...]:
    """One number for each outcome."""
    result = tuple(value) if isinstance(value, Sequence) else (float(value),) * parameter.outcomes
    if len(result) != parameter.outcomes:
        raise _misfit(f"{len(result)} numbers for `{parameter.label}`, which has {parameter.outcomes} weights")
    return result


def _check_weights(parameter: Parameter, weights: Sequence[float]) -> None:
    if not all(0 <= w <= 1 for w in weights) or sum(weights) > 1 + 1e-9:
        raise _misfit(f"{tuple(weights)} are no weights of `{parameter.label}`")
    if not parameter.rest and abs(sum(weights) - 1) > 1e-9:
        raise _misfit(f"the weights of `{parameter.label}` add up to {sum(weights):g}, and leave nothing over")


def _misfit(message: str, help: str = "") -> DataError:
    return DataError(f"{message}", code="NS642", help=help)


def logits(parameter: Parameter, weights: Sequence[float]) -> Tensor:
    """The logits of (n,) weights as the reasoner keeps them; 0 and 1 become 1e-12 and 1 - 1e-12.

    A weight of exactly 0 has an infinite logit, from which no gradient leads away.
    """
    values = torch.tensor(list(weights), dtype=torch.float64).clamp(1e-12, 1 - 1e-12)
    return torch.logit(values[:1]) if parameter.outcomes == 1 else torch.log(values)


def log_categories(parameter: Parameter, logits: Tensor) -> Tensor:
    """(n,) the logarithms of the weights, from the reasoner's logits, with gradients."""
    if parameter.outcomes == 1:
        return torch.cat([logsigmoid(logits), logsigmoid(-logits)])
    return torch.log_softmax(logits, dim=0)
