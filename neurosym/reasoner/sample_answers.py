"""What a query gives for many samples with facts of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosym.errors import DataError
from neurosym.facts import Ids
from neurosym.grounding import SampleGraphs, Samples
from neurosym.grounding.core import CoreAtom
from neurosym.lang import Value, parse_atom
from neurosym.lang.ast import Atom, Const, Var
from neurosym.lang.terms import spell
from neurosym.reasoner.answers import NOTHING, TINY, Answers, Targets
from neurosym.reasoner.said import Said

if TYPE_CHECKING:
    from neurosym.reasoner.reasoner import Reasoner
    from neurosym.semantics import Semiring

ASKED, SEEN_TRUE, SEEN_FALSE = 1, 2, 4  # what the mark of a fact is made of


@dataclass(frozen=True, eq=False)
class SamplePart:
    """The answers of B samples of one shape.

    Attributes:
        shape: its number; samples: (B,) their positions among the samples that were asked.
        facts: (B, A) ids of the answers' facts in the whole graph: each sample has atoms of its own.
        tags: (B, A) with gradients; methods: (A,) how they were computed.
    """

    shape: int
    samples: Tensor
    facts: Ids
    tags: Tensor
    methods: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class SampleAnswers:
    """The answers of one query for n samples.

    Attributes:
        query: the atoms asked for; numbers: (n,) the samples that were asked.
        parts: the answers, shape by shape.
        graphs: the samples' graphs; samples: their facts; semantics: its name; inputs: slot → (n, …).
        evidence: what was observed in all samples; algebra: None for the exact semantics.
    """

    query: tuple[Atom, ...]
    numbers: NDArray[np.int64]
    parts: tuple[SamplePart, ...]
    graphs: SampleGraphs = field(repr=False)
    samples: Samples = field(repr=False)
    semantics: str
    inputs: Mapping[str, Tensor] = field(repr=False)
    evidence: tuple[tuple[Atom, bool], ...]
    reasoner: Reasoner = field(repr=False)
    algebra: Semiring | None = field(default=None, repr=False)
    closed_networks: bool = False
    _heard: tuple[Said, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, atom: str) -> Tensor:
        """(n,) the tag of an atom in each sample; 0 where it cannot be derived.

        Raises:
            DataError: NS611 it is not among what was asked.
        """
        wanted = parse_atom(atom, self.graphs.whole.prefixes)
        facts = self.graphs.matches(wanted)
        if len(facts) and not (self.graphs.marks[facts] & ASKED).any():
            raise DataError(f"`{atom}` is not among the answers", code="NS611", note="it was not asked for")
        found = np.zeros(self.graphs.whole.num_facts, np.bool_)
        found[facts] = True
        return self._sums([found[part.facts] for part in self.parts])

    def of(self, position: int) -> dict[str, float]:
        """Atom → tag of one of the samples, as plain numbers; 0 for an atom asked for that cannot be derived there."""
        part, row = self._find(position)
        atoms = [self.spell(fact) for fact in part.facts[row].tolist()]
        found = dict(zip(atoms, part.tags[row].tolist(), strict=True))
        return found | {
            self._spelled(q): 0.0 for q in self.query if self._is_ground(q) and self._spelled(q) not in found
        }

    def said(self) -> tuple[Said, ...]:
        """What each network said, with gradients: the concepts that the answers rest on."""
        return self._heard

    def alone(self, position: int) -> Answers:
        """The answers of one sample, grounded anew for it alone: what `explain` takes."""
        number = int(self.numbers[position])
        other = self.reasoner.over(self.reasoner.facts + self.samples.facts(number))
        evidence = {self._spelled(a): seen for a, seen in self.evidence}
        return other.query(
            *self.query, inputs={k: t[position : position + 1] for k, t in self.inputs.items()}, evidence=evidence,
            semantics=self.algebra or "exact", closed_networks=self.closed_networks,
        )  # fmt: skip

    @staticmethod
    def _is_ground(atom: Atom) -> bool:
        return all(isinstance(t, Const) for t in atom.args)

    def _spelled(self, atom: Atom) -> str:
        """A ground atom as answers spell it."""
        graph = self.graphs.whole
        core = self.graphs.program.canonical(CoreAtom(atom.key, self._terms(atom)), graph.symbols)
        return graph.spell(core.key, tuple(a if isinstance(a, int) else -1 for a in core.args))

    def _terms(self, atom: Atom) -> tuple[int, ...]:
        return tuple(self.graphs.whole.symbols.intern(t.value) if isinstance(t, Const) else -1 for t in atom.args)

    def spell(self, fact: int) -> str:
        """A fact of the whole graph as the rule language spells it, without its sample."""
        graph = self.graphs.whole
        key, args = graph.key(fact), graph.args(fact)
        name = self.graphs.names.get(key)
        return graph.spell(key, args) if name is None else graph.spell(name, args[1:])

    def _find(self, position: int) -> tuple[SamplePart, int]:
        for part in self.parts:
            row = (part.samples == position).nonzero()
            if len(row):
                return part, int(row[0])
        raise IndexError(f"there is no sample {position} among {len(self)}")

    def _sums(self, masks: Sequence[NDArray[np.bool_]]) -> Tensor:
        """(n,) for each sample the sum of some of its tags."""
        like = self.parts[0].tags if self.parts else torch.zeros(0, dtype=self.reasoner.dtype)
        total = like.new_zeros(len(self))
        for part, mask in zip(self.parts, masks, strict=True):
            values = (part.tags * torch.from_numpy(mask).to(part.tags)).sum(dim=1)
            total = total.index_copy(0, part.samples.to(total.device), values)
        return total

    # ------------------------------------------------------------------------------------------ one variable

    def _column(self) -> list[Ids]:
        """For each part (B, A) term ids of the query's only variable."""
        names = [t.name for t in self.query[0].args if isinstance(t, Var)]
        if len(self.query) != 1 or len(names) != 1:
            raise DataError("values need one query with exactly one variable", help="label atoms instead")
        atom, symbols = self.query[0], self.graphs.whole.symbols
        terms = tuple(t.name if isinstance(t, Var) else k for t, k in zip(atom.args, self._terms(atom), strict=True))
        core = self.graphs.program.canonical(CoreAtom(atom.key, terms), symbols)
        place = core.args.index(names[0])
        return [self.graphs.arguments(part.facts, place) for part in self.parts]

    def chosen(self, values: Sequence[Value | None] | Tensor) -> Tensor:
        """(n,) the tag of one value of the query's only variable for each sample; 0 where the value is None.

        Raises:
            DataError: NS612 a sample has no answer with its value.
        """
        wanted = values.tolist() if isinstance(values, Tensor) else list(values)
        if len(wanted) != len(self):
            raise DataError(f"{len(wanted)} targets for {len(self)} samples")
        known = [None if v is None else self.graphs.whole.symbols.find(v) for v in wanted]
        unlabelled = np.array([v is None for v in wanted], np.bool_)
        ids = np.array([-1 if k is None else k for k in known], np.int32)
        masks = []
        for part, column in zip(self.parts, self._column(), strict=True):
            mask = column == ids[part.samples.numpy()][:, None]
            lacking = np.nonzero(~mask.any(axis=1) & ~unlabelled[part.samples.numpy()])[0]
            if len(lacking):
                position = int(part.samples[lacking[0]])
                value = wanted[position]
                assert value is not None
                raise DataError(
                    f"sample {int(self.numbers[position])} has no answer with the value {spell(value)}, "
                    "which is its target", code="NS612",
                )  # fmt: skip
            masks.append(mask)
        return self._sums(masks)

    def best(self) -> list[Value]:
        """For a query with one variable, its most probable value in each sample.

        Raises:
            DataError: the query has another number of variables, or a sample has no answer.
        """
        result = np.full(len(self), -1, np.int64)
        for part, column in zip(self.parts, self._column(), strict=True):
            if column.shape[1]:
                winners = part.tags.detach().argmax(dim=1).cpu().numpy()
                result[part.samples.numpy()] = column[np.arange(len(column)), winners]
        if (result < 0).any():
            number = int(self.numbers[int((result < 0).argmax())])
            raise DataError(f"sample {number} has no answer to choose from", note=NOTHING)
        return self.graphs.whole.symbols.values(result.tolist())

    def nll(self, targets: Targets, reduction: str = "mean") -> Tensor:
        """The negative log-likelihood of targets, with gradients to networks and rule weights.

        Args:
            targets: a value of the query's only variable for each sample (a sequence, None: unlabelled; or a tensor of
                integers); or for each sample a mapping atom → true or false (None: unlabelled).
            reduction: `mean` over labels, `sum`, or `none`.

        Raises:
            DataError: NS611 and NS612, targets that do not fit the answers.
        """
        if reduction not in ("mean", "sum", "none"):
            raise DataError(f"there is no reduction `{reduction}`", note="there are mean, sum, none")
        if isinstance(targets, Mapping):
            raise DataError("labelled atoms are given sample by sample", help="a list with a mapping for each sample")
        labelled = [t for t in targets if isinstance(t, Mapping)] if not isinstance(targets, Tensor) else []
        if labelled and len(labelled) == len(targets):
            likelihood = self._labelled(labelled)
        else:
            likelihood = self._valued(targets)  # pyright: ignore[reportArgumentType]
        losses = -torch.log(likelihood.clamp_min(TINY))
        return losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean()

    def _valued(self, targets: Sequence[Value | None] | Tensor) -> Tensor:
        """Likelihoods of the values of those samples that have one."""
        known = (
            range(len(targets)) if isinstance(targets, Tensor) else [k for k, t in enumerate(targets) if t is not None]
        )
        if not len(known):
            raise DataError("no answer is labelled", help="give at least one target that is not None")
        likelihood = self.chosen(targets)
        return likelihood if len(known) == len(targets) else likelihood[torch.tensor(known)]

    def _labelled(self, targets: Sequence[Mapping[str, bool | None]]) -> Tensor:
        """Likelihoods of the labels, sample by sample."""
        if len(targets) != len(self):
            raise DataError(f"{len(targets)} targets for {len(self)} samples")
        asked: dict[str, list[tuple[int, bool]]] = {}
        for position, labels in enumerate(targets):
            for atom, label in labels.items():
                if label is not None:
                    asked.setdefault(atom, []).append((position, label))
        if not asked:
            raise DataError("no answer is labelled", help="check the spelling of the labelled atoms")
        parts: list[Tensor] = []
        order: list[int] = []
        for atom, labels in asked.items():
            self._check_derived(atom, [p for p, _ in labels])
            tags = self[atom][torch.tensor([p for p, _ in labels])]
            truth = torch.tensor([float(label) for _, label in labels]).to(tags)
            parts.append(truth * tags + (1 - truth) * (1 - tags))
            order.extend(p for p, _ in labels)
        return torch.cat(parts)[torch.from_numpy(np.argsort(np.array(order), kind="stable"))]

    def _check_derived(self, atom: str, positions: Sequence[int]) -> None:
        parsed = parse_atom(atom, self.graphs.whole.prefixes)
        if self._is_ground(parsed) and any(
            self._is_ground(q) and self._spelled(q) == self._spelled(parsed) for q in self.query
        ):
            return  # asked for by name: where it cannot be derived, its tag is 0
        facts = self.graphs.matches(parsed)
        asked = facts[self.graphs.marks[facts] & ASKED > 0]
        of = self.graphs.sample[asked]
        if not (of < 0).any() and len(lacking := np.setdiff1d(self.numbers[list(positions)], of)):
            raise DataError(f"`{atom}` is not among the answers of sample {int(lacking[0])}", code="NS611")
