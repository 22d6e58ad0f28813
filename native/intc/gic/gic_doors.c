/* The GIC's calls as Python reaches them, for views, tests and devices; nothing is decided here. */
#include "intc/gic/state.h"

uint64_t vmm_gic_dist_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size)
{
    return gic_dist_read(m, cpu, offset, size);
}

void vmm_gic_dist_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value)
{
    gic_dist_write(m, cpu, offset, size, value);
}

uint64_t vmm_gic_cpu_read(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size)
{
    return gic_cpu_read(m, cpu, offset, size);
}

void vmm_gic_cpu_write(vmm_machine *m, uint32_t cpu, uint64_t offset, uint32_t size, uint64_t value)
{
    gic_cpu_write(m, cpu, offset, size, value);
}

uint64_t vmm_gic_redist_read(vmm_machine *m, uint64_t offset, uint32_t size)
{
    return gic_redist_read(m, offset, size);
}

void vmm_gic_redist_write(vmm_machine *m, uint64_t offset, uint32_t size, uint64_t value)
{
    gic_redist_write(m, offset, size, value);
}

uint64_t vmm_gic_icc_read(vmm_machine *m, uint32_t cpu, int reg, int secure)
{
    return gicv3_icc_read(m, cpu, reg, secure);
}

void vmm_gic_icc_write(vmm_machine *m, uint32_t cpu, int reg, int secure, uint64_t value)
{
    gicv3_icc_write(m, cpu, reg, secure, value);
}

void vmm_gic_set_spi(vmm_machine *m, uint32_t spi, int level)
{
    gic_set_spi(m, spi, level);
}

void vmm_gic_set_ppi(vmm_machine *m, uint32_t cpu, uint32_t intid, int level)
{
    gic_set_ppi(m, cpu, intid, level);
}

uint32_t vmm_gic_output(vmm_machine *m, uint32_t cpu)
{
    return gic_has(m, cpu) ? gic_cpu(m, cpu)->output : 0;
}

uint32_t vmm_gic_running(vmm_machine *m, uint32_t cpu)
{
    return gic_has(m, cpu) ? gic_running_shown(gic_cpu(m, cpu), false) : 0xff;
}
