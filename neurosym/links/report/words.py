"""Names, edges, rules and numbers of an explanation in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from neurosym.links.classes.reasons import IRI, ClassExplanation
from neurosym.links.reasons import LinkExplanation, Named, RuleReason

Reasons = LinkExplanation | ClassExplanation
_ANY_IRI = re.compile(r"(?:[a-z][a-z0-9+.-]*://|urn:)\S+")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Words:
    """What things are called.

    Args:
        labels: name → label, where one is known.
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.labels = labels

    def name(self, name: str) -> str:
        """Its label, or the end of its IRI, or the name itself."""
        return self.labels.get(name) or local(name)

    def relation(self, name: str) -> str:
        """Its label, or its name with spaces between the words: `works_at` and `worksAt` are “works at”."""
        if self.labels.get(name):
            return self.labels[name]
        short = local(name)
        if not _IDENTIFIER.fullmatch(short):
            return short
        return " ".join(w if w.isupper() else w.lower() for w in _HUMP.sub(" ", short.replace("_", " ")).split())

    def edge(self, edge: Named) -> str:
        """An edge in words: a label of a relation is taken for a phrase, a name is not."""
        subject, relation, object_ = edge
        between = self.relation(relation)
        between = between if self.labels.get(relation) else f"– {between} –"
        return f"{self.name(subject)} {between} {self.name(object_)}"

    def edges(self, edges: tuple[Named, ...]) -> str:
        """Several, one after the other."""
        return "; ".join(dict.fromkeys(map(self.edge, edges)))

    def rule(self, rule: RuleReason) -> str:
        """A rule in short, with labels in place of IRIs."""
        return IRI.sub(lambda found: self.name(found[0]), rule.rule)

    def because(self, rule: RuleReason) -> str:
        """What an instance of a rule says: in somebody's words, or edge by edge."""
        return rule.because or self.edges(rule.grounding)

    def basis(self, rule: RuleReason) -> str:
        """Who says a rule, and how often it held."""
        said = [rule.source] if rule.source else []
        if rule.support or rule.body_count:
            said.append(f"mined: it holds for {rule.support:,} of {rule.body_count:,} pairs")
        if rule.confidence is not None:
            said.append(f"confidence {rule.confidence:.3g}")
        return "; ".join(said)


def local(name: str) -> str:
    """The end of an IRI, for people to read; any other name as it is."""
    if not _ANY_IRI.fullmatch(name):
        return name
    return unquote(re.split(r"[#/]", name.rstrip("#/"))[-1]) or name


def claim_of(why: Reasons) -> str:
    """What is predicted, as a sentence."""
    words = Words(why.labels)
    if why.claim:
        return why.claim
    if isinstance(why, LinkExplanation):
        return words.edge(why.query)
    if why.relation:
        return words.edge((why.entity, why.relation, why.answer))
    return f"{words.name(why.entity)}: {words.name(why.answer)}"


def main_reason(why: Reasons) -> str:
    """What adds most to the score of all that joins the two; empty if nothing does."""
    words = Words(why.labels)
    found = [(r.share, words.because(r)) for r in why.rules]
    if isinstance(why, LinkExplanation):
        found += [(p.share, words.edges(p.edges)) for p in why.paths if p.edges]
    else:
        found += [(e.encoder, words.edge(e.edge)) for e in why.edges if e.encoder > 0]
    return max(found, key=lambda reason: reason[0])[1] if found else ""


def number(value: float) -> str:
    """A score: `3.125`, `−0.125`."""
    return f"{value:.3f}".replace("-", "−")


def signed(value: float) -> str:
    """A part of a score: `+0.125`, `−0.125`."""
    text = f"{value:+.3f}".replace("-", "−")
    return "±0" if float(text.replace("−", "-")) == 0 else text
