"""An audit as a page: self-contained, readable without scripts."""

from __future__ import annotations

from neurosym.explain.audit.model import Audit
from neurosym.explain.audit.sections import sections, summary, unexpected
from neurosym.explain.report.page import environment


def audit_html(audit: Audit, title: str = "Audit") -> str:
    """The page of an audit. All strings are escaped."""
    return (
        environment()
        .get_template("audit.html")
        .render(
            title=title,
            summary=summary(audit).replace("`", ""),
            doubtful=sum(r.doubtful for r in audit.rules),
            rules=len(audit.rules),
            readings=audit.shortcuts,
            conflicts=unexpected(audit),
            sections=list(sections(audit)),
            warnings=audit.warnings,
        )
    )
