"""Imports run one way: the list in the architecture, held to by walking the syntax trees of neurosym/."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "neurosym"

# What a room imports by itself; what these import, it may import too. `errors` and `version` may be imported by all.
IMPORTS = {
    "errors": set(),
    "version": set(),
    "lang": {"errors"},
    "verify": {"lang"},
    "facts": {"lang"},
    "grounding": {"facts"},
    "semantics": {"grounding"},
    "neural": {"facts"},
    "reasoner": {"semantics", "neural"},
    "explain": {"reasoner", "verify"},
    "learning": {"reasoner"},
    "links": {"reasoner", "learning", "explain"},
    "datasets": {"errors"},
    "bayes": {"reasoner"},
}
IMPORTS["cli"] = set(IMPORTS)

# The only files that may import these.
DOORS = {
    "torch_geometric": "neural/gnn.py",
    "rdflib": "facts/rdf.py",
    "pyoxigraph": "facts/rdf.py",
    "pyro": "bayes/inference.py",
    "captum": "explain/attribution/integrate.py",
    "transformers": "neural/transformer.py",
    "tokenizers": "neural/transformer.py",
}

# Distributions whose import name is another one.
IMPORT_NAMES = {"scikit-learn": "sklearn", "pyro-ppl": "pyro"}

ABSENT = {"errors": {"torch", "numpy"}, "lang": {"torch", "numpy"}, "verify": {"torch"}}


@dataclass(frozen=True)
class Import:
    file: str  # relative to neurosym/
    line: int
    target: str  # absolute and dotted

    @property
    def room(self) -> str:
        return Path(self.file).parts[0].removesuffix(".py")

    @property
    def top(self) -> str:
        return self.target.split(".")[0]

    def __str__(self) -> str:
        return f"neurosym/{self.file}:{self.line} imports {self.target}"


def imports_of(source: str, file: str) -> Iterator[Import]:
    """All imports of one file, in functions and under TYPE_CHECKING too, relative ones made absolute."""
    package = ["neurosym", *Path(file).parts[:-1]]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            if module == "neurosym":
                # `from neurosym import lang` names a room, `from neurosym import Program` the package itself.
                for alias in node.names:
                    name = alias.name
                    yield Import(file, node.lineno, f"neurosym.{name}" if name in IMPORTS else "neurosym")
            else:
                yield Import(file, node.lineno, module)
        elif isinstance(node, ast.Call) and node.args:
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            name = node.args[0]
            if function in {"import_module", "__import__"} and isinstance(name, ast.Constant):
                yield Import(file, node.lineno, str(name.value))


@cache
def all_imports() -> tuple[Import, ...]:
    files = sorted(p for p in PACKAGE.rglob("*.py") if "__pycache__" not in p.parts)
    return tuple(i for p in files for i in imports_of(p.read_text("utf-8"), p.relative_to(PACKAGE).as_posix()))


@cache
def allowed(room: str) -> frozenset[str]:
    """The rooms that a room may import: itself, errors, version, and the closure of its own list."""
    reached = {room, "errors", "version"}
    for other in IMPORTS[room]:
        reached |= allowed(other)
    return frozenset(reached)


def breaches(imports: tuple[Import, ...]) -> list[str]:
    """The imports that go against the list."""
    found = []
    for i in imports:
        if i.top == "neurosym" and i.room not in {"__init__", "__main__"}:
            parts = i.target.split(".")
            target = parts[1] if len(parts) > 1 else "the package itself, which loads every room"
            # The command line is a user of the library, and may import it as one.
            if i.room not in IMPORTS or (target not in allowed(i.room) and not (i.room == "cli" and len(parts) == 1)):
                found.append(f"{i}: {i.room} may not import {target}")
        if i.top in {"tasks", "knowledge", "tests", "benchmarks"}:
            found.append(f"{i}: neurosym never imports {i.top}")
        if i.top in ABSENT.get(i.room, ()):
            found.append(f"{i}: no {i.top} in {i.room}")
        if i.top in DOORS and i.file != DOORS[i.top]:
            found.append(f"{i}: the only door to {i.top} is neurosym/{DOORS[i.top]}")
    return found


def test_imports_run_one_way():
    assert not breaches(all_imports()), "\n".join(["", *breaches(all_imports())])


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("lang/parser.py", "import numpy as np"),
        ("lang/parser.py", "def f():\n    import torch.nn"),
        ("lang/parser.py", "from neurosym.facts import FactBase"),
        ("lang/parser.py", "from ..facts import FactBase"),
        ("lang/parser.py", "from neurosym import Program"),
        ("verify/check.py", "from neurosym import grounding"),
        ("verify/check.py", "import importlib\nimportlib.import_module('neurosym.semantics')"),
        ("grounding/join.py", "import rdflib"),
        ("neural/encoders.py", "from torch_geometric.nn import RGCNConv"),
        ("neural/texts.py", "import transformers"),
        ("semantics/exact.py", "from neurosym.neural import gnn"),
        ("learning/fit.py", "import neurosym.explain.report"),
        ("explain/report.py", "import pyro"),
        ("cli.py", "from tasks.diagnosis import run"),
        ("new_room/a.py", "from neurosym.lang import Program"),
    ],
)
def test_a_breach_is_found(file: str, source: str):
    assert len(breaches(tuple(imports_of(source, file)))) == 1


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("lang/parser.py", "from neurosym.errors import Span\nfrom . import ast\nfrom .terms import Constant"),
        ("semantics/exact.py", "import torch\nfrom neurosym.lang import Program\nfrom neurosym.facts import symbols"),
        ("explain/report.py", "from neurosym.verify import check\nfrom neurosym.neural import encoders"),
        ("facts/rdf.py", "import rdflib\nimport pyoxigraph"),
        ("neural/gnn.py", "import torch_geometric.nn"),
        ("cli.py", "import neurosym as ns\nfrom neurosym import Program\nfrom neurosym.explain import report"),
        ("__init__.py", "from neurosym.reasoner import Reasoner"),
    ],
)
def test_what_is_allowed_is_no_breach(file: str, source: str):
    assert not breaches(tuple(imports_of(source, file)))


def test_every_package_that_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needs = project["dependencies"] + [
        need
        for extra, needs in project["optional-dependencies"].items()
        if extra not in {"dev", "docs"}
        for need in needs
    ]
    names = [re.split(r"[\s<>=!~;\[]", need, maxsplit=1)[0] for need in needs]
    declared = {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in names}
    known = declared | set(sys.stdlib_module_names) | {"neurosym"}
    missing = [str(i) for i in all_imports() if i.top not in known]
    assert not missing, "not in pyproject.toml's dependencies or extras:\n" + "\n".join(missing)


def loaded_by(statement: str) -> set[str]:
    """The modules a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_the_language_loads_neither_torch_nor_numpy():
    assert not loaded_by("import neurosym.lang") & {"torch", "numpy"}


def test_the_verifier_loads_no_torch():
    assert not loaded_by("import neurosym.verify") & {"torch", "neurosym.grounding", "neurosym.semantics"}


def test_the_package_is_lazy():
    loaded = loaded_by("import neurosym")
    assert "neurosym" in loaded
    assert not loaded & {"torch", "numpy", "rdflib", "torch_geometric"}
