/* IN and OUT, unless Python takes the port first. Unicorn's hooks for them would be asked in turn, after more is restored. */
#include "core/bus.h"
#include "core/trap.h"
#include "unicorn/uc_plt.h"
#include "x86/x86.h"

static bool trapped(vmm_vcpu *v, vmm_trap *trap)
{
    if (!x86_of(v)->traps.port || !(x86_of(v)->traps.ports[trap->number >> 3 & 8191] >> (trap->number & 7) & 1))
        return false;
    return ask_host(v, trap);
}

/* What was allowed is under way, and what comes next is not: its block must be another (io_permission.c). */
static inline void reached(vmm_vcpu *v, uintptr_t host_pc)
{
    if (v->machine->fast) /* else RIP is known */
        x86_settles(v, host_pc);
    env_of(v)->hflags &= ~(uint32_t)HF_NATIVE;
}

static uint32_t in(vmm_vcpu *v, uint32_t port, uint32_t size, uintptr_t host_pc)
{
    reached(v, host_pc);
    vmm_trap trap = {.kind = VMM_TRAP_IN, .size = (uint8_t)size, .number = port & 0xffff};
    return trapped(v, &trap) ? (uint32_t)trap.value : port_read(v->machine, port & 0xffff, size);
}

static void out(vmm_vcpu *v, uint32_t port, uint32_t size, uint32_t value, uintptr_t host_pc)
{
    reached(v, host_pc);
    vmm_trap trap = {.kind = VMM_TRAP_OUT, .size = (uint8_t)size, .number = port & 0xffff, .value = value};
    if (!trapped(v, &trap))
        port_write(v->machine, port & 0xffff, size, value);
}

#define STANDING_BEFORE(letter, type)                                                                                  \
    typedef type (*in##letter##_call)(void *engine, uint32_t port, uintptr_t host_pc);                                  \
    typedef void (*out##letter##_call)(void *engine, uint32_t port, type value, uintptr_t host_pc);                     \
    static in##letter##_call in##letter;                                                                               \
    static out##letter##_call out##letter;                                                                             \
    static type before_in##letter(void *engine, uint32_t port, uintptr_t host_pc)                                       \
    {                                                                                                                  \
        vmm_vcpu *v = uc_executing;                                                                                    \
        return v && v->uc == engine ? (type)in(v, port, sizeof(type), host_pc) : in##letter(engine, port, host_pc);     \
    }                                                                                                                  \
    static void before_out##letter(void *engine, uint32_t port, type value, uintptr_t host_pc)                          \
    {                                                                                                                  \
        vmm_vcpu *v = uc_executing;                                                                                    \
        if (v && v->uc == engine)                                                                                      \
            out(v, port, sizeof(type), value, host_pc);                                                                \
        else                                                                                                           \
            out##letter(engine, port, value, host_pc);                                                                 \
    }

STANDING_BEFORE(b, uint8_t)
STANDING_BEFORE(w, uint16_t)
STANDING_BEFORE(l, uint32_t)

const char *x86_watch_ports(void *library)
{
    const uc_call calls[] = {
        {"cpu_inb_x86_64", before_inb, &inb},
        {"cpu_inw_x86_64", before_inw, &inw},
        {"cpu_inl_x86_64", before_inl, &inl},
        {"cpu_outb_x86_64", before_outb, &outb},
        {"cpu_outw_x86_64", before_outw, &outw},
        {"cpu_outl_x86_64", before_outl, &outl},
    };
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
