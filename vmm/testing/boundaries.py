"""Every instruction boundary between two places: found in one run that nobody disturbs, come to again in others."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple, NoReturn

from vmm.core.stops import AWAITED, Stop
from vmm.errors import VmmError
from vmm.machine.machine import Machine
from vmm.scenario.trigger import Trigger
from vmm.scenario.triggers import Elapsed, NextBoundary, Reach

MOST = 10_000
"""Boundaries of a region, unless its test says more."""
ANY = "any"
"""Visit, as `Region.nth`."""


class Region(NamedTuple):
    """A visit: from a time at which vCPU `cpu` comes to `begin` to its next time at `end`, both included, and with the
    handlers that run on the way. `nth`: which visit, counted from 1, or "any", until the guest ends. `after`: visits
    count from there, a trigger or a location. `limit`: how many boundaries are expected at most, of all visits.
    """

    begin: str | int
    end: str | int
    cpu: int = 0
    limit: int = MOST
    nth: int | str = 1
    after: Trigger[Any] | str | int | None = None


class Place(NamedTuple):
    """Where a boundary is: `insns` instructions of its vCPU and then `more` boundaries behind the first of its visit.

    A delivery makes a boundary at which the count is what it was.
    """

    name: str
    """Its symbol, with a number from the second time on: "begin+0x4#2"."""
    insns: int
    more: int
    address: int
    visit: int = 1
    """Counted from 1."""


class Boundary(NamedTuple):
    """Where `machine` stands; `address` is linear, `where` says it with symbol and source line."""

    machine: Machine
    name: str
    address: int
    where: str


def find(machine: Machine, region: Region) -> list[Place]:
    """The boundaries of `region` in order, by running a fresh `machine` through it. VmmError where it does not come to
    the end, for places it does not have, and for more boundaries than expected.
    """
    found: list[Place] = []
    names: Counter[str] = Counter()
    visit = 1
    here = _first(machine, region)
    while region.nth == ANY or visit <= int(region.nth):
        stop = None if here else machine.run(until=Reach(region.begin, region.cpu))
        if stop and found and stop.reason != "breakpoint":
            return found
        if stop:
            _came(stop, region.begin, _told(region, visit))
        if region.nth in (ANY, visit):
            _walk(machine, region, visit, found, names)
        else:
            _to_the_end(machine, region)
        here, visit = False, visit + 1
    return found


def reach(machine: Machine, region: Region, place: Place) -> Boundary:
    """Bring a fresh `machine` to `place`; VmmError where it takes another way than the one that was found."""
    visit(machine, region, place.visit)
    return stand(machine, region, place)


def visit(machine: Machine, region: Region, number: int, begun: int = 0) -> None:
    """To the first boundary of that visit; `begun`: the machine stands at that of this one, 0: it is fresh."""
    here = _first(machine, region) if not begun else True
    for each in range(max(begun, 1), number + 1):
        if not here:
            _came(machine.run(until=Reach(region.begin, region.cpu)), region.begin, _told(region, each))
        if each < number:
            _to_the_end(machine, region)
        here = False


def stand(machine: Machine, region: Region, place: Place) -> Boundary:
    """On to `place`, from its visit's first boundary; VmmError where it is not that one."""
    if place.insns:
        machine.run(until=Elapsed(insns=place.insns, cpu=region.cpu))
    for _ in range(place.more):
        machine.run(until=NextBoundary(region.cpu))
    address = machine.cpus[region.cpu].pc
    if address != place.address:
        raise VmmError(f"{place.name}: the machine is at {machine.where(address)}, for it was set up in another way")
    return Boundary(machine, place.name, address, machine.where(address))


def _walk(machine: Machine, region: Region, visit: int, found: list[Place], names: Counter[str]) -> None:
    """Add the boundaries of a visit, from its first on, where the machine stands."""
    cpu, end = machine.cpus[region.cpu], machine.address(region.end)
    first = cpu.count
    at: Counter[int] = Counter()
    while True:
        insns = cpu.count - first
        found.append(Place(name_at(machine, cpu.pc, names), insns, at[insns], cpu.pc, visit))
        at[insns] += 1
        if cpu.pc == end:
            return
        if len(found) == region.limit:
            raise VmmError(f"more than {region.limit} boundaries from {region.begin} to {region.end}: raise limit=")
        _came(machine.run(until=NextBoundary(region.cpu)), region.end, f" after {region.begin}")


def _to_the_end(machine: Machine, region: Region) -> None:
    """Of the visit at whose first boundary the machine stands."""
    if machine.cpus[region.cpu].pc != machine.address(region.end):
        _came(machine.run(until=Reach(region.end, region.cpu)), region.end, f" after {region.begin}")


def _first(machine: Machine, region: Region) -> bool:
    """Come to where visits count from; whether the first begins right there, which waiting for it would not see."""
    machine.address(region.end)
    if region.after is None:
        return False
    stop = machine.run(until=region.after)
    if stop.reason not in AWAITED:
        never(stop, region.after)
    return stop.vcpu == region.cpu and machine.cpus[region.cpu].pc == machine.address(region.begin)


def _told(region: Region, visit: int) -> str:
    """Which visit, where it is not simply the first."""
    again = f" for visit {visit}" if visit > 1 else ""
    return again + (f" after {region.after}" if region.after is not None else "")


def name_at(machine: Machine, linear: int, names: Counter[str]) -> str:
    """Of the boundary there; `names`: of those before it, how often each was there."""
    name = (machine.loaded.place(linear)[0] if machine.loaded else None) or f"{linear:#x}"
    names[name] += 1
    return name + f"#{names[name]}" * (names[name] > 1)


def _came(stop: Stop, where: str | int, after: str = "") -> None:
    if stop.reason != "breakpoint":
        never(stop, where, after)


def never(stop: Stop, where: Trigger[Any] | str | int, after: str = "") -> NoReturn:
    """VmmError: the guest does not come there."""
    named = f"{where:#x}" if isinstance(where, int) else where
    raise VmmError(f"the guest never comes to {named}{after}: {stop.reason}: {stop.detail}")
