/*
 * A port whose bits are fixed until Python says otherwise, or change by themselves at ticks of some clock: Python says when,
 * and is not asked again.
 */
#include "devices/wave_byte.h"
#include "core/clock.h"
#include "core/console.h"

vmm_wave_byte *vmm_wave_byte_of(vmm_machine *m)
{
    return controller_state(m, WAVE_BYTE_ROW);
}

uint32_t vmm_wave_byte_read(vmm_machine *m)
{
    const vmm_wave_byte *b = m->controller_state[WAVE_BYTE_ROW];
    uint64_t now = vmm_now(m);
    uint32_t value = b->fixed;
    for (int i = 0; i < 8; i++)
        value |= (uint32_t)wave_level(&b->bit[i], now) << i;
    return value;
}

static uint64_t read(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)cpu, (void)range, (void)offset, (void)size;
    return vmm_wave_byte_read(m);
}

static void write(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)cpu;
    const vmm_host *host = host_asked(m);
    host->port_write(host->handle, range->index, (uint32_t)(range->first + offset), size, (uint32_t)value);
}

const range_owner wave_byte_port = {read, write};
