"""What a prediction rests on, as torch_geometric's explanations say it: masks over a graph, and PyG's own figures.

For the word of a graph network that is the graph that it read: the edges that matter by integrated gradients
(Sundararajan et al., ICML 2017), the fewest of them that restore its word. For a claim of rules it is the ground
program: the part that the claim depends on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor

from neurosym.errors import ExplanationError
from neurosym.explain.attribution.questions import at_rest
from neurosym.explain.model import Explanation
from neurosym.explain.report.links import opposing
from neurosym.explain.views.derivation import Derivations
from neurosym.reasoner import Answers

if TYPE_CHECKING:
    from neurosym.neural import GraphInput
    from neurosym.reasoner.leaves import NeuralGroup

STEPS = 32  # points on the way from no edge to all of them
TOLERANCE = 0.01  # how far the word of the masked network may be from its own
MAX_OCCLUDED = 2_000  # edges that are left out one by one, where the network has no gradient at its edges


def to_pyg(explanation: Explanation, answers: Answers, node: str | None = None, sample: int = 0) -> Any:
    """The view of `Explanation.to_pyg`: PyG's explanation of `graph_view`, without the explainer."""
    return graph_view(explanation, answers, node, sample)[1]


def graph_view(explanation: Explanation, answers: Answers, node: str | None = None, sample: int = 0) -> tuple[Any, Any]:
    """A PyG `Explainer`, for metrics of one's own, and a PyG `Explanation`.

    Of a graph network's leaf, the explanation has `edge_mask` (E,) and `node_mask` (N, 1), 1 for what has to stay so
    that the network says the same within 0.01; `edge_score` (E,), by how much each edge raises the probability;
    `edge_index`, `edge_type` and `edge_weight` as the network read them, `node_names` and `relations`; and `atom`.

    Of a claim of rules, nodes are the facts of the ground program and edges lead from the facts of a body to its head;
    the masks are 1 for what the claim depends on, `node_names` are atoms, `edge_sign` is false under negation.

    Both have PyG's `fidelity_plus`, `fidelity_minus` and `unfaithfulness`, measured: the network is asked again with
    the masked graph; the claim is computed again from the masked facts alone, by the code of `neurosym verify`.

    Raises:
        ExplanationError: NS863, the node is no graph network's, or the claim has no ground program, is not among the
            answers, or is no probability; NS820 and NS822, the masked program cannot be recomputed.
    """
    if explanation.claim.atom not in answers.atoms:
        _refuse(f"`{explanation.claim.atom}` is not among the answers", "pass the answers that were explained")
    if answers.logic is not None or answers.facts[answers.position(explanation.claim.atom)] < 0:
        _refuse(f"`{explanation.claim.atom}` has no ground program", "explain an atom that can be derived")
    graph = answers.grounded.graph
    candidates = [n for n in explanation.nodes.values() if n.kind == "neural" and (node is None or n.id == node)]
    number = {graph.atom(f): f for f in _neural_facts(answers)}
    asked = [n for n in candidates if n.atom in number]
    if node is None:  # what speaks against the claim is asked for by name
        against = opposing(explanation, explanation.proofs)
        asked = [n for n in asked if n.id not in against] or asked
    if node is not None and not asked:
        _refuse(f"`{node}` is no leaf that a graph network decided", "leave it out, or take an id of `nodes`")
    if not asked:
        return _of_rules(explanation, answers, sample)
    leaf = max(asked, key=lambda n: (n.probability, n.id))
    return _of_network(answers, number[leaf.atom], sample)


def _refuse(message: str, help: str) -> NoReturn:
    raise ExplanationError(message, code="NS863", help=help)


def _neural_facts(answers: Answers) -> list[int]:
    """The leaves that graph networks decide."""
    graph, leaves = answers.grounded.graph, answers.grounded.leaves
    groups = [g for g in graph.choices if g.kind == "neural" and leaves.asked_by(g).uses_graph]
    return [f for g in groups for f in g.facts.reshape(-1).tolist()]


# ------------------------------------------------------------------------------------------------ graph networks


def _of_network(answers: Answers, fact: int, sample: int) -> tuple[Any, Any]:
    from neurosym.neural.gnn import masked_explanation

    leaves, program = answers.grounded.leaves, answers.grounded.graph
    group, row = program.choice_of(fact)
    asked = leaves.asked_by(group)
    graph, nodes = leaves.graph_read(asked, answers.leaf_tags[sample].detach())
    place = nodes[row : row + 1]
    function = _masked_network(asked, graph, place)
    present, whole = torch.ones(len(graph.nodes)).to(graph.edge_weight), torch.ones_like(graph.edge_weight)
    with torch.no_grad():
        word = function(present, whole)
    column = 1 if asked.declaration.values is None else int(program.outcome[fact])
    score = _scores(function, present, len(whole), column)
    edge_mask = _fewest(function, present, score, word)
    node_mask = torch.zeros_like(present)
    node_mask[torch.cat([graph.edge_index[:, edge_mask > 0].reshape(-1), place])] = 1
    return masked_explanation(
        function, graph.edge_index, node_mask, edge_mask, word, edge_score=score, edge_type=graph.edge_type,
        edge_weight=graph.edge_weight.detach(), node_names=list(graph.nodes), relations=list(graph.relations),
        atom=program.atom(fact), tolerance=TOLERANCE,
    )  # fmt: skip


