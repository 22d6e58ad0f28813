/*
 * The local APIC's registers (Intel SDM vol. 3A tables 11-1 and 11-6) as a page of memory and, in x2APIC mode, as MSRs
 * 800h-83Fh; IA32_APIC_BASE and its transitions (11.4.4, 11.12.5); and what CPUID tells of all this.
 *
 * When IA32_APIC_BASE.EN is cleared, an APIC in xAPIC mode keeps its registers (11.4.3: they may be lost), one in
 * x2APIC mode its id alone (11.12.5.1); profiles differ.
 *
 * In memory only an aligned 32-bit access is defined (11.4.1). Others are tolerated: a read gives the bytes it covers,
 * of which those above the fourth are 0; a write does nothing. A reserved address sets ESR[7].
 */
#include "intc/apic/lapic.h"

enum { /* offset in the page >> 4, and MSR - 800h */
    ID = 0x02, VERSION = 0x03, TPR = 0x08, APR = 0x09, PPR = 0x0a, EOI = 0x0b, LDR = 0x0d, DFR = 0x0e, SVR = 0x0f,
    ISR = 0x10, TMR = 0x18, IRR = 0x20, ESR = 0x28, LVT_CMCI = 0x2f, ICR = 0x30, ICR_HIGH = 0x31, LVT_TIMER = 0x32,
    LVT_THERMAL = 0x33, LVT_PERFORMANCE = 0x34, LVT_LINT0 = 0x35, LVT_LINT1 = 0x36, LVT_ERROR = 0x37,
    TIMER_INITIAL = 0x38, TIMER_CURRENT = 0x39, TIMER_DIVIDE = 0x3e, SELF_IPI = 0x3f, REGISTERS = 0x40
};

enum { R = 1, W = 2, RW = R | W };

/* 14h: integrated, as of the Pentium 4; LVT entries - 1; bit 24: EOI broadcast can be suppressed (11.4.8). */
#define VERSION_VALUE (1u << 24 | (VMM_LVTS - 1) << 16 | 0x14)

#define VECTOR 0xffu
#define SOURCE (LVT_MASKED | LVT_STATUS | LVT_MODE | VECTOR)
#define LINT (SOURCE | LVT_ACTIVE_LOW | LVT_REMOTE_IRR | LVT_LEVEL)
#define READ_ONLY (LVT_STATUS | LVT_REMOTE_IRR)

/* `bits` may be written: the rest is ignored in memory, and #GP by MSR. Bit 12 of ICR is read-only, not reserved. */
static const struct {
    uint8_t memory, msr; /* R, W */
    uint32_t bits;
} REGISTER[REGISTERS] = {
    [ID] = {RW, R, 0xff000000},
    [VERSION] = {R, R, 0},
    [TPR] = {RW, RW, 0xff},
    [APR] = {R, 0, 0},
    [PPR] = {R, R, 0},
    [EOI] = {W, W, 0},
    [LDR] = {RW, R, 0xff000000},
    [DFR] = {RW, 0, 0xf0000000},
    [SVR] = {RW, RW, SVR_NO_BROADCAST | SVR_FOCUS | SVR_ENABLE | VECTOR},
    [ISR ... ISR + 7] = {R, R, 0},
    [TMR ... TMR + 7] = {R, R, 0},
    [IRR ... IRR + 7] = {R, R, 0},
    [ESR] = {RW, RW, 0},
    [LVT_CMCI] = {RW, RW, SOURCE},
    [ICR] = {RW, RW, 0xcdfff},
    [ICR_HIGH] = {RW, 0, 0xff000000},
    [LVT_TIMER] = {RW, RW, LVT_TIMER_MODE | LVT_MASKED | LVT_STATUS | VECTOR},
    [LVT_THERMAL] = {RW, RW, SOURCE},
    [LVT_PERFORMANCE] = {RW, RW, SOURCE},
    [LVT_LINT0] = {RW, RW, LINT},
    [LVT_LINT1] = {RW, RW, LINT},
    [LVT_ERROR] = {RW, RW, LVT_MASKED | LVT_STATUS | VECTOR},
    [TIMER_INITIAL] = {RW, RW, 0xffffffff},
    [TIMER_CURRENT] = {R, R, 0},
    [TIMER_DIVIDE] = {RW, RW, 0xb},
    [SELF_IPI] = {0, W, VECTOR},
};

