/* The local APIC as its vCPU sees it. `size` is the bytes of an access; the MSR calls: false: #GP. */
#ifndef VMM_APIC_INTERNAL_H
#define VMM_APIC_INTERNAL_H

#include "api/vmm_apic.h"
#include "core/arch.h"
#include "core/controller.h"
#include "intc/irq_request.h"

/* What a local APIC asks of its processor. */
typedef struct {
    void (*init)(vmm_vcpu *v);
    void (*startup)(vmm_vcpu *v, uint8_t page);      /* SIPI */
    uint32_t (*features)(const vmm_vcpu *v);         /* CPUID.1:ECX as configured */
    uint64_t (*tsc)(const vmm_vcpu *v, uint64_t ns); /* at that virtual time */
} apic_processor;

static inline vmm_lapic *lapic_of(const vmm_vcpu *v)
{
    return v->controller;
}

/* lapic.c */
irq_request intr_acknowledge(vmm_vcpu *v); /* INTA: from the APIC, or through it from the 8259A pair */
void lapic_init(vmm_vcpu *v);
void lapic_inputs_changed(vmm_vcpu *v); /* the 8259A pair's INT, which is LINT0 */
void lapic_set_tpr(vmm_vcpu *v, uint32_t value);

/* lapic_registers.c */
bool lapic_local_read(vmm_vcpu *v, uint64_t physical, uint32_t size, uint64_t *value);
bool lapic_local_write(vmm_vcpu *v, uint64_t physical, uint32_t size, uint64_t value);
bool lapic_has_msr(uint32_t msr); /* x2APIC registers and IA32_TSC_DEADLINE, whether or not they exist now */
bool lapic_rdmsr(vmm_vcpu *v, uint32_t msr, uint64_t *value);
bool lapic_wrmsr(vmm_vcpu *v, uint32_t msr, uint64_t value);
bool lapic_write_base(vmm_vcpu *v, uint64_t value);
void lapic_cpuid(const vmm_vcpu *v, uint32_t leaf, uint32_t *ebx, uint32_t *edx); /* what follows the APIC's state */

/* lapic_timer.c */
void lapic_timer_expired(vmm_vcpu *v, uint32_t which);
void lapic_timer_rearm(vmm_vcpu *v); /* what decides whether and when an expiry is noticed has changed, as the TSC has */

/* lapic_ipi.c */
bool apic_send_to(vmm_machine *m, uint32_t icr, uint32_t id); /* ICR's low half to one APIC id; true: accepted */

/* wake.c */
bool apic_can_interrupt_masked(const vmm_vcpu *v, bool nmi); /* something could send it an INIT, or with `nmi` an NMI */

/* What lines and ranges may name, in native/machine.c. */
enum { APIC_ROW = 2 };

extern const spurious_source lapic_spurious;
extern const line_end ioapic_pins;
extern const line_end lint1_pins; /* of every vCPU; the number means nothing */
extern const range_owner ioapic_memory;

#endif
