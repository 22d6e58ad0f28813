/* Asks Unicorn's CPU model what it announces; the vCPU's own CPUID table is made from it. */
#include <string.h>

#include "core/clock.h"
#include "unicorn/uc.h"
#include "unicorn/uc_blocks.h"
#include "x86/x86.h"

/* A scratch instruction in real mode, without intercepts; the vCPU is reset afterwards. */
void vmm_x86_model_cpuid(vmm_vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    static const uint8_t CODE[] = {0x0f, 0xa2, 0xf4}; /* cpuid; hlt */
    x86_env *env = env_of(v);
    uint8_t kept[sizeof CODE];
    uint64_t count = v->count;
    memcpy(kept, v->machine->ram, sizeof CODE);
    memcpy(v->machine->ram, CODE, sizeof CODE);
    x86_load_segment(v, VMM_CS, 0, 0, 0xffff, DESC_P | DESC_S | DESC_RW | DESC_ACCESSED | DESC_CODE);
    env->regs[R_AX] = leaf;
    env->regs[R_CX] = subleaf;
    x86_intercepts_set(v, false);
    v->attention_at = VMM_NEVER;
    uc_blocks_opening(v->machine->fast);
    uc.emu_start(v->uc, 0, 0, 0, 0);
    uc_blocks_opening(false);
    x86_intercepts_set(v, true);
    static const int ORDER[] = {R_AX, R_BX, R_CX, R_DX};
    for (int i = 0; i < 4; i++)
        out[i] = (uint32_t)env->regs[ORDER[i]];
    memcpy(v->machine->ram, kept, sizeof CODE);
    uc.ctl(v->uc, UC_CTL_FLUSH_TB);
    v->count = count;
    memset(v->recent, 0, sizeof v->recent);
    x86_reset(v);
    vcpu_rearm(v);
}
