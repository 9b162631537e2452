"""`python -m swarmgit`."""

from __future__ import annotations

import sys

from swarmgit.cli import main

if __name__ == "__main__":
    sys.exit(main())
