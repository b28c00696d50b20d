"""Graph networks in a program: over RDF facts and over what the networks below have found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import neurosym as ns
from neurosym.errors import DataError, ModelError, NetworkError
from neurosym.neural import MLP, RelationalGNN

EX = "http://example.org/"
TREATS, PATIENT = f"{EX}treats", ns.Iri(f"{EX}Patient")
TYPE = ns.Iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
WARD = """
@prefix ex: <http://example.org/> .
neural finding(p: ex:Patient, f: {lump, none}) by eye .
neural sick(p: ex:Patient) by gnn .
sign(P, F) :- ex:Patient(P), finding(P, F).
ill(P) :- ex:Patient(P), sick(P).
"""


def net(model: ns.Reasoner, name: str) -> Any:
    """One of its networks."""
    return model.networks[name]


def iri(name: str) -> ns.Iri:
    return ns.Iri(EX + name)


def facts(*patients: str) -> ns.FactBase:
    triples = [(iri(p), TYPE, PATIENT) for p in patients]
    triples += [(iri("drug"), ns.Iri(TREATS), iri(p)) for p in patients[:1]]
    return ns.FactBase.from_triples(triples)


def table(*patients: str, seed: int = 0) -> ns.FeatureTable:
    random = torch.Generator().manual_seed(seed)
    rows = torch.randn(len(patients), 2, generator=random, dtype=torch.float64)
    return ns.FeatureTable([f"ex:{p}" for p in patients], rows, ["u", "v"])


def gnn(reads: tuple[str, ...] = ("sign",), seed: int = 0) -> RelationalGNN:
    return RelationalGNN([TREATS], [EX + "drug", "lump", "none"], reads=reads, hidden=4, layers=2, seed=seed).double()


def ward(*patients: str, network: nn.Module | None = None, text: str = WARD, **more: nn.Module) -> ns.Reasoner:
    torch.manual_seed(0)
    networks = {"eye": nn.Linear(2, 2).double(), "gnn": network or gnn(), **more}
    return ns.Reasoner(ns.Program.from_text(text), facts(*patients), networks, {"ex:Patient": table(*patients)})


def test_gradients_reach_the_network_below_through_the_edges() -> None:
    model = ward("p", "q")
    eye = net(model, "eye")

    def ill() -> torch.Tensor:
        return model.query("ill(ex:p)").tags[0, 0]

    ill().backward()
    assert eye.weight.grad is not None
    gradient = float(eye.weight.grad[0, 0])
    value, ends = float(eye.weight.data[0, 0]), []
    for step in (1e-6, -1e-6):
        eye.weight.data[0, 0] = value + step
        ends.append(float(ill().detach()))
    eye.weight.data[0, 0] = value
    assert gradient == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-8) and abs(gradient) > 1e-6
    assert all(p.grad is not None for p in net(model, "gnn").parameters())


def test_edges_carry_the_probabilities_of_what_is_read() -> None:
    class Spy(nn.Module):
        uses_graph = True
        relations = (TREATS,)
        reads = ("sign",)

        def forward(self, graph: object, nodes: torch.Tensor) -> torch.Tensor:
            self.graph: Any = graph
            return torch.zeros(len(nodes), 1, dtype=torch.float64)

    model = ward("p", "q", network=(spy := Spy()))
    assert model.query("ill(P)").tags.tolist() == [[0.5, 0.5]]
    graph = spy.graph
    edges = {
        (graph.nodes[s], graph.relations[r], graph.nodes[o]): float(w)
        for s, o, r, w in zip(
            *graph.edge_index.tolist(), graph.edge_type.tolist(), graph.edge_weight.tolist(), strict=True
        )
    }
    said = torch.softmax(net(model, "eye")(table("p", "q").rows), 1).tolist()
    expected = {(EX + "drug", TREATS, EX + "p"): 1.0}
    expected |= {(EX + p, "sign", f): said[k][j] for k, p in enumerate("pq") for j, f in enumerate(("lump", "none"))}
    assert edges == pytest.approx(expected)


def test_relations_that_it_does_not_listen_to_are_left_out() -> None:
    first = ward("p", network=gnn(reads=()))
    second = ward("p", network=gnn(reads=()))
    with torch.no_grad():
        net(second, "eye").weight.mul_(-3.0)
    assert torch.equal(first.query("ill(P)").tags, second.query("ill(P)").tags)


def test_it_works_on_entities_never_seen() -> None:
    model = ward("p", "q")
    answers = model.predict(facts("x", "y", "z"), "ill(P)", features={"ex:Patient": table("x", "y", "z", seed=3)})
    assert set(answers.atoms) == {"ill(ex:x)", "ill(ex:y)", "ill(ex:z)"}
    assert ((answers.tags > 0) & (answers.tags < 1)).all()


def test_training_moves_both_networks() -> None:
    model = ward("p", "q")
    before = {k: v.clone() for k, v in model.state_dict().items()}
    batch = ns.Batch(("ill(P)",), {"ill(ex:p)": True, "ill(ex:q)": False})
    result = ns.fit(model, batch, epochs=20, lr=0.05, progress=False)
    assert result.epochs[-1].loss < result.epochs[0].loss
    assert all(not torch.equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize("through", ["ill", "sign"])
def test_a_graph_network_that_reads_its_own_conclusions_is_refused(through: str) -> None:
    text = WARD + "ill2(P, yes) :- ill(P). sign(P, lump) :- ill(P).\n"
    reads = ("ill2",) if through == "ill" else ("sign",)
    with pytest.raises(NetworkError, match="`gnn` reads facts that depend on its own answers") as caught:
        ward("p", network=gnn(reads), text=text).query("ill(P)")
    assert caught.value.code == "NS604"


CHAIN = (
    WARD
    + """
