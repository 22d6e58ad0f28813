/*
 * What Unicorn does to pages of guest memory, told as it happens.
 *
 * Unicorn knows when it translates the first code of a page, and when a store goes to a page that it does not know to be
 * dirty, but has no hook for either. Its files call one another through the library's procedure linkage table, so we
 * stand in front of those two calls there, and of the one that sets accessed and dirty bits in page tables. A store to a
 * page that is known to be dirty costs nothing: who wants to hear of the next one makes the page clean again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "pages.h"
#include "uc.h"

typedef void (*protect_code)(void *engine, uint64_t offset);
typedef void (*clean_store)(void *engine, void *pages, uint64_t offset, int size, uintptr_t host_pc);
typedef void (*table_store)(void *cpu, uint64_t physical, uint32_t value);

static _Thread_local vmm_vcpu *executing;

static vmm_vcpu *ours(const void *engine)
{
    return executing && executing->uc == engine ? executing : NULL;
}

static void code_translated(void *engine, uint64_t offset, protect_code original)
{
    vmm_vcpu *v = ours(engine);
    original(engine, offset);
    if (v)
        page_has_code(v, offset);
}

static void stored(void *engine, void *pages, uint64_t offset, int size, uintptr_t host_pc, clean_store original)
{
    vmm_vcpu *v = ours(engine);
    if (v) /* first: the original may not return */
        page_stored_by_guest(v, offset);
    original(engine, pages, offset, size, host_pc);
}

/* Each of Unicorn's targets has its own copy of the calls. */
#define STANDING_BEFORE(target)                                                                                        \
    static protect_code protect_code_##target;                                                                         \
    static clean_store clean_store_##target;                                                                           \
    static void before_protect_code_##target(void *engine, uint64_t offset)                                            \
    {                                                                                                                  \
        code_translated(engine, offset, protect_code_##target);                                                        \
    }                                                                                                                  \
    static void before_clean_store_##target(void *engine, void *pages, uint64_t offset, int size, uintptr_t host_pc)   \
    {                                                                                                                  \
        stored(engine, pages, offset, size, host_pc, clean_store_##target);                                            \
    }

STANDING_BEFORE(x86_64)
STANDING_BEFORE(aarch64)
STANDING_BEFORE(arm)

static table_store table_store_x86_64;

static void before_table_store_x86_64(void *cpu, uint64_t physical, uint32_t value)
{
    if (executing && executing->cpu == cpu)
        page_stored_by_guest(executing, physical - executing->machine->ram_base);
    table_store_x86_64(cpu, physical, value);
}

/* ---- the procedure linkage table ---- */

typedef struct {
    const ElfW(Rela) *relocations;
    size_t count;
    const ElfW(Sym) *symbols;
    const char *names;
    ElfW(Addr) base;
} linkage;

static linkage linkage_of(const struct link_map *map)
{
    linkage found = {.base = map->l_addr};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_JMPREL)
            found.relocations = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_PLTRELSZ)
            found.count = entry->d_un.d_val / sizeof *found.relocations;
        else if (entry->d_tag == DT_SYMTAB)
            found.symbols = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_STRTAB)
            found.names = (const void *)entry->d_un.d_ptr;
    }
    return found;
}

static void **slot_of(const linkage *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++) {
        const ElfW(Rela) *relocation = &l->relocations[i];
        const ElfW(Sym) *symbol = &l->symbols[ELF64_R_SYM(relocation->r_info)];
        if (strcmp(l->names + symbol->st_name, name) == 0)
            return (void **)(l->base + relocation->r_offset);
    }
    return NULL;
}

const char *uc_watch_pages(void *library)
{
    static char problem[128];
    const struct { const char *name; void *ours; void *original; } calls[] = {
        {"tlb_protect_code_x86_64", before_protect_code_x86_64, &protect_code_x86_64},
        {"tlb_protect_code_aarch64", before_protect_code_aarch64, &protect_code_aarch64},
        {"tlb_protect_code_arm", before_protect_code_arm, &protect_code_arm},
        {"tb_invalidate_phys_page_fast_x86_64", before_clean_store_x86_64, &clean_store_x86_64},
        {"tb_invalidate_phys_page_fast_aarch64", before_clean_store_aarch64, &clean_store_aarch64},
        {"tb_invalidate_phys_page_fast_arm", before_clean_store_arm, &clean_store_arm},
        {"x86_stl_phys_notdirty_x86_64", before_table_store_x86_64, &table_store_x86_64},
    };
    struct link_map *map;
    if (dlinfo(library, RTLD_DI_LINKMAP, &map))
        return dlerror();
    linkage l = linkage_of(map);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        void **slot = slot_of(&l, calls[i].name), *original = dlsym(library, calls[i].name);
        if (!slot || !original) {
            snprintf(problem, sizeof problem, "Unicorn does not call %s; vmm needs its 2.1.4 wheel", calls[i].name);
            return problem;
        }
        *(void **)calls[i].original = original;
        *slot = calls[i].ours;
    }
    return NULL;
}

/* ---- calls of a vCPU ---- */

bool uc_pages_attach(vmm_vcpu *v)
{
    char name[64];
    snprintf(name, sizeof name, "tlb_reset_dirty_%s", v->library);
    *(void **)&v->make_clean = uc_symbol(name);
    snprintf(name, sizeof name, "tb_invalidate_phys_range_%s", v->library);
    *(void **)&v->drop_code = uc_symbol(name);
    return v->make_clean && v->drop_code;
}

void uc_pages_executing(vmm_vcpu *v)
{
    executing = v;
}
