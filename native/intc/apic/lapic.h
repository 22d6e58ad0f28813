/* What the files of the local APIC and the IOAPIC share. Sections are those of the Intel SDM vol. 3A, chapter 11. */
#ifndef VMM_LAPIC_INTERNAL_H
#define VMM_LAPIC_INTERNAL_H

#include "intc/apic/apic.h"

enum { MESSAGE_WINDOW = 0xfee }; /* bits 31-20 of an address that is an interrupt message (SDM 11.11.1) */

enum { SVR_ENABLE = 1 << 8, SVR_FOCUS = 1 << 9, SVR_NO_BROADCAST = 1 << 12 };

enum { /* delivery modes of LVT, ICR, IOAPIC and MSI alike */
    MODE_FIXED = 0, MODE_LOWEST = 1, MODE_SMI = 2, MODE_NMI = 4, MODE_INIT = 5, MODE_STARTUP = 6, MODE_EXTINT = 7
};

enum { /* an LVT entry, 11.5.1 */
    LVT_MODE = 7 << 8, LVT_STATUS = 1 << 12, LVT_ACTIVE_LOW = 1 << 13, LVT_REMOTE_IRR = 1 << 14, LVT_LEVEL = 1 << 15,
    LVT_MASKED = 1 << 16, LVT_TIMER_MODE = 3 << 17, LVT_DEADLINE = 2 << 17
};

enum { /* ESR, 11.5.3 */
    ESR_SEND_ACCEPT = 1 << 2, ESR_RECEIVE_ACCEPT = 1 << 3, ESR_SEND_ILLEGAL_VECTOR = 1 << 5,
    ESR_RECEIVE_ILLEGAL_VECTOR = 1 << 6, ESR_ILLEGAL_REGISTER = 1 << 7
};

enum { FIRST_LEGAL_VECTOR = 16 };

static inline const apic_processor *processor_of(const vmm_vcpu *v)
{
    return v->arch->processor;
}

static inline bool lapic_is_x2apic(const vmm_lapic *a)
{
    return a->base & VMM_APIC_X2APIC;
}

/* By hardware and by software: only then are fixed interrupts accepted and dispensed (11.4.7.2). */
static inline bool lapic_enabled(const vmm_lapic *a)
{
    return a->base & VMM_APIC_ENABLE && a->svr & SVR_ENABLE;
}

static inline uint32_t lvt_mode(uint32_t lvt)
{
    return lvt >> 8 & 7;
}

static inline bool vector_get(const uint32_t bits[8], uint32_t vector)
{
    return bits[vector >> 5 & 7] >> (vector & 31) & 1;
}

static inline void vector_put(uint32_t bits[8], uint32_t vector, bool on)
{
    uint32_t bit = 1u << (vector & 31), *word = &bits[vector >> 5 & 7];
    *word = on ? *word | bit : *word & ~bit;
}

/* An interrupt on its way to local APICs, whoever sends it. */
typedef struct {
    uint32_t destination;
    bool logical;
    bool everyone; /* the sender's broadcast address */
    bool level;    /* level-triggered; fixed and lowest priority only */
    bool arbitrated; /* one of the addressed takes it, though the mode is not lowest priority */
    uint8_t mode;
    uint8_t vector;
} apic_message;

/* lapic.c */
void intr_update(vmm_vcpu *v); /* VMM_PEND_INTR from the 8259A pair and the APIC */
bool lapic_receive(vmm_vcpu *v, const apic_message *message); /* true: accepted */
void lapic_error(vmm_vcpu *v, uint32_t esr_bit);
void lapic_end_of_interrupt(vmm_vcpu *v);
uint32_t lapic_arbitration_priority(const vmm_lapic *a);
void lapic_lint_update(vmm_vcpu *v); /* LINT0's entry was written: a level may get through now */

/* lapic_ipi.c */
bool apic_send(vmm_machine *m, const apic_message *message, const vmm_vcpu *except); /* true: somebody accepted */
void lapic_send(vmm_vcpu *v); /* what ICR says */
void lapic_send_self(vmm_vcpu *v, uint8_t vector);

/* lapic_timer.c */
void lapic_timer_settle(vmm_vcpu *v);  /* what is due now happens; before its registers change */
void lapic_timer_taken(vmm_vcpu *v);   /* its vector left IRR: expiries since its request have collapsed */
void lapic_timer_start(vmm_vcpu *v, uint32_t initial);
void lapic_timer_set_divide(vmm_vcpu *v, uint32_t value);
void lapic_timer_disarm(vmm_vcpu *v);
uint64_t lapic_deadline(const vmm_vcpu *v);
void lapic_set_deadline(vmm_vcpu *v, uint64_t tsc);

/* lapic_registers.c */
uint32_t lapic_x2apic_ldr(const vmm_lapic *a);

/* ioapic.c */
static inline vmm_apic *apic_of(const vmm_machine *m)
{
    return m->controller_state[APIC_ROW];
}

static inline vmm_ioapic *ioapic_of(const vmm_machine *m)
{
    return &apic_of(m)->ioapic;
}

void ioapic_eoi(vmm_machine *m, uint32_t vector);
void ioapic_retry(vmm_machine *m); /* a local APIC may accept now what none did */

#endif
