"""Where in their inputs the words of networks come from: integrated gradients, held to what can be known by hand."""

from __future__ import annotations

import base64
import json
import math
import struct
import sys
import zlib

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import neurosym as ns
from neurosym.errors import ExplanationError
from neurosym.explain.attribution.paths import _paths, carried
from neurosym.explain.attribution.questions import Given, Question
from neurosym.explain.model import Attribution, Explanation
from neurosym.neural import FeatureTable, OnColumns, SoftThreshold, TableNet
from tests.explain.test_report import NASTY, Page, poison

pytest.importorskip("captum")


def attribution(why: Explanation) -> Attribution:
    """The only attribution of an explanation; what it adds up to is looked at each time."""
    (found,) = {n.neural.attribution for n in why.nodes.values() if n.neural is not None and n.neural.attribution}
    return found


def total(found: Attribution) -> float:
    return sum(s for _, s in found.spans) + sum(c[2] for c in (*found.columns, *found.edges)) + found.others


class Linear(nn.Module):
    """A logit 2 x + 0 y - z, so the scores are known: the output is shared out by 2 Δx, 0 and -Δz."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([2.0, 0.0, -1.0]))
        self.drop = nn.Dropout(0.5)

    def forward(self, rows: Tensor) -> Tensor:
        return self.drop(rows @ self.weight)[:, None]


ROWS = torch.tensor([[1.0, 5.0, 0.5], [-1.0, 3.0, 0.5], [0.3, 1.0, -0.1]])


def ill(network: nn.Module, rows: Tensor = ROWS, **options: object) -> Explanation:
    """The explanation of a patient whose illness a network decides alone."""
    table = FeatureTable(
        ["p1", "p2", "p3"][: len(rows)], rows, ["x", "y", "z"][: rows.shape[1]] if rows.dim() == 2 else []
    )
    program = ns.Program.from_text("neural sick(p: symbol) by net .\npatient(p1). ill(P) :- patient(P), sick(P).")
    reasoner = ns.Reasoner(program, None, {"net": network}, {"symbol": table})
    return ns.explain(reasoner.query("ill(P)"), "ill(p1)", attributions=True, **options)  # pyright: ignore[reportArgumentType]


def test_columns_of_a_linear_network_share_as_its_weights():
    network = Linear().eval()
    why = ill(network)
    found = attribution(why)
    mean = ROWS.mean(dim=0)
    parts = (ROWS[0] - mean) * torch.tensor([2.0, 0.0, -1.0])
    rise = float(torch.sigmoid(2 * ROWS[0, 0] - ROWS[0, 2]) - torch.sigmoid(2 * mean[0] - mean[2]))
    # on the straight line a linear logit grows evenly, so that the sigmoid's rise is shared out as the logit's is
    wanted = {"x": float(rise * parts[0] / parts.sum()), "z": float(rise * parts[2] / parts.sum())}
    assert {n: s for n, _, s in found.columns} == pytest.approx(wanted, abs=1e-5)
    assert {n: v for n, v, _ in found.columns} == {"x": 1.0, "z": 0.5}
    assert found.baseline == "the mean of all 3 rows of p"
    assert total(found) == pytest.approx(found.probability - found.baseline_probability, abs=1e-5)
    assert found.gap == pytest.approx(0, abs=1e-5) and found.steps == 64
    assert found.probability == pytest.approx(why.claim.probability, abs=1e-6)


def test_the_network_is_left_as_it_was():
    network = Linear().train()
    network.drop.eval()
    ill(network)
    assert network.training and not network.drop.training
    assert network.weight.grad is None


def test_a_steep_network_gets_more_steps():
    network = OnColumns(SoftThreshold("above", 0.4, 400.0), [0], ["x"])
    found = attribution(ill(network))
    assert found.steps > 64 and abs(found.gap) <= 1e-3
    assert [c[0] for c in found.columns] == ["x"]


def test_one_row_is_not_compared_with_itself():
    found = attribution(ill(Linear().eval(), rows=ROWS[:1]))
    assert found.baseline == "zeros, as p has one row only" and found.baseline_probability == 0.5
    network = OnColumns(SoftThreshold("above"), [1], ["y"]).fit(ROWS)
    found = attribution(ill(network, rows=ROWS[:1]))
    assert found.baseline == "the means that the network scales by" and found.baseline_probability == 0.5
    assert [n for n, _, _ in found.columns] == ["y"]


class Cliff(nn.Module):
    def forward(self, rows: Tensor) -> Tensor:
        return 1e6 * (rows[:, :1] - 0.31)


def test_a_gap_that_stays_is_said():
    why = ill(Cliff())
    found = attribution(why)
    assert found.steps == 1024 and abs(found.gap) > 1e-3
    assert any("is off by" in w and "sick(p1)" in w for w in why.warnings)


class Constant(nn.Module):
    def forward(self, rows: Tensor) -> Tensor:
        return torch.ones(len(rows), 1)


class Blind(Linear):
    def forward(self, rows: Tensor) -> Tensor:
        return super().forward((rows > 0).float().detach()).detach()


@pytest.mark.parametrize("network", [Constant(), Blind()])
def test_a_network_without_gradients_is_named(network: nn.Module):
    why = ill(network)
    assert all(n.neural is None or n.neural.attribution is None for n in why.nodes.values())
    assert any("`net`" in w or "network net has no gradient" in w for w in why.warnings)


def test_nothing_is_run_unless_asked_for():
    program = ns.Program.from_text("neural sick(p: symbol) by net .\npatient(p1). ill(P) :- patient(P), sick(P).")
    reasoner = ns.Reasoner(
        program, None, {"net": Linear().eval()}, {"symbol": FeatureTable(["p1"], ROWS[:1], ["x", "y", "z"])}
    )
    why = ns.explain(reasoner.query("ill(p1)"), "ill(p1)")
    assert all(n.neural is None or n.neural.attribution is None for n in why.nodes.values())


def test_a_value_among_several_and_its_negation():
    class Values(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, rows: Tensor) -> Tensor:
            return self.layer(rows)

    torch.manual_seed(0)
    table = FeatureTable(["p1", "p2", "p3"], ROWS, ["x", "y", "z"])
    program = ns.Program.from_text(
        "neural xray(p: symbol, f: {clear, nodule, infiltrate}) by net .\npatient(p1).\n"
        "ill(P) :- patient(P), xray(P, nodule). odd(P) :- patient(P), \\+ xray(P, clear)."
    )
    answers = ns.Reasoner(program, None, {"net": Values()}, {"symbol": table}).query("ill(p1)", "odd(p1)")
    found = attribution(ns.explain(answers, "ill(p1)", attributions=True))
    assert found.probability == pytest.approx(answers.detach()["ill(p1)"], abs=1e-6)
    assert total(found) == pytest.approx(found.probability - found.baseline_probability, abs=1e-5)
    # of a fact that is needed false, the scores are those of the fact
    found = attribution(ns.explain(answers, "odd(p1)", attributions=True))
    assert found.probability == pytest.approx(1 - answers.detach()["odd(p1)"], abs=1e-6)


# --------------------------------------------------------------------------------------------- images, texts


def pixels(uri: str) -> np.ndarray:
    """(h, w, channels) of a PNG without filters, as the library writes it."""
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    width, height, _, colour = struct.unpack(">IIBB", data[16:26])
    start = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[start - 4 : start])
    raw = zlib.decompress(data[start + 4 : start + 4 + length])
    channels = 3 if colour == 2 else 1
    return np.frombuffer(raw, np.uint8).reshape(height, 1 + width * channels)[:, 1:].reshape(height, width, channels)


class Corners(nn.Module):
    """Sees the upper left corner for the fact and the lower right one against it, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.5))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * (images[:, 0, 0, 0] - images[:, 0, 4, 3])[:, None]


