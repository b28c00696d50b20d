"""Proved bounds on the probabilities of some facts of a graph, over a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosym.errors import ImpossibleEvidence, SemanticsError
from neurosym.grounding import CERTAIN, DerivationGraph
from neurosym.semantics.part import relevant_part
from neurosym.semantics.topk.config import TopK
from neurosym.semantics.topk.layout import lay_out
from neurosym.semantics.topk.products import value_weights
from neurosym.semantics.topk.search import Search
from neurosym.semantics.unknown_atoms import linked

# of a root, what was found, and whether nothing is open: whether to stop
Enough = Callable[[int, Tensor, bool], bool]


class ProofBounds:
    """Lower and upper bounds under `topk`; made once, evaluated for every batch.

    The proofs are searched at the first evaluation, under the mean of its weights, and serve later ones: whatever the
    weights, what the proofs say is so. Where they leave wider bounds than asked, they are searched anew.

    Attributes:
        methods: for each root `certain` or `bounds`; details: `from 64 proofs`. Of the evaluation before.
    """

    def __init__(
        self, graph: DerivationGraph, roots: Sequence[int], evidence: Sequence[tuple[int, bool]], config: TopK
    ) -> None:
        """Find the evidence that touches each root.

        Args:
            roots: fact ids asked for, r of them; evidence: (fact id, observed true).

        Raises:
            SemanticsError: NS502, a certain fact was observed to be false; NS531, atoms of `open` predicates.
        """
        self.graph, self.config, self.count = graph, config, len(roots)
        certain = graph.status == CERTAIN
        for fact, observed in evidence:
            if certain[fact] and not observed:
                raise _impossible(f"{graph.atom(fact)} is certain, and was observed to be false")
        if any(group.kind == "open" for group in graph.choices):
            raise SemanticsError(
                "the semantics `topk` does not define atoms of `open` predicates", code="NS531",
                note="the bounds would be of two kinds: what is unknown, and what was not looked at",
                help="use exact, or close the predicates",
            )  # fmt: skip
        self.methods = ["certain" if certain[f] else "bounds" for f in roots]
        self.details = [""] * len(roots)
        self.columns = [k for k, f in enumerate(roots) if not certain[f]]
        left = [(f, o) for f, o in evidence if not certain[f]]
        uncertain = [roots[k] for k in self.columns]
        touching, apart = _touching(graph, uncertain, left)
        self.layouts = [lay_out(graph, f, e) for f, e in zip(uncertain, touching, strict=True)]
        self.conditional = [bool(e) for e in touching]
        self.apart = [lay_out(graph, None, e) for e in apart]
        self._searches: list[Search | None] = [None] * (len(self.layouts) + len(self.apart))
        self._weights: list[NDArray[np.float64]] = [np.zeros(0)] * len(self._searches)

    def __call__(self, inputs: Tensor) -> Tensor:
        """(B, r) midpoints of the bounds, with gradients.

        Args:
            inputs: (B, F) probabilities of the leaves; other entries are not read.

        Raises:
            SemanticsError: as `bounds`.
        """
        lower, upper = self.bounds(inputs)
        return (lower + upper) / 2

    def bounds(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """(B, r) lower and upper bounds, with gradients.

        Raises:
            SemanticsError: NS502, the evidence has probability 0; NS532, no proof of it was found.
        """
        for number in range(len(self.layouts), len(self._searches)):
            self._check(number, inputs)
        lower, upper = [inputs.new_ones((len(inputs), self.count))] * 2
        if self.columns:
            pairs = [self._interval(number, inputs) for number in range(len(self.layouts))]
            at = torch.tensor(self.columns, dtype=torch.long, device=inputs.device)
            lower = lower.index_copy(1, at, torch.stack([low for low, _ in pairs], dim=1))
            upper = upper.index_copy(1, at, torch.stack([high for _, high in pairs], dim=1))
        return lower, upper

    # ------------------------------------------------------------------------------------------------- searching

    def _interval(self, number: int, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """(B,) bounds of one root, searched for as far as is asked."""
        search, _ = self._searched(number, inputs, self._narrow)
        proofs = f"{search.found:,} proof{'s' if search.found != 1 else ''}"
        self.details[self.columns[number]] = f"exact: all {proofs}" if search.exhausted else f"from {proofs}"
        return self._quotient(number, search.evaluate(inputs), search.exhausted)

    def _narrow(self, number: int, found: Tensor, exhausted: bool) -> bool:
        """Whether the bounds of a root are near enough to each other in every row."""
        if self.conditional[number] and not exhausted and not bool((found[0] + found[1] > 0).all()):
            return False
        lower, upper = self._quotient(number, found, exhausted)
        return bool((upper - lower <= self.config.width).all())

    def _quotient(self, number: int, found: Tensor, exhausted: bool) -> tuple[Tensor, Tensor]:
        """Bounds from what is settled for each case, and what is open."""
        if not self.conditional[number]:
            holds, _, rest = found
            return holds, holds if exhausted else (holds + rest).clamp_max(1)
        # P(q | e) = h / (h + f): least if all that is open is evidence without the answer, greatest if it is both
        holds, fails, _, rest = found
        self._refuse_no_evidence(holds + fails, rest, exhausted)
        most = holds + fails + rest
        return holds / most, holds / most if exhausted else (holds + rest) / most

    def _check(self, number: int, inputs: Tensor) -> None:
        """Evidence that touches no root must be possible."""

        def possible(number: int, found: Tensor, exhausted: bool) -> bool:
            return bool((found[0] > 0).all())

        search, found = self._searched(number, inputs, possible)
        self._refuse_no_evidence(found[0], found[2], search.exhausted)

    def _refuse_no_evidence(self, proved: Tensor, rest: Tensor, exhausted: bool) -> None:
        if bool((proved > 0).all()):
            return
        if exhausted or bool(((proved <= 0) & (rest <= 0)).any()):
            raise _impossible("")
        raise SemanticsError(
            f"no proof of the evidence is among {self.config.max_k:,}: its probability may be 0", code="NS532",
            note=f"it is at most {float(rest[proved <= 0].max()):.3g}", help="raise max_k, or use exact",
        )  # fmt: skip

    def _searched(self, number: int, inputs: Tensor, enough: Enough) -> tuple[Search, Tensor]:
        """The proofs of one root or piece of evidence, doubled until they are enough."""
        config = self.config
        layout = [*self.layouts, *self.apart][number]
        weights = value_weights(layout, inputs)
        with torch.no_grad():
            search = self._searches[number]
            if search is not None:
                found = search.evaluate(inputs)
                same = np.array_equal(weights, self._weights[number])
                if same or search.exhausted or enough(number, found, search.exhausted):
                    return search, found
            search = Search(layout, weights)
            limit = config.k
            while True:
                search.run(limit)
                found = search.evaluate(inputs)
                if search.exhausted or limit >= config.max_k or enough(number, found, search.exhausted):
                    break
                limit = min(2 * limit, config.max_k)
        self._searches[number], self._weights[number] = search, weights
        return search, found


def _touching(
    graph: DerivationGraph, roots: Sequence[int], evidence: Sequence[tuple[int, bool]]
) -> tuple[list[list[tuple[int, bool]]], list[list[tuple[int, bool]]]]:
    """For each root the evidence that it shares a choice with, directly or through others; and what touches no root."""
    if not evidence:
        return [[] for _ in roots], []
    part = relevant_part(graph, np.array([*roots, *(f for f, _ in evidence)], np.int32), drop_certain=True)
    label = linked(graph, part)[part.roots]
    by_label: dict[int, list[tuple[int, bool]]] = {}
    for pair, of in zip(evidence, label[len(roots) :].tolist(), strict=True):
        by_label.setdefault(of, []).append(pair)
    used = label[: len(roots)].tolist()
    return [by_label.get(of, []) for of in used], [e for of, e in by_label.items() if of not in set(used)]


def _impossible(why: str) -> ImpossibleEvidence:
    return ImpossibleEvidence(
        "the evidence cannot be: it has probability 0", note=why,
        help="take back an observation, or allow for error in a rule",
    )  # fmt: skip
