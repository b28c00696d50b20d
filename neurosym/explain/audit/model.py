"""What an audit consists of. Text, JSON and HTML are views of this; nothing is computed when they are made."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

FORMAT = "neurosym-audit/1"

Verdict = Literal["never fires", "not left out", "changes nothing", "mostly errs", "works"]


@dataclass(frozen=True)
class RuleUse:
    """What a rule did to the answers.

    Attributes:
        name: its name, or file:line; `place`: file:line.
        firings: ground instances of the rule itself behind the answers that were asked for; of an exception, how often
            it applies. What an aggregate in it adds up is not counted.
        moved: answers whose probability changes by at least the audit's `least` when the rule is left out alone; None
            where it was not left out, for time or because the evidence is impossible without it.
        right, wrong: of these the ones that it moves towards the label, and away from it.
        saves, spoils: labelled answers that are decided rightly because of the rule, and wrongly because of it.
        gain: mean over the labelled answers of the log-likelihood with the rule minus that without it, in nats; None
            without labels.
    """

    name: str
    place: str
    firings: int
    moved: int | None = None
    right: int = 0
    wrong: int = 0
    saves: int = 0
    spoils: int = 0
    gain: float | None = None

    @property
    def verdict(self) -> Verdict:
        """What is to be said of it in two words."""
        if not self.firings:
            return "never fires"
        if self.moved is None:
            return "not left out"
        if self.moved == 0:
            return "changes nothing"
        # many small moves away may come with a few large ones towards: what counts is what they add up to
        return "mostly errs" if self.wrong > self.right and (self.gain or 0.0) <= 0 else "works"

    @property
    def doubtful(self) -> bool:
        """Whether a reader should look at it."""
        return self.verdict not in ("works", "not left out")


@dataclass(frozen=True)
class Conflict:
    """Two rules that speak against each other.

    Attributes:
        kind: `opposite`, one raises answers that the other lowers; `constraint`, what they conclude violates one.
        first, second: names of the rules; of `opposite`, the first raises. They are equal where one rule alone
            concludes both.
        count: answers, or violated instances; `intended`: one is an exception, which is there to
            lower, or the first says `not` of what the second leads to.
        example: an answer, or the violated instance; `detail`: by how much each moves it, or the constraint.
    """

    kind: Literal["opposite", "constraint"]
    first: str
    second: str
    count: int
    example: str
    detail: str
    intended: bool = False


@dataclass(frozen=True)
class Broken:
    """A constraint that predictions violate.

    Attributes:
        constraint: its name or place; `because`: its sentence, or an empty string.
        instances: violated ones; `worst`: the greatest probability of a violation; `example`: that instance.
    """

    constraint: str
    because: str
    instances: int
    worst: float
    example: str


@dataclass(frozen=True)
class ConceptAccuracy:
    """How often a network's concept is the labelled one.

    Attributes:
        concept: the neural predicate; `network`: its name.
        labelled: concept labels that were given; `right`: of these, where the most probable value (or, of yes or no,
            the one of at least 0.5) is the label; `mean`: probability given to the label, on average.
        confused: (label, what was said instead, how often), most frequent first, five at most.
    """

    concept: str
    network: str
    labelled: int
    right: int
    mean: float
    confused: tuple[tuple[str, str, int], ...] = ()

    @property
    def accuracy(self) -> float:
        """The share that is right."""
        return self.right / self.labelled


@dataclass(frozen=True)
class ConceptValues:
    """What the labels say about the values of a concept.

    Attributes:
        concept: the neural predicate; `network`: its name; `values`: all it can say.
        seen: values that the examples show; what is not seen is not learned.
        identified: seen values that no map that fits reads differently.
        confusable: (value, the values as which it may be read instead) for the others.
    """

    concept: str
    network: str
    values: tuple[str, ...]
    seen: tuple[str, ...]
    identified: tuple[str, ...]
    confusable: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Shortcuts:
    """Readings of the concepts that fit the labels as well as the right one does (Bortolotti et al. 2024).

    Attributes:
        readings: maps from the values of each concept to values of the same concept, the identity among them, that
            leave the probability of every labelled answer as it is; over the seen values.
        exact: whether that is their number; else it is a lower bound (`cut`: the search stopped at its limits) or an
            upper bound (`skipped` answers rest on too many combinations of concept values to be looked at).
        concepts: what is and is not identified, concept by concept.
        example: (network, value, read as) for each value that one such map changes; empty if there is only the right
            reading.
        examples: combinations of concept values that were looked at; `from_labels`: whether they are those of the
            concept labels, else all that are consistent with the labels.
        skipped, cut: see `exact`; `contradicted`: samples whose concept labels do not allow their label.
    """

    readings: int
    exact: bool
    concepts: tuple[ConceptValues, ...]
    example: tuple[tuple[str, str, str], ...]
    examples: int
    from_labels: bool
    skipped: int = 0
    cut: bool = False
    contradicted: int = 0


@dataclass(frozen=True)
class Audit:
    """What a model does with data, as far as it can be criticised.

    Attributes:
        semantics: of the answers; `answers`: how many, over all samples; `labelled`: of these, with a known truth;
            `right`: of these, on the right side of `threshold`.
        rules: all that are no facts, in the order of the program.
        conflicts: worst first; `broken`: constraints that are violated.
        concepts: accuracy, where there are concept labels; `shortcuts`: None without neural predicates.
        least: a change of probability below it counts as none; `threshold`: of a decision.
        warnings: what was not looked at, and why.
    """

    semantics: str
    answers: int
    labelled: int
    right: int
    rules: tuple[RuleUse, ...]
    conflicts: tuple[Conflict, ...]
    broken: tuple[Broken, ...]
    concepts: tuple[ConceptAccuracy, ...]
    shortcuts: Shortcuts | None
    least: float
    threshold: float
    warnings: tuple[str, ...] = ()
    format: str = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """The audit as plain data, ready for JSON; each rule has its `verdict`, each concept its `accuracy`."""
        data = asdict(self)
        for row, rule in zip(data["rules"], self.rules, strict=True):
            row["verdict"] = rule.verdict
        for row, concept in zip(data["concepts"], self.concepts, strict=True):
            row["accuracy"] = concept.accuracy
        return data

    def to_json(self, indent: int | None = 2) -> str:
        """The audit as JSON, full precision."""
        import json

        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    def to_html(self, path: str | None = None, title: str = "Audit") -> str:
        """The audit as one self-contained page; written to `path` (atomically) if given.

        Raises:
            ExplanationError: NS830, the file cannot be written.
        """
        from neurosym.explain.audit.page import audit_html
        from neurosym.explain.report import write_page

        page = audit_html(self, title)
        if path is not None:
            write_page(path, page)
        return page

    def __str__(self) -> str:
        from neurosym.explain.audit.text import audit_text

        return audit_text(self)

    def _repr_html_(self) -> str:
        return self.to_html()
