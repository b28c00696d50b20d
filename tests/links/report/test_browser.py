"""The pages of links and classes in a real browser: desk, phone and paper, light and dark, by keyboard."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from neurosym.links.reasons import PathReason
from neurosym.links.report import reasons_html, write_reasons
from tests.explain.chromium import Tab
from tests.explain.pages import OUT_OF_ITS_BOX, OVERFLOWING, PAYLOADS, SIZES, poison, violations
from tests.links.samples import a_class, a_link


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    link = a_link()
    node = f"http://x.example/{'n' * 80}"
    chain = tuple((f"{node}{k}", "r" * 60, f"{node}{k + 1}") for k in range(9))
    long = replace(
        link, labels=dict.fromkeys(link.labels, "W" * 90), notes=("w" * 150,), remark="v" * 150,
        paths=(*link.paths, PathReason(chain, 0.5, 1.0, f"ASK {{ <{'x' * 200}> }}")),
    )  # fmt: skip
    texts = {"link": reasons_html(link), "class": reasons_html(a_class()), "long": reasons_html(long)}
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, "utf-8")
    index = write_reasons(folder / "batch", [link, a_class(), long], "Predictions", "A list of three.")
    return {"index": index, **{name: folder / f"{name}.html" for name in texts}}


NAMES = ("link", "class", "long", "index")


@pytest.mark.parametrize("name", NAMES)
def test_a_page_asks_for_nothing_and_stays_within_the_window(tab: Tab, pages: dict[str, Path], name: str) -> None:
    for width in SIZES.values():
        tab.open(pages[name], width)
        tab.run("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert tab.problems == []
        assert tab.requests == [pages[name].as_uri()]
        assert tab.run("document.documentElement.scrollWidth <= innerWidth"), width
        assert tab.run(OVERFLOWING) == []
    assert tab.run(OUT_OF_ITS_BOX) == []
    assert tab.run("document.querySelectorAll('script').length") == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing(tab: Tab, pages: dict[str, Path], axe: str, name: str, size: str, dark: bool) -> None:
    tab.open(pages[name], SIZES[size], dark=dark)
    assert tab.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every(c => c < 60)") is dark
    tab.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert violations(tab, axe) == []


def test_it_is_read_by_keyboard_and_without_a_script(tab: Tab, pages: dict[str, Path]) -> None:
    tab.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(pages["link"])
        tab.press("Tab")
        assert tab.run("document.activeElement.className") == "skip"
        for _ in range(40):
            tab.press("Tab")
            if tab.run("document.activeElement.matches('details.more > summary')"):
                break
        query = "document.querySelector('details.more pre').checkVisibility()"
        assert not tab.run(query)
        tab.press("Enter")
        assert tab.run(query)
    finally:
        tab.send("Emulation.setScriptExecutionDisabled", value=False)


def test_links_of_the_page_lead_to_its_parts_and_paper_shows_all(tab: Tab, pages: dict[str, Path]) -> None:
    for name in ("link", "class"):
        tab.open(pages[name])
        targets = "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => document.querySelector(a.hash))"
        assert tab.run(f"{targets}.every(e => e && e.checkVisibility())")
        tab.look(1280, 900, media="print")
        assert tab.run("[...document.querySelectorAll('pre')].every(e => e.checkVisibility())")
        assert tab.run("getComputedStyle(document.querySelector('nav.parts')).display") == "none"


def test_the_index_leads_to_the_pages(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["index"])
    tab.run("document.querySelector('#predictions a').focus()")
    tab.press("Enter")
    end = time.monotonic() + 10
    while tab.run("document.title") != "Cortisone treats asthma" and time.monotonic() < end:
        time.sleep(0.05)
    assert tab.run("document.querySelector('h1').innerText") == "Cortisone treats asthma."
    assert tab.problems == []


@pytest.mark.parametrize("text", PAYLOADS)
def test_hostile_strings_render_as_text_and_run_nothing(tab: Tab, tmp_path: Path, text: str) -> None:
    hostile = [replace(poison(why, text), labels={text: text}) for why in (a_link(), a_class())]
    index = write_reasons(tmp_path / "out", hostile, text, text)
    for path in (index, *index.parent.glob("0*.html")):
        tab.open(path)
        tab.run("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert tab.run("typeof window.hacked") == "undefined"
        assert tab.problems == [] and tab.requests == [path.as_uri()]
        assert text in tab.run("document.body.textContent")
        assert tab.run("document.querySelectorAll('iframe, img, [onload], [onerror], script').length") == 0
