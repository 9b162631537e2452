"""Find words."""


def index(text: str) -> dict[str, list[int]]:
    """Return the numbers of the lines, from 1, that each word is in."""
    found: dict[str, list[int]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for word in dict.fromkeys(line.split()):
            found.setdefault(word, []).append(number)
    return found
