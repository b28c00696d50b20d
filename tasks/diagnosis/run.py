"""Train, evaluate and explain the diagnosis task.

neurosym run diagnosis [--out DIR] [--seed 0] [--folds 5] [--no-ablations]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from torch import Tensor

import neurosym as ns
from tasks.diagnosis.baselines import Measures, measure, run_baselines
from tasks.diagnosis.data import ONC, Fold, Ward, folds, load_ward
from tasks.diagnosis.model import (
    QUERY,
    SIGNS,
    Recipe,
    build,
    columns_of,
    labels,
    loss,
    ontology,
    optimizer,
    patients,
)

VARIANTS = {
    "neurosym": {},
    "no graph network": {"graph": False},
    "graph network only": {"rules": False},
    "the expert's rule weights": {"frozen": True},
}


@dataclass
class Trained:
    """One variant on one fold.

    Attributes:
        reasoner: after training; answers: on the test patients, whom it has never seen.
        test: (n,) their numbers, in the order of the answers; seconds: of training.
    """

    reasoner: ns.Reasoner
    answers: ns.Answers
    test: Tensor
    seconds: float


@dataclass
class Results:
    """Measures by variant, and what is reported of the full model."""

    measures: dict[str, list[Measures]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    shares: list[float] = field(default_factory=list)
    decided: int = 0
    traced: int = 0
    predictions: int = 0
    correlations: dict[str, list[tuple[float, str, float]]] = field(default_factory=dict)


def train(ward: Ward, fold: Fold, recipe: Recipe, seed: int, variant: dict[str, bool]) -> Trained:
    """Fit one variant on a fold's training part, then ask it about patients it has never seen.

    As the baselines do, it uses the whole training part; the number of epochs is part of the recipe.
    """
    started = time.monotonic()
    known = torch.cat([fold.train, fold.valid])
    options = {k: v for k, v in variant.items() if k != "frozen"}
    if variant.get("frozen"):
        recipe = replace(recipe, rule_scale=1.0)  # as the expert wrote them
    reasoner = build(ward, known, recipe, seed, **options)
    if variant.get("frozen"):
        reasoner.freeze_rules()
    ns.fit(
        reasoner, labels(ward, reasoner, known), epochs=recipe.epochs, optimizer=optimizer(reasoner, recipe),
        loss=loss(recipe), seed=seed, progress=False,
    )  # fmt: skip
    seconds = time.monotonic() - started
    answers = reasoner.predict(patients(ward, fold.test), QUERY, background=ontology())
    numbers = [ward.table.position(f"onc:{args[0].value.removeprefix(ONC)}") for args in answers.args]  # pyright: ignore
    return Trained(reasoner, answers, torch.tensor(numbers), seconds)


def graph_share(trained: Trained) -> tuple[float, int]:
    """How much of the probability of malignancy rests on the graph network, and how many decisions.

    The share is 1 − Σ p without its rule / Σ p, over the test patients predicted malignant.
    """
    asked = trained.answers.reasoner
    assert asked is not None
    with torch.no_grad():
        without = asked.query(SIGNS).tags[0]  # the diagnosis follows from these signs, or from the graph network
    full = trained.answers.tags[0]
    positive = full >= 0.5
    share = 1 - float(without[positive].sum() / full[positive].sum()) if bool(positive.any()) else 0.0
    return share, int(((without >= 0.5) != positive).sum())


def correlations(ward: Ward, trained: Trained) -> dict[str, tuple[float, str, float]]:
    """For each finding: mean |r| of its probability with its own columns, the strongest other column, and its |r|."""
    rows = ward.table.rows[trained.test].double().numpy()
    result: dict[str, tuple[float, str, float]] = {}
    for name, columns in columns_of(ontology()).items():
        if name not in trained.reasoner.networks:
            continue
        with torch.no_grad():
            logits = trained.reasoner.networks[name](ward.table.rows[trained.test])[:, 0]
        found = torch.sigmoid(logits).double().numpy()
        strength = np.array([abs(np.corrcoef(found, rows[:, c])[0, 1]) for c in range(rows.shape[1])])
        strength = np.nan_to_num(strength)
        own = list(ward.table.columns_index(columns))
        rest = [c for c in range(rows.shape[1]) if c not in own]
        best = max(rest, key=lambda c: strength[c])
        result[name] = (float(strength[own].mean()), ward.table.columns[best], float(strength[best]))
    return result


def trace(trained: Trained) -> int:
    """How many of the test predictions have at least one proof, or no way to be derived at all."""
    count = 0
    for atom in trained.answers.atoms:
        why = ns.explain(trained.answers, atom, proofs=1, contributions=False)
        count += bool(why.proofs) or why.claim.probability == 0
    return count


def run(args: Sequence[str]) -> int:
    """The task's command."""
    parser = argparse.ArgumentParser(prog="neurosym run diagnosis", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/diagnosis"), help="folder for the report and the model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--no-ablations", action="store_true", help="train the full model only")
    parser.add_argument("--pages", type=int, default=20, help="patients in the report")
    options = parser.parse_args(list(args))
    console = Console(width=max(100, Console().width))
    ward = load_ward()
    recipe = Recipe(epochs=options.epochs)
    variants = {"neurosym": {}} if options.no_ablations else VARIANTS
    results, last = Results(), None
    started = time.monotonic()
    with _progress() as bar:
        for fold in folds(ward, options.folds, options.seed):
            for name, variant in variants.items():
                task = bar.add_task(f"fold {fold.number + 1} of {options.folds}: {name}")
                trained = train(ward, fold, recipe, options.seed, variant)
                truth = ward.malignant[trained.test].numpy()
                results.measures.setdefault(name, []).append(measure(trained.answers.tags[0].numpy(), truth))
                results.seconds.setdefault(name, []).append(trained.seconds)
                if name == "neurosym":
                    _inspect(ward, trained, results)
                    last = trained
                bar.remove_task(task)
    assert last is not None
    results.measures |= run_baselines(ward, options.seed, options.folds)
    _print(console, results, options)
    _show(console, ward, last, options)
    console.print(f"{time.monotonic() - started:.0f} s in all")
    return 0


def _inspect(ward: Ward, trained: Trained, results: Results) -> None:
    """What only the full model is asked for."""
    share, decided = graph_share(trained)
    results.shares.append(share)
    results.decided += decided
    results.traced += trace(trained)
    results.predictions += len(trained.answers)
    for name, value in correlations(ward, trained).items():
        results.correlations.setdefault(name, []).append(value)


def _print(console: Console, results: Results, options: argparse.Namespace) -> None:
    table = Table(title=f"diagnosis, {options.folds} stratified folds, seed {options.seed}, test patients never seen")
    for column in ("", "accuracy %", "AUC %", "calibration error %", "s a fold"):
        table.add_column(column, justify="left" if not column else "right")
    for name, measures in results.measures.items():
        cells = []
        for field_name in ("accuracy", "auc", "ece"):
            values = 100 * np.array([getattr(m, field_name) for m in measures])
            cells.append(f"{values.mean():.2f} ± {values.std():.2f}")
        seconds = results.seconds.get(name)
        table.add_row(name, *cells, f"{np.mean(seconds):.1f}" if seconds else "")
    console.print(table)
    concepts = Table(title="findings: |correlation| with their own columns, and with the strongest other column")
    for column in ("finding", "own columns", "other", "its |r|"):
        concepts.add_column(column)
    for name, values in results.correlations.items():
        own, other = np.mean([v[0] for v in values]), np.mean([v[2] for v in values])
        concepts.add_row(name, f"{own:.2f}", values[-1][1], f"{other:.2f}")
    console.print(concepts)
    console.print(
        f"the graph network carries {100 * np.mean(results.shares):.1f} % of the probability of malignancy, and "
        f"decides {results.decided} of {results.predictions} predictions; "
        f"{results.traced} of {results.predictions} predictions are traced"
    )


def _show(console: Console, ward: Ward, trained: Trained, options: argparse.Namespace) -> None:
    """One explanation in the terminal, a report on some patients of the last fold, and the model."""
    answers = trained.answers
    probabilities = answers.tags[0]
    # the malignant prediction nearest to 0.9: sure enough to be typical, open enough to be worth reading
    chosen = int((probabilities - 0.9).abs().argmin())
    why = ns.explain(answers, answers.atoms[chosen])
    why.verify()
    print(f"\n{why}")
    from neurosym.explain.report import write_batch

    truth = ward.malignant[trained.test].tolist()
    order = probabilities.argsort(descending=True).tolist()
    shown = [chosen, *(k for k in order[:: max(1, len(order) // options.pages)] if k != chosen)][: options.pages]
    explained = [(ns.explain(answers, answers.atoms[k], budget=0.5).checked(), truth[k]) for k in sorted(shown)]
    rules = [r.label for r in trained.reasoner.program.rules if not r.is_fact]
    index = write_batch(options.out / "report", explained, "Diagnosis: test patients of the last fold", rules)
    trained.reasoner.save(options.out / "model", background=ontology())
    _write_csv(ward, trained.test, options.out / "test_patients.csv")
    console.print(f"report: {index}\nmodel: {options.out / 'model'}", markup=False)


def _write_csv(ward: Ward, numbers: Tensor, path: Path) -> None:
    """The test patients as a table, to try `neurosym predict` on."""
    import csv

    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", *ward.table.columns])
        for number in numbers.tolist():
            writer.writerow([ward.table.ids[number], *(repr(v) for v in ward.table.rows[number].tolist())])


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
