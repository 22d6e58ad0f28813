/* Physical memory as a vCPU sees it: RAM, its alias, what is the vCPU's own, devices, and a hole that reads as ones. */
#include "core/bus.h"
#include "core/console.h"
#include "core/controller.h"
#include "core/flash.h"
#include "core/memory.h"
#include "core/vcpu.h"
#include "unicorn/uc.h"

static const vmm_range *range_at(const vmm_machine *m, uint64_t address)
{
    for (uint32_t i = 0; i < m->mmio_range_count; i++)
        if (address - m->mmio_ranges[i].first < m->mmio_ranges[i].count)
            return &m->mmio_ranges[i];
    return NULL;
}

static void nobody_answers(vmm_vcpu *v, uint64_t address, int access)
{
    if (v->arch->bus_error)
        v->arch->bus_error(v, address, access);
    else
        vcpu_request_stop(v, VMM_STOP_UNMAPPED, (uint32_t)access, address);
}

/* Behind the hole lies the flash that a device answers for (unicorn/uc_device_pages.h). */
static uint64_t address_at(const vmm_machine *m, uint64_t hole_offset)
{
    uint64_t hole = m->hole_end - m->hole_first;
    return hole_offset < hole ? m->hole_first + hole_offset : hole_offset - hole;
}

static uint64_t ones(uint32_t size)
{
    return size >= 8 ? ~0ull : (1ull << 8 * size) - 1;
}

uint64_t bus_answer(vmm_machine *m, uint8_t place, uint64_t at, uint32_t size, uint64_t value)
{
    if (m->device_read)
        m->device_read(m->device_read_by, place, at, size, value);
    if (likely(m->answer.place != place || m->answer.at != at))
        return value;
    uint64_t given = m->answer.value & ones(size);
    m->answer = (vmm_answer){0};
    return given;
}

static uint64_t device_says(vmm_vcpu *v, uint64_t address, uint32_t size)
{
    vmm_machine *m = v->machine;
    uint64_t value;
    if (v->arch->local_read && v->arch->local_read(v, address, size, &value))
        return value;
    const vmm_range *range = range_at(m, address);
    if (!range) {
        if (!m->hole_floats)
            nobody_answers(v, address, VMM_ACCESS_READ);
        return ~0ull;
    }
    if (range->owner)
        return range->owner->read(m, v->index, range, address - range->first, size);
    const vmm_host *host = host_asked(m);
    return host->mmio_read(host->handle, range->index, address, size);
}

uint64_t bus_read(vmm_vcpu *v, uint64_t physical, uint32_t size)
{
    return bus_answer(v->machine, VMM_PLACE_MEMORY, physical, size, device_says(v, physical, size));
}

static uint64_t on_mmio_read(void *engine, uint64_t hole_offset, unsigned size, void *user)
{
    (void)engine;
    vmm_vcpu *v = user;
    if (v->arch->accesses)
        v->arch->accesses(v);
    return bus_read(v, address_at(v->machine, hole_offset), size);
}

bool bus_walk(vmm_vcpu *v, uint64_t physical, bool looks)
{
    vmm_machine *m = v->machine;
    enum { ENTRY = 8 };
    if (vmm_memory(m, physical & ~(uint64_t)(ENTRY - 1), ENTRY))
        return true;
    if (m->hole_floats) /* beyond the hole Unicorn reads by the same call what is no table, and finds nothing */
        return physical < m->hole_first || physical >= m->hole_end;
    if (!looks)
        nobody_answers(v, physical, VMM_ACCESS_WALK);
    return false;
}

bool bus_has_gaps(vmm_vcpu *v, uint64_t physical)
{
    enum { PAGE = 4096 };
    vmm_machine *m = v->machine;
    uint64_t at = physical & ~(uint64_t)(PAGE - 1), end = at + PAGE;
    if (!v->arch->bus_error || vmm_memory(m, at, PAGE))
        return false;
    for (const vmm_range *range; at < end && (range = range_at(m, at));)
        at = range->first + range->count;
    return at < end;
}

static void range_write(vmm_vcpu *v, const vmm_range *range, uint64_t address, uint32_t size, uint64_t value)
{
    vmm_machine *m = v->machine;
    if (range->owner) {
        range->owner->write(m, v->index, range, address - range->first, size, value);
        return;
    }
    const vmm_host *host = host_asked(m);
    host->mmio_write(host->handle, range->index, address, size, value);
}

void bus_write(vmm_vcpu *v, uint64_t physical, uint32_t size, uint64_t value)
{
    const vmm_machine *m = v->machine;
    if (v->arch->local_write && v->arch->local_write(v, physical, size, value))
        return;
    const vmm_range *range = range_at(m, physical);
    if (range)
        range_write(v, range, physical, size, value);
    else if (!m->hole_floats)
        nobody_answers(v, physical, VMM_ACCESS_WRITE);
}

