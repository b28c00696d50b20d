"""What sentences say in so many words, and where the data says otherwise: for judging only, no network sees it.

In some stories the sentence that was written for a step has its two persons exchanged: `[Kirk] took his son [Michael]
out for pizza`, where Kirk is the son by the file and by the story's label. Who reads that rightly answers wrongly.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from tasks.clutrr.data import Story

# kind of relative that somebody is to the one who is of this kind to him or her
BACK = {
    "parent": "child", "child": "parent", "grandparent": "grandchild", "grandchild": "grandparent",
    "sibling": "sibling", "spouse": "spouse", "parents_sibling": "siblings_child", "siblings_child": "parents_sibling",
}  # fmt: skip
KIND = {
    word: kind
    for kind, words in {
        "parent": "father mother dad mom", "child": "son daughter", "sibling": "brother sister",
        "spouse": "husband wife", "grandparent": "grandfather grandmother grandpa grandma",
        "grandchild": "grandson granddaughter", "parents_sibling": "uncle aunt", "siblings_child": "nephew niece",
    }.items()
    for word in words.split()
}  # fmt: skip
SPELLED = {"dad": "father", "mom": "mother", "grandpa": "grandfather", "grandma": "grandmother"}
_A, _B, _WORD = r"\[(?P<a>[^\]]*)\]", r"\[(?P<b>[^\]]*)\]", rf"(?P<word>{'|'.join(KIND)})"
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
        mine |= {BACK[KIND[word]] == KIND.get(relation) for a, word, b in told if (a, b) == (there, here)}
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
