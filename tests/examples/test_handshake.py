"""An SGI and its answer between two CPUs, however their turns fall."""

import pytest

import vmm


@pytest.mark.guest("handshake.S", smp=2)
@pytest.mark.parametrize("turns", [pytest.param(n, marks=pytest.mark.seed(n)) for n in range(5)])
def test_each_sgi_is_taken_once_by_the_cpu_it_is_for(guest, turns):
    taken = []

    async def watch(m):
        while True:
            event = await vmm.Acknowledged()
            taken.append((event.vcpu, event.number))

    guest.start(watch)
    assert guest.run().reason == "poweroff"
    assert taken == [(1, 1), (0, 2)]
