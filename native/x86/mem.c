/*
 * Guest memory as event delivery sees it: implicit supervisor accesses through the guest's own page tables.
 * Unicorn translates at the current CPL and leaves CR2 and the #PF error code behind; both are used as they are.
 */
#include <string.h>

#include "core/bus.h"
#include "core/memory.h"
#include "unicorn/uc.h"
#include "x86/x86.h"

typedef struct { uint32_t hflags; uint64_t eflags; } privilege;

/* SDM 4.6.1: implicit supervisor-mode accesses ignore EFLAGS.AC, so SMAP holds. */
static privilege become_supervisor(x86_env *env)
{
    privilege saved = {env->hflags, env->eflags};
    env->hflags &= ~(uint32_t)HF_CPL;
    env->eflags &= ~(uint64_t)FL_AC;
    return saved;
}

static void restore(x86_env *env, privilege saved)
{
    env->hflags = saved.hflags;
    env->eflags = saved.eflags;
}

static x86_fault translate(vmm_vcpu *v, uint64_t linear, int prot, uint64_t *physical)
{
    const x86_env *env = env_of(v);
    if (!(env->cr[0] >> 31)) { /* paging is off: Unicorn would only mask A20 */
        *physical = (uint32_t)linear & (uint32_t)env->a20_mask;
        return x86_no_fault();
    }
    int32_t under_way = *v->exception_index;
    if (uc.vmem_translate(v->uc, linear, prot, physical) == 0)
        return x86_no_fault();
    *v->exception_index = under_way; /* the fault is ours to deliver, not Unicorn's to raise later */
    return x86_fault_code(X86_PF, (uint32_t)tail_of(v)->error_code);
}

/* memmove, not memcpy, for which GCC puts a string instruction here: for a few bytes that is slower than the call. */
static void physical_read(vmm_machine *m, uint64_t physical, void *bytes, uint32_t size)
{
    const uint8_t *memory = vmm_memory(m, physical, size);
    if (memory)
        memmove(bytes, memory, size);
    else
        memset(bytes, 0xff, size);
}

static void physical_write(vmm_machine *m, uint64_t physical, const void *bytes, uint32_t size)
{
    if (physical >= m->ram_size || size > m->ram_size - physical)
        return;
    if (unlikely(m->accessed != NULL))
        m->accessed(m->accessed_by, physical, size, 1);
    memmove(m->ram + physical, bytes, size);
    vmm_memory_written(m, physical, size);
}

/* Devices have four bytes at most at once, aligned, as Unicorn's accesses come to them. */
static uint32_t piece_at(uint64_t physical, uint32_t size)
{
    uint32_t piece = 4;
    while (piece > size || physical % piece)
        piece /= 2;
    return piece;
}

static void bus_reads(vmm_vcpu *v, uint64_t physical, uint8_t *bytes, uint32_t size)
{
    const uint8_t *memory = x86_is_covered(v, physical) ? NULL : vmm_memory(v->machine, physical, size);
    if (memory) {
        memmove(bytes, memory, size);
        return;
    }
    for (uint32_t piece; size; physical += piece, bytes += piece, size -= piece) {
        piece = piece_at(physical, size);
        uint64_t value = bus_read(v, physical, piece);
        memmove(bytes, &value, piece);
    }
}

static void bus_writes(vmm_vcpu *v, uint64_t physical, const uint8_t *bytes, uint32_t size)
{
    if (!x86_is_covered(v, physical) && ram_at(v->machine, physical, size)) {
        physical_write(v->machine, physical, bytes, size);
        return;
    }
    for (uint32_t piece; size; physical += piece, bytes += piece, size -= piece) {
        uint64_t value = 0;
        piece = piece_at(physical, size);
        memmove(&value, bytes, piece);
        bus_write(v, physical, piece, value);
    }
}

typedef enum { READ, WRITE, CHECK } access_kind;
typedef enum { IMPLICIT, OF_THE_PROGRAM } accessor; /* the latter with the privilege that the vCPU has */

