"""What every command shares: its common options, its output, and errors as exit statuses."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurosym.cli import output
from neurosym.cli.watch import Stopped, Watch
from neurosym.errors import Diagnostic, FixpointError, LimitError, NeurosymError, RuleError

if TYPE_CHECKING:
    from neurosym.grounding import Limits

ANSWERED, FAULTY, USAGE, LIMIT, INTERRUPTED = 0, 1, 2, 3, 130
# Errors of the library that are the caller's slip on a command line: nothing asked, a semantics that there is not.
_USAGE_CODES = frozenset({"NS505", "NS615"})
# A circuit or a verification grew past its limit; these kinds of error have other codes too.
_LIMIT_CODES = frozenset({"NS520", "NS820"})


@dataclass(frozen=True)
class Settings:
    """The options that every command takes; the defaults are those of `Limits`."""

    max_facts: Annotated[int, typer.Option(min=1, help="Facts, given and derived, at which to stop.", metavar="N")] = (
        20_000_000
    )
    max_firings: Annotated[
        int, typer.Option(min=1, help="Firings of rules, and rows of one join, at which to stop.", metavar="N")
    ] = 50_000_000
    max_memory: Annotated[
        int, typer.Option(min=0, help="Megabytes of memory at which to stop; 0: no limit.", metavar="MB")
    ] = 8_000
    max_seconds: Annotated[float, typer.Option(min=0.0, help="Seconds at which to stop.", metavar="S")] = 3600.0
    threads: Annotated[int, typer.Option(min=0, help="Threads for tensors; 0: one for each core.", metavar="N")] = 1
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of everything that is random.", metavar="N")] = 0
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No warnings and no progress.")] = False


class Session:
    """One run of a command.

    Attributes:
        settings: the common options; `as_json`: whether standard output holds one JSON object.
        payload: what that object holds beside the diagnostics, if the command fails.
        diagnostics: all of this run, in order; notes: what was told beside them, or kept quiet.
    """

    def __init__(self, settings: Settings, as_json: bool, payload: dict[str, Any], watch: Watch) -> None:
        self.settings = settings
        self.as_json = as_json
        self.payload = payload
        self.diagnostics: list[Diagnostic] = []
        self.notes: list[str] = []
        self._watch = watch

    def limits(self) -> Limits:
        """The limits of grounding, in the time that is left; sets the number of threads."""
        from neurosym.grounding import Limits

        if self.settings.threads:
            import torch

            torch.set_num_threads(self.settings.threads)
        memory = self.settings.max_memory * 1e6 or math.inf
        return Limits(self.settings.max_facts, self.settings.max_firings, self._watch.left, memory)

    def report(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Show diagnostics on standard error and keep them for the JSON."""
        new = list(diagnostics)
        self.diagnostics += new
        output.show_diagnostics(d for d in new if d.severity == "error" or not self.settings.quiet)

    def tell(self, text: str) -> None:
        """A line for people, on standard error; nothing if they asked for quiet."""
        self.notes.append(text.removeprefix("note: "))
        if not self.settings.quiet:
            output.note(text)

    def answer(self, payload: dict[str, Any]) -> None:
        """Print the one JSON object of this run."""
        output.emit_json({**payload, "diagnostics": [d.to_json() for d in self.diagnostics]})

    def fail(self, error: NeurosymError) -> int:
        """Report an error; gives the exit status that it stands for."""
        self.report(error.diagnostics if isinstance(error, RuleError) else [error.diagnostic()])
        if self.as_json:
            self.answer(self.payload)
        if isinstance(error, LimitError | FixpointError) or error.code in _LIMIT_CODES:
            return LIMIT
        return USAGE if error.code in _USAGE_CODES else FAULTY


def command(function: Callable[..., int], patient: bool = False) -> Callable[..., None]:
    """A command from a function (session, …) → exit status: with common options, limits, errors without tracebacks.

    Args:
        patient: without `--max-seconds`, do not watch the time: training may take a night.
    """
    own = inspect.signature(function, eval_str=True)
    parameters = [p for p in own.parameters.values() if p.name != "session"]
    common = inspect.signature(Settings, eval_str=True).parameters.values()
    names = [f.name for f in fields(Settings)]

    @functools.wraps(function)
    def run(**values: Any) -> None:
        settings = Settings(**{name: values.pop(name) for name in names})
        payload = {"semantics": values.get("semantics", "exact"), "answers": []}
        endless = patient and settings.max_seconds == Settings.max_seconds
        watch = Watch(math.inf if endless else settings.max_seconds, settings.max_memory)
        session = Session(settings, bool(values.get("as_json")), payload, watch)
        try:
            with watch:
                status = function(session, **values)
        except NeurosymError as error:
            status = session.fail(error)
        except (Stopped, MemoryError) as error:
            hit = watch.hit or LimitError("there is not enough memory", code="NS419")
            hit.note = "; ".join([hit.note, *_notes(error)]).removeprefix("; ")
            status = session.fail(hit)
        except RuntimeError as error:
            if "allocate memory" not in str(error) and "out of memory" not in str(error):  # torch has no type for it
                raise
            note = str(error).splitlines()[0]
            status = session.fail(LimitError("there is not enough memory", code="NS419", note=note))
        except KeyboardInterrupt as error:
            output.note("; ".join(["interrupted", *_notes(error)]))
            status = INTERRUPTED
        raise typer.Exit(status)

    del run.__wrapped__  # typer would read the signature behind it
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*parameters, *common)]
    run.__signature__ = inspect.Signature(keyword)  # pyright: ignore[reportAttributeAccessIssue]
    run.__annotations__ = {p.name: p.annotation for p in keyword}
    return run


def _notes(error: BaseException) -> list[str]:
    """What the error says beside its message: the rule that was at work."""
    return list(getattr(error, "__notes__", ()))


# Options that several commands share.
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Semantics = Annotated[
    str,
    typer.Option("--semantics", metavar="NAME", help="exact, topk, bounds, or an algebra such as viterbi."),
]
