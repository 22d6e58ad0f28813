/* The one file that knows everybody: which controllers there are, and who stands before which of Unicorn's calls. */
#include "core/line.h"
#include "core/pages.h"
#include "intc/controllers.h"
#include "unicorn/uc.h"
#include "x86/x86.h"

static const struct vmm_controllers CONTROLLERS = {
    .ends = {
        [VMM_SINK_PIC] = &pic_pins,
        [VMM_SINK_NMI] = &nmi_pin,
        [VMM_SINK_GIC] = &gic_spis,
        [VMM_SINK_IOAPIC] = &ioapic_pins,
        [VMM_SINK_LINT1] = &lint1_pins,
    },
    .ranges = {
        [VMM_ON_PIC] = &pic_ports,
        [VMM_ON_ELCR] = &pic_elcr,
        [VMM_ON_TESTDEV] = &test_device,
        [VMM_ON_GICD] = &gic_distributor,
        [VMM_ON_GICC] = &gic_cpu_interface,
        [VMM_ON_GICR] = &gic_redistributors,
        [VMM_ON_IOAPIC] = &ioapic_memory,
        [VMM_ON_COUNTER] = &counter,
    },
};

vmm_machine *vmm_new(void)
{
    vmm_machine *m = machine_new(&CONTROLLERS);
    if (m) {
        vmm_pic_reset(m);
        vmm_ioapic_reset(m);
    }
    return m;
}

const char *vmm_unicorn_open(const char *path)
{
    static const page_watcher PAGES = {page_has_code, page_stored_by_guest};
    if (uc_loaded())
        return NULL;
    const char *cannot = uc_load(path);
    if (!cannot)
        cannot = uc_watch_pages(uc_library(), &PAGES);
    if (!cannot)
        cannot = x86_watch_returns(uc_library());
    if (cannot)
        uc_unload();
    return cannot;
}
