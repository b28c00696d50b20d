"""Reasoners for the three ways to be asked, how they train, and how they are judged."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

import neurosym as ns
from neurosym.lang import Symbol
from neurosym.lang.terms import spell
from neurosym.learning import ClassBalance, Schedule, Term, batches_of, nll
from neurosym.learning import Sample as Example
from neurosym.neural import TextNet, WordsNet
from tasks.clutrr.data import FIRST, MARKS, NAMES, SECOND, Naming, Story, sexes_of
from tasks.clutrr.tables import READ, RELATIONS, open_table
from tasks.common.begin import drawn

FOLDER = Path(__file__).parent
WALK, KINSHIP, READING = (FOLDER / f"{name}.rules" for name in ("walk", "kinship", "reading"))
QUERY = "answer(R)"
CHUNK = 50  # stories judged at a time
FORGET = 0.2  # share of words that training hides
HIDDEN = 0.2  # share of a story's persons whose sex a network that was trained before is not told in training
LONGEST = 96  # tokens of a passage, for such a network
HEAD = 10  # times the rate of what was trained before, for the layer that was not
BALANCE = {2: 1.0, 3: 0.25}  # weight of the loss `ClassBalance`, for stories of up to so many steps


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        short: epochs on stories of two steps, before `epochs` on those of two and three.
    """

    short: int
    epochs: int
    batch: int
    lr: float


def asked(story: Story) -> Sequence[tuple[str, tuple[int | str, ...]]]:
    """The facts of every way: who stands where on the walk, and of whom is asked."""
    return [("person", pair) for pair in enumerate(story.people)] + [("asked", (0, story.length))]


def told(story: Story) -> Example:
    """A story of which the relations along the walk are facts."""
    steps = [("step", (k, k + 1, Symbol(r))) for k, r in enumerate(story.relations)]
    return Example([*asked(story), *steps], Symbol(story.label))


@dataclass(frozen=True, slots=True)
class Reader:
    """What reads passages.

    Attributes:
        network: passages → relations.
        sexes: name → sex, as far as labels told.
        naming: what the persons of a passage are called.
    """

    network: WordsNet | TextNet
    sexes: Mapping[str, str]
    naming: Naming = MARKS

    def rows(self, stories: Sequence[Story], back: bool = False, hidden: Collection[str] = ()) -> torch.Tensor:
        """(steps of all stories, length) the passages, as the network takes them.

        Args:
            back: the other way round; hidden: names whose sex is not told.
        """
        told = {name: sex for name, sex in self.sexes.items() if name not in hidden}
        texts = [s.passage(k, told, back, self.naming) for s in stories for k in range(s.length)]
        return self.network.tokens(texts, cut=True)

    def knows(self, story: Story) -> bool:
        """Whether the sexes of all persons of the walk are known."""
        return all(name in self.sexes for name in story.people)


def written(story: Story, reader: Reader, back: bool = False, hidden: Collection[str] = ()) -> Example:
    """A story of which a network reads the relations: one passage, an input of the sample, for each step.

    Args:
        back: read what each person is to the next one; for training, and where the reader knows the sexes.
        hidden: persons whose sex the passages do not tell.
    """
    slots = [Symbol(f"passage{k + 1}") for k in range(story.length)]
    facts = [*asked(story), *(("tells_back" if back else "tells", (k, k + 1, slot)) for k, slot in enumerate(slots))]
    if back:
        facts += [("sex", (k, Symbol(reader.sexes[name]))) for k, name in enumerate(story.people)]
    inputs = {slot.name: row for slot, row in zip(slots, reader.rows([story], back, hidden), strict=True)}
    return Example(facts, Symbol(story.label), inputs)


def with_table(*tables: Path) -> ns.Reasoner:
    """The reasoner over relations that are given, with tables of composition from rule files."""
    return ns.Reasoner(ns.Program.from_file(WALK, *tables))


def with_table_text(table: str) -> ns.Reasoner:
    """The same, with a table that is no file yet."""
    return ns.Reasoner(ns.Program.from_text(f"{WALK.read_text('utf-8')}\n{table}", "learned.rules"))


def with_open_table(seed: int, relations: Sequence[str] = RELATIONS) -> ns.Reasoner:
    """The same, with a table to be learned; the best proof of a label says which entries it needs."""
    text = f"{WALK.read_text('utf-8')}\n{open_table(relations)}"
    return ns.Reasoner(ns.Program.from_text(text, "open.rules"), semantics="viterbi", seed=seed)


