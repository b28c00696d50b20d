"""Losses, one or several at once: labels on conclusions and concepts, and what is wanted of networks' outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurosym.errors import DataError
from neurosym.lang import Value
from neurosym.lang.ast import Atom, Const
from neurosym.lang.terms import term_key
from neurosym.learning.data import Batch, Labels
from neurosym.reasoner import Answers, SampleAnswers
from neurosym.reasoner.answers import TINY
from neurosym.reasoner.said import Said

# of a batch and its answers; None where it has nothing to say about the batch. Any function of `Answers` is one, too.
Loss = Callable[..., "Tensor | None"]


@dataclass(frozen=True)
class Term:
    """One loss of several.

    Attributes:
        name: under which `FitResult` and logs report it, without its weight.
        loss: (answers, batch) → scalar, or None where it has nothing to say about a batch. The parameters of one that
            is a torch module are trained and kept in checkpoints along with the reasoner.
        weight: of it in the sum that is minimised.
    """

    name: str
    loss: Loss
    weight: float = 1.0


def nll(answers: Answers | SampleAnswers, batch: Batch) -> Tensor | None:
    """The default loss: mean negative log-likelihood of the batch's targets; None if all are unlabelled."""
    return answers.nll(batch.targets) if batch.labelled else None  # pyright: ignore[reportArgumentType]


def terms_of(loss: Loss | Sequence[Term]) -> tuple[Term, ...]:
    """One loss, or several, as terms.

    Raises:
        DataError: NS625, none, two of one name, or a weight that is negative or no number.
    """
    if not isinstance(loss, Sequence):
        return (Term("loss", loss),)
    terms = tuple(loss)
    names = [t.name for t in terms]
    double = next((n for k, n in enumerate(names) if n in names[:k]), None)
    if not terms or double is not None:
        raise DataError(
            "there is no loss" if not terms else f"two losses are called `{double}`", code="NS625",
            help='loss=[Term("labels", nll), …], each with a name of its own',
        )  # fmt: skip
    for term in terms:
        if not math.isfinite(term.weight) or term.weight < 0:
            raise DataError(f"the loss `{term.name}` has the weight {term.weight}", code="NS625")
    return terms


def total(
    terms: Sequence[Term], answers: Answers | SampleAnswers, batch: Batch
) -> tuple[Tensor, dict[str, Tensor]]:  # fmt: skip
    """The weighted sum of all losses of a batch, and each of them without its weight.

    Raises:
        DataError: NS626, no loss has anything to say about the batch.
    """
    found: dict[str, Tensor] = {}
    whole: Tensor | None = None
    for term in terms:
        value = term.loss(answers, batch)
        if value is not None:
            found[term.name] = value
            weighted = value if term.weight == 1 else term.weight * value
            whole = weighted if whole is None else whole + weighted
    if whole is None:
        raise DataError(
            "no answer is labelled, and no other loss speaks about the batch", code="NS626",
            note=f"it asks {', '.join(batch.queries)}", help="leave it out, or add a loss: constraints, entropy …",
        )  # fmt: skip
    return whole, found


# ------------------------------------------------------------------------------------------------ labels on concepts


def concept_nll(answers: Answers | SampleAnswers, batch: Batch) -> Tensor | None:
    """Mean negative log-likelihood of the batch's `concepts`; None if none is labelled.

    Read off what the networks said for the answers: they are not asked again.

    Raises:
        DataError: NS626, a concept that no network was asked about, or a label that is none of its values.
    """
    parts: list[Tensor] = []
    for name, labels in batch.concepts.items():
        known = {k: v for k, v in enumerate(_plain(labels)) if v is not None}
        if known:
            assert answers.reasoner is not None
            parts.append(_of_concept(answers, name, answers.reasoner.atom(name), known))
    return torch.cat(parts).mean() if parts else None


def _of_concept(answers: Answers | SampleAnswers, name: str, atom: Atom, known: dict[int, Value]) -> Tensor:
    """(n,) losses of the labelled samples."""
    said = next((s for s in answers.said() if s.predicate == f"{atom.predicate}/{len(atom.args)}"), None)
    wanted = atom.args if said is None or said.values is None else atom.args[:-1]
    asked = tuple(t.value for t in wanted if isinstance(t, Const))
    if said is None or len(asked) < len(wanted) or asked not in said.questions:
        raise _not_asked(name, answers)
    rows = (said.question == said.questions.index(asked)).nonzero()[:, 0].tolist()
    row = {s: r for s, r in zip(said.sample[rows].tolist(), rows, strict=True) if s in known}
    if lacking := sorted(set(known) - set(row)):
        raise _not_asked(f"{name} in sample {lacking[0]} of a batch", answers)
    likelihood = said.probabilities[list(row.values())]
    labels = [known[s] for s in row]
    if said.values is None:
        truth = likelihood.new_tensor([float(bool(v)) for v in labels])
        chosen = truth * likelihood[:, 0] + (1 - truth) * (1 - likelihood[:, 0])
    else:
        place = {term_key(v): k for k, v in enumerate(said.values)}
        odd = next((v for v in labels if term_key(v) not in place), None)
        if odd is not None:
            raise DataError(f"{odd!r} is no value of {said.predicate}", code="NS626", note=f"a label of `{name}`")
        chosen = likelihood.gather(1, torch.tensor([[place[term_key(v)]] for v in labels]))[:, 0]
    return -torch.log(chosen.clamp_min(TINY))


