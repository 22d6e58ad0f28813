/*
 * Standing in front of calls that Unicorn makes within itself: its files call one another through the library's
 * procedure linkage table, whose slots can lead elsewhere first.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "api/vmm.h"
#include "unicorn/uc_plt.h"

_Thread_local vmm_vcpu *uc_executing;

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

const char *uc_stand_before(void *library, const uc_call *calls, size_t count)
{
    static char problem[128];
    struct link_map *map;
    if (dlinfo(library, RTLD_DI_LINKMAP, &map))
        return dlerror();
    linkage l = linkage_of(map);
    for (size_t i = 0; i < count; i++) {
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