def with_reader(
    stories: Sequence[Story], table: Path, seed: int, encoder: Path | None = None
) -> tuple[ns.Reasoner, Reader]:
    """The reasoner over texts, with a table from a rule file; and its network.

    Args:
        encoder: folder of a transformer that was trained on other texts; without it the network starts from nothing,
            and knows the words of these stories.
    """
    kinds = with_table(KINSHIP).query("kind(R, K, Sex)").args
    sexes = sexes_of(stories, {spell(r): spell(sex) for r, _, sex in kinds})

    def network() -> WordsNet | TextNet:
        if encoder is None:
            texts = [s.passage(k, sexes) for s in stories for k in range(s.length)]
            return WordsNet.of_texts(texts, len(READ), marks=(FIRST, SECOND), forget=FORGET)
        marks = [list(NAMES.first.values()), list(NAMES.second.values())]
        found = TextNet.from_folder(encoder, len(READ), length=LONGEST, marks=marks)
        # words that training does not see must stay beside those that it sees
        found.model.get_input_embeddings().requires_grad_(False)  # pyright: ignore[reportCallIssue]
        return found

    reader = Reader(drawn(network, seed), sexes, MARKS if encoder is None else NAMES)
    program = ns.Program.from_file(WALK, table, READING)
    return ns.Reasoner(program, networks={"reader": reader.network}, seed=seed), reader


def learn_table(reasoner: ns.Reasoner, stories: Sequence[Story], settings: Settings, seed: int, progress: bool) -> None:
    """Learn the table from labels: from stories of two steps, then from all; equal ones are taken once."""
    distinct = list({(s.relations, s.label): s for s in stories}.values())
    for epochs, longest in ((settings.short, 2), (settings.epochs, 3)):
        data = batches_of(QUERY, [told(s) for s in distinct if s.length <= longest], settings.batch)
        ns.fit(
            reasoner, data, epochs=epochs, lr=settings.lr, seed=seed, progress=progress,
            description=f"table, walks of up to {longest} steps, seed {seed}",
        )  # fmt: skip


def learn_to_read(
    reasoner: ns.Reasoner, reader: Reader, stories: Sequence[Story], settings: Settings, seed: int, progress: bool
) -> None:
    """Train the network from labels, on each passage in both directions.

    Labels alone leave a shortcut: aunts, uncles and grandmothers read as sisters, brothers and mothers are right in
    some walks. That all relations are about equally frequent is untrue, but keeps the network out of it at first.
    """
    encoder = reader.network if isinstance(reader.network, TextNet) else None
    draw = random.Random(seed)
    for epochs, longest, schedule in ((settings.short, 2, "constant"), (settings.epochs, 3, "linear")):
        examples: list[Example] = []
        for story in (s for s in stories if s.length <= longest):
            for back in (False, True)[: 1 + reader.knows(story)]:
                hidden = [name for name in story.people if encoder and draw.random() < HIDDEN]
                examples.append(written(story, reader, back, hidden))
        ns.fit(
            reasoner, batches_of(QUERY, examples, settings.batch), epochs=epochs, lr=settings.lr, seed=seed,
            optimizer=_optimizer(encoder, settings.lr) if encoder else None,
            loss=[Term("labels", nll), Term("balance", ClassBalance(), BALANCE[longest])],
            schedule=Schedule(schedule, warmup=0.1 if encoder else 0.0), progress=progress,
            description=f"stories of up to {longest} steps, seed {seed}",
        )  # fmt: skip


def _optimizer(network: TextNet, lr: float) -> torch.optim.Optimizer:
    """What was trained before moves slowly, or it forgets; the layer on it starts from nothing."""
    body = [p for p in network.model.parameters() if p.requires_grad]
    return torch.optim.AdamW([{"params": body, "lr": lr}, {"params": network.head.parameters(), "lr": HEAD * lr}])


@torch.no_grad()
def answers_of(reasoner: ns.Reasoner, examples: Sequence[Example]) -> list[str]:
    """The most probable relation of each story; empty where none can be put together."""
    reasoner.eval()
    found: list[str] = []
    for batch in batches_of(QUERY, examples, CHUNK):
        answers = batch.ask(reasoner)
        assert isinstance(answers, ns.SampleAnswers)
        for k in range(len(answers)):
            possible = answers.of(k)
            best = max(possible, key=possible.__getitem__, default="")
            found.append(best.removeprefix("answer(").removesuffix(")"))
    return found


def accuracy(reasoner: ns.Reasoner, stories: Sequence[Story], reader: Reader | None = None) -> float:
    """The share of stories whose most probable answer is their label.

    Args:
        reader: of the texts; without it the relations are given.
    """
    examples = [written(s, reader) if reader else told(s) for s in stories]
    found = answers_of(reasoner, examples)
    return sum(f == s.label for f, s in zip(found, stories, strict=True)) / len(stories)


@torch.no_grad()
def read_rightly(reader: Reader, stories: Sequence[Story]) -> float:
    """The share of steps whose relation in the column `edge_types` the network says; for judging only."""
    reader.network.eval()
    said = reader.network(reader.rows(stories)).argmax(1).tolist()
    relations = [r for s in stories for r in s.relations]
    return sum(READ[k] == r for k, r in zip(said, relations, strict=True)) / len(relations)


def explain(reasoner: ns.Reasoner, story: Story, reader: Reader | None = None) -> ns.Explanation:
    """Why the reasoner gives the answer that it gives to one story."""
    example = written(story, reader) if reader else told(story)
    (batch,) = batches_of(QUERY, [example], 1)
    reasoner.eval()
    answers = batch.ask(reasoner)
    assert isinstance(answers, ns.SampleAnswers)
    alone = answers.alone(0)
    # other proofs put the same steps together in another order
    return ns.explain(alone, alone.best_atom(), proofs=1)
