"""The pytest plugin: machines as fixtures, tests at every instruction boundary, failures that show the guest.

pytest loads this module in every test suite of an environment that has vmm, so it imports nothing else of vmm until a
test asks for it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm.coverage.coverage import Coverage
    from vmm.machine.machine import Machine
    from vmm.machine.options import Options
    from vmm.testing.again import Again, Cases
    from vmm.testing.boundaries import Boundary
    from vmm.testing.exploration import Exploration
    from vmm.testing.images import Images
    from vmm.testing.machines import Machines

MARKERS = (
    'guest(image, board=..., seed=..., prepare=..., ...): what the fixture "guest" boots: a file beside the test (.S, '
    ".c, ELF ...) or a bundled guest, the options of vmm.boot, and a function that is called with the machine first",
    'board(name): the board of machines whose test names no other, such as "virt,gic=3"',
    "seed(n): the seed of machines whose test names no other",
    'every_boundary(begin, end, cpu=0, limit=10000, nth=1, after=None): repeat the test with the fixture "boundary" at '
    "each instruction boundary that the guest comes to from location begin to location end, both included, the first "
    'time, the nth or any ("any"), counted from a trigger on',
    "explore(inject=..., between=(begin, end), hit=1, until=None, check=(), depth=1, runs=None, seconds=None, "
    'reduction=True): what the fixture "exploration" tries on the guest of the marker guest, as vmm.explore does: the '
    "interrupts at every boundary, up to depth of them in one run",
    'diagnose(name, ...): what is looked for in the machines of the test, as "vmm diagnose --list" has it (all); a '
    "verdict that is certain fails it",
)
OURS = Path(__file__).parent
HANDED_OVER = "vmm coverage"
"""What a worker of xdist's calls it."""
READABLE = 120
"""Characters of a test's name in the name of its recording, which has room for twice as many."""

