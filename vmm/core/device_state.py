"""The state of Python devices: what is reachable from a device, taken and put back in place.

A device declares nothing. Its attributes, and the lists, dicts, sets, queues, buffers and objects it refers to, are its
state; each is put back into the same object, so that callbacks and references between devices stay good. Functions,
wiring, files and values that cannot change are left alone. What holds state that nobody can put back (a generator, a
lock) is an error.

Devices that refer to one another are one household. Only households that were called since they were last taken are
taken again; the bus and the clock say who was (`DeviceState.called`). That suffices because a board's devices get to
know one another while it is built; what a script attached or got hold of is taken every time.
"""

from __future__ import annotations

import _random  # the base of random.Random, whose own module imports much
import array
import datetime
import enum
import functools
import io
import numbers
import pathlib
import re
import struct
import types
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from vmm.core.native import ffi, lib
from vmm.errors import VmmError

UNCHANGING: tuple[type, ...] = (
    numbers.Number, str, bytes, type(None), type(...), type(NotImplemented), range, slice, type, enum.Enum, re.Pattern,
    re.Match, struct.Struct, pathlib.PurePath, datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo,
    types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodWrapperType, types.GenericAlias,
    functools.partial, weakref.ref, io.IOBase, ffi.CData, type(lib),
)  # fmt: skip
"""Values, code, and what belongs to the world outside a machine."""

LOGGER = ("logging", "Logger")
"""The same, by name: to import it takes longer than some runs."""

ABSENT = object()


class Facet(NamedTuple):
    """One way in which objects of a type hold state, or, with nothing to put, refer to others that do."""

    take: Callable[[Any], Any]
    put: Callable[[Any, Any], object] | None
    parts: Callable[[Any], Iterable[Any]]
    """The objects in what was taken."""


Facets = tuple[Facet, ...]


def _nothing(_: Any) -> Iterable[Any]:
    return ()


def _itself(taken: Any) -> Iterable[Any]:
    return taken  # type: ignore[no-any-return]


def _slice(target: Any, taken: Any) -> None:
    target[:] = taken


def _whole_buffer(target: Any, taken: bytes) -> None:
    memoryview(target).cast("B")[:] = taken


def _clear_and(base: Any, fill: str) -> Callable[[Any, Any], None]:
    """Past what a subclass makes of `clear` and of the method `fill`."""

    def put(target: Any, taken: Any) -> None:
        base.clear(target)
        getattr(base, fill)(target, taken)

    return put


def _mapping(base: Any) -> Facet:
    def parts(pairs: list[tuple[Any, Any]]) -> Iterable[Any]:
        return [part for pair in pairs for part in pair]

    return Facet(lambda target: list(base.items(target)), _clear_and(base, "update"), parts)


def _attributes_put(target: Any, taken: dict[str, Any]) -> None:
    attributes = vars(target)
    attributes.clear()
    attributes.update(taken)


CONTAINERS: tuple[tuple[type | tuple[type, ...], Facet], ...] = (
    ((tuple, frozenset), Facet(lambda target: target, None, _itself)),
    (types.MethodType, Facet(lambda target: [target.__self__], None, _itself)),
    (list, Facet(list, lambda target, taken: list.__setitem__(target, slice(None), taken), _itself)),
    (OrderedDict, _mapping(OrderedDict)),
    (dict, _mapping(dict)),
    (deque, Facet(list, _clear_and(deque, "extend"), _itself)),
    (set, Facet(set.copy, _clear_and(set, "update"), _itself)),
    (bytearray, Facet(bytes, _slice, _nothing)),
    (array.array, Facet(lambda target: target[:], _slice, _nothing)),
    (_random.Random, Facet(lambda target: target.getstate(), lambda target, taken: target.setstate(taken), _nothing)),
)
BUFFER = Facet(lambda target: memoryview(target).tobytes(), _whole_buffer, _nothing)
ATTRIBUTES = Facet(lambda target: dict(vars(target)), _attributes_put, lambda taken: taken.values())
IDENTITY = Facet(_nothing, None, _nothing)
"""Of a bare `object()`."""


def _slots(members: list[Any]) -> Facet:
    """Attributes that have no dictionary; `members` are the descriptors of them."""

    def take(target: Any) -> list[Any]:
        return [_slot(target, member) for member in members]

    def put(target: Any, taken: list[Any]) -> None:
        for member, value in zip(members, taken, strict=True):
            if value is not ABSENT:
                member.__set__(target, value)
            elif _slot(target, member) is not ABSENT:
                member.__delete__(target)

    return Facet(take, put, lambda taken: [value for value in taken if value is not ABSENT])


def _slot(target: Any, member: Any) -> Any:
    try:
        return member.__get__(target)
    except AttributeError:
        return ABSENT


def _is_buffer(value: Any) -> bool:
    try:
        view = memoryview(value)
    except TypeError:
        return False
    return not view.readonly and view.c_contiguous


