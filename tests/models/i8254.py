"""A second 8254 counter, written from the datasheet's prose and stepped pulse by pulse over raw register bytes.

It shares nothing with the product: the counting element holds the sixteen bits that a CPU would read, in BCD borrowed
digit by digit, and every mode is a small story of what one clock pulse does.
"""

from __future__ import annotations


def minus_one(raw: int, bcd: bool) -> int:
    if not bcd:
        return (raw - 1) & 0xFFFF
    for shift in (0, 4, 8, 12):
        if raw >> shift & 0xF:
            return raw - (1 << shift)
        raw |= 9 << shift
    return raw


class CounterModel:
    """One counter; `read` gives None for a byte that the datasheet leaves undefined."""

    def __init__(self) -> None:
        self.gate = True
        self.mode = 0
        self.bcd = False
        self.bytes_used = "both"
        self.control = 0x30
        self.output = 0
        self.cr = [0, 0]
        self.ce = 0
        self.ce_known = False
        self.cr_known = False
        self.transfer = False  # CR goes to CE at the next pulse
        self.running = False
        self.done = False
        self.odd = False
        self.null = 1
        self.half_written: int | None = None
        self.high_byte_next = False
        self.held: list[int | None] = []
        self.held_status: int | None = None

    # ---- the CPU's side ----

    def control_word(self, word: int) -> None:
        self.control = word & 0x3F
        self.mode = {6: 2, 7: 3}.get(word >> 1 & 7, word >> 1 & 7)
        self.bcd = bool(word & 1)
        self.bytes_used = {1: "low", 2: "high", 3: "both"}[word >> 4 & 3]
        self.output = 0 if self.mode == 0 else 1
        self.transfer = self.running = self.cr_known = self.ce_known = False
        self.null = 1
        self.half_written = None
        self.high_byte_next = False
        self.held = []
        self.held_status = None

    def write(self, byte: int) -> None:
        if self.mode == 0:
            self.output = 0
        if self.bytes_used == "both" and self.half_written is None:
            self.half_written = byte
            if self.mode == 0:
                self.running = self.transfer = False
            return
        if self.bytes_used == "both":
            self.cr = [self.half_written, byte]
            self.half_written = None
        else:
            self.cr = [byte, 0] if self.bytes_used == "low" else [0, byte]
        self.cr_known = True
        self.null = 1
        if self.mode in (0, 4):
            self.transfer = True
        if self.mode in (2, 3) and not self.running:
            self.transfer = True

    def read(self) -> int | None:
        if self.held_status is not None:
            status, self.held_status = self.held_status, None
            return status
        if self.held:
            return self.held.pop(0)
        low, high = self._ce_bytes()
        if self.bytes_used == "low":
            return low
        if self.bytes_used == "high":
            return high
        self.high_byte_next = not self.high_byte_next
        return low if self.high_byte_next else high

    def hold_count(self) -> None:
        if self.held:
            return
        low, high = self._ce_bytes()
        self.held = {"low": [low], "high": [high], "both": [low, high]}[self.bytes_used]

    def hold_status(self) -> None:
        if self.held_status is None:
            self.held_status = self.output << 7 | self.null << 6 | self.control

    def set_gate(self, level: bool) -> None:
        rose = level and not self.gate
        self.gate = level
        if rose and self.mode in (1, 2, 3, 5) and self.cr_known:
            self.transfer = True
        if not level and self.mode in (2, 3):
            self.output = 1

    def _ce_bytes(self) -> tuple[int | None, int | None]:
        return (self.ce & 0xFF, self.ce >> 8) if self.ce_known else (None, None)

    # ---- the clock's side ----

    def pulse(self) -> None:
        [self._mode0, self._mode1, self._mode2, self._mode3, self._mode4, self._mode5][self.mode]()

    def _move(self) -> None:
        self.ce = self.cr[1] << 8 | self.cr[0]
        if self.mode in (2, 3) and self.ce == 1:
            self.ce = 2
        if self.mode == 3:
            self.odd = bool(self.ce & 1)
            self.ce &= ~1
        self.ce_known = self.running = True
        self.transfer = self.done = False
        self.null = 0

    def _decrement(self) -> None:
        self.ce = minus_one(self.ce, self.bcd)

    def _mode0(self) -> None:
        if self.transfer:
            self._move()
        elif self.running and self.gate:
            self._decrement()
            if self.ce == 0:
                self.output = 1

    def _mode1(self) -> None:
        if self.transfer:
            self._move()
            self.output = 0
        elif self.running:
            self._decrement()
            if self.ce == 0:
                self.output = 1

    def _mode2(self) -> None:
        if self.transfer:
            self._move()
        elif self.running and self.gate:
            if self.ce == 1:
                self._move()
                self.output = 1
            else:
                self._decrement()
                if self.ce == 1:
                    self.output = 0

    def _mode3(self) -> None:
        if self.transfer:
            self._move()
        elif self.running and self.gate:
            # "One CLK pulse after the count expires" for the high half of an odd count, at once for every other.
            if self.odd and self.output and self.ce == 0:
                self._move()
                self.output = 0
                return
            self._decrement()
            self._decrement()
            if self.ce == 0 and not (self.odd and self.output):
                self._move()
                self.output = 1 - self.output

    def _mode4(self) -> None:
        self.output = 1
        if self.transfer:
            self._move()
        elif self.running and self.gate:
            self._strobe()

    def _mode5(self) -> None:
        self.output = 1
        if self.transfer:
            self._move()
        elif self.running:
            self._strobe()

    def _strobe(self) -> None:
        self._decrement()
        if self.ce == 0 and not self.done:
            self.done = True
            self.output = 0
