"""`train`: networks and rule weights from labels on what rules conclude, as a file describes it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurosym.cli import output
from neurosym.cli.session import ANSWERED, Json, Session
from neurosym.errors import DataError

if TYPE_CHECKING:
    from neurosym.cli.train.file import TrainingFile
    from neurosym.cli.train.labels import Figures, Labelled
    from neurosym.cli.train.networks import Made
    from neurosym.facts import FactBase
    from neurosym.learning import FitResult
    from neurosym.reasoner import Reasoner


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
    reasoner, background, networks = _prepare(session, whole)
    before = reasoner.rule_weights()
    with output.working(session.settings.quiet) as reasoner.progress:
        labelled = label(session, reasoner, whole.labels, known)
    reasoner.progress = None
    for network, table in networks.values():
        aside = labelled.aside()
        rows = [k for k, entity in enumerate(table.ids) if entity not in aside]
        network.fit(table.rows[rows] if rows else table.rows)
    result = _fit(session, whole, reasoner, labelled, Path(target))
    reasoner.limits = Limits()  # those of this run are no part of the model
    reasoner.save(target, background)
    _tell(session, reasoner, labelled, before, result, target)
    return ANSWERED


def _prepare(session: Session, whole: TrainingFile) -> tuple[Reasoner, FactBase | None, Mapping[str, Made]]:
    """The reasoner, the facts that are kept with it, and its networks with their tables."""
    import torch

    from neurosym.cli.data import describe_table, load_facts, load_tables
    from neurosym.cli.train.networks import networks_of
    from neurosym.lang import parse_files
    from neurosym.reasoner import Reasoner

    background = load_facts(whole.background) if whole.background else None
    facts = load_facts((*whole.background, *whole.facts))
    program = parse_files(list(whole.rules), facts.predicates)
    session.report(program.warnings)
    prefixes = facts.prefixes | program.prefixes
    records = {name: describe_table(name, t) for name, t in whole.tables.items()}
    data = load_tables({name: t.file for name, t in whole.tables.items()}, records, program, prefixes)
    for line in data.notes:
        session.tell(f"note: {line}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(session.settings.seed)
        networks = networks_of(program, whole.networks, data.features, prefixes)
    reasoner = Reasoner(
        program, facts + data.facts, {name: network for name, (network, _) in networks.items()}, data.features,
        whole.semantics, limits=session.limits(), seed=session.settings.seed,
    )  # fmt: skip
    session.report(reasoner.warnings)
    if whole.labels.query:
        reasoner.queries = whole.labels.query
    reasoner.freeze_rules(not whole.training.weights)
    return reasoner, background, networks


def _fit(session: Session, whole: TrainingFile, reasoner: Reasoner, labelled: Labelled, target: Path) -> FitResult:
    """Train, with a checkpoint beside the model's folder that goes when all is done."""
    from neurosym.learning import Batch, fit

    course, seed = whole.training, session.settings.seed
    target.parent.mkdir(parents=True, exist_ok=True)
    # whatever the numbers depend on is in its name: a run of anything else starts anew
    checkpoint = target.parent / f".{target.name}-{whole.digest(str(seed), reasoner.rules_sha256())[:16]}.checkpoint"
    train, valid = (Batch(labelled.queries, row[None]) for row in labelled.learned)
    try:
        result = fit(
            reasoner, train, valid if valid.labelled else None, epochs=course.epochs, lr=course.lr,
            weight_decay=course.weight_decay, schedule=course.schedule, constraints=course.constraints or None,
            patience=course.patience or None, seed=seed, checkpoint=checkpoint,
            progress=not session.settings.quiet and sys.stderr.isatty(),
        )  # fmt: skip
    except KeyboardInterrupt as error:
        error.add_note("the same command goes on from here")
        raise
    if result.resumed:
        session.tell("note: gone on with a run that was interrupted")
    checkpoint.unlink()
    return result


def _tell(
    session: Session, reasoner: Reasoner, labelled: Labelled, before: Mapping[str, list[float]], result: FitResult,
    target: str,
) -> None:  # fmt: skip
    """What was learned, and how right it is."""
    import torch

    with torch.no_grad():
        figures = labelled.figures(reasoner.query(*labelled.queries).tags[0])
    after = reasoner.rule_weights()
    weights = [{"statement": name, "before": before[name], "after": now} for name, now in after.items()]
    described = {name: getattr(net, "describe", tuple)() for name, net in reasoner.networks.items()}
    if session.as_json:
        session.answer(
            {
                "semantics": reasoner.semantics_name,
                "model": target,
                "epochs": len(result.epochs),
                "best_epoch": result.best_epoch,
                "figures": {part: asdict(f) for part, f in figures.items()},
                "weights": weights,
                "thresholds": [
                    {"network": name, **{k: getattr(t, k) for k in t.__slots__}}
                    for name, ts in described.items()
                    for t in ts
                ],
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
    lines = [f"{name}: {threshold}" for name, found in described.items() for threshold in found]
    for line in ["", *lines] if lines else []:
        output.show(line)
    output.show(f"\n{len(result.epochs)} epochs, the best is {result.best_epoch + 1}; the model is in {target}")


def _rows(figures: Mapping[str, Figures]) -> list[tuple[str, ...]]:
    def told(value: float | None) -> str:
        return "-" if value is None else f"{value:.4f}"

    return [(p, str(f.count), told(f.accuracy), told(f.auc), told(f.log_loss)) for p, f in figures.items()]


def _numbers(values: list[Any]) -> str:
    return ", ".join(f"{v:.4g}" for v in values)


__all__ = ["train_command"]
