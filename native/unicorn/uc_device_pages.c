/*
 * Unicorn's memory is RAM, read-only or a device for good, and to map it anew takes a millisecond. We stand before the
 * call by which it finds what a page is, when it fills its cache of translations: where the page is a device's for the
 * time being, it is told of the devices' hole instead, and the offset there says which page it is. Who changes his mind
 * has the cache flushed.
 */
#include "unicorn/uc_device_pages.h"
#include "unicorn/uc_plt.h"
#include "unicorn/uc_tlb.h"

/* Its result is Unicorn's own description of a region of memory; `attributes` are a struct of 32 bits. */
typedef void *(*page_lookup)(void *cpu, int space, uint64_t physical, uint64_t *offset, uint64_t *size, uint32_t attributes,
                             int *protection);

static bool (*leads_to_device)(vmm_vcpu *v, uint64_t physical, bool fetches);

static void *look_up(void *cpu, int space, uint64_t physical, uint64_t *offset, uint64_t *size, uint32_t attributes,
                     int *protection, page_lookup original)
{
    vmm_vcpu *v = uc_executing;
    if (!v || v->cpu != cpu || !leads_to_device(v, physical, uc_filling == UC_FETCHES))
        return original(cpu, space, physical, offset, size, attributes, protection);
    const vmm_machine *m = v->machine;
    void *devices = original(cpu, space, m->hole_first, offset, size, attributes, protection);
    *offset = m->hole_end - m->hole_first + physical;
    return devices;
}

/* Each of Unicorn's targets has its own copy of the call. */
#define STANDING_BEFORE(target)                                                                                        \
    static page_lookup look_up_##target;                                                                               \
    static void *before_look_up_##target(void *cpu, int space, uint64_t physical, uint64_t *offset, uint64_t *size,     \
                                         uint32_t attributes, int *protection)                                         \
    {                                                                                                                  \
        return look_up(cpu, space, physical, offset, size, attributes, protection, look_up_##target);                  \
    }

STANDING_BEFORE(aarch64)
STANDING_BEFORE(arm)

const char *uc_watch_device_pages(void *library, bool (*leads)(vmm_vcpu *v, uint64_t physical, bool fetches))
{
    leads_to_device = leads;
    const uc_call calls[] = {
        {"address_space_translate_for_iotlb_aarch64", before_look_up_aarch64, &look_up_aarch64},
        {"address_space_translate_for_iotlb_arm", before_look_up_arm, &look_up_arm},
    };
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
