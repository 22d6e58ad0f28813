/* Machines and vCPUs: made, run, stopped. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/controller.h"
#include "core/pages.h"
#include "core/stimulus.h"
#include "unicorn/uc.h"
#include "unicorn/uc_plt.h"

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
        if (v->uc)
            uc.close(v->uc);
        free(v->control);
        for (uint32_t n = 0; n < v->owned_count; n++)
            free(v->owned[n]);
        free(v);
    }
    vmm_snapshot_free(m->base);
    pages_free(m);
    stimuli_free(m);
    controllers_free(m);
    lazy_free(m->ram, m->ram_size);
    lazy_free(m->rom, m->rom_size);
    lazy_free(m->histograms, HISTOGRAM_BYTES);
    free(m->trace.ring);
    free(m);
}

uint8_t *lazy_zeros(vmm_machine *m, uint64_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED)
        return memory;
    fail(m, "the host has no %llu bytes for guest memory", (unsigned long long)size);
    return NULL;
}

void lazy_free(void *zeros, uint64_t size)
{
    if (zeros)
        munmap(zeros, size);
}

int vmm_map_ram(vmm_machine *m, uint64_t base, uint64_t size)
{
    bool below = base < m->hole_first && size <= m->hole_first - base, above = base >= m->hole_end;
    if (size == 0 || size % 4096 || base % 4096 || base + size < base || !(below || above))
        return fail(m, "RAM of %llu bytes at %#llx: it must be whole pages outside %#llx-%#llx", (unsigned long long)size,
                    (unsigned long long)base, (unsigned long long)m->hole_first, (unsigned long long)m->hole_end - 1);
    uint8_t *ram = lazy_zeros(m, size);
    if (!ram)
        return -1;
    m->ram = ram;
    m->ram_base = base;
    m->ram_size = size;
    return pages_new(m);
}

/* Erased flash reads as ones. One block of them lies behind all of it, copied where an image is written. */
static int erase(vmm_machine *m)
{
    enum { BLOCK = 1 << 20 };
    int file = memfd_create("erased flash", MFD_CLOEXEC);
    void *block = file < 0 || ftruncate(file, BLOCK) ? MAP_FAILED : mmap(NULL, BLOCK, PROT_WRITE, MAP_SHARED, file, 0);
    bool done = block != MAP_FAILED;
    if (done) {
        memset(block, 0xff, BLOCK);
        munmap(block, BLOCK);
    }
    for (uint64_t at = 0; done && at < m->rom_size; at += BLOCK) {
        uint64_t part = m->rom_size - at < BLOCK ? m->rom_size - at : BLOCK;
        done = mmap(m->rom + at, part, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file, 0) != MAP_FAILED;
    }
    if (file >= 0)
        close(file);
    return done ? 0 : fail(m, "the host cannot provide %llu bytes of flash", (unsigned long long)m->rom_size);
}

int vmm_map_rom(vmm_machine *m, uint64_t size)
{
    bool fits = size && size % 4096 == 0 && size <= m->hole_first && (!m->ram || size <= m->ram_base);
    if (!fits)
        return fail(m, "flash of %llu bytes: it must be whole pages below the devices", (unsigned long long)size);
    m->rom = lazy_zeros(m, size);
    m->rom_size = m->rom ? size : 0;
    return m->rom ? erase(m) : -1;
}

int vmm_map_alias(vmm_machine *m, uint64_t first, uint64_t of, uint64_t size)
{
    uint64_t offset = of - m->ram_base;
    bool in_ram = offset < m->ram_size && size <= m->ram_size - offset;
    bool elsewhere = first >= m->hole_end && first - m->ram_base >= m->ram_size && first + size - 1 >= first;
    if (size == 0 || (first | of | size) % 4096 || !in_ram || !elsewhere)
        return fail(m, "alias of %#llx+%#llx at %#llx: it must be whole pages of RAM, behind the devices",
                    (unsigned long long)of, (unsigned long long)size, (unsigned long long)first);
    m->alias_first = first;
    m->alias_of = of;
    m->alias_size = size;
    return 0;
}

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
    v->wake_at = VMM_NEVER;
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

static void flush(vmm_vcpu *v)
{
    if (v->flush_code)
        uc.ctl(v->uc, UC_CTL_FLUSH_TB);
    if (v->flush_tlb)
        uc.ctl(v->uc, UC_CTL_FLUSH_TLB);
    v->flush_code = v->flush_tlb = 0;
}

static void run_until_stop(vmm_machine *m)
{
    uint64_t stuck_at = VMM_NEVER;
    vmm_vcpu *stuck = NULL, *v;
    while (m->stop.reason == VMM_STOP_NONE && (v = next_to_run(m))) {
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
        uc_executing = v;
        int error = uc.emu_start(v->uc, v->arch->start_address(v), 0, 0, 0);
        uc_executing = NULL;
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
    return m->current ? machine_insns(m) : 0;
}

static void forget_stops(vmm_machine *m)
{
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        m->vcpus[i]->pending &= ~(uint32_t)VMM_PEND_STOP;
}

void vmm_run(vmm_machine *m, uint64_t insns)
{
    vmm_vcpu *v = m->current;
    if (!v)
        return;
    m->stop = m->asked;
    m->asked = (vmm_stop_info){0};
    uint64_t done = machine_insns(m);
    m->slice_end = insns < VMM_NEVER - done ? done + insns : VMM_NEVER;
    if (!m->dice)
        m->dice = m->seed;
    if (!v->turn_end)
        new_turn(v);
    forget_stops(m);
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        m->vcpus[i]->arch->watch_masks(m->vcpus[i]);
    vcpu_rearm(v);
    if (v->shutdown)
        vcpu_request_stop(v, VMM_STOP_SHUTDOWN, 0, v->arch->pc(v));
    m->running = 1;
    run_until_stop(m);
    m->running = 0;
    forget_stops(m);
    vcpu_rearm(m->current);
    if (m->stop.reason != VMM_STOP_SLICE && m->stop.reason != VMM_STOP_TRIGGER) /* who looks on leaves no trace */
        trace_note(m, VMM_EV_STOP, m->stop.reason, m->stop.code);
}
