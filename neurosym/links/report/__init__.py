"""Reasons of links and classes as pages, one for each and an index for many. They load nothing and run no script."""

from neurosym.links.report.batch import index_html, write_reasons
from neurosym.links.report.page import reasons_html
from neurosym.links.report.words import Reasons, Words, claim_of, main_reason

__all__ = ["Reasons", "Words", "claim_of", "index_html", "main_reason", "reasons_html", "write_reasons"]
