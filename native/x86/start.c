/*
 * INIT and SIPI (Intel SDM vol. 3A 9.4 and table 9-1): the BSP starts over at the reset vector, any other vCPU waits
 * for its SIPI, which starts it in real mode at page << 12. And what firmware makes of that.
 */
#include "api/vmm_registers.h"
#include "core/clock.h"
#include "intc/apic/apic.h"
#include "x86/x86.h"

enum { CR0_CD_NW = 3 << 29 };

static bool is_bsp(const vmm_vcpu *v)
{
    return lapic_of(v)->base & VMM_APIC_BSP;
}

/* Table 9-1, column INIT: x87, SSE, MSRs and the cache bits of CR0 stay as they are. */
static void reset_but_for_init(vmm_vcpu *v)
{
    static const int KEPT[] = {UC_X86_REG_FPCW, UC_X86_REG_FPTAG, UC_X86_REG_MXCSR};
    uint64_t kept[sizeof KEPT / sizeof *KEPT];
    uint64_t cache = env_of(v)->cr[0] & CR0_CD_NW;
    for (unsigned i = 0; i < sizeof KEPT / sizeof *KEPT; i++)
        kept[i] = x86_register(v, KEPT[i]);
    x86_reset(v);
    for (unsigned i = 0; i < sizeof KEPT / sizeof *KEPT; i++)
        x86_set_register(v, KEPT[i], kept[i]);
    x86_set_register(v, UC_X86_REG_CR0, (env_of(v)->cr[0] & ~(uint64_t)CR0_CD_NW) | cache);
    x86_fpu_settle(v);
}

static void initialise(vmm_vcpu *v)
{
    const uint32_t forgotten = VMM_PEND_INIT | VMM_PEND_NMI | VMM_PEND_INTR | VMM_PEND_INJECT | VMM_PEND_DB;
    x86_intercepts_restore(v);
    v->pending &= ~forgotten;
    v->halted = v->shutdown = 0;
    x86_of(v)->dr6_pending = 0;
    v->event_count = v->count; /* no shadow reaches over */
    reset_but_for_init(v);
    x86_watch_update(v);
    lapic_init(v);
    v->off = !is_bsp(v);
    vcpu_rearm(v);
}

/* The vCPU that executes takes it at its next boundary, outside Unicorn; any other stands at one. */
void vmm_x86_init(vmm_vcpu *v)
{
    if (v == v->machine->current) {
        v->pending |= VMM_PEND_INIT;
        vcpu_rearm(v);
    } else {
        initialise(v);
    }
}

bool x86_take_init(vmm_vcpu *v)
{
    if (!(v->pending & VMM_PEND_INIT))
        return false;
    initialise(v);
    return true;
}

/* MultiProcessor Specification 1.4, B.4: all but the BSP wait for their SIPI. */
void x86_after_firmware(vmm_vcpu *v)
{
    vmm_lapic_reset(v);
    x86_apic_page_moved(v);
    v->off = !is_bsp(v);
    if (!v->off)
        vmm_lapic_virtual_wire(v);
}

void vmm_x86_hand_over(vmm_vcpu *v)
{
    initialise(v);
    x86_after_firmware(v);
}

void x86_startup(vmm_vcpu *v, uint8_t page)
{
    if (!v->off)
        return;
    const x86_seg *cs = &env_of(v)->segs[VMM_CS];
    x86_load_segment(v, VMM_CS, (uint32_t)page << 8, (uint64_t)page << 12, cs->limit, cs->flags);
    env_of(v)->eip = 0;
    v->off = 0;
    vcpu_rearm(v);
}
