"""The file that `train` reads: TOML that says what is learned, from which tables and labels. It runs no code."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from neurosym.errors import DataError, did_you_mean
from neurosym.learning.schedule import KINDS as SCHEDULES
from neurosym.semantics.constraints.fuzzy import FUZZY

FILES = frozenset({"rules", "background", "facts", "file", "test", "model"})  # keys whose values name files
TYPES = {
    "str": "a text", "bool": "true or false", "int": "a whole number", "float": "a number", "tuple": "a list of texts",
}  # fmt: skip
SEMANTICS = ("exact", "topk", "viterbi", "goedel", "product", "lukasiewicz")  # whose answers lie between 0 and 1
CONSTRAINTS = ("", "semantic", *FUZZY)
T = TypeVar("T")


@dataclass(frozen=True)
class Table:
    """`[tables."ex:Patient"]`: rows of features of the entities of a class.

    Attributes:
        file: CSV files; prefix: put before plain names of entities.
        columns: those that are features, all by default; categories: those of them that hold names instead of numbers.
        missing: whether a cell may be empty.
    """

    file: tuple[str, ...]
    prefix: str = ""
    columns: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    missing: bool = False


@dataclass(frozen=True)
class Network:
    """`[networks.NAME]`: its class, the columns that it sees (all by default), and other arguments of the class."""

    kind: str
    columns: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Labels:
    """`[labels]`: what is known of answers.

    Attributes:
        file: CSV files: an entity or an atom, then true or false.
        query: atoms that the labels are about; by default the queries of the rules.
        valid: files to choose the best epoch by, or the share of the labels that is put aside for it.
        test: files that are looked at once, at the end.
    """

    file: tuple[str, ...]
    query: tuple[str, ...] = ()
    valid: tuple[str, ...] | float = 0.0
    test: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Of the labels that is put aside; 0 where there are files for that."""
        return self.valid if isinstance(self.valid, float) else 0.0

    @property
    def valid_files(self) -> tuple[str, ...]:
        """Files to choose the best epoch by."""
        return self.valid if isinstance(self.valid, tuple) else ()

    @property
    def files(self) -> tuple[str, ...]:
        """All files of labels."""
        return (*self.file, *self.valid_files, *self.test)


@dataclass(frozen=True)
class Course:
    """`[training]`: as for `neurosym.fit`; `weights`: whether those of rules are learned, where they say `learn`."""

    epochs: int = 100
    lr: float = 0.01
    weight_decay: float = 0.0
    schedule: str = "constant"
    patience: int = 0
    constraints: str = ""
    weights: bool = True


@dataclass(frozen=True)
class TrainingFile:
    """All of it; names of files are those in the file with its own folder before them.

    Attributes:
        rules: files of one program; background: facts that every prediction needs, kept with the model; facts: those of
            the training data alone; model: the folder to write.
    """

    rules: tuple[str, ...]
    labels: Labels
    model: str = ""
    background: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    semantics: str = "exact"
    tables: Mapping[str, Table] = field(default_factory=dict)
    networks: Mapping[str, Network] = field(default_factory=dict)
    training: Course = field(default_factory=Course)

    def digest(self, *words: str) -> str:
        """What tells one training from another: the content of all data, and `words`."""
        found = hashlib.sha256()
        for word in words:
            found.update(f"{len(word)} {word}".encode())
        tables = (file for table in self.tables.values() for file in table.file)
        for path in (*self.background, *self.facts, *tables, *self.labels.files):
            content = Path(path).read_bytes()
            found.update(f"{len(content)} ".encode() + content)
        return found.hexdigest()


