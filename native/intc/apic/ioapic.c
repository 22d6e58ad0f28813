/*
 * The IOAPIC: 24 pins, each with an entry that says which message it sends (Intel 82093AA datasheet 290566, section 3;
 * version 20h and the EOI register as in Intel's ICH family).
 *
 * Decisions where references differ:
 * - An edge on a masked pin is lost (datasheet 3.2.4, "Interrupt Mask"; KVM and QEMU agree); `holds_edges` keeps it.
 * - Polarity is taken literally, against wires whose idle level `active_low` tells; `ignores_polarity` as KVM and QEMU.
 * - NMI, SMI, INIT and ExtINT are edges whatever the trigger mode says (3.2.4, "Delivery Mode").
 * - An edge that no local APIC accepts is lost, as on the system bus; a level is offered again until one does, and only
 *   then is its delivery status "send pending".
 */
#include "core/trace.h"
#include "intc/apic/lapic.h"

enum { IOREGSEL = 0x00, IOWIN = 0x10, EOIR = 0x40 };
enum { IOAPICID = 0x00, IOAPICVER = 0x01, IOAPICARB = 0x02, IOREDTBL = 0x10 };
enum { VERSION_VALUE = (VMM_IOAPIC_PINS - 1) << 16 | VMM_IOAPIC_VERSION };

enum { /* the low half of an entry */
    LOGICAL = 1 << 11, SEND_PENDING = 1 << 12, ACTIVE_LOW = 1 << 13, REMOTE_IRR = 1 << 14, LEVEL = 1 << 15,
    MASKED = 1 << 16, WRITABLE_LOW = 0x1afff
};
#define WRITABLE_HIGH 0xff000000u

static uint32_t mode_of(uint64_t entry)
{
    return entry >> 8 & 7;
}

static bool is_level(uint64_t entry)
{
    return entry & LEVEL && mode_of(entry) <= MODE_LOWEST;
}

static bool asserted(const vmm_ioapic *io, uint32_t pin)
{
    uint32_t wire = (io->lines ^ io->active_low) >> pin & 1;
    uint32_t active = io->ignores_polarity ? (io->active_low >> pin & 1) ^ 1 : !(io->entry[pin] & ACTIVE_LOW);
    return wire == active;
}

static bool post(vmm_machine *m, uint32_t pin)
{
    uint64_t entry = ioapic_of(m)->entry[pin];
    uint32_t destination = (uint32_t)(entry >> 56);
    apic_message message = {
        .destination = destination,
        .logical = entry & LOGICAL,
        .everyone = destination == 0xff,
        .level = is_level(entry),
        .mode = (uint8_t)mode_of(entry),
        .vector = (uint8_t)entry,
    };
    return message.mode != MODE_STARTUP && apic_send(m, &message, NULL);
}

/* A level that waits: unmasked, asserted and not in service. */
static bool is_waiting(const vmm_ioapic *io, uint32_t pin)
{
    uint64_t entry = io->entry[pin];
    return is_level(entry) && !(entry & (MASKED | REMOTE_IRR)) && asserted(io, pin);
}

/* ---- what is told of a pin, to who records ---- */

static uint32_t state(const vmm_ioapic *io, uint32_t pin)
{
    uint64_t entry = io->entry[pin];
    return (entry & MASKED ? VMM_PIN_MASKED : 0u) | (entry & REMOTE_IRR ? VMM_PIN_REMOTE_IRR : 0u)
         | (is_waiting(io, pin) ? VMM_PIN_SEND_PENDING : 0u);
}

static bool is_told(const vmm_machine *m)
{
    return m->current && trace_is_whole(m);
}

static uint32_t seen(vmm_machine *m, uint32_t pin)
{
    return is_told(m) ? state(ioapic_of(m), pin) : 0;
}

static void note_change(vmm_machine *m, uint32_t pin, uint32_t before)
{
    uint32_t now = seen(m, pin);
    if (now != before)
        trace_derived(m->current, VMM_EV_PIN_STATE, pin, now);
}

/* ---- lines and entries ---- */

static void offer(vmm_machine *m, uint32_t pin)
{
    vmm_ioapic *io = ioapic_of(m);
    if (is_waiting(io, pin) && post(m, pin))
        io->entry[pin] |= REMOTE_IRR;
}

static void edge(vmm_machine *m, uint32_t pin)
{
    vmm_ioapic *io = ioapic_of(m);
    if (!(io->entry[pin] & MASKED))
        post(m, pin);
    else if (io->holds_edges)
        io->held |= 1u << pin;
}

void vmm_ioapic_set_line(vmm_machine *m, uint32_t pin, int level)
{
    vmm_ioapic *io = ioapic_of(m);
    if (pin >= VMM_IOAPIC_PINS || (io->lines >> pin & 1) == (level != 0))
        return;
    uint32_t before = seen(m, pin);
    io->lines ^= 1u << pin;
    if (is_level(io->entry[pin]))
        offer(m, pin);
    else if (asserted(io, pin))
        edge(m, pin);
    note_change(m, pin, before);
}

static bool is_unmasked(const vmm_machine *m, uint32_t pin)
{
    return pin < VMM_IOAPIC_PINS && !(ioapic_of(m)->entry[pin] & MASKED);
}

