"""Any commands against a model of dictionaries."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from models.agreement import checked

from .its_guest import (
    BASER0,
    CPUS,
    CTLR,
    DEVICE_TABLE,
    INDIRECT,
    ITT_SIZE,
    ITTS,
    LEVEL_2,
    VALID,
    Guest,
    invall,
    mapc,
    mapd,
    mapi,
    mapti,
    movall,
    movi,
    of_event,
)

DEVICES = (0, 1, 2, 8191, 8192, 70000)
EVENTS = (0, 1, 3, 4, 8192, 8193, 16384, 65535, 65536)
INTIDS = (0, 8191, 8192, 8193, 65535, 65536)
COLLECTIONS = (0, 1, 2, 8191, 8192, 65535)
PROCESSORS = (0, 1, 2, 3, 4, 0xFFFF)
EVENT_OPCODES = {0x03: "INT", 0x04: "CLEAR", 0x0C: "INV", 0x0F: "DISCARD"}

device_ids, event_ids, intids = st.sampled_from(DEVICES), st.sampled_from(EVENTS), st.sampled_from(INTIDS)
collection_ids, processors = st.sampled_from(COLLECTIONS), st.sampled_from(PROCESSORS)
bits = st.sampled_from((1, 2, 14, 16, 17, 32))


class Mappings(RuleBasedStateMachine):
    """Every command against device → event → (INTID, collection) → processor in dictionaries.

    The manual does not say which error is told when several apply: any of them will do.
    """

    @initialize(indirect=st.booleans())
    def start(self, indirect):
        self.guest = Guest().set_up()
        if indirect:  # with a second level for devices 0-8191 only
            self.guest.write(CTLR, 0, 4)
            self.guest.write(BASER0, VALID | INDIRECT | DEVICE_TABLE)
            self.guest.poke(DEVICE_TABLE, VALID | LEVEL_2)
            self.guest.write(CTLR, 1, 4)
        self.reachable = 65536 if indirect else 8192
        self.devices: dict[int, int] = {}  # number of events
        self.events: dict[int, dict[int, tuple[int, int]]] = {}
        self.processors: dict[int, int] = {}

    def expect(self, command, faults, calls=()):
        """True when the command was right."""
        self.guest.send(command)
        errors, seen = self.guest.complaints(), self.guest.calls()
        if not faults:
            assert (errors, seen) == ([], list(calls))
            return True
        group = 0x05 if command[0] & 0xFF == 0x04 else command[0] & 0xFF
        assert len(errors) == 1
        assert errors[0] in {0x010000 | group << 8 | fault for fault in faults}
        assert seen == []
        return False

    def event_faults(self, device, event):
        if device >= self.reachable:
            return {0x01}
        if device not in self.devices:
            return {0x04}
        return {0x05} if event >= self.devices[device] else set()

    def route_faults(self, device, event):
        faults = self.event_faults(device, event)
        if faults:
            return faults
        if event not in self.events[device]:
            return {0x07}
        return set() if self.events[device][event][1] in self.processors else {0x10}

    @rule(device=device_ids, bits=bits)
    def map_device(self, device, bits):
        itt = ITTS + ITT_SIZE * (DEVICES.index(device) % 5)
        faults = ({0x01} if device >= 8192 else set()) | ({0x02} if bits > 16 else set())
        if not faults:
            self.guest.memory.write(itt, bytes(ITT_SIZE))  # the manual wants an ITT of zeros
        if self.expect(mapd(device, itt=itt, bits=bits), faults):
            self.devices[device], self.events[device] = 1 << bits, {}

    @rule(device=device_ids)
    def unmap_device(self, device):
        if self.expect(mapd(device, valid=False), {0x01} if device >= 8192 else set()):
            self.devices.pop(device, None)

    @rule(collection=collection_ids, cpu=processors)
    def map_collection(self, collection, cpu):
        faults = ({0x02} if cpu >= CPUS else set()) | ({0x03} if collection >= 8192 else set())
        if self.expect(mapc(collection, cpu), faults):
            self.processors[collection] = cpu

    @rule(collection=collection_ids)
    def unmap_collection(self, collection):
        if self.expect(mapc(collection, 0, valid=False), {0x03} if collection >= 8192 else set()):
            self.processors.pop(collection, None)

    @rule(device=device_ids, event=event_ids, intid=intids, collection=collection_ids, own=st.booleans())
    def map_event(self, device, event, intid, collection, own):
        command = mapi(device, event, collection) if own else mapti(device, event, intid, collection)
        lpi = event if own else intid
        faults = self.event_faults(device, event)
        faults |= {0x03} if collection >= 8192 else set()
        faults |= set() if 8192 <= lpi < 65536 else {0x06}
        if self.expect(command, faults):
            self.events[device][event] = (lpi, collection)

    @rule(device=device_ids, event=event_ids, collection=collection_ids)
    def move_event(self, device, event, collection):
        faults = {0x03} if collection >= 8192 else set() if collection in self.processors else {0x09}
        way = self.route_faults(device, event)
        faults |= {0x09} if way == {0x10} else way
        calls = []
        if not faults:
            intid, old = self.events[device][event]
            source, target = self.processors[old], self.processors[collection]
            calls = [("move", source, target, intid)] if source != target else []
        if self.expect(movi(device, event, collection), faults, calls):
            self.events[device][event] = (intid, collection)

    @rule(source=processors, to=processors)
    def move_all(self, source, to):
        faults = {0x01} if source >= CPUS or to >= CPUS else set()
        self.expect(movall(source, to), faults, [("move all", source, to)] if source != to else [])

    @rule(collection=collection_ids)
    def invalidate_collection(self, collection):
        faults = {0x03} if collection >= 8192 else set() if collection in self.processors else {0x09}
        self.expect(invall(collection), faults, [("reload", self.processors.get(collection))])

    @rule(device=device_ids, event=event_ids, opcode=st.sampled_from(sorted(EVENT_OPCODES)))
    def use_event(self, device, event, opcode):
        faults = self.route_faults(device, event)
        calls = []
        if not faults:
            intid, collection = self.events[device][event]
            cpu = self.processors[collection]
            name = EVENT_OPCODES[opcode]
            calls = [("reload", cpu) if name == "INV" else ("pend" if name == "INT" else "clear", cpu, intid)]
        if self.expect(of_event(opcode)(device, event), faults, calls) and EVENT_OPCODES[opcode] == "DISCARD":
            del self.events[device][event]

    @invariant()
    def every_event_leads_where_the_dictionaries_say(self):
        for device in sorted(getattr(self, "devices", ())):
            for event, (intid, collection) in sorted(self.events[device].items()):
                self.guest.its.translate(device, event)
                cpu = self.processors.get(collection)
                assert self.guest.calls() == ([] if cpu is None else [("pend", cpu, intid)])
                assert self.guest.complaints() == ([0x010310] if cpu is None else [])


TestMappings = pytest.mark.slow(checked(Mappings, examples=100, steps=40))
