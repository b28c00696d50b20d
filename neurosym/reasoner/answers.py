"""What a query gives: atoms, their tags as a tensor with gradients, and how they were computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import torch
from torch import Tensor

from neurosym.errors import DataError, Diagnostic
from neurosym.lang import Value
from neurosym.lang.ast import Atom, Var
from neurosym.lang.terms import term_key
from neurosym.reasoner.doubts import Unheard, unheard_of, unread_tables
from neurosym.reasoner.joint import spelled_in
from neurosym.reasoner.said import Said, said_at_leaves
from neurosym.semantics import log_of

if TYPE_CHECKING:
    from neurosym.reasoner.grounded import Grounded
    from neurosym.reasoner.logic import Logic
    from neurosym.reasoner.reasoner import Reasoner
    from neurosym.semantics import Semantics
    from neurosym.semantics.lnn import Contradiction

Targets = Mapping[str, bool | None] | Sequence[Value | None] | Sequence[Mapping[str, bool | None]] | Tensor
# below it a loss is taken from `log_tags`, which do not underflow; that of a tag of 0 is −log of it
TINY = 1e-30
NOTHING = "nothing that was asked can be derived"


class Details(Sequence[str]):
    """Reasons in words, put into words when they are read: many answers are never asked why."""

    def __init__(self, reasons: Sequence[str | Callable[[], str]]) -> None:
        self._reasons = list(reasons)

    def __len__(self) -> int:
        return len(self._reasons)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # pyright: ignore[reportAssignmentType] - as for lists

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        """The reason of an answer, or those of some."""
        if isinstance(index, slice):
            return tuple(self[k] for k in range(*index.indices(len(self))))
        reason = self._reasons[index]
        if not isinstance(reason, str):
            reason = self._reasons[index] = reason()
        return reason


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of one query.

    Attributes:
        query: the atoms asked for.
        atoms: A answers as the rule language spells them; facts: their ids in the graph, -1 for an absent one.
        tags: (B, A) probabilities, or tags of the algebra, with gradients.
        semantics: its name; methods and details: for each answer how it was computed, and why so.
        grounded: the ground program behind them, for explanations; leaf_tags: (B, F) probabilities of its leaves.
        bounds: (B, A) lower and upper tags, where answers rest on unknown atoms or on some proofs only; None where all
            are equal to `tags`, which is their midpoint.
        evidence: (fact id, observed true); inputs: the per-sample inputs; algebra: None for the exact semantics.
        reasoner: the one that was asked.
        logic: under the semantics `bounds`, the settled network behind the answers.
        observed: the evidence as it was given, that about atoms that cannot be derived included.
    """

    query: tuple[Atom, ...]
    atoms: tuple[str, ...]
    facts: tuple[int, ...]
    args: tuple[tuple[Value, ...], ...]
    tags: Tensor
    semantics: str
    methods: tuple[str, ...]
    details: Sequence[str]
    grounded: Grounded = field(repr=False)
    leaf_tags: Tensor = field(repr=False)
    evidence: tuple[tuple[int, bool], ...] = ()
    inputs: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    algebra: Semantics | None = field(default=None, repr=False)
    reasoner: Reasoner | None = field(default=None, repr=False)
    bounds: tuple[Tensor, Tensor] | None = field(default=None, repr=False)
    logic: Logic | None = field(default=None, repr=False)
    observed: tuple[tuple[Atom, bool], ...] = field(default=(), repr=False)
    _hashes: dict[str, str] = field(default_factory=dict, repr=False)  # shared with what `replace` makes of these

    def __len__(self) -> int:
        return len(self.atoms)

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """Pairs (atom, (B,) tags)."""
        return ((atom, self.tags[:, k]) for k, atom in enumerate(self.atoms))

    def __getitem__(self, atom: str) -> Tensor:
        """(B,) tags of an atom; spacing does not matter."""
        return self.tags[:, self.position(atom)]

    @property
    def lower(self) -> Tensor:
        """(B, A) the least tags over truth values of unknown atoms, or proved by proofs; else `tags`."""
        return self.tags if self.bounds is None else self.bounds[0]

    @property
    def upper(self) -> Tensor:
        """(B, A) the greatest tags, likewise."""
        return self.tags if self.bounds is None else self.bounds[1]

    @cached_property
    def log_tags(self) -> Tensor:
        """(B, A) natural logarithms of the tags, with gradients, also of those too small for a float; −inf for 0."""
        logs = log_of(self.tags)
        if self.logic is not None:
            return logs
        columns = [k for k, fact in enumerate(self.facts) if fact >= 0]
        evaluator = self.grounded.evaluator([self.facts[k] for k in columns], self.evidence, self.algebra)
        exactly = getattr(evaluator, "log", None)
        if exactly is None or not columns:
            return logs
        at = torch.tensor(columns, dtype=torch.long, device=logs.device)
        return logs.index_copy(1, at, exactly(self.leaf_tags).to(logs.dtype))

    @cached_property
    def derived(self) -> tuple[int, ...]:
        """The facts of those that can be derived; the same object as `facts` where all can."""
        return self.facts if min(self.facts, default=0) >= 0 else tuple(f for f in self.facts if f >= 0)

    def said(self) -> tuple[Said, ...]:
        """What each network said, with gradients: the concepts that the answers rest on."""
        return said_at_leaves(self.grounded.leaves.neural, self.leaf_tags, self.inputs)

    def weights_sha256(self) -> str:
        """The hash of the reasoner's weights, taken once: training that goes on later does not change the answers."""
        assert self.reasoner is not None
        if "weights" not in self._hashes:
            self._hashes["weights"] = self.reasoner.weights_sha256()
        return self._hashes["weights"]

    @property
    def contradictions(self) -> tuple[Contradiction, ...]:
        """Under `bounds`, the formulas that cannot hold together, in the first sample that has any; else none."""
        return () if self.logic is None else self.logic.contradictions()

    @cached_property
    def unheard_of(self) -> tuple[Unheard, ...]:
        """The individuals that were asked about, and that nothing mentions: most often slips."""
        return unheard_of(self)

    @cached_property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What is doubtful: NS619, `unheard_of`; NS310, tables that neither the rules read nor the query asks for."""
        if self.reasoner is None:
            return ()
        asked = (*self.query, *(atom for atom, _ in self.observed))
        networks = {str(n) for m in self.reasoner.networks.values() for n in getattr(m, "reads", ())}
        mine = self.reasoner
        unread = unread_tables(mine.facts, mine.program, mine.mentioned, asked, networks) if mine.facts.headers else ()
        return (*unread, *(u.diagnostic() for u in self.unheard_of))

    @property
    def method(self) -> str:
        """The method of all answers, or the most expensive one among them."""
        order = ("certain", "sum-product", "circuit", "bounds", "algebra")
        return max(self.methods, key=order.index, default="certain")

    def position(self, atom: str) -> int:
        """The column of an atom.

        Raises:
            DataError: it is not among the answers.
        """
        if atom in self.atoms:
            return self.atoms.index(atom)
        spelled = spelled_in(self.grounded.graph, atom)
        if spelled not in self.atoms:
            shown = ", ".join(self.atoms[:4]) + (" …" if len(self.atoms) > 4 else "")
            note = f"the answers are {shown}" if self.atoms else NOTHING
            raise DataError(f"`{atom}` is not among the answers", code="NS611", note=note)
        return self.atoms.index(spelled)

    def detach(self) -> dict[str, float]:
        """Atom → tag of the first sample, as plain numbers."""
        return dict(zip(self.atoms, self.tags[0].tolist(), strict=True))

    def nll(self, targets: Targets, reduction: str = "mean") -> Tensor:
        """The negative log-likelihood of targets.

        Args:
            targets: one of
                a mapping atom → true or false (None: unlabelled), for B = 1; or B of them;
                a (B, A) float tensor of labels in the order of `atoms`, NaN where unlabelled;
                for a query with one variable, B values of it (a sequence, None: unlabelled; or a tensor of integers).
            reduction: `mean` over labels, `sum`, or `none`.

        Raises:
            DataError: targets that do not fit the answers.
        """
        if reduction not in ("mean", "sum", "none"):
            raise DataError(f"there is no reduction `{reduction}`", note="there are mean, sum, none")
        losses = self._losses(targets)
        return losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean()

    def _losses(self, targets: Targets) -> Tensor:
        labels = self.labels(targets)
        if labels is not None:
            return self._labelled(labels)
        return self._valued(targets.tolist() if isinstance(targets, Tensor) else targets)  # pyright: ignore

    def labels(self, targets: Targets) -> Tensor | None:
        """(B, A) labels of the answers, NaN where unlabelled; None where targets are values of the query's variable.

        Raises:
            DataError: NS611, an atom is not among the answers; or there are too many or too few samples.
        """
        if isinstance(targets, Tensor):
            return targets.to(self.tags) if targets.dim() == 2 else None
        each = [targets] * len(self.tags) if isinstance(targets, Mapping) else targets
        mappings = [t for t in each if isinstance(t, Mapping)]
        if not mappings:
            return None
        if len(mappings) != len(self.tags):
            raise DataError(f"labelled atoms of {len(mappings)} samples for a batch of {len(self.tags)}")
        labels = self.tags.detach().new_full(self.tags.shape, float("nan"))
        for row, labelled in enumerate(mappings):
            for atom, label in labelled.items():
                if label is not None:
                    labels[row, self.position(atom)] = float(label)
        return labels

    def _labelled(self, labels: Tensor) -> Tensor:
        """Losses of the labelled atoms, one after the other."""
        if labels.shape != self.tags.shape:
            raise DataError(f"labels of shape {tuple(labels.shape)} for answers of shape {tuple(self.tags.shape)}")
        known = ~torch.isnan(labels)
        if not bool(known.any()):
            raise DataError("no answer is labelled", help="check the spelling of the labelled atoms")
        wanted, tags = labels[known], self.tags[known]
        likelihood = wanted * tags + (1 - wanted) * (1 - tags)
        losses = -torch.log(likelihood.clamp_min(TINY))
        tiny = (wanted == 1) & (tags < TINY)
        return torch.where(tiny, self._log_losses(known), losses) if bool(tiny.any()) else losses

    def _log_losses(self, chosen: Tensor) -> Tensor:
        """−log of some tags; what cannot be derived, of tag 0, keeps the loss of the smallest probability."""
        logs = self.log_tags[chosen]
        return torch.where(torch.isinf(logs), torch.full_like(logs, -math.log(TINY)), -logs)

    def _valued(self, values: Sequence[Value | None]) -> Tensor:
        """(B,) losses of the values of the query's only variable; those without a label are left out."""
        free = self._free()
        if len(values) != len(self.tags):
            raise DataError(f"{len(values)} targets for a batch of {len(self.tags)}")
        column = {term_key(args[free[0]]): k for k, args in enumerate(self.args)}
        try:
            chosen = torch.tensor([column[term_key(v)] for v in values if v is not None], device=self.tags.device)
        except KeyError as error:
            raise DataError(f"no answer has the value {error.args[0][1]!r}, which is a target", code="NS612") from None
        if not len(chosen):
            raise DataError("no answer is labelled", help="give at least one target that is not None")
        rows = torch.tensor([k for k, v in enumerate(values) if v is not None], device=chosen.device)
        labelled = self.tags if len(rows) == len(values) else self.tags[rows]
        tags = labelled.gather(1, chosen[:, None])[:, 0]
        losses = -torch.log(tags.clamp_min(TINY))
        tiny = tags < TINY
        if not bool(tiny.any()):
            return losses
        mask = torch.zeros_like(self.tags, dtype=torch.bool)
        mask[rows, chosen] = True
        return torch.where(tiny, self._log_losses(mask), losses)

    def _free(self) -> list[int]:
        """Where the query's only variable stands."""
        free = [k for k, t in enumerate(self.query[0].args) if isinstance(t, Var)]
        if len(self.query) != 1 or len(free) != 1:
            raise DataError("values need one query with exactly one variable", help="label atoms instead")
        return free

    def best_atom(self, sample: int = 0) -> str:
        """The answer that is most probable in a sample, as `explain` takes it; of equals the first.

        Raises:
            DataError: there is no answer.
        """
        self._any()
        return self.atoms[int(self.tags[sample].detach().argmax())]

    def _any(self) -> None:
        """Refuse to choose where there is nothing."""
        if not self.atoms:
            raise DataError("there is no answer to choose from", note=NOTHING)

    def best(self) -> list[Value]:
        """For a query with one variable, its most probable value in each sample, (B,).

        Raises:
            DataError: the query has another number of variables, or no answer.
        """
        free = self._free()
        self._any()
        winners = self.tags.detach().argmax(dim=1).tolist()
        return [self.args[w][free[0]] for w in winners]

    def to_json(self, sample: int = 0) -> dict[str, Any]:
        """The JSON object of the command line's contract, without diagnostics."""
        rows = []
        for k, atom in enumerate(self.atoms):
            value = float(self.tags[sample, k].detach())
            rows.append(
                {
                    "atom": atom,
                    "probability": value,
                    "lower": float(self.lower[sample, k].detach()),
                    "upper": float(self.upper[sample, k].detach()),
                    "method": self.methods[k],
                    "detail": self.details[k],
                }
            )
        return {"semantics": self.semantics, "answers": rows}
