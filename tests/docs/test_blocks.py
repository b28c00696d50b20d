"""The code blocks of docs/ do what the pages say.

The blocks of a page run in its order: Python blocks share one namespace, files are written to a folder of the page's
own, and commands run there. A MyST comment in the line above a block, which readers of the built page do not see, says
what is special about it:

    % file: NAME         the block is a file; `% append: NAME` adds to it
    % output             what the Python block before it prints
    % excerpt: PATH      the block's lines stand in that file of the repository, in this order
    % not run: REASON    the block is left out

A `console` block holds commands after `$ ` and what they print (`…` stands for lines left out); commands of an `sh`
block only have to succeed.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

import neurosym as ns
from neurosym.cli import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted((DOCS / "how-to").glob("*.md")), *sorted((DOCS / "explanation").glob("*.md"))]
TUTORIAL = DOCS / "tutorial" / "diagnosis.md"
BLOCK = re.compile(
    r"(?:^(?P<lead> *)% (?P<mark>[^\n]*)\n)?^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    """A fenced block with the remark above it, and the line it begins in."""

    language: str
    mark: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    found = []
    for match in BLOCK.finditer(text):
        indent = len(match["indent"])
        body = "".join(line[indent:] if line.strip() else line for line in match["text"].splitlines(keepends=True))
        line = text.count("\n", 0, match.start("text"))
        found.append(Block(match["language"], (match["mark"] or "").strip(), body, line))
    return found


class Reader:
    """Someone who does what a page says."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.names: dict[str, object] = {"__name__": "__docs__"}
        self.printed = ""

    def follow(self, block: Block) -> None:
        kind, _, name = block.mark.partition(":")
        where = f"{self.page.relative_to(ROOT)}:{block.line}"
        match kind:
            case "not run":
                return
            case "file" | "append":
                self._write(self.folder / name.strip(), block.text, append=kind == "append")
            case "output":
                assert _alike(block.text, self.printed), f"{where}: printed was\n{self.printed}"
            case "excerpt":
                assert _within(block.text, (ROOT / name.strip()).read_text("utf-8")), f"{where}: not in {name}"
            case _ if block.language == "python":
                out = io.StringIO()
                with contextlib.redirect_stdout(out):
                    exec(compile("\n" * block.line + block.text, str(self.page), "exec"), self.names)
                self.printed = out.getvalue()
            case _ if block.language in ("sh", "console"):
                for command, expected in _commands(block):
                    status, printed = _run(command)
                    if block.language == "sh":
                        assert status == 0, f"{where}: `{command}` has status {status}\n{printed}"
                    else:
                        assert _alike(expected, printed), f"{where}: `{command}` printed\n{printed}"

    def _write(self, path: Path, text: str, append: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text("utf-8") + "\n" if append else ""
        path.write_text(before + text, "utf-8")


def _commands(block: Block) -> list[tuple[str, str]]:
    """Commands, each with what it prints."""
    if block.language == "sh":
        lines = [line.partition("  #")[0].strip() for line in block.text.splitlines()]
        return [(line, "") for line in lines if line]
    parts = re.split(r"^\$ (.*)$", block.text, flags=re.M)[1:]
    return [(command, text.strip("\n")) for command, text in zip(parts[::2], parts[1::2], strict=True)]


def _run(command: str) -> tuple[int, str]:
    """Runs one command of a page; only `neurosym` is known here."""
    words = shlex.split(command)
    assert words[0] == "neurosym", f"`{command}` is not run by this test: mark its block `% not run: …`"
    result = CliRunner().invoke(app, words[1:])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def _alike(expected: str, printed: str) -> bool:
    """Equal but for lines left out, spaces at the ends of lines, times, and line numbers of files that experts edit."""

    def plain(text: str) -> str:
        lines = [line.rstrip() for line in text.strip("\n").splitlines()]
        text = re.sub(r"\d{4}-\d\d-\d\dT[\d:+]+", "TIME", "\n".join(lines))
        return re.sub(r"(knowledge/\S+?):\d+", r"\1:LINE", text)

    pattern = r"[^\n]*(?:\n[^\n]*)*".join(re.escape(part) for part in re.split(r"^ *…$", plain(expected), flags=re.M))
    return re.fullmatch(pattern, plain(printed)) is not None


def _within(excerpt: str, text: str) -> bool:
    """Whether the lines of an excerpt, but for indentation and `…`, occur in this order."""
    wanted = [line.strip() for line in excerpt.splitlines()]
    have = iter(line.removesuffix("# fmt: skip").strip() for line in text.splitlines())
    return all(any(line == other for other in have) for line in wanted if line not in ("", "…", "# …"))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reader = Reader(page, tmp_path)
    for block in blocks(page):
        reader.follow(block)


def test_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "knowledge", tmp_path / "knowledge")
    monkeypatch.chdir(tmp_path)
    reader = Reader(TUTORIAL, tmp_path)
    for block in blocks(TUTORIAL):
        reader.follow(block)


def test_every_block_says_what_it_is() -> None:
    """A block without a language is read by nobody, neither by this test nor by the highlighter."""
    odd = [f"{p.name}:{b.line}" for p in [*PAGES, TUTORIAL] for b in blocks(p) if not b.language]
    assert not odd


def test_the_first_example_of_the_readme() -> None:
    (example,) = [b for b in blocks(ROOT / "README.md") if b.language == "python"]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(example.text, "README.md", "exec"), {"__name__": "__docs__"})
    assert out.getvalue().startswith("{'smokes(ann)': 0.384, 'smokes(bob)': 0.3}\n")


def test_the_commands_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are on the rules of the first example, in a file."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text("utf-8")
    (tmp_path / "smoking.rules").write_text(text.partition("from_text('''")[2].partition("'''")[0], "utf-8")
    lines = [line.partition("  #")[0].partition(" # ")[0] for line in text.splitlines() if line.startswith("neurosym ")]
    assert len(lines) >= 5
    printed = {line: _run(line) for line in lines}
    assert all(status == 0 for status, _ in printed.values()), printed
    assert any("0.174" in text for _, text in printed.values())
    assert (tmp_path / "why.html").exists()


def test_the_pages_of_the_readme_and_the_index_exist() -> None:
    for page in (ROOT / "README.md", DOCS / "index.md"):
        for link in re.findall(r"\]\(([^)#:]+)[^)]*\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_names_of_the_readme_are_public() -> None:
    names = set(re.findall(r"\bns\.(\w+)", (ROOT / "README.md").read_text("utf-8")))
    assert names <= set(ns.__all__)
