/* Machines: made, run, freed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/vmm_coverage.h"
#include "core/clock.h"
#include "core/console.h"
#include "core/engine.h"
#include "core/memory.h"
#include "core/pages.h"
#include "core/schedule.h"
#include "core/stimulus.h"
#include "core/trace.h"
#include "core/watch.h"
#include "unicorn/uc.h"
#include "unicorn/uc_blocks.h"
#include "unicorn/uc_plt.h"
#include "unicorn/uc_rescue.h"

enum { TRACE_EVENTS = 4096, HISTOGRAM_BYTES = VMM_MAX_STATS * HISTOGRAM_PAGES * PAGE };

int fail(vmm_machine *m, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(m->error, sizeof m->error, format, arguments);
    va_end(arguments);
    return -1;
}

vmm_machine *machine_new(const struct vmm_controller *controllers, uint32_t count)
{
    vmm_machine *m = calloc(1, sizeof *m);
    vmm_event *ring = calloc(TRACE_EVENTS, sizeof *ring);
    if (!m || !ring || !(m->histograms = lazy_zeros(m, HISTOGRAM_BYTES))) {
        free(m);
        free(ring);
        return NULL;
    }
    m->trace = (vmm_trace){.capacity = TRACE_EVENTS, .ring = ring, .look_at = VMM_NEVER};
    m->controllers = controllers;
    m->controller_count = count;
    m->insn_ns = 10;
    m->idle_ns = 60000000000ull;
    m->hole_first = 0xc0000000;
    m->hole_end = 0x100000000;
    m->hole_floats = 1;
    m->quantum = 1000;
    m->limit_insns = m->limit_ns = m->next_deadline = VMM_NEVER;
    m->triggers.insns = m->triggers.ns = m->stimuli.insns = m->stimuli.ns = VMM_NEVER;
    for (int i = 0; i < VMM_MAX_TIMERS; i++)
        m->timers[i].deadline = VMM_NEVER;
    return m;
}

void vmm_free(vmm_machine *m)
{
    if (!m)
        return;
    for (uint32_t i = 0; i < m->vcpu_count; i++) {
        vmm_vcpu *v = m->vcpus[i];
        if (v->uc && !m->gave_up) /* else what it holds cannot be told from what it lost */
            uc.close(v->uc);
        uc_blocks_free(v);
        free(v->control);
        for (uint32_t n = 0; n < v->owned_count; n++)
            free(v->owned[n]);
        free(v);
    }
    vmm_snapshot_free(m->base);
    pages_free(m);
    vmm_coverage_end(m);
    stimuli_free(m);
    controllers_free(m);
    lazy_free(m->ram, m->ram_size);
    lazy_free(m->rom, m->rom_size);
    lazy_free(m->histograms, HISTOGRAM_BYTES);
    free(m->trace.ring);
    free(m->compared);
    free(m);
}

static void flush(vmm_vcpu *v)
{
    if (v->flush_code) {
        uc.ctl(v->uc, UC_CTL_FLUSH_TB);
        uc_blocks_free(v);
    }
    if (v->flush_tlb)
        uc.ctl(v->uc, UC_CTL_FLUSH_TLB);
    v->flush_code = v->flush_tlb = 0;
}

static void run_until_stop(vmm_machine *m)
{
    uint64_t stuck_at = VMM_NEVER;
    vmm_vcpu *stuck = NULL, *v;
    while (m->stop.reason == VMM_STOP_NONE && (v = next_to_run(m))) {
        uc_executing = v;
        if (v->arch->outside && v->arch->outside(v))
            continue;
        flush(v);
        if (v->halted) {
            v->arch->boundary(v);
            continue;
        }
        uint64_t before = v->count;
        v->leaving = 0;
        if (v->arch->resumes)
            v->arch->resumes(v);
        int error = 0;
        if (uc_gives_up(v, v->arch->start_address(v), &error)) {
            m->gave_up = 1;
            vcpu_request_stop(v, VMM_STOP_ENGINE, VMM_GAVE_UP, v->arch->pc(v));
        }
        if (v->arch->rests)
            v->arch->rests(v);
        if (m->stop.reason != VMM_STOP_NONE)
            return;
        if (!error && !v->leaving && v->arch->returned)
            v->arch->returned(v);
        bool no_progress = before == v->count && v == stuck && stuck_at == before && !v->halted;
        if (error || no_progress)
            vcpu_request_stop(v, VMM_STOP_ENGINE, (uint32_t)error, v->arch->pc(v));
        stuck = v;
        stuck_at = v->count;
    }
}

uint64_t vmm_instructions(const vmm_machine *m)
{
    return insns_so_far(m);
}

static void forget_stops(vmm_machine *m)
{
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        m->vcpus[i]->pending &= ~(uint32_t)(VMM_PEND_STOP | VMM_PEND_CODE);
}

void vmm_run(vmm_machine *m, uint64_t insns)
{
    vmm_vcpu *v = m->current;
    if (!v)
        return;
    vmm_stop_info *due = m->ends.reason != VMM_STOP_NONE ? &m->ends : &m->asked;
    vmm_stop_info first = *due;
    *due = (vmm_stop_info){0};
    if (m->stop.reason == VMM_STOP_POWEROFF) /* it is off: nothing runs any more, and nothing happens */
        return;
    m->stop = first;
    uint64_t done = machine_insns(m);
    m->slice_end = insns < VMM_NEVER - done ? done + insns : VMM_NEVER;
    if (!m->dice)
        m->dice = m->seed;
    if (!v->turn_end)
        new_turn(v);
    forget_stops(m);
    watch_settle_hooks(m);
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        m->vcpus[i]->arch->watch_masks(m->vcpus[i]);
    vcpu_rearm(v);
    if (m->gave_up)
        vcpu_request_stop(v, VMM_STOP_ENGINE, VMM_GAVE_UP, v->arch->pc(v));
    if (v->shutdown)
        vcpu_request_stop(v, VMM_STOP_SHUTDOWN, 0, v->arch->pc(v));
    vmm_vcpu *outer = uc_executing; /* in a callback of whose machine this one runs */
    m->running = 1;
    run_until_stop(m);
    turn_settle(m);
    console_flush(m);
    uc_executing = outer;
    m->running = 0;
    forget_stops(m);
    vcpu_rearm(m->current);
    if (m->stop.reason != VMM_STOP_SLICE && m->stop.reason != VMM_STOP_TRIGGER) /* who looks on leaves no trace */
        trace_emit(m->current, &(vmm_event){.kind = VMM_EV_STOP, .number = m->stop.reason, .value = m->stop.code,
                                            .pc = trace_begun(m->current)});
}
