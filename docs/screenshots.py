"""Makes the pictures of reports in docs/_static: `python -m docs.screenshots`, from the repository's root.

They show patients of the diagnosis task whom the model has never seen, and a sample of a predicted link that the tests
use; they change with the pages, the task and nothing else. Needs Chromium and scikit-learn; trains one fold.
`python -m docs.screenshots links` makes those of the link alone.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import neurosym as ns
from neurosym.explain.firings import rule_firings
from neurosym.explain.model import Explanation
from neurosym.explain.report import explanation_html, write_batch
from neurosym.links.report import reasons_html
from tasks.diagnosis.data import folds, load_ward
from tasks.diagnosis.model import Recipe
from tasks.diagnosis.run import train
from tests.explain.chromium import Tab, chromium, find_chromium
from tests.links.samples import a_link

MEMBERS = 40  # of the batch
STATIC = Path(__file__).parent / "_static"
MOST = 250_000  # bytes of a picture


def patients() -> tuple[list[tuple[Explanation, bool | None]], int, list[str], dict[str, int]]:
    """Forty explained test patients of the last fold, which of them is shown, the rules' names and their firings."""
    ward = load_ward()
    *_, fold = folds(ward)
    trained = train(ward, fold, Recipe(), 0, {})
    answers, truth = trained.answers, ward.malignant[trained.test].tolist()
    # the malignant prediction nearest to 0.9: sure enough to be typical, open enough to be worth reading
    chosen = int((answers.tags[0] - 0.9).abs().argmin())
    order = answers.tags[0].argsort(descending=True).tolist()
    shown = sorted({chosen, *order[:: len(order) // MEMBERS][:MEMBERS]})
    explained = [(ns.explain(answers, answers.atoms[k]).checked(), truth[k]) for k in shown]
    rules = [r.label for r in trained.reasoner.program.rules if not r.is_fact]
    return explained, shown.index(chosen), rules, rule_firings(answers)


def main() -> int:
    """Write the pictures; the exit code."""
    program = find_chromium()
    if program is None:
        print("no Chromium on this machine", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name, chromium(program, Path(name, "profile")) as browser:
        page = Path(name) / "link.html"
        page.write_text(reasons_html(a_link()), "utf-8")
        tab = browser.tab()
        take(tab, page, "link-desktop.png", 1100, 1280)
        take(tab, page, "link-phone.png", 400, 1300)
    if "links" in sys.argv[1:]:
        return 0
    explained, chosen, rules, firings = patients()
    assert all(e.verified for e, _ in explained), "what the documentation shows verifies"
    with tempfile.TemporaryDirectory() as name, chromium(program, Path(name, "profile")) as browser:
        folder = Path(name)
        page = folder / "report.html"
        page.write_text(explanation_html(explained[chosen][0]), "utf-8")
        title = "Diagnosis: test patients of the last fold"
        index = write_batch(folder / "batch", explained, title, rules, firings=firings)
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