static void on_mmio_write(void *engine, uint64_t hole_offset, unsigned size, uint64_t value, void *user)
{
    (void)engine;
    vmm_vcpu *v = user;
    if (v->arch->accesses)
        v->arch->accesses(v);
    bus_write(v, address_at(v->machine, hole_offset), size, value);
}

/*
 * A store to flash is a command to its device, which Unicorn tells of, and then forgets. One across a boundary of its own
 * size comes once more, byte by byte; and while the device answers reads, stores come to on_mmio_write, too.
 */
static bool flash_store(vmm_vcpu *v, uint64_t address, uint32_t size, uint64_t value)
{
    const vmm_range *range = flash_written_at(v->machine, address);
    if (!range)
        return false;
    bool comes_again = address % size || flash_answers(v->machine, address);
    if (!comes_again && v->arch->accesses)
        v->arch->accesses(v);
    if (!comes_again)
        range_write(v, range, address, size, value);
    if (v->arch->goes_on)
        v->arch->goes_on(v);
    return true;
}

/* Where the architecture has no exception for it the run ends: a finding, not noise. Nor can device memory be executed. */
static int on_unmapped(void *engine, int type, uint64_t address, int size, int64_t value, void *user)
{
    (void)engine;
    if (type == UC_MEM_WRITE_PROT && flash_store(user, address, (uint32_t)size, (uint64_t)value))
        return 1;
    bool write = type == UC_MEM_WRITE_UNMAPPED || type == UC_MEM_WRITE_PROT;
    bool fetch = type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT;
    nobody_answers(user, address, write ? VMM_ACCESS_WRITE : fetch ? VMM_ACCESS_FETCH : VMM_ACCESS_READ);
    const struct vmm_arch *arch = ((vmm_vcpu *)user)->arch;
    if (write && arch->leaves && ((vmm_vcpu *)user)->machine->fast) /* nothing asks behind each access whether to stop */
        arch->leaves(user);
    return 0;
}

/* Nowhere in RAM, where nothing is unmapped or protected: stores to a page with hooks never leave Unicorn's slow path. */
static int hook_outside_ram(vmm_vcpu *v)
{
    enum { FAULTS = UC_HOOK_MEM_UNMAPPED | UC_HOOK_MEM_FETCH_PROT | UC_HOOK_MEM_WRITE_PROT };
    const vmm_machine *m = v->machine;
    uint64_t below = m->ram_base, above = m->ram_base + m->ram_size;
    size_t hook;
    int error = 0;
    if (below)
        error = uc.hook_add(v->uc, &hook, FAULTS, on_unmapped, v, (uint64_t)0, below - 1);
    if (!error && above)
        error = uc.hook_add(v->uc, &hook, FAULTS, on_unmapped, v, above, ~(uint64_t)0);
    return error;
}

int bus_attach(vmm_vcpu *v)
{
    vmm_machine *m = v->machine;
    int error = uc.mem_map_ptr(v->uc, m->ram_base, m->ram_size, UC_PROT_ALL, m->ram); /* first: Unicorn's offset 0 */
    if (!error && m->alias_size) /* Unicorn keeps code by its place in the host, so this code follows stores to RAM */
        error = uc.mem_map_ptr(v->uc, m->alias_first, m->alias_size, UC_PROT_READ | UC_PROT_EXEC, alias_memory(m));
    if (!error && m->rom)
        error = uc.mem_map_ptr(v->uc, 0, m->rom_size, UC_PROT_READ | UC_PROT_EXEC, m->rom);
    if (!error && m->rom) /* else a store would be told, and then done */
        error = uc.mem_protect(v->uc, 0, m->rom_size, UC_PROT_READ | UC_PROT_EXEC);
    if (!error)
        error = uc.mmio_map(v->uc, m->hole_first, m->hole_end - m->hole_first, on_mmio_read, v, on_mmio_write, v);
    if (!error)
        error = hook_outside_ram(v);
    return error;
}

int vmm_add_mmio(vmm_machine *m, uint64_t first, uint64_t count, int owner, int index)
{
    if (m->mmio_range_count == VMM_MAX_RANGES)
        return fail(m, "more than %d memory-mapped ranges", VMM_MAX_RANGES);
    bool in_hole = first >= m->hole_first && first <= m->hole_end && count <= m->hole_end - first;
    bool in_flash = first < m->rom_size && count <= m->rom_size - first;
    if (!in_hole && !in_flash)
        return fail(m, "device memory %#llx+%#llx is outside the device hole and flash", (unsigned long long)first,
                    (unsigned long long)count);
    for (uint32_t i = 0; i < m->mmio_range_count; i++) {
        const vmm_range *other = &m->mmio_ranges[i];
        if (first < other->first + other->count && other->first < first + count)
            return fail(m, "device memory %#llx+%#llx overlaps that of another device at %#llx", (unsigned long long)first,
                        (unsigned long long)count, (unsigned long long)other->first);
    }
    m->mmio_ranges[m->mmio_range_count++] = (vmm_range){first, count, range_owner_of(m, (uint32_t)owner), (uint8_t)index};
    return 0;
}
