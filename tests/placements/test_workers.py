"""An exploration by many workers finds what one process finds, whatever becomes of them."""

from __future__ import annotations

import io
import itertools
import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import pytest

import vmm
from placements.exploring import asked_for, built
from vmm.errors import VmmError
from vmm.placements import conduct
from vmm.placements.worker import receive, send, try_range

HOW = ("seconds", "runs", "tails", "workers")
"""What a report says of how it was made: a range's last boundary has no neighbour to share a run with."""
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

def deadly(m):
    if m.u32("n") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return True

def sums(m):
    return m.u32("n") == 2

def raises(m):
    return 1 // (m.u32("n") - 1)

def slow(m):
    import time
    time.sleep(0.02)
    return True
"""


@pytest.fixture
def image():
    return built("x86", "lost_update")


@pytest.fixture
def checks(tmp_path):
    file = tmp_path / "checks.py"
    file.write_text(CHECKS)
    space: dict[str, object] = {"__file__": str(file)}
    exec(compile(CHECKS, str(file), "exec"), space)
    return space


def what(report):
    return {name: value for name, value in report.plain().items() if name not in HOW}


def explored(image, check="n == 2", **more):
    return vmm.explore(image, **asked_for("x86", "lost_update", check, **more))


@pytest.mark.parametrize(
    ("architecture", "name", "check", "depth"),
    [
        ("x86", "lost_wakeup", [], 2), ("arm64", "torn_read", ["u64 copy <= 0x100000000"], 2),
        pytest.param("x86", "lost_update", ["n == 2"], 1, marks=pytest.mark.slow),
        pytest.param("arm", "lost_edge", ["shared == 2"], 1, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_as_many_workers_as_you_like_find_the_same(architecture, name, check, depth, tmp_path):
    image, kept = built(architecture, name), []
    for jobs in (1, 3):
        file = tmp_path / f"campaign{jobs}"
        report = vmm.explore(
            image, **asked_for(architecture, name, check, depth=depth), campaign=file, jobs=jobs, reduction=jobs == 1
        )
        found = json.loads(file.read_text())["found"]
        reports = what(report) | {"reduction": None}
        kept.append((reports, {each: found[each] for each in found if each not in HOW}))
    (one, first), (many, second) = kept
    assert one == many
    assert without_sharing(first) == without_sharing(second)


def without_sharing(found):
    """Whether a run was another's is how it was made, too."""
    return found | {"tried": [[at, row[:3] + row[4:]] for at, row in found["tried"]]}


@pytest.mark.parametrize("size", [1, 2, 3])
def test_ranges_meet_without_a_gap_whatever_their_size(image, monkeypatch, size):
    whole = explored(image, depth=2)
    monkeypatch.setattr(conduct.Sizes, "size", lambda self: size)
    with ThreadPoolExecutor(2) as threads:
        assert what(explored(image, depth=2, executor=threads, jobs=2)) == what(whole)


@pytest.mark.slow
def test_a_process_pool_of_anybodys(image):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert what(explored(image, executor=pool, jobs=2)) == what(explored(image))


def test_a_campaign_goes_on_with_any_number_of_workers(image, tmp_path):
    first = explored(image, campaign=tmp_path / "campaign", runs=2)
    assert not first.over
    assert what(explored(image, campaign=tmp_path / "campaign", jobs=2)) == what(explored(image))


def test_where_a_worker_dies_its_range_is_done_again(image, checks):
    report = explored(image, checks["once"], jobs=2)
    assert report.failing == 2
    assert what(report) == what(explored(image, checks["once"]))


@pytest.mark.parametrize(("check", "more"), [("sums", {}), ("sums", {"depth": 2, "sample": 40}), ("once", {})])
def test_what_they_cover_is_what_one_covers(image, checks, check, more):
    """Whoever tried it, and though it was done again."""
    one, many = vmm.Coverage(), vmm.Coverage()
    explored(image, checks["sums"], coverage=one, **more)
    explored(image, checks[check], coverage=many, jobs=2, **more)
    delivered = sum(one.images[0].delivered.values())
    assert 40 < delivered < 80 if more else delivered == 5  # a second one within the first one's handler waits
    assert many.text() == one.text()


