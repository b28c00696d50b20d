"""Tags of the facts that are asked for under an algebra."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from neurosym.errors import NeurosymError, SemanticsError
from neurosym.facts import Ids
from neurosym.grounding import DerivationGraph
from neurosym.semantics.algebras.faults import bad_leaf, bad_tag, predicates_of, unsettled
from neurosym.semantics.algebras.firing import OPERATIONS, Fire, Program, Stopped
from neurosym.semantics.algebras.layers import LayeredEvaluator
from neurosym.semantics.algebras.logs import FireLog
from neurosym.semantics.algebras.plan import Plan, make_plan
from neurosym.semantics.algebras.semirings import (
    ABSORPTIVE,
    COMPLEMENT,
    Boolean,
    Count,
    Product,
    Semiring,
    SumProduct,
    Viterbi,
)
from neurosym.semantics.part import relevant_part

MISSES = 1e-6  # by which a probability may miss [0, 1]: a softmax in float32 does


class Evaluator:
    """Evaluates one algebra on the part of a graph that some facts depend on; made once, used for every batch.

    The library's own algebras are evaluated by compiled loops, in float64, where the tensors lie in the processor's
    memory; others, and on other devices, by torch layer by layer.
    """

    def __init__(self, graph: DerivationGraph, roots: Ids, semiring: Semiring, max_rounds: int = 10_000) -> None:
        """Find the part of the graph below the roots.

        Args:
            roots: (r,) the facts asked for.
            max_rounds: rounds allowed for a cycle to settle.

        Raises:
            SemanticsError: the program negates facts and the algebra has no complement.
        """
        self.graph = graph
        self.semiring = semiring
        self.max_rounds = max_rounds
        self.part = relevant_part(graph, roots, ABSORPTIVE in semiring.properties)
        if not self.part.sign.all() and COMPLEMENT not in semiring.properties:
            raise SemanticsError(
                f"the semantics `{semiring.name}` does not define negation of uncertain facts", code="NS501",
                help="choose exact, viterbi, goedel, product or lukasiewicz",
            )  # fmt: skip

    @cached_property
    def plan(self) -> Plan:
        """The part in the order of evaluation."""
        return make_plan(self.part)

    @cached_property
    def layers(self) -> LayeredEvaluator:
        """The part in layers."""
        return LayeredEvaluator(self.graph, self.part, self.semiring, self.max_rounds)

    @cached_property
    def _program(self) -> Program:
        times, plus = OPERATIONS[type(self.semiring)]
        return Program(self.plan, times, plus, isinstance(self.semiring, Boolean | Count), self.max_rounds)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Tags of the roots.

        Args:
            inputs: (B, F) probabilities of the leaves; other entries are not read.

        Returns:
            (B, r) tags.

        Raises:
            SemanticsError: NS511 a tag is no number, NS512 an input is no probability; they name the rule or the fact.
            FixpointError: a cycle did not settle within max_rounds.
        """
        if type(self.semiring) not in OPERATIONS or inputs.device.type != "cpu":
            return self._layered(inputs)
        if isinstance(self.semiring, Boolean | Count):
            inputs = inputs.detach()
        if inputs.dtype not in (torch.float32, torch.float64):
            return self(inputs.double()).to(inputs.dtype)
        try:
            return Fire.apply(inputs, self._program)  # pyright: ignore[reportReturnType]
        except Stopped as stopped:
            raise self._fault(stopped) from None

    def log(self, inputs: Tensor) -> Tensor:
        """Natural logarithms of the roots' tags, also of those too small for a float64; as `__call__` otherwise.

        Of tags under `viterbi`, `product` and `sum-product`, of which products are made. Others do not underflow, or
        have no numbers to take logarithms of: theirs are those of their tags.

        Returns:
            (B, r), −inf for a tag of 0, where no gradient flows.
        """
        if type(self.semiring) not in (Viterbi, Product, SumProduct) or inputs.device.type != "cpu":
            return log_of(self(inputs))
        if inputs.dtype not in (torch.float32, torch.float64):
            return self.log(inputs.double()).to(inputs.dtype)
        try:
            return FireLog.apply(inputs, self._program)  # pyright: ignore[reportReturnType]
        except Stopped as stopped:
            raise self._fault(stopped) from None

    def _layered(self, inputs: Tensor) -> Tensor:
        leaves = torch.from_numpy(self.part.facts[self.part.leaf].astype(np.int64)).to(inputs.device)
        read = inputs.detach()[:, leaves]
        wrong = ~((read >= -MISSES) & (read <= 1 + MISSES))
        if bool(wrong.any()):
            sample, at = torch.nonzero(wrong)[0].tolist()
            raise bad_leaf(self.graph, int(leaves[at]), float(read[sample, at]), sample)
        tags = self.layers.all_tags(inputs)
        if bool(torch.isnan(tags.detach()).any()):
            at, sample = torch.nonzero(torch.isnan(tags.detach()))[0].tolist()
            raise bad_tag(self.graph, self.semiring.name, int(self.part.facts[at]), float("nan"), sample)
        return tags[torch.from_numpy(self.part.roots).to(tags.device)].T

    def _fault(self, stopped: Stopped) -> NeurosymError:
        """The error of a stopped evaluation."""
        plan, position = self.plan, stopped.position
        fact = int(plan.facts[position])
        if position < plan.base:
            return bad_leaf(self.graph, fact, stopped.value, stopped.sample)
        block = int(np.searchsorted(plan.blocks, position - plan.base, "right")) - 1
        if not plan.cyclic[block]:
            return bad_tag(self.graph, self.semiring.name, fact, stopped.value, stopped.sample)
        members = plan.facts[plan.base + plan.blocks[block] : plan.base + plan.blocks[block + 1]]
        return unsettled(self.semiring.name, self.max_rounds, predicates_of(self.graph, members))


def log_of(tags: Tensor) -> Tensor:
    """Natural logarithms of tags; −inf for 0, where no gradient flows."""
    positive = tags > 0
    logs = torch.log(torch.where(positive, tags, torch.ones_like(tags)))
    return torch.where(positive, logs, torch.full_like(logs, -torch.inf))


def evaluate(graph: DerivationGraph, inputs: Tensor, semiring: Semiring, max_rounds: int = 10_000) -> Tensor:
    """Tag every fact with the semiring sum over its derivations.

    Args:
        graph: F facts, G groundings.
        inputs: (B, F) probabilities of the leaves; other entries are not read.

    Returns:
        (B, F) tags at the least fixpoint.

    Raises:
        FixpointError: a cycle did not settle within max_rounds; names its predicates.
    """
    return Evaluator(graph, np.arange(graph.num_facts, dtype=np.int32), semiring, max_rounds)(inputs)
