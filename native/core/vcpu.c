/* vCPUs: made, told to stop, and given what comes from outside. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/vcpu.h"
#include "unicorn/uc_pages.h"

/*
 * What Unicorn takes for granted: it ends the process where it cannot map its buffer of translated code (1 GiB, of which
 * it touches what it fills) or has no memory for what comes with it; and what finds its state needs a pipe.
 */
static bool host_has_room(vmm_machine *m)
{
    const size_t wanted = (1024u + 64u) << 20;
    void *room = mmap(NULL, wanted, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) {
        fail(m, "the host has no room for a vCPU's translated code, %zu MiB of address space: %s", wanted >> 20,
             strerror(errno));
        return false;
    }
    munmap(room, wanted);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) {
        fail(m, "a vCPU needs two file descriptors to be made: %s", strerror(errno));
        return false;
    }
    close(ends[0]);
    close(ends[1]);
    return true;
}

vmm_vcpu *vcpu_new(vmm_machine *m, const struct vmm_arch *arch)
{
    enum { CONTROL_BYTES = 0x4000 };
    if (m->vcpu_count == VMM_MAX_VCPUS) {
        fail(m, "more than %d vCPUs", VMM_MAX_VCPUS);
        return NULL;
    }
    if (!host_has_room(m))
        return NULL;
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

/* Of a guest's own, these come but once. */
static bool ends_it(uint8_t reason)
{
    return reason == VMM_STOP_EXIT || reason == VMM_STOP_POWEROFF || reason == VMM_STOP_RESET || reason == VMM_STOP_UNMAPPED;
}

/* Somebody who looks on may stop the run at an event of the instruction that ends it: then that is the next run's. */
void vcpu_request_stop(vmm_vcpu *v, uint8_t reason, uint32_t code, uint64_t address)
{
    vmm_machine *m = v->machine;
    vmm_stop_info stop = {reason, (uint8_t)v->index, code, address};
    if (m->stop.reason == VMM_STOP_NONE)
        m->stop = stop;
    else if (ends_it(reason) && !ends_it(m->stop.reason) && m->ends.reason == VMM_STOP_NONE)
        m->ends = stop;
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
