"""Leaves a print behind at first; the lint gate refuses that, and the second attempt works from its feedback."""

import time
from pathlib import Path

import desk

PATH = "src/tally/slug.py"

rejection = desk.feedback()
if rejection is None:
    time.sleep(0.4)
    desk.deliver("slugify")
else:
    desk.say(type="text", text=f"sent back by gate {rejection['gate']}: {rejection['summary']}")
    refused = {place["line"] for place in rejection["places"] if place.get("file") == PATH}
    lines = Path(PATH).read_text(encoding="utf-8").splitlines(keepends=True)
    desk.write(PATH, "".join(line for number, line in enumerate(lines, 1) if number not in refused))
    desk.message(f"Turn titles into file names\n\nReworked: {rejection['summary']}.\n")
