"""The image that a machine boots: into memory, the first vCPU to its entry, and over again when the board says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from vmm import loaders
from vmm.arch.architecture import Architecture
from vmm.arch.vcpu import Vcpu
from vmm.boards.board import Board
from vmm.catalog import files_of, shown
from vmm.core.memory import PhysicalMemory
from vmm.errors import VmmError
from vmm.inputs.decisions import Inputs
from vmm.inputs.tape import absolute_module, module_path
from vmm.loaders.image import Loaded


class Source(NamedTuple):
    """What a machine was loaded from: whole paths, wherever the process goes to."""

    image: Path
    modules: tuple[str, ...]
    load_address: int | None

    @property
    def files(self) -> list[Path]:
        """What was read, and must not be written over."""
        return [*files_of(self.image), *map(module_path, self.modules)]


class BootImage:
    """Of one machine; `cpu` is its first vCPU as its board has it, which the loading of an image is not told to."""

    def __init__(
        self, *, memory: PhysicalMemory, cpu: Vcpu, board: Board, inputs: Inputs, architecture: Architecture,
        append: str, switch_on: Callable[[], None],
    ) -> None:  # fmt: skip
        self._memory, self._cpu, self._board, self._inputs = memory, cpu, board, inputs
        self._architecture, self._append, self._switch_on = architecture, append, switch_on
        self._load: Callable[[], Loaded] | None = None
        self.loaded: Loaded | None = None
        self.source: Source | None = None

    def load(self, path: Path, *, initrd: Sequence[str] = (), load_address: int | None = None) -> Loaded:
        """Put an image into memory and the vCPU at its entry; VmmError names what is wrong with it."""
        self._inputs.check_stands(f"load({str(path)!r})")
        if self._inputs.observe:
            raise VmmError(f"{path}: a recording is of one image, loaded before it begins")
        load = partial(
            loaders.load,
            memory=self._memory,
            append=self._append,
            load_address=load_address,
            architecture=self._architecture.name,
            device_tree=self._board.device_tree,
            bios=self._board.bios,
            called=shown(path),
        )
        whole = Source(Path(path).absolute(), tuple(map(absolute_module, initrd)), load_address)
        self._load = partial(load, whole.image, initrd=whole.modules)
        self.source = whole
        return self._enter(load(path, initrd=initrd))

    def _enter(self, loaded: Loaded) -> Loaded:
        self.loaded = loaded
        self._cpu.enter(loaded.entry)
        self._switch_on()
        return loaded

    def start_over(self) -> None:
        """As firmware does: `Board.hand_over`, and the image as at first."""
        if self._board.hand_over:
            self._board.hand_over()
        if self._load:
            self._enter(self._load())
