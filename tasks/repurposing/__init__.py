"""Which diseases might a known compound treat as well, and why."""
