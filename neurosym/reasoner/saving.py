"""Saves a reasoner as a folder and reads it back, without running code from it.

    model.json             what the model is made of, with a hash of every other file
    rules/                 the rule texts, laid out as they were
    weights.safetensors    parameters and buffers of the networks, and the rule weights
    background.jsonl       facts that every prediction needs, such as an ontology

A folder is written beside its place and then renamed, so that it is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neurosym.errors import ModelError, NeurosymError
from neurosym.facts import FactBase
from neurosym.grounding import Limits
from neurosym.grounding.tables import matched
from neurosym.lang import Foreign
from neurosym.neural import FeatureTable, from_config
from neurosym.reasoner.reasoner import Reasoner, algebra
from neurosym.reasoner.rights import usual
from neurosym.reasoner.saved_facts import read_facts, write_facts
from neurosym.reasoner.saved_rules import check_hash, read_rules, write_rules
from neurosym.reasoner.sharing import share, shared_modules
from neurosym.reasoner.tensors import read_tensors
from neurosym.semantics.lnn import LogicBounds
from neurosym.version import version

FORMAT = "neurosym-model/1"
MANIFEST, RULES, WEIGHTS, BACKGROUND = "model.json", "rules", "weights.safetensors", "background.jsonl"
AGAIN = "save the model again, or copy the whole folder"


@dataclass(frozen=True)
class Features:
    """What a model knows of a feature table: never its rows.

    Attributes:
        name: of the table; `columns`: of its rows, empty for images and other tensors; `dtype`: of the numbers.
        id_prefix: what all ids began with, `onc:` or the base of an IRI; put before plain names of new entities.
        categories: column → the categories that its codes stand for; `allow_nan`: whether values may be missing.
    """

    name: str
    columns: tuple[str, ...]
    dtype: str
    id_prefix: str
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    allow_nan: bool = False


@dataclass(frozen=True)
class Manifest:
    """What stands in model.json.

    Attributes:
        version: of the library that saved it; `networks`: name → {"class", "config"}.
        rules: name, path, sha256 and root of each file; `rules_sha256`: of all, as in explanations.
        queries: what is asked when nothing is said; `prefixes`: those of the facts.
        facts_sha256: of the facts that it was trained on, which are not kept.
        foreign: the foreign predicates as they were registered; their functions are not kept.
        shared: modules that are one and the same, by their paths: the first is in the place of the others.
    """

    version: str
    semantics: str
    seed: int
    dtype: str
    max_circuit: int
    limits: dict[str, Any]
    networks: dict[str, dict[str, Any]]
    features: dict[str, Features]
    queries: tuple[str, ...]
    prefixes: dict[str, str]
    rules: tuple[dict[str, Any], ...]
    rules_sha256: str
    facts_sha256: str
    background_sha256: str | None
    weights_sha256: str
    foreign: tuple[str, ...] = ()
    shared: tuple[tuple[str, ...], ...] = ()


# ------------------------------------------------------------------------------------------------------- saving


def save(reasoner: Reasoner, path: str | os.PathLike[str], background: FactBase | None = None) -> None:
    """Write a model; one that is already there is replaced once the new one is complete.

    Args:
        background: facts that every prediction needs; by default those that the reasoner was loaded with.

    Raises:
        ModelError: NS704 a network cannot be described; NS706 the folder cannot be written; NS707 the rules' text does
            not give the program back.
    """
    check_place(path)
    target = Path(os.path.abspath(path))
    background = reasoner.background if background is None else matched(reasoner.program, background)[0]
    networks = {name: _described(name, network) for name, network in reasoner.networks.items()}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
        try:
            _write(reasoner, made, background, networks)
            _put(made, target)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ModelError(f"the model cannot be written to {path}: {reason}", code="NS706") from None


def check_place(path: str | os.PathLike[str]) -> None:
    """See that a model would replace nothing but a model.

    Raises:
        ModelError: NS706, something else is there.
    """
    target = Path(path)
    if target.exists() and not (target / MANIFEST).is_file() and not (target.is_dir() and not any(target.iterdir())):
        raise ModelError(
            f"{path} is there and is no model", code="NS706", help="choose another folder, or remove it by hand"
        )


def _described(name: str, network: nn.Module) -> dict[str, Any]:
    config = getattr(network, "config", None)
    kind = type(network).__name__
    if not callable(config):
        raise ModelError(
            f"the network `{name}` cannot be saved: its class {kind} has no `config()`", code="NS704",
            help="give it a method `config()` that returns its constructor's arguments as plain data",
        )  # fmt: skip
    arguments = config()
    try:
        # JSON has neither tuples nor NaN; what comes back must be what the constructor gets
        arguments = json.loads(json.dumps(arguments, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"the network `{name}` cannot be saved: `{kind}.config()` is not plain data", code="NS704", note=str(error)
        ) from None
    return {"class": kind, "config": arguments}


def _write(reasoner: Reasoner, folder: Path, background: FactBase | None, networks: dict[str, dict[str, Any]]) -> None:
    folder.chmod(usual(0o777))  # mkdtemp keeps it to its owner
    (folder / RULES).mkdir()
    rules = write_rules(reasoner.program, folder / RULES)
    if background is not None:
        write_facts(background, folder / BACKGROUND)
    _write_weights(reasoner, folder / WEIGHTS)
    if isinstance(reasoner.semantics, LogicBounds) and reasoner.semantics != LogicBounds():
        raise ModelError(
            "a model under `bounds` with settings of its own cannot be saved", code="NS704",
            help="save the weights by `state_dict()`, or use the default settings",
        )  # fmt: skip
    limits = reasoner.limits
    manifest = Manifest(
        version=version(),
        semantics=reasoner.semantics_name,
        seed=reasoner.seed,
        dtype=str(reasoner.dtype).removeprefix("torch."),
        max_circuit=reasoner.max_circuit,
        # JSON has no infinity: a limit that is none is left out, and is the default where the model is loaded
        limits={k: v for k, v in asdict(limits).items() if k != "memory" and math.isfinite(v)},
        networks=networks,
        features={n: _features(n, t) for n, t in reasoner.features.items()},
        queries=tuple(reasoner.queries),
        prefixes=reasoner.facts.prefixes | (background.prefixes if background is not None else {}),
        rules=tuple(rules),
        rules_sha256=reasoner.rules_sha256(),
        facts_sha256=reasoner.facts.sha256(),
        background_sha256=_hash(folder / BACKGROUND) if background is not None else None,
        weights_sha256=_hash(folder / WEIGHTS),
        foreign=tuple(one.signature for one in reasoner.program.foreign),
        shared=shared_modules(reasoner.networks),
    )
    text = json.dumps({"format": FORMAT, **asdict(manifest)}, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / MANIFEST).write_text(text + "\n", "utf-8")


def _write_weights(reasoner: Reasoner, path: Path) -> None:
    from safetensors.torch import save_file

    state = reasoner.state_dict()
    odd = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if odd:
        raise ModelError(
            f"the state `{odd[0]}` of a network is no tensor, and cannot be saved", code="NS704",
            help="keep it in a buffer, or among the constructor's arguments that `config()` gives",
        )  # fmt: skip
    # safetensors refuses tensors that share memory; a clone of each is their value
    save_file({k: v.detach().cpu().contiguous().clone() for k, v in state.items()}, path)
    os.chmod(path, 0o666 & (path.parent.stat().st_mode))


def _features(name: str, table: FeatureTable) -> Features:
    dtype, categories = str(table.rows.dtype).removeprefix("torch."), {c: tuple(v) for c, v in table.categories.items()}
    return Features(name, tuple(table.columns), dtype, id_prefix(table.ids), categories, table.allow_nan)


def id_prefix(ids: Sequence[str]) -> str:
    """What all ids of a table begin with: a prefix with its colon, the base of their IRIs, or nothing."""
    found: set[str] = set()
    for name in ids:
        plain = name[1:-1] if name.startswith("<") else name
        pattern = r".*[#/]" if "://" in plain else r"[^:]*:"
        match = re.match(pattern, plain)
        found.add(match.group() if match else "")
    return found.pop() if len(found) == 1 else ""


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _put(made: Path, target: Path) -> None:
    """Move a complete folder to its place. What was there stays until then, and comes back if the move fails."""
    if not target.exists():
        made.rename(target)
        return
    old = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-old-"))
    try:
        os.replace(target, old / "model")
        try:
            made.rename(target)
        except BaseException:
            os.replace(old / "model", target)
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


# ------------------------------------------------------------------------------------------------------ loading


def read_manifest(path: str | os.PathLike[str]) -> Manifest:
    """What a saved model is made of.

    Raises:
        ModelError: NS701 there is no model; NS702 its model.json is damaged, or of another format.
    """
    file = Path(path) / MANIFEST
    try:
        data = json.loads(file.read_text("utf-8"))
    except OSError:
        there = f"it holds no {MANIFEST}" if Path(path).is_dir() else "it is no folder" if Path(path).exists() else ""
        raise ModelError(
            f"there is no model at {path}", note=there, code="NS701", help="name the folder that `save` wrote"
        ) from None
    except ValueError as error:
        raise ModelError(f"{file} is damaged", code="NS702", note=str(error), help=AGAIN) from None
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        raise ModelError(
            f"{file} is no model of this version", code="NS702", note=f"its format is {found!r}, not {FORMAT!r}",
            help="load it with the version of neurosym that saved it",
        )  # fmt: skip
    try:
        return _manifest({k: v for k, v in data.items() if k != "format"})
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ModelError(f"{file} is damaged", code="NS702", note=what, help=AGAIN) from None


def _manifest(data: dict[str, Any]) -> Manifest:
    features = {n: _features_of(f) for n, f in data["features"].items()}
    foreign = tuple(map(str, data.get("foreign", ())))
    changed = {
        "foreign": foreign,
        "features": features,
        "queries": tuple(map(str, data["queries"])),
        "rules": tuple(data["rules"]),
        "shared": tuple(tuple(map(str, paths)) for paths in data.get("shared", ())),
    }
    manifest = Manifest(**{**data, **changed})
    for kind in (manifest.dtype, *(f.dtype for f in features.values())):
        if not isinstance(getattr(torch, kind, None), torch.dtype):
            raise ValueError(f"`{kind}` is no type of numbers")
    for entry in (*manifest.networks.values(), *manifest.rules):
        if not isinstance(entry, dict):
            raise TypeError("a network or rule file is no object")
    Limits(**manifest.limits)
    return manifest


def _features_of(data: dict[str, Any]) -> Features:
    categories = {str(c): tuple(map(str, v)) for c, v in data.get("categories", {}).items()}
    return Features(**{**data, "columns": tuple(map(str, data["columns"])), "categories": categories})


def load(
    path: str | os.PathLike[str],
    facts: FactBase | None = None,
    features: Mapping[str, FeatureTable] | None = None,
    classes: Mapping[str, type] | None = None,
    foreign: Iterable[Foreign] = (),
) -> Reasoner:
    """Read a model. It is in evaluation mode: dropout is off.

    Args:
        facts: joined with the background facts that were kept; `features`: tables for their entities.
        classes: name → class of the networks, and of the semantics, that are not the library's own.
        foreign: the functions of the model's foreign predicates.

    Raises:
        ModelError: NS701 a file is missing; NS702 damaged; NS703 changed; NS704 an unknown class; NS705 the weights do
            not fit; NS707 the rules cannot be parsed; NS708 a foreign predicate's function is not given.
    """
    manifest = read_manifest(path)
    folder = Path(path)
    try:
        program = read_rules(folder / RULES, manifest.rules)
        program = replace(program, foreign=_functions(manifest.foreign, foreign))
    except KeyError as error:
        raise ModelError(f"{folder / MANIFEST} is damaged", code="NS702", note=f"no {error}", help=AGAIN) from None
    background = FactBase(prefixes=dict(manifest.prefixes))
    if manifest.background_sha256 is not None:
        check_hash(folder / BACKGROUND, manifest.background_sha256)
        background = read_facts(folder / BACKGROUND)
        background.prefixes = manifest.prefixes | background.prefixes
    check_hash(folder / WEIGHTS, manifest.weights_sha256)
    networks = {name: _network(name, entry, classes) for name, entry in manifest.networks.items()}
    try:
        share(networks, manifest.shared)
    except (AttributeError, ValueError, KeyError) as error:
        raise ModelError(f"{folder / MANIFEST} is damaged", code="NS702", note=str(error), help=AGAIN) from None
    reasoner = Reasoner(
        program, background if facts is None else background + facts, networks, features,
        _semantics(manifest.semantics, classes), limits=Limits(**manifest.limits),
        max_circuit=manifest.max_circuit, seed=manifest.seed, dtype=getattr(torch, manifest.dtype),
    )  # fmt: skip
    reasoner.background = background
    reasoner.queries = manifest.queries
    _load_weights(reasoner, folder / WEIGHTS)
    return reasoner.eval()


def _functions(saved: Sequence[str], given: Iterable[Foreign]) -> tuple[Foreign, ...]:
    """The functions given for the foreign predicates of a model, each with the modes that it was saved with."""
    found = {one.modes: one for one in given}
    try:
        wanted = {Foreign(declaration, len).modes: declaration for declaration in saved}
    except NeurosymError as error:
        raise ModelError(f"{MANIFEST} is damaged", code="NS702", note=str(error), help=AGAIN) from None
    missing = [declaration for modes, declaration in wanted.items() if modes not in found]
    odd = [one.signature for modes, one in found.items() if modes not in wanted]
    if missing or odd:
        what = f"the model needs the Python function of `{missing[0]}`" if missing else ""
        kept = ", ".join(f"`{d}`" for d in saved) or "none"
        raise ModelError(
            what or f"the model has no foreign predicate `{odd[0]}`", code="NS708",
            note=f"it was saved with {kept}; a function is never kept with a model",
            help=f'pass it when you load: foreign=[Foreign("{missing[0]}", function)]' if missing else "leave it out",
        )  # fmt: skip
    return tuple(found[modes] for modes in wanted)


def _network(name: str, entry: Mapping[str, Any], classes: Mapping[str, type] | None) -> nn.Module:
    try:
        return from_config(str(entry["class"]), entry["config"], classes)
    except (NeurosymError, ValueError, KeyError, AttributeError, TypeError, RuntimeError) as error:
        what, note, advice = f"{type(error).__name__}: {error}", "", ""
        if isinstance(error, NeurosymError):
            what, note, advice = error.message, error.note, error.help
        raise ModelError(
            f"the network `{name}` cannot be made: {what}", code="NS704", note=note,
            help=advice or f"its arguments in {MANIFEST} are not those of its class; save the model again",
        ) from None  # fmt: skip


def _semantics(name: str, classes: Mapping[str, type] | None) -> Any:
    if classes and name in classes:
        return classes[name]()
    try:
        algebra(name)
    except NeurosymError as error:
        raise ModelError(
            f"the model's semantics `{name}` is not one of the library's", code="NS704", note=error.note,
            help=f'pass your own when you load: classes={{"{name}": YourSemiring}}',
        ) from None  # fmt: skip
    return name


def _load_weights(reasoner: Reasoner, path: Path) -> None:
    try:
        saved, _ = read_tensors(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is damaged", code="NS702", note=str(error), help=AGAIN) from None
    own = {**dict(reasoner.named_parameters()), **dict(reasoner.named_buffers())}
    for name, tensor in own.items():
        if name in saved:  # a network that was trained in double precision stays so
            tensor.data = tensor.data.to(saved[name].dtype)
    try:
        reasoner.load_state_dict(saved)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]]
        raise ModelError(
            "the weights do not fit the model's networks and rules", code="NS705", note="; ".join(lines[:3]),
            help="the classes must be those that the model was saved with",
        ) from None  # fmt: skip
