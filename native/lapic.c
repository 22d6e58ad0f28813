/*
 * The local APIC of a vCPU (Intel SDM vol. 3A chapter 11): request, service and priority registers, EOI, inter-processor
 * interrupts to itself, and the virtual wire that passes the 8259A pair through LINT0.
 */
#include "internal.h"

enum { /* register offsets, SDM table 11-1 */
    ID = 0x20, VERSION = 0x30, TPR = 0x80, PPR = 0xa0, EOI = 0xb0, LDR = 0xd0, DFR = 0xe0, SVR = 0xf0,
    ISR = 0x100, TMR = 0x180, IRR = 0x200, ESR = 0x280, ICR_LOW = 0x300, ICR_HIGH = 0x310,
    LVT_CMCI = 0x2f0, LVT_TIMER = 0x320, LVT_ERROR = 0x370, TIMER_INITIAL = 0x380, TIMER_DIVIDE = 0x3e0
};

enum {
    BASE_BSP = 1 << 8, BASE_ENABLE = 1 << 11,
    SVR_ENABLE = 1 << 8,
    LVT_MASKED = 1 << 16,
    LINT0 = 4, LINT1 = 5, LVTS = 7,
    MODE_FIXED = 0, MODE_NMI = 4, MODE_EXTINT = 7,
    SHORTHAND_NONE = 0, SHORTHAND_SELF = 1, SHORTHAND_ALL = 2,
    ESR_SEND_ILLEGAL_VECTOR = 1 << 5
};

static vmm_lapic *lapic_of(vmm_vcpu *v)
{
    return &v->x86.lapic;
}

static bool bit_get(const uint32_t *bits, uint32_t vector)
{
    return bits[vector >> 5] >> (vector & 31) & 1;
}

static void bit_put(uint32_t *bits, uint32_t vector, bool on)
{
    uint32_t bit = 1u << (vector & 31);
    bits[vector >> 5] = on ? bits[vector >> 5] | bit : bits[vector >> 5] & ~bit;
}

static int highest(const uint32_t *bits)
{
    for (int word = 7; word >= 0; word--)
        if (bits[word])
            return word * 32 + 31 - __builtin_clz(bits[word]);
    return -1;
}

/* Section "Task and Processor Priorities": the higher class of TPR and the vector in service. */
static uint32_t processor_priority(const vmm_lapic *a)
{
    int in_service = highest(a->isr);
    uint32_t isrv = in_service < 0 ? 0 : (uint32_t)in_service & 0xf0;
    return (a->tpr & 0xf0) >= isrv ? a->tpr & 0xff : isrv;
}

static bool enabled(const vmm_lapic *a)
{
    return a->base & BASE_ENABLE && a->svr & SVR_ENABLE;
}

bool lapic_wants(const vmm_vcpu *v)
{
    const vmm_lapic *a = &v->x86.lapic;
    int vector = highest(a->irr);
    return enabled(a) && vector >= 0 && ((uint32_t)vector & 0xf0) > (processor_priority(a) & 0xf0);
}

bool lapic_passes_extint(const vmm_vcpu *v)
{
    const vmm_lapic *a = &v->x86.lapic;
    uint32_t lint0 = a->lvt[LINT0];
    return !(a->base & BASE_ENABLE) || (!(lint0 & LVT_MASKED) && (lint0 >> 8 & 7) == MODE_EXTINT);
}

void intr_update(vmm_vcpu *v)
{
    bool wants = (v->index == 0 && v->machine->pic.chip[0].output && lapic_passes_extint(v)) || lapic_wants(v);
    v->pending = wants ? v->pending | VMM_PEND_INTR : v->pending & ~(uint32_t)VMM_PEND_INTR;
    vcpu_rearm(v);
}

accepted lapic_acknowledge(vmm_vcpu *v)
{
    vmm_lapic *a = lapic_of(v);
    uint32_t vector = (uint32_t)highest(a->irr) & 255;
    bit_put(a->irr, vector, false);
    bit_put(a->isr, vector, true);
    trace_note(v->machine, VMM_EV_ACKNOWLEDGED, vector, vector);
    intr_update(v);
    return (accepted){.vector = (uint8_t)vector, .source = VMM_SRC_APIC, .pin = 0, .raised = a->raised[vector]};
}

static void request(vmm_vcpu *v, uint32_t vector)
{
    vmm_lapic *a = lapic_of(v);
    if (!bit_get(a->irr, vector))
        a->raised[vector] = v->count;
    bit_put(a->irr, vector, true);
    bit_put(a->tmr, vector, false);
    trace_note(v->machine, VMM_EV_PENDING, vector, 1);
    intr_update(v);
}

static void end_of_interrupt(vmm_vcpu *v)
{
    vmm_lapic *a = lapic_of(v);
    int vector = highest(a->isr);
    if (vector < 0)
        return;
    bit_put(a->isr, (uint32_t)vector, false);
    trace_note(v->machine, VMM_EV_ENDED, (uint32_t)vector, 1);
    intr_update(v);
}

static bool addressed(const vmm_lapic *a)
{
    uint32_t destination = a->icr_high >> 24;
    if (!(a->icr_low >> 11 & 1))
        return destination == a->id || destination == 0xff;
    uint32_t mine = a->ldr >> 24;
    if (a->dfr >> 28 == 0xf)
        return destination & mine;
    return destination >> 4 == mine >> 4 && destination & mine & 0xf;
}

