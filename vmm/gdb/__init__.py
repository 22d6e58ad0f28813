"""gdb's remote protocol: a machine that is looked at, stopped anywhere and gone back in, and feels nothing of it."""


class Killed(Exception):
    """The debugger wanted the run to end."""
