"""`python -m neurosym` is the command `neurosym`."""

import sys

from neurosym.cli import main

if __name__ == "__main__":
    sys.exit(main())