/* Section "Issuing Interprocessor Interrupts"; this vCPU is the only target there is. */
static void send(vmm_vcpu *v)
{
    vmm_lapic *a = lapic_of(v);
    uint32_t shorthand = a->icr_low >> 18 & 3, vector = a->icr_low & 255;
    if (shorthand == SHORTHAND_NONE ? !addressed(a) : shorthand > SHORTHAND_ALL)
        return;
    switch (a->icr_low >> 8 & 7) {
    case MODE_FIXED:
        if (vector < 16)
            a->esr_pending |= ESR_SEND_ILLEGAL_VECTOR;
        else if (enabled(a))
            request(v, vector);
        return;
    case MODE_NMI:
        vmm_nmi(v->machine, v->index);
        return;
    }
}

static bool lapic_at(const vmm_vcpu *v, uint64_t physical)
{
    uint64_t base = v->x86.lapic.base;
    return base & BASE_ENABLE && (physical & ~0xfffull) == (base & 0xfffffffffffff000ull);
}

static uint32_t *lvt_at(vmm_lapic *a, uint32_t offset)
{
    if (offset == LVT_CMCI)
        return &a->lvt[0];
    if (offset >= LVT_TIMER && offset <= LVT_ERROR)
        return &a->lvt[1 + (offset - LVT_TIMER) / 16];
    return NULL;
}

static uint32_t lapic_read(vmm_vcpu *v, uint32_t offset)
{
    vmm_lapic *a = lapic_of(v);
    uint32_t row = offset >> 4 & 7;
    uint32_t *lvt = lvt_at(a, offset);
    if (lvt)
        return *lvt;
    switch (offset & ~0x7fu) { /* eight rows of 32 vectors each */
    case ISR:
        return a->isr[row];
    case TMR:
        return a->tmr[row];
    case IRR:
        return a->irr[row];
    }
    switch (offset) {
    case ID:
        return a->id << 24;
    case VERSION:
        return 0x50014; /* version 14h, six LVT entries */
    case TPR:
        return a->tpr;
    case PPR:
        return processor_priority(a);
    case LDR:
        return a->ldr;
    case DFR:
        return a->dfr;
    case SVR:
        return a->svr;
    case ESR:
        return a->esr;
    case ICR_LOW:
        return a->icr_low;
    case ICR_HIGH:
        return a->icr_high;
    case TIMER_INITIAL:
        return a->timer_initial;
    case TIMER_DIVIDE:
        return a->timer_divide;
    }
    return 0;
}

static void write_svr(vmm_lapic *a, uint32_t value)
{
    a->svr = value & 0x1ff;
    if (a->svr & SVR_ENABLE)
        return;
    for (int i = 0; i < LVTS; i++)
        a->lvt[i] |= LVT_MASKED;
}

static void lapic_write(vmm_vcpu *v, uint32_t offset, uint32_t value)
{
    vmm_lapic *a = lapic_of(v);
    uint32_t *lvt = lvt_at(a, offset);
    if (lvt) {
        *lvt = (value & 0x7a7ff) | (a->svr & SVR_ENABLE ? 0 : LVT_MASKED);
        intr_update(v);
        return;
    }
    switch (offset) {
    case ID:
        a->id = value >> 24;
        return;
    case TPR:
        a->tpr = value & 0xff;
        break;
    case EOI:
        end_of_interrupt(v);
        return;
    case LDR:
        a->ldr = value & 0xff000000;
        return;
    case DFR:
        a->dfr = value | 0x0fffffff;
        return;
    case SVR:
        write_svr(a, value);
        break;
    case ESR: /* a write latches what was collected since the last one */
        a->esr = a->esr_pending;
        a->esr_pending = 0;
        return;
    case ICR_LOW:
        a->icr_low = value & 0xcdfff;
        send(v);
        return;
    case ICR_HIGH:
        a->icr_high = value & 0xff000000;
        return;
    case TIMER_INITIAL:
        a->timer_initial = value;
        return;
    case TIMER_DIVIDE:
        a->timer_divide = value & 0xb;
        return;
    default:
        return;
    }
    intr_update(v);
}

bool lapic_local_read(vmm_vcpu *v, uint64_t physical, uint64_t *value)
{
    if (!lapic_at(v, physical))
        return false;
    *value = lapic_read(v, physical & 0xff0) >> 8 * (physical & 3);
    return true;
}

bool lapic_local_write(vmm_vcpu *v, uint64_t physical, uint64_t value)
{
    if (!lapic_at(v, physical))
        return false;
    lapic_write(v, physical & 0xff0, (uint32_t)value);
    return true;
}

/* No firmware runs here, so the virtual wire stands as firmware leaves it: LINT0 ExtINT, LINT1 NMI. */
void lapic_reset(vmm_vcpu *v)
{
    vmm_lapic *a = lapic_of(v);
    *a = (vmm_lapic){.base = 0xfee00000 | BASE_ENABLE | (v->index ? 0 : BASE_BSP), .id = v->index, .dfr = 0xffffffff,
                     .svr = 0xff};
    for (int i = 0; i < LVTS; i++)
        a->lvt[i] = LVT_MASKED;
    a->lvt[LINT0] = MODE_EXTINT << 8;
    a->lvt[LINT1] = MODE_NMI << 8;
}
