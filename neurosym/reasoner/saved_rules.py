"""The rule texts of a program as files that make the same program again, includes and all."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from neurosym.errors import ModelError
from neurosym.lang import Include, Program, to_text
from neurosym.lang.parser import Loader, dialect_of, program_of
from neurosym.lang.scanner import PL

_UNSAFE = re.compile(r"[^\w.\- ]+")
PRINTED = "program.rules"


def write_rules(program: Program, folder: Path) -> list[dict[str, Any]]:
    """Write the files of a program into a folder, laid out as they were, so that includes find each other.

    A program that was not read from files, or whose statements were changed since, is printed as one file.

    Returns:
        For each file its `name` in diagnostics, its `path` in the folder, its `sha256`, and whether it is a `root`,
        a file that no other includes; its `dialect`, where the name does not say it.
    """
    included = {_include_name(s.span.file, s.path) for s in program.statements if isinstance(s, Include)}
    paths = _layout(list(program.texts))
    entries = [
        {"name": n, "path": paths[n], "sha256": _write(folder / paths[n], t), "root": n not in included}
        for n, t in program.texts.items()
    ]
    if program.dialect == PL:
        for entry in entries:
            if dialect_of(entry["name"]) != PL:
                entry["dialect"] = PL
    try:
        again = read_rules(folder, entries)
    except ModelError:
        again = None
    if again is not None and again.statements == program.statements:
        return entries
    for entry in entries:
        (folder / entry["path"]).unlink(missing_ok=True)
    entries = [{"name": PRINTED, "path": PRINTED, "sha256": _write(folder / PRINTED, to_text(program)), "root": True}]
    statements = tuple(s for s in program.statements if not isinstance(s, Include))
    if read_rules(folder, entries).statements != statements:
        raise ModelError(
            "the rules cannot be saved: their text reads back as another program", code="NS707",
            help="read the program from a rule file, and save that",
        )  # fmt: skip
    return entries


def read_rules(folder: Path, entries: Sequence[Mapping[str, Any]]) -> Program:
    """The program of the files, which keep the names that they had.

    Raises:
        ModelError: NS702 a path leads out of the folder; NS703 a file is not what was saved; NS707 it cannot be parsed.
    """
    files = [
        (str(e["name"]), _inside(folder, str(e["path"])), str(e["sha256"]), bool(e["root"]), e.get("dialect"))
        for e in entries
    ]
    for _, path, digest, _, _ in files:
        check_hash(path, digest)
    loader = Loader()
    for name, path, _, root, dialect in files:
        if root and dialect == PL:
            loader.text(path.read_text("utf-8"), name, PL, path.parent)
        elif root:
            loader.file(path, name)
    for fault in loader.result.diagnostics:
        if fault.severity == "error":
            raise ModelError(
                "the rules of the model cannot be read", code="NS707", note=fault.render().replace("\n", "\n    "),
                help="it was saved by another version of neurosym; load it with that one",
            )  # fmt: skip
    return program_of(loader.result)


def check_hash(path: Path, expected: str) -> None:
    """Refuse a file that is not the one that was saved.

    Raises:
        ModelError: NS701 it is missing; NS703 it was changed.
    """
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"the model's file {path} cannot be read: {(error.strerror or str(error)).lower()}", code="NS701",
            help="save the model again, or copy the whole folder",
        ) from None  # fmt: skip
    if found != expected:
        raise ModelError(
            f"the model's file {path} was changed after it was saved", code="NS703",
            note=f"its SHA-256 is {found[:12]}…, and the model was saved with {expected[:12]}…",
            help="copy the folder again, or save the model anew with the changed rules",
        )  # fmt: skip


def _write(path: Path, text: str) -> str:
    data = text.encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _include_name(file: str, path: str) -> str:
    """The name that the parser gives an included file."""
    return f"{file.rsplit('/', 1)[0]}/{path}" if "/" in file else path


def _layout(names: Sequence[str]) -> dict[str, str]:
    """Name → path under the folder; the same relative to each other as they were."""
    real = {name: os.path.abspath(name) for name in names}
    top = os.path.commonpath([os.path.dirname(r) for r in real.values()]) if real else ""
    paths: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name, where in real.items():
        parts = Path(os.path.relpath(where, top)).parts
        path = "/".join(_safe(part) for part in parts)
        stem, number = path, 1
        while taken.setdefault(path, where) != where:
            number += 1
            path = f"{stem}.{number}"
        paths[name] = path
    return paths


def _safe(part: str) -> str:
    """A file name without characters that some file system or shell would trip over; `<text>` becomes `text`."""
    return _UNSAFE.sub("_", part).strip("_ ").lstrip(".") or "rules"


def _inside(folder: Path, path: str) -> Path:
    pure = PurePosixPath(path)
    target = (folder / pure).resolve()
    if pure.is_absolute() or ".." in pure.parts or not target.is_relative_to(folder.resolve()):
        raise ModelError(f"the model's rule file `{path}` lies outside its folder", code="NS702", help="do not use it")
    return target
