"""What everybody may ask of it."""

from vmm.arch.architecture import Architecture, Processor
from vmm.arch.boot import Boot, Entry
from vmm.arch.debugger import Debugger, Feature, View, named
from vmm.arch.target import Target
from vmm.arch.words import Words
from vmm.core.native import check, lib
from vmm.errors import VmmError

from . import dump
from .traps import TRAPS
from .vcpu import Toy

STACK = 0x7000


def program(pc, tree):
    return Entry("toy", 0, pc, {"esp": STACK})


def flat(address, tree):
    return Entry("toy", 0, address, {"esp": STACK, "ebx": 0xF1A7})


def processor(text):
    if text not in ("default", "toy-1"):
        raise VmmError(f"no toy is called {text!r}")

    def add(native, *, fast):
        assert fast
        check(native, lib.vmm_add_x86(native, 0))
        return Toy(native.vcpus[native.vcpu_count - 1])

    return Processor("toy", "", add)


def source(source, pin):
    return f"WIRE {pin}" if source == lib.VMM_SRC_LINE else None


WORDS = Words(
    events={
        "line": "wire {number} at {value}",
        "pending": "wire {number} asks",
        "delivered": "cause {number} taken {how}",
        "acknowledged": "cause {number} seen",
        "ended": "wire {number} done",
        "returned": "cause {number} left",
        "cpu mask": "deaf {number}",
    },
    facts=lambda event, name: {"how": f"from {event.source}"},
    error="detail {:x}",
    traps={lib.VMM_TRAP_HLT: "rest"},
    guest_errors={},
    frame=("source", "sp"),
    sources=lambda machine: source,
    lines="WIRE",
    number=lambda number, source: f"no. {number}",
    classes=frozenset({"exception"}),
    named=frozenset({"exception"}),
    shutdown="locked up",
)

DEBUGGER = Debugger(
    {
        "toy": View(
            "toy", (Feature("toy.core", tuple(named(name, 32) for name in ("a", "b", "link", "pc"))),), 4, ("pc",)
        )
    },
    lambda cpu: "toy",
)

ARCHITECTURE = Architecture(
    name="toy",
    title="Toy-32",
    family="Toy",
    article="a",
    board="bench",
    cpu="toy-1",
    cpu_prefix="toy-",
    number="cause",
    irq="WIRE",
    actions=frozenset({"NMIs"}),
    no_nmi="",
    boot=Boot(program, flat, flat_offset=0x3000, alignment=2),
    gears=("precise",),
    qemu="qemu-system-toy",
    qemu_registers=lambda cpu: iter(()),
    proofs={},
    processor=processor,
    words=lambda: WORDS,
    traps=lambda: TRAPS,
    dump=lambda: dump,
    int_line=lambda event, name: f"cause={event.number} {name(event.number) or event.source}",
    target=lambda: Target((), (), (), (), (), (), (), "rest\n", "unrest\n"),
    debugger=lambda: DEBUGGER,
)
