"""`check` and `fmt`: what is done with rule files alone, without torch or numpy."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from neurosym.cli import output
from neurosym.cli.session import ANSWERED, FAULTY, Json, Session
from neurosym.errors import Diagnostic, RuleError, Span

Files = Annotated[list[str], typer.Argument(metavar="FILE", help="Rule files, `.rules` or `.pl`; one program.")]


def check_command(session: Session, files: Files, as_json: Json = False) -> int:
    """Report every fault in rule files, all in one run."""
    from neurosym.lang import parse_files
    from neurosym.lang.checks.unevaluated import unevaluated

    session.payload = {"semantics": None, "answers": []}
    try:
        program = parse_files(files)
    except RuleError as error:
        status = session.fail(error)
    else:
        session.report(program.warnings)
        session.report(unevaluated(program, "warning"))
        if as_json:
            session.answer(session.payload)
        status = ANSWERED
    if not as_json and not session.settings.quiet:
        output.show(_summary(session, len(files)))
    return status


def _summary(session: Session, files: int) -> str:
    errors = sum(d.severity == "error" for d in session.diagnostics)
    warnings = len(session.diagnostics) - errors
    found = [f"{n} {kind}{'s' if n > 1 else ''}" for n, kind in ((errors, "error"), (warnings, "warning")) if n]
    return f"{files} file{'s' if files > 1 else ''}: {', '.join(found) or 'no faults'}"


def fmt_command(
    session: Session,
    files: Files,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; status 1 if a file would change.")] = False,
) -> int:
    """Rewrite rule files in the canonical layout.

    The program stays the same, and so do comments.
    """
    from neurosym.lang import format_text
    from neurosym.lang.parser import dialect_of

    changed: list[str] = []
    faulty = False
    for file in files:
        try:
            text = Path(file).read_text("utf-8-sig")
            new = format_text(text, file, dialect_of(file))
        except RuleError as error:  # the other files are still put in order
            session.report(error.diagnostics)
            faulty = True
            continue
        except (OSError, UnicodeDecodeError) as error:
            session.report([_unreadable(file, error)])
            faulty = True
            continue
        if new == text:
            continue
        if not check:
            try:
                write_atomically(Path(file), new)
            except OSError as error:
                session.report([_unreadable(file, error, "written")])
                faulty = True
                continue
        changed.append(file)
    if not session.settings.quiet:
        for file in changed:
            output.show(f"{'would reformat' if check else 'reformatted'} {file}")
        same = len(files) - len(changed)
        if not faulty and not changed:
            output.show(f"{same} file{'s' if same > 1 else ''}: nothing to change")
    return FAULTY if faulty or (check and changed) else ANSWERED


def _unreadable(file: str, error: OSError | UnicodeDecodeError, what: str = "read") -> Diagnostic:
    reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else (error.strerror or str(error)).lower()
    return Diagnostic("NS130", "error", f"`{file}` cannot be {what}: {reason}", Span(file, 1, 1, 1, 1))


def write_atomically(path: Path, text: str) -> None:
    """Replace a file by a whole new one; an interrupted run leaves the old one. A link keeps pointing to its file."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        os.chmod(name, target.stat().st_mode & 0o7777)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
