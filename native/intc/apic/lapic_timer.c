/*
 * The local APIC's timer (Intel SDM vol. 3A 11.5.4): one-shot, periodic and TSC-deadline, from the virtual clock.
 *
 * What counts is kept as the time at which the count reaches 0. The machine's timer is armed only while an expiry would
 * be noticed: not while the entry is masked or its edge still waits in IRR, where expiries collapse. So a guest that
 * asks for a tick every nanosecond and takes none costs nothing.
 *
 * A write of the divide register keeps the count and changes its pace (the manual does not say; so does KVM).
 */
#include "core/clock.h"
#include "intc/apic/lapic.h"

enum { ONE_SHOT = 0, PERIODIC = 1, TSC_DEADLINE = 2 };
enum { MACHINE_TIMER = 0 }; /* of the vCPU's own */

static uint32_t mode_of(const vmm_lapic *a)
{
    return a->lvt[VMM_LVT_TIMER] >> 17 & 3;
}

/* Figure 11-10: 2, 4, 8 … 128, and 1. */
static uint64_t tick_ns(const vmm_lapic *a)
{
    uint32_t code = (a->timer_divide & 3) | (a->timer_divide >> 1 & 4);
    return (uint64_t)VMM_APIC_TICK_NS << (code == 7 ? 0 : code + 1);
}

static uint64_t period(const vmm_lapic *a)
{
    return a->timer_initial * tick_ns(a);
}

static uint64_t tsc_at(const vmm_vcpu *v, uint64_t now)
{
    return processor_of(v)->tsc(v, now);
}

static bool expired(const vmm_vcpu *v, uint64_t now)
{
    const vmm_lapic *a = lapic_of(v);
    if (mode_of(a) == TSC_DEADLINE)
        return a->tsc_deadline && a->tsc_deadline <= tsc_at(v, now);
    return a->timer_end != VMM_NEVER && a->timer_end <= now;
}

/* Leave what has expired behind; false: nothing has. */
static bool advance(vmm_vcpu *v)
{
    vmm_lapic *a = lapic_of(v);
    uint64_t now = vmm_now(v->machine);
    if (!expired(v, now))
        return false;
    if (mode_of(a) == TSC_DEADLINE)
        a->tsc_deadline = 0;
    else if (mode_of(a) == PERIODIC && a->timer_initial)
        a->timer_end += ((now - a->timer_end) / period(a) + 1) * period(a);
    else
        a->timer_end = VMM_NEVER;
    return true;
}

static bool noticed(const vmm_lapic *a)
{
    uint32_t lvt = a->lvt[VMM_LVT_TIMER], vector = lvt & 0xff;
    if (lvt & LVT_MASKED || !lapic_enabled(a))
        return false;
    if (vector < FIRST_LEGAL_VECTOR)
        return !(a->esr_pending & ESR_RECEIVE_ILLEGAL_VECTOR);
    return !vector_get(a->irr, vector) || vector_get(a->tmr, vector);
}

static uint64_t expiry(const vmm_vcpu *v)
{
    const vmm_lapic *a = lapic_of(v);
    uint64_t now = vmm_now(v->machine);
    if (expired(v, now))
        return now;
    if (mode_of(a) != TSC_DEADLINE)
        return a->timer_end;
    uint64_t left = a->tsc_deadline - tsc_at(v, now);
    return a->tsc_deadline && left < VMM_NEVER - now ? now + left : VMM_NEVER;
}

void lapic_timer_rearm(vmm_vcpu *v)
{
    timer_native(v->machine, vcpu_timer(v, MACHINE_TIMER), noticed(lapic_of(v)) ? expiry(v) : VMM_NEVER);
}

void lapic_timer_settle(vmm_vcpu *v)
{
    if (advance(v))
        vmm_lapic_event(v, VMM_LVT_TIMER);
}

void lapic_timer_taken(vmm_vcpu *v)
{
    advance(v);
    lapic_timer_rearm(v);
}

void lapic_timer_expired(vmm_vcpu *v, uint32_t which)
{
    (void)which;
    lapic_timer_settle(v);
    lapic_timer_rearm(v);
}

void lapic_timer_start(vmm_vcpu *v, uint32_t initial)
{
    vmm_lapic *a = lapic_of(v);
    if (mode_of(a) > PERIODIC)
        return;
    lapic_timer_settle(v);
    a->timer_initial = initial;
    a->timer_end = initial ? vmm_now(v->machine) + period(a) : VMM_NEVER;
    lapic_timer_rearm(v);
}

uint32_t vmm_lapic_count(const vmm_vcpu *v)
{
    const vmm_lapic *a = lapic_of(v);
    uint64_t now = vmm_now(v->machine), end = a->timer_end;
    if (end == VMM_NEVER || mode_of(a) > PERIODIC)
        return 0;
    if (now >= end && (mode_of(a) != PERIODIC || !a->timer_initial))
        return 0;
    uint64_t left = now < end ? end - now : period(a) - (now - end) % period(a);
    return (uint32_t)((left + tick_ns(a) - 1) / tick_ns(a));
}

void lapic_timer_set_divide(vmm_vcpu *v, uint32_t value)
{
    vmm_lapic *a = lapic_of(v);
    lapic_timer_settle(v);
    uint64_t left = vmm_lapic_count(v);
    a->timer_divide = value;
    if (left)
        a->timer_end = vmm_now(v->machine) + left * tick_ns(a);
    lapic_timer_rearm(v);
}

/* 11.5.4.1: to or from TSC-deadline mode, the timer is disarmed. */
void lapic_timer_disarm(vmm_vcpu *v)
{
    vmm_lapic *a = lapic_of(v);
    a->timer_initial = 0;
    a->timer_end = VMM_NEVER;
    a->tsc_deadline = 0;
}

uint64_t lapic_deadline(const vmm_vcpu *v)
{
    bool armed = mode_of(lapic_of(v)) == TSC_DEADLINE && !expired(v, vmm_now(v->machine));
    return armed ? lapic_of(v)->tsc_deadline : 0;
}

void lapic_set_deadline(vmm_vcpu *v, uint64_t tsc)
{
    if (mode_of(lapic_of(v)) != TSC_DEADLINE)
        return;
    lapic_timer_settle(v);
    lapic_of(v)->tsc_deadline = tsc;
    lapic_timer_rearm(v);
}
