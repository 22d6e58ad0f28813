/* Unicorn's walks of translation tables read memory by calls that hardly anything else makes: we stand before these. */
#include "unicorn/uc_plt.h"
#include "unicorn/uc_walk.h"

static void (*told)(vmm_vcpu *v, uint64_t offset);

static void tell(uint64_t physical)
{
    vmm_vcpu *v = uc_executing;
    if (v)
        told(v, physical - v->machine->ram_base);
}

#define X86_READ(call, type)                                                                                           \
    static type (*call)(void *cpu, uint64_t physical);                                                                 \
    static type before_##call(void *cpu, uint64_t physical)                                                            \
    {                                                                                                                  \
        tell(physical);                                                                                                \
        return call(cpu, physical);                                                                                    \
    }

#define ARM_READ(call, type)                                                                                           \
    static type (*call)(void *engine, void *space, uint64_t physical, uint64_t attributes, void *result);              \
    static type before_##call(void *engine, void *space, uint64_t physical, uint64_t attributes, void *result)         \
    {                                                                                                                  \
        tell(physical);                                                                                                \
        return call(engine, space, physical, attributes, result);                                                      \
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

const char *uc_watch_walks(void *library, void (*read)(vmm_vcpu *v, uint64_t offset))
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
    told = read;
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