def facets_of(value: Any) -> Facets:
    """How objects like `value` hold state; empty for those whose state nobody can put back."""
    kind = type(value)
    if kind is object:
        return (IDENTITY,)
    facets = [facet for base, facet in CONTAINERS if isinstance(value, base)][:1]
    if not facets and _is_buffer(value):
        facets.append(BUFFER)
    if hasattr(value, "__dict__") and not isinstance(value, types.MethodType):
        facets.append(ATTRIBUTES)
    members = [member for base in kind.__mro__ if "__slots__" in vars(base) for member in vars(base).values()]
    slots = [member for member in members if isinstance(member, types.MemberDescriptorType)]
    return (*facets, _slots(slots)) if slots else tuple(facets)


Taken = list[tuple[Any, Callable[[Any, Any], object], Any]]
"""(object, how to put it back, what was taken)."""


class Household:
    """Devices that can reach one another, and what was last taken of them or put back."""

    def __init__(self, root: Any, *, known: bool) -> None:
        self.roots = [root]
        self.called = True
        self.known = known
        """Scripts may call it unheard."""
        self.taken: Taken = []
        self.joined: Household | None = None

    @property
    def stale(self) -> bool:
        return self.called or self.known


Captured = list[tuple[Household, Taken]]


class DeviceState:
    """Of all devices of a machine. Objects of the types `wiring` are not theirs."""

    def __init__(self, *, wiring: tuple[type, ...]) -> None:
        self.called: set[int] = set()
        """`id` of each device that was called since the last `take` or `put`."""
        self._no_state = (*UNCHANGING, *wiring)
        self._households: list[Household] = []
        self._homes: dict[int, Household] = {}
        self._facets: dict[type, Facets | None] = {}
        self._built = False

    def attach(self, device: Any) -> None:
        """One more device, or an object that one is called through; after `built` it is a script's own."""
        if id(device) in self._homes or self._facets_of(device) is None:
            return
        household = Household(device, known=self._built)
        self._households.append(household)
        self._homes[id(device)] = household

    def built(self) -> None:
        """The board is complete."""
        self._built = True

    def take(self) -> Captured:
        """The state of all devices; VmmError names an object whose state nobody can put back."""
        self._hear()
        for household in [household for household in self._households if household.stale]:
            if household.joined is None:
                self._visit(household)
        return [(household, household.taken) for household in self._households]

    def put(self, captured: Captured) -> None:
        """Back to what `take` gave."""
        self._hear()
        for household, taken in captured:
            if household.joined is None and not household.stale and household.taken is taken:
                continue
            for target, put, state in taken:
                put(target, state)
            self._settle(household, taken)

    def _settle(self, household: Household, taken: Taken) -> None:
        """What is as `taken` says need not be taken again; of a household that others have joined, all must."""
        home = household
        while home.joined:
            home = home.joined
        if home is household:
            self._forget(household)
        home.taken = taken if home is household else home.taken + taken
        home.called = home is not household
        self._homes.update((id(target), home) for target, _, _ in taken)

    def _forget(self, household: Household) -> None:
        """An `id` says nothing about an object that may be gone."""
        for target, _, _ in household.taken:
            self._homes.pop(id(target), None)
        self._homes.update((id(root), household) for root in household.roots)

    def _hear(self) -> None:
        for device in self.called:
            home = self._homes.get(device)
            for household in [home] if home else self._households:
                household.called = True
        self.called.clear()

    def _visit(self, household: Household) -> None:
        taken: Taken = []
        seen: set[int] = set()
        self._forget(household)
        waiting = list(household.roots)
        while waiting:
            value = waiting.pop()
            facets = self._facets_of(value)
            if facets is None or id(value) in seen:
                continue
            seen.add(id(value))
            if any(facet.put for facet in facets):
                waiting += self._bring_home(value, household)
            for facet in facets:
                state = facet.take(value)
                if facet.put:
                    taken.append((value, facet.put, state))
                parts = facet.parts(state)
                self._check(household, value, parts)
                waiting += parts
        household.taken = taken
        household.called = False

    def _facets_of(self, value: Any) -> Facets | None:
        """None: it is no device's."""
        kind = type(value)
        if kind not in self._facets:
            logger = LOGGER in ((base.__module__, base.__name__) for base in kind.__mro__)
            self._facets[kind] = None if logger or isinstance(value, self._no_state) else facets_of(value)
        return self._facets[kind]

    def _bring_home(self, value: Any, household: Household) -> list[Any]:
        """Devices that are to be visited, too, as `value` is theirs."""
        other = self._homes.setdefault(id(value), household)
        if other is household:
            return []
        self._forget(other)
        other.joined = household
        self._households.remove(other)
        self._homes.update((id(root), household) for root in other.roots)
        self._homes[id(value)] = household
        household.roots += other.roots
        household.known |= other.known
        return other.roots

    def _check(self, household: Household, owner: Any, parts: Iterable[Any]) -> None:
        for part in parts:
            if self._facets_of(part) != ():
                continue
            names = [name for name, value in getattr(owner, "__dict__", {}).items() if value is part]
            where = ".".join([type(owner).__name__, *names])
            device, what = type(household.roots[0]).__name__, type(part).__name__
            raise VmmError(f"device {device} has a {what} in {where}, whose state no snapshot can put back")
