"""`train`: networks and rule weights from labels on what rules conclude, as a file describes it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurosym.cli import output
from neurosym.cli.session import ANSWERED, Json, Session
from neurosym.cli.watch import Stopped
from neurosym.errors import DataError

if TYPE_CHECKING:
    from neurosym.cli.train.file import TrainingFile
    from neurosym.cli.train.labels import Figures, Known, Labelled
    from neurosym.facts import FactBase
    from neurosym.learning import FitResult
    from neurosym.reasoner import Reasoner
    from neurosym.reasoner.saving import Features


def train_command(
    session: Session,
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A TOML file: rules, tables, networks, labels.")],
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="The folder for the model; by default CONFIG's `model`.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Train networks and rule weights, and save the model.

    A run that was interrupted is gone on with by the same command.
    """
    from neurosym.cli.train.file import read_training_file
    from neurosym.cli.train.labels import label, read_labels
    from neurosym.grounding import Limits
    from neurosym.reasoner.saving import check_place

    whole = read_training_file(config)
    session.payload = {"semantics": whole.semantics, "model": None, "figures": {}, "weights": [], "thresholds": []}
    target = out or whole.model
    if not target:
        raise DataError(f"{config} names no folder for the model", code="NS730", help='write model = "…", or --out DIR')
    check_place(target)
    known = read_labels(whole.labels, session.settings.seed)
    reasoner, background = _prepare(session, whole, known)
    before = reasoner.rule_weights()
    with output.working(session.settings.quiet) as reasoner.progress:
        labelled = label(session, reasoner, whole.labels, known)
    reasoner.progress = None
    words = Path(config).read_text("utf-8-sig"), str(session.settings.seed), reasoner.rules_sha256()
    # whatever the numbers depend on is in its name: a run of anything else starts anew
    checkpoint = Path(target).absolute().parent / f".{Path(target).name}-{whole.digest(*words)[:16]}.checkpoint"
    result = _fit(session, whole, reasoner, labelled, checkpoint)
    reasoner.limits = Limits()  # those of this run are no part of the model
    reasoner.save(target, background)
    checkpoint.unlink(missing_ok=True)
    _tell(session, reasoner, labelled, before, result, target)
    return ANSWERED


def _prepare(session: Session, whole: TrainingFile, known: Known) -> tuple[Reasoner, FactBase | None]:
    """The reasoner, whose networks have the scale of what is not put aside, and the facts that are kept with it."""
    import torch

    from neurosym.cli.data import load_facts, load_tables
    from neurosym.cli.train.labels import put_aside
    from neurosym.cli.train.networks import networks_of
    from neurosym.cli.train.tables import describe_table
    from neurosym.lang import parse_files
    from neurosym.reasoner import Reasoner

    background = load_facts(whole.background) if whole.background else None
    facts = load_facts(whole.facts)
    if background is not None:
        facts = background + facts
    program = parse_files(list(whole.rules), facts.predicates)
    session.report(program.warnings)
    if not whole.labels.query and not program.queries:
        raise DataError(
            "nothing is asked", code="NS730", help='query = "infected(P)" in [labels], or a query in the rules'
        )
    prefixes = facts.prefixes | program.prefixes
    aside = put_aside(known, prefixes)
    records = {name: describe_table(name, t, prefixes, aside) for name, t in whole.tables.items()}
    data = load_tables({name: t.file for name, t in whole.tables.items()}, records, program, prefixes, facts)
    for line in [*data.notes, *_alike(records.values())]:
        session.tell(f"note: {line}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(session.settings.seed)
        made = networks_of(program, whole.networks, data.features, prefixes)
    for name, table in data.features.items():
        rows = [k for k, entity in enumerate(data.entities[name]) if not aside(entity)]
        for network, own in made.values():
            if own is table:
                network.fit(table.rows[rows] if rows else table.rows)
    reasoner = Reasoner(
        program, data.facts, {name: network for name, (network, _) in made.items()}, data.features,
        whole.semantics, limits=session.limits(), seed=session.settings.seed,
    )  # fmt: skip
    session.report(reasoner.warnings)
    if not program.queries:
        reasoner.queries = whole.labels.query
    reasoner.freeze_rules(not whole.training.weights)
    return reasoner, background


def _alike(records: Iterable[Features]) -> Iterator[str]:
    """Tables that `predict` could not tell apart."""
    found: dict[frozenset[str], str] = {}
    for record in records:
        other = found.setdefault(frozenset(record.columns), record.name)
        if other != record.name:
            yield f"`{other}` and `{record.name}` have the same columns: `predict` will not know whose new rows are"


def _fit(session: Session, whole: TrainingFile, reasoner: Reasoner, labelled: Labelled, checkpoint: Path) -> FitResult:
    from neurosym.learning import Batch, fit

    course = whole.training
    train, valid = (Batch(labelled.queries, row[None]) for row in labelled.learned)
    try:
        result = fit(
            reasoner, train, valid if valid.labelled else None, epochs=course.epochs, lr=course.lr,
            weight_decay=course.weight_decay, schedule=course.schedule, constraints=course.constraints or None,
            patience=course.patience or None, seed=session.settings.seed, checkpoint=checkpoint,
            progress=not session.settings.quiet and sys.stderr.isatty(),
        )  # fmt: skip
    except (KeyboardInterrupt, Stopped) as error:
        if checkpoint.exists():
            error.add_note("the same command goes on from here")
        raise
    if result.resumed:
        session.tell("note: gone on with a run that was interrupted")
    return result


def _tell(
    session: Session, reasoner: Reasoner, labelled: Labelled, before: Mapping[str, list[float]], result: FitResult,
    target: str,
) -> None:  # fmt: skip
    """What was learned, and how right it is."""
    import torch

    from neurosym.neural import OnColumns

    with torch.no_grad():
        figures = labelled.figures(reasoner.query(*labelled.queries).tags[0])
    after = reasoner.rule_weights()
    weights = [{"statement": name, "before": before[name], "after": now} for name, now in after.items()]
    thresholds = {name: net.describe() for name, net in reasoner.networks.items() if isinstance(net, OnColumns)}
    chosen = bool((~labelled.learned[1].isnan()).any())
    if session.as_json:
        session.answer(
            {
                "semantics": reasoner.semantics_name,
                "model": target,
                "epochs": len(result.epochs),
                "best_epoch": result.best_epoch if chosen else None,
                "figures": {part: asdict(f) for part, f in figures.items()},
                "weights": weights,
                "thresholds": [{"network": name, **asdict(t)} for name, found in thresholds.items() for t in found],
                "notes": session.notes,
            }
        )
        return
    output.show_table(("labels", "", "accuracy", "AUC", "log loss"), _rows(figures))
    if weights:
        output.show("")
        output.show_table(
            ("weight of", "before", "after"),
            ((w["statement"], _numbers(w["before"]), _numbers(w["after"])) for w in weights),
        )
    lines = [f"{name}: {threshold}" for name, found in thresholds.items() for threshold in found]
    if lines:
        output.show("\n" + "\n".join(lines))
    which = f"the best is {result.best_epoch + 1}" if chosen else "the last is kept"
    output.show(f"\n{len(result.epochs)} epochs, {which}; the model is in {target}")


def _rows(figures: Mapping[str, Figures]) -> list[tuple[str, ...]]:
    def told(value: float | None) -> str:
        return "-" if value is None else f"{value:.4f}"

    return [(p, str(f.count), told(f.accuracy), told(f.auc), told(f.log_loss)) for p, f in figures.items()]


def _numbers(values: list[Any]) -> str:
    return ", ".join(f"{v:.4g}" for v in values)


__all__ = ["train_command"]
