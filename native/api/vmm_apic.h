/* The interrupt controllers of a PC with APICs: local APICs, IOAPIC, messages. State and calls. */
#ifndef VMM_APIC_H
#define VMM_APIC_H

#include "api/vmm.h"

#define VMM_APIC_TICK_NS 1 /* a tick of the bus clock that the local APICs' timers divide */
#define VMM_IOAPIC_PINS 24
#define VMM_IOAPIC_VERSION 0x20

enum vmm_apic_base { /* IA32_APIC_BASE, SDM vol. 3A 11.4.4 and 11.12.1 */
    VMM_APIC_BSP = 0x100,
    VMM_APIC_X2APIC = 0x400,
    VMM_APIC_ENABLE = 0x800
};

/* The local vector table, in the order of its registers 2F0h, 320h-370h. */
enum vmm_lvt {
    VMM_LVT_CMCI = 0,
    VMM_LVT_TIMER = 1,
    VMM_LVT_THERMAL = 2,
    VMM_LVT_PERFORMANCE = 3,
    VMM_LVT_LINT0 = 4,
    VMM_LVT_LINT1 = 5,
    VMM_LVT_ERROR = 6
};

#define VMM_LVTS 7

typedef struct {
    /* configuration */
    uint32_t initial_id; /* what CPUID tells, and what APIC id and x2APIC id are after reset */
    uint8_t withdraws;   /* profile: a TPR write takes the request back instead of a spurious vector */
    uint8_t forgets;     /* profile: clearing IA32_APIC_BASE.EN is a reset; else the registers keep their values */
    uint8_t keeps_x2apic; /* profile: they keep them in x2APIC mode, too */
    uint8_t accept_errors; /* profile: ESR tells of messages that nobody accepts */

    uint64_t base;   /* IA32_APIC_BASE */
    uint32_t id;     /* APIC id, unshifted */
    uint32_t tpr;
    uint32_t ldr;    /* as an xAPIC has it; x2APIC derives its own from the id */
    uint32_t dfr;
    uint32_t svr;
    uint32_t esr;
    uint32_t esr_pending; /* collected since the last write of ESR */
    uint8_t error_told;   /* the error interrupt was raised since then */
    uint8_t held;    /* INTR stays up for a request that TPR has masked: INTA will get the spurious vector */
    uint8_t extint;  /* an ExtINT message waits for INTA */
    uint8_t lint;    /* the pins LINT0 and LINT1, one bit each */
    uint32_t icr_low;
    uint32_t icr_high; /* xAPIC: destination in bits 31-24; x2APIC: all 32 bits */
    uint32_t lvt[VMM_LVTS]; /* enum vmm_lvt */
    uint32_t timer_initial;
    uint32_t timer_divide;
    uint64_t timer_end;    /* ns: when the count reaches 0; VMM_NEVER: it stands at 0 */
    uint64_t tsc_deadline; /* 0: disarmed */
    uint32_t irr[8];
    uint32_t isr[8];
    uint32_t tmr[8];
    uint64_t raised[256]; /* instruction count when each vector was requested */
} vmm_lapic;

typedef struct {
    /* configuration */
    uint32_t active_low;      /* wires whose idle level is high, one bit a pin: PCI's INTx# */
    uint8_t ignores_polarity; /* profile: a pin is asserted when its device says so */
    uint8_t holds_edges;      /* profile: an edge on a masked pin waits for the unmask; else it is lost */

    uint8_t select; /* IOREGSEL */
    uint8_t id;
    uint8_t arbitration;
    uint32_t lines; /* asserted by devices now, one bit a pin */
    uint32_t held;  /* edges that wait for the unmask */
    uint64_t entry[VMM_IOAPIC_PINS]; /* redirection table; delivery status is derived */
} vmm_ioapic;

typedef struct {
    vmm_ioapic ioapic;
    uint32_t winner; /* vCPU that took the last lowest priority interrupt */
} vmm_apic;

void vmm_lapic_reset(vmm_vcpu *v);        /* SDM vol. 3A 11.4.7.1 */
void vmm_lapic_virtual_wire(vmm_vcpu *v); /* as firmware leaves a BSP: enabled, LINT0 ExtINT, LINT1 NMI */
/* A guest's aligned 32-bit access to its APIC's page; where there is none, all ones. */
uint32_t vmm_lapic_read(vmm_vcpu *v, uint32_t offset);
void vmm_lapic_write(vmm_vcpu *v, uint32_t offset, uint32_t value);
int vmm_lapic_signals(vmm_vcpu *v);           /* INTR is up on behalf of the APIC itself */
uint32_t vmm_lapic_acknowledge(vmm_vcpu *v);  /* INTA: the vector, from the APIC or through it from the 8259A pair */
uint32_t vmm_lapic_priority(const vmm_vcpu *v); /* PPR */
uint32_t vmm_lapic_count(const vmm_vcpu *v);  /* the timer's current count */
void vmm_lapic_set_lint(vmm_vcpu *v, uint32_t pin, int level); /* pin 0 or 1 */
void vmm_lapic_event(vmm_vcpu *v, int lvt);   /* a source of the LVT has an event: thermal, counter overflow */

vmm_ioapic *vmm_ioapic_of(vmm_machine *m); /* made when first asked for, before any other call; NULL with m->error */
void vmm_ioapic_reset(vmm_machine *m); /* lines keep their levels */
uint32_t vmm_ioapic_read(vmm_machine *m, uint64_t offset);
void vmm_ioapic_write(vmm_machine *m, uint64_t offset, uint32_t value);
void vmm_ioapic_set_line(vmm_machine *m, uint32_t pin, int asserted);

/* A device's write of an interrupt message (SDM vol. 3A 11.11); -1: the address is not one of theirs, but memory. */
int vmm_msi(vmm_machine *m, uint64_t address, uint32_t data);

#endif