def _masked_network(group: NeuralGroup, graph: GraphInput, place: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """What the network says of a node, (1, K), if edges weigh less and nodes are not there; it is not trained on it."""
    source, target = graph.edge_index

    def word(present: Tensor, mask: Tensor) -> Tensor:
        weight = graph.edge_weight.detach() * (mask * present[source] * present[target]).to(graph.edge_weight)
        with at_rest(group.network):
            logits = group.network(replace(graph, edge_weight=weight), place)
        said = group.probabilities(logits, 1)
        return said if group.declaration.values is not None else torch.cat([1 - said, said], dim=1)

    return word


def _scores(function: Callable[[Tensor, Tensor], Tensor], present: Tensor, edges: int, column: int) -> Tensor:
    """(E,) what each edge adds to a probability: integrated gradients, or what leaving each out alone takes away."""
    total = torch.zeros(edges).to(present)
    for step in range(STEPS):
        mask = torch.full_like(total, (step + 0.5) / STEPS).requires_grad_()
        with torch.enable_grad():
            said = function(present, mask)[0, column]
            gradient = torch.autograd.grad(said, mask, allow_unused=True)[0] if said.requires_grad else None
        if gradient is None:
            return _occluded(function, present, edges, column)
        total += gradient / STEPS
    return total


def _occluded(function: Callable[[Tensor, Tensor], Tensor], present: Tensor, edges: int, column: int) -> Tensor:
    if edges > MAX_OCCLUDED:
        _refuse(
            f"the network has no gradient at its {edges:,} edges, and at most {MAX_OCCLUDED:,} are left out one by one",
            "let it use `edge_weight`",
        )
    masks = torch.ones(edges, edges).to(present).fill_diagonal_(0)
    with torch.no_grad():
        whole = float(function(present, present.new_ones(edges))[0, column])
        without = [float(function(present, mask)[0, column]) for mask in masks]
    return whole - torch.tensor(without, dtype=torch.float64).to(present)


def _fewest(function: Callable[[Tensor, Tensor], Tensor], present: Tensor, score: Tensor, word: Tensor) -> Tensor:
    """(E,) 1 for the first edges by size of their score that restore the network's word, else 0.

    How near the word is need not grow with each edge, so what the bisection finds restores it, and a smaller number
    might as well.
    """
    order = score.abs().argsort(descending=True, stable=True)

    def kept(count: int) -> Tensor:
        return torch.zeros_like(score).index_fill(0, order[:count], 1)

    def restores(count: int) -> bool:
        with torch.no_grad():
            return bool((function(present, kept(count)) - word).abs().max() <= TOLERANCE)

    low, high = 0, 1
    if restores(0):
        return kept(0)
    while high < len(score) and not restores(high):
        low, high = high, high * 2
    high = min(high, len(score))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if restores(middle) else (middle, high)
    return kept(high)


# --------------------------------------------------------------------------------------------------------- rules


def _of_rules(explanation: Explanation, answers: Answers, sample: int) -> tuple[Any, Any]:
    from neurosym.neural.gnn import masked_explanation

    value = float(answers.tags[sample, answers.position(explanation.claim.atom)].detach())
    if answers.semantics in ("count", "boolean") or not 0 <= value <= 1 or math.isnan(value):
        _refuse(f"the claim's value {value:g} under `{answers.semantics}` is no probability", "ask under `exact`")
    program = Derivations(answers, answers.facts[answers.position(explanation.claim.atom)], sample)

    def recomputed(present: Tensor, mask: Tensor) -> Tensor:
        chance = program.recompute(present.numpy() > 0, mask.numpy() > 0)
        return torch.tensor([[1 - chance, chance]], dtype=torch.float64)

    nodes, edges = (torch.from_numpy(m).double() for m in program.relevant())
    prediction = torch.tensor([[1 - value, value]], dtype=torch.float64)
    return masked_explanation(
        recomputed, torch.from_numpy(program.edge_index), nodes, edges, prediction,
        edge_sign=torch.from_numpy(program.sign), node_names=program.names, atom=explanation.claim.atom,
    )  # fmt: skip
