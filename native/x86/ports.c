/* IN and OUT, unless Python takes the port first. */
#include "core/bus.h"
#include "core/trap.h"
#include "unicorn/uc.h"
#include "x86/transaction.h"
#include "x86/x86.h"

static bool trapped(vmm_vcpu *v, vmm_trap *trap)
{
    if (!x86_of(v)->traps.port || !(x86_of(v)->traps.ports[trap->number >> 3 & 8191] >> (trap->number & 7) & 1))
        return false;
    return ask_host(v, trap);
}

/* What was allowed is under way, and what comes next is not: its block must be another (io_permission.c). */
static inline void begun(vmm_vcpu *v)
{
    env_of(v)->hflags &= ~(uint32_t)HF_NATIVE;
}

static uint32_t on_in(void *engine, uint32_t port, int size, void *user)
{
    (void)engine;
    begun(user);
    x86_abort_access(user);
    vmm_trap trap = {.kind = VMM_TRAP_IN, .size = (uint8_t)size, .number = port & 0xffff};
    return trapped(user, &trap) ? (uint32_t)trap.value : port_read(((vmm_vcpu *)user)->machine, port & 0xffff, (uint32_t)size);
}

static void on_out(void *engine, uint32_t port, int size, uint32_t value, void *user)
{
    (void)engine;
    begun(user);
    x86_abort_access(user);
    vmm_trap trap = {.kind = VMM_TRAP_OUT, .size = (uint8_t)size, .number = port & 0xffff, .value = value};
    if (!trapped(user, &trap))
        port_write(((vmm_vcpu *)user)->machine, port & 0xffff, (uint32_t)size, value);
}

void x86_attach_ports(vmm_vcpu *v)
{
    size_t hook;
    uint64_t from = 1, to = 0;
    uc.hook_add(v->uc, &hook, UC_HOOK_INSN, on_in, v, from, to, UC_X86_INS_IN);
    uc.hook_add(v->uc, &hook, UC_HOOK_INSN, on_out, v, from, to, UC_X86_INS_OUT);
}
