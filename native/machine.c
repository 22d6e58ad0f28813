/* The one file that knows everybody: which controllers there are, and who stands before which of Unicorn's calls. */
#include "arm/access.h"
#include "arm/alignment.h"
#include "arm/arm.h"
#include "arm/blocks.h"
#include "arm/fp.h"
#include "arm/regime.h"
#include "core/block.h"
#include "core/bus.h"
#include "core/devices.h"
#include "core/engine.h"
#include "core/flash.h"
#include "core/pages.h"
#include "core/tables.h"
#include "devices/counter.h"
#include "devices/serial.h"
#include "devices/wave_byte.h"
#include "intc/apic/apic.h"
#include "intc/gic/gic.h"
#include "intc/pic/pic.h"
#include "unicorn/uc.h"
#include "unicorn/uc_accesses.h"
#include "unicorn/uc_device_pages.h"
#include "unicorn/uc_pages.h"
#include "unicorn/uc_rescue.h"
#include "unicorn/uc_translate.h"
#include "x86/transaction.h"
#include "x86/x86.h"

/* clang-format off */
static const struct vmm_controller CONTROLLERS[] = {
    {"machine", .ranges = {{"testdev", &test_device}, {"counter", &free_running_counter}, {"ferr", &ferr_latch}}},
    [PIC_ROW] = {"8259A pair", sizeof(vmm_pic), vmm_pic_reset, pic_alike,
                 {{"pic", &pic_pins}}, {{"pic", &pic_ports}, {"elcr", &pic_elcr}}, &pic_spurious},
    [APIC_ROW] = {"APICs", sizeof(vmm_apic), vmm_ioapic_reset, NULL, {{"ioapic", &ioapic_pins}, {"lint1", &lint1_pins}},
                  {{"ioapic", &ioapic_memory}}, &lapic_spurious},
    [GIC_ROW] = {"GIC", sizeof(vmm_gic), vmm_gic_reset, gic_alike, {{"gic", &gic_spis}},
                 {{"gicd", &gic_distributor}, {"gicc", &gic_cpu_interface}, {"gicr", &gic_redistributors}}, &gic_spurious},
    [UART16550_ROW] = {"16550A", sizeof(vmm_16550s), NULL, NULL, {{0}}, {{"uart16550", &uart16550_ports}}},
    [TRANSACTION_ROW] = {"transactions", sizeof(x86_transactions), NULL, NULL, {{0}}, {{0}}},
    [PL011_ROW] = {"PL011", sizeof(vmm_pl011), NULL, NULL, {{0}}, {{"pl011", &pl011_memory}}},
    [WAVE_BYTE_ROW] = {"wave byte", sizeof(vmm_wave_byte), NULL, NULL, {{0}}, {{"wave byte", &wave_byte_port}}},
    [COUNTER_ROW] = {"counter", sizeof(vmm_counter), NULL, NULL, {{0}}, {{"counter register", &counter_memory}}},
};
/* clang-format on */

vmm_machine *vmm_new(void)
{
    return machine_new(CONTROLLERS, sizeof CONTROLLERS / sizeof *CONTROLLERS);
}

static const char *watch_pages(void *library)
{
    static const page_watcher PAGES = {page_has_code, page_stored_by_guest, page_code_gone, page_may_be_dirty,
                                       table_read, page_stores, block_over, bus_has_gaps, page_block_dropped};
    return uc_watch_pages(library, &PAGES);
}

static const char *judge_x86(void *library)
{
    return uc_judge_x86(library, x86_judge, x86_linear_mask);
}

static const char *watch_device_pages(void *library)
{
    return uc_watch_device_pages(library, flash_leads_to_device);
}

/* Each stands before some of Unicorn's calls; the line that says why it cannot, or NULL. */
static const char *(*const STANDING_BEFORE[])(void *library) = {
    watch_pages,
    uc_stand_before_abort,
    watch_device_pages,
    x86_watch_returns,
    x86_keep_flags,
    judge_x86,
    arm_watch_fp,
    arm_watch_blocks,
    arm_watch_accesses,
    arm_watch_modes,
    x86_watch_tasks,
    x86_watch_fpu,
    x86_watch_simd,
    x86_watch_ports,
    uc_watch_loads,
    arm_watch_definitions,
    arm_check_alignment,
};

static const char *no_fast_gear;

const char *vmm_unicorn_open(const char *path)
{
    if (uc_loaded())
        return NULL;
    const char *cannot = uc_load(path);
    for (size_t i = 0; !cannot && i < sizeof STANDING_BEFORE / sizeof *STANDING_BEFORE; i++)
        cannot = STANDING_BEFORE[i](uc_library());
    if (cannot)
        uc_unload();
    else if (!(no_fast_gear = x86_watch_blocks(uc_library())))
        no_fast_gear = arm_watch_fast(uc_library());
    return cannot;
}

const char *vmm_no_fast_gear(void)
{
    return no_fast_gear;
}
