/* I/O ports: the hot devices in C, the others to Python, the rest to an open bus that reads as ones. */
#include <string.h>

#include "core/bus.h"
#include "core/console.h"
#include "core/controller.h"

static uint32_t ones(uint32_t size)
{
    return size >= 4 ? 0xffffffffu : (1u << 8 * size) - 1;
}

static const vmm_range *range_at(const vmm_machine *m, uint32_t port)
{
    uint8_t index = m->port_owner[port & 0xffff];
    return index ? &m->port_ranges[index - 1] : NULL;
}

static uint32_t byte_read(vmm_machine *m, const vmm_range *r, uint32_t port)
{
    return (uint32_t)r->owner->read(m, 0, r, port - r->first, 1);
}

static void byte_write(vmm_machine *m, const vmm_range *r, uint32_t port, uint32_t value)
{
    r->owner->write(m, 0, r, port - r->first, 1, value);
}

/* An access wider than the device is split into its ports, low byte first, as the ISA bus does. */
static uint32_t device_says(vmm_machine *m, uint32_t port, uint32_t size)
{
    const vmm_range *r = range_at(m, port);
    if (!r)
        return ones(size);
    if (!r->owner) {
        const vmm_host *host = host_asked(m);
        return host->port_read(host->handle, r->index, port, size) & ones(size);
    }
    uint32_t value = byte_read(m, r, port) & 0xff;
    for (uint32_t i = 1; i < size; i++) {
        const vmm_range *next = range_at(m, port + i);
        uint32_t part = next && next->owner ? byte_read(m, next, (port + i) & 0xffff) : 0xff;
        value |= (part & 0xff) << 8 * i;
    }
    return value;
}

uint32_t port_read(vmm_machine *m, uint32_t port, uint32_t size)
{
    return (uint32_t)bus_answer(m, VMM_PLACE_PORT, port, size, device_says(m, port, size));
}

void port_write(vmm_machine *m, uint32_t port, uint32_t size, uint32_t value)
{
    const vmm_range *r = range_at(m, port);
    if (!r)
        return;
    if (!r->owner) {
        const vmm_host *host = host_asked(m);
        host->port_write(host->handle, r->index, port, size, value & ones(size));
        return;
    }
    for (uint32_t i = 0; i < size; i++) {
        const vmm_range *next = range_at(m, port + i);
        if (next && next->owner)
            byte_write(m, next, (port + i) & 0xffff, value >> 8 * i & 0xff);
    }
}

int vmm_add_ports(vmm_machine *m, uint32_t first, uint32_t count, int owner, int index)
{
    if (m->port_range_count == VMM_MAX_RANGES)
        return fail(m, "more than %d port ranges", VMM_MAX_RANGES);
    if (count == 0 || count > 65536 || first > 65536 - count)
        return fail(m, "ports %#x+%u are outside 0-0xffff", first, count);
    for (uint32_t i = 0; i < count; i++)
        if (m->port_owner[first + i])
            return fail(m, "port %#x has two devices", first + i);
    m->port_ranges[m->port_range_count++] = (vmm_range){first, count, range_owner_of(m, (uint32_t)owner), (uint8_t)index};
    memset(m->port_owner + first, (int)m->port_range_count, count);
    return 0;
}
