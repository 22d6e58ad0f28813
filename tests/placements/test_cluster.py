"""On a Dask cluster of real worker processes, one of them killed in the middle, nothing is lost or counted twice."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress

import pytest
from distributed import Client, LocalCluster

import vmm
from placements.exploring import asked_for, built
from vmm.cli.cluster import connected
from vmm.errors import VmmError

WORKER = "from distributed.cli.dask_worker import main; main()"
CHECKS = """
import os, signal
from pathlib import Path

def once(m):
    if m.u32("n") == 1:
        try:
            (Path(__file__).parent / "killed").touch(exist_ok=False)
        except FileExistsError:
            return False
        os.kill(os.getpid(), signal.SIGKILL)
    return True
"""


@contextmanager
def worker(address, *options):
    """A process."""
    more = ["--nthreads", "1", "--no-dashboard", "--death-timeout", "60", *options]
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, address, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def scheduler():
    with LocalCluster(
        n_workers=0, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.parametrize("nanny", ["--no-nanny", pytest.param("--nanny", marks=pytest.mark.slow)])
def test_a_worker_is_killed_in_the_middle(scheduler, tmp_path, nanny):
    file = tmp_path / "checks.py"
    file.write_text(CHECKS)
    image, space = built("x86", "lost_update"), {"__file__": str(file)}
    exec(compile(CHECKS, str(file), "exec"), space)
    asked = asked_for("x86", "lost_update", space["once"])
    with ExitStack() as stack:
        workers = [stack.enter_context(worker(scheduler, nanny)) for _ in range(2)]
        client = stack.enter_context(Client(scheduler, set_as_default=False))
        client.wait_for_workers(2, timeout=60)
        executor = stack.enter_context(client.get_executor(pure=False))
        covered = vmm.Coverage(), vmm.Coverage()
        report = vmm.explore(image, **asked, executor=executor, jobs=2, coverage=covered[0])
        assert (tmp_path / "killed").exists()
        if nanny == "--no-nanny":
            assert sorted(each.poll() is None for each in workers) == [False, True]
    alone = vmm.explore(image, **asked, coverage=covered[1])
    assert covered[0].text() == covered[1].text()
    assert (report.boundaries, report.placements, report.failing, report.lost) == (5, 5, 2, [])
    assert [each.plain() for each in report.failures] == [each.plain() for each in alone.failures]


@pytest.mark.parametrize("address", ["", "nonsense", "tcp://host", "tcp://host:port", "smoke://host:1"])
def test_what_is_no_address_is_told_at_once(address, monkeypatch):
    monkeypatch.setattr("distributed.Client.__init__", lambda *_, **__: pytest.fail("somebody waits for it"))
    with pytest.raises(VmmError, match=f"^--scheduler {address}: "), connected(address):
        pass
