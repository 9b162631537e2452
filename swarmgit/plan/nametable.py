"""Names of files and folders that mean something wherever they stand, compared as the most forgiving reader would."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

from msgspec import Struct

from swarmgit.documents.quoting import is_ignorable


@lru_cache(maxsize=1 << 14)
def fold(name: str) -> str:
    """Return one path component as the most forgiving file system or reader would see it."""
    for _ in range(2):  # case folding can bring forth characters that NFKC maps again
        name = unicodedata.normalize("NFKC", name).casefold()
        if not name.isascii():
            name = "".join(letter for letter in name if not is_ignorable(letter))
    return name.rstrip(". ") or name


class NameTable(Struct, frozen=True):
    """Names by their form: of one component, such with a '*', and of several components; each with what it stands for.

    A name stands for a file or folder of that name at any depth.
    """

    plain: Mapping[str, str]
    wild: tuple[tuple[re.Pattern[str], str], ...]
    paths: tuple[tuple[tuple[str, ...], str], ...]

    @classmethod
    def of(cls, names: Iterable[tuple[str, str]]) -> NameTable:
        """Return the table of (name, what it stands for); a trailing '/' or '/**' is the folder, no name is nothing."""
        rows = [(components(name), meaning) for name, meaning in names]
        single = [(parts[0], meaning) for parts, meaning in rows if len(parts) == 1 and parts[0].strip("*")]
        return cls(
            {part: meaning for part, meaning in reversed(single) if "*" not in part},
            tuple((re.compile(fnmatch.translate(part)), meaning) for part, meaning in single if "*" in part),
            tuple((parts, meaning) for parts, meaning in rows if len(parts) > 1),
        )

    def find(self, path: str) -> str | None:
        """Return what the first name that stands in a path means, None where none does.

        A path that ends as the parent of a name counts too: a link or file in place of the folder.
        """
        parts = tuple(fold(part) for part in path.split("/"))
        for part in parts:
            if part in self.plain:
                return self.plain[part]
            for wild, meaning in self.wild:
                if wild.fullmatch(part):
                    return meaning
        return next((meaning for names, meaning in self.paths if _stands_in(names, parts)), None)


def components(name: str) -> tuple[str, ...]:
    """Return a name's components, folded."""
    return tuple(fold(part) for part in name.removesuffix("/**").strip("/").split("/") if part)


def _stands_in(names: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Return whether the names follow each other in the path, or the path ends as their parent (a swapped folder)."""
    if any(parts[at : at + len(names)] == names for at in range(len(parts) - len(names) + 1)):
        return True
    return any(parts[-size:] == names[:size] for size in range(1, len(names)))
