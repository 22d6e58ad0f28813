/* Devices that machines may have: one that drives lines for tests, a free-running counter, the latch behind FERR#. */
#include "core/devices.h"

static uint64_t test_device_read(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)cpu, (void)size;
    uint64_t number = range->first < 65536 ? offset : offset / 4;
    return m->lines[number % VMM_MAX_LINES].drivers >> (range->index & 31) & 1;
}

static void test_device_write(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size,
                              uint64_t value)
{
    (void)cpu, (void)size;
    bool ports = range->first < 65536;
    vmm_line_set(m, (uint32_t)(ports ? offset : offset / 4), range->index, ports ? value != 0 : value & 1);
}

const range_owner test_device = {test_device_read, test_device_write};

/* 128 bits because nanoseconds times Hz outgrow 64 after an hour. */
static uint64_t counter_read(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)cpu, (void)range, (void)size;
    uint32_t now = (uint32_t)((unsigned __int128)vmm_now(m) * m->counter_hz / 1000000000u) & m->counter_mask;
    return now >> 8 * (offset & 3);
}

static void counter_write(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)m, (void)cpu, (void)range, (void)offset, (void)size, (void)value;
}

const range_owner free_running_counter = {counter_read, counter_write};

static uint64_t ferr_read(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)m, (void)cpu, (void)range, (void)offset, (void)size;
    return ~0ull;
}

/* SDM vol. 1 appendix D.2.1.3: port F0h of a PC. */
static void ferr_write(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)cpu, (void)offset, (void)size, (void)value;
    vmm_line_set(m, range->index, VMM_FERR_DRIVER, 0);
}

const range_owner ferr_latch = {ferr_read, ferr_write};
