#include "core/flash.h"
#include "core/pages.h"
#include "unicorn/uc.h"

static int32_t device_at(const vmm_machine *m, uint64_t physical)
{
    for (uint32_t i = 0; physical < m->rom_size && i < m->mmio_range_count; i++)
        if (physical - m->mmio_ranges[i].first < m->mmio_ranges[i].count)
            return (int32_t)i;
    return -1;
}

bool flash_answers(const vmm_machine *m, uint64_t physical)
{
    if (!m->flash_answers)
        return false;
    int32_t device = device_at(m, physical);
    return device >= 0 && m->flash_answers >> device & 1;
}

const vmm_range *flash_written_at(const vmm_machine *m, uint64_t physical)
{
    int32_t device = device_at(m, physical);
    return device < 0 ? NULL : &m->mmio_ranges[device];
}

bool flash_leads_to_device(vmm_vcpu *v, uint64_t physical, bool fetches)
{
    vmm_machine *m = v->machine;
    if (!flash_answers(m, physical))
        return false;
    if (fetches)
        m->pages.flash_code |= (uint8_t)(1u << v->index);
    return true;
}

int vmm_flash_answer(vmm_machine *m, uint64_t first, int answers)
{
    int32_t device = device_at(m, first);
    if (device < 0)
        return fail(m, "no device has flash at %#llx", (unsigned long long)first);
    uint64_t bit = 1ull << device;
    if (!answers && !(m->flash_answers & bit))
        return 0;
    m->flash_answers = answers ? m->flash_answers | bit : m->flash_answers & ~bit;
    for (uint32_t i = 0; i < m->vcpu_count; i++)
        uc.ctl(m->vcpus[i]->uc, UC_CTL_FLUSH_TLB);
    pages_drop_flash(m); /* code there is fetched from whoever answers now, and what that says now */
    return 0;
}
