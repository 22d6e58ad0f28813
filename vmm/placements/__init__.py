"""Every placement of interrupts within a window of a run: none breaks what must hold, or here is the least one."""
