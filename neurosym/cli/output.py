"""Standard output for answers, standard error for people. Text from data is text: neither markup nor control codes."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from neurosym.errors import Diagnostic

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NUMBERS = re.compile(r"(\d+)")


def printable(text: str) -> str:
    """The text with control characters as escapes, so that a literal in a data file cannot steer the terminal."""
    return _CONTROL.sub(lambda m: f"\\x{ord(m.group()):02x}", text)


def show(text: str) -> None:
    """Print a text on standard output."""
    print(printable(text))


def note(text: str) -> None:
    """Print a text on standard error."""
    print(printable(text), file=sys.stderr)


def show_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics on standard error in the layout of compilers, in colour on a terminal."""
    texts = [(d.severity, printable(d.render())) for d in diagnostics]
    if not sys.stderr.isatty():
        for _, text in texts:
            print(text, end="\n\n", file=sys.stderr)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for severity, text in texts:
        head, _, rest = text.partition("\n")
        label, _, message = head.partition(": ")
        shown = Text(label, "bold red" if severity == "error" else "bold yellow")
        shown.append(f": {message}", "bold")
        console.print(shown.append(f"\n{rest}\n" if rest else "\n", "default"))


def emit_json(payload: dict[str, Any]) -> None:
    """Print one JSON object; numbers in full precision, an infinite or undefined one as null."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(_finite(payload), indent=2, ensure_ascii=not utf8, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, list | tuple) else value


def natural(atom: str) -> list[tuple[bool, int | str]]:
    """A key that sorts atoms by name, and `p(2)` before `p(10)`."""
    return [(part.isdecimal(), int(part) if part.isdecimal() else part) for part in _NUMBERS.split(atom)]


def sorted_answers(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers of a JSON object, by atom."""
    return sorted(rows, key=lambda row: natural(row["atom"]))


def show_answers(rows: Sequence[dict[str, Any]]) -> None:
    """One line an answer, `atom: probability`, aligned."""
    width = max((len(printable(row["atom"])) for row in rows), default=0) + 1
    for row in rows:
        number = f"{row['probability']:.8g}"
        if row["method"] == "bounds":
            number = f"between {row['lower']:.8g} and {row['upper']:.8g} ({printable(row['detail'])})"
        print(f"{printable(row['atom']) + ':':<{width}} {number}")


def show_table(head: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[int] = (0,)) -> None:
    """A table on standard output: numbers to the right, columns of `left` to the left, the last one wrapped."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # a pipe has no width: then as wide as a page of this documentation
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 120)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for k, name in enumerate(head):
        side = "left" if k in left else "right"
        table.add_column(Text(name), justify=side, no_wrap=k < len(head) - 1, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)


@contextmanager
def working(quiet: bool) -> Iterator[Callable[[str], None] | None]:
    """Something to tell how far the grounding is: a line on standard error that goes when it is done.

    None if `quiet`, or where standard error is no terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    # Work of less than a second says nothing; standard output is left alone, for it may hold JSON.
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn(),
        console=Console(stderr=True), transient=True, redirect_stdout=False,
    )  # fmt: skip
    task = bar.add_task("grounding")
    done = False

    def tell(text: str) -> None:
        if not done:  # a reasoner that answered keeps it
            bar.start()
            bar.update(task, description=printable(text))

    try:
        yield tell
    finally:
        done = True
        bar.stop()


class Step(Protocol):
    """Called once for each piece of work that is done."""

    def __call__(self) -> None: ...  # noqa: D102


@contextmanager
def progress(title: str, total: int, quiet: bool) -> Iterator[Step]:
    """A progress bar on standard error; none if `quiet`, or where standard error is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(Text(title).plain.replace("[", r"\["), total=total)
        yield lambda: bar.advance(task)