IMAGES: pytest.StashKey[Images] = pytest.StashKey()
CASES: pytest.StashKey[Cases] = pytest.StashKey()
"""Of the session: the machine that cases of one test have in turn."""
AGAIN: pytest.StashKey[Again] = pytest.StashKey()
"""Of a case that has it."""
MACHINES: pytest.StashKey[Machines] = pytest.StashKey()
EXPLORATION: pytest.StashKey[Exploration] = pytest.StashKey()
COVERAGE: pytest.StashKey[Coverage] = pytest.StashKey()
"""Of the session, where it is wanted."""
UNWRITTEN: pytest.StashKey[str] = pytest.StashKey()
"""Why the file of that could not be written."""
RECORDINGS: pytest.StashKey[Callable[[], Path]] = pytest.StashKey()
"""Makes the directory that a test's recordings go to."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vmm", "machines that take interrupts")
    group.addoption("--vmm-trace", action="store_true", help="show every event of the machines of failing tests")
    group.addoption("--vmm-seed", type=_number, metavar="N", help="the seed of machines whose test gives none (0)")
    group.addoption("--vmm-record-dir", type=Path, metavar="DIR", help="where the recordings of failing tests go")
    coverage = "write which boundaries had which interrupt delivered in all tests, for vmm coverage"
    group.addoption("--vmm-coverage", type=Path, metavar="FILE", help=coverage)


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getoption("--vmm-coverage", None) is None:
        return
    from vmm.coverage.coverage import Coverage
    from vmm.output import OutputFile

    config.stash[COVERAGE] = Coverage()
    try:
        with OutputFile("--vmm-coverage", _coverage_file(config)):
            pass  # a wrong path costs nobody a session
    except VmmError as error:
        raise pytest.UsageError(str(error)) from error


def _coverage_file(config: pytest.Config) -> Path:
    chosen: Path = config.getoption("--vmm-coverage")
    return config.invocation_params.dir / chosen


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of xdist's hands over what it has, everybody else writes it."""
    if cases := session.config.stash.get(CASES, None):
        cases.close()
    coverage = session.config.stash.get(COVERAGE, None)
    if coverage is None:
        return
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is None:
        try:
            coverage.save(_coverage_file(session.config))
        except VmmError as error:
            session.config.stash[UNWRITTEN] = str(error)
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        return
    output[HANDED_OVER] = coverage.text(), list(map(str, coverage.inputs))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of xdist's has ended; one that died has handed over nothing."""
    coverage = node.config.stash.get(COVERAGE, None)
    found = getattr(node, "workeroutput", {}).get(HANDED_OVER)
    if coverage is None or found is None:
        return
    text, inputs = found
    coverage.add(type(coverage).parsed(text, "what a worker handed over"))
    coverage.inputs.update(map(Path, inputs))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What is covered, and which functions were never interrupted though they could have been."""
    coverage = config.stash.get(COVERAGE, None)
    if coverage is None:
        return
    from vmm.coverage.summary import Summary, in_short

    terminalreporter.section("coverage of interrupts")
    for line in in_short(map(Summary, coverage.images)):
        terminalreporter.write_line(line)
    unwritten = config.stash.get(UNWRITTEN, None)
    terminalreporter.write_line(unwritten or f"vmm coverage {config.getoption('--vmm-coverage')}", red=bool(unwritten))


@pytest.fixture
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Machines, None, None]:
    """Make machines: machine("counter.S", board="pc", smp=2) boots an image that lies beside the test, or a bundled
    guest. They end with the test.
    """

    def recordings() -> Path:
        chosen: Path | None = request.config.getoption("--vmm-record-dir")
        return chosen or tmp_path_factory.mktemp("vmm")

    stash = request.node.stash
    with _in_one_line():
        machines = stash[MACHINES] = _machines(request.config, request.node, request.config.stash.get(COVERAGE, None))
    stash[RECORDINGS] = recordings
    yield machines
    del stash[MACHINES]
    machines.close()


@pytest.fixture
def guest(machine: Machines, request: pytest.FixtureRequest) -> Machine:
    """The machine that the marker guest("counter.S", ...) asks for, ready to run."""
    from vmm.testing import markers

    with _in_one_line():
        if again := _again(request.node):
            return machine.lend(again.tested)
        image, options = markers.guest(request.node)
        return machine(image, **options)


def _again(item: pytest.Item) -> Again | None:
    """What the cases of a test at each boundary have one after the other; None: each has a new machine."""
    from vmm.testing import again, boundaries, markers

    case = getattr(item, "callspec", None)
    if case is None or not isinstance(case.params.get("boundary"), tuple):
        return None
    region, place = case.params["boundary"]
    image, options = markers.guest(item)
    looked_at = item.config.stash.get(COVERAGE, None) is not None or bool(markers.diagnoses(item))
    if not isinstance(place, boundaries.Place) or looked_at or any(each in options for each in again.NEW_EACH):
        return None
    key = item.nodeid.partition("[")[0], image, options, markers.defaults(item), region
    made = item.config.stash.setdefault(CASES, again.Cases()).lend(
        key, lambda: again.Again(_machines(item.config, item), image, options, region)
    )
    return item.stash.setdefault(AGAIN, made)


@pytest.fixture
def boundary(guest: Machine, request: pytest.FixtureRequest) -> Boundary:
    """One of the boundaries that the marker every_boundary("begin", "end") asks for: the fixture guest stands there.

    It has machine, name, address and where (in words).
    """
    from vmm.testing import boundaries

    with _in_one_line():
        if not hasattr(request, "param"):
            raise VmmError('no boundary: mark the test with @pytest.mark.every_boundary("begin", "end")')
        region, place = request.param
        if isinstance(place, boundaries.Place):
            again: Again | None = request.node.stash.get(AGAIN, None)
            return again.reach(place) if again else boundaries.reach(guest, region, place)
        boundaries.find(guest, region)  # fails as it did, and leaves the guest where it shows why
        raise VmmError(f"{place}; now it does: the guest is another one each time")


@pytest.fixture
def exploration(machine: Machines, request: pytest.FixtureRequest) -> Generator[Exploration, None, None]:
    """What the marker explore asks for, of the guest that the marker guest names: `assert exploration` tries every
    placement and fails with the least that fails; `.report` says what was tried, `.run` makes one run,
    `.boundaries()` goes through the window.
    """
    from vmm.testing import markers
    from vmm.testing.exploration import Exploration

    with _in_one_line():
        asked = markers.asked(request.node)
        image, options = markers.guest(request.node)
        made = request.node.stash[EXPLORATION] = Exploration(machine, image, options, asked)
    yield made
    del request.node.stash[EXPLORATION]


@contextmanager
def _in_one_line() -> Iterator[None]:
    """What is wrong with a marker or an image, without the way it was found out."""
    try:
        yield
    except VmmError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat a test at its boundaries. They are found now, for they are the names of its cases: one short run. Where
    that fails, so does the test, as its one case; the others are collected.
    """
    marker = metafunc.definition.get_closest_marker("every_boundary")
    if marker is None:
        return
    from vmm.testing import boundaries, markers

    try:
        if "boundary" not in metafunc.fixturenames:
            raise VmmError("marker every_boundary: the test does not take the fixture boundary")
        region = markers.region(marker)
        image, options = markers.guest(metafunc.definition)
    except VmmError as error:
        raise pytest.Collector.CollectError(f"{metafunc.definition.nodeid}: {error}") from error
    found: Sequence[boundaries.Place | str]
    try:
        with closing(_machines(metafunc.config, metafunc.definition)) as machines:
            found = boundaries.find(machines(image, **options), region)
    except VmmError as error:
        found = [str(error)]
    names = ["unreached" if isinstance(each, str) else each.name for each in found]
    metafunc.parametrize("boundary", [(region, each) for each in found], indirect=True, ids=names)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """No marker means nothing, silently: pytest repeats no methods of unittest's TestCase."""
    if item.get_closest_marker("every_boundary") and not hasattr(item, "callspec"):
        pytest.fail("marker every_boundary: pytest cannot repeat a method of a unittest.TestCase", pytrace=False)
    fixtures: Sequence[str] = getattr(item, "fixturenames", ())
    if item.get_closest_marker("explore") and "exploration" not in fixtures:
        pytest.fail("marker explore: the test does not take the fixture exploration", pytrace=False)
    if item.get_closest_marker("diagnose"):
        if "machine" not in fixtures:
            pytest.fail("marker diagnose: the test takes no fixture that gives a machine", pytrace=False)
        if "exploration" in fixtures:
            pytest.fail('marker diagnose: of an exploration say explore(…, diagnose="all")', pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A test that has passed fails where something is certain to have gone wrong in its machines."""
    yield
    if machines := item.stash.get(MACHINES, None):
        with _in_one_line():
            machines.check()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    machines = item.stash.get(MACHINES, None)
    if machines and call.excinfo and not item.config.getoption("fulltrace"):
        _leave_out_ours(call.excinfo)
    report = yield
    if machines and report.failed:
        report.sections += _shown(item, machines)
    return report


def _leave_out_ours(raised: pytest.ExceptionInfo[BaseException]) -> None:
    """Between a test and its scenario lies much that concerns nobody; but an error of vmm's own shows where it is."""
    links = list(_links(raised.tb))
    theirs = [link for link in links if OURS not in Path(link.tb_frame.f_code.co_filename).parents]
    if theirs[-1:] == links[-1:] or isinstance(raised.value, VmmError):
        chain = None
        for link in reversed(theirs):
            chain = TracebackType(chain, link.tb_frame, link.tb_lasti, link.tb_lineno)
        raised.traceback = type(raised.traceback)(chain or raised.tb)


def _links(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback:
        yield traceback
        traceback = traceback.tb_next


def _shown(item: pytest.Item, machines: Machines) -> list[tuple[str, str]]:
    from vmm.testing import failure

    trace = bool(item.config.getoption("--vmm-trace"))
    name = _file_name(item.nodeid)
    explored = item.stash.get(EXPLORATION, None)
    shown = failure.explored(explored) if explored is not None else []
    for number, tested in enumerate(machines.tested, 1):
        file = f"{name}-{number}.vmmrec"
        try:
            shown += failure.sections(tested, trace=trace, recording=partial(_file, item.stash[RECORDINGS], file))
        except Exception as error:  # else a failed test would end the session
            shown.append((f"{tested.name}: cannot be shown", f"{type(error).__name__}: {error}"))
    return shown


def _file_name(nodeid: str) -> str:
    """One that says which test it is, and that no other test has, on whichever worker of xdist's."""
    from hashlib import sha256

    readable = re.sub(r"[^A-Za-z0-9_.+-]+", "-", nodeid).strip("-")[:READABLE].rstrip("-")
    return f"{readable}-{sha256(nodeid.encode(errors='surrogatepass')).hexdigest()[:8]}"


def _file(recordings: Callable[[], Path], name: str) -> Path:
    directory = recordings()
    directory.mkdir(parents=True, exist_ok=True)
    return directory / name


def _machines(config: pytest.Config, node: pytest.Item, coverage: Coverage | None = None) -> Machines:
    from vmm.testing import markers
    from vmm.testing.images import Images
    from vmm.testing.machines import Machines

    seed = config.getoption("--vmm-seed")
    given: Options = {} if seed is None else {"seed": seed}
    defaults = given | markers.defaults(node)
    images = config.stash.setdefault(IMAGES, Images())
    return Machines(
        images, node.path.parent, defaults, trace=bool(config.getoption("--vmm-trace")),
        coverage=coverage, diagnose=markers.diagnoses(node),
    )  # fmt: skip