neural grave({p}: ex:Patient) by upper .
state(P, ill) :- ill(P).
severe(P) :- ex:Patient(P), grave(P).
"""
)


@pytest.mark.parametrize("swap", [False, True])
def test_a_graph_network_above_another_waits_for_it(swap: bool) -> None:
    text = CHAIN.replace("{p}", "p")
    if swap:  # the order in which they are declared and asked must not matter
        lines = text.strip().splitlines()
        text = "\n".join([lines[0], *reversed(lines[1:])])
    model = ward("p", "q", text=text, upper=gnn(("state",), seed=4))
    answers = model.query("severe(P)", "ill(P)")
    answers["severe(ex:p)"].sum().backward()
    below = net(model, "gnn").out.weight.grad
    assert below is not None and float(below.abs().max()) > 1e-9
    if swap:
        plain = ward("p", "q", text=CHAIN.replace("{p}", "p"), upper=gnn(("state",), seed=4)).query(
            "severe(P)", "ill(P)"
        )
        assert answers.detach() == pytest.approx(plain.detach())


def test_two_graph_networks_in_a_circle_are_refused() -> None:
    text = CHAIN.replace("{p}", "p") + "mark(P, bad) :- severe(P).\n"
    with pytest.raises(NetworkError) as caught:
        ward("p", text=text, network=gnn(("mark",)), upper=gnn(("state",))).query("severe(P)")
    assert caught.value.code == "NS604"


def test_a_graph_network_without_uncertain_edges_beside_a_batch() -> None:
    text = WARD + "neural digit(x: Tensor, d: 0..1) by net .\nboth(P, X) :- ill(P), digit(X, 1).\n"
    model = ward("p", "q", text=text, network=gnn(reads=()), net=nn.Linear(2, 2).double())
    given = {"a": torch.randn(3, 2, dtype=torch.float64)}
    answers = model.query("both(P, a)", inputs=given)
    digit = torch.softmax(net(model, "net")(given["a"]), 1)[:, 1]
    assert answers.tags.shape == (3, 2)
    assert torch.allclose(answers.tags, digit[:, None] * model.query("ill(P)").tags)
    reading = ward("p", "q", text=text, net=net(model, "net"))
    assert torch.allclose(
        reading.query("both(P, a)", inputs=given).tags, digit[:, None] * reading.query("ill(P)").tags
    )  # fmt: skip


def test_facts_that_rest_on_something_unknown_are_refused() -> None:
    text = WARD.replace("sign(P, F) :-", "pred seen(p: ex:Patient) open .\nsign(P, F) :- seen(P),")
    with pytest.raises(NetworkError) as caught:
        ward("p", text=text).query("ill(P)")
    assert caught.value.code == "NS605"


class Counting(nn.Module):
    """Says how much weight the edges have that it reads."""

    uses_graph = True
    relations = ()
    reads = (f"{EX}near",)

    def forward(self, graph: Any, nodes: torch.Tensor) -> torch.Tensor:
        kinds = zip(graph.edge_type.tolist(), graph.edge_weight, strict=True)
        read = sum(weight for kind, weight in kinds if graph.relations[kind] in self.reads)
        return (torch.as_tensor(read, dtype=torch.float64) - 1.0).expand(len(nodes), 1)


@pytest.mark.parametrize(
    "more", ["", "linked(X) :- triple(X, Y, Z).\n", "pred nearby(a: any, b: any) from ex:near .\n"]
)
def test_what_is_read_may_be_stored_under_another_name(more: str) -> None:
    """Where a rule ranges over predicates, all of RDF is one relation: the network reads the same, and an audit too."""
    text = WARD + "rule close weight 0.75 if ex:Patient(?p) then ex:near(ex:drug, ?p) .\n"
    model = ward("p", "q", text=text + more, network=Counting())
    expected = torch.sigmoid(torch.tensor(0.5, dtype=torch.float64)).item()
    assert model.query("ill(ex:p)").tags.item() == pytest.approx(expected)
    found = ns.audit(model, ns.Batch(("ill(ex:p)",), {"ill(ex:p)": True}))
    rule = next(r for r in found.rules if r.name == "close")
    assert rule.firings and rule.moved == 1
    without = torch.sigmoid(torch.tensor(-1.0, dtype=torch.float64)).item()
    assert rule.gain == pytest.approx(torch.tensor(expected / without).log().item(), abs=1e-6)


# -------------------------------------------------------------------------------------------- encoders of its nodes


def encoded(*patients: str, tables: bool = True, seed: int = 0) -> tuple[ns.Reasoner, MLP]:
    """A ward where one encoder is behind the eye, and gives the graph network what its patients look like."""
    torch.manual_seed(1)
    shared = MLP([2, 3, 2]).double()
    over = RelationalGNN([TREATS], [EX + "drug"], hidden=4, encoders={"ex:Patient": shared}).double()
    features = {"ex:Patient": table(*patients, seed=seed)} if tables else {}
    program = ns.Program.from_text(WARD)
    return ns.Reasoner(program, facts(*patients), {"eye": shared, "gnn": over}, features), shared


def test_embeddings_reach_the_graph_network_and_gradients_come_back() -> None:
    model, shared = encoded("p", "q")
    first = model.query("ill(P)")
    assert not torch.allclose(first.tags, encoded("p", "q", seed=3)[0].query("ill(P)").tags, atol=1e-4)
    first.tags[0, 0].backward()
    layers: list[Any] = list(shared.layers)
    hidden, last = layers[0], layers[-1]
    assert hidden.weight.grad is not None and bool((hidden.weight.grad != 0).any())
    assert last.weight.grad is None  # `embed` leaves out the last layer, and nobody asked the eye


def test_each_node_gets_its_own_row() -> None:
    model, shared = encoded("p", "q", "r")
    seen: Any = {}
    over = net(model, "gnn")
    handle = over.register_forward_pre_hook(lambda _, given: seen.update(graph=given[0]))
    model.query("ill(P)")
    handle.remove()
    nodes, rows = seen["graph"].features["ex:Patient"]
    named = {seen["graph"].nodes[n].removeprefix(EX): row for n, row in zip(nodes.tolist(), rows, strict=True)}
    expected = table("p", "q", "r")
    assert set(named) == set("pqr") and all(torch.equal(row, expected.row(f"ex:{p}")) for p, row in named.items())
    start, plain = over.start(seen["graph"]), over.embedding[len(over.vocabulary)]
    at = seen["graph"].nodes.index(EX + "q")
    assert torch.allclose(start[at], plain + over.entries[0](shared.embed(expected.row("ex:q")[None]))[0])


def test_a_table_that_an_encoder_needs_is_missing() -> None:
    with pytest.raises(DataError, match="graph network `gnn` of sick/1 encodes") as caught:
        encoded("p", tables=False)[0].query("ill(P)")
    assert caught.value.code == "NS614"


def test_an_encoder_in_two_places_is_one_again_when_it_is_loaded(tmp_path: Path) -> None:
    model, _ = encoded("p", "q")
    model.save(tmp_path / "model")
    given = {"ex:Patient": table("p", "q")}
    loaded = ns.Reasoner.load(tmp_path / "model", facts("p", "q"), given)
    assert net(loaded, "gnn").encoders[0] is net(loaded, "eye")
    assert torch.equal(loaded.query("ill(P)").tags, model.eval().query("ill(P)").tags)
    manifest = json.loads((tmp_path / "model" / "model.json").read_text())
    assert manifest["shared"] == [["eye", "gnn.encoders.0"]]
    for paths in (["eye", "gnn.encoders.7"], ["eye", "gnn"]):
        manifest["shared"] = [paths]
        (tmp_path / "model" / "model.json").write_text(json.dumps(manifest))
        with pytest.raises(ModelError, match="damaged") as caught:
            ns.Reasoner.load(tmp_path / "model")
        assert caught.value.code == "NS702"


def test_a_model_that_was_saved_before_has_nothing_shared(tmp_path: Path) -> None:
    encoded("p")[0].save(tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / "model.json").read_text())
    del manifest["shared"]
    for record in manifest["features"].values():
        del record["categories"], record["allow_nan"]
    (tmp_path / "model" / "model.json").write_text(json.dumps(manifest))
    loaded = ns.Reasoner.load(tmp_path / "model")
    assert net(loaded, "gnn").encoders[0] is not net(loaded, "eye")
