/* Where port and memory accesses of a guest go: the hot devices in C, the others to Python, the rest to an open bus. */
#include <string.h>

#include "internal.h"
#include "uc.h"
#include "x86.h"

static uint32_t ones(uint32_t size)
{
    return size >= 4 ? 0xffffffffu : (1u << 8 * size) - 1;
}

static const vmm_range *owner(const vmm_machine *m, uint32_t port)
{
    uint8_t index = m->port_owner[port & 0xffff];
    return index ? &m->port_ranges[index - 1] : NULL;
}

static uint32_t byte_read(vmm_machine *m, const vmm_range *r, uint32_t port)
{
    switch (r->handler) {
    case VMM_ON_PIC:
        return vmm_pic_read(m, r->index, port - r->first);
    case VMM_ON_ELCR:
        return m->pic.chip[(port - r->first) & 1].elcr;
    case VMM_ON_TESTDEV:
        return m->lines[(port - r->first) % VMM_MAX_LINES].drivers >> r->index & 1;
    }
    return 0xff;
}

static void byte_write(vmm_machine *m, const vmm_range *r, uint32_t port, uint32_t value)
{
    switch (r->handler) {
    case VMM_ON_PIC:
        vmm_pic_write(m, r->index, port - r->first, value);
        return;
    case VMM_ON_ELCR:
        pic_elcr_write(m, port - r->first, (uint8_t)value);
        return;
    case VMM_ON_TESTDEV:
        vmm_line_set(m, port - r->first, r->index, value != 0);
        return;
    }
}

/* An access wider than the device is split into its ports, low byte first, as the ISA bus does. */
static uint32_t port_read(vmm_vcpu *v, uint32_t port, uint32_t size)
{
    vmm_machine *m = v->machine;
    const vmm_range *r = owner(m, port);
    if (!r)
        return ones(size);
    if (r->handler == VMM_ON_PYTHON)
        return m->host.port_read(m->host.handle, r->index, port, size) & ones(size);
    uint32_t value = byte_read(m, r, port) & 0xff;
    for (uint32_t i = 1; i < size; i++) {
        const vmm_range *next = owner(m, port + i);
        uint32_t part = next && next->handler != VMM_ON_PYTHON ? byte_read(m, next, (port + i) & 0xffff) : 0xff;
        value |= (part & 0xff) << 8 * i;
    }
    return value;
}

static void port_write(vmm_vcpu *v, uint32_t port, uint32_t size, uint32_t value)
{
    vmm_machine *m = v->machine;
    const vmm_range *r = owner(m, port);
    if (!r)
        return;
    if (r->handler == VMM_ON_PYTHON) {
        m->host.port_write(m->host.handle, r->index, port, size, value & ones(size));
        return;
    }
    for (uint32_t i = 0; i < size; i++) {
        const vmm_range *next = owner(m, port + i);
        if (next && next->handler != VMM_ON_PYTHON)
            byte_write(m, next, (port + i) & 0xffff, value >> 8 * i & 0xff);
    }
}

static bool trapped(vmm_vcpu *v, vmm_trap *trap)
{
    if (!v->x86.trap_port || !(v->x86.port_traps[trap->number >> 3 & 8191] >> (trap->number & 7) & 1))
        return false;
    return x86_ask(v, trap);
}

static uint32_t on_in(void *engine, uint32_t port, int size, void *user)
{
    (void)engine;
    vmm_trap trap = {.kind = VMM_TRAP_IN, .size = (uint8_t)size, .number = port & 0xffff};
    return trapped(user, &trap) ? (uint32_t)trap.value : port_read(user, port & 0xffff, (uint32_t)size);
}

static void on_out(void *engine, uint32_t port, int size, uint32_t value, void *user)
{
    (void)engine;
    vmm_trap trap = {.kind = VMM_TRAP_OUT, .size = (uint8_t)size, .number = port & 0xffff, .value = value};
    if (!trapped(user, &trap))
        port_write(user, port & 0xffff, (uint32_t)size, value);
}

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
    if (lapic_at(v, address))
        return lapic_read(v, address & 0xff0) >> 8 * (address & 3);
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
    if (lapic_at(v, address)) {
        lapic_write(v, address & 0xff0, (uint32_t)value);
        return;
    }
    int device = mmio_device(m, address);
    if (device >= 0)
        m->host.mmio_write(m->host.handle, (uint32_t)device, address, size, value);
}

/* An access nobody decodes ends the run: on a bench it is a finding, not noise. */
static int on_unmapped(void *engine, int type, uint64_t address, int size, int64_t value, void *user)
{
    (void)engine, (void)size, (void)value;
    uint32_t access = type == UC_MEM_WRITE_UNMAPPED ? 1 : type == UC_MEM_FETCH_UNMAPPED ? 2 : 0;
    vcpu_request_stop(user, VMM_STOP_UNMAPPED, access, address);
    return 0;
}

void bus_attach(vmm_vcpu *v)
{
    vmm_machine *m = v->machine;
    size_t hook;
    uint64_t from = 1, to = 0; /* Unicorn's way to say: everywhere */
    uc.mem_map_ptr(v->uc, 0, m->ram_size, UC_PROT_ALL, m->ram);
    uc.mmio_map(v->uc, m->hole_first, 0x100000000ull - m->hole_first, on_mmio_read, v, on_mmio_write, v);
    uc.hook_add(v->uc, &hook, UC_HOOK_INSN, on_in, v, from, to, UC_X86_INS_IN);
    uc.hook_add(v->uc, &hook, UC_HOOK_INSN, on_out, v, from, to, UC_X86_INS_OUT);
    uc.hook_add(v->uc, &hook, UC_HOOK_MEM_UNMAPPED, on_unmapped, v, from, to);
}

int vmm_add_ports(vmm_machine *m, uint32_t first, uint32_t count, int handler, int index)
{
    if (m->port_range_count == VMM_MAX_RANGES)
        return fail(m, "more than %d port ranges", VMM_MAX_RANGES);
    if (count == 0 || first + count > 65536)
        return fail(m, "ports %#x+%u are outside 0-0xffff", first, count);
    for (uint32_t i = 0; i < count; i++)
        if (m->port_owner[first + i])
            return fail(m, "port %#x has two devices", first + i);
    m->port_ranges[m->port_range_count++] = (vmm_range){first, count, (uint8_t)handler, (uint8_t)index};
    memset(m->port_owner + first, (int)m->port_range_count, count);
    return 0;
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
