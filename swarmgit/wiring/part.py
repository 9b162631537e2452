"""Parts of a world are made when they are first asked for: a command loads only what it uses."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any, Self, TypeVar, overload

T = TypeVar("T")
_MAKING = threading.RLock()


class Part(cached_property[T]):
    """A property that is computed once, for all threads. A test may set it before."""

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...

    def __get__(self, instance: object, owner: type[Any] | None = None) -> Self | T:
        """Return the part, made now or before."""
        with _MAKING:
            return super().__get__(instance, owner)
