"""`lfi`: weights from interpretations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosym.cli import output
from neurosym.cli.files import Files
from neurosym.cli.queries import Facts, load_reasoner
from neurosym.cli.session import ANSWERED, INTERRUPTED, Json, Session
from neurosym.errors import ModelError

if TYPE_CHECKING:
    from neurosym.learning import InterpretationFit
    from neurosym.reasoner import Reasoner


def lfi_command(
    session: Session,
    files: Files,
    interpretations: Annotated[
        list[str],
        typer.Option("--interpretations", metavar="FILE.ev", help="ProbLog's .ev format; may be repeated."),
    ],
    facts: Facts = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Write the program with the learned weights.")
    ] = None,
    keep_learnable: Annotated[
        bool, typer.Option("--keep-learnable", help="Keep `t(…)` and `learn` in that program.")
    ] = False,
    iterations: Annotated[
        int, typer.Option("--iterations", min=0, metavar="N", help="At most so many, from each start.")
    ] = 1000,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0.0, metavar="W", help="Stop where no weight moves by more than this.")
    ] = 1e-6,
    restarts: Annotated[
        int, typer.Option("--restarts", min=0, metavar="N", help="Further starts, from random weights.")
    ] = 0,
    as_json: Json = False,
) -> int:
    """Learn the weights of rules from interpretations.

    By expectation maximisation, from examples that were observed in full or in part.
    """
    from neurosym.learning import fit_interpretations, read_interpretations

    session.payload |= {"log_likelihood": None, "weights": []}
    reasoner = load_reasoner(session, files, facts or [], "exact")
    examples = read_interpretations(*interpretations)
    found = fit_interpretations(
        reasoner, examples, iterations=iterations, tolerance=tolerance, restarts=restarts,
        seed=session.settings.seed, progress=not session.settings.quiet and sys.stderr.isatty(),
    )  # fmt: skip
    if out is not None:
        _write(session, reasoner, found, out, keep_learnable)
    if not found.converged:
        session.tell(f"note: the weights still moved after {found.iterations} iterations (--iterations)")
    if session.as_json:
        session.answer(_payload(session, found))
    else:
        _show(found)
    return INTERRUPTED if found.interrupted else ANSWERED


def _write(session: Session, reasoner: Reasoner, found: InterpretationFit, out: str, learnable: bool) -> None:
    from neurosym.lang.parser import dialect_of
    from neurosym.learning import learned_text

    weights = [w.probabilities for w in found.weights]
    text = learned_text(reasoner.program, weights, dialect_of(out), learnable)
    try:
        Path(out).write_text(text, "utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ModelError(f"{out} cannot be written: {reason}", code="NS721", help="check the path") from None
    session.tell(f"wrote {out}")


def _show(found: InterpretationFit) -> None:
    rows = []
    for weight in found.weights:
        for head, value in zip(weight.heads, weight.probabilities, strict=True):
            rows.append((weight.label, head, f"{value:.8g}", f"{weight.observations:.6g}"))
    output.show_table(("statement", "head", "weight", "observations"), rows, left=(0, 1))
    ended = "interrupted" if found.interrupted else "converged" if found.converged else "stopped"
    output.show(
        f"log-likelihood {found.log_likelihood:.8g} of {found.interpretations:g} interpretations, "
        f"{ended} after {found.iterations} iterations"
    )


def _payload(session: Session, found: InterpretationFit) -> dict[str, object]:
    return {
        **session.payload,
        "log_likelihood": found.log_likelihood,
        "iterations": found.iterations,
        "converged": found.converged,
        "interpretations": found.interpretations,
        "weights": [
            {
                "statement": w.label,
                "heads": [{"head": h, "probability": p} for h, p in zip(w.heads, w.probabilities, strict=True)],
                "observations": w.observations,
            }
            for w in found.weights
        ],
    }
