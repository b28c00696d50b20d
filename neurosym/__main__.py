"""`python -m neurosym` is the command `neurosym`."""

import sys

if __name__ == "__main__":
    try:
        from neurosym.cli import main

        sys.exit(main())
    except KeyboardInterrupt:  # while it was being loaded
        sys.exit(130)