/* CPUID.1:ECX as configured. */
enum { CPUID_X2APIC = 1 << 21, CPUID_DEADLINE = 1 << 24 };

static bool announced(const vmm_vcpu *v, uint32_t ecx_bit)
{
    return processor_of(v)->features(v) & ecx_bit;
}

static uint32_t writable_bits(const vmm_vcpu *v, uint32_t index)
{
    bool no_deadline = index == LVT_TIMER && !announced(v, CPUID_DEADLINE);
    return REGISTER[index].bits & ~(no_deadline ? (uint32_t)LVT_DEADLINE : 0);
}

static uint32_t *lvt_at(vmm_lapic *a, uint32_t index)
{
    if (index == LVT_CMCI)
        return &a->lvt[VMM_LVT_CMCI];
    return index >= LVT_TIMER && index <= LVT_ERROR ? &a->lvt[VMM_LVT_TIMER + index - LVT_TIMER] : NULL;
}

static uint32_t read_register(vmm_vcpu *v, uint32_t index)
{
    vmm_lapic *a = lapic_of(v);
    const uint32_t *lvt = lvt_at(a, index);
    if (lvt)
        return *lvt;
    switch (index & ~7u) { /* eight words of 32 vectors each */
    case ISR:
        return a->isr[index & 7];
    case TMR:
        return a->tmr[index & 7];
    case IRR:
        return a->irr[index & 7];
    }
    switch (index) {
    case ID:
        return lapic_is_x2apic(a) ? a->id : a->id << 24;
    case VERSION:
        return VERSION_VALUE;
    case TPR:
        return a->tpr;
    case APR:
        return lapic_arbitration_priority(a);
    case PPR:
        return vmm_lapic_priority(v);
    case LDR:
        return lapic_is_x2apic(a) ? lapic_x2apic_ldr(a) : a->ldr;
    case DFR:
        return a->dfr;
    case SVR:
        return a->svr;
    case ESR:
        return a->esr;
    case ICR:
        return a->icr_low;
    case ICR_HIGH:
        return a->icr_high;
    case TIMER_INITIAL:
        return a->timer_initial;
    case TIMER_CURRENT:
        return vmm_lapic_count(v);
    case TIMER_DIVIDE:
        return a->timer_divide;
    }
    return 0;
}

/* 11.4.7.2: while the APIC is disabled by software all entries are masked, and stay so. */
static void write_lvt(vmm_vcpu *v, uint32_t *lvt, uint32_t value)
{
    vmm_lapic *a = lapic_of(v);
    bool is_timer = lvt == &a->lvt[VMM_LVT_TIMER];
    uint32_t was = *lvt;
    if (is_timer)
        lapic_timer_settle(v);
    *lvt = (value & ~(uint32_t)READ_ONLY) | (was & READ_ONLY) | (a->svr & SVR_ENABLE ? 0 : LVT_MASKED);
    if (is_timer && (was ^ value) & LVT_DEADLINE)
        lapic_timer_disarm(v);
    if (is_timer)
        lapic_timer_rearm(v);
    lapic_lint_update(v);
    intr_update(v);
}

static void write_svr(vmm_vcpu *v, uint32_t value)
{
    vmm_lapic *a = lapic_of(v);
    lapic_timer_settle(v);
    a->svr = value;
    if (!(value & SVR_ENABLE)) {
        a->held = 0;
        for (int i = 0; i < VMM_LVTS; i++)
            a->lvt[i] |= LVT_MASKED;
    }
    lapic_timer_rearm(v);
    ioapic_retry(v->machine);
    intr_update(v);
}

static void write_esr(vmm_vcpu *v)
{
    vmm_lapic *a = lapic_of(v);
    lapic_timer_settle(v);
    a->esr = a->esr_pending;
    a->esr_pending = a->error_told = 0;
    lapic_timer_rearm(v);
}

