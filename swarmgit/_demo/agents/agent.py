"""What runs in place of a coding agent: the script that is named after the task."""

import os
import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).parent / f"{os.environ['SWARM_TASK'].replace('-', '_')}.py"), run_name="__main__")
