"""Three sentences: which semantics and why, what it costs, and what it or the others get wrong."""

from __future__ import annotations

from collections.abc import Sequence

from neurosym.grounding.cost.forecast import FACT_BYTES, LITERAL_BYTES, megabytes
from neurosym.reasoner.advice.model import Numbers, Trial

Sentences = tuple[str, str, str]
SHOWN = 3  # semantics whose errors are told
SAME = 1e-6  # differences below it are rounding


def about_grounding(numbers: Numbers) -> Sentences:
    """Of a program that cannot be grounded within the limits."""
    size = f"about {numbers.forecast_facts:,} facts and {numbers.forecast_firings:,} firings"
    if numbers.limits:
        hit = " and ".join(numbers.limits)
        first = (
            f"No semantics can be advised yet: grounding is foreseen to exceed the limits on {hit}, and was not tried."
        )
        second = f"It would take {size}, some {numbers.forecast_seconds:.2g} s"
        second += f", and costs most at {_plain(numbers.worst)}." if numbers.worst else "."
    else:
        first = f"No semantics can be advised yet: grounding was begun and stopped ({_plain(numbers.worst)})."
        second = f"It had been foreseen to take {size}, some {numbers.forecast_seconds:.2g} s."
    return (
        first, second,
        "Ask for less, bound the rule that costs most, or allow more time and higher limits, and ask again: "
        "nothing was evaluated, so nothing can be said of errors.",
    )  # fmt: skip


def about_certain(chosen: str, numbers: Numbers, exact: Trial) -> Sentences:
    """Of a program whose answers rest on no choice."""
    if not numbers.answers:
        first = f"Use `{chosen}`, as any other: the queries have no answer, so there is nothing to choose for."
    elif chosen == "boolean":
        first = f"Use `boolean`: {_all(numbers.answers)} certain, rest on no choice, and are true or cannot be derived."
    else:
        first = f"Use `exact`: {_all(numbers.answers)} certain, but there is evidence, which `boolean` does not define."
    second = f"Grounding took {_seconds(numbers.grounding_seconds)} for {_count(numbers.facts, 'fact')}"
    if exact.seconds is not None:
        firings = _count(numbers.firings, "firing")
        second += f", without {firings} that another semantics would keep ({_seconds(exact.seconds)})"
    return (
        first, f"{second}, and there is nothing more to calculate.",
        "Nothing it says is wrong if the rules and facts are right, and every semantics but `count` and `sum-product`, "
        "which count derivations, gives the same answers.",
    )  # fmt: skip


def sentences(chosen: str | None, numbers: Numbers, trials: Sequence[Trial], detail: str) -> Sentences:
    """Of a program with uncertain answers.

    Args:
        trials: of all semantics; detail: of the largest circuit.
    """
    of = {t.semantics: t for t in trials}
    if chosen is None:
        return (
            "No semantics can be advised: none gave an answer in the time allowed.",
            f"Grounding alone took {_grounding(numbers)}.",
            "Nothing was compared, so allow more time, or ask for less.",
        )
    if chosen == "exact":
        first = _why_exact(numbers, of["exact"], detail)
    elif chosen == "topk":
        first = _why_topk(of["topk"], of["exact"])
    elif chosen == "bounds":
        first = _why_bounds(numbers, of["exact"])
    else:
        first = f"Use `{chosen}` for want of better: {_why_not(of['exact'])}, and `topk` {_trouble(of['topk'])}."
    return first, _cost(numbers, of[chosen], of["viterbi"]), _wrong(chosen, numbers, of)


def _why_exact(numbers: Numbers, exact: Trial, detail: str) -> str:
    what = "interval" if numbers.unknown else "probability"
    if exact.answered < exact.of:
        return (
            f"Use `exact`: it gave the right {what} of {exact.answered} of {_measured(numbers)}, more than `topk` did "
            f"({exact.because})."
        )
    text = f"Use `exact`: it gives the right {what} of {_every(_measured(numbers))}"
    methods = dict(numbers.methods)
    circuits = methods.get("circuit", 0)
    if numbers.unknown:
        rest = "1 answer rests" if numbers.unknown == 1 else f"{numbers.unknown} answers rest"
        text += f", the tightest one where {rest} on unknown atoms"
    if circuits:
        return f"{text}; {circuits} needed a circuit ({detail})" + (
            "." if circuits == numbers.measured else ", and sums and products are enough for the others."
        )
    if numbers.derived:
        facts = _count(numbers.derived, "uncertain fact")
        right = _every(facts) if numbers.proved == numbers.derived else f"{numbers.proved:,} of {facts}"
        return f"{text}, by sums and products alone, which are proved right for {right} that rules derive."
    return f"{text}, without a circuit."


def _why_topk(topk: Trial, exact: Trial) -> str:
    within = f"no wider than {_number(topk.width)}" if topk.width else "that meet"
    settings = f" ({topk.settings})" if topk.settings else ""
    return (
        f"Use `topk`{settings}: it gives proved bounds {within} on {topk.answered} of {topk.of} answers looked at, "
        f"where {_why_not(exact)}."
    )


def _why_bounds(numbers: Numbers, exact: Trial) -> str:
    if numbers.narrowed and numbers.before and numbers.after:
        return (
            f"Use `bounds`: it alone reasons with the constraints ({numbers.constraints}), and these narrow "
            f"{numbers.narrowed} of {_measured(numbers)}, {numbers.narrowed_atom} from {_interval(numbers.before)} to "
            f"{_interval(numbers.after)}."
        )
    return f"Use `bounds`: it gives intervals of truth for {_measured(numbers)}, where {_why_not(exact)}."


