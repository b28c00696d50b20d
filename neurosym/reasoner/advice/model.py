"""What advice consists of: a recommendation, three sentences, and the measurements behind them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Trial:
    """What one semantics did on the answers that were looked at.

    Attributes:
        semantics: its name; settings: what was not its default, in words.
        answered: the answers that it gave; of: those that it was asked for.
        seconds: to prepare and give them, grounding left out; again: to give them once more, with other weights.
        error: by how much it is wrong at most, against the exact values; where there are only proved bounds, by how
            much it is outside of them, and wrong at least (`at_least`). None where nothing was compared, and for
            `count`, which speaks of something else.
        error_atom: where that is, with its value and the right one (or the nearest that the bounds allow).
        width: of its widest interval, where it gives intervals, and width_atom: where.
        reached: leaves of learnable weights and networks that a gradient from the answers reaches; None where there
            are none.
        code: of the error with which it refused; because: why it refused, stopped, or was not tried.
    """

    semantics: str
    settings: str = ""
    answered: int = 0
    of: int = 0
    seconds: float | None = None
    again: float | None = None
    error: float | None = None
    at_least: bool = False
    error_atom: str = ""
    value: float | None = None
    right: float | None = None
    width: float | None = None
    width_atom: str = ""
    reached: int | None = None
    code: str = ""
    because: str = ""


@dataclass(frozen=True)
class Numbers:
    """What was found out about a program and its queries.

    Attributes:
        forecast_facts, forecast_firings, forecast_seconds: of grounding, as foreseen; limits: those that it would hit;
            worst: the rule that costs most, in words.
        facts, firings, grounding_seconds: as they were; 0 if nothing was grounded.
        answers: of the queries; certain: those that rest on no choice, absent ones included; measured: the others that
            were looked at, drawn by the seed where there are more than 100.
        choices: below the measured ones; derived: uncertain facts there that are no leaves, and of these proved: those
            for which sums and products are proved right by themselves, cyclic: those that rest on themselves.
        methods: method of the exact semantics → how many answers it gave.
        unknown: measured answers that rest on unknown atoms; narrowed: those whose interval is narrower under `bounds`
            because of the constraints, narrowed_atom: one of them, with its intervals before and after.
        observed: facts of the evidence; constraints: of the program; contradictions: found by `bounds`.
        trainable: leaves below the measured answers whose probability is learned or comes from a network.
        stand_ins: leaves of networks whose values were taken as equally probable, for want of network or inputs.
    """

    forecast_facts: int = 0
    forecast_firings: int = 0
    forecast_seconds: float = 0.0
    limits: tuple[str, ...] = ()
    worst: str = ""
    facts: int = 0
    firings: int = 0
    grounding_seconds: float = 0.0
    answers: int = 0
    certain: int = 0
    measured: int = 0
    choices: int = 0
    derived: int = 0
    proved: int = 0
    cyclic: int = 0
    methods: tuple[tuple[str, int], ...] = ()
    unknown: int = 0
    narrowed: int = 0
    narrowed_atom: str = ""
    before: tuple[float, float] | None = None
    after: tuple[float, float] | None = None
    observed: int = 0
    constraints: int = 0
    contradictions: int = 0
    trainable: int = 0
    stand_ins: int = 0


@dataclass(frozen=True)
class Advice:
    """Which semantics suits a program, what it will cost, and what it will get wrong.

    Attributes:
        semantics: its name, or None where grounding is the obstacle.
        sentences: which and why; what it costs; what it, or what others would get wrong.
        numbers: what was measured; trials: what each semantics did, the recommended one first.
    """

    semantics: str | None
    sentences: tuple[str, str, str]
    numbers: Numbers
    trials: tuple[Trial, ...]

    @property
    def alternatives(self) -> tuple[Trial, ...]:
        """The other semantics."""
        return tuple(t for t in self.trials if t.semantics != self.semantics)

    def trial(self, semantics: str) -> Trial:
        """What one semantics did."""
        return next(t for t in self.trials if t.semantics == semantics)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, for JSON."""
        numbers = asdict(self.numbers)
        numbers["methods"] = dict(self.numbers.methods)
        return {
            "semantics": self.semantics,
            "sentences": list(self.sentences),
            "numbers": numbers,
            "trials": [asdict(t) for t in self.trials],
        }

    def __str__(self) -> str:
        return "\n".join(self.sentences)


__all__ = ["Advice", "Numbers", "Trial"]
