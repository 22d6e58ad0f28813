/*
 * The PC's pair of 8259A interrupt controllers (Intel 231468-003; section names below are the datasheet's), with the
 * edge/level control registers of the EISA and PCI chipsets (ports 4D0h, 4D1h).
 *
 * Decisions where the datasheet leaves room, and no profile (vmm_pic's configuration) says otherwise:
 * - A request that drops before INTA leaves INT up (`held`), so that INTA answers the default IR7. Masking or ending
 *   lowers INT at once, as KVM and QEMU do.
 * - ICW1 also clears the in-service register, as KVM, QEMU and Bochs do.
 * - A slave's INT falls for an instant at INTA, so that a further request is a fresh edge for the master's IR2.
 */
#include <string.h>

#include "core/clock.h"
#include "core/trace.h"
#include "intc/pic/pic.h"

enum {
    ICW1_INIT = 0x10, /* bit 4 tells ICW1 from the OCWs */
    ICW1_LTIM = 0x08, /* all pins level triggered */
    ICW1_SNGL = 0x02, /* no cascade, so no ICW3 */
    ICW1_IC4 = 0x01,  /* ICW4 follows */
    ICW4_SFNM = 0x10,
    ICW4_AEOI = 0x02,
    OCW3 = 0x08, /* bit 3 tells OCW3 from OCW2 */
    OCW3_ESMM = 0x40,
    OCW3_SMM = 0x20,
    OCW3_POLL = 0x04,
    OCW3_RR = 0x02,
    OCW3_RIS = 0x01,
    CASCADE_PIN = 2,
    NO_PIN = -1
};

static void output_set(vmm_machine *m, int chip, bool level);

static uint8_t level_pins(const vmm_i8259 *c)
{
    return c->icw1 & ICW1_LTIM ? 0xff : c->elcr;
}

static bool is_master(const vmm_machine *m, const vmm_i8259 *c)
{
    return c == &pic_of(m)->chip[0];
}

/* Pins of a master that carry a slave. */
static uint8_t slave_pins(const vmm_i8259 *master)
{
    return master->icw1 & ICW1_SNGL ? 0 : master->cascade;
}

/* In special mask mode a masked in-service bit blocks nothing (section "Special Mask Mode"). */
static uint8_t blocking(const vmm_i8259 *c)
{
    return c->special_mask ? c->isr & (uint8_t)~c->imr : c->isr;
}

static uint8_t highest_first(uint8_t pins, unsigned highest) /* that pin's bit as bit 0, those of lower priority above it */
{
    return (uint8_t)(pins >> highest | pins << (8 - highest));
}

/* Of both: all bits where there is none. */
static uint8_t before_first(uint8_t pins)
{
    return (uint8_t)((pins & -pins) - 1);
}

static uint8_t through_first(uint8_t pins)
{
    return (uint8_t)(pins ^ (pins - 1));
}

/* The pin that INTA would take: the highest that requests, unless one in service of its priority or above blocks it. In
 * special fully nested mode one that carries a slave does not block itself. */
static int resolve(const vmm_machine *m, const vmm_i8259 *c)
{
    uint8_t requests = c->irr & (uint8_t)~c->imr;
    if (!requests)
        return NO_PIN;
    unsigned highest = (c->lowest + 1) & 7;
    uint8_t in_service = highest_first(blocking(c), highest);
    uint8_t nest = is_master(m, c) && c->icw4 & ICW4_SFNM ? highest_first(slave_pins(c), highest) : 0;
    uint8_t admitted = before_first(in_service & (uint8_t)~nest);
    if (!pic_of(m)->admits_lower)
        admitted &= through_first(in_service & nest);
    admitted &= highest_first(requests, highest);
    return admitted ? (int)(highest + (unsigned)__builtin_ctz(admitted)) & 7 : NO_PIN;
}

static void update(vmm_machine *m, vmm_i8259 *c)
{
    output_set(m, (int)(c - pic_of(m)->chip), c->held || resolve(m, c) != NO_PIN);
}

static bool stays(const vmm_machine *m, const vmm_i8259 *c, uint8_t bit)
{
    return pic_of(m)->keeps_edges && !(level_pins(c) & bit);
}

