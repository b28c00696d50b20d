"""Pages of links and classes: whole, safe, and saying what the explanation says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurosym.errors import ExplanationError
from neurosym.explain.report.picture import Drawing
from neurosym.facts import FactBase
from neurosym.links.calibration import Reliability, calibrate
from neurosym.links.classes import ClassExplanation, class_graph, explain_class
from neurosym.links.evaluation import KnownAnswers
from neurosym.links.explain import explain_link
from neurosym.links.network.reach import Adjacency
from neurosym.links.reading import from_facts
from neurosym.links.reasons import EdgeEffect, KindReason, LinkExplanation, PathReason
from neurosym.links.report import Reasons, Words, claim_of, main_reason, reasons_html, write_reasons
from neurosym.links.report.picture import draw, levels
from neurosym.links.report.sections import sections
from neurosym.neural.encoders import RGCNEncoder
from tests.explain.pages import NASTY, Page, poison
from tests.links.samples import (
    CLASSES,
    a_class,
    a_link,
    groups,
    kin,
    known_labels,
    learned_classes,
    learned_links,
    loaded,
)


def told(why: Reasons) -> str:
    return " ".join(Page(reasons_html(why)).text.split())


@pytest.mark.parametrize("why", [a_link(), a_class()], ids=["link", "class"])
def test_a_page_is_whole_and_safe(why: Reasons) -> None:
    html = reasons_html(why)
    Page(html).check()
    assert "default-src 'none'" in html and why.to_html() == html


def test_what_the_page_of_a_link_tells() -> None:
    words = told(a_link())
    for part in (
        "Cortisone treats asthma.", "12.5%", "calibrated probability; score 3.500, rank 2 of 136",
        "Main reason: Cortisone binds NR3C1; asthma associates NR3C1.", "Right: Kept from learning.",
        "Not for use on patients.", "rules that derive it +2.750", "the answer by itself −0.250", "score 3.500",
        "treats(X, Y) <= binds(X, A), associates(Y, A)", "mined: it holds for 12 of 40 pairs; confidence 0.267",
        "score without these edges: 1.500", "expert rule similar", "ASK { <http://data.example/node/DB1>",
        "Everything else in this part +0.125", "Cortisone itself.", "Asthma is the subject of 120 edges",
        "Hydrocortisone treats asthma cited by 1 reason; score without it: 3.750 +0.250", "restore 96% of this part",
        "The edges that the reasons cite.", "http://data.example/rel#treats", "neurosym-link/1",
    ):  # fmt: skip
        assert part in words, part


def test_what_the_page_of_a_class_tells() -> None:
    words = told(a_class())
    for part in (
        "Ann Example – in – Group Red.", "55.0%", "probability among 3 classes; score 1.250", "Wrong: It is blue.",
        "Main reason: Ann Example – works at – project 7.", "2 of the 9 edges in reach", "need not add up",
        "score without this edge: 0.500", "All classes", "green −2.000", "was not calibrated",
    ):  # fmt: skip
        assert part in words, part


def test_without_a_calibration_the_score_is_on_top_and_nothing_is_called_a_probability() -> None:
    words = told(replace(a_link(), probability=None, truth=None, remark="", candidates=0))
    assert "3.500 score, rank 2" in words and "robability" not in words and "Truth" not in words


def test_an_inverse_query_asks_for_the_head() -> None:
    why = replace(a_link(), inverse=True)
    assert (why.head, why.answer) == (why.query[2], why.query[0])
    assert "Asthma itself." in told(why) and "Asked for head" in told(why)


def test_a_page_says_that_an_edge_may_speak_against_a_link_only_where_messages_are_part_of_it() -> None:
    why = a_link()
    said = "the score is higher without it"
    both = told(replace(why, parts={**why.parts, "messages": 0.5}))
    assert said not in told(why) and said in both and "All of this part +0.500" in both


def test_what_nothing_joins_says_so() -> None:
    why = replace(a_link(), rules=(), paths=(), effects=(), parts={"prior": 1.0}, score=1.0)
    words = told(why)
    assert main_reason(why) == "" and "the score is what is known of each alone" in words and draw(why) is None
    assert "Everything else in this part +1.250" in words


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("why", [a_link(), a_class()], ids=["link", "class"])
def test_hostile_names_render_as_text(why: Reasons, text: str, tmp_path: Path) -> None:
    hostile = poison(why, text)
    # names are keys as well, and labels of what is mentioned; two kinds of names, with labels and without
    named = replace(hostile, labels={text: text})
    bare = replace(hostile, labels={}, **({"others": {text: 1.0, f"{text} 2": 0.0}} if hasattr(why, "others") else {}))
    for shown in (named, bare):
        page = Page(reasons_html(shown))
        page.check()
        assert text in page.text
    index = write_reasons(tmp_path / "out", [named, bare], text, text)
    page = Page(index.read_text("utf-8"))
    page.check()
    assert text in page.text and len(page.all("a")) == 2 + 2  # skip, the list, and two pages
    assert {p.suffix for p in (tmp_path / "out").iterdir()} == {".html", ".json"}


def test_a_batch(tmp_path: Path) -> None:
    link, other = (
        a_link(),
        replace(a_link(), claim="Cortisone may treat <b>asthma</b>", truth=None, remark="", rank=1.5),
    )
    index = write_reasons(tmp_path / "new" / "out", iter([link, other, a_class()]), "Ward <4>", "Three of them.")
    page = Page(index.read_text("utf-8"))
    page.check()
    words = " ".join(page.text.split())
    assert "Ward <4>" in words and "3 predictions 1 right, of 2 whose truth is known" in words
    assert "Cortisone may treat <b>asthma</b>." in words and "It is blue." in words
    links = [str(a["href"]) for a in page.all("a") if str(a["href"]).endswith(".html")]
    assert len(links) == len(set(links)) == 3 and links == sorted(links)
    for name, why in zip(links, (link, other, a_class()), strict=True):
        html = (index.parent / name).read_text("utf-8")
        Page(html).check()
        assert html == reasons_html(why)
        assert type(why).from_json((index.parent / name).with_suffix(".json").read_text("utf-8")) == why
    (tmp_path / "file").write_text("")
    with pytest.raises(ExplanationError) as fault:
        write_reasons(tmp_path / "file" / "x", [], "t")
    assert fault.value.code == "NS830"


# ------------------------------------------------------------------------------------------------------------- words


def test_what_probabilities_were_worth_elsewhere(tmp_path: Path) -> None:
    measured = Reliability((0.1, 0.7), (0.125, 0.25), (40, 30), 0.2)
    assert (measured.observed(0.9), measured.observed(0.2)) == (0.25, 0.125)
    assert Reliability((), (), (), 0.0).observed(0.5) is None
    why = replace(a_link(), observed=0.25)
    assert "calibrated probability, of such 25.0% were true elsewhere; score" in told(why)
    assert "(of such, 25% were true)" in str(why)
    index = Page(write_reasons(tmp_path, [why], "t").read_text("utf-8"))
    assert "of such 25.0% were true" in index.text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("works_at", "works at"), ("http://x.example/o#worksAtProject", "works at project"), ("CbG", "cb G"),
        ("urn:neurosym:relation:a%20b", "urn:neurosym:relation:a b"), ("/people/person/nationality",) * 2,
        ("http://x.example/", "x.example"), ("isDNA", "is DNA"),
    ],
)  # fmt: skip
def test_names_of_relations_in_words(name: str, shown: str) -> None:
    assert Words({}).relation(name) == shown
    assert Words({name: "a label"}).relation(name) == "a label"


def test_labels_are_in_the_language_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "g.ttl"
    path.write_text(
        '@prefix : <http://x.example/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n'
        ':a :knows :b . :a rdfs:label "Anna"@de, "Ann"@en . :knows rdfs:label "kennt"@de, "knows"@en .', "utf-8",
    )  # fmt: skip
    facts = FactBase.from_rdf(str(path))
    for language, sentence in (("de", "Anna kennt b"), ("en", "Ann knows b")):
        graph, _ = from_facts(facts, ["http://x.example/knows"], language=language)
        h, r, t = graph.triples[0]
        edge = graph.entities[h], graph.relations[r], graph.entities[t]
        assert Words(graph.labels).edge(edge) == sentence


# --------------------------------------------------------------------------------------------- sums, drawing, a model


def total(why: Reasons) -> float:
    """What the shares on the page add up to, as they are printed."""
    number = {s.id: [line.bar.shown for line in s.lines] + ([s.rest.shown] if s.rest else []) for s in sections(why)}
    number.pop("encoder", None)
    return sum(float(x.replace("−", "-").replace("±", "")) for some in number.values() for x in some)


def test_shares_sum_to_the_score_whatever_is_left_out() -> None:
    graph = kin()
    model, adjacency = learned_links(graph), Adjacency.of(graph)
    known = KnownAnswers([graph.triples], 3)
    calibration = calibrate(model, adjacency, graph.triples[-3:], KnownAnswers([graph.triples[:-3]], 3))
    for most in (1, 50):
        why = explain_link(
            model, graph, adjacency, 4, 2, 15, most, most, most, known=known, calibration=calibration
        )  # fmt: skip
        shares = [*why.rules, *why.paths, *why.kinds]
        assert total(why) == pytest.approx(why.score, abs=0.0005 * (len(shares) + 4))
        assert why.candidates == 31 and why.probability is not None and 0 < why.probability < 1
        for reason in (*why.rules, *why.paths):
            assert loaded(graph).query(reason.sparql).askAnswer
        for rule in why.rules:
            assert 0 < rule.support <= rule.body_count and rule.text.startswith("body_") and rule.confidence
        for effect in why.effects:
            s, r, o = effect.edge
            less = graph.without([(graph.entity_ids[s], graph.relation_ids[r], graph.entity_ids[o])])
            with torch.no_grad():
                again = float(model(Adjacency.of(less), np.array([[4, 2]])).total[0, 15])
            assert effect.without == pytest.approx(again, abs=1e-5)
        assert LinkExplanation.from_dict(why.to_dict()) == why
        Page(why.to_html()).check()


def test_a_class_of_a_trained_model_is_told_and_replayed() -> None:
    task = class_graph(groups(), "in", CLASSES)
    known = known_labels(task)
    model = learned_classes(task, known, RGCNEncoder(len(task.graph.entities), len(task.graph.relations), 2, hidden=4))
    entity = task.graph.entity_ids["p9"]
    why = explain_class(model, task, known, entity)
    rdf = loaded(task.known(known.take(known.entities != entity)))
    assert why.rules and why.edges and why.effects and why.relation == "in"
    for reason in (*why.rules, *why.edges):
        assert rdf.query(reason.sparql).askAnswer
    cited = {e for r in why.rules for e in r.grounding}
    assert {e.edge for e in why.effects} <= cited
    assert ClassExplanation.from_json(why.to_json()) == why
    Page(why.to_html()).check()


def shapes(found: tuple[Drawing, int] | None) -> list[Any]:
    assert found is not None
    return found[0].shapes


def test_the_drawing_holds_the_cited_edges_between_head_and_answer() -> None:
    why = a_link()
    found = shapes(draw(why))
    boxes = {s.text: s for s in found if s.caption}
    assert set(boxes) == {"Cortisone", "NR3C1", "Hydrocortisone", "asthma"}
    assert boxes["Cortisone"].y == min(s.y for s in found) and boxes["asthma"].y == max(s.y for s in found)
    labels = sorted(s.lines[0] for s in found if not s.caption)
    assert labels == ["associates ↑", "binds ↓", "resembles much ↑", "treats ↓", "treats ↓, predicted"]
    drawing = draw(why, budget=2)
    assert drawing is not None and drawing[1] == 2
    many = replace(why, paths=(PathReason(_chain(12), 9.0, 0.0),))
    assert "2 further edges of smaller reasons are left out" in told(many)


def _chain(length: int) -> tuple[tuple[str, str, str], ...]:
    return tuple((f"n{k}", "next", f"n{k + 1}") for k in range(length))


def test_edges_in_circles_are_drawn_without_one() -> None:
    edges = [("a", "r", "b"), ("b", "r", "c"), ("c", "r", "a"), ("c", "r", "z"), ("z", "r", "y"), ("u", "r", "v")]
    order = levels(edges, "a", "z")
    assert sorted(order.values()) == list(range(7))
    assert order["a"] == 0 and order["a"] < order["b"] < order["z"] < order["y"] and order["c"] < order["z"]
    assert order["u"] > order["y"]
    path = PathReason((*edges, ("a", "r", "a")), 1.0, 0.0)
    looped = replace(a_link(), query=("a", "r", "a"), rules=(), paths=(path,))
    assert len([s for s in shapes(draw(looped)) if not s.caption]) == len(edges)


def test_long_and_odd_texts_are_kept_in_their_boxes() -> None:
    why = replace(
        a_link(), labels=dict.fromkeys(a_link().labels, "W" * 90), kinds=(KindReason("x" * 90, True, 1, 0.0),),
        effects=(EdgeEffect(("\u202eabc", "\x00", "d"), 1.0),),
    )  # fmt: skip
    html = reasons_html(why)
    assert "\u202e" not in html and "\x00" not in html
    assert not re.search(r"<text[^>]*>W{40}", html)
    assert claim_of(why).count("W") == 270
