"""Run the test suite with the native core under AddressSanitizer and UndefinedBehaviorSanitizer, then look for leaks.

python tools/sanitize.py [--no-leaks] [PYTEST ARGUMENTS...]

The extension is built into a temporary copy of the project; exit status is pytest's, or 1 for a leak. Needs gcc or a
clang with its shared runtime. Leaks are looked for apart from the tests, over whole lives of machines, because the
interpreter itself leaves some behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("native", "vmm", "guests", "tests", "tools", "pyproject.toml", "setup.py", "README.md")
BUILT = shutil.ignore_patterns("_native.c", "*.so", "*.o", "__pycache__", "build")
SANITIZE = "-fsanitize=address,undefined"
FLAGS = f"{SANITIZE} -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1 -Werror"

OUT_OF_REACH = (
    "tests/core/test_snapshot_trees.py::test_a_snapshot_that_nobody_refers_to_is_freed",
    "tests/cli/test_run.py::test_a_short_run_stays_small",
    "tests/cli/test_scarce.py::test_memory_that_runs_out_is_a_line",
    "tests/test_built.py::test_the_one_of_this_environment_is_found_however_it_is_installed",
    "tests/placements/test_workers.py", "tests/placements/test_cluster.py",
    "tests/packing", "tests/house", "tests/docs", "tests/guests/test_guests_sources.py",
)  # fmt: skip
"""Tests of the process's size, for a sanitizer needs more for its own books, of other processes and of who ends them,
of how vmm is packed and installed, and of sources and documents.
"""

SUPPRESSIONS = "interceptor_via_fun:probe\n"
"""native/unicorn/env_search.c lets the kernel check pointers that may lead anywhere, to find Unicorn's state."""

CUSTOM = """
import os

if hasattr(os, "RTLD_DEEPBIND"):
    del os.RTLD_DEEPBIND
"""
"""capstone opens its library with this flag where Python has it, and ASan refuses that."""

LIVES = """
import ctypes, gc
import vmm
from vmm.machine.config import Config
from vmm.machine.machine import Machine, boot

for guest in ("x86/pit_ticks", "arm64/sgi_ping_pong", "arm/sgi_ping_pong"):
    for _ in range(20):
        machine = boot(guest, console=None)
        machine.irq(5).pulse()
        for _ in range(20):
            machine.run(insns=200)
            snapshot = machine.snapshot()
        machine.restore(snapshot)
        machine.run()
        del snapshot
        del machine
        gc.collect()
for board in ("pc", "virt,gic=2", "virt,gic=3,virtualization=on,secure=on"):
    for _ in range(20):
        machine = Machine(Config(board=board, memory=1 << 20, cpu="max"))
        del machine
        gc.collect()
for guest, source, end in (("x86/first_isr", "nmi", "handler+0x6"), ("arm64/first_isr", "spi:8", "handler+0x10")):
    for reduction in (True, False):
        report = vmm.explore(guest, inject=source, between=("handler", end), depth=2, reduction=reduction)
        assert report.over, report
        gc.collect()
ctypes.CDLL(None).__lsan_do_recoverable_leak_check()
"""


def copy_to(scratch: Path) -> None:
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, scratch / part, ignore=BUILT)
        elif source.exists():
            shutil.copy(source, scratch)


def runtime(compiler: list[str]) -> str:
    """The compiler's shared ASan library, which must be loaded before Python's own allocator is used."""
    for name in ("libasan.so", "libclang_rt.asan-x86_64.so"):
        found = subprocess.run([*compiler, f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()
        if Path(found).is_absolute():
            return str(Path(found).resolve())
    sys.exit(f"sanitize: {' '.join(compiler)} has no shared AddressSanitizer library")


def environment(scratch: Path, library: str, **more: str) -> dict[str, str]:
    """`vmm` comes from the copy, and a finding of either sanitizer ends the process."""
    (scratch / "sitecustomize.py").write_text(CUSTOM)
    suppressions = scratch / "suppressions"
    suppressions.write_text(SUPPRESSIONS)
    options = more.pop("ASAN_OPTIONS", "detect_leaks=0:abort_on_error=1")
    return {
        **os.environ,
        "PYTHONPATH": str(scratch),
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": f"{options}:suppressions={suppressions}",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        **more,
    }


def build(scratch: Path) -> None:
    flags = {"VMM_NATIVE_FLAGS": FLAGS, "VMM_NATIVE_LINK": SANITIZE}
    done = subprocess.run(
        [sys.executable, "native/build.py"], cwd=scratch, env=os.environ | flags, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"sanitize: the extension does not build:\n{done.stdout}{done.stderr}")


def leaks(scratch: Path, library: str) -> list[str]:
    """What machines left behind: the reports of LeakSanitizer that name the native core."""
    extra = {"ASAN_OPTIONS": "detect_leaks=1:leak_check_at_exit=0", "PYTHONMALLOC": "malloc"}
    done = subprocess.run(
        [sys.executable, "-c", LIVES],
        cwd=scratch,
        env=environment(scratch, library, **extra),
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        return [done.stderr]
    return [block for block in done.stderr.split("\n\n") if "/native/" in block or " native/" in block]


def main(arguments: list[str]) -> int:
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return 0
    compiler = (sysconfig.get_config_var("CC") or "cc").split()
    library = runtime([os.environ.get("CC", compiler[0])])
    with tempfile.TemporaryDirectory(prefix="vmm-sanitize-") as name:
        scratch = Path(name)
        copy_to(scratch)
        build(scratch)
        tests = [argument for argument in arguments if argument != "--no-leaks"]
        skipped = [f"--deselect={name}" for name in OUT_OF_REACH]
        status = subprocess.run(
            [sys.executable, "-m", "pytest", *skipped, *tests], cwd=scratch, env=environment(scratch, library)
        ).returncode
        found = [] if "--no-leaks" in arguments else leaks(scratch, library)
        for block in found:
            print(f"sanitize: leak\n{block}", file=sys.stderr)
        return status or (1 if found else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
