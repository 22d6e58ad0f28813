"""Methods of a machine's parts as methods of the machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

P = ParamSpec("P")
R = TypeVar("R")


class delegate(Generic[P, R]):
    """In the body of a class: `irq = delegate("_interrupts", Interrupts.irq)`."""

    def __init__(self, part: str, method: Callable[Concatenate[Any, P], R]) -> None:
        self._part, self._method = part, method

    @overload
    def __get__(self, whole: None, of: type) -> Callable[Concatenate[Any, P], R]: ...

    @overload
    def __get__(self, whole: object, of: type) -> Callable[P, R]: ...

    def __get__(self, whole: object, of: type) -> Callable[..., R]:
        if whole is None:
            return self._method
        bound: Callable[P, R] = getattr(getattr(whole, self._part), self._method.__name__)
        return bound
