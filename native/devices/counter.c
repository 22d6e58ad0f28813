/* The register that a kernel reads to know the time: its device, which is Python's, starts and stops it. */
#include "devices/counter.h"
#include "core/console.h"

vmm_counter *vmm_counter_of(vmm_machine *m)
{
    return controller_state(m, COUNTER_ROW);
}

static uint64_t passed(vmm_machine *m, const vmm_counter *c)
{
    return c->period ? (vmm_now(m) - c->since) / c->period : 0;
}

uint64_t vmm_counter_passed(vmm_machine *m)
{
    return passed(m, m->controller_state[COUNTER_ROW]);
}

static uint64_t read(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)cpu;
    const vmm_counter *c = m->controller_state[COUNTER_ROW];
    if (offset - c->offset < sizeof c->count) {
        uint64_t value = (c->count + passed(m, c)) >> 8 * (offset - c->offset);
        return size < sizeof value ? value & ((1ull << 8 * size) - 1) : value;
    }
    const vmm_host *host = host_asked(m);
    return host->mmio_read(host->handle, range->index, range->first + offset, size);
}

static void write(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)cpu;
    const vmm_host *host = host_asked(m);
    host->mmio_write(host->handle, range->index, range->first + offset, size, value);
}

const range_owner counter_memory = {read, write};
