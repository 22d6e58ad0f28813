/* vCPUs: made, told to stop, and given what comes from outside. */
#include <stdlib.h>

#include "core/clock.h"
#include "core/vcpu.h"
#include "unicorn/uc_pages.h"

vmm_vcpu *vcpu_new(vmm_machine *m, const struct vmm_arch *arch)
{
    enum { CONTROL_BYTES = 0x4000 };
    if (m->vcpu_count == VMM_MAX_VCPUS) {
        fail(m, "more than %d vCPUs", VMM_MAX_VCPUS);
        return NULL;
    }
    vmm_vcpu *v = calloc(1, sizeof *v + arch->state_bytes);
    if (!v || !(v->control = aligned_alloc(4096, CONTROL_BYTES))) {
        fail(m, "no memory for a vCPU");
        free(v);
        return NULL;
    }
    v->machine = m;
    v->arch = arch;
    v->index = m->vcpu_count;
    v->wake_at = v->covered_page = VMM_NEVER;
    m->vcpus[m->vcpu_count++] = v; /* from here on vmm_free owns it */
    return v;
}

bool vcpu_owns(vmm_vcpu *v, void *memory)
{
    if (v->owned_count == sizeof v->owned / sizeof *v->owned) {
        free(memory);
        fail(v->machine, "a vCPU owns too much");
        return false;
    }
    v->owned[v->owned_count++] = memory;
    return true;
}

int vcpu_ready(vmm_vcpu *v)
{
    if (!uc_pages_attach(v))
        return fail(v->machine, "Unicorn does not tell of pages; vmm needs its 2.1.4 wheel");
    if (!v->machine->current)
        v->machine->current = v;
    vcpu_rearm(v);
    return 0;
}

void vcpu_request_stop(vmm_vcpu *v, uint8_t reason, uint32_t code, uint64_t address)
{
    vmm_machine *m = v->machine;
    if (m->stop.reason == VMM_STOP_NONE)
        m->stop = (vmm_stop_info){reason, (uint8_t)v->index, code, address};
    v->pending |= VMM_PEND_STOP;
    vcpu_rearm(v);
}

void vmm_request_stop(vmm_machine *m, int reason, uint32_t code)
{
    vmm_vcpu *v = m->current;
    if (!v)
        return;
    if (m->running)
        vcpu_request_stop(v, (uint8_t)reason, code, v->arch->pc(v));
    else
        m->asked = (vmm_stop_info){(uint8_t)reason, (uint8_t)v->index, code, v->arch->pc(v)};
}

void vmm_nmi(vmm_machine *m, uint32_t vcpu)
{
    if (vcpu >= m->vcpu_count)
        return;
    vmm_vcpu *v = m->vcpus[vcpu];
    if (!(v->pending & VMM_PEND_NMI))
        v->nmi_raised = machine_insns(m);
    v->pending |= VMM_PEND_NMI;
    vcpu_rearm(v);
}

void vmm_inject(vmm_machine *m, uint32_t vcpu, uint32_t vector)
{
    if (vcpu >= m->vcpu_count)
        return;
    vmm_vcpu *v = m->vcpus[vcpu];
    v->inject_vector = (uint8_t)vector;
    v->inject_raised = machine_insns(m);
    v->pending |= VMM_PEND_INJECT;
    vcpu_rearm(v);
}