static void pin_set(vmm_machine *m, vmm_i8259 *c, int pin, bool level)
{
    uint8_t bit = (uint8_t)(1 << pin);
    bool was = c->lines & bit;
    if (level == was)
        return;
    c->lines ^= bit;
    if (level) {
        c->irr |= bit;
        c->raised[pin] = insns_so_far(m);
        uint32_t flags = stays(m, c, bit) ? VMM_REQUEST_STAYS : 0;
        trace_note_request(m, VMM_EV_PENDING, (uint32_t)(pin + 8 * (c - pic_of(m)->chip)), 0, flags);
    } else if (c->irr & bit && !stays(m, c, bit)) {
        bool was_chosen = c->output && resolve(m, c) == pin;
        c->irr &= (uint8_t)~bit;
        if (was_chosen && resolve(m, c) == NO_PIN && !pic_of(m)->withdraws_int)
            c->held = 1;
    }
    update(m, c);
}

static void output_set(vmm_machine *m, int chip, bool level)
{
    vmm_i8259 *c = &pic_of(m)->chip[chip];
    if (c->output == level)
        return;
    c->output = level;
    if (chip == 1) {
        pin_set(m, &pic_of(m)->chip[0], CASCADE_PIN, level);
        return;
    }
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        m->vcpus[i]->arch->interrupts_changed(m->vcpus[i]);
}

void vmm_pic_set_line(vmm_machine *m, uint32_t pin, int level)
{
    if (pin < 16 && pin != CASCADE_PIN)
        pin_set(m, &pic_of(m)->chip[pin >> 3], pin & 7, level != 0);
}

static bool is_unmasked(const vmm_machine *m, uint32_t pin)
{
    const vmm_i8259 *master = &pic_of(m)->chip[0], *c = &pic_of(m)->chip[pin >> 3 & 1];
    bool passes = c == master || !(master->imr & 1 << CASCADE_PIN);
    return passes && !(c->imr & 1 << (pin & 7));
}

static uint32_t vector_of(const vmm_machine *m, uint32_t pin)
{
    return pic_of(m)->chip[pin >> 3 & 1].vector | (pin & 7);
}

/* What INTA (or a poll) does inside one chip; NO_PIN is the default IR7, which leaves no trace in ISR. */
static int take(vmm_machine *m, vmm_i8259 *c)
{
    int pin = resolve(m, c);
    c->held = 0;
    if (pin == NO_PIN)
        return NO_PIN;
    uint8_t bit = (uint8_t)(1 << pin);
    if (!(level_pins(c) & bit))
        c->irr &= (uint8_t)~bit;
    if (!(c->icw4 & ICW4_AEOI)) {
        c->isr |= bit;
        return pin;
    }
    c->isr &= (uint8_t)~bit; /* it may have been in service from before AEOI was chosen, and be let in by special mask mode */
    if (c->rotate_aeoi)
        c->lowest = (uint8_t)pin;
    return pin;
}

static irq_request answer(vmm_machine *m, int chip, int pin)
{
    vmm_i8259 *c = &pic_of(m)->chip[chip];
    bool spurious = pin == NO_PIN;
    irq_request a = {
        .vector = (uint8_t)(c->vector | (spurious ? 7 : pin)),
        .source = spurious ? VMM_SRC_SPURIOUS : VMM_SRC_LINE,
        .pin = (uint8_t)(8 * chip + (spurious ? 7 : pin)),
        .raised = spurious ? insns_so_far(m) : c->raised[pin],
    };
    uint32_t flags = chip && pic_of(m)->chip[0].icw4 & ICW4_AEOI ? VMM_CASCADE_IS_OVER : 0;
    if (!spurious)
        flags |= (c->irr >> pin & 1 ? VMM_REQUEST_STAYS : 0) | (c->icw4 & ICW4_AEOI ? VMM_REQUEST_IS_OVER : 0);
    trace_note_request(m, spurious ? VMM_EV_SPURIOUS : VMM_EV_ACKNOWLEDGED, a.vector, a.pin, flags);
    return a;
}

irq_request pic_acknowledge(vmm_machine *m)
{
    vmm_i8259 *master = &pic_of(m)->chip[0], *slave = &pic_of(m)->chip[1];
    int pin = take(m, master);
    irq_request a;
    if (pin == CASCADE_PIN && slave_pins(master) & 1 << pin) {
        a = answer(m, 1, take(m, slave));
        output_set(m, 1, false);
        update(m, slave);
    } else {
        a = answer(m, 0, pin);
    }
    output_set(m, 0, false);
    update(m, master);
    return a;
}

