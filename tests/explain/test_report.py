"""The pages: whole, readable without a script, and safe whatever the data holds."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neurosym.errors import ExplanationError
from neurosym.explain.model import Explanation
from neurosym.explain.report import batch_html, explanation_html, write_batch, write_page
from neurosym.explain.report.batch import page_name
from neurosym.explain.report.graph import draw
from neurosym.explain.report.layout import crossings
from neurosym.explain.report.safe import image_source
from tests.explain.pages import NASTY, Page, poison
from tests.explain.samples import addition, diagnosis


@pytest.mark.parametrize("sample", [diagnosis, addition])
def test_a_page_is_whole_and_safe(sample: Any):
    html = explanation_html(sample())
    page = Page(html)
    page.check()
    assert "default-src 'none'" in html
    assert "http" not in re.sub(r'http-equiv="|https?-equiv', "", html)
    words = " ".join(page.text.split())
    for part in ("Main reason:", "Why", "Evidence", "What each rule and each piece of evidence adds", "need not add up",
                 "Proof graph", "Other reasons", "Rules and method", "SHA-256"):  # fmt: skip
        assert part in words


def test_what_the_diagnosis_page_tells():
    words = " ".join(Page(explanation_html(diagnosis())).text.split())
    for part in (
        "Mass 214 is malignant.", "94.1%", "Mass 214 has large nuclei and an irregular outline, and no benign pattern.",
        "radius_worst 24.99 µm cut-off 16.8, slope 1.9", "no previous biopsy of mass 214 was benign", "+24.0", "−0.4",
        "weight 0.934, learned (was 0.900)", "source: ACR BI-RADS Atlas", "tumour.rules:14", "3 of 7 proofs are shown",
        "m214 – tissue type – m88",
    ):  # fmt: skip
        assert part in words


@pytest.mark.parametrize("text", NASTY)
def test_hostile_strings_in_every_field(text: str):
    html = explanation_html(poison(diagnosis(), text))
    page = Page(html)
    page.check()
    assert text in page.text
    harmless = Page(explanation_html(poison(diagnosis(), "harmless")))
    # the lines of a box's text aside, which depend on its length
    assert [t for t, _ in page.tags if t != "text"] == [t for t, _ in harmless.tags if t != "text"]
    Page(explanation_html(replace(diagnosis(), claim=poison(diagnosis().claim, text)))).check()
    texts = dict.fromkeys(("atom", "label", "main_reason", "href"), text)
    rows = [texts | {"probability": 0.6, "truth": True, "rules": [text]}]
    page = Page(batch_html(rows, text, text, [text, "b"]))
    page.check(scripts=1)
    assert text in page.text


def test_hostile_kinds_and_ids_are_escaped_too():
    sample = diagnosis()
    nodes = {k: replace(n, kind=NASTY[1], id=n.id) for k, n in sample.nodes.items()}  # type: ignore[arg-type]
    page = Page(explanation_html(replace(sample, nodes=nodes)))
    assert not page.all("img")


@pytest.mark.parametrize(
    "uri",
    [
        "http://evil.example/x.png", "//evil.example/x.png", "javascript:alert(1)",
        "data:text/html;base64,PHNjcmlwdD4=", "data:image/svg+xml;base64,PHN2Zz4=",
        'data:image/png;base64,AAAA" onerror="x', "data:image/png;base64,AAAA",
        "data:image/png;base64,iVBORw0KGgo=\n", "DATA:image/png;base64,iVBORw0KGgo=", "",
    ],
)  # fmt: skip
def test_other_images_are_dropped(uri: str):
    assert image_source(uri) == ""
    sample = addition()
    nodes = {k: replace(n, neural=replace(n.neural, image=uri)) if n.neural else n for k, n in sample.nodes.items()}
    assert not Page(explanation_html(replace(sample, nodes=nodes))).all("img")


def test_images_are_shown():
    images = Page(explanation_html(addition())).all("img")
    assert len(images) == 4
    assert all(str(a["alt"]).startswith("The input that the network saw") for a in images)


def test_hidden_characters_are_made_visible(tmp_path: Path):
    sample = addition()
    html = explanation_html(replace(sample, claim=replace(sample.claim, label="a\x00\x1b\u202eb\ud800")))
    assert not set(html) & {"\x00", "\x1b", "\u202e", "\ud800"}
    write_page(tmp_path / "p.html", html)


@pytest.mark.parametrize("part", ["proofs", "contributions", "rules", "warnings"])
def test_parts_may_be_missing(part: str):
    empty: dict[str, Any] = {part: ()}
    if part == "rules":
        empty["steps"] = tuple(replace(s, rule=99) for s in diagnosis().steps)
    Page(explanation_html(replace(diagnosis(), **empty))).check()
    nothing = replace(diagnosis(), proofs=(), nodes={}, steps=(), rules=(), contributions=(), warnings=())
    Page(explanation_html(nothing)).check()


def test_many_contributions_are_folded():
    leaf = diagnosis().contributions[-1]
    many = tuple(replace(leaf, name=f"finding {k}", difference=-k / 100) for k in range(40, 0, -1))
    page = Page(explanation_html(replace(diagnosis(), contributions=many)))
    page.check()
    words = " ".join(page.text.split())
    assert "28 further ones, which add less" in words
    assert all(f"finding {k} " in words for k in range(1, 41))
    assert words.index("finding 29 ") < words.index("28 further ones") < words.index("finding 28 ")


@pytest.mark.parametrize("size", [3, 12, 40])
def test_the_graph_has_no_overlaps(size: int):
    drawing = draw(wide(size))
    assert drawing is not None
    boxes = drawing.first.shapes
    for k, a in enumerate(boxes):
        assert a.x >= 0 and a.x + a.width <= drawing.first.width
        assert a.y >= 0 and a.y + a.height <= drawing.first.height
        for b in boxes[k + 1 :]:
            apart = a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
            assert apart, (a.id, b.id)
    assert drawing.first.width < 1400


def wide(leaves: int) -> Explanation:
    """A claim that rests on many leaves."""
    sample = addition()
    leaf = sample.nodes["n1"]
    nodes = {"n0": sample.nodes["n0"]} | {
        f"l{k}": replace(leaf, id=f"l{k}", label="a leaf " * 20) for k in range(leaves)
    }
    step = replace(sample.steps[0], body=tuple(f"l{k}" for k in range(leaves)))
    return replace(sample, nodes=nodes, steps=(step,), proofs=(replace(sample.proofs[0], steps=(0,)),))


def test_the_graph_of_proofs_that_use_facts_in_opposite_orders():
    sample = addition()
    node, step, proof = sample.nodes["n0"], sample.steps[0], sample.proofs[0]
    nodes = {name: replace(node, id=name, atom=name) for name in "cab"} | {"l": replace(sample.nodes["n1"], id="l")}
    links = [("c", "a"), ("a", "b"), ("b", "l"), ("c", "b"), ("b", "a"), ("a", "l")]
    steps = tuple(replace(step, node=head, body=(body,)) for head, body in links)
    proofs = (replace(proof, root="c", steps=(0, 1, 2)), replace(proof, root="c", steps=(3, 4, 5)))
    drawing = draw(replace(sample, nodes=nodes, steps=steps, proofs=proofs))
    assert drawing is not None
    assert {s.id for s in drawing.first.shapes if s.caption} == {"c", "a", "b", "l"}
    assert crossings([drawing.first.shapes]) == 0


# ------------------------------------------------------------------------------------------------------- files


def test_writing_is_complete_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "p.html"
    write_page(path, "old")

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ExplanationError, match="No space left") as error:
        write_page(path, "new")
    assert error.value.code == "NS830"
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["p.html"]


def test_a_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(ExplanationError, match="cannot be written"):
        write_page(tmp_path / "no" / "p.html", "x")


def test_the_model_writes_its_page(tmp_path: Path):
    page = addition().to_html(str(tmp_path / "p.html"))
    assert (tmp_path / "p.html").read_text("utf-8") == page == explanation_html(addition())


@pytest.mark.parametrize("atom", ["../../etc/passwd", "a/b\\c", "", "CON", "x" * 500, "p(\x00)", "ö(ä)", ".", "\ud800"])
def test_page_names_are_safe(atom: str):
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,80}\.html", page_name(atom))


def test_page_names_are_unique():
    taken: set[str] = set()
    for atom in ["p(a)", "P(a)", "p(a)", "p-a", "p[a]"]:
        name = page_name(atom, taken)
        assert name not in taken
        taken.add(name)


def test_a_batch(tmp_path: Path):
    sample = diagnosis()
    cases = []
    for k, (p, truth) in enumerate([(0.9, True), (0.8, False), (0.2, False), (0.4, True), (0.6, None)]):
        claim = replace(sample.claim, atom=f"malignant(../m{k})", label=f"mass {k}", probability=p)
        cases.append((replace(sample, claim=claim, proofs=sample.proofs[k % 3 :][:1]), truth))
    index = write_batch(tmp_path / "out", iter(cases), "Ward <4>", ["irregular_and_large", "never_used"], "A summary.")
    html = index.read_text("utf-8")
    page = Page(html)
    page.check(scripts=1)
    links = [str(a["href"]) for a in page.all("a") if str(a["href"]).endswith(".html")]
    assert len(links) == len(set(links)) == 5
    for link in links:
        Page((tmp_path / "out" / link).read_text("utf-8")).check()
    assert len(list((tmp_path / "out").iterdir())) == 6
    words = " ".join(page.text.split())
    assert "Ward <4>" in words and "A summary." in words
    assert "50.0% right, of 4 whose truth is known" in words
    assert "held true 1 1 held false 1 1" in words
    assert "irregular_and_large 2 2 0" in words
    assert "never_used in no shown proof" in words  # nobody counted: that it never fired would be too much said
    assert "Calibration curve" in words


def test_only_a_rule_without_an_instance_never_fired():
    row = {"atom": "a", "label": "a", "probability": 0.5, "truth": None, "main_reason": "", "href": "", "rules": ["r"]}
    firings = {"r": 3, "against": 2, "idle": 0}
    words = " ".join(Page(batch_html([row], "t", all_rules=["r", "against", "idle"], firings=firings)).text.split())
    assert "r 3 1" in words and "against 2 in no shown proof" in words and "idle never" in words


def test_the_script_of_the_index_is_the_one_that_the_policy_allows():
    html = batch_html([], "Nothing")
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)
    assert script is not None
    assert base64.b64encode(hashlib.sha256(script.group(1).encode()).digest()).decode() in html
    assert "&amp;" not in script.group(1)


def test_links_lead_nowhere_else():
    rows = [
        {"atom": "a", "label": "a", "probability": 0.5, "truth": None, "main_reason": "", "href": href, "rules": []}
        for href in ("javascript:alert(1)", "../x.html", "/x.html", "http://x/y.html", "ok.html")
    ]
    page = Page(batch_html(rows, "t"))
    assert [a["href"] for a in page.all("a") if not str(a["href"]).startswith("#")] == ["ok.html"]
