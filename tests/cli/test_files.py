"""`check` and `fmt`, and what holds for every command."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from neurosym.cli.session import Settings
from neurosym.grounding import Limits

ROOT = Path(__file__).parents[2]
FAULTY = "p(X) :- q(Y).\np(a b).\n"
COMMANDS = "check fmt test query explain verify run predict report".split()


def test_check_of_sound_files(cli, file):
    found = cli("check", file("a.rules", "p(a).\nquery(p(a)).\n"), file("b.rules", "q(X) :- p(X).\nquery(q(a)).\n"))
    assert (found.status, found.out) == (0, "2 files: no faults\n")


def test_check_reports_every_fault(cli, file):
    path = file("a.rules", FAULTY)
    found = cli("check", path)
    assert found.status == 1
    assert "1 file: 4 errors" in found.out or "errors" in found.out
    assert f"{path}:1:" in found.err
    assert f"{path}:2:" in found.err
    assert "^" in found.err
    assert cli("check", path, "--quiet").out == ""


def test_check_as_json(cli, file):
    found = cli("check", file("a.rules", FAULTY), "--json")
    assert found.status == 1
    assert found.json["answers"] == []
    assert {d["line"] for d in found.json["diagnostics"]} == {1, 2}
    assert all(d["code"].startswith("NS") for d in found.json["diagnostics"])


def test_check_says_what_will_not_be_evaluated(cli, file):
    text = "p(a).\nforbid none : p(b) .\nneural sim(x: any, y: any) by gnn top 3 .\nquery(p(a)).\n"
    path = file("a.rules", text)
    found = cli("check", path, "--json")
    assert found.status == 0
    assert [(d["code"], d["severity"], d["line"]) for d in found.json["diagnostics"]] == [
        ("NS902", "warning", 3),
    ]  # fmt: skip
    found = cli("query", path, "--json")
    assert found.status == 1
    assert [(d["code"], d["severity"]) for d in found.json["diagnostics"]] == [("NS902", "error")]


def test_warnings_are_no_faults(cli, file):
    found = cli("check", file("a.rules", "p(a).\nq(X) :- p(X), p(Y).\nquery(q(a)).\n"))
    assert found.status == 0
    assert "warning[" in found.err


@pytest.mark.parametrize("command", ["check", "fmt", "query", "test"])
@pytest.mark.parametrize("kind", ["missing", "folder", "binary"])
def test_files_that_cannot_be_read(cli, tmp_path, command, kind):
    path = tmp_path / "a.rules"
    if kind == "folder":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(bytes(range(128, 256)))
    found = cli(command, path)
    assert found.status == 1
    assert "error[NS130]" in found.err
    assert str(path) in found.err


def test_fmt(cli, file):
    path = file("a.rules", "p( a ) .  % why\nq(X):-p(X).")
    other = file("b.rules", "p(a).\n")
    path.chmod(0o640)
    assert cli("fmt", path, other, "--check").status == 1
    assert path.read_text() == "p( a ) .  % why\nq(X):-p(X)."
    found = cli("fmt", path, other)
    assert (found.status, found.out) == (0, f"reformatted {path}\n")
    assert "% why" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    again = cli("fmt", path, other, "--check")
    assert (again.status, again.out) == (0, "2 files: nothing to change\n")
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.rules", "b.rules"]


def test_fmt_leaves_faulty_files_and_goes_on(cli, file):
    faulty, sound = file("a.rules", "p(a b).\n"), file("b.rules", "p( a ).")
    found = cli("fmt", faulty, sound)
    assert found.status == 1
    assert faulty.read_text() == "p(a b).\n"
    assert sound.read_text() == "p(a).\n"


def test_fmt_writes_through_links(cli, file, tmp_path):
    path = file("a.rules", "p( a ).")
    link = tmp_path / "link.rules"
    link.symlink_to(path)
    assert cli("fmt", link).status == 0
    assert link.is_symlink()
    assert path.read_text() == "p(a).\n"


# ------------------------------------------------------------------------------------------------ every command


def run(*words: object, code: str = "", **options) -> subprocess.CompletedProcess[str]:
    program = ["-c", code] if code else ["-m", "neurosym", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *program], capture_output=True, text=True, check=False, env=environment, **options
    )


@pytest.mark.parametrize("command", ["check", "fmt"])
def test_no_torch_and_no_numpy(file, command):
    path = file("a.rules", "p(a).\nquery(p(a)).\n")
    found = run(code=f"from neurosym.cli import main; main({[command, str(path)]!r}); import sys; print(*sys.modules)")
    assert found.returncode == 0, found.stderr
    assert not set(found.stdout.split()) & {"torch", "numpy", "rdflib", "neurosym.grounding", "rich"}


def test_help_and_version():
    found = run("--help")
    assert found.returncode == 0
    assert all(f"  {command} " in found.stdout for command in COMMANDS)
    assert run("--version").stdout.startswith("neurosym ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_the_common_options(cli, command):
    text = " ".join(cli(command, "--help").out.split())
    for option in "--max-facts --max-firings --max-memory --max-seconds --threads --seed --quiet".split():
        assert option in text
    for default in (20_000_000, 50_000_000, 3600.0):
        assert f"[default: {default};" in text


def test_the_default_limits_are_the_engines():
    settings, limits = Settings(), Limits()
    given = (settings.max_facts, settings.max_firings, settings.max_seconds, settings.max_memory * 1e6)
    assert given == dataclasses.astuple(limits)


@pytest.mark.parametrize(
    "words", [["query"], ["nonsense"], ["query", "a.rules", "--max-facts", "many"], ["explain", "a"]]
)
def test_wrong_usage(cli, words):
    found = cli(*words)
    assert found.status == 2
    assert "Usage:" in found.err


def test_a_closed_pipe_is_no_error(file):
    facts = " ".join(f"p({i})." for i in range(8_000))
    path = file("a.rules", facts + "\nquery(p(X)).\n")
    command = f"set -o pipefail; {sys.executable} -m neurosym query {path} | head -n 1"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert found.stdout == "p(0):    1\n"
    assert "Traceback" not in found.stderr
