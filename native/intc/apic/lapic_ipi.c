/*
 * Interrupt messages and who takes them (Intel SDM vol. 3A 11.6): destinations, lowest priority, and the interrupt
 * command register.
 *
 * Decisions where the manual leaves room:
 * - Lowest priority: the addressed APIC that is enabled and has the lowest arbitration priority; among equals the first
 *   after the vCPU that won last, as arbitration on the APIC bus rotates.
 * - The trigger mode of an IPI is edge whatever ICR says (11.6.1: ignored but for INIT de-assert, which does nothing).
 * - An illegal vector is sent nevertheless: the sender notes it, and so does whoever receives it.
 * - Shorthands take every delivery mode, though table 11-3 calls some combinations invalid, as in KVM and QEMU.
 */
#include "intc/apic/lapic.h"

enum { SELF = 1, ALL = 2, OTHERS = 3 };
enum { ICR_LOGICAL = 1 << 11, ICR_ASSERT = 1 << 14, ICR_LEVEL = 1 << 15 };

/* 11.12.10.2: the cluster is id[19:4], the place in it id[3:0]. */
uint32_t lapic_x2apic_ldr(const vmm_lapic *a)
{
    return a->id >> 4 << 16 | 1u << (a->id & 15);
}

/* 11.6.2.2 */
static bool in_logical(const vmm_lapic *a, uint32_t destination)
{
    if (lapic_is_x2apic(a)) {
        uint32_t mine = lapic_x2apic_ldr(a);
        return destination >> 16 == mine >> 16 && destination & mine & 0xffff;
    }
    uint32_t mine = a->ldr >> 24;
    bool flat = a->dfr >> 28 == 0xf;
    if (destination > 0xff)
        return false;
    return flat ? destination & mine : destination >> 4 == mine >> 4 && destination & mine & 0xf;
}

static bool addressed(const vmm_lapic *a, const apic_message *message)
{
    if (!(a->base & VMM_APIC_ENABLE))
        return false;
    if (message->everyone)
        return true;
    return message->logical ? in_logical(a, message->destination) : message->destination == a->id;
}

static vmm_vcpu *lowest_priority(vmm_machine *m, const apic_message *message, const vmm_vcpu *except)
{
    vmm_vcpu *winner = NULL;
    for (uint32_t i = 1; i <= m->vcpu_count; i++) {
        vmm_vcpu *v = m->vcpus[(apic_of(m)->winner + i) % m->vcpu_count];
        const vmm_lapic *a = lapic_of(v);
        if (v == except || !addressed(a, message) || !lapic_enabled(a))
            continue;
        if (!winner || lapic_arbitration_priority(a) < lapic_arbitration_priority(lapic_of(winner)))
            winner = v;
    }
    if (winner)
        apic_of(m)->winner = winner->index;
    return winner;
}

bool apic_send(vmm_machine *m, const apic_message *message, const vmm_vcpu *except)
{
    bool accepted_by_any = false;
    if (message->arbitrated || message->mode == MODE_LOWEST) {
        vmm_vcpu *v = lowest_priority(m, message, except);
        return v && lapic_receive(v, message);
    }
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        if (m->vcpus[i] != except && addressed(lapic_of(m->vcpus[i]), message))
            accepted_by_any |= lapic_receive(m->vcpus[i], message);
    return accepted_by_any;
}

/* 11.5.3, P6 family: the sender and those that were meant learn that nobody took it. */
static void nobody_accepted(vmm_vcpu *sender, const apic_message *message)
{
    vmm_machine *m = sender->machine;
    if (lapic_of(sender)->accept_errors)
        lapic_error(sender, ESR_SEND_ACCEPT);
    for (uint32_t i = 0; i < m->vcpu_count; i++) {
        vmm_vcpu *v = m->vcpus[i];
        if (lapic_of(v)->accept_errors && addressed(lapic_of(v), message))
            lapic_error(v, ESR_RECEIVE_ACCEPT);
    }
}

static bool has_vector(const apic_message *message)
{
    return message->mode == MODE_FIXED || message->mode == MODE_LOWEST;
}

/* What the low half of ICR says, to one destination. */
static apic_message commanded(uint32_t icr, uint32_t destination)
{
    return (apic_message){
        .destination = destination,
        .logical = icr & ICR_LOGICAL,
        .mode = icr >> 8 & 7,
        .vector = (uint8_t)icr,
    };
}

static bool is_sent(uint32_t icr)
{
    uint32_t mode = icr >> 8 & 7;
    bool deassert = mode == MODE_INIT && icr & ICR_LEVEL && !(icr & ICR_ASSERT);
    return !deassert && mode != MODE_EXTINT;
}

void lapic_send(vmm_vcpu *v)
{
    const vmm_lapic *a = lapic_of(v);
    uint32_t icr = a->icr_low, shorthand = icr >> 18 & 3;
    bool x2apic = lapic_is_x2apic(a);
    uint32_t destination = x2apic ? a->icr_high : a->icr_high >> 24;
    apic_message message = commanded(icr, destination);
    message.everyone = shorthand >= ALL || destination == (x2apic ? 0xffffffff : 0xff);
    if (!is_sent(icr))
        return;
    if (has_vector(&message) && message.vector < FIRST_LEGAL_VECTOR)
        lapic_error(v, ESR_SEND_ILLEGAL_VECTOR);
    bool taken = shorthand == SELF ? lapic_receive(v, &message)
                                   : apic_send(v->machine, &message, shorthand == OTHERS ? v : NULL);
    if (!taken)
        nobody_accepted(v, &message);
}

bool apic_send_to(vmm_machine *m, uint32_t icr, uint32_t id)
{
    const apic_message message = commanded(icr & ~(uint32_t)ICR_LOGICAL, id);
    return is_sent(icr) && apic_send(m, &message, NULL);
}

/* 11.12.11 */
void lapic_send_self(vmm_vcpu *v, uint8_t vector)
{
    apic_message message = {.mode = MODE_FIXED, .vector = vector};
    if (vector < FIRST_LEGAL_VECTOR)
        lapic_error(v, ESR_SEND_ILLEGAL_VECTOR);
    lapic_receive(v, &message);
}