def _plain(labels: Labels) -> Sequence[Value | None]:
    """Labels as values; floats that are whole stand for integers, because NaN makes floats of them."""
    if not isinstance(labels, Tensor):
        return labels
    values = labels.tolist()
    if not labels.is_floating_point():
        return values
    return [None if math.isnan(v) else int(v) if v == int(v) else v for v in values]


def _not_asked(name: str, answers: Answers | SampleAnswers) -> DataError:
    there = sorted({s.predicate for s in answers.said()})
    return DataError(
        f"a label is given for {name}, and no network was asked about it", code="NS626",
        note=f"networks were asked about {', '.join(there) or 'nothing'}",
        help="name the concept as in `digit(a, D)`; a label None says that there is none",
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ networks' outputs


@dataclass(frozen=True)
class Entropy:
    """How undecided networks are: the mean entropy of their outputs, from 0 (certain) to 1 (uniform).

    As a loss it makes them decide (Grandvalet & Bengio 2004), which unlabelled samples can teach.

    Attributes:
        predicates: such as `digit/2`; all neural ones by default.
    """

    predicates: tuple[str, ...] = ()

    def __call__(self, answers: Answers | SampleAnswers, batch: Batch) -> Tensor | None:
        """The mean over networks' outputs."""
        outputs = _outputs(answers, self.predicates)
        return torch.cat([_entropy(p) for p in outputs]).mean() if outputs else None


@dataclass(frozen=True)
class ClassBalance:
    """How unevenly a network uses its values: 1 − the entropy of its mean output over the batch, from 0 to 1.

    The entropy regulariser against reasoning shortcuts (Marconato et al., NeurIPS 2023; before them Manhaeve et al.,
    2021): a shortcut often maps several concepts onto one, and then the batch does not have all of them. It presumes
    that the true values are about equally frequent, and that a batch has many samples.

    Attributes:
        predicates: such as `digit/2`; all neural ones by default.
    """

    predicates: tuple[str, ...] = ()

    def __call__(self, answers: Answers | SampleAnswers, batch: Batch) -> Tensor | None:
        """The mean over neural predicates."""
        outputs = _outputs(answers, self.predicates)
        return 1 - torch.cat([_entropy(p.mean(dim=0)[None]) for p in outputs]).mean() if outputs else None


class Reconstruction(nn.Module):
    """How badly the input can be told from the concepts alone: the other unsupervised remedy against shortcuts.

    A decoder sees what the network said, K probabilities, and must give back what the network saw (Marconato et al.,
    NeurIPS 2023): concepts that are merged lose what it needs.

    Args:
        predicate: such as `digit/2`; decoder: (P, K) → (P, …) in the shape of the predicate's first argument.
        error: (given back, seen) → scalar; the mean squared error by default.
    """

    def __init__(
        self, predicate: str, decoder: nn.Module, error: Callable[[Tensor, Tensor], Tensor] = nn.functional.mse_loss
    ) -> None:  # fmt: skip
        super().__init__()
        self.predicate, self.decoder, self.error = predicate, decoder, error

    def forward(self, answers: Answers | SampleAnswers, batch: Batch) -> Tensor | None:
        """The mean over what the network was asked."""
        heard = _heard(answers, (self.predicate,))
        if not heard:
            return None
        (seen, *_) = heard[0].inputs()
        like = next(self.decoder.parameters(), seen)
        probabilities = torch.cat([1 - heard[0].probabilities, heard[0].probabilities], 1)
        probabilities = heard[0].probabilities if heard[0].values is not None else probabilities
        return self.error(self.decoder(probabilities.to(like)), seen.to(like))


def _heard(answers: Answers | SampleAnswers, predicates: Sequence[str]) -> list[Said]:
    found = [s for s in answers.said() if not predicates or s.predicate in predicates]
    there = {s.predicate for s in found}
    declared = {f"{n}/{k}" for n, k in answers.reasoner.program.neural} if answers.reasoner is not None else there
    if odd := sorted(set(predicates) - there - declared):
        raise DataError(
            f"`{odd[0]}` is no neural predicate",
            code="NS626",
            note=f"there are {', '.join(sorted(declared)) or 'none'}",
        )
    return found


def _outputs(answers: Answers | SampleAnswers, predicates: Sequence[str]) -> list[Tensor]:
    """(P, K) probabilities over at least two values."""
    return [
        s.probabilities if s.values is not None else torch.cat([1 - s.probabilities, s.probabilities], dim=1)
        for s in _heard(answers, predicates)
        if len(s.question) and (s.values is None or len(s.values) > 1)
    ]


def _entropy(probabilities: Tensor) -> Tensor:
    """(P,) entropies of (P, K) distributions, as shares of that of the uniform one; gradients are finite at 0."""
    safe = probabilities.clamp_min(TINY)
    return -(probabilities * torch.log(safe)).sum(dim=1) / math.log(probabilities.shape[1])
