"""Which diseases might a compound treat as well? Rules, paths and both, measured and told.

neurosym run repurposing [--seeds 3] [--epochs N] [--variants NAME]… [--no-complex] [--reports 10] [--out DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from neurosym.links.evaluation import Scorer
from neurosym.links.fit import scorer
from neurosym.links.network.reach import Adjacency
from neurosym.links.report import write_reasons
from tasks.common.record import write
from tasks.repurposing.data import Hetionet, read_hetionet, to_rdf
from tasks.repurposing.embedding import Embedding, complex_scorer
from tasks.repurposing.measures import measure
from tasks.repurposing.model import (
    FULL,
    RULES_ALONE,
    VARIANTS,
    Mined,
    Setting,
    Trained,
    expert_rules,
    mine_rules,
    rules_alone,
    train,
)
from tasks.repurposing.reasons import NOTES, Teller, candidates

COMPLEX = "ComplEx (PyKEEN)"
LOOKED_AT = 100  # of the first predictions, how many were held out


@dataclass(frozen=True)
class Run:
    """Where and how one run works.

    Attributes:
        folder: of results, checkpoints and pages; what lies there of the same setting is not made again.
        mined, models: seed → the rules that were mined in this process, and the whole model.
    """

    data: Hetionet
    setting: Setting
    embedding: Embedding
    folder: Path
    quiet: bool
    mined: dict[int, Mined] = field(default_factory=dict)
    models: dict[int, Trained] = field(default_factory=dict)

    def result(self, name: str, seed: int) -> dict[str, Any]:
        """The figures of one variant and seed: read, if they are there, else made."""
        path = self._path(name, seed)
        if not path.is_file():
            if name == COMPLEX:
                ask, valid, seconds = complex_scorer(self.data, self.embedding, seed, self._judge)
                self._write(name, seed, ask, valid, seconds)
            elif name in RULES_ALONE:
                self._measured(seed)(rules_alone(name, self.data, self.setting, seed, self._mine(seed)))
            else:
                self._measured(seed)(self.full(seed, self._measured(seed)))
        return json.loads(path.read_text("utf-8"))

    def full(self, seed: int, told: Callable[[Trained], None] | None = None) -> Trained:
        """The whole model, from its checkpoints where there are any."""
        if seed not in self.models:
            mark = self._path(FULL, seed).with_suffix("")
            mark.mkdir(exist_ok=True)
            mined = self._mine(seed)
            self.models[seed] = train(self.data, self.setting, seed, mined, mark, not self.quiet, told)
        return self.models[seed]

    def _mine(self, seed: int) -> Mined:
        if seed not in self.mined:
            self.mined[seed] = mine_rules(self.data, self.setting, seed)
        return self.mined[seed]

    def _measured(self, seed: int) -> Callable[[Trained], None]:
        return lambda t: self._write(t.name, seed, self._ask(t), t.valid, t.seconds)

    def _write(self, name: str, seed: int, ask: Scorer, valid: float, seconds: float) -> None:
        begun = time.process_time()
        ranks = measure(ask, self.data, self.data.split.test)
        found = {
            "variant": name, "seed": seed, "valid_mrr": valid, "cpu_seconds_learn": round(seconds, 1),
            "cpu_seconds_apply": round(time.process_time() - begun, 1),
            "test": {protocol: r.figures() for protocol, r in ranks.items()},
        }  # fmt: skip
        self._path(name, seed).write_text(json.dumps(found, indent=1) + "\n", "utf-8")

    def _ask(self, trained: Trained) -> Scorer:
        return scorer(trained.model, Adjacency.of(self.data.split.graph))

    def _judge(self, ask: Scorer) -> float:
        return measure(ask, self.data, self.data.split.valid)["all entities"].mrr()

    def _path(self, name: str, seed: int) -> Path:
        setting = self.embedding if name == COMPLEX else self.setting
        mark = hashlib.sha256(repr(setting).encode()).hexdigest()[:8]
        words = "".join(c if c.isalnum() else " " for c in name).split()
        return self.folder / f"{'-'.join(words).lower()}-{seed}-{mark}.json"


def table(name: str, results: dict[str, list[dict[str, Any]]]) -> Table:
    """Means over seeds, with the standard deviation of each MRR."""
    made = Table(title=f"{name}; {len(next(iter(results.values())))} seeds; filtered, mean ranks for ties")
    for heading in (
        "", "MRR, all entities", "optimistic", "pessimistic", "MRR, of the kind", "hits@10, of the kind",
        "PoLo's: hits@1", "hits@3", "hits@10", "MRR", "CPU to learn", "to apply",
    ):  # fmt: skip
        made.add_column(heading, justify="left" if not heading else "right")
    for variant, runs in results.items():

        def mean(protocol: str, figure: str, spread: bool = False, runs: list[dict[str, Any]] = runs) -> str:
            values = np.array([r["test"][protocol][figure] for r in runs])
            return f"{values.mean():.3f}" + (f" ± {values.std(ddof=1):.3f}" if spread and len(values) > 1 else "")

        learn, apply = (np.mean([r[f"cpu_seconds_{n}"] for r in runs]) for n in ("learn", "apply"))
        made.add_row(
            variant, mean("all entities", "mrr", True), mean("all entities", "mrr_optimistic"),
            mean("all entities", "mrr_pessimistic"), mean("of the kind", "mrr", True), mean("of the kind", "hits@10"),
            *(mean("PoLo's", f"hits@{k}") for k in (1, 3, 10)), mean("PoLo's", "mrr", True), f"{learn:.0f} s",
            f"{apply:.0f} s",
        )  # fmt: skip
    return made


def tell(run: Run, seed: int, number: int, show: Callable[[str], None]) -> None:
    """Pages of the first predictions of the full model, the learned rules, and how many were held out."""
    model = run.full(seed).model
    data = run.data
    found = candidates(data, model)
    teller = Teller(data, model, expert_rules(data.split.graph))
    held = np.concatenate([data.split.valid, data.split.test])[:, [0, 2]].tolist()
    right = sum([c, d] in held for c, d, _ in found[:LOOKED_AT])
    lead = (
        f"The first {number} of {len(found):,} pairs of compound and disease that were not learned from. "
        f"Of the first {LOOKED_AT}, {right} are treatments that were held out ({len(held)} pairs were); by chance, "
        f"{LOOKED_AT * len(held) / len(found):.2f} would be."
    )
    told = [teller.tell(compound, disease) for compound, disease, _ in found[:number]]
    write_reasons(run.folder / "predictions", told, "Predicted treatments", f"{NOTES[0]} {lead}")
    (run.folder / "predictions" / "predictions.txt").write_text("\n\n".join(map(str, told)) + "\n", "utf-8")
    show(lead)


def run(args: Sequence[str]) -> int:
    """The task's command."""
    parser = argparse.ArgumentParser(prog="neurosym run repurposing", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument(
        "--variants", action="append", choices=(*VARIANTS, COMPLEX), help="these alone; may be repeated"
    )
    parser.add_argument("--no-complex", action="store_true", help="do not compare with ComplEx, which needs pykeen")
    parser.add_argument("--reports", type=int, default=10, help="predictions that are told")
    parser.add_argument("--rdf", action="store_true", help="write the graph as hetionet.nt as well")
    parser.add_argument("--out", type=Path, default=Path("out/repurposing"))
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args(list(args))
    torch.set_num_threads(1)
    console = Console(width=max(190, Console().width))
    setting = Setting()
    if options.epochs is not None:
        setting = replace(setting, recipe=replace(setting.recipe, epochs=options.epochs))
    options.out.mkdir(parents=True, exist_ok=True)
    data = read_hetionet()
    for note in data.check.notes:
        console.print(f"[dim]{note}[/dim]")
    work = Run(data, setting, Embedding(), options.out, options.quiet)
    wanted = options.variants or [*VARIANTS, *([] if options.no_complex else [COMPLEX])]
    results: dict[str, list[dict[str, Any]]] = {}
    for name in wanted:
        try:
            results[name] = [work.result(name, seed) for seed in range(options.seed, options.seed + options.seeds)]
        except ModuleNotFoundError as error:
            if name != COMPLEX or (error.name or "").split(".")[0] != "pykeen":
                raise
            console.print(f"{COMPLEX}: left out, pykeen is not installed")
            continue
        if not options.quiet:
            console.print(table(data.split.name, {name: results[name]}))
    if results:
        console.print(table(data.split.name, results))
    about = {"data": data.split.name, "check": data.check.counts} | asdict(setting)
    measured = [found for variant in results.values() for found in variant]
    write(options.out / "results.json", ["repurposing", *args], measured, about)
    if options.rdf:
        (options.out / "hetionet.nt").write_text(to_rdf(data), "utf-8")
    if FULL in results and options.reports:
        tell(work, options.seed, options.reports, console.print)
        console.print(f"{options.out / 'predictions'}: index.html, a page and a JSON file for each, predictions.txt")
    return 0