static uint32_t vector_of(const vmm_machine *m, uint32_t pin)
{
    return pin < VMM_IOAPIC_PINS ? ioapic_of(m)->entry[pin] & 0xff : VMM_ANY;
}

static void offer_again(vmm_machine *m, uint32_t pin)
{
    uint32_t before = seen(m, pin);
    offer(m, pin);
    note_change(m, pin, before);
}

void ioapic_retry(vmm_machine *m)
{
    for (uint32_t pin = 0; pin < VMM_IOAPIC_PINS; pin++)
        offer_again(m, pin);
}

/* Every entry of that vector first, then the lines: two pins may share it. */
void ioapic_eoi(vmm_machine *m, uint32_t vector)
{
    vmm_ioapic *io = ioapic_of(m);
    uint32_t ended = 0;
    for (uint32_t pin = 0; pin < VMM_IOAPIC_PINS; pin++) {
        uint64_t *entry = &io->entry[pin];
        if (!(*entry & REMOTE_IRR) || (*entry & 0xff) != vector)
            continue;
        uint32_t before = seen(m, pin);
        *entry &= ~(uint64_t)REMOTE_IRR;
        ended |= 1u << pin;
        note_change(m, pin, before);
    }
    for (uint32_t pin = 0; pin < VMM_IOAPIC_PINS; pin++)
        if (ended >> pin & 1)
            offer_again(m, pin);
}

/* Remote IRR has a meaning for levels only, so the switch to edge clears it. */
static void write_entry(vmm_machine *m, uint32_t pin, uint64_t value)
{
    vmm_ioapic *io = ioapic_of(m);
    uint64_t *entry = &io->entry[pin];
    uint32_t before = seen(m, pin);
    *entry = value | (is_level(value) ? *entry & REMOTE_IRR : 0);
    if (io->held >> pin & 1 && !(value & MASKED)) {
        io->held &= ~(1u << pin);
        if (!is_level(value))
            post(m, pin);
    }
    offer(m, pin);
    note_change(m, pin, before);
}

static uint64_t shown(const vmm_ioapic *io, uint32_t pin)
{
    return io->entry[pin] | (is_waiting(io, pin) ? SEND_PENDING : 0);
}

static uint32_t read_selected(const vmm_ioapic *io)
{
    uint32_t pin = (io->select - IOREDTBL) / 2u;
    switch (io->select) {
    case IOAPICID:
        return (uint32_t)io->id << 24;
    case IOAPICVER:
        return VERSION_VALUE;
    case IOAPICARB:
        return (uint32_t)io->arbitration << 24;
    }
    if (io->select < IOREDTBL || pin >= VMM_IOAPIC_PINS)
        return 0;
    return (uint32_t)(shown(io, pin) >> (io->select & 1 ? 32 : 0));
}

static void write_selected(vmm_machine *m, uint32_t value)
{
    vmm_ioapic *io = ioapic_of(m);
    uint32_t pin = (io->select - IOREDTBL) / 2u;
    if (io->select == IOAPICID)
        io->id = io->arbitration = value >> 24 & 15; /* 3.2.3: ARB is loaded with ID */
    if (io->select < IOREDTBL || pin >= VMM_IOAPIC_PINS)
        return;
    uint64_t low = io->entry[pin] & WRITABLE_LOW, high = io->entry[pin] >> 32;
    if (io->select & 1)
        high = value & WRITABLE_HIGH;
    else
        low = value & WRITABLE_LOW;
    write_entry(m, pin, high << 32 | low);
}

uint32_t vmm_ioapic_read(vmm_machine *m, uint64_t offset)
{
    if (offset == IOREGSEL)
        return ioapic_of(m)->select;
    return offset == IOWIN ? read_selected(ioapic_of(m)) : 0;
}

void vmm_ioapic_write(vmm_machine *m, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case IOREGSEL:
        ioapic_of(m)->select = (uint8_t)value;
        return;
    case IOWIN:
        write_selected(m, value);
        return;
    case EOIR:
        ioapic_eoi(m, value & 0xff);
        return;
    }
}

vmm_ioapic *vmm_ioapic_of(vmm_machine *m)
{
    return controller_state(m, APIC_ROW) ? ioapic_of(m) : NULL;
}

void vmm_ioapic_reset(vmm_machine *m)
{
    vmm_ioapic *io = ioapic_of(m);
    *io = (vmm_ioapic){.active_low = io->active_low, .ignores_polarity = io->ignores_polarity,
                       .holds_edges = io->holds_edges, .lines = io->lines};
    for (uint32_t pin = 0; pin < VMM_IOAPIC_PINS; pin++)
        io->entry[pin] = MASKED;
}

/* ---- as lines and memory reach it ---- */

static uint64_t memory_read(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)cpu, (void)range, (void)size;
    return vmm_ioapic_read(m, offset);
}

static void memory_write(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)cpu, (void)range, (void)size;
    vmm_ioapic_write(m, offset, (uint32_t)value);
}

const line_end ioapic_pins = {vmm_ioapic_set_line, is_unmasked, vector_of, .ended_by_pin = false};
const range_owner ioapic_memory = {memory_read, memory_write};
