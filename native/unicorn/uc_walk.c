/* Unicorn's walks of translation tables read memory by calls that hardly anything else makes: we stand before these. */
#include "unicorn/uc_plt.h"
#include "unicorn/uc_walk.h"

THREAD_LOCAL vmm_vcpu *uc_looking;
static bool (*is_memory)(vmm_vcpu *v, uint64_t physical, bool looks);

static bool may_read(uint64_t physical)
{
    vmm_vcpu *v = uc_looking ? uc_looking : uc_executing;
    return !v || is_memory(v, physical, uc_looking);
}

/* Elsewhere is open bus. */
#define X86_READ(call, type)                                                                                           \
    static type (*call)(void *cpu, uint64_t physical);                                                                 \
    static type before_##call(void *cpu, uint64_t physical)                                                            \
    {                                                                                                                  \
        return may_read(physical) ? call(cpu, physical) : (type)-1;                                                    \
    }

/* Elsewhere is an external abort on a walk. */
enum { MEMTX_DECODE_ERROR = 2 };

#define ARM_READ(call, type)                                                                                           \
    static type (*call)(void *engine, void *space, uint64_t physical, uint64_t attributes, uint32_t *result);          \
    static type before_##call(void *engine, void *space, uint64_t physical, uint64_t attributes, uint32_t *result)     \
    {                                                                                                                  \
        if (may_read(physical))                                                                                        \
            return call(engine, space, physical, attributes, result);                                                  \
        if (result)                                                                                                    \
            *result = MEMTX_DECODE_ERROR;                                                                              \
        return 0;                                                                                                      \
    }

X86_READ(x86_ldl_phys_x86_64, uint32_t)
X86_READ(x86_ldq_phys_x86_64, uint64_t)
ARM_READ(address_space_ldl_le_aarch64, uint32_t)
ARM_READ(address_space_ldl_be_aarch64, uint32_t)
ARM_READ(address_space_ldq_le_aarch64, uint64_t)
ARM_READ(address_space_ldq_be_aarch64, uint64_t)
ARM_READ(address_space_ldl_le_arm, uint32_t)
ARM_READ(address_space_ldl_be_arm, uint32_t)
ARM_READ(address_space_ldq_le_arm, uint64_t)
ARM_READ(address_space_ldq_be_arm, uint64_t)

#define CALL(call) {#call, before_##call, &call}

const char *uc_watch_walks(void *library, bool (*read)(vmm_vcpu *v, uint64_t physical, bool looks))
{
    const uc_call calls[] = {
        CALL(x86_ldl_phys_x86_64),
        CALL(x86_ldq_phys_x86_64),
        CALL(address_space_ldl_le_aarch64),
        CALL(address_space_ldl_be_aarch64),
        CALL(address_space_ldq_le_aarch64),
        CALL(address_space_ldq_be_aarch64),
        CALL(address_space_ldl_le_arm),
        CALL(address_space_ldl_be_arm),
        CALL(address_space_ldq_le_arm),
        CALL(address_space_ldq_be_arm),
    };
    is_memory = read;
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
