"""A runner for commands, and small files for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from neurosym.cli import app

SMOKERS = """
0.3::stress(X) :- person(X).
0.2::influences(X,Y) :- person(X), person(Y).
smokes(X) :- stress(X).
smokes(X) :- friend(X,Y), influences(Y,X), smokes(Y).
0.4::asthma(X) :- smokes(X).
person(1). person(2). person(3). person(4).
friend(1,2). friend(2,1). friend(2,4). friend(3,2). friend(4,2).
evidence(smokes(2),true).
evidence(influences(4,2),false).
query(smokes(1)). query(smokes(3)). query(smokes(4)). query(asthma(1)). query(asthma(2)).
"""


@dataclass
class Result:
    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


Cli = Callable[..., Result]


@pytest.fixture
def cli() -> Cli:
    """Runs a command; an exception that is not turned into an exit status fails the test."""

    def run(*words: object) -> Result:
        result = CliRunner().invoke(app, [str(w) for w in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.stderr
        return Result(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a file of the test's folder."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return write


@pytest.fixture
def smokers(file: Callable[[str, str], Path]) -> Path:
    return file("smokers.pl", SMOKERS)
