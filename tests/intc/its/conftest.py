"""An ITS that is set up."""

from __future__ import annotations

import pytest

from .its_guest import Guest, mapc, mapd, mapti


@pytest.fixture
def guest():
    return Guest().set_up()


@pytest.fixture
def mapped(guest):
    """Device 2, event 20 → LPI 8195 → collection 3 → processor 1; collection 4 → processor 2."""
    guest.send(mapd(2), mapc(3, 1), mapc(4, 2), mapti(2, 20, 8195, 3))
    assert (guest.calls(), guest.complaints()) == ([], [])
    return guest
