/*
 * Standing in front of calls that Unicorn makes within itself: its files call one another through the library's
 * procedure linkage table, whose slots can lead elsewhere first. A library that is linked with full RELRO has them where
 * the loader has made all read-only, and one built without that table has a slot a function in the global offset table.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "api/vmm.h"
#include "unicorn/uc_plt.h"

THREAD_LOCAL vmm_vcpu *uc_executing;

enum { PAGE_BYTES = 4096 };

typedef struct {
    const ElfW(Rela) *relocations;
    size_t bytes;
    uint32_t type;
} relocation_table;

typedef struct {
    relocation_table jumps, others, addresses;
    const ElfW(Sym) *symbols;
    const char *names;
    ElfW(Addr) base;
    ElfW(Addr) sealed; /* [sealed, sealed_end): read-only once it was loaded */
    ElfW(Addr) sealed_end;
} linkage;

static linkage linkage_of(const struct link_map *map)
{
    linkage found = {.base = map->l_addr, .jumps.type = R_X86_64_JUMP_SLOT, .others.type = R_X86_64_GLOB_DAT, .addresses.type = R_X86_64_64};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_JMPREL)
            found.jumps.relocations = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_PLTRELSZ)
            found.jumps.bytes = entry->d_un.d_val;
        else if (entry->d_tag == DT_RELA)
            found.others.relocations = found.addresses.relocations = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_RELASZ)
            found.others.bytes = found.addresses.bytes = entry->d_un.d_val;
        else if (entry->d_tag == DT_SYMTAB)
            found.symbols = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_STRTAB)
            found.names = (const void *)entry->d_un.d_ptr;
    }
    return found;
}

/* The loader seals whole pages (System V ABI supplement for x86-64, PT_GNU_RELRO). */
static int find_sealed(struct dl_phdr_info *object, size_t size, void *user)
{
    (void)size;
    linkage *l = user;
    if (object->dlpi_addr != l->base)
        return 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_GNU_RELRO)
            continue;
        l->sealed = (l->base + part->p_vaddr) / PAGE_BYTES * PAGE_BYTES;
        l->sealed_end = (l->base + part->p_vaddr + part->p_memsz) / PAGE_BYTES * PAGE_BYTES;
    }
    return 1;
}

static void **slot_in(const linkage *l, const relocation_table *table, const char *name)
{
    for (size_t i = 0; i < table->bytes / sizeof *table->relocations; i++) {
        const ElfW(Rela) *relocation = &table->relocations[i];
        const ElfW(Sym) *symbol = &l->symbols[ELF64_R_SYM(relocation->r_info)];
        if (ELF64_R_TYPE(relocation->r_info) == table->type && strcmp(l->names + symbol->st_name, name) == 0)
            return (void **)(l->base + relocation->r_offset);
    }
    return NULL;
}

static void **slot_of(const linkage *l, const char *name)
{
    void **slot = slot_in(l, &l->jumps, name);
    return slot ? slot : slot_in(l, &l->others, name);
}

static bool lead(const linkage *l, void **slot, void *function)
{
    ElfW(Addr) at = (ElfW(Addr))slot;
    void *page = (void *)(at / PAGE_BYTES * PAGE_BYTES);
    bool sealed = at >= l->sealed && at < l->sealed_end;
    if (sealed && mprotect(page, PAGE_BYTES, PROT_READ | PROT_WRITE))
        return false;
    *slot = function;
    if (sealed)
        mprotect(page, PAGE_BYTES, PROT_READ);
    return true;
}

static bool linkage_found(void *library, linkage *l)
{
    struct link_map *map;
    if (dlinfo(library, RTLD_DI_LINKMAP, &map))
        return false;
    *l = linkage_of(map);
    dl_iterate_phdr(find_sealed, l);
    return true;
}

void **uc_address_of(void *library, const char *name)
{
    linkage l;
    return linkage_found(library, &l) ? slot_in(&l, &l.addresses, name) : NULL;
}

bool uc_lead(void *library, void **slot, void *function)
{
    linkage l;
    return linkage_found(library, &l) && lead(&l, slot, function);
}

const char *uc_stand_before(void *library, const uc_call *calls, size_t count)
{
    static char problem[128];
    linkage l;
    if (!linkage_found(library, &l))
        return dlerror();
    for (size_t i = 0; i < count; i++) {
        void **slot = slot_of(&l, calls[i].name), *original = dlsym(library, calls[i].name);
        if (!slot || !original) {
            snprintf(problem, sizeof problem, "Unicorn does not call %s; vmm needs its 2.1.4 wheel", calls[i].name);
            return problem;
        }
        *(void **)calls[i].original = original;
        if (!lead(&l, slot, calls[i].ours)) {
            snprintf(problem, sizeof problem, "Unicorn's calls cannot be led here: %s", strerror(errno));
            return problem;
        }
    }
    return NULL;
}
