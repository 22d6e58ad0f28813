/*
 * Defines registers in Unicorn's own table of them, before the first instruction is translated. An access then costs one
 * call, is checked for its exception level and traps with the right syndrome like any other register of the processor,
 * and no code that is generated later can miss it.
 */
#include <stdlib.h>
#include <string.h>

#include "arm/sysreg.h"
#include "arm/sysreg_info.h"

typedef struct {
    vmm_vcpu *vcpu;
    const arm_register *row;
} binding;

enum { STATE_AA32 = 0, STATE_AA64 = 1, SECURE_BOTH = 3 };
enum { TYPE_64BIT = 4, TYPE_OVERRIDE = 0x10, TYPE_NO_RAW = 0x80, TYPE_SVE = 0x2000, TYPE_RAISES = 0x8000 };

static uint64_t on_read(void *env, const arm_register_info *info)
{
    (void)env;
    const binding *b = info->opaque;
    return b->row->read ? b->row->read(b->vcpu, b->row->number) : 0;
}

static void on_write(void *env, const arm_register_info *info, uint64_t value)
{
    (void)env;
    const binding *b = info->opaque;
    if (b->row->write)
        b->row->write(b->vcpu, b->row->number, value);
}

/* Not a guest's: a script, a dump or a debugger means the register that it names. */
static uint64_t on_raw_read(void *env, const arm_register_info *info)
{
    const binding *b = info->opaque;
    arm_of(b->vcpu)->unredirected = 1;
    uint64_t value = on_read(env, info);
    arm_of(b->vcpu)->unredirected = 0;
    return value;
}

static void on_raw_write(void *env, const arm_register_info *info, uint64_t value)
{
    const binding *b = info->opaque;
    arm_of(b->vcpu)->unredirected = 1;
    on_write(env, info, value);
    arm_of(b->vcpu)->unredirected = 0;
}

static int on_check(void *env, const arm_register_info *info, bool read)
{
    (void)env;
    const binding *b = info->opaque;
    const arm_register *row = b->row;
    int said = row->check ? row->check(b->vcpu, row->number, read) : ACCESS_OK;
    return said == ACCESS_OK ? arm_control_check(b->vcpu, row->controls, read) : said;
}

static int define(vmm_vcpu *v, arm_registers table)
{
    if (!table.count)
        return 0;
    binding *bindings = calloc(table.count, sizeof *bindings);
    if (!bindings)
        return fail(v->machine, "no memory for a vCPU's system registers");
    if (!vcpu_owns(v, bindings))
        return -1;
    for (size_t i = 0; i < table.count; i++) {
        const arm_register *row = &table.rows[i];
        bindings[i] = (binding){v, row};
        arm_register_info info = {
            .name = row->name, .cp = row->op0 ? 0 : 15, .crn = row->crn, .crm = row->crm, .opc0 = row->op0, .opc1 = row->op1,
            .opc2 = row->op2, .state = row->op0 ? STATE_AA64 : STATE_AA32,
            .type = TYPE_OVERRIDE | TYPE_NO_RAW | TYPE_RAISES | (row->form == PAIR ? TYPE_64BIT : 0) | (row->form == SVE_ACCESS ? TYPE_SVE : 0), .access = row->access,
            .secure = row->op0 ? 0 : SECURE_BOTH, .opaque = &bindings[i], .check = row->check || row->controls ? on_check : NULL,
            .read = on_read, .write = on_write, .raw_read = on_raw_read, .raw_write = on_raw_write,
        };
        arm_calls_of(v)->define_register(v->cpu, &info, &bindings[i]);
    }
    return 0;
}

enum { TABLES = 14 };

static void tables_of(const vmm_vcpu *v, arm_registers tables[TABLES])
{
    const arm_registers all[TABLES] = {arm_identity_registers(v), arm_debug_registers(v), arm_timer_registers(v), arm_timer_registers32(v), arm_gic_registers(v),
                                       arm_broadcast_registers(v), arm_hypervisor_registers(v), arm_vhe_registers(v), arm_host_timer_registers(v), arm_address_registers(v), arm_fp_registers(v), arm_cycle_registers(v),
                                       arm_cycle_registers32(v), arm_cortex_registers(v)};
    memcpy(tables, all, sizeof all);
}

int arm_define_registers(vmm_vcpu *v)
{
    arm_registers tables[TABLES];
    tables_of(v, tables);
    for (size_t i = 0; i < TABLES; i++)
        if (define(v, tables[i]))
            return -1;
    return 0;
}

int vmm_arm_own_register(vmm_vcpu *v, uint32_t n, vmm_arm_own *own)
{
    arm_registers tables[TABLES];
    tables_of(v, tables);
    for (size_t i = 0; i < TABLES; n -= (uint32_t)tables[i++].count) {
        if (n >= tables[i].count)
            continue;
        const arm_register *row = &tables[i].rows[n];
        *own = (vmm_arm_own){row->name, row->op0, row->op1, row->crn, row->crm, row->op2, row->form == PAIR, row->access};
        return 0;
    }
    return -1;
}
