"""`advise`: which semantics suits rule files, what it will cost, and what it will get wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from neurosym.cli import output
from neurosym.cli.files import Files
from neurosym.cli.queries import Evidence, Facts, NoDemand, load_reasoner
from neurosym.cli.session import ANSWERED, Json, Session

if TYPE_CHECKING:
    from neurosym.reasoner import Advice
    from neurosym.reasoner.advice import Trial

HEAD = ("semantics", "answers", "first", "again", "error", "width", "where, or why not")


def advise_command(
    session: Session,
    files: Files,
    facts: Facts = None,
    query: Annotated[
        list[str] | None,
        typer.Option(
            "--query", metavar="QUERY", help="May be repeated; by default, the files' own queries are looked at."
        ),
    ] = None,
    evidence: Evidence = None,
    seconds: Annotated[
        float,
        typer.Option("--seconds", min=0.1, metavar="S", help="For all trials together; what is late is given up."),
    ] = 10.0,
    no_demand: NoDemand = False,
    as_json: Json = False,
) -> int:
    """Say which semantics suits, what it will cost and what it will get wrong, by trying each."""
    session.payload = {"advice": None}
    reasoner = load_reasoner(session, files, facts or [], "exact", not no_demand)
    with output.working(session.settings.quiet) as reasoner.progress:
        advice = reasoner.advise(*(query or []), seconds=seconds, evidence=evidence)
    if as_json:
        session.answer({"advice": advice.to_dict()})
    else:
        _show(advice)
    return ANSWERED


def _show(advice: Advice) -> None:
    for sentence in advice.sentences:
        output.show(sentence)
    if advice.trials:
        output.show("")
        output.show_table(HEAD, map(_row, advice.trials), left=(0, 6))


def _row(trial: Trial) -> tuple[str, ...]:
    """A trial as a row of the table."""
    error = "" if trial.error is None else f"{'≥ ' if trial.at_least else ''}{trial.error:.2g}"
    width = "" if trial.width is None else f"{trial.width:.2g}"
    answers = f"{trial.answered} of {trial.of}" if trial.of else ""
    name = f"{trial.semantics} ({trial.settings})" if trial.settings else trial.semantics
    return (name, answers, _seconds(trial.seconds), _seconds(trial.again), error, width, _remark(trial))


def _remark(trial: Trial) -> str:
    if trial.because:
        return f"{trial.code}: {trial.because}" if trial.code else trial.because
    if trial.error_atom:
        return f"{trial.error_atom}: {trial.value:.4g} for {trial.right:.4g}"
    return f"widest: {trial.width_atom}" if trial.width else ""


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2g} s" if value >= 0.1 else f"{1000 * value:.2g} ms"


__all__ = ["advise_command"]