static x86_fault each_page(vmm_vcpu *v, uint64_t linear, void *bytes, uint32_t size, access_kind kind, accessor by)
{
    x86_env *env = env_of(v);
    if (!x86_canonical(v, linear) || !x86_canonical(v, linear + size - 1))
        return x86_fault_code(X86_GP, 0);
    privilege saved = by == IMPLICIT ? become_supervisor(env) : (privilege){env->hflags, env->eflags};
    x86_fault fault = x86_no_fault();
    for (uint32_t done = 0; done < size && !fault.raised;) {
        uint64_t at = x86_long_mode(v) ? linear + done : (uint32_t)(linear + done);
        uint32_t room = 4096 - (uint32_t)(at & 4095), part = size - done < room ? size - done : room;
        uint64_t physical;
        fault = translate(v, at, kind == READ ? UC_PROT_READ : UC_PROT_WRITE, &physical);
        if (fault.raised)
            break;
        if (kind == READ)
            bus_reads(v, physical, (uint8_t *)bytes + done, part);
        else if (kind == WRITE)
            bus_writes(v, physical, (const uint8_t *)bytes + done, part);
        done += part;
    }
    restore(env, saved);
    return fault;
}

x86_fault x86_load(vmm_vcpu *v, uint64_t linear, void *bytes, uint32_t size)
{
    return each_page(v, linear, bytes, size, READ, IMPLICIT);
}

x86_fault x86_program_load(vmm_vcpu *v, uint64_t linear, void *bytes, uint32_t size)
{
    x86_fault fault = each_page(v, linear, bytes, size, READ, OF_THE_PROGRAM);
    if (!fault.raised)
        x86_program_accessed(v, linear, size, false);
    return fault;
}

/* All pages first: a fault half-way must leave nothing behind. */
static x86_fault store(vmm_vcpu *v, uint64_t linear, const void *bytes, uint32_t size, accessor by)
{
    bool crosses = ((linear ^ (linear + size - 1)) & ~4095ull) != 0;
    x86_fault fault = crosses ? each_page(v, linear, NULL, size, CHECK, by) : x86_no_fault();
    return fault.raised ? fault : each_page(v, linear, (void *)(uintptr_t)bytes, size, WRITE, by);
}

x86_fault x86_store(vmm_vcpu *v, uint64_t linear, const void *bytes, uint32_t size)
{
    return store(v, linear, bytes, size, IMPLICIT);
}

x86_fault x86_program_store(vmm_vcpu *v, uint64_t linear, const void *bytes, uint32_t size)
{
    x86_fault fault = store(v, linear, bytes, size, OF_THE_PROGRAM);
    if (!fault.raised)
        x86_program_accessed(v, linear, size, true);
    return fault;
}

x86_fault x86_check_store(vmm_vcpu *v, uint64_t linear, uint32_t size)
{
    return each_page(v, linear, NULL, size, CHECK, IMPLICIT);
}

/* The debugger's view: page by page, whatever a page allows, without a trace in CR2, in tables or in the TLB. */
static uint64_t inspect(vmm_vcpu *v, uint64_t linear, char *bytes, uint64_t size, access_kind kind)
{
    bool paging = env_of(v)->cr[0] >> 31;
    uint64_t done = 0;
    while (done < size) {
        uint64_t at = paging && x86_long_mode(v) ? linear + done : (uint32_t)(linear + done);
        uint64_t room = 4096 - (at & 4095), part = size - done < room ? size - done : room;
        uint64_t page = x86_canonical(v, at) ? x86_physical_page(v, at & ~4095ull) : ~0ull;
        if (page == ~0ull)
            break;
        uint64_t physical = page + (at & 4095);
        if (kind == READ) {
            physical_read(v->machine, physical, bytes + done, (uint32_t)part);
        } else {
            vmm_memory_reached(v->machine, physical, part, 1);
            physical_write(v->machine, physical, bytes + done, (uint32_t)part);
        }
        done += part;
    }
    return done;
}

uint64_t vmm_x86_read(vmm_vcpu *v, uint64_t linear, void *buffer, uint64_t size)
{
    return inspect(v, linear, buffer, size, READ);
}

uint64_t vmm_x86_write(vmm_vcpu *v, uint64_t linear, const void *buffer, uint64_t size)
{
    return inspect(v, linear, (char *)(uintptr_t)buffer, size, WRITE);
}