def _why_not(exact: Trial) -> str:
    """What kept the exact semantics from its answers."""
    given = f"`exact` gave {exact.answered} of {exact.of}" if exact.answered else "`exact` gave none"
    return f"{given} ({f'{exact.code}: ' if exact.code else ''}{_plain(exact.because)})"


def _trouble(trial: Trial) -> str:
    return f"refuses ({trial.code}: {_plain(trial.because)})" if trial.code else f"was {_plain(trial.because)}"


def _cost(numbers: Numbers, trial: Trial, viterbi: Trial) -> str:
    given = f"{trial.answered} of " if trial.answered < trial.of else ""
    text = f"Grounding took {_grounding(numbers)}; {given}{_measured(numbers)} then took "
    text += f"{_seconds(trial.seconds)} at first and {_seconds(trial.again)} with other weights"
    if numbers.trainable and trial.reached is not None:
        text += f", and a gradient reaches {trial.reached} of {_count(numbers.trainable, 'learnable choice')}"
        if viterbi.reached is not None and viterbi.reached < trial.reached:
            text += f", where under `viterbi` it reaches {viterbi.reached}"
    if numbers.stand_ins:
        text += f" (with equal probabilities in place of what networks would say, {numbers.stand_ins} of them)"
    return text + "."


def _wrong(chosen: str, numbers: Numbers, of: dict[str, Trial]) -> str:
    own = {
        "exact": "It gets nothing wrong if the rules, weights and independent choices are right",
        "topk": f"It leaves open where in its bounds the probability lies, by up to {_number(of['topk'].width)} "
        f"({of['topk'].width_atom})",
        "bounds": "Its intervals are of truth degrees, not of probabilities" + _leaves_out(of["bounds"]),
    }.get(chosen, f"It is no probability{_how_far(of[chosen])}")
    if chosen == "exact" and of["exact"].answered < of["exact"].of:
        own = "What it gives is right, and the other answers it does not give"
    if numbers.constraints and chosen != "bounds":
        own += f", but {_constraints(numbers)} no part"
    if numbers.contradictions and numbers.constraints:
        own += f", and `bounds` finds {_count(numbers.contradictions, 'contradiction')}"
    return f"{own}; {_others(chosen, numbers, of)}."


def _others(chosen: str, numbers: Numbers, of: dict[str, Trial]) -> str:
    """The errors of the others."""
    told = [of[n] for n in ("viterbi", "product", "sum-product", "goedel", "lukasiewicz") if n != chosen]
    found = sorted((t for t in told if (t.error or 0) > SAME), key=lambda t: -(t.error or 0))
    same = [t for t in told if t.error is not None and t.error <= SAME and not t.at_least]
    refused = [t for t in told if t.code]
    parts = [f"`{t.semantics}` {_how_far(t).lstrip(', ')}" for t in found[:SHOWN]]
    if len(found) > SHOWN:
        parts.append(_names(found[SHOWN:]) + " less")
    if same:
        verb = "agrees" if len(same) == 1 else "agree"
        parts.append(_names(same) + f" {verb} with {'it' if chosen == 'exact' else '`exact`'} on these answers")
    if refused:
        codes = {t.code for t in refused}
        why = "evidence (NS503)" if codes == {"NS503"} else f"({', '.join(sorted(codes))})"
        names = "the algebras" if len(refused) == len(told) else _names(refused)
        verb = "refuses" if len(refused) == 1 else "refuse"
        parts.append(f"{names} {verb} {why}")
    return ", ".join(parts) or "no other was compared"


def _names(trials: Sequence[Trial]) -> str:
    names = [f"`{t.semantics}`" for t in trials]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _how_far(trial: Trial) -> str:
    if trial.error is None:
        return ""
    least = "at least " if trial.at_least else "up to "
    right = f"{_number(trial.right)} {'is the nearest possible' if trial.at_least else 'is right'}"
    return f", is off by {least}{_number(trial.error)} ({_number(trial.value)} for {trial.error_atom}, where {right})"


def _leaves_out(bounds: Trial) -> str:
    if not bounds.error or bounds.error <= SAME:
        return ""
    return (
        f", and leave out up to {_number(bounds.error)} of what `exact` allows (they end at "
        f"{_number(bounds.value)} for {bounds.error_atom}, its interval at {_number(bounds.right)})"
    )


def _grounding(numbers: Numbers) -> str:
    size = f"{_count(numbers.facts, 'fact')} and {_count(numbers.firings, 'firing')}"
    memory = megabytes(FACT_BYTES * numbers.facts + 2 * LITERAL_BYTES * numbers.firings)
    return f"{_seconds(numbers.grounding_seconds)} for {size}, about {memory}"


def _measured(numbers: Numbers) -> str:
    """The answers that were looked at: `5 answers`, `100 of 2,400 uncertain answers`."""
    uncertain = numbers.answers - numbers.certain
    if numbers.measured < uncertain:
        return f"{numbers.measured} drawn from {uncertain:,} uncertain answers"
    return _count(numbers.measured, "uncertain answer")


def _all(answers: int) -> str:
    return "its one answer is" if answers == 1 else f"all {answers:,} answers are"


def _every(counted: str) -> str:
    """`all 5 answers`, `the 1 answer`."""
    return f"{'the' if counted.startswith('1 ') else 'all'} {counted}"


def _constraints(numbers: Numbers) -> str:
    return "the constraint takes" if numbers.constraints == 1 else f"the {numbers.constraints} constraints take"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"


def _interval(values: tuple[float, float]) -> str:
    return f"[{_number(values[0])}, {_number(values[1])}]"


def _seconds(value: float | None) -> str:
    if value is None:
        return "an unknown time"
    milliseconds = 1000 * value
    if milliseconds >= 1000:
        return f"{value:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.2g} ms"


def _plain(text: str) -> str:
    return text.strip().rstrip(".")


__all__ = ["about_certain", "about_grounding", "sentences"]