def read_training_file(path: str) -> TrainingFile:
    """Read the file; names of files in it are relative to its own folder.

    Raises:
        DataError: NS730, it is not there or no TOML, lacks something, or has a key or a value that does not belong.
    """
    try:
        found = tomllib.loads(Path(path).read_text("utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}", code="NS730") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8", code="NS730", help="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise DataError(
            f"{path} is no TOML: {error}",
            code="NS730",
            help='quote texts and names with a colon: rules = "ward.rules", [tables."ex:Patient"]; write / in paths',
        ) from None
    return _Reader(path).whole(found)


class _Reader:
    """Makes the classes above from what TOML gives, and says where in the file something is wrong."""

    def __init__(self, path: str) -> None:
        self.path, self.folder = path, Path(path).parent

    def whole(self, found: dict[str, Any]) -> TrainingFile:
        self.known(TrainingFile, found, "")
        inner = {name: found.pop(name, {}) for name in ("tables", "networks", "labels", "training")}
        parts = {name: self.section(value, name) for name, value in inner.items()}
        tables = {k: self.entities(v, f"tables.{k}") for k, v in parts["tables"].items()}
        networks = {k: self.network(v, f"networks.{k}") for k, v in parts["networks"].items()}
        labels, course = self.labels(parts["labels"]), self.course(parts["training"])
        semantics = found.get("semantics", "exact")
        if semantics not in SEMANTICS:
            raise self.fault(f"`semantics` is {semantics!r}, and should be one of {', '.join(SEMANTICS)}")
        return self.made(TrainingFile, found, "", labels=labels, tables=tables, networks=networks, training=course)

    def known(self, kind: type, given: dict[str, Any], where: str) -> None:
        """Every key is a field of the class."""
        names = [f.name for f in fields(kind)]
        for key in given:
            if key not in names:
                raise self.fault(
                    f"{place(where)} has no `{key}`", note=f"it may have {', '.join(names)}",
                    help=did_you_mean(key, names),
                )  # fmt: skip

    def made(self, kind: type[T], given: Any, where: str, **made: Any) -> T:
        """An object of a class from keys and values that are named as its fields; `made` are ready."""
        given = self.section(given, where)
        self.known(kind, given, where)
        left = {f.name: f for f in fields(kind) if f.name not in made}  # type: ignore[arg-type]
        for name, one in left.items():
            if one.default is MISSING and one.default_factory is MISSING and given.get(name, "") in ("", []):
                raise self.fault(f"{place(where)} lacks `{name}`")
        values = {k: self.value(v, left[k].type, f"{where}.{k}".lstrip("."), k in FILES) for k, v in given.items()}
        return kind(**values, **made)

    def entities(self, given: Any, where: str) -> Table:
        table = self.made(Table, given, where)
        if table.prefix and table.prefix[-1] not in ":/#":
            raise self.fault(
                f"`{where}.prefix` is {table.prefix!r}, and should end in `:`, `/` or `#`",
                help='a prefix of the rules, such as "ex:"; what else names begin with belongs into the table',
            )
        return table

    def network(self, given: Any, where: str) -> Network:
        given = self.section(given, where)
        kind = given.pop("class", "")
        if not kind or not isinstance(kind, str):
            raise self.fault(f"[{where}] lacks `class`", help='such as class = "SoftThreshold"')
        return Network(kind, self.value(given.pop("columns", []), "tuple", f"{where}.columns"), given)

    def labels(self, given: dict[str, Any]) -> Labels:
        valid = given.pop("valid", 0.0)
        if isinstance(valid, str | list):
            valid = self.value(valid, "tuple", "labels.valid", file=True)
        elif isinstance(valid, bool) or not isinstance(valid, int | float) or not 0 <= valid < 1:
            raise self.fault(f"`labels.valid` is {valid!r}, and should be a share from 0 to below 1, or files")
        else:
            valid = float(valid)
        return self.made(Labels, given, "labels", valid=valid)

    def course(self, given: dict[str, Any]) -> Course:
        course = self.made(Course, given, "training")
        for name, least in (("epochs", 1), ("patience", 0), ("weight_decay", 0)):
            if getattr(course, name) < least:
                raise self.fault(f"`training.{name}` is {getattr(course, name)}, and should be {least} at least")
        for name, known in (("schedule", SCHEDULES), ("constraints", CONSTRAINTS)):
            if getattr(course, name) not in known:
                told = ", ".join(filter(None, known))
                raise self.fault(f"`training.{name}` is {getattr(course, name)!r}, and should be one of {told}")
        if not 0 < course.lr < math.inf:
            raise self.fault(f"`training.lr` is {course.lr}, and should be above 0")
        return course

    def section(self, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            name = f"[{where.partition('.')[0]}.NAME]" if "." in where else f"[{where}]"
            raise self.fault(
                f"`{where}` is {value!r}, and should be a section",
                help=f"{name} on a line of its own, and below it what belongs to it",
            )
        return dict(value)

    def value(self, value: Any, kind: Any, where: str, file: bool = False) -> Any:
        """A value of the type that a field has, as it is written above."""
        name = str(kind).partition("[")[0]
        if name == "tuple":
            texts = [value] if isinstance(value, str) else value
            if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
                raise self.wrong(where, value, name)
            return tuple(str(self.folder / t) for t in texts) if file else tuple(texts)
        if name == "float" and type(value) is int:
            value = float(value)
        if type(value).__name__ != name:
            raise self.wrong(where, value, name)
        return str(self.folder / value) if file else value

    def wrong(self, where: str, value: Any, kind: str) -> DataError:
        return self.fault(f"`{where}` is {value!r}, and should be {TYPES[kind]}")

    def fault(self, message: str, note: str = "", help: str = "") -> DataError:
        return DataError(f"{self.path}: {message}", code="NS730", note=note, help=help)


def place(where: str) -> str:
    """A section, as it is named in a message."""
    return f"[{where}]" if where else "the file"


__all__ = ["Course", "Labels", "Network", "Table", "TrainingFile", "read_training_file"]
