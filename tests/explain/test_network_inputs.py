"""What explanations show of the rows that networks saw: categories by name, what is missing, images of tables."""

from __future__ import annotations

import math

import torch

import neurosym as ns
from neurosym.explain.model import Neural
from neurosym.neural import DigitNet, Fusion, TableNet

RULES = "neural sick(p: symbol) by net .\npatient(p1). ill(P) :- patient(P), sick(P)."


def said(network: torch.nn.Module, table: ns.FeatureTable) -> Neural:
    model = ns.Reasoner(ns.Program.from_text(RULES), None, {"net": network}, {"symbol": table})
    why = ns.explain(model.query("ill(P)"), "ill(p1)")
    (found,) = [n.neural for n in why.nodes.values() if n.neural is not None]
    for shown in (found.inputs[k][1] for k in range(len(found.inputs))):
        assert shown in str(why) and shown in why.to_html()
    return found


def test_categories_and_missing_values() -> None:
    rows = torch.tensor([[41.5, math.nan, 1.0, 7.0]])
    table = ns.FeatureTable(["p1"], rows, ["age", "crp", "smokes", "ward"], True, {"smokes": "ab", "ward": ["w0"]})
    found = said(TableNet.of_table(table), table)
    assert found.inputs == (
        ("age", "41.5", ""),
        ("crp", "missing", ""),
        ("smokes", "b", ""),
        ("ward", "a category not seen in training", ""),
    )


def test_the_image_of_an_entity() -> None:
    images = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    found = said(DigitNet(8, 1), ns.FeatureTable(["p1"], images))
    assert found.image.startswith("data:image/png;base64,") and not found.inputs


def test_a_modality_that_is_missing() -> None:
    torch.manual_seed(0)
    images = ns.FeatureTable(["p2"], torch.rand(1, 1, 8, 8)).with_missing(["p1"])
    found = said(Fusion([DigitNet(8, 1)], prior=[0.3]), images)
    assert found.inputs == (("p", "missing", ""),) and not found.image
    program = ns.Program.from_text("neural sick(x: Image) by net .\nill(X) :- sick(X).")
    model = ns.Reasoner(program, networks={"net": Fusion([DigitNet(8, 1)], prior=[0.3])})
    why = ns.explain(model.query("ill(a)", inputs={"a": torch.full((1, 1, 8, 8), math.nan)}), "ill(a)")
    assert [n.neural.inputs for n in why.nodes.values() if n.neural is not None] == [(("x", "missing", ""),)]
