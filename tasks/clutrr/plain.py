"""What sentences say in so many words, and where the data says otherwise: for judging only, no network sees it.

In some stories the sentence that was written for a step has its two persons exchanged: `[Kirk] took his son [Michael]
out for pizza`, where Kirk is the son by the file and by the story's label. Who reads that rightly answers wrongly.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

import neurosym as ns
from neurosym.lang.terms import spell
from tasks.clutrr.data import Story
from tasks.clutrr.model import KINSHIP, READING, WALK
from tasks.clutrr.tables import READ

SPELLED = {"dad": "father", "mom": "mother", "grandpa": "grandfather", "grandma": "grandmother"}
_A, _B, _WORD = r"\[(?P<a>[^\]]*)\]", r"\[(?P<b>[^\]]*)\]", rf"(?P<word>{'|'.join([*READ, *SPELLED])})"
_END = r"(?![\w'’-]| '| in[ -]law)"  # not another relative's relative, nor one by marriage
# each says that B is A's relative; between the two stands no other name and no end of a sentence
PLAIN = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_A}[^.!?\[\]]*?\b(?:his|her) {_WORD},? {_B}",
        rf"{_A} ?'s {_WORD},? {_B}",
        rf"{_B} is {_A} ?'s {_WORD}{_END}",
        rf"{_B} is the {_WORD} of {_A}",
    )
)


@cache
def turned() -> set[tuple[str, str]]:
    """(A, B): who is my relative A may have me as relative B, by `reading.rules`; sexes are left open."""
    rules = ns.Reasoner(ns.Program.from_file(WALK, KINSHIP, READING))
    found = rules.query("relative(A, K, S), other_way(K, L), relative(B, L, T)")  # in this order: A, K, S, L, B, T
    return {(spell(a), spell(b)) for a, _, _, _, b, _ in found.args}


def statements(text: str) -> Iterator[tuple[str, str, str]]:
    """(A, relation, B) for what a text says plainly: B is A's relation."""
    for pattern in PLAIN:
        at = 0
        while found := pattern.search(text, at):
            word = found["word"].lower()
            yield found["a"], SPELLED.get(word, word), found["b"]
            at = found.start() + 1


def contradicted(story: Story) -> list[int]:
    """The steps of which the story says plainly something else than the column `edge_types`, and nowhere the same."""
    told = set(statements(" ".join(story.sentences)))
    found: list[int] = []
    for step, relation in enumerate(story.relations):
        here, there = story.people[step : step + 2]
        mine = {word == relation for a, word, b in told if (a, b) == (here, there)}
        mine |= {(word, relation) in turned() for a, word, b in told if (a, b) == (there, here)}
        if mine == {False}:
            found.append(step)
    return found


def ceiling_of_text(stories: Sequence[Story]) -> float:
    """The best accuracy of who reads rightly what is said plainly: `ceiling`, with contradicted stories as wrong."""
    labels: dict[object, Counter[str]] = {}
    for story in stories:
        if not contradicted(story):
            labels.setdefault(story.walk, Counter())[story.label] += 1
    return sum(max(found.values()) for found in labels.values()) / len(stories)