def test_the_heat_map_shows_where_the_network_looks():
    program = ns.Program.from_text("neural seen(i: Image) by net .\nalarm(I) :- seen(I).")
    answers = ns.Reasoner(program, networks={"net": Corners()}).query("alarm(a)", inputs={"a": torch.ones(2, 1, 5, 4)})
    why = ns.explain(answers, "alarm(a)", attributions=True, sample=1)
    found = attribution(why)
    (uri,) = found.images
    shown = pixels(uri).astype(int)
    assert shown.shape == (5, 4, 3) and found.baseline == "zeros for a"
    assert shown[0, 0].tolist() == [200, 85, 0] and shown[4, 3].tolist() == [0, 70, 170]
    grey = np.delete(shown.reshape(-1, 3), [0, 19], axis=0)
    assert (grey == grey[0, 0]).all()
    html = why.to_html()
    Page(html).check()
    assert uri in html and "Heat map of the input" in html and "heat map" in str(why)


class Reader(nn.Module):
    """Adds up what each word says: word 3 speaks for it, word 5 against it."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Embedding(9, 1)
        self.meaning = nn.Embedding(8, 1)
        with torch.no_grad():
            self.place.weight.zero_()
            self.meaning.weight.copy_(torch.tensor([[0.0], [0.0], [0.0], [2.0], [0.0], [-1.0], [0.0], [0.0]]))

    def words(self, ids: Tensor) -> list[str]:
        return [["pad", "the", "<b>patient</b>", "coughs", "and", "jokes", "a", "lot"][i] for i in ids.tolist()]

    def forward(self, ids: Tensor) -> Tensor:
        return (self.meaning(ids) + self.place(torch.arange(ids.shape[1]))).sum(dim=1)


def note(network: nn.Module, text: Tensor) -> Explanation:
    program = ns.Program.from_text("neural cough(note: Text) by net .\nill(T) :- cough(T).")
    answers = ns.Reasoner(program, networks={"net": network}).query("ill(t)", inputs={"t": text})
    return ns.explain(answers, "ill(t)", attributions=True)


def test_words_of_a_text():
    why = note(Reader(), torch.tensor([[1, 2, 3, 5, 7]]))
    found = attribution(why)
    rise = 1 / (1 + math.exp(-1)) - 0.5
    assert [w for w, _ in found.spans] == ["the", "<b>patient</b>", "coughs", "jokes", "lot"]
    assert [s for _, s in found.spans] == pytest.approx([0, 0, 2 * rise, -rise, 0], abs=1e-5)
    assert found.baseline == "word 0 throughout for t"
    html = why.to_html()
    Page(html).check()
    assert '<mark class="for3"' in html and '<mark class="against2"' in html
    assert "<b>patient" not in html and "&lt;b&gt;patient" in html
    assert "“coughs”: +" in " ".join(str(why).split())


def test_vectors_of_a_text_have_places():
    class Sums(nn.Module):
        def forward(self, text: Tensor) -> Tensor:
            return text.sum(dim=(1, 2))[:, None]

    found = attribution(note(Sums(), torch.tensor([[[1.0, 0.0], [0.0, -2.0], [0.0, 0.0]]])))
    assert [w for w, _ in found.spans] == ["[0]", "[1]", "[2]"]
    assert found.spans[1][1] == pytest.approx(-2 * found.spans[0][1], abs=1e-5) and found.spans[2][1] == 0


def test_two_arguments_are_attributed_together():
    class Compares(nn.Module):
        def forward(self, one: Tensor, other: Tensor) -> Tensor:
            return (one[:, 0] - other[:, 1])[:, None]

    program = ns.Program.from_text(
        "neural above(p: symbol, t: Tensor) by net .\npatient(p1). ill(P, T) :- patient(P), above(P, T)."
    )
    table = FeatureTable(["p1", "p2", "p3"], ROWS, ["x", "y", "z"])
    answers = ns.Reasoner(program, None, {"net": Compares()}, {"symbol": table}).query(
        "ill(p1, t)", inputs={"t": torch.tensor([[0.0, 1.0]])}
    )
    found = attribution(ns.explain(answers, "ill(p1, t)", attributions=True))
    assert {n for n, _, _ in found.columns} == {"x", "t[1]"}
    assert found.baseline == "the mean of all 3 rows of p, zeros for t"
    assert total(found) == pytest.approx(found.probability - found.baseline_probability, abs=1e-5)


def test_a_graph_network_is_attributed_to_the_edges_that_it_read():
    from neurosym.neural import RelationalGNN

    facts = ns.FactBase.from_facts(
        [("e", (ns.Symbol(s), ns.Symbol(o))) for s, o in (("a", "b"), ("b", "c"), ("x", "y"))]
        + [("node", (ns.Symbol("a"),))]
    )
    torch.manual_seed(0)
    network = RelationalGNN(["e"], ["b", "c", "x", "y"], hidden=4, layers=2, dropout=0.3, seed=3)
    for parameter in network.parameters():  # a new network says the same of all
        torch.nn.init.normal_(parameter)
    program = ns.Program.from_text(
        "pred e(s: any, o: any) . pred node(n: any) .\nneural risky(n: any) by net .\nrisk(N) :- node(N), risky(N)."
    )
    reasoner = ns.Reasoner(program, facts, {"net": network.eval()})
    found = attribution(ns.explain(reasoner.query("risk(a)"), "risk(a)", attributions=True))
    assert {n for n, _, _ in found.edges} <= {"e(a, b)", "e(b, c)"} and found.edges  # x and y are out of reach
    assert found.baseline == "a graph without edges" and abs(found.gap) <= 1e-3
    said = found.probability - found.baseline_probability
    along = [edges for edges, _, _ in found.paths]
    assert along in (["e(a, b), e(b, c)"], ["e(a, b)"], [])  # e(b, c) only where it speaks for it, too
    if along == ["e(a, b), e(b, c)"]:  # all that is in reach
        assert found.paths[0][1] == pytest.approx(said, abs=2e-3) and found.paths[0][2] == pytest.approx(1, abs=1e-6)
    assert total(found) == pytest.approx(found.probability - found.baseline_probability + found.gap, abs=1e-9)


def test_paths_are_simple_and_the_best_come_first():
    #     0 → 1 → 2,  0 → 3,  3 → 4 speaks against it,  4 → 0 closes a circle
    ends = [(0, 1), (1, 2), (0, 3), (3, 4), (4, 0)]
    assert _paths(ends, 0, [0.2, 0.1, 0.25, -0.1, 0.05]) == [(0, 1), (2,), (4,)]
    assert _paths(ends, 2, [0.2, 0.1, 0.25, -0.1, 0.05]) == [(1, 0, 2), (1, 0, 4)]  # messages pass either way
    assert _paths(ends, 0, [0.0] * 5) == []
    assert _paths([(0, 0), (0, 1)], 0, [0.3, 0.1]) == [(1,)]


def test_paths_restore_what_the_network_said():
    """A network that adds up the weights of its edges, of which 0.4 of 0.6 lie on the best path."""
    values = torch.tensor([[0.3, 0.1, 0.2]])
    given = Given(
        "edges", values, torch.zeros(1, 3), "none", ["e(a, b)", "e(b, c)", "e(a, d)"], [(0, 1), (1, 2), (0, 3)], 0
    )
    question = Question("net", torch.nn.Identity(), (given,), lambda weights: 0.1 + weights.sum(dim=1))
    found = carried(question, given, values[0].double(), 0.7, 0.1)
    assert [path for path, _, _ in found] == ["e(a, b), e(b, c)", "e(a, d)"]
    assert [n for _, *rest in found for n in rest] == pytest.approx([0.4, 4 / 6, 0.2, 1.0])
    against = carried(question, given, -values[0].double(), 0.1, 0.7)
    assert [path for path, _, _ in against] == ["e(a, b), e(b, c)", "e(a, d)"]
    assert carried(question, given, values[0].double(), 0.1, 0.1) == ()


# --------------------------------------------------------------------------------------------- what is told


def test_the_views_and_the_json_tell_it():
    why = ill(Linear().eval())
    text = " ".join(str(why).split())
    assert "by its input, from 47.5% to 81.8%, against the mean of all 3 rows of p: x 1: +" in text
    assert any("net ran again" in w for w in why.warnings)
    data = json.loads(why.to_json())
    (stored,) = [n["neural"]["attribution"] for n in data["nodes"].values() if n["neural"]]
    assert stored["columns"][0][0] == "x" and stored["gap"] == pytest.approx(0, abs=1e-5)
    html = why.to_html()
    Page(html).check()
    assert "Where in its input that comes from" in html


@pytest.mark.parametrize("text", NASTY)
def test_hostile_strings_are_escaped(text: str):
    for why in (ill(Linear().eval(), contributions="shapley"), note(Reader(), torch.tensor([[1, 2, 3, 5, 7]]))):
        page = Page(poison(why, text).to_html())
        page.check()
        assert text in page.text


def test_without_captum_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(ExplanationError) as error:
        ill(Linear().eval())
    assert error.value.code == "NS840" and "neurosym-logic[explain]" in error.value.help


def test_what_is_missing_and_categories_have_no_share() -> None:
    """The columns of numbers that are there add up to the difference; the others are in both."""
    torch.manual_seed(0)
    rows = torch.tensor([[2.0, math.nan, 1.0], [0.0, 3.0, 0.0], [1.0, math.nan, 1.0]])
    table = FeatureTable(["p1", "p2", "p3"], rows, ["x", "y", "z"], True, {"z": ["no", "yes"]})
    network = TableNet.of_table(table, hidden=(8,))
    program = ns.Program.from_text("neural sick(p: symbol) by net .\npatient(p1). ill(P) :- patient(P), sick(P).")
    reasoner = ns.Reasoner(program, None, {"net": network}, {"symbol": table})
    found = attribution(ns.explain(reasoner.query("ill(P)"), "ill(p1)", attributions=True))
    assert [c[0] for c in found.columns] == ["x"]
    assert total(found) == pytest.approx(found.probability - found.baseline_probability, abs=2e-3)
    base = torch.sigmoid(network.eval()(torch.tensor([[1.0, math.nan, 1.0]])))  # the mean of x
    assert found.baseline_probability == pytest.approx(base.item(), abs=1e-6)
