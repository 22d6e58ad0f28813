/*
 * JMP, CALL and IRET to a task. Unicorn switches by itself, but checks little of the new LDT, knows no T flag, tells faults
 * of the new task at the old one's instruction, and mixes up the layouts of 16- and 32-bit TSSs. So where it has switched,
 * or failed to behind the point of no return, that is undone and done again by the rules (task.c).
 *
 * It begins with a dummy store to the first byte of the old TSS.
 */
#include <stdlib.h>

#include "api/vmm_registers.h"
#include "unicorn/uc_plt.h"
#include "x86/x86.h"

enum { TYPE_32 = 8 << 8, TYPE_BUSY = 2 << 8, EIP_AT = 0x20, IP_AT = 0x0e, LARGEST_TSS = 104 };

typedef void (*store_byte)(void *env, uint64_t address, uint32_t value, int mode, uintptr_t host_pc);

static store_byte original;

typedef struct {
    bool begun;
    uint64_t count; /* when it had */
    x86_task_way way;
    x86_env env;    /* as it was then */
    uint8_t tss[LARGEST_TSS];
} native_switch;

static native_switch *switch_of(const vmm_vcpu *v)
{
    return x86_of(v)->native_switch;
}

bool x86_attach_tasks(vmm_vcpu *v)
{
    x86_of(v)->native_switch = calloc(1, sizeof(native_switch));
    return switch_of(v) && vcpu_owns(v, switch_of(v));
}

static bool way_of(vmm_vcpu *v, x86_task_way *way)
{
    enum { CALL = 0x9a, JMP = 0xea, IRET = 0xcf, GROUP5 = 0xff, FAR_CALL = 3, FAR_JMP = 5 };
    x86_insn insn;
    if (!x86_decode(v, vcpu_here(v), &insn) || insn.map != 0)
        return false;
    unsigned group = insn.opcode == GROUP5 ? insn.modrm >> 3 & 7 : 0;
    if (insn.opcode == IRET)
        *way = TASK_RETURN;
    else if (insn.opcode == CALL || group == FAR_CALL)
        *way = TASK_CALL;
    else if (insn.opcode == JMP || group == FAR_JMP)
        *way = TASK_JUMP;
    else
        return false;
    return true;
}

static void before_store_byte(void *env, uint64_t address, uint32_t value, int mode, uintptr_t host_pc)
{
    vmm_vcpu *v = uc_executing;
    if (v && v->env == env && address == env_of(v)->tr.base && way_of(v, &switch_of(v)->way)) {
        native_switch *s = switch_of(v);
        s->begun = true;
        s->count = v->count;
        s->env = *env_of(v);
        vmm_x86_read(v, address, s->tss, sizeof s->tss);
        v->attention_at = 0;
    }
    original(env, address, value, mode, host_pc);
}

const char *x86_watch_tasks(void *library)
{
    const uc_call call = {"cpu_stb_mmuidx_ra_x86_64", before_store_byte, &original};
    return uc_stand_before(library, &call, 1);
}

/* Unicorn has saved it as wide as the new TSS is; the old task's may be wider. */
static uint32_t next_eip(vmm_vcpu *v)
{
    const x86_env *before = &switch_of(v)->env;
    bool tss32 = env_of(v)->tr.flags & TYPE_32;
    uint32_t saved = 0, here = (uint32_t)(vcpu_here(v) - before->segs[VMM_CS].base);
    vmm_x86_read(v, before->tr.base + (tss32 ? EIP_AT : IP_AT), &saved, tss32 ? 4 : 2);
    return tss32 ? saved : here + ((saved - here) & 0xffff);
}

static void undo(vmm_vcpu *v, uint32_t selector)
{
    const native_switch *s = switch_of(v);
    uint64_t address, cr3 = env_of(v)->cr[3];
    uint32_t d[2];
    *env_of(v) = s->env;
    if (cr3 != s->env.cr[3])
        x86_set_register(v, UC_X86_REG_CR3, s->env.cr[3]);
    vmm_x86_write(v, s->env.tr.base, s->tss, sizeof s->tss);
    if (s->way == TASK_RETURN || x86_descriptor(v, selector, d, &address, X86_GP, 0).raised)
        return;
    d[1] &= ~(uint32_t)TYPE_BUSY;
    x86_store(v, address + 4, &d[1], 4);
}

bool x86_task_switched(vmm_vcpu *v)
{
    native_switch *s = switch_of(v);
    if (likely(!s->begun))
        return false;
    s->begun = false;
    if (s->count != v->count)
        return false;
    uint32_t selector = env_of(v)->tr.selector;
    if (selector == s->env.tr.selector) /* a fault that is still the old task's */
        return false;
    uint32_t rip = next_eip(v);
    undo(v, selector);
    x86_set_pc(v, x86_rip_here(v));
    x86_event e = {.rip = rip, .flags = x86_flags(v) & ~(uint64_t)FL_RF};
    x86_fault fault = x86_task_switch(v, selector, &e, 0, s->way);
    env_of(v)->hflags &= ~(uint32_t)HF_INH;
    if (fault.raised)
        x86_raise(v, fault.vector, fault.has_error, fault.error, env_of(v)->eip);
    v->attention_at = 0;
    return true;
}
