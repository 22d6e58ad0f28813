/*
 * The local APIC of a vCPU (Intel SDM vol. 3A chapter 11): request, service and priority, acknowledge and EOI, errors,
 * the local vector table's sources and the two LINT pins. LINT0 is wired to the 8259A pair's INT on every vCPU.
 *
 * Decisions where the manual leaves room:
 * - A request that TPR masks before INTA leaves INTR up, and INTA gets the spurious vector (11.9); `withdraws` takes it
 *   back.
 * - With equal classes PPR[3:0] is TPR[3:0] (11.8.3.1 leaves it open), as in KVM.
 * - An APIC interrupt is acknowledged before an ExtINT, as in QEMU and Bochs. SMI is accepted and does nothing: no SMM.
 */
#include "core/clock.h"
#include "core/trace.h"
#include "intc/apic/lapic.h"
#include "intc/pic/pic.h"

static int highest(const uint32_t bits[8])
{
    for (int word = 6; word >= 0; word -= 2) {
        uint64_t pair = bits[word] | (uint64_t)bits[word + 1] << 32;
        if (pair)
            return word * 32 + 63 - __builtin_clzll(pair);
    }
    return -1;
}

static uint32_t class_of(int vector)
{
    return vector < 0 ? 0 : (uint32_t)vector & 0xf0;
}

static void note(vmm_vcpu *v, uint8_t kind, uint32_t vector)
{
    trace_note_of(v, kind, vector, VMM_OF_LOCAL_APIC);
}

/* ---- priorities ---- */

/* 11.8.3.1: the higher class of TPR and the vector in service. */
static uint32_t processor_priority(const vmm_lapic *a)
{
    uint32_t in_service = class_of(highest(a->isr));
    return (a->tpr & 0xf0) >= in_service ? a->tpr & 0xff : in_service;
}

/* 11.6.2.4: what lowest priority compares; TPR, unless something in service or requested is of a higher class. */
uint32_t lapic_arbitration_priority(const vmm_lapic *a)
{
    uint32_t in_service = class_of(highest(a->isr)), requested = class_of(highest(a->irr)), task = a->tpr & 0xf0;
    if (task >= requested && task > in_service)
        return a->tpr & 0xff;
    uint32_t most = in_service > requested ? in_service : requested;
    return most > task ? most : task;
}

static bool wants(const vmm_lapic *a)
{
    if (!lapic_enabled(a))
        return false;
    int vector = highest(a->irr);
    return vector >= 0 && class_of(vector) > (processor_priority(a) & 0xf0);
}

static bool signals(const vmm_lapic *a)
{
    return a->held || wants(a);
}

static bool lint_asserted(const vmm_lapic *a, uint32_t pin)
{
    return (a->lint >> pin ^ a->lvt[VMM_LVT_LINT0 + pin] >> 13) & 1;
}

/* Virtual wire: with the APIC off LINT0 is the INTR pin; with it on, an unmasked ExtINT entry passes it (11.5.1). */
static bool passes_extint(const vmm_lapic *a)
{
    uint32_t lint0 = a->lvt[VMM_LVT_LINT0];
    if (!(a->base & VMM_APIC_ENABLE))
        return a->lint & 1;
    return a->extint || (!(lint0 & LVT_MASKED) && lvt_mode(lint0) == MODE_EXTINT && lint_asserted(a, 0));
}

void intr_update(vmm_vcpu *v)
{
    const vmm_lapic *a = lapic_of(v);
    bool up = signals(a) || passes_extint(a);
    v->pending = up ? v->pending | VMM_PEND_INTR : v->pending & ~(uint32_t)VMM_PEND_INTR;
    vcpu_rearm(v);
}

void lapic_set_tpr(vmm_vcpu *v, uint32_t value)
{
    vmm_lapic *a = lapic_of(v);
    bool wanted = wants(a);
    a->tpr = value & 0xff;
    if (wanted && !wants(a) && !a->withdraws)
        a->held = 1;
    intr_update(v);
}

/* ---- accept ---- */

/* It is this vCPU's; another one's instruction may have sent it. */
static void note_request(vmm_vcpu *v, uint32_t vector)
{
    vmm_vcpu *sender = v->machine->current;
    if (!sender || sender == v)
        note(v, VMM_EV_PENDING, vector);
    else
        trace_emit(v, &(vmm_event){.kind = VMM_EV_PENDING, .number = vector, .value = VMM_OF_LOCAL_APIC, .pc = trace_place(v),
                                   .code = trace_place(sender)});
}

