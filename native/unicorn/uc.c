/* Opens libunicorn and resolves the calls of uc.h. */
#include <dlfcn.h>
#include <stdio.h>

#include "api/vmm.h"
#include "unicorn/uc.h"

uc_calls uc;

static void *library;

enum { WANTED = 2 << 24 | 1 << 16 | 4 << 8 };

void *uc_symbol(const char *name)
{
    return dlsym(library, name);
}

uint32_t vmm_unicorn_version(void)
{
    return uc.version ? uc.version(NULL, NULL) & 0xffffff00u : 0;
}

const char *uc_load(const char *path)
{
    static char problem[256];
    const struct { const char *name; void *slot; } calls[] = {
        {"uc_version", &uc.version},
        {"uc_open", &uc.open},
        {"uc_close", &uc.close},
        {"uc_ctl", &uc.ctl},
        {"uc_reg_read", &uc.reg_read},
        {"uc_reg_write", &uc.reg_write},
        {"uc_mem_map_ptr", &uc.mem_map_ptr},
        {"uc_mem_protect", &uc.mem_protect},
        {"uc_mmio_map", &uc.mmio_map},
        {"uc_vmem_translate", &uc.vmem_translate},
        {"uc_emu_start", &uc.emu_start},
        {"uc_emu_stop", &uc.emu_stop},
        {"uc_hook_add", &uc.hook_add},
        {"uc_hook_del", &uc.hook_del},
        {"uc_context_alloc", &uc.context_alloc},
        {"uc_context_save", &uc.context_save},
        {"uc_context_size", &uc.context_size},
        {"uc_free", &uc.free_},
        {"uc_strerror", &uc.strerror},
    };
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(problem, sizeof problem, "cannot open Unicorn: %s", dlerror());
        return problem;
    }
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        void *symbol = dlsym(library, calls[i].name);
        if (!symbol) {
            snprintf(problem, sizeof problem, "%s has no %s; vmm needs Unicorn 2.1.4", path, calls[i].name);
            uc.version = NULL;
            return problem;
        }
        *(void **)calls[i].slot = symbol;
    }
    uint32_t found = vmm_unicorn_version();
    if (found != WANTED) {
        snprintf(problem, sizeof problem, "%s is Unicorn %u.%u.%u; vmm needs 2.1.4 (pip install unicorn==2.1.4)", path,
                 found >> 24, found >> 16 & 255, found >> 8 & 255);
        uc.version = NULL;
        return problem;
    }
    return NULL;
}

void *uc_library(void)
{
    return library;
}

void uc_unload(void)
{
    uc.version = NULL;
}

bool uc_loaded(void)
{
    return uc.version;
}
