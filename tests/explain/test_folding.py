"""Large proofs: everything is in the page, folded where it is much, and drawings stay small enough to read."""

from __future__ import annotations

import re
import time
from collections import Counter

import pytest

from neurosym.explain.model import Explanation
from neurosym.explain.report import explanation_html
from neurosym.explain.report.branches import LINES, MAX_DEPTH, Branch, open_depth, proof_pieces
from neurosym.explain.report.fitting import shorten, width, wrap
from neurosym.explain.report.folding import BUDGET, LEVELS, SLACK, Folding
from neurosym.explain.report.graph import draw
from neurosym.explain.report.links import Links
from tests.explain.large import braid, deep, line, tree, wide
from tests.explain.test_report import Page

SHAPES = [tree, wide, line, braid, deep]


def folding(explanation: Explanation) -> Folding:
    return Folding(Links(explanation, explanation.proofs), explanation.proofs[0].root)


@pytest.mark.parametrize("size", [1, 3, 30, 300, 3000])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_fact_is_told_and_every_derived_one_once(shape, size: int) -> None:
    explanation = shape(size)
    found = folding(explanation)
    drawn = Counter(name for plan in found.plans() for name in plan.open)
    listed = Counter(row for part in found.parts for row in part.rows if found.owner.get(row) == part.number)
    derived = {s.node for s in explanation.steps}
    assert {n: c for n, c in (drawn + listed).items() if n in derived} == dict.fromkeys(derived, 1)
    shown = {n for plan in found.plans() for n in plan.shown}
    shown |= {b for part in found.parts for row in part.rows for b in (row, *found.links.below(row))}
    assert shown == set(explanation.nodes)
    assert [p.number for p in found.parts] == list(range(1, len(found.parts) + 1))
    # each part says how many facts are met in it first, those of the parts within included
    first = len(found.plan.shown) + sum(part.size for part in found.plan.parts.values())
    assert first == len(explanation.nodes)


@pytest.mark.parametrize("shape", SHAPES)
def test_drawings_stay_small_and_nothing_overlaps(shape) -> None:
    picture = draw(shape(300))
    assert picture is not None
    for drawing in picture.drawings:
        boxes = drawing.shapes
        assert sum(bool(s.caption) for s in boxes) <= BUDGET + SLACK
        assert drawing.width < 1500
        assert drawing.height < 420 * LEVELS
        for k, a in enumerate(boxes):
            assert a.x >= 0 and a.x + a.width <= drawing.width and a.y >= 0 and a.y + a.height <= drawing.height
            for b in boxes[k + 1 :]:
                apart = a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
                assert apart, (a.id, b.id)


def test_small_graphs_are_not_folded() -> None:
    for shape in (tree, wide):
        picture = draw(shape(30))
        assert picture is not None
        assert not picture.parts and picture.facts == picture.drawn == 30


def test_a_line_of_recursion_is_one_step() -> None:
    picture = draw(line(300))
    assert picture is not None
    assert [p.title for p in picture.parts] == [
        "148 steps in a row, from “fact number 2 holds for patient 2” to “fact number 296 holds for patient 7”"
    ]
    assert len(picture.parts[0].rows) == 148
    assert {s.id for s in picture.first.shapes if s.caption} == {"f0", "f1", "f2", "part:1", "f298", "f299"}


@pytest.mark.parametrize("shape", [line, braid, deep])
def test_a_depth_of_five_thousand(shape) -> None:
    explanation = shape(10_000 if shape is not deep else 5_000)
    start = time.perf_counter()
    html = explanation_html(explanation)
    assert time.perf_counter() - start < 60
    shown = re.sub("<title>.*?</title>", "", html)  # what is said by pointing at something is out of reach for many
    numbers = {int(k) for k in re.findall(r"fact number (\d+) holds", shown)}
    assert numbers == set(range(len(explanation.nodes)))
    assert nesting(html) < 200  # browsers give up at 512


@pytest.mark.parametrize("shape", SHAPES)
def test_pages_of_folded_proofs_are_whole_and_their_links_lead_somewhere(shape) -> None:
    page = Page(explanation_html(shape(400)))
    page.check()
    ids = {a["id"] for _, a in page.tags if "id" in a}
    assert {str(a["href"])[1:] for a in page.all("a")} <= ids


def nesting(html: str) -> int:
    """How many lists and folded parts lie within one another."""
    deepest = now = 0
    for piece in html.split("<"):
        if piece.startswith(("ul", "li", "ol", "details", "div", "section", "main", "svg", "g ", "a ")):
            now += 1
            deepest = max(deepest, now)
        elif piece.startswith(("/ul", "/li", "/ol", "/details", "/div", "/section", "/main", "/svg", "/g>", "/a>")):
            now -= 1
    return deepest


@pytest.mark.parametrize(("shape", "kilobytes"), [(tree, 6_000), (wide, 2_500), (line, 2_500), (braid, 9_000)])
def test_three_thousand_facts_make_a_page_of_some_megabytes(shape, kilobytes: int) -> None:
    start = time.perf_counter()
    assert len(explanation_html(shape(3000))) < 1000 * kilobytes
    assert time.perf_counter() - start < 30


@pytest.mark.parametrize("shape", SHAPES)
def test_proofs_in_pieces(shape) -> None:
    explanation = shape(300)
    pieces = proof_pieces(explanation, explanation.proofs[0])
    told: Counter[str] = Counter()

    def walk(branch: Branch, depth: int) -> None:
        assert depth <= MAX_DEPTH + 1
        if branch.row:
            told.update(b.node.id for b in branch.row)
            for step in branch.row:
                for side in step.children:
                    walk(side, depth)
        elif not branch.again and not branch.piece:
            told[branch.node.id] += 1
        if branch.piece:
            assert pieces[branch.piece].node.id == branch.node.id
        for child in branch.children:
            walk(child, depth + 1)

    for piece in pieces:
        walk(piece, 0)
    assert set(told) == set(explanation.nodes)
    assert all(told[s.node] == 1 for s in explanation.steps)


def test_what_is_unfolded_of_a_proof_fits_on_a_screen() -> None:
    big, small = (proof_pieces(e, e.proofs[0])[0] for e in (tree(300), tree(10)))
    assert open_depth(big) == 2 and 1 + 3 + 9 <= LINES < 1 + 3 + 9 + 27
    assert open_depth(small) > 2
    everything = proof_pieces(wide(300), wide(300).proofs[0])[0]
    assert open_depth(everything) >= 1


# -------------------------------------------------------------------------------------------------------- text


@pytest.mark.parametrize(
    "text", ["W" * 90, "i" * 90, "a long sentence of many short words that goes on", "漢字" * 40, "a/b" * 30]
)
def test_lines_fit(text: str) -> None:
    lines = wrap(text, 148, 12)
    assert len(lines) <= 3 and all(width(part, 12) <= 148 for part in lines)
    whole = "".join(lines).replace(" ", "")
    assert text.replace(" ", "").startswith(whole.removesuffix("…"))
    assert whole.endswith("…") or whole == text.replace(" ", "")


def test_lines_break_between_words() -> None:
    assert wrap("mass 214 shows an irregular outline", 148, 12) == ["mass 214 shows an", "irregular outline"]
    assert wrap("", 148, 12) == [""]
    assert shorten("short", 100, 12) == "short"
