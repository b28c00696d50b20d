"""Explanations as HTML: one page for each, and an index page for many. Pages load nothing and need no script."""

from neurosym.explain.report.batch import batch_html, write_batch
from neurosym.explain.report.page import write_page
from neurosym.explain.report.single import explanation_html, framed_html
from neurosym.explain.report.workers import in_order

__all__ = ["explanation_html", "framed_html", "batch_html", "in_order", "write_batch", "write_page"]
