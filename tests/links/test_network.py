"""Message passing from the head: against a loop over all walks, its gradients, and what it hides."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosym.errors import DataError, LimitError
from neurosym.links.graph import TripleGraph
from neurosym.links.network.members import chances
from neurosym.links.network.nearest import nearest
from neurosym.links.network.paths import PathNetwork
from neurosym.links.network.reach import Adjacency, reach
from neurosym.links.network.shares import Shares
from neurosym.links.network.signed import AGGREGATES, Aggregate, Settle, SignedNetwork

N, R = 6, 2


def graph_of(triples: Any) -> TripleGraph:
    return TripleGraph(
        tuple(f"e{k}" for k in range(N)), tuple(f"r{k}" for k in range(R)), np.asarray(triples, np.int64)
    )


def drawn(seed: int, count: int = 9) -> TripleGraph:
    return graph_of(np.unique(np.random.default_rng(seed).integers(0, [N, R, N], (count, 3)), axis=0))


def network(rounds: int = 3, seed: int = 0, members: int = 1) -> PathNetwork:
    return PathNetwork(R, channels=3, rank=2, rounds=rounds, dropout=0.0, seed=seed, members=members).eval()


def signed(rounds: int = 3, seed: int = 0, members: int = 1, aggregate: Aggregate = "sum") -> SignedNetwork:
    size: dict[str, Any] = {"channels": 3, "rank": 2, "rounds": rounds, "seed": seed, "members": members}
    return SignedNetwork(R, dropout=0.0, aggregate=aggregate, **size).eval()


def scores(
    net: PathNetwork | SignedNetwork,
    graph: TripleGraph | Adjacency,
    queries: Any,
    answers: Any = None,
    mask: Any = "own",
):
    adjacency = graph if isinstance(graph, Adjacency) else Adjacency.of(graph)
    queries = np.asarray(queries)
    reached = reach(adjacency, queries, net.rounds, None if answers is None else np.asarray(answers), mask)
    found = net(adjacency, queries, reached).scores
    dense = torch.zeros(len(queries), adjacency.num_entities)
    return dense.index_put((torch.from_numpy(reached.queries).long(), torch.from_numpy(reached.entities).long()), found)


def by_hand(net: PathNetwork, edges: np.ndarray, head: int, relation: int) -> torch.Tensor:
    """The same network over a dense list of edges, without kernels: the sum over its members."""
    return torch.stack([member_by_hand(net, k, edges, head, relation) for k in range(net.members)]).sum(0)


def member_by_hand(net: PathNetwork, member: int, edges: np.ndarray, head: int, relation: int) -> torch.Tensor:
    softplus = torch.nn.functional.softplus
    start = softplus(net.start[member, relation])
    vectors = torch.zeros(N, net.channels)
    vectors[head] = start
    for k in range(net.rounds):
        by_query = (net.query[member, relation] @ net.edge_by_query[k][member]).view(2 * R, net.channels)
        weight = softplus(net.edge[k][member] + by_query)
        sums = torch.zeros(N, net.channels)
        sums[head] = start
        for h, r, t in edges.tolist():
            sums[t] = sums[t] + vectors[h] * weight[r]
        vectors = torch.log1p(sums) @ (torch.eye(net.channels) + softplus(net.mix[k][member]))
    return vectors @ softplus(net.readout[member, relation])


@given(st.integers(0, 10_000), st.integers(1, 3))
@settings(max_examples=30)
def test_scores_are_those_of_a_network_over_all_edges(seed, members):
    graph, net = drawn(seed), network(seed=seed, members=members)
    queries = np.array([[0, 1], [0, 2], [3, 0], [0, 1]])
    with torch.no_grad():
        found = scores(net, graph, queries)
        for k, (head, relation) in enumerate(queries.tolist()):
            torch.testing.assert_close(found[k], by_hand(net, graph.edges, head, relation), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("members", [1, 2])
def test_gradients_are_those_of_the_network_by_hand(members):
    graph, net = drawn(5), network(members=members)
    target = torch.linspace(0, 1, N)
    (scores(net, graph, [[0, 1]])[0] @ target).backward()
    kernel = {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}
    net.zero_grad()
    (by_hand(net, graph.edges, 0, 1) @ target).backward()
    assert set(kernel) == {name for name, _ in net.named_parameters()}
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(kernel[name], parameter.grad, rtol=1e-3, atol=1e-5)


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_a_query_does_not_see_its_own_triple_and_others_do(seed):
    graph, net = drawn(seed, 12), network()
    head, relation, tail = graph.triples[0].tolist()
    less = graph_of(graph.triples[1:])
    bare = graph_of([t for t in graph.triples.tolist() if {t[0], t[2]} != {head, tail}])
    with torch.no_grad():
        found = scores(net, graph, [[head, relation], [tail, R + relation], [head, relation]], [tail, head, tail])
        torch.testing.assert_close(found[0], scores(net, less, [[head, relation]])[0])
        torch.testing.assert_close(found[1], scores(net, less, [[tail, R + relation]])[0])
        if head != tail:
            pair = scores(net, graph, [[head, relation]], [tail], "pair")
            torch.testing.assert_close(pair[0], scores(net, bare, [[head, relation]])[0])
        free = scores(net, graph, [[head, relation]], [tail], "none")
        torch.testing.assert_close(free[0], scores(net, graph, [[head, relation]])[0])


@given(st.integers(0, 10_000), st.integers(1, 3))
@settings(max_examples=30)
def test_the_shares_of_all_paths_sum_to_the_score(seed, members):
    graph, net = drawn(seed, 7), network(seed=seed, members=members)
    adjacency, query = Adjacency.of(graph), np.array([[0, 1]])
    passage = net(adjacency, query, reach(adjacency, query, net.rounds))
    walks = [
        w
        for length in range(net.rounds + 1)
        for w in itertools.product(graph.edges.tolist(), repeat=length)
        if all(a[2] == b[0] for a, b in itertools.pairwise(w)) and (not w or w[0][0] == 0)
    ]
    for answer in range(N):
        shares = Shares(passage, answer)
        found, cut = shares.largest(10**6, 10**6)
        assert not cut
        assert sum(p.share for p in found) == pytest.approx(shares.score, abs=1e-5)
        assert [p.share for p in found] == sorted((p.share for p in found), reverse=True)
        ends = [tuple(map(tuple, w)) for w in walks if (w[-1][2] if w else 0) == answer]
        assert sorted(p.edges for p in found) == sorted(ends)
        assert shares.largest(2)[0] == found[:2]


@given(st.integers(0, 10_000), st.sampled_from([network, signed]), st.sampled_from(["own", "pair", "none", None]))
@settings(max_examples=100)
def test_the_wanted_scores_are_those_of_a_full_run(seed, made, mask):
    random = np.random.default_rng(seed)
    graph, net = Adjacency.of(drawn(seed, 12)), made(seed=seed)
    queries, only = np.array([[0, 1], [3, 2]]), random.random((2, N)) < 0.4
    answers = None if mask is None else random.integers(0, N, 2)
    hide: dict[str, Any] = {"answers": answers, "mask": mask or "own"}
    part, everything = (reach(graph, queries, net.rounds, **hide, only=o) for o in (only, None))
    with torch.no_grad():
        found, full = torch.zeros(2, 2, N)
        for at, into in ((part, found), (everything, full)):
            into[torch.from_numpy(at.queries).long(), torch.from_numpy(at.entities).long()] = net(
                graph, queries, at
            ).scores
    wanted = torch.from_numpy(only)
    torch.testing.assert_close(found[wanted], full[wanted])
    last = part.rounds[-1]
    assert bool(only[part.queries[last.target], part.entities[last.target]].all())


def test_an_edge_more_never_lowers_a_score():
    net = network()
    for seed in range(20):
        graph = drawn(seed, 10)
        with torch.no_grad():
            full = scores(net, graph, [[0, 0]])[0]
            for edge in graph.triples.tolist():
                less = scores(net, graph.without([tuple(edge)]), [[0, 0]])[0]
                torch.testing.assert_close(
                    less, scores(net, graph_of([t for t in graph.triples.tolist() if t != edge]), [[0, 0]])[0]
                )
                assert bool((full - less >= -1e-6).all())


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_only_some_triples_are_those_of_a_graph_with_no_others(seed):
    graph = drawn(seed)
    kept = np.random.default_rng(seed).random(len(graph.triples)) < 0.6
    part, other = Adjacency.of(graph).only(kept), Adjacency.of(graph_of(graph.triples[kept].reshape(-1, 3)))
    for name in ("starts", "relations", "tails"):
        assert np.array_equal(getattr(part, name), getattr(other, name)), name


def test_too_many_messages_are_refused():
    graph = drawn(1, 20)
    with pytest.raises(LimitError) as fault:
        reach(Adjacency.of(graph), np.array([[0, 0]] * 4), 3, max_messages=10)
    assert fault.value.code == "NS930"


# ---------------------------------------------------------------------------------------------- weights of any sign


def signed_by_hand(net: SignedNetwork, edges: np.ndarray, head: int, relation: int) -> torch.Tensor:
    """The same network over a dense list of edges: the sum over its members, each as a network of its own."""
    return torch.stack([signed_member(net, k, edges, head, relation) for k in range(net.members)]).sum(0)


def signed_member(net: SignedNetwork, member: int, edges: np.ndarray, head: int, relation: int) -> torch.Tensor:
    """Who was not reached yet knows nothing, and scores nothing."""

    def layer(of: Any, row: torch.Tensor) -> torch.Tensor:
        return row @ of.weight[member] + of.bias[member, 0]

    start = net.start[member, relation]
    vectors, reached = torch.zeros(N, net.channels), {head}
    vectors[head] = start
    for k in range(net.rounds):
        by_query = (net.query[member, relation] @ net.edge_by_query[k][member]).view(2 * R, net.channels)
        weight = net.edge[k][member] + by_query
        sent: list[list[torch.Tensor]] = [[start] if n == head else [] for n in range(N)]
        for h, r, t in edges.tolist():
            if h in reached:
                sent[t].append(vectors[h] * weight[r])
        none = torch.zeros(1, net.channels)
        sums = torch.stack([torch.stack([*messages, none[0]]).sum(0) for messages in sent])
        most = torch.stack([torch.stack(messages).amax(0) if messages else none[0] for messages in sent])
        reached |= {t for h, _, t in edges.tolist() if h in reached}
        changed = layer(
            net.update[k], torch.cat([vectors, sums, most] if net.aggregate == "sum+max" else [vectors, sums], 1)
        )
        centred = changed - changed.mean(1, keepdim=True)
        normed = centred / (centred.pow(2).mean(1, keepdim=True) + 1e-5).sqrt()
        new = vectors + torch.relu(normed * net.gain[k][member, 0] + net.shift[k][member, 0])
        vectors = torch.stack([new[n] if n in reached else vectors[n] for n in range(N)])
    hidden = torch.relu(layer(net.hidden, torch.cat([vectors, start.expand(N, -1)], 1)))
    found = net.scale[member] * layer(net.readout, hidden)[:, 0]
    return torch.stack([found[n] if n in reached else torch.zeros(()) for n in range(N)])


@given(st.integers(0, 10_000), st.integers(1, 3), st.sampled_from(list(AGGREGATES)))
@settings(max_examples=60)
def test_signed_scores_are_those_of_a_network_over_all_edges(seed, members, aggregate):
    graph, net = drawn(seed), signed(seed=seed, members=members, aggregate=aggregate)
    queries = np.array([[0, 1], [0, 2], [3, 0], [0, 1]])
    with torch.no_grad():
        found = scores(net, graph, queries)
        for k, (head, relation) in enumerate(queries.tolist()):
            by_hand = signed_by_hand(net, graph.edges, head, relation)
            torch.testing.assert_close(found[k], by_hand, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("aggregate", list(AGGREGATES))
@pytest.mark.parametrize("members", [1, 2])
def test_signed_gradients_are_those_of_the_network_by_hand(members, aggregate):
    graph, net = drawn(5), signed(members=members, aggregate=aggregate)
    target = torch.linspace(0, 1, N)
    (scores(net, graph, [[0, 1]])[0] @ target).backward()
    kernel = {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}
    net.zero_grad()
    (signed_by_hand(net, graph.edges, 0, 1) @ target).backward()
    assert set(kernel) == {name for name, _ in net.named_parameters()}
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(kernel[name], parameter.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "members, used, cut, count", [(1, 4, 0, 1), (1, 0, 26, 1), (2, 5, 100, 2), (3, 9, 255, 1), (1, 9, 26, 2)]
)
def test_what_a_round_leaves_is_what_torch_makes_of_it_and_so_are_its_gradients(members, used, cut, count):
    draw = torch.Generator().manual_seed(cut)
    shapes = [(used, 8), (8 + 8 * count, 8), (1, 8), (1, 8), (1, 8), *[(9, 8)] * count]
    given = [torch.randn(members, *s, generator=draw).requires_grad_() for s in shapes]
    known, weight, bias, gain, shift, *arrived = given
    torch.manual_seed(1)
    found = Settle.apply(*given[:5], cut, *arrived)
    torch.manual_seed(1)
    kept = (chances(members, 9, 8) >= cut) * 256 / (256 - cut) if cut else torch.ones(members, 9, 8)
    before = torch.cat([known, torch.zeros(members, 9 - used, 8)], 1)
    changed = torch.cat([before, *arrived], 2) @ weight + bias
    wanted = before + kept * torch.relu(torch.nn.functional.layer_norm(changed, (8,)) * gain + shift)
    torch.testing.assert_close(found, wanted)
    target = torch.randn(members, 9, 8, generator=draw)
    for one, other in zip(torch.autograd.grad((found * target).sum(), given),
                          torch.autograd.grad((wanted * target).sum(), given), strict=True):  # fmt: skip
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_the_share_that_is_left_out_is_left_out_and_the_mean_stays(share):
    net = PathNetwork(R, dropout=share)
    rows = net.train().dropped(torch.ones(1000, 301))
    assert (rows == 0).float().mean().item() == pytest.approx(share, abs=0.005)
    assert rows.mean().item() == pytest.approx(1, abs=0.01)
    assert len(rows.unique()) <= 2
    assert not (net.eval().dropped(torch.ones(10, 10)) - 1).any()


@given(st.integers(0, 10_000))
@settings(max_examples=50)
def test_the_nearest_paths_are_the_shortest_walks(seed):
    graph = drawn(seed, 7)
    found = reach(Adjacency.of(graph), np.array([[0, 1]]), 3)
    for answer in range(1, N):
        walks: list = []
        for length in range(1, 4):
            walks = [
                tuple(map(tuple, w))
                for w in itertools.product(graph.edges.tolist(), repeat=length)
                if w[0][0] == 0 and w[-1][2] == answer and all(a[2] == b[0] for a, b in itertools.pairwise(w))
            ]
            if walks:
                break
        assert sorted(nearest(found, answer, 10**6)) == sorted(walks)
        few = nearest(found, answer, 2)
        assert len(few) == min(2, len(walks)) and set(few) <= set(walks)
    assert nearest(found, 0, 5) == []


@pytest.mark.parametrize("made", [network, signed])
def test_members_that_are_joined_score_the_mean_of_what_each_scores_alone(made):
    graph, queries = drawn(3), np.array([[0, 1], [3, 2], [5, 0]])
    members = [made(seed=k) for k in range(3)]
    joined = made(seed=9, members=3)
    joined.join(members)
    with torch.no_grad():
        mean = torch.stack([scores(member, graph, queries) for member in members]).mean(0)
        torch.testing.assert_close(scores(joined, graph, queries), mean)
        apart = torch.stack([scores(joined.member(k), graph, queries) for k in range(3)])
    torch.testing.assert_close(apart.sum(0), mean)
    assert (apart[0] - apart[1]).abs().max() > 1e-3, "members differ"
    with pytest.raises(DataError, match="a network of 0 members"):
        made(members=0)


@pytest.mark.parametrize("made", [network, signed])
def test_a_gradient_of_a_gradient_is_refused(made):
    net = made()
    found = scores(net, drawn(5), [[0, 1]]).sum()
    (first, *_) = torch.autograd.grad(found, [net.start], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_an_aggregate_that_is_none():
    with pytest.raises(DataError, match="no aggregate 'mean'") as fault:
        signed(aggregate="mean")  # type: ignore[arg-type]
    assert fault.value.code == "NS931" and "sum+max" in str(fault.value.help)
