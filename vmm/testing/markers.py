"""What the markers of a test say of its machines. All raise VmmError for a marker that says it wrongly."""

from __future__ import annotations

import inspect
from typing import Any, Protocol, cast

from vmm.diagnoses.table import ALL, chosen
from vmm.errors import VmmError, unknown
from vmm.machine.options import Options
from vmm.placements.exploration import explore
from vmm.scenario.trigger import Trigger
from vmm.testing.boundaries import ANY, Region

DEFAULTS = ("board", "seed")
"""Markers with one value: an option of machines whose test gives none."""
OURS = ("record", "prepare", "progress", "initrd", "load_address")
"""What `vmm.explore` takes and a marker does not say: the plugin does, or the marker `guest`."""

TAKES = "it takes two locations, cpu= and limit= as numbers, nth= and after="


class Marker(Protocol):
    """As pytest has it."""

    @property
    def args(self) -> tuple[Any, ...]: ...

    @property
    def kwargs(self) -> Any: ...


class Node(Protocol):
    """A test, as pytest has it."""

    def get_closest_marker(self, name: str) -> Marker | None: ...


def defaults(node: Node) -> Options:
    """The options that markers set for all machines of a test."""
    found = {name: marker for name in DEFAULTS if (marker := node.get_closest_marker(name))}
    return cast(Options, {name: _single(name, marker) for name, marker in found.items()})


def _single(name: str, marker: Marker) -> Any:
    if len(marker.args) != 1 or marker.kwargs:
        raise VmmError(f"marker {name}: it takes one value")
    return marker.args[0]


def guest(node: Node) -> tuple[str, dict[str, Any]]:
    """The image and the options of the marker `guest`; VmmError where it is missing or has not one image."""
    marker = node.get_closest_marker("guest")
    if marker is None:
        raise VmmError('no guest: mark the test with @pytest.mark.guest("image.S")')
    if len(marker.args) != 1:
        raise VmmError("marker guest: it takes one image, and options by their names")
    return marker.args[0], dict(marker.kwargs)


def diagnoses(node: Node) -> tuple[str, ...]:
    """What the marker `diagnose` looks for, all where it does not say; empty where there is none. VmmError for what is
    no diagnosis.
    """
    marker = node.get_closest_marker("diagnose")
    if marker is None:
        return ()
    if marker.kwargs or not all(isinstance(word, str) for word in marker.args):
        raise VmmError('marker diagnose: it takes names, with budgets where they take one: "masked_hang=50us"')
    chosen(marker.args)
    return marker.args or (ALL,)


def region(marker: Marker) -> Region:
    """What the marker `every_boundary` names; VmmError for other arguments than it takes."""
    try:
        region = Region(*marker.args, **marker.kwargs)
    except TypeError as error:
        raise VmmError(f"marker every_boundary: {TAKES}") from error
    if region.nth != ANY and not (isinstance(region.nth, int) and region.nth > 0):
        raise VmmError(f'marker every_boundary: nth={region.nth!r}: it is a number from 1 on, or "any"')
    if region.after is not None and not isinstance(region.after, Trigger | str | int):
        raise VmmError(f"marker every_boundary: after={region.after!r}: it is a trigger or a location")
    return region


def asked(node: Node) -> dict[str, Any]:
    """What the marker `explore` asks for, as `vmm.explore` takes it, with or without something to inject;
    VmmError where it is missing, or says other than that or too little.
    """
    marker = node.get_closest_marker("explore")
    if marker is None:
        raise VmmError('nothing to explore: mark the test with @pytest.mark.explore(inject="irq:4", between=(…, …))')
    parameters = inspect.signature(explore).parameters.values()
    names = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY and each.name not in OURS]
    if marker.args or "between" not in marker.kwargs:
        raise VmmError("marker explore: it takes between=, inject= and others by their names")
    for name in marker.kwargs:
        if name not in names:
            raise unknown("argument of the marker explore", name, names)
    between = marker.kwargs["between"]
    if not (isinstance(between, tuple | list) and len(between) == 2):
        raise VmmError(f"marker explore: between={between!r}: it is two locations")
    return dict(marker.kwargs)
