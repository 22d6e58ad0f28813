/*
 * The page of local APIC registers, where IA32_APIC_BASE has moved it over RAM (SDM vol. 3A 11.4.5). Elsewhere they are among
 * the devices. RAM stays mapped: this vCPU's TLB leads to a page of its own instead, at an address no page table can reach.
 */
#include "api/vmm_registers.h"
#include "intc/apic/apic.h"
#include "unicorn/uc.h"
#include "x86/x86.h"

#define PRIVATE_PAGE ((1ull << 40) + (1ull << 20))

static uint64_t page_of(const vmm_vcpu *v)
{
    return lapic_of(v)->base >> 12 << 12;
}

static uint64_t on_read(void *engine, uint64_t offset, unsigned size, void *user)
{
    (void)engine;
    uint64_t value;
    x86_reaches_device(user);
    return lapic_local_read(user, page_of(user) | offset, size, &value) ? value : ~0ull;
}

static void on_write(void *engine, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    (void)engine;
    x86_reaches_device(user);
    lapic_local_write(user, page_of(user) | offset, size, value);
}

int x86_attach_apic_page(vmm_vcpu *v)
{
    v->cover = PRIVATE_PAGE;
    return uc.mmio_map(v->uc, PRIVATE_PAGE, 4096, on_read, v, on_write, v);
}

void x86_apic_page_moved(vmm_vcpu *v)
{
    const vmm_machine *m = v->machine;
    uint64_t base = lapic_of(v)->base, before = v->covered_page;
    bool enabled = (base & (VMM_APIC_ENABLE | VMM_APIC_X2APIC)) == VMM_APIC_ENABLE;
    v->covered_page = enabled && page_of(v) - m->ram_base < m->ram_size ? page_of(v) : VMM_NEVER;
    if (v->covered_page != before)
        uc.ctl(v->uc, UC_CTL_FLUSH_TLB);
}
