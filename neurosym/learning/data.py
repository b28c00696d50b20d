"""What a reasoner is trained on: questions, with the answers that are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from neurosym.errors import DataError
from neurosym.lang import Value
from neurosym.reasoner import Targets


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch of samples, or one set of labelled atoms over a common graph.

    Attributes:
        queries: atoms that are asked.
        targets: what `Answers.nll` takes: labelled atoms, a (B, A) tensor, or B values of the query's variable.
        inputs: slot → (B, …) tensor.
        weight: of its loss.
    """

    queries: tuple[str, ...]
    targets: Targets
    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    weight: float = 1.0

    def __post_init__(self) -> None:
        queries = (self.queries,) if isinstance(self.queries, str) else tuple(self.queries)
        object.__setattr__(self, "queries", queries)


def batches(query: str, inputs: Mapping[str, Tensor], targets: Sequence[Value] | Tensor, size: int = 64) -> list[Batch]:
    """Cut samples into batches of one query.

    Args:
        query: an atom with one variable, such as `sum(a, b, Z)`.
        inputs: slot → (n, …); targets: (n,) values of the variable.

    Raises:
        DataError: lengths disagree.
    """
    n = len(targets)
    for name, tensor in inputs.items():
        if len(tensor) != n:
            raise DataError(f"{len(tensor)} inputs `{name}` for {n} targets")
    starts = range(0, n, size)
    return [Batch((query,), targets[s : s + size], {k: t[s : s + size] for k, t in inputs.items()}) for s in starts]


def shuffled(data: Sequence[Batch], seed: int) -> list[Batch]:
    """The samples of equal questions mixed anew, cut into batches of the same sizes; others only reordered."""
    generator = torch.Generator().manual_seed(seed)
    kinds = {(b.queries, frozenset(b.inputs), isinstance(b.targets, Tensor), b.weight) for b in data}
    samples = all(b.inputs and not isinstance(b.targets, Mapping) for b in data)
    mixable = len(data) > 1 and len(kinds) == 1 and samples
    if not mixable:
        return [data[k] for k in torch.randperm(len(data), generator=generator).tolist()]
    names = list(data[0].inputs)
    inputs = {n: torch.cat([b.inputs[n] for b in data]) for n in names}
    tensors = all(isinstance(b.targets, Tensor) for b in data)
    targets = (
        torch.cat([b.targets for b in data])  # pyright: ignore[reportArgumentType, reportCallIssue]
        if tensors
        else [t for b in data for t in b.targets]  # pyright: ignore[reportGeneralTypeIssues]
    )
    order = torch.randperm(len(targets), generator=generator)
    result: list[Batch] = []
    start = 0
    for batch in data:
        part = order[start : start + len(batch.targets)]
        start += len(part)
        chosen = targets[part] if isinstance(targets, Tensor) else [targets[k] for k in part.tolist()]
        result.append(Batch(batch.queries, chosen, {n: t[part] for n, t in inputs.items()}, batch.weight))
    return result


def as_list(data: Batch | Iterable[Batch]) -> list[Batch]:
    """A batch, or any iterable of them, as a list.

    Raises:
        DataError: there is none.
    """
    result = [data] if isinstance(data, Batch) else list(data)
    if not result:
        raise DataError("there is no training data", code="NS620")
    return result
