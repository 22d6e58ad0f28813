/*
 * Stores leave Unicorn's slow path.
 *
 * After the first store to a clean page its TLB entry becomes dirty, unless the entry admits fetches, too: then each store
 * is a slow one for ever. Without paging, or where mappings are not NX, that is every store. So an entry that a load or a
 * store asks for is made for data alone, as of a processor whose TLBs are two; the first fetch there asks for its own.
 *
 * Unicorn itself would make dirty what stands for that virtual address in every translation regime, other pages of memory
 * with it, whose first store would go untold: so that is done here.
 */
#include <string.h>

#include "unicorn/env_search.h"
#include "unicorn/uc.h"
#include "unicorn/uc_plt.h"
#include "unicorn/uc_tlb.h"

enum { ACCESS_STORE = 1, ACCESS_FETCH = 2, PAGE_EXEC = 4 }; /* MMU_DATA_STORE, MMU_INST_FETCH and PAGE_EXEC of QEMU */

typedef bool (*tlb_fill)(void *cpu, uint64_t address, int size, int access, int mode, bool probe, uintptr_t host_pc);
typedef void (*set_page)(void *cpu, uint64_t address, uint64_t physical, uint32_t attributes, int allowed, int mode,
                         uint64_t size);

THREAD_LOCAL uintptr_t uc_filling;
THREAD_LOCAL struct uc_fill uc_fill;
static THREAD_LOCAL bool for_data; /* the entry that is being made */
static void (*told)(vmm_vcpu *v);
static bool (*gaps)(vmm_vcpu *v, uint64_t physical);

/* A page that is covered has no entry of its own. */
static uint64_t seen(const void *cpu, uint64_t physical)
{
    const vmm_vcpu *v = uc_executing;
    bool covered = v && v->cpu == cpu && (physical ^ v->covered_page) >> 12 == 0;
    return covered ? v->cover : physical;
}

/* Who else uses Unicorn in this process has its own fills, of which nobody tells us. */
static bool ours(const void *cpu)
{
    return uc_executing && uc_executing->cpu == cpu;
}

/* Unicorn asks again at each access to what is smaller than a page. */
static uint64_t extent(const void *cpu, uint64_t physical, uint64_t size)
{
    return ours(cpu) && gaps(uc_executing, physical) ? 1 : size;
}

#define STANDING_BEFORE(target)                                                                                        \
    static tlb_fill tlb_fill_##target;                                                                                 \
    static set_page set_page_##target;                                                                                 \
    static bool before_tlb_fill_##target(void *cpu, uint64_t address, int size, int access, int mode, bool probe,      \
                                         uintptr_t host_pc)                                                            \
    {                                                                                                                  \
        for_data = access != ACCESS_FETCH;                                                                             \
        if (!for_data && ours(cpu))                                                                                    \
            told(uc_executing);                                                                                        \
        uc_filling = for_data ? host_pc : UC_FETCHES;                                                                  \
        uc_fill = (struct uc_fill){address, access == ACCESS_STORE};                                                   \
        bool filled = tlb_fill_##target(cpu, address, size, access, mode, probe, host_pc);                             \
        uc_filling = 0;                                                                                                \
        return filled;                                                                                                 \
    }                                                                                                                  \
    static void before_set_page_##target(void *cpu, uint64_t address, uint64_t physical, uint32_t attributes,          \
                                         int allowed, int mode, uint64_t size)                                         \
    {                                                                                                                  \
        int kept = for_data && ours(cpu) ? allowed & ~PAGE_EXEC : allowed;                                                           \
        set_page_##target(cpu, address, seen(cpu, physical), attributes, kept, mode, extent(cpu, physical, size));                            \
    }

STANDING_BEFORE(x86_64)
STANDING_BEFORE(aarch64)
STANDING_BEFORE(arm)

const char *uc_watch_tlb(void *library, void (*fetches)(vmm_vcpu *v), bool (*has_gaps)(vmm_vcpu *v, uint64_t physical))
{
    told = fetches;
    gaps = has_gaps;
    const uc_call calls[] = {
        {"tlb_set_page_with_attrs_x86_64", before_set_page_x86_64, &set_page_x86_64},
        {"tlb_set_page_with_attrs_aarch64", before_set_page_aarch64, &set_page_aarch64},
        {"tlb_set_page_with_attrs_arm", before_set_page_arm, &set_page_arm},
    };
    *(void **)&tlb_fill_x86_64 = uc_symbol("x86_cpu_tlb_fill_x86_64");
    *(void **)&tlb_fill_aarch64 = uc_symbol("arm_cpu_tlb_fill_aarch64");
    *(void **)&tlb_fill_arm = uc_symbol("arm_cpu_tlb_fill_arm");
    if (!tlb_fill_x86_64 || !tlb_fill_aarch64 || !tlb_fill_arm)
        return "Unicorn does not export what fills its TLB; vmm needs its 2.1.4 wheel";
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}

