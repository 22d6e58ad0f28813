/* Machines and vCPUs: made, run, stopped. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"
#include "uc.h"

enum { TRACE_EVENTS = 4096 };

int fail(vmm_machine *m, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(m->error, sizeof m->error, format, arguments);
    va_end(arguments);
    return -1;
}

vmm_machine *vmm_new(void)
{
    vmm_machine *m = calloc(1, sizeof *m);
    vmm_event *ring = calloc(TRACE_EVENTS, sizeof *ring);
    if (!m || !ring) {
        free(m);
        free(ring);
        return NULL;
    }
    m->trace = (vmm_trace){.capacity = TRACE_EVENTS, .ring = ring};
    m->insn_ns = 10;
    m->idle_ns = 60000000000ull;
    m->hole_first = 0xc0000000;
    m->limit_insns = m->limit_ns = m->next_deadline = VMM_NEVER;
    m->stop_on_vector = -1;
    for (int i = 0; i < VMM_MAX_TIMERS; i++)
        m->timers[i].deadline = VMM_NEVER;
    vmm_pic_reset(m);
    return m;
}

void vmm_free(vmm_machine *m)
{
    if (!m)
        return;
    for (uint32_t i = 0; i < m->vcpu_count; i++) {
        vmm_vcpu *v = m->vcpus[i];
        if (v->uc)
            uc.close(v->uc);
        free(v->control);
        free(v);
    }
    for (uint32_t i = 0; i < m->stat_count; i++)
        free(m->stats[i].histogram);
    if (m->ram)
        munmap(m->ram, m->ram_size);
    free(m->trace.ring);
    free(m);
}

int vmm_map_ram(vmm_machine *m, uint64_t size)
{
    if (size == 0 || size % 4096 || size > m->hole_first)
        return fail(m, "RAM of %llu bytes: it must be whole pages below %#llx", (unsigned long long)size,
                    (unsigned long long)m->hole_first);
    void *ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ram == MAP_FAILED)
        return fail(m, "the host has no %llu bytes for guest RAM", (unsigned long long)size);
    m->ram = ram;
    m->ram_size = size;
    return 0;
}

vmm_vcpu *vcpu_new(vmm_machine *m, const struct vmm_arch *arch)
{
    enum { CONTROL_BYTES = 0x4000 };
    if (m->vcpu_count == VMM_MAX_VCPUS) {
        fail(m, "more than %d vCPUs", VMM_MAX_VCPUS);
        return NULL;
    }
    vmm_vcpu *v = calloc(1, sizeof *v);
    if (!v || !(v->control = aligned_alloc(4096, CONTROL_BYTES))) {
        fail(m, "no memory for a vCPU");
        free(v);
        return NULL;
    }
    v->machine = m;
    v->arch = arch;
    v->index = m->vcpu_count;
    m->vcpus[m->vcpu_count++] = v; /* from here on vmm_free owns it */
    return v;
}

void vcpu_ready(vmm_vcpu *v)
{
    if (!v->machine->current)
        v->machine->current = v;
    vcpu_rearm(v);
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
    if (m->current)
        vcpu_request_stop(m->current, (uint8_t)reason, code, m->current->arch->pc(m->current));
}

void vmm_attention(vmm_machine *m)
{
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        m->vcpus[i]->arch->interrupts_changed(m->vcpus[i]);
}

void vmm_nmi(vmm_machine *m, uint32_t vcpu)
{
    if (vcpu >= m->vcpu_count)
        return;
    vmm_vcpu *v = m->vcpus[vcpu];
    if (!(v->pending & VMM_PEND_NMI))
        v->nmi_raised = v->count;
    v->pending |= VMM_PEND_NMI;
    vcpu_rearm(v);
}

void vmm_inject(vmm_machine *m, uint32_t vcpu, uint32_t vector)
{
    if (vcpu >= m->vcpu_count)
        return;
    vmm_vcpu *v = m->vcpus[vcpu];
    v->inject_vector = (uint8_t)vector;
    v->inject_raised = v->count;
    v->pending |= VMM_PEND_INJECT;
    vcpu_rearm(v);
}

static void run_until_stop(vmm_vcpu *v)
{
    vmm_machine *m = v->machine;
    uint64_t stuck_at = VMM_NEVER;
    while (m->stop.reason == VMM_STOP_NONE) {
        if (v->halted) {
            v->arch->boundary(v);
            continue;
        }
        if (v->flush_code) {
            uc.ctl(v->uc, UC_CTL_FLUSH_TB);
            v->flush_code = 0;
        }
        uint64_t before = v->count;
        int error = uc.emu_start(v->uc, v->arch->start_address(v), 0, 0, 0);
        if (m->stop.reason != VMM_STOP_NONE)
            return;
        bool no_progress = before == v->count && stuck_at == before;
        if (error || no_progress)
            vcpu_request_stop(v, VMM_STOP_ENGINE, (uint32_t)error, v->arch->pc(v));
        stuck_at = v->count;
    }
}

void vmm_run(vmm_machine *m, uint64_t insns)
{
    vmm_vcpu *v = m->current;
    if (!v)
        return;
    m->stop = (vmm_stop_info){0};
    m->slice_end = insns < VMM_NEVER - v->count ? v->count + insns : VMM_NEVER;
    v->pending |= VMM_PEND_RESUME;
    vcpu_rearm(v);
    if (v->shutdown)
        vcpu_request_stop(v, VMM_STOP_SHUTDOWN, 0, v->arch->pc(v));
    run_until_stop(v);
    v->pending &= ~(uint32_t)VMM_PEND_STOP;
    vcpu_rearm(v);
    if (m->stop.reason != VMM_STOP_SLICE)
        trace_note(m, VMM_EV_STOP, m->stop.reason, m->stop.code);
}
