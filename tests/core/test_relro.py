"""A libunicorn that was linked with full RELRO: the loader has made the slots of its calls read-only.

What is to be sealed the loader finds in PT_GNU_RELRO (elf(5)); in a copy of the library that ends where the last whole
page of the slots does.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

from elftools.elf.elffile import ELFFile

from vmm.core.native import unicorn_library

PAGE = 4096
MEMORY_SIZE_AT = 40
"""Of p_memsz in an Elf64_Phdr."""


def sealed(path: Path) -> int:
    """Write such a copy to `path`; how many bytes of its file then stay writable, in whole pages."""
    data = bytearray(unicorn_library().read_bytes())
    with unicorn_library().open("rb") as file:
        elf = ELFFile(file)
        slots, rest = (elf.get_section_by_name(name) for name in (".got.plt", ".data"))
        parts = enumerate(elf.iter_segments())
        number, relro = next((n, part) for n, part in parts if part["p_type"] == "PT_GNU_RELRO")
        end = (slots["sh_addr"] + slots["sh_size"]) // PAGE * PAGE
        at = elf["e_phoff"] + number * elf["e_phentsize"] + MEMORY_SIZE_AT
        assert struct.unpack_from("<Q", data, at)[0] == relro["p_memsz"] < end - relro["p_vaddr"]
        struct.pack_into("<Q", data, at, end - relro["p_vaddr"])
        last = rest["sh_addr"] + rest["sh_size"]
    path.write_bytes(data)
    return -(-last // PAGE) * PAGE - end


def test_it_is_as_good_as_any(tmp_path):
    library = tmp_path / "unicorn" / "lib" / "libunicorn.so.2"
    library.parent.mkdir(parents=True)
    (tmp_path / "unicorn" / "__init__.py").touch()
    writable_bytes = sealed(library)
    program = """
import vmm
for guest in ("x86/ring3_to_ring0", "arm64/sgi_ping_pong", "arm/timer_ticks"):
    print(vmm.boot(guest, console=None).run().reason)
maps = [line.split() for line in open("/proc/self/maps") if "libunicorn" in line]
print(sum(int(line[0].split("-")[1], 16) - int(line[0].split("-")[0], 16) for line in maps if line[1][:2] == "rw"))
"""
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    *reasons, writable = done.stdout.split()
    assert reasons == ["poweroff"] * 3
    assert int(writable) == writable_bytes, "what was sealed is sealed again"
