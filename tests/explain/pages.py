"""What the tests of all pages ask of them: whole, nothing loaded, accessible, and safe whatever the data holds."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

from tests.explain.chromium import Tab

PAYLOADS = [
    '<img src=x onerror="window.hacked=1">', "<script>window.hacked=1</script>", "javascript:window.hacked=1",
    "'\"></title></style></svg><svg onload=window.hacked=1>",
    "--></details><iframe srcdoc='<script>parent.hacked=1</script>'>",
    "{{ 7 * 7 }}{% raw %}&lt;b&gt;&#60;script&#62;",
]  # fmt: skip
SIZES = {"desk": 1280, "phone": 380}
# scripts that find what should not be: elements beyond the window, texts beyond the boxes of a drawing
OVERFLOWING = """[...document.querySelectorAll('main *, header *')]
    .filter(e => !e.closest('svg, .hidden, .graph, pre'))
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"""
OUT_OF_ITS_BOX = """[...document.querySelectorAll('.graph g[class^=k-]')].flatMap(g => {
    const box = g.querySelector('.box').getBBox();
    return [...g.querySelectorAll('text')].filter(t => { const b = t.getBBox();
        return b.x < box.x || b.x + b.width > box.x + box.width + .5 || b.y + b.height > box.y + box.height + 1 })
        .map(t => t.textContent) })"""
VOID = {"meta", "img", "input", "br", "link", "hr"}
NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "</title></style></svg><script>x()</script>",
    "{{ 7 * 7 }}{% include 'x' %}",
    "<!-- -->]]>&lt;b&gt;",
]


class Page(HTMLParser):
    """Collects tags, attributes and text, and checks that tags nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), "an attribute twice"
        self.tags.append((tag, dict(attrs)))
        self.text += " "
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in tags]

    def check(self, scripts: int = 0) -> None:
        """No script but our own, no event handler, nothing that is loaded, and what accessibility needs."""
        assert len(self.all("script")) == scripts
        ids = [a["id"] for _, a in self.tags if "id" in a]
        assert len(ids) == len(set(ids))
        for tag, attrs in self.tags:
            assert tag not in ("iframe", "object", "embed", "link", "base", "form", "use", "foreignobject")
            for name, value in attrs.items():
                assert not name.startswith("on")
                assert name != "style"
                if name == "href":
                    assert value is not None
                    assert re.fullmatch(r"#[a-z0-9-]+|[A-Za-z0-9][A-Za-z0-9._-]*\.html", value), value
                if name == "src":
                    assert value is not None and value.startswith("data:image/png;base64,")
                if name in ("aria-labelledby", "aria-describedby"):
                    assert value is not None and set(value.split()) <= set(ids)
        assert self.all("html")[0]["lang"] == "en"
        assert all("alt" in a for a in self.all("img"))
        for landmark in ("header", "nav", "main", "footer", "h1"):
            assert len(self.all(landmark)) == 1
        levels = [int(tag[1]) for tag, _ in self.tags if re.fullmatch("h[1-6]", tag)]
        assert all(b <= a + 1 for a, b in pairwise(levels))


def poison(value: Any, text: str) -> Any:
    """The value with every string in it replaced, kinds and links between parts aside."""
    keep = {"kind", "id", "node", "body", "root", "reference", "semantics", "format"}
    if isinstance(value, str):
        return text
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{f.name: poison(getattr(value, f.name), text) for f in fields(value) if f.name not in keep}
        )
    if isinstance(value, tuple):
        return tuple(poison(v, text) for v in value)
    if isinstance(value, dict):
        return {k: poison(v, text) for k, v in value.items()}
    return value


def violations(tab: Tab, axe: str) -> list[Any]:
    """What axe-core minds about the page in a tab."""
    tab.run(axe + "; 0")
    tell = "v => [v.id, v.nodes.slice(0, 3).map(n => n.html + n.failureSummary)]"
    return tab.run(f"axe.run({{resultTypes: ['violations']}}).then(r => r.violations.map({tell}))")
