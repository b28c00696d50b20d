"""Explanations as HTML: one page for each, and an index page for many. Pages load nothing and need no script."""

from neurosym.explain.report.batch import BatchPage, batch_html, write_batch, write_pages
from neurosym.explain.report.page import write_page
from neurosym.explain.report.single import explanation_html, framed_html
from neurosym.explain.report.workers import in_order

__all__ = [
    "BatchPage",
    "batch_html",
    "explanation_html",
    "framed_html",
    "in_order",
    "write_batch",
    "write_page",
    "write_pages",
]
