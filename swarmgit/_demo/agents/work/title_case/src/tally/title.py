"""Write titles."""


def title_case(text: str) -> str:
    """Return a text with the first letter of every word as a capital, the others as they were."""
    return " ".join(word[:1].upper() + word[1:] for word in text.split())
