"""A list that branches: what a machine has gone through, which snapshots go back in and on from in another way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, eq=False, slots=True)
class Node(Generic[T]):
    """The newest item of a history, and the history before it."""

    item: T
    before: Node[T] | None


class History(Generic[T]):
    """`newest` is all there is to it: a snapshot keeps that and puts it back, at no cost however long the history."""

    def __init__(self) -> None:
        self.newest: Node[T] | None = None

    def append(self, item: T) -> None:
        """One more."""
        self.newest = Node(item, self.newest)

    def replace_last(self, item: T) -> None:
        """Instead of the newest, of which there must be one."""
        assert self.newest is not None
        self.newest = Node(item, self.newest.before)

    def __iter__(self) -> Iterator[T]:
        """Oldest first."""
        items, node = [], self.newest
        while node:
            items.append(node.item)
            node = node.before
        return reversed(items)
