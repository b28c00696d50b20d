"""What an audit is made on: answers of batches, what is known of them, and what is known of the concepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosym.errors import DataError, ExplanationError
from neurosym.grounding import DerivationGraph
from neurosym.lang import Value
from neurosym.lang.ast import Const, Var
from neurosym.lang.terms import spell, term_key
from neurosym.reasoner import Answers, Reasoner, Targets

Concepts = Mapping[str, bool | Sequence[Value] | Tensor | None]


class Labelled(Protocol):
    """What training takes, and an audit too: see `neurosym.Batch`."""

    @property
    def queries(self) -> tuple[str, ...]:
        """Atoms that are asked."""
        ...

    @property
    def targets(self) -> Targets:
        """What is known of them."""
        ...

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        """Slot → (B, …) tensor."""
        ...


@dataclass(frozen=True)
class Concept:
    """One question to a network: a row of a neural choice group.

    Attributes:
        predicate: its name and arity; `inputs`: the term ids asked about; `network`: its name.
        leaves: (K,) fact ids, one for each outcome: one for yes or no, else one for each value.
        values: what it can say, as text: `false` and `true` for yes or no.
    """

    predicate: tuple[str, int]
    inputs: tuple[int, ...]
    network: str
    leaves: tuple[int, ...]
    values: tuple[str, ...]

    @property
    def binary(self) -> bool:
        """Whether it is a question of yes or no."""
        return len(self.leaves) == 1


@dataclass(frozen=True)
class Asked:
    """One batch with its answers.

    Attributes:
        answers: A of them, in B samples.
        labels: (B, A) 1 true, 0 false, NaN unlabelled.
        concepts: concept → (B,) the labelled value's number, -1 where there is none.
        idle: concept labels, as they were given, of what these answers do not rest on.
    """

    answers: Answers
    labels: NDArray[np.float64]
    concepts: dict[Concept, NDArray[np.int64]]
    idle: frozenset[str] = frozenset()

    @property
    def graph(self) -> DerivationGraph:
        """The ground program."""
        return self.answers.grounded.graph


def ask(reasoner: Reasoner, batch: Labelled, semantics: str | None = None) -> Answers:
    """The answers of one batch, without gradients.

    Raises:
        DataError: its samples have facts of their own.
    """
    if getattr(batch, "samples", None) is not None:
        raise DataError("samples with facts of their own cannot be audited together", help="audit the rules over one")
    with torch.no_grad():
        return reasoner.query(*batch.queries, inputs=batch.inputs, semantics=semantics)


def label_matrix(answers: Answers, targets: Targets) -> NDArray[np.float64]:
    """(B, A) labels of the answers, NaN where there is none.

    Raises:
        DataError: NS611, NS612, targets that do not fit the answers.
    """
    given = answers.labels(targets)
    if given is not None:
        if given.shape != answers.tags.shape:
            raise DataError(
                f"labels of shape {tuple(given.shape)} for answers of shape {tuple(answers.tags.shape)}", code="NS611"
            )
        return given.detach().cpu().double().numpy()
    values = targets.tolist() if isinstance(targets, Tensor) else list(targets)
    answers.nll(targets)  # says what does not fit
    (free,) = [k for k, t in enumerate(answers.query[0].args) if isinstance(t, Var)]
    column = {term_key(args[free]): k for k, args in enumerate(answers.args)}
    labels = np.full(tuple(answers.tags.shape), np.nan)
    for row, value in enumerate(values):
        if value is not None:
            labels[row] = 0.0
            labels[row, column[term_key(value)]] = 1.0  # pyright: ignore[reportArgumentType] - no mapping
    return labels


def concepts_of(graph: DerivationGraph) -> list[Concept]:
    """All questions to networks of a ground program."""
    found: list[Concept] = []
    for group in graph.choices:
        if group.kind != "neural":
            continue
        declaration = graph.neural_of(group)
        assert group.inputs is not None and group.key is not None
        for leaves, inputs in zip(group.facts.tolist(), group.inputs.tolist(), strict=True):
            values = ("false", "true")
            if declaration.values is not None:
                values = tuple(spell(graph.symbols.value(graph.args(f)[-1]), graph.prefixes) for f in leaves)
            found.append(Concept(group.key, tuple(inputs), declaration.network, tuple(leaves), values))
    return found


def concept_labels(
    reasoner: Reasoner, given: Concepts, graph: DerivationGraph, start: int, size: int
) -> tuple[dict[Concept, NDArray[np.int64]], frozenset[str]]:
    """The concept labels of one batch, and those of what its answers do not rest on.

    Args:
        given: `digit(a, D)` → the values of its variable, for all samples of the data; or `large(ex:p7)` → true or
            false. start, size: which samples are the batch's.

    Raises:
        ExplanationError: NS870, NS871, NS872, labels that fit no concept, too few of them, or no value of it.
    """
    known = {(c.predicate, c.inputs): c for c in concepts_of(graph)}
    found: dict[Concept, NDArray[np.int64]] = {}
    idle: set[str] = set()
    for text, labels in given.items():
        atom = reasoner.atom(text)
        if atom.key not in reasoner.program.neural:
            raise ExplanationError(
                f"`{text}` is labelled as a concept, and no network decides it", code="NS870",
                help=f"the concepts are {', '.join(f'{n}/{a}' for n, a in reasoner.program.neural) or 'none'}",
            )  # fmt: skip
        several = not isinstance(labels, bool | None)
        terms = [graph.symbols.find(t.value) if isinstance(t, Const) else None for t in atom.args]
        valued = reasoner.program.neural[atom.key].values is not None
        if several and not (valued and isinstance(atom.args[-1], Var)):
            raise ExplanationError(
                f"the labels of `{text}` are values, and it has no variable for them", code="NS871",
                help="write a variable as its last argument, or label it true or false",
            )  # fmt: skip
        concept = known.get((atom.key, tuple(t for t in (terms[:-1] if valued else terms) if t is not None)))
        if concept is None:
            idle.add(text)
            continue
        if several:
            found[concept] = _numbers(text, concept, labels, start, size)  # pyright: ignore[reportArgumentType]
        elif valued:
            if labels:
                shown = spell(atom.args[-1].value, graph.prefixes) if isinstance(atom.args[-1], Const) else ""
                found[concept] = np.full(size, _number(text, concept, shown))
        elif labels is not None:
            found[concept] = np.full(size, int(bool(labels)))
    return found, frozenset(idle)


def _numbers(text: str, concept: Concept, labels: Sequence[Value] | Tensor, start: int, size: int) -> NDArray[np.int64]:
    values = labels.tolist() if isinstance(labels, Tensor) else list(labels)
    if len(values) < start + size:
        raise ExplanationError(
            f"`{text}` has {len(values)} concept labels, where there are at least {start + size} samples", code="NS871"
        )
    return np.array([_number(text, concept, spell(v)) for v in values[start : start + size]], np.int64)


def _number(text: str, concept: Concept, value: str) -> int:
    if value not in concept.values:
        raise ExplanationError(
            f"`{text}` is labelled {value}, which its network cannot say", code="NS872",
            note=f"it can say {', '.join(concept.values)}",
        )  # fmt: skip
    return concept.values.index(value)


def as_batches(data: Labelled | Iterable[Labelled]) -> list[Labelled]:
    """A batch, or any iterable of them, as a list.

    Raises:
        DataError: NS620, there is none.
    """
    result = [data] if hasattr(data, "queries") else list(data)  # pyright: ignore[reportArgumentType]
    if not result:
        raise DataError("there is nothing to audit", code="NS620", help="give a Batch, or several")
    return result  # pyright: ignore[reportReturnType]