uint32_t vmm_pic_acknowledge(vmm_machine *m)
{
    return pic_acknowledge(m).vector;
}

/* Initialisation: ICW1 starts over whatever went on before (section "Initialization Command Words 1 and 2"). */
static void initialise(vmm_i8259 *c, uint8_t icw1)
{
    c->icw1 = icw1;
    c->irr = c->lines & level_pins(c); /* the edge sense circuit is reset: a pin must go low and high again */
    c->imr = c->isr = 0;
    c->lowest = 7;
    c->held = c->read_isr = c->poll = c->special_mask = c->rotate_aeoi = 0;
    if (!(icw1 & ICW1_IC4))
        c->icw4 = 0;
    c->init_step = 2;
}

static void continue_initialisation(vmm_i8259 *c, uint8_t value)
{
    bool want_icw3 = !(c->icw1 & ICW1_SNGL), want_icw4 = c->icw1 & ICW1_IC4;
    switch (c->init_step) {
    case 2:
        c->vector = value & 0xf8;
        c->init_step = want_icw3 ? 3 : want_icw4 ? 4 : 0;
        return;
    case 3:
        c->cascade = value;
        c->init_step = want_icw4 ? 4 : 0;
        return;
    default:
        c->icw4 = value;
        c->init_step = 0;
    }
}

/* The highest in-service bit a non-specific EOI clears; in special mask mode a masked one is left alone. */
static int highest_in_service(const vmm_i8259 *c)
{
    for (int step = 1; step <= 8; step++) {
        int pin = (c->lowest + step) & 7;
        if (blocking(c) & 1 << pin)
            return pin;
    }
    return NO_PIN;
}

/* ICW1 clears the mask and what is in service. */
static void note_initialised(vmm_machine *m, const vmm_i8259 *c)
{
    if (m->current && trace_is_whole(m))
        trace_derive(m->current, &(vmm_event){.kind = VMM_EV_STATE_SET, .number = (uint32_t)(c - pic_of(m)->chip),
                                              .value = c->irr, .pc = trace_place(m->current)});
}

/* It does nothing, but who records may want to know that somebody ended twice. */
static void note_vain(vmm_machine *m, const vmm_i8259 *c)
{
    if (m->current && trace_is_whole(m))
        trace_derived(m->current, VMM_EV_VAIN, (uint32_t)(c - pic_of(m)->chip), 0);
}

static void end_of_interrupt(vmm_machine *m, vmm_i8259 *c, int pin, bool rotate)
{
    if (pin == NO_PIN || !(c->isr & 1 << pin))
        note_vain(m, c);
    if (pin == NO_PIN)
        return;
    if (c->isr & 1 << pin)
        trace_note(m, VMM_EV_ENDED, (uint32_t)(pin + 8 * (c - pic_of(m)->chip)), 0);
    c->isr &= (uint8_t)~(1 << pin);
    if (rotate)
        c->lowest = (uint8_t)pin;
}

/* Operation Command Word 2: bits 7-5 are R, SL, EOI; 2-0 the level that SL names. */
static void ocw2(vmm_machine *m, vmm_i8259 *c, uint8_t value)
{
    int level = value & 7;
    switch (value >> 5) {
    case 0: /* rotate in automatic EOI mode: clear */
    case 4: /* ... set */
        c->rotate_aeoi = value >> 7;
        return;
    case 1: /* non-specific EOI */
    case 5: /* rotate on non-specific EOI */
        end_of_interrupt(m, c, highest_in_service(c), value >> 7);
        return;
    case 3: /* specific EOI */
    case 7: /* rotate on specific EOI */
        end_of_interrupt(m, c, level, value >> 7);
        return;
    case 6: /* set priority */
        c->lowest = (uint8_t)level;
        return;
    }
}

static void ocw3(vmm_i8259 *c, uint8_t value)
{
    if (value & OCW3_ESMM)
        c->special_mask = (value & OCW3_SMM) != 0;
    c->poll |= (value & OCW3_POLL) != 0; /* until the read it announces */
    if (value & OCW3_RR)
        c->read_isr = value & OCW3_RIS;
}