static void write_register(vmm_vcpu *v, uint32_t index, uint32_t value)
{
    enum { DELIVERY_STATUS = 1 << 12 };
    vmm_lapic *a = lapic_of(v);
    uint32_t *lvt = lvt_at(a, index);
    if (lvt) {
        write_lvt(v, lvt, value);
        return;
    }
    switch (index) {
    case ID:
        a->id = value >> 24;
        break;
    case TPR:
        lapic_set_tpr(v, value);
        return;
    case EOI:
        lapic_end_of_interrupt(v);
        return;
    case LDR:
        a->ldr = value;
        break;
    case DFR:
        a->dfr = value | 0x0fffffff;
        break;
    case SVR:
        write_svr(v, value);
        return;
    case ESR:
        write_esr(v);
        return;
    case ICR:
        a->icr_low = value & ~(uint32_t)DELIVERY_STATUS; /* sent at once: always idle */
        lapic_send(v);
        return;
    case ICR_HIGH:
        a->icr_high = value;
        return;
    case TIMER_INITIAL:
        lapic_timer_start(v, value);
        return;
    case TIMER_DIVIDE:
        lapic_timer_set_divide(v, value);
        return;
    case SELF_IPI:
        lapic_send_self(v, (uint8_t)value);
        return;
    default:
        return;
    }
    ioapic_retry(v->machine); /* ID, LDR and DFR decide whom a destination means */
}

/* ---- as memory ---- */

static bool lapic_at(const vmm_vcpu *v, uint64_t physical)
{
    uint64_t base = lapic_of(v)->base;
    return (base & (VMM_APIC_ENABLE | VMM_APIC_X2APIC)) == VMM_APIC_ENABLE && (physical ^ base) >> 12 == 0;
}

static bool in_memory(vmm_vcpu *v, uint32_t index)
{
    bool exists = index < REGISTERS && REGISTER[index].memory;
    if (!exists)
        lapic_error(v, ESR_ILLEGAL_REGISTER);
    return exists;
}

bool lapic_local_read(vmm_vcpu *v, uint64_t physical, uint32_t size, uint64_t *value)
{
    uint32_t index = physical >> 4 & 0xff, byte = physical & 15;
    if (!lapic_at(v, physical))
        return false;
    *value = in_memory(v, index) && byte < 4 ? read_register(v, index) >> 8 * byte : 0;
    if (size < 4)
        *value &= (1u << 8 * size) - 1;
    return true;
}

/* A store to the window of messages is one, whoever makes it (SDM 11.11.1); not one to the page where APICs usually are. */
static bool is_message(uint64_t physical, uint32_t size)
{
    return size == 4 && physical >> 20 == MESSAGE_WINDOW && physical & 0xff000;
}

bool lapic_local_write(vmm_vcpu *v, uint64_t physical, uint32_t size, uint64_t value)
{
    uint32_t index = physical >> 4 & 0xff;
    if (!lapic_at(v, physical))
        return is_message(physical, size) && vmm_msi(v->machine, physical, (uint32_t)value) == 0;
    if (in_memory(v, index) && REGISTER[index].memory & W && size == 4 && physical % 16 == 0)
        write_register(v, index, (uint32_t)value & writable_bits(v, index));
    return true;
}

uint32_t vmm_lapic_read(vmm_vcpu *v, uint32_t offset)
{
    uint64_t value, page = lapic_of(v)->base >> 12 << 12;
    return lapic_local_read(v, page | (offset & 0xfff), 4, &value) ? (uint32_t)value : 0xffffffff;
}

void vmm_lapic_write(vmm_vcpu *v, uint32_t offset, uint32_t value)
{
    uint64_t page = lapic_of(v)->base >> 12 << 12;
    lapic_local_write(v, page | (offset & 0xfff), 4, value);
}

/* ---- as MSRs ---- */

enum { FIRST_MSR = 0x800, IA32_TSC_DEADLINE = 0x6e0 };

static bool in_msrs(const vmm_vcpu *v, uint32_t msr, uint8_t access)
{
    uint32_t index = msr - FIRST_MSR;
    return lapic_is_x2apic(lapic_of(v)) && index < REGISTERS && REGISTER[index].msr & access;
}

