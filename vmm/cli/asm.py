"""`vmm asm`: a guest's image from its sources."""

from __future__ import annotations

import argparse
from pathlib import Path

from vmm.cli.parser import Parser


def parser() -> Parser:
    parser = Parser(
        "vmm asm",
        "Assemble and link .S, .s and .c files into an image; errors are shown as file:line:column.",
        [
            "vmm asm my_isr.S",
            "vmm asm boot.S main.c -o guest.elf -I include",
            "vmm asm boot.S main.c -o kernel.elf -T kernel.ld",
            "vmm asm --arch arm64 payload.c",
        ],
    )
    add = parser.add_argument
    add("sources", metavar="FILE", nargs="+", type=Path, help="sources; the first one names the image")
    add("-o", dest="out", metavar="OUT", type=Path, help="the image (FILE.elf in the current directory)")
    add("-I", dest="include", metavar="DIR", type=Path, action="append", default=[], help="where to look for headers")
    add("-T", dest="script", metavar="SCRIPT", type=Path, help="a linker script, not the one that comes with vmm")
    add("--arch", metavar="ARCH", help="x86, arm or arm64 (what the first source is for, by its #include or comment)")
    return parser


def main(options: argparse.Namespace) -> int:
    from vmm.toolchain import arch_of, assemble

    first, *more = options.sources
    arch = options.arch or arch_of(first)
    out = options.out or Path(f"{first.stem}.elf")
    image = assemble(first, *more, include=options.include, arch=arch, out=out, script=options.script)
    print(image)
    return 0
