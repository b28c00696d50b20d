"""The command line: `neurosym COMMAND …`; docs/reference/commands.md has its contract.

Nothing here imports torch or numpy at the top: `check` and `fmt` answer in a blink.
"""

from neurosym.cli.app import app, main

__all__ = ["app", "main"]