bool lapic_has_msr(uint32_t msr)
{
    return msr >> 8 == FIRST_MSR >> 8 || msr == IA32_TSC_DEADLINE;
}

bool lapic_rdmsr(vmm_vcpu *v, uint32_t msr, uint64_t *value)
{
    if (msr == IA32_TSC_DEADLINE) {
        *value = lapic_deadline(v);
        return announced(v, CPUID_DEADLINE);
    }
    if (!in_msrs(v, msr, R))
        return false;
    *value = read_register(v, msr - FIRST_MSR);
    if (msr - FIRST_MSR == ICR)
        *value |= (uint64_t)lapic_of(v)->icr_high << 32;
    return true;
}

bool lapic_wrmsr(vmm_vcpu *v, uint32_t msr, uint64_t value)
{
    uint32_t index = msr - FIRST_MSR;
    if (msr == IA32_TSC_DEADLINE) {
        if (!announced(v, CPUID_DEADLINE))
            return false;
        lapic_set_deadline(v, value);
        return true;
    }
    if (!in_msrs(v, msr, W))
        return false;
    uint64_t allowed = writable_bits(v, index);
    if (index == ICR) /* 11.12.9: one write, the destination is all of its high half */
        allowed |= 0xffffffff00000000;
    if (value & ~allowed)
        return false;
    if (index == ICR)
        lapic_of(v)->icr_high = (uint32_t)(value >> 32);
    write_register(v, index, (uint32_t)value);
    return true;
}

/* ---- IA32_APIC_BASE ---- */

/* Figure 11-27: x2APIC mode is entered from xAPIC mode only, and left only to "disabled". */
static bool legal_transition(const vmm_vcpu *v, uint64_t from, uint64_t to)
{
    const uint64_t mode = VMM_APIC_ENABLE | VMM_APIC_X2APIC;
    if (!(to & VMM_APIC_X2APIC))
        return !(from & VMM_APIC_X2APIC) || !(to & VMM_APIC_ENABLE);
    return announced(v, CPUID_X2APIC) && to & VMM_APIC_ENABLE && (from & mode) != 0;
}

bool lapic_write_base(vmm_vcpu *v, uint64_t value)
{
    enum { PHYSICAL_BITS = 40 };
    vmm_lapic *a = lapic_of(v);
    const uint64_t page = ((1ull << PHYSICAL_BITS) - 1) & ~0xfffull, was = a->base;
    if (value & ~(page | VMM_APIC_ENABLE | VMM_APIC_X2APIC | VMM_APIC_BSP) || !legal_transition(v, was, value))
        return false;
    lapic_timer_settle(v);
    a->base = (value & ~(uint64_t)VMM_APIC_BSP) | (was & VMM_APIC_BSP); /* which one it is, the hardware decides */
    uint64_t changed = was ^ a->base;
    if (changed & (VMM_APIC_ENABLE | VMM_APIC_X2APIC) && value & VMM_APIC_ENABLE)
        a->id = a->initial_id;
    if (changed & VMM_APIC_X2APIC)
        a->icr_high = 0; /* its format is another */
    if (changed & VMM_APIC_ENABLE)
        a->held = a->extint = 0;
    if (changed & VMM_APIC_ENABLE && (a->forgets || (was & VMM_APIC_X2APIC && !a->keeps_x2apic)))
        lapic_init(v);
    lapic_timer_rearm(v);
    ioapic_retry(v->machine);
    intr_update(v);
    return true;
}

/* 11.4.3: without EN there is no APIC. CPUID.1:EBX and leaf 0Bh name the id that reset gives. */
void lapic_cpuid(const vmm_vcpu *v, uint32_t leaf, uint32_t *ebx, uint32_t *edx)
{
    enum { APIC = 1 << 9, TOPOLOGY = 0xb };
    const vmm_lapic *a = lapic_of(v);
    if (leaf == 1) {
        *ebx = (*ebx & 0xffffff) | a->initial_id << 24;
        if (!(a->base & VMM_APIC_ENABLE))
            *edx &= ~(uint32_t)APIC;
    }
    if (leaf == TOPOLOGY)
        *edx = a->initial_id;
}
