"""What a network was asked when it decided a leaf, as a function of its inputs that can be run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from neurosym.grounding import DerivationGraph
from neurosym.lang.ast import Argument
from neurosym.lang.terms import Iri, Value, spell
from neurosym.neural import FeatureTable, OnColumns
from neurosym.reasoner import Answers
from neurosym.reasoner.leaves import NeuralGroup, find_table

Kind = Literal["image", "text", "columns", "edges", "other"]


@dataclass(frozen=True)
class Given:
    """What the network was given for one of its arguments.

    Attributes:
        kind: how it is shown.
        values, baseline: (1, …) what it was, and what it would be if it said nothing.
        named: the baseline in words.
        names: of its columns or edges; ends: (source, target) of each edge; asked: the node that was asked about.
    """

    kind: Kind
    values: Tensor
    baseline: Tensor
    named: str
    names: Sequence[str] = ()
    ends: Sequence[tuple[int, int]] | None = None
    asked: int = -1

    @property
    def whole(self) -> bool:
        """Whether it consists of whole numbers, such as the numbers of words: these have no gradient."""
        return not self.values.is_floating_point()


@dataclass(frozen=True)
class Question:
    """What a network was asked about one fact.

    Attributes:
        name: of the network.
        probability: one (n, …) tensor for each of `given` → (n,) probabilities of the fact.
    """

    name: str
    network: nn.Module
    given: tuple[Given, ...]
    probability: Callable[..., Tensor]


@contextmanager
def at_rest(network: nn.Module) -> Iterator[None]:
    """A network as it is used, without dropout; afterwards each of its modules is as it was."""
    training = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, was in training.items():
            module.training = was


def question_of(answers: Answers, fact: int, sample: int) -> Question:
    """What the network behind a neural leaf was asked, in one sample."""
    graph, leaves = answers.grounded.graph, answers.grounded.leaves
    group, row = graph.choice_of(fact)
    asked, outcome = leaves.asked_by(group), int(graph.outcome[fact])
    name = asked.declaration.network
    if asked.uses_graph:
        return _of_graph(answers, asked, row, sample)
    assert group.inputs is not None
    tensors = asked.tensors(answers.inputs, torch.tensor([row]), torch.tensor([sample]))
    arguments = zip(asked.declaration.args, group.inputs[row].tolist(), tensors, strict=False)
    given = [
        _given(graph, leaves.features, asked, argument, graph.symbols.value(t), x.detach())
        for argument, t, x in arguments
    ]

    def probability(*inputs: Tensor) -> Tensor:
        return asked.answers(list(inputs), len(inputs[0]))[:, outcome]

    return Question(name, asked.network, tuple(given), probability)


def _given(
    graph: DerivationGraph, features: Mapping[str, FeatureTable], asked: NeuralGroup, argument: Argument, term: Value,
    values: Tensor,
) -> Given:  # fmt: skip
    """One argument's tensor, with the baseline that fits it."""
    table = find_table(argument, features, graph.prefixes)
    nothing = getattr(asked.network, "nothing", None)
    if callable(nothing) and (argument.type.kind == "Text" or (table is not None and table.texts)):
        return Given("text", values, nothing(values), f"unknown words throughout for {spell(term, graph.prefixes)}")  # type: ignore[arg-type]
    if table is not None and table.texts:
        return Given("text", values, torch.zeros_like(values), f"word 0 throughout for {argument.name}")
    if table is not None:
        baseline, named = _typical(asked.network, table, values, argument.name)
        baseline = torch.where(_kept(table, values), values, baseline.nan_to_num(0.0))
        if values.dim() == 2:
            return Given("columns", values, baseline, named, table.columns)
        return Given("image" if _is_image(values[0]) else "other", values, baseline, named)
    baseline, called = torch.zeros_like(values), spell(term, graph.prefixes)
    named = f"zeros for {called}"
    if not values.is_floating_point():
        named = f"word 0 throughout for {called}"
    if argument.type.kind == "Text":
        return Given("text", values, baseline, named)
    if _is_image(values[0]):
        return Given("image", values, baseline, named)
    if values.dim() == 2:
        return Given("columns", values, baseline, named, [f"{called}[{k}]" for k in range(values.shape[1])])
    return Given("other", values, baseline, named)


def _typical(network: nn.Module, table: FeatureTable, values: Tensor, name: str) -> tuple[Tensor, str]:
    """(1, …) a row that is nothing special, and what it is: of the data that the network was made for, where it knows.

    The table may hold a new patient or two only, whose mean is nothing to compare them with.
    """
    mean = table.rows.nanmean(dim=0, keepdim=True).to(values)
    if isinstance(network, OnColumns) and values.dim() == 2:
        mean[0, list(network.columns)] = network.scale.mean.to(values)
        return mean, "the means that the network scales by"
    if len(table) == 1:
        return torch.zeros_like(values), f"zeros, as {name} has one row only"
    return mean, f"the mean of all {len(table)} rows of {name}"


def _kept(table: FeatureTable, values: Tensor) -> Tensor:
    """Where a baseline has no other value: what is missing, and categories, between which there is no line."""
    kept = values.isnan()
    if values.dim() == 2 and table.categories:
        kept[:, list(table.columns_index(table.categories))] = True
    return kept


def _is_image(values: Tensor) -> bool:
    """Whether (h, w), (1, h, w) or (3, h, w) numbers; a row of few or a column is none."""
    return (values.dim() == 2 or (values.dim() == 3 and values.shape[0] in (1, 3))) and min(values.shape[-2:]) > 1


def _of_graph(answers: Answers, asked: NeuralGroup, row: int, sample: int) -> Question:
    """What a graph network was asked: its input is the weights of the edges, and one of weight 0 is an absent one."""
    tags = answers.leaf_tags[sample].detach()
    graph, nodes = answers.grounded.leaves.graph_read(asked, tags)
    node = nodes[row : row + 1]
    prefixes = answers.grounded.graph.prefixes

    def probability(weights: Tensor) -> Tensor:
        logits = [asked.network(replace(graph, edge_weight=w), node) for w in weights]
        return asked.probabilities(torch.cat(logits), len(weights))[:, 0]

    def short(name: str) -> str:
        return spell(Iri(name), prefixes) if ":" in name else name

    (source, target), kinds = graph.edge_index.tolist(), graph.edge_type.tolist()
    names = [
        f"{short(graph.relations[k])}({short(graph.nodes[s])}, {short(graph.nodes[t])})"
        for s, t, k in zip(source, target, kinds, strict=True)
    ]
    weights = graph.edge_weight.detach()[None]
    ends = list(zip(source, target, strict=True))
    given = Given("edges", weights, torch.zeros_like(weights), "a graph without edges", names, ends, int(node))
    return Question(asked.declaration.network, asked.network, (given,), probability)


__all__ = ["Given", "Question", "at_rest", "question_of"]
