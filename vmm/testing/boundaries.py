"""Every instruction boundary between two symbols: found in one run that nobody disturbs, come to again in others."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from vmm.core.stops import Stop
from vmm.errors import VmmError
from vmm.machine.machine import Machine
from vmm.scenario.triggers import Elapsed, NextBoundary, Reach

MOST = 10_000
"""Boundaries of a region, unless its test says more."""


class Region(NamedTuple):
    """From the first time vCPU `cpu` comes to `begin` to its next time at `end`, both included, and with the handlers
    that run on the way; symbols or linear addresses. `limit`: how many boundaries are expected at most.
    """

    begin: str | int
    end: str | int
    cpu: int = 0
    limit: int = MOST


class Place(NamedTuple):
    """Where a boundary is: `insns` instructions of its vCPU and then `more` boundaries behind the region's first.

    A delivery makes a boundary at which the count is what it was.
    """

    name: str
    """Its symbol, with a number from the second time on: "begin+0x4#2"."""
    insns: int
    more: int
    address: int


class Boundary(NamedTuple):
    """Where `machine` stands; `address` is linear, `where` says it with symbol and source line."""

    machine: Machine
    name: str
    address: int
    where: str


def find(machine: Machine, region: Region) -> list[Place]:
    """The boundaries of `region` in order, by running a fresh `machine` through it. VmmError where it does not come to
    the end, for symbols it does not have, and for more boundaries than expected.
    """
    end = machine.address(region.end)
    _begin(machine, region)
    cpu = machine.cpus[region.cpu]
    first = cpu.count
    found: list[Place] = []
    names: Counter[str] = Counter()
    at: Counter[int] = Counter()
    while True:
        name = _symbol(machine, cpu.pc) or f"{cpu.pc:#x}"
        insns = cpu.count - first
        names[name] += 1
        found.append(Place(name + f"#{names[name]}" * (names[name] > 1), insns, at[insns], cpu.pc))
        at[insns] += 1
        if cpu.pc == end:
            return found
        if len(found) == region.limit:
            raise VmmError(f"more than {region.limit} boundaries from {region.begin} to {region.end}: raise limit=")
        _came(machine.run(until=NextBoundary(region.cpu)), region.end, f" after {region.begin}")


def reach(machine: Machine, region: Region, place: Place) -> Boundary:
    """Bring a fresh `machine` to `place`; VmmError where it takes another way than the one that was found."""
    _begin(machine, region)
    if place.insns:
        machine.run(until=Elapsed(insns=place.insns, cpu=region.cpu))
    for _ in range(place.more):
        machine.run(until=NextBoundary(region.cpu))
    address = machine.cpus[region.cpu].pc
    if address != place.address:
        raise VmmError(f"{place.name}: the machine is at {machine.where(address)}, for it was set up in another way")
    return Boundary(machine, place.name, address, machine.where(address))


def _symbol(machine: Machine, linear: int) -> str | None:
    return machine.loaded.place(linear)[0] if machine.loaded else None


def _begin(machine: Machine, region: Region) -> None:
    _came(machine.run(until=Reach(region.begin, region.cpu)), region.begin)


def _came(stop: Stop, where: str | int, after: str = "") -> None:
    if stop.reason != "breakpoint":
        raise VmmError(f"the guest never comes to {where}{after}: {stop.reason}: {stop.detail}")
