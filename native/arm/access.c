/*
 * The virtual address of an access, of which Unicorn's callbacks tell only the physical one. Two of its calls know it: that
 * which asks, whenever it fills its TLB, whether the page has watchpoints, and that which it makes before each access to a
 * page that has. We answer the first and are the second.
 */
#include "arm/access.h"
#include "unicorn/uc_plt.h"

enum { PAGE = 4096, FLAG_WRITE = 2 };

static vmm_vcpu *ours(const void *cpu)
{
    return uc_executing && uc_executing->cpu == cpu ? uc_executing : NULL;
}

static int page_filled(void *cpu, uint64_t page, uint64_t length)
{
    vmm_vcpu *v = ours(cpu);
    if (!v)
        return 0;
    arm_of(v)->filled = page;
    return arm_watched(v, page, length);
}

/*
 * Unicorn shows parts of what is unaligned: of a load two aligned ones, which hold more than it; of a store one that begins
 * with the page, though it does not cross into it. Its memory callback, which came before, knew the whole: size and place
 * within the page.
 */
static void whole_of(const vmm_vcpu *v, uint64_t *address, uint64_t *length, bool write)
{
    const vmm_arm_access *whole = &arm_of(v)->access;
    if (!whole->size || whole->count != v->count || whole->write != write)
        return;
    uint64_t start = (*address & ~(uint64_t)(PAGE - 1)) | whole->offset;
    bool part = *length <= whole->size;
    if (part && *address - start >= 2 * whole->size && start - *address >= whole->size)
        start -= PAGE; /* it began in the page before */
    *address = start;
    *length = whole->size;
}

static void watched_access(void *cpu, uint64_t address, uint64_t length, uint32_t attributes, int flags, uintptr_t host_pc)
{
    (void)attributes, (void)host_pc;
    vmm_vcpu *v = ours(cpu);
    bool write = flags & FLAG_WRITE;
    if (!v)
        return;
    whole_of(v, &address, &length, write);
    arm_watch(v, address, length, write);
}

void arm_note_access(vmm_vcpu *v, uint64_t physical, uint32_t size, bool write)
{
    arm_of(v)->access = (vmm_arm_access){v->count, (uint16_t)(physical % PAGE), (uint8_t)size, write};
}

/* Each access to a page that does not answer throughout fills the TLB anew, whenever Unicorn flushes that. */
bool arm_virtual_address(vmm_vcpu *v, uint64_t physical, uint64_t *address)
{
    uint64_t page = arm_of(v)->filled & ~(uint64_t)(PAGE - 1);
    *address = page | physical % PAGE;
    return arm_physical_page(v, page) == (physical & ~(uint64_t)(PAGE - 1));
}

void arm_forget_pages(vmm_vcpu *v)
{
    arm_calls_of(v)->tlb_flush(v->cpu);
}

const char *arm_watch_accesses(void *library)
{
    static void *original; /* they do nothing */
    const uc_call calls[] = {
        {"cpu_watchpoint_address_matches_aarch64", page_filled, &original},
        {"cpu_watchpoint_address_matches_arm", page_filled, &original},
        {"cpu_check_watchpoint_aarch64", watched_access, &original},
        {"cpu_check_watchpoint_arm", watched_access, &original},
    };
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