void vmm_pic_write(vmm_machine *m, uint32_t chip, uint32_t a0, uint32_t value)
{
    vmm_i8259 *c = &pic_of(m)->chip[chip & 1];
    uint8_t byte = (uint8_t)value;
    if (a0 && c->init_step) {
        continue_initialisation(c, byte);
    } else if (a0) {
        c->imr = byte;
        trace_note(m, VMM_EV_MASKED, chip & 1, byte);
    } else if (byte & ICW1_INIT) {
        initialise(c, byte);
        note_initialised(m, c);
    } else if (byte & OCW3) {
        ocw3(c, byte);
    } else {
        ocw2(m, c, byte);
    }
    update(m, c);
}

/* Poll: the read is the acknowledge; bit 7 tells whether there was a request (section "Poll Command"). */
static uint32_t poll(vmm_machine *m, vmm_i8259 *c)
{
    c->poll = 0;
    int pin = take(m, c);
    output_set(m, (int)(c - pic_of(m)->chip), false);
    update(m, c);
    return pin == NO_PIN ? 0 : 0x80u | (uint32_t)pin;
}

uint32_t vmm_pic_read(vmm_machine *m, uint32_t chip, uint32_t a0)
{
    vmm_i8259 *c = &pic_of(m)->chip[chip & 1];
    if (c->poll)
        return poll(m, c);
    if (a0)
        return c->imr;
    return c->read_isr ? c->isr : c->irr;
}

static void set_elcr(vmm_machine *m, uint32_t chip, uint8_t value)
{
    vmm_i8259 *c = &pic_of(m)->chip[chip & 1];
    uint8_t changed = (uint8_t)(c->elcr ^ (value & c->elcr_mask));
    c->elcr ^= changed;
    c->irr = (uint8_t)((c->irr & ~changed) | (c->lines & level_pins(c) & changed));
    update(m, c);
}

vmm_pic *vmm_pic_of(vmm_machine *m)
{
    return controller_state(m, PIC_ROW);
}

void vmm_pic_reset(vmm_machine *m)
{
    static const uint8_t WRITABLE_TRIGGER[2] = {0xf8, 0xde}; /* timer, keyboard, cascade, RTC and FERR stay edge */
    for (int i = 0; i < 2; i++) {
        vmm_i8259 *c = &pic_of(m)->chip[i];
        *c = (vmm_i8259){.lowest = 7, .elcr_mask = WRITABLE_TRIGGER[i], .lines = c->lines};
    }
}

/* ---- as lines and ports reach it ---- */

static uint64_t ports_read(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)cpu, (void)size;
    return vmm_pic_read(m, range->index, (uint32_t)offset);
}

static void ports_write(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)cpu, (void)size;
    vmm_pic_write(m, range->index, (uint32_t)offset, (uint32_t)value);
}

static uint64_t elcr_read(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)cpu, (void)range, (void)size;
    return pic_of(m)->chip[offset & 1].elcr;
}

static void elcr_write(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)cpu, (void)range, (void)size;
    set_elcr(m, (uint32_t)offset, (uint8_t)value);
}

const line_end pic_pins = {vmm_pic_set_line, is_unmasked, vector_of, .ended_by_pin = true};
const range_owner pic_ports = {ports_read, ports_write}, pic_elcr = {elcr_read, elcr_write};

/* A pin's request would raise INT, whichever it is. */
static bool may_be_spurious(vmm_machine *m, uint32_t cpu)
{
    (void)cpu;
    vmm_i8259 *c = &pic_of(m)->chip[0];
    uint8_t irr = c->irr;
    c->irr = 0xff;
    int pin = resolve(m, c);
    c->irr = irr;
    return pin != NO_PIN;
}

static void request_spurious(vmm_machine *m, uint32_t cpu)
{
    (void)cpu;
    pic_of(m)->chip[0].held = 1;
    update(m, &pic_of(m)->chip[0]);
}

const spurious_source pic_spurious = {"pic", may_be_spurious, request_spurious};

static bool chip_alike(const vmm_i8259 *a, const vmm_i8259 *b)
{
    return memcmp(a, b, offsetof(vmm_i8259, raised)) == 0;
}

bool pic_alike(const void *a, const void *b)
{
    const vmm_pic *one = a, *other = b;
    return chip_alike(&one->chip[0], &other->chip[0]) && chip_alike(&one->chip[1], &other->chip[1]);
}
