"""All panes, by name, in the order in which they are laid out; here one is added."""

from __future__ import annotations

from vmm.stepper.panes import code, console, controllers, events, registers, stack
from vmm.stepper.panes.pane import Pane

PANES: dict[str, Pane] = {module.TITLE: module for module in (code, registers, controllers, console, stack, events)}