def test_what_they_cover_until_a_budget_is_spent_is_of_what_they_tried(image):
    with ThreadPoolExecutor(2) as threads:
        covered = vmm.Coverage()
        report = explored(image, runs=3, coverage=covered, executor=threads, jobs=2)
    assert sum(covered.images[0].delivered.values()) == report.delivered == report.placements <= 3


def test_what_kills_three_workers_is_given_up_and_told(image, checks):
    """At two boundaries n is 1: those behind them are tried all the same, and nothing is proven."""
    report = explored(image, checks["deadly"], jobs=2)
    assert (report.verdict, report.exit_status, bool(report)) == ("not all tried", 124, False)
    assert len(report.lost) == 2
    assert all("SIGKILL" in each for each in report.lost)
    assert report.boundaries == explored(image).boundaries - 2


def test_a_check_that_raises_is_told_with_its_placement(image, checks):
    with pytest.raises(VmmError) as one:
        explored(image, checks["raises"])
    with pytest.raises(VmmError) as many:
        explored(image, checks["raises"], jobs=2)
    assert str(many.value) == str(one.value)
    assert "raised ZeroDivisionError" in str(one.value) and "; with irq:4 at 0x" in str(one.value)


def test_a_function_that_no_worker_finds_is_refused(image):
    with pytest.raises(VmmError, match=r"^<lambda>: other processes find a function by its file and name: "):
        explored(image, lambda m: True, jobs=2)


@pytest.mark.parametrize("jobs", [0, -1, 257])
def test_as_many_jobs_as_there_are(image, jobs):
    with pytest.raises(VmmError, match=f"^jobs {jobs}: there are 1 to 256$"):
        explored(image, jobs=jobs)


@pytest.mark.parametrize("runs", [1, 3, 40])
def test_a_budget_of_runs_is_that_of_all_workers(image, runs):
    with ThreadPoolExecutor(3) as threads:
        report = explored(image, depth=2, runs=runs, executor=threads, jobs=3)
    assert report.runs <= runs
    assert not report.over


class Elsewhere(ThreadPoolExecutor):
    """Workers on another machine: what is here they have not."""

    def submit(self, function, order, part, files):
        told = json.loads(order)
        told["image"][:2] = ["nowhere.elf", "/nowhere/guest.elf"]
        told["functions"] = [["/nowhere/checks.py", name, total] for _, name, total in told["functions"]]
        return super().submit(function, json.dumps(told), part, files)


def test_a_worker_on_another_machine_is_sent_what_it_has_not(image, checks):
    with Elsewhere(1) as there:
        assert what(explored(image, checks["sums"], executor=there, jobs=1)) == what(explored(image, checks["sums"]))


def test_another_version_is_refused_in_one_line(image):
    order = json.dumps({"vmm": "9.0"})
    assert "not 9.0: all of them need the same" in try_range(order, {"first": 0}, {})["error"]


def test_of_who_dies_in_the_middle_of_an_answer_nothing_has_come():
    told = io.BytesIO()
    send(told, {"done": "x" * 100})
    assert receive(io.BytesIO(told.getvalue())) == {"done": "x" * 100}
    assert [receive(io.BytesIO(told.getvalue()[:length])) for length in (0, 7, 8, 50)] == [None] * 4


def processes(session):
    """The workers that a script has."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            found[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    return [pid for pid, parent in found.items() if parent == session]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_who_asked(image, tmp_path, checks, number):
    (tmp_path / "run.py").write_text(
        "import vmm, checks\n"
        f"asked = {asked_for('x86', 'lost_update')!r} | {{'check': checks.slow, 'depth': 3}}\n"
        f"vmm.explore({str(image)!r}, **asked, jobs=2, progress=lambda r: print('.', flush=True))\n"
    )
    script = subprocess.Popen(
        [sys.executable, "run.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert script.stdout is not None
    assert script.stdout.readline() == b".\n"
    workers = processes(script.pid)
    assert len(workers) == 2
    script.send_signal(number)
    script.wait(30)
    script.stdout.close()
    for _ in itertools.takewhile(lambda _: any(Path(f"/proc/{pid}").exists() for pid in workers), range(300)):
        time.sleep(0.1)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
