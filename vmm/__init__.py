"""vmm: interrupts of x86 and ARM machine code, exactly where you say.

A machine boots an image: a bundled guest (`vmm list`), a file of any format, a source. What the guest writes on its
first serial port is printed.

    import vmm

    m = vmm.boot("x86/first_isr")           # board=, cpu=, smp=, memory=…: `vmm.Options`
    m.run(until="handler")                  # a symbol, an address, insns=1000
    print(m, m.cpu, m.cpu["eip"], m.u32("count"), m.pic.master.isr)
    m.run(until=vmm.Ended(5))               # a trigger: the handler's end of interrupt
    m.irq(5).raise_()                       # a line, as a device drives it; also m.nmi(), m.msi(), m.inject()
    stop = m.run()
    print(stop.reason, stop.detail, m.trace.hash)

What there is, and where to go on reading (`help(vmm.boot)`):

    a machine                boot, Machine; Config, Options; Snapshot, Stop; its vCPUs: X86, Arm, Cpu; its lines:
                             IrqLine, PpiLine
    what to run to, await    Reach, Boundary, Delivered, Returned, Acknowledged, Ended, LineChanged, Elapsed, Console,
                             Accessed, which gives a Touch; Shadow, NextBoundary, EventNumber, GuestError;
                             First, Combine, Then, with_timeout
    scenarios, which await   `async def scenario(m): …` with m.start(scenario): Task, Trigger, Fired, Timeout
    before the guest sees    m.trap(key), which gives a Trap: Int, Exc, Hlt, Msr, Port; Svc, Hvc, Smc, Brk, Undefined,
                             SysReg; DONE
    interrupts by themselves m.stimulate(m.irq(5), Poisson(mean=200)): Periodic, Poisson, Burst, Storm, Sequence; on Nmi
                             and Vector, too; Stimulus, Stimulation
    what has happened        m.trace: Trace, Event, EventLog, InterruptStats
    a page of all that       RunPage: with vmm.RunPage(m, "run.html"): m.run()
    what is wrong there      m.findings(): Finding, an interrupt that nobody ended, or serves, and why
    again, bit for bit       m.recording(path), replay: Replay, Diverged, ScriptFailed
    every placement          explore: Report, Failure, Happening
    which places had one     Coverage, of any number of runs: watch(m), save(path)
    to look at               plot: Picture; ConsoleText, for boot(console=…); case: Case of the casebook; a notebook
                             shows machines, vCPUs, controllers, traces and verdicts (`vmm help notebook`)
    tests                    pytest's fixtures machine, guest, boundary and exploration; their types: vmm.testing
    what goes wrong          VmmError, in one line

`import vmm` is cheap: a name is loaded when it is first used. Its names are those in `__all__` of the modules in HOMES;
there a new one is added.
"""

from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec
from typing import TYPE_CHECKING

if PathFinder.find_spec("vmm._native", __path__) is None:
    from pathlib import Path

    from vmm.built import stand_aside

    stand_aside(Path(__file__).resolve().parent)

from vmm.errors import VmmError as VmmError
from vmm.version import __version__ as __version__

HOMES = (
    "vmm.core.event",
    "vmm.core.stops",
    "vmm.scenario.trigger",
    "vmm.scenario.triggers",
    "vmm.scenario.combinators",
    "vmm.scenario.tasks",
    "vmm.trace",
    "vmm.findings.finding",
    "vmm.inputs.traps",
    "vmm.inputs.lines",
    "vmm.inputs.console_text",
    "vmm.arch.x86.traps",
    "vmm.arch.arm.traps",
    "vmm.machine.options",
    "vmm.machine.snapshot",
    "vmm.machine.config",
    "vmm.machine.machine",
    "vmm.coverage.coverage",
    "vmm.scenario.stimuli",
    "vmm.scenario.stimulation",
    "vmm.arch.x86.vcpu",
    "vmm.arch.arm.vcpu",
    "vmm.arch.cpus",
    "vmm.replayer.player",
    "vmm.placements.report",
    "vmm.placements.exploration",
    "vmm.casebook.case",
    "vmm.plots.picture",
    "vmm.report.page.report",
)
"""In the order they are searched: the later, the longer it takes to import."""

if TYPE_CHECKING:
    from vmm.arch.arm.traps import *
    from vmm.arch.arm.vcpu import *
    from vmm.arch.cpus import *
    from vmm.arch.x86.traps import *
    from vmm.arch.x86.vcpu import *
    from vmm.casebook.case import *
    from vmm.core.event import *
    from vmm.core.stops import *
    from vmm.coverage.coverage import *
    from vmm.findings.finding import *
    from vmm.inputs.console_text import *
    from vmm.inputs.lines import *
    from vmm.inputs.traps import *
    from vmm.machine.config import *
    from vmm.machine.machine import *
    from vmm.machine.options import *
    from vmm.machine.snapshot import *
    from vmm.placements.exploration import *
    from vmm.placements.report import *
    from vmm.plots.picture import *
    from vmm.replayer.player import *
    from vmm.report.page.report import *
    from vmm.scenario.combinators import *
    from vmm.scenario.stimulation import *
    from vmm.scenario.stimuli import *
    from vmm.scenario.tasks import *
    from vmm.scenario.trigger import *
    from vmm.scenario.triggers import *
    from vmm.trace import *
else:

    def __getattr__(name):
        if name == "__all__":
            return ["VmmError", *(each for home in HOMES for each in import_module(home).__all__)]
        own = name.startswith("_") or find_spec(f"vmm.{name}")  # a module, which Python looks for here first
        for home in () if own else HOMES:
            if name in import_module(home).__all__:
                return getattr(import_module(home), name)
        raise AttributeError(f"module 'vmm' has no attribute {name!r}")

    def __dir__():
        """The public names and a module's own: what users and completion look for."""
        own = (name for name in globals() if name.startswith("__"))
        return sorted({*own, *__getattr__("__all__")})
