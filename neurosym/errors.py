"""What goes wrong, as values: where it is, what it is, and what to do about it.

Every error that a user can cause is a `NeurosymError`. Faults in rule files are `Diagnostic` values that are
collected, so that one run reports all of them; everything else is raised where it is found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches


def did_you_mean(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """`did you mean …?` for the nearest of the names, else nothing."""
    near = get_close_matches(name, sorted(set(names)), 1, cutoff)
    return f"did you mean `{near[0]}`?" if near else ""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source file; lines and columns count from 1, `end_column` is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


_LONGEST = 400  # characters of a line that are shown; data that was written by a program may be one line of megabytes


def _excerpt(source: str, before: int, width: int) -> tuple[str, int, int]:
    """The part of a long line around its fault, and where the fault stands in it."""
    if len(source) <= _LONGEST:
        return source, before, width
    start = max(0, before - _LONGEST // 4)
    stop = start + _LONGEST
    shown = ("…" if start else "") + source[start:stop] + ("…" if stop < len(source) else "")
    before = before - start + (start > 0)
    return shown, before, min(width, len(shown) - before)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault, with a stable code (`NS…`).

    Attributes:
        severity: `error` or `warning`.
        source: the text of the line `span.line`, for the underlined excerpt.
        note: why it is a fault; `help`: what to do, often a "did you mean".
    """

    code: str
    severity: str
    message: str
    span: Span | None = None
    source: str = ""
    note: str = ""
    help: str = ""

    def render(self) -> str:
        """The fault as text, in the layout of compilers: code, place, underlined line, note, help."""
        lines = [f"{self.severity}[{self.code}]: {self.message}"]
        if self.span is not None:
            lines.append(f"  {self.span}")
            if self.source:
                number = str(self.span.line)
                source = self.source.replace("\t", " ")
                one_line = self.span.end_line == self.span.line
                stop = self.span.end_column if one_line else len(source) + 1
                width = max(1, min(stop, len(source) + 1) - self.span.column)
                source, before, width = _excerpt(source, self.span.column - 1, width)
                lines.append(f"  {number} | {source}")
                lines.append(f"  {' ' * len(number)} | {' ' * before}{'^' * width}")
        if self.note:
            lines.append(f"  note: {self.note}")
        if self.help:
            lines.append(f"  help: {self.help}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """The fault as the JSON object of the command line's contract."""
        span = self.span
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "file": span.file if span else None,
            "line": span.line if span else None,
            "column": span.column if span else None,
            "end_column": span.end_column if span else None,
            "note": self.note,
            "help": self.help,
        }


class NeurosymError(Exception):
    """The root of all errors that a user can cause.

    Attributes:
        code: a stable code (`NS…`), listed in docs/reference/errors.md.
        note: why; `help`: what to do.
    """

    code = "NS000"

    def __init__(self, message: str, *, code: str | None = None, note: str = "", help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.note = note
        self.help = help

    def __str__(self) -> str:
        parts = [f"error[{self.code}]: {self.message}"]
        if self.note:
            parts.append(f"  note: {self.note}")
        if self.help:
            parts.append(f"  help: {self.help}")
        return "\n".join(parts)

    def diagnostic(self) -> Diagnostic:
        """The error in the form in which the command line reports it."""
        return Diagnostic(self.code, "error", self.message, note=self.note, help=self.help)


class RuleError(NeurosymError):
    """Faults in rule text; carries every diagnostic of the run, warnings included."""

    code = "NS100"

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        errors = [d for d in self.diagnostics if d.severity == "error"]
        super().__init__(f"{len(errors)} fault{'s' if len(errors) != 1 else ''} in the rules")

    def __str__(self) -> str:
        return "\n\n".join(d.render() for d in self.diagnostics if d.severity == "error")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fact comes from: a file with a line, or a named source."""

    file: str
    line: int | None = None
    graph: str | None = field(default=None)

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


class FactError(NeurosymError):
    """Facts that cannot be read: broken RDF, a bad row, a value out of its type."""

    code = "NS300"


class GroundingError(NeurosymError):
    """The program cannot be grounded over these facts."""

    code = "NS400"


class LimitError(GroundingError):
    """A limit (facts, firings, time) was hit; nothing of the partial result is kept."""

    code = "NS410"


class SemanticsError(NeurosymError):
    """The chosen semantics does not define this program, or the evidence has probability 0."""

    code = "NS500"


class ImpossibleEvidence(SemanticsError):
    """What was observed has probability 0."""

    code = "NS502"


class ApproximationWarning(UserWarning):
    """Bounds were given where a probability was asked for: NS521."""


class FixpointError(SemanticsError):
    """A stratum did not settle within the rounds allowed."""

    code = "NS510"


class NetworkError(NeurosymError):
    """A network is missing, or gives tensors of the wrong shape or with NaN in them."""

    code = "NS600"


class DataError(NeurosymError):
    """Inputs, features or targets that do not fit the program."""

    code = "NS610"


class ModelError(NeurosymError):
    """A saved model or checkpoint that cannot be written, read or trusted."""

    code = "NS700"


class ExplanationError(NeurosymError):
    """A claim that cannot be explained, or a certificate that cannot be read."""

    code = "NS800"
