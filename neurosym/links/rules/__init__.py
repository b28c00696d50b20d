"""Rules learned from a graph, applied to queries over it, written and read as rule files."""

from neurosym.links.rules.applying import Applier, Firings, Ranked
from neurosym.links.rules.index import EdgeIndex, index_edges
from neurosym.links.rules.mining import Mining, mine
from neurosym.links.rules.reading import RulesRead, read_rules, revise
from neurosym.links.rules.ruleset import CONSTANT, FREE, NONE, PATH, Rule, RuleSet, concatenate
from neurosym.links.rules.text import write_rules

__all__ = [
    "mine",
    "Mining",
    "Rule",
    "RuleSet",
    "PATH",
    "CONSTANT",
    "FREE",
    "NONE",
    "concatenate",
    "Applier",
    "Ranked",
    "Firings",
    "read_rules",
    "RulesRead",
    "write_rules",
    "revise",
    "EdgeIndex",
    "index_edges",
]
