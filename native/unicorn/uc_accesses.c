/*
 * IRET, far returns and loads of segments read memory by calls that leave Unicorn's TLB aside: each looks for the region of
 * the address, and for hooks. What the TLB says is plain memory, of which nobody is told, is read from there.
 */
#include <string.h>

#include "unicorn/uc.h"
#include "unicorn/uc_accesses.h"
#include "unicorn/uc_plt.h"
#include "unicorn/uc_tlb.h"

bool uc_tell_accesses(vmm_vcpu *v, size_t *hook, void *callback, void *user)
{
    enum { ACCESSES = UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE };
    if (uc.hook_add(v->uc, hook, ACCESSES, callback, user, (uint64_t)1, (uint64_t)0))
        return false;
    v->access_hooks++;
    v->flush_code = 1;
    return true;
}

void uc_tell_accesses_no_more(vmm_vcpu *v, size_t *hook)
{
    if (!*hook)
        return;
    uc.hook_del(v->uc, *hook);
    *hook = 0;
    v->access_hooks--;
    v->flush_code = 1;
}

static const uint8_t *plain(void *env, uint64_t address, int mode, uint32_t size)
{
    const vmm_vcpu *v = uc_executing;
    return v && v->env == env && !v->access_hooks ? uc_tlb_readable(v, (unsigned)mode, address, size) : NULL;
}

#define STANDING_BEFORE(name, type)                                                                                    \
    typedef type (*name##_call)(void *env, uint64_t address, int mode, uintptr_t host_pc);                              \
    static name##_call name;                                                                                           \
    static type before_##name(void *env, uint64_t address, int mode, uintptr_t host_pc)                                \
    {                                                                                                                  \
        type value;                                                                                                    \
        const uint8_t *memory = plain(env, address, mode, sizeof value);                                               \
        if (!memory)                                                                                                   \
            return name(env, address, mode, host_pc);                                                                  \
        memcpy(&value, memory, sizeof value);                                                                          \
        return value;                                                                                                  \
    }

STANDING_BEFORE(load32, uint32_t)
STANDING_BEFORE(load64, uint64_t)

const char *uc_watch_loads(void *library)
{
    const uc_call calls[] = {
        {"cpu_ldl_mmuidx_ra_x86_64", before_load32, &load32},
        {"cpu_ldq_mmuidx_ra_x86_64", before_load64, &load64},
    };
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
