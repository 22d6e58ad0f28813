/* RAM, its alias and flash: mapped before the first vCPU, and found by physical address. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/arch.h"
#include "core/memory.h"
#include "core/pages.h"

uint8_t *lazy_zeros(vmm_machine *m, uint64_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED)
        return memory;
    fail(m, "the host has no %llu bytes for guest memory", (unsigned long long)size);
    return NULL;
}

void lazy_free(void *zeros, uint64_t size)
{
    if (zeros)
        munmap(zeros, size);
}

int vmm_map_ram(vmm_machine *m, uint64_t base, uint64_t size)
{
    bool below = base < m->hole_first && size <= m->hole_first - base, above = base >= m->hole_end;
    if (size == 0 || size % 4096 || base % 4096 || base + size < base || !(below || above) || base < m->rom_size)
        return fail(m, "RAM of %llu bytes at %#llx: it must be whole pages outside %#llx-%#llx", (unsigned long long)size,
                    (unsigned long long)base, (unsigned long long)m->hole_first, (unsigned long long)m->hole_end - 1);
    uint8_t *ram = lazy_zeros(m, size);
    if (!ram)
        return -1;
    m->ram = ram;
    m->ram_base = base;
    m->ram_size = size;
    return pages_new(m);
}

/* Erased flash reads as ones. One block of them lies behind all of it, copied where an image is written. */
static int erase(vmm_machine *m)
{
    enum { BLOCK = 1 << 20 };
    int file = memfd_create("erased flash", MFD_CLOEXEC);
    void *block = file < 0 || ftruncate(file, BLOCK) ? MAP_FAILED : mmap(NULL, BLOCK, PROT_WRITE, MAP_SHARED, file, 0);
    bool done = block != MAP_FAILED;
    if (done) {
        memset(block, 0xff, BLOCK);
        munmap(block, BLOCK);
    }
    for (uint64_t at = 0; done && at < m->rom_size; at += BLOCK) {
        uint64_t part = m->rom_size - at < BLOCK ? m->rom_size - at : BLOCK;
        done = mmap(m->rom + at, part, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file, 0) != MAP_FAILED;
    }
    if (file >= 0)
        close(file);
    return done ? 0 : fail(m, "the host cannot provide %llu bytes of flash", (unsigned long long)m->rom_size);
}

int vmm_map_rom(vmm_machine *m, uint64_t size)
{
    if (!size || size % 4096 || size > m->hole_first || m->ram)
        return fail(m, "flash of %llu bytes: it must be whole pages below the devices, and there before RAM",
                    (unsigned long long)size);
    m->rom = lazy_zeros(m, size);
    m->rom_size = m->rom ? size : 0;
    return m->rom ? erase(m) : -1;
}

int vmm_map_alias(vmm_machine *m, uint64_t first, uint64_t of, uint64_t size)
{
    uint64_t offset = of - m->ram_base;
    bool in_ram = offset < m->ram_size && size <= m->ram_size - offset;
    bool elsewhere = first >= m->hole_end && first - m->ram_base >= m->ram_size && first + size - 1 >= first;
    if (size == 0 || (first | of | size) % 4096 || !in_ram || !elsewhere)
        return fail(m, "alias of %#llx+%#llx at %#llx: it must be whole pages of RAM, behind the devices",
                    (unsigned long long)of, (unsigned long long)size, (unsigned long long)first);
    m->alias_first = first;
    m->alias_of = of;
    m->alias_size = size;
    return 0;
}

uint8_t *vmm_memory(vmm_machine *m, uint64_t physical, uint64_t size)
{
    uint64_t in_alias = physical - m->alias_first;
    uint8_t *ram = ram_at(m, physical, size);
    if (unlikely(m->accessed != NULL))
        m->accessed(m->accessed_by, physical, size, 0);
    if (ram)
        return ram;
    if (in_alias < m->alias_size && size <= m->alias_size - in_alias)
        return alias_memory(m) + in_alias;
    return physical < m->rom_size && size <= m->rom_size - physical ? m->rom + physical : NULL;
}

void vmm_memory_reached(vmm_machine *m, uint64_t physical, uint64_t size, int write)
{
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        if (m->vcpus[i]->arch->reached)
            m->vcpus[i]->arch->reached(m->vcpus[i], physical, size, write != 0);
}
