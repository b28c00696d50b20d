"""Makes the pictures of reports in docs/_static: `python -m docs.screenshots`, from the repository's root.

They show a fixed explanation, so that they change with the pages and with nothing else. Needs Chromium.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from neurosym.explain.model import Explanation
from neurosym.explain.report import explanation_html, write_batch
from neurosym.explain.verification import checked
from tests.explain.chromium import Tab, chromium, find_chromium
from tests.explain.samples import diagnosis

STATIC = Path(__file__).parent / "_static"
MOST = 200_000  # bytes of a picture


def ward() -> Iterator[tuple[Explanation, bool | None]]:
    """Forty masses with the reasons of the one sample, each its own selection of proofs, and outcomes to match."""
    sample, draw = diagnosis(), random.Random(4)
    for number in range(201, 241):
        p = draw.betavariate(0.7, 0.7)
        claim = replace(
            sample.claim, atom=f"malignant(ex:m{number})", label=f"mass {number} is malignant",
            probability=p, lower=p, upper=p,
        )  # fmt: skip
        proofs = sample.proofs[draw.randrange(3) :][:2]
        certificate = replace(
            sample.certificate, value=p, choices=[sample.certificate.choices[0] | {"probabilities": [p]}]
        )  # fmt: skip
        mass = f"mass {number}"
        nodes = {k: replace(n, label=n.label.replace("mass 214", mass)) for k, n in sample.nodes.items()}
        steps = tuple(replace(s, because=s.because.replace("mass 214", mass)) for s in sample.steps)
        explanation = replace(
            sample, claim=claim, proofs=proofs, certificate=certificate, nodes=nodes, steps=steps
        )  # fmt: skip
        yield checked(explanation)[0], None if number % 9 == 0 else draw.random() < p


def main() -> int:
    """Write the pictures; the exit code."""
    program = find_chromium()
    if program is None:
        print("no Chromium on this machine", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name, chromium(program, Path(name, "profile")) as browser:
        folder = Path(name)
        page = folder / "report.html"
        page.write_text(explanation_html(checked(diagnosis())[0]), "utf-8")
        rules = [rule.name for rule in diagnosis().rules] + ["benign_history"]
        index = write_batch(
            folder / "batch", ward(), "Ward 4: forty masses", rules, "Made by the rules in tumour.rules."
        )
        tab = browser.tab()
        take(tab, page, "report-desktop.png", 1100, 1280)
        take(tab, page, "report-graph.png", 1180, 900, at="#graph")
        take(tab, page, "report-phone.png", 400, 1300)
        take(tab, index, "batch.png", 1180, 1000)
    return 0


def take(tab: Tab, page: Path, name: str, width: int, height: int, at: str = "") -> None:
    """A picture of the top of a page, or of what begins at an element."""
    tab.open(page, width, height)
    if at:
        tab.run(f"document.querySelectorAll('header, nav, footer').forEach(e => e.remove()); "
                f"document.querySelectorAll('main > section:not({at})').forEach(e => e.remove())")  # fmt: skip
        height = tab.run("document.documentElement.scrollHeight")
    data = tab.picture(height)
    assert len(data) <= MOST, f"{name} has {len(data):,} bytes"
    (STATIC / name).write_bytes(data)
    print(f"{name}: {len(data):,} bytes")


if __name__ == "__main__":
    sys.exit(main())