static bool request(vmm_vcpu *v, uint32_t vector, bool level)
{
    vmm_lapic *a = lapic_of(v);
    vmm_machine *m = v->machine;
    if (vector < FIRST_LEGAL_VECTOR) {
        lapic_error(v, ESR_RECEIVE_ILLEGAL_VECTOR);
        return false;
    }
    bool over_timer = level && (a->lvt[VMM_LVT_TIMER] & 0xff) == vector; /* whose edges would now change TMR again */
    if (over_timer)
        lapic_timer_settle(v);
    if (!vector_get(a->irr, vector))
        a->raised[vector] = insns_so_far(m);
    vector_put(a->irr, vector, true);
    vector_put(a->tmr, vector, level);
    if (over_timer)
        lapic_timer_rearm(v);
    note_request(v, vector);
    intr_update(v);
    return true;
}

bool lapic_receive(vmm_vcpu *v, const apic_message *message)
{
    vmm_lapic *a = lapic_of(v);
    if (!(a->base & VMM_APIC_ENABLE))
        return false;
    switch (message->mode) {
    case MODE_FIXED:
    case MODE_LOWEST:
        return lapic_enabled(a) && request(v, message->vector, message->level);
    case MODE_SMI:
        return true;
    case MODE_NMI:
        vmm_nmi(v->machine, v->index);
        return true;
    case MODE_INIT:
        processor_of(v)->init(v);
        return true;
    case MODE_STARTUP:
        processor_of(v)->startup(v, message->vector);
        return true;
    case MODE_EXTINT:
        a->extint = 1;
        intr_update(v);
        return true;
    }
    return false;
}

/* 11.5.3: collected whether or not the entry is masked; one interrupt until software writes ESR. */
void lapic_error(vmm_vcpu *v, uint32_t esr_bit)
{
    vmm_lapic *a = lapic_of(v);
    a->esr_pending |= esr_bit;
    if (a->error_told || a->lvt[VMM_LVT_ERROR] & LVT_MASKED)
        return;
    a->error_told = 1;
    vmm_lapic_event(v, VMM_LVT_ERROR);
}

/* ---- acknowledge and end ---- */

static irq_request spurious(vmm_vcpu *v)
{
    vmm_lapic *a = lapic_of(v);
    irq_request taken = {.vector = a->svr & 0xff, .source = VMM_SRC_APIC_SPURIOUS};
    taken.raised = insns_so_far(v->machine);
    note(v, VMM_EV_SPURIOUS, taken.vector);
    intr_update(v);
    return taken;
}

static irq_request acknowledge(vmm_vcpu *v)
{
    vmm_lapic *a = lapic_of(v);
    bool masked = !wants(a);
    a->held = 0;
    if (masked)
        return spurious(v);
    uint32_t vector = (uint32_t)highest(a->irr);
    vector_put(a->irr, vector, false);
    vector_put(a->isr, vector, true);
    note(v, VMM_EV_ACKNOWLEDGED, vector);
    if ((a->lvt[VMM_LVT_TIMER] & 0xff) == vector)
        lapic_timer_taken(v);
    intr_update(v);
    return (irq_request){.vector = vector, .source = VMM_SRC_APIC, .raised = a->raised[vector]};
}

irq_request intr_acknowledge(vmm_vcpu *v)
{
    if (signals(lapic_of(v)))
        return acknowledge(v);
    lapic_of(v)->extint = 0;
    irq_request taken = pic_acknowledge(v->machine);
    intr_update(v);
    return taken;
}

void lapic_end_of_interrupt(vmm_vcpu *v)
{
    vmm_lapic *a = lapic_of(v);
    int highest_in_service = highest(a->isr);
    if (highest_in_service < 0)
        return;
    uint32_t vector = (uint32_t)highest_in_service;
    vector_put(a->isr, vector, false);
    note(v, VMM_EV_ENDED, vector);
    if (vector_get(a->tmr, vector)) {
        uint32_t *lint0 = &a->lvt[VMM_LVT_LINT0];
        if ((*lint0 & 0xff) == vector)
            *lint0 &= ~(uint32_t)LVT_REMOTE_IRR;
        if (!(a->svr & SVR_NO_BROADCAST))
            ioapic_eoi(v->machine, vector);
        lapic_lint_update(v);
    }
    intr_update(v);
}

/* ---- the local vector table's sources ---- */

static bool deliver(vmm_vcpu *v, int which, bool level)
{
    uint32_t lvt = lapic_of(v)->lvt[which];
    apic_message message = {.mode = (uint8_t)lvt_mode(lvt), .vector = (uint8_t)lvt, .level = level};
    bool reserved = message.mode == MODE_EXTINT || message.mode == MODE_LOWEST || message.mode == MODE_STARTUP;
    return !(lvt & LVT_MASKED) && !reserved && lapic_receive(v, &message);
}

void vmm_lapic_event(vmm_vcpu *v, int lvt)
{
    if (lvt < 0 || lvt >= VMM_LVTS)
        return;
    bool delivered = deliver(v, lvt, false);
    if (delivered && lvt == VMM_LVT_PERFORMANCE) /* 11.5.1: masked until its handler is done */
        lapic_of(v)->lvt[lvt] |= LVT_MASKED;
}

