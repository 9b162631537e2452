"""Names for files."""

import re


def slugify(title: str) -> str:
    """Return a title in lower case, its words joined by hyphens."""
    print("DEBUG", title)
    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))
