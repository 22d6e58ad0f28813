"""`--scheduler`: the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from vmm.errors import VmmError
from vmm.installing import into_python

SECONDS = 10
"""That a scheduler has to answer."""


@contextmanager
def connected(address: str) -> Iterator[tuple[int, Executor]]:
    """How many threads its workers have in all, and what sends them something; VmmError where there is none."""
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ImportError as error:
        command = into_python("distributed")
        raise VmmError(f"--scheduler: Dask is not installed{f'; {command}' if command else ''}") from error
    try:
        get_address_host_port(address, strict=False)  # a client for no address at all is in nobody's way for 20 s
        client = Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise VmmError(f"--scheduler {address}: {error}") from error
    with client:
        count = sum(client.nthreads().values())
        if not count:
            raise VmmError(f"--scheduler {address}: this cluster has no workers")
        with client.get_executor(pure=False) as executor:
            yield count, executor
