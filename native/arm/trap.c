/* System registers that a script sees before the guest does: MRS and MSR of A64, by a hook that exists only then. */
#include <stdlib.h>

#include "arm/arm.h"
#include "core/clock.h"
#include "core/trap.h"
#include "unicorn/uc.h"

enum { ENCODINGS = 1 << 16, ZERO_REGISTER = 31 };

/* op0 op1 CRn CRm op2 lie together in the instruction, above Rt (DDI0487 C6.2.193). */
static uint32_t encoding_of(uint32_t opcode)
{
    return opcode >> 5 & 0x7fff;
}

static uint32_t on_access(void *engine, int unicorn_register, const void *access, void *user)
{
    (void)engine, (void)unicorn_register, (void)access;
    vmm_vcpu *v = user;
    arm_env *env = arm_env_of(v);
    uint32_t opcode = 0;
    vmm_arm_read(v, vcpu_here(v), &opcode, sizeof opcode);
    uint32_t number = encoding_of(opcode) | 1u << 15, rt = opcode & 31; /* op0 is 2 or 3: its upper bit is implied */
    bool read = opcode >> 21 & 1;
    if (!(arm_of(v)->traps.system[number >> 3] >> (number & 7) & 1))
        return 0;
    uint64_t written = rt == ZERO_REGISTER ? 0 : env->xregs[rt];
    vmm_trap trap = {.kind = VMM_TRAP_SYSREG, .size = !read, .number = number, .value = read ? 0 : written};
    if (!ask_host(v, &trap))
        return 0;
    if (read && rt != ZERO_REGISTER)
        env->xregs[rt] = trap.value;
    env->pc = vcpu_here(v) + 4;
    arm_calls_of(v)->cpu_loop_exit_noexc(v->cpu);
}

int vmm_arm_trap_system(vmm_vcpu *v, uint32_t number)
{
    if (!arm_of(v)->traps.system) {
        arm_of(v)->traps.system = calloc(ENCODINGS / 8, 1);
        if (!arm_of(v)->traps.system || !vcpu_owns(v, arm_of(v)->traps.system))
            return fail(v->machine, "no memory for system register traps");
        size_t hook;
        uc.hook_add(v->uc, &hook, UC_HOOK_INSN, on_access, v, (uint64_t)1, (uint64_t)0, UC_ARM64_INS_MRS);
        uc.hook_add(v->uc, &hook, UC_HOOK_INSN, on_access, v, (uint64_t)1, (uint64_t)0, UC_ARM64_INS_MSR);
        v->flush_code = 1; /* what was translated without the hook */
        vcpu_rearm(v);
    }
    arm_of(v)->traps.system[number >> 3 & (ENCODINGS / 8 - 1)] |= (uint8_t)(1u << (number & 7));
    return 0;
}