/* 11.5.1: only fixed interrupts of LINT0 can be levels; NMI, SMI and INIT are edges, ExtINT is always a level. */
static bool lint_is_level(const vmm_lapic *a, uint32_t pin)
{
    uint32_t lvt = a->lvt[VMM_LVT_LINT0 + pin];
    return pin == 0 && lvt & LVT_LEVEL && lvt_mode(lvt) == MODE_FIXED;
}

void lapic_lint_update(vmm_vcpu *v)
{
    vmm_lapic *a = lapic_of(v);
    uint32_t *lint0 = &a->lvt[VMM_LVT_LINT0];
    if (!lint_is_level(a, 0)) {
        *lint0 &= ~(uint32_t)LVT_REMOTE_IRR;
        return;
    }
    if (!(*lint0 & LVT_REMOTE_IRR) && lint_asserted(a, 0) && deliver(v, VMM_LVT_LINT0, true))
        *lint0 |= LVT_REMOTE_IRR;
}

static bool lint_unmasked(const vmm_vcpu *v, uint32_t pin)
{
    return !(lapic_of(v)->lvt[VMM_LVT_LINT0 + (pin & 1)] & LVT_MASKED);
}

void vmm_lapic_set_lint(vmm_vcpu *v, uint32_t pin, int level)
{
    vmm_lapic *a = lapic_of(v);
    uint8_t bit = (uint8_t)(1 << (pin & 1)), lint = (uint8_t)(level ? a->lint | bit : a->lint & ~bit);
    pin &= 1;
    if (lint == a->lint)
        return;
    a->lint = lint;
    bool edge = lint_asserted(a, pin) && !lint_is_level(a, pin);
    if (!(a->base & VMM_APIC_ENABLE)) { /* the pins are INTR and NMI (11.4.3) */
        if (pin && level)
            vmm_nmi(v->machine, v->index);
    } else if (edge) {
        vmm_lapic_event(v, (int)(VMM_LVT_LINT0 + pin));
    } else if (pin == 0) {
        lapic_lint_update(v);
    }
    intr_update(v);
}

void lapic_inputs_changed(vmm_vcpu *v)
{
    vmm_lapic_set_lint(v, 0, pic_of(v->machine)->chip[0].output);
    intr_update(v);
}

/* ---- reset ---- */

/* 11.4.7.3: what INIT leaves is what reset leaves, but for the ids and IA32_APIC_BASE. */
void lapic_init(vmm_vcpu *v)
{
    const vmm_lapic old = *lapic_of(v);
    vmm_lapic *a = lapic_of(v);
    *a = (vmm_lapic){
        .initial_id = old.initial_id, .withdraws = old.withdraws, .forgets = old.forgets,
        .keeps_x2apic = old.keeps_x2apic, .accept_errors = old.accept_errors, .base = old.base, .id = old.id,
        .lint = old.lint,
        .dfr = 0xffffffff, .svr = 0xff, .timer_end = VMM_NEVER,
    };
    for (int i = 0; i < VMM_LVTS; i++)
        a->lvt[i] = LVT_MASKED;
    lapic_timer_rearm(v);
    intr_update(v);
}

void vmm_lapic_reset(vmm_vcpu *v)
{
    vmm_lapic *a = lapic_of(v);
    a->id = a->initial_id;
    a->base = 0xfee00000 | VMM_APIC_ENABLE | (v->index ? 0 : VMM_APIC_BSP);
    lapic_init(v);
}

void vmm_lapic_virtual_wire(vmm_vcpu *v)
{
    vmm_lapic *a = lapic_of(v);
    a->svr = SVR_ENABLE | 0xff;
    a->lvt[VMM_LVT_LINT0] = MODE_EXTINT << 8;
    a->lvt[VMM_LVT_LINT1] = MODE_NMI << 8;
    intr_update(v);
}

int vmm_lapic_signals(vmm_vcpu *v)
{
    return signals(lapic_of(v));
}

uint32_t vmm_lapic_acknowledge(vmm_vcpu *v)
{
    return intr_acknowledge(v).vector;
}

uint32_t vmm_lapic_priority(const vmm_vcpu *v)
{
    return processor_priority(lapic_of(v));
}

/* ---- LINT1 of all of them, as a line reaches it ---- */

static void lint1_set(vmm_machine *m, uint32_t pin, int level)
{
    (void)pin;
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        vmm_lapic_set_lint(m->vcpus[i], 1, level);
}

static bool lint1_unmasked(const vmm_machine *m, uint32_t pin)
{
    (void)pin;
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        if (lint_unmasked(m->vcpus[i], 1))
            return true;
    return false;
}

static uint32_t nmi_vector(const vmm_machine *m, uint32_t pin)
{
    (void)m, (void)pin;
    return 2;
}

const line_end lint1_pins = {lint1_set, lint1_unmasked, nmi_vector, .ended_by_pin = false};
