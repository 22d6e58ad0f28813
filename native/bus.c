/* Physical memory as a vCPU sees it: RAM, what is private to the vCPU, devices, and a hole that reads as ones. */
#include "internal.h"
#include "uc.h"

static int mmio_device(const vmm_machine *m, uint64_t address)
{
    for (uint32_t i = 0; i < m->mmio_range_count; i++)
        if (address - m->mmio_first[i] < m->mmio_count[i])
            return (int)i;
    return -1;
}

static uint64_t on_mmio_read(void *engine, uint64_t offset, unsigned size, void *user)
{
    (void)engine;
    vmm_vcpu *v = user;
    vmm_machine *m = v->machine;
    uint64_t address = m->hole_first + offset;
    uint64_t value;
    if (v->arch->local_read(v, address, &value))
        return value;
    int device = mmio_device(m, address);
    if (device >= 0)
        return m->host.mmio_read(m->host.handle, (uint32_t)device, address, size);
    return ~0ull;
}

static void on_mmio_write(void *engine, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    (void)engine;
    vmm_vcpu *v = user;
    vmm_machine *m = v->machine;
    uint64_t address = m->hole_first + offset;
    if (v->arch->local_write(v, address, value))
        return;
    int device = mmio_device(m, address);
    if (device >= 0)
        m->host.mmio_write(m->host.handle, (uint32_t)device, address, size, value);
}

/* An access nobody decodes ends the run: on a bench it is a finding, not noise. Nor can device memory be executed. */
static int on_unmapped(void *engine, int type, uint64_t address, int size, int64_t value, void *user)
{
    (void)engine, (void)size, (void)value;
    bool fetch = type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT;
    uint32_t access = type == UC_MEM_WRITE_UNMAPPED ? 1 : fetch ? 2 : 0;
    vcpu_request_stop(user, VMM_STOP_UNMAPPED, access, address);
    return 0;
}

int bus_attach(vmm_vcpu *v)
{
    vmm_machine *m = v->machine;
    size_t hook;
    uint64_t from = 1, to = 0; /* Unicorn's way to say: everywhere */
    int error = uc.mem_map_ptr(v->uc, 0, m->ram_size, UC_PROT_ALL, m->ram);
    if (!error)
        error = uc.mmio_map(v->uc, m->hole_first, 0x100000000ull - m->hole_first, on_mmio_read, v, on_mmio_write, v);
    if (!error)
        error = uc.hook_add(v->uc, &hook, UC_HOOK_MEM_UNMAPPED | UC_HOOK_MEM_FETCH_PROT, on_unmapped, v, from, to);
    return error;
}

int vmm_add_mmio(vmm_machine *m, uint64_t first, uint64_t count, int device)
{
    if (m->mmio_range_count == VMM_MAX_RANGES || device != (int)m->mmio_range_count)
        return fail(m, "more than %d memory-mapped ranges", VMM_MAX_RANGES);
    if (first < m->hole_first || first + count > 0x100000000ull)
        return fail(m, "device memory %#llx+%#llx is outside the device hole", (unsigned long long)first,
                    (unsigned long long)count);
    m->mmio_first[device] = first;
    m->mmio_count[device] = count;
    m->mmio_range_count++;
    return 0;
}