/* Of the fast part of a TLB, a pair for each mode, which ends SHAPE_END bytes before the CPU's state; of its entries. */
typedef struct {
    uintptr_t mask; /* (entries - 1) << ENTRY_BITS */
    uint8_t *entries;
} fast_tlb;

enum { SHAPE_END = 16, ENTRY_BITS = 6, PAGE_BITS = 12 };

typedef struct {
    const char *library;
    tlb_fill *original_fill, ours;
    set_page *original_set;
    unsigned modes, address_bytes, addend_at, not_dirty;
} shape;

static const shape SHAPES[] = {
    {"x86_64", &tlb_fill_x86_64, before_tlb_fill_x86_64, &set_page_x86_64, 3, 8, 32, 1 << 10},
    {"aarch64", &tlb_fill_aarch64, before_tlb_fill_aarch64, &set_page_aarch64, 12, 8, 32, 1 << 8},
    {"arm", &tlb_fill_arm, before_tlb_fill_arm, &set_page_arm, 12, 4, 24, 1 << 8},
};

static const shape *shape_of(const vmm_vcpu *v)
{
    for (unsigned i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++)
        if (strcmp(SHAPES[i].library, v->library) == 0)
            return &SHAPES[i];
    return NULL;
}

static uint8_t *entry_of(const vmm_vcpu *v, const shape *s, unsigned mode, uint64_t address)
{
    const fast_tlb *tlb = (const fast_tlb *)((uintptr_t)v->env - SHAPE_END) - s->modes + mode;
    return tlb->entries + ((address >> PAGE_BITS << ENTRY_BITS) & tlb->mask);
}

/* The entry of a mode by which clean stores to that address reach `page`; NULL: another, or none. */
static uint8_t *clean_entry(const vmm_vcpu *v, const shape *s, unsigned mode, uint64_t address, const uint8_t *page)
{
    uint8_t *entry = entry_of(v, s, mode, address);
    uint64_t written = 0;
    uintptr_t addend;
    memcpy(&written, entry + s->address_bytes, s->address_bytes);
    memcpy(&addend, entry + s->addend_at, sizeof addend);
    return written == (address | s->not_dirty) && address + addend == (uintptr_t)page ? entry : NULL;
}

void uc_tlb_dirty(const vmm_vcpu *v, uint64_t address, const uint8_t *page)
{
    const shape *s = shape_of(v);
    address = (s->address_bytes == 8 ? address : (uint32_t)address) >> PAGE_BITS << PAGE_BITS;
    for (unsigned mode = 0; mode < s->modes; mode++) {
        uint8_t *entry = clean_entry(v, s, mode, address, page);
        if (entry)
            memcpy(entry + s->address_bytes, &address, s->address_bytes);
    }
}

const uint8_t *uc_tlb_readable(const vmm_vcpu *v, unsigned mode, uint64_t address, uint32_t size)
{
    const shape *s = &SHAPES[0];
    const uint8_t *entry = entry_of(v, s, mode, address);
    uint64_t read;
    uintptr_t addend;
    memcpy(&read, entry, sizeof read);
    memcpy(&addend, entry + s->addend_at, sizeof addend);
    return read == (address & (~(uint64_t)((1 << PAGE_BITS) - 1) | (size - 1))) ? (const uint8_t *)(address + addend) : NULL;
}

static bool proven(const vmm_vcpu *v, const shape *s)
{
    enum { READ_WRITE = 3 };
    const vmm_machine *m = v->machine;
    bool found = true;
    for (unsigned mode = 0; mode < s->modes; mode++) {
        uint64_t address = (uint64_t)(mode + 1) << PAGE_BITS;
        (*s->original_set)(v->cpu, address, m->ram_base, 0, READ_WRITE, (int)mode, 1 << PAGE_BITS);
        found = found && clean_entry(v, s, mode, address, m->ram);
        uc_tlb_dirty(v, address, m->ram);
        found = found && !clean_entry(v, s, mode, address, m->ram);
    }
    uc.ctl(v->uc, UC_CTL_FLUSH_TLB);
    return found;
}

/* Each CPU has a class of its own, which names the call that fills the TLB twice: as it is, and as the target has it. */
bool uc_tlb_attach(vmm_vcpu *v)
{
    const shape *s = shape_of(v);
    if (!s || !proven(v, s))
        return false;
    const tlb_fill twice[2] = {*s->original_fill, *s->original_fill};
    tlb_fill *found = env_find_bytes(v, twice, sizeof twice);
    if (found)
        found[0] = found[1] = s->ours;
    return found;
}
