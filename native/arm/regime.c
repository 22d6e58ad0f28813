/*
 * A change of what a translation regime stands on is followed at once, as a change in its tables is (core/tables.c). Unicorn
 * does so for some of these registers; for the others it keeps translations until the guest says, or somebody looks on.
 *
 * DDI0487 D13.2.134 and its like let either happen. Unicorn's descriptions are altered as it defines the registers.
 */
#include <string.h>

#include "arm/arm.h"
#include "arm/regime.h"
#include "arm/sysreg_info.h"
#include "unicorn/uc_plt.h"

enum { STATE_AA64 = 1, TYPE_64BIT = 4, READ_ONLY_TYPES = 3 /* special, constant */ };

typedef void (*define_register)(void *cpu, const arm_register_info *info, void *opaque);

static define_register define_aarch64, define_arm;

static bool stands_on(const char *name)
{
    static const char *const BEGINNINGS[] = {"TTBR", "VTTBR", "VTCR", "TCR_EL"};
    for (size_t i = 0; name && i < sizeof BEGINNINGS / sizeof *BEGINNINGS; i++)
        if (strncmp(name, BEGINNINGS[i], strlen(BEGINNINGS[i])) == 0)
            return true;
    return false;
}

static uint64_t field(void *env, const arm_register_info *info)
{
    bool wide = info->state == STATE_AA64 || info->type & TYPE_64BIT;
    uint64_t value = 0;
    memcpy(&value, (char *)env + info->field_offset, wide ? 8 : 4);
    return value;
}

static void write_field(void *env, const arm_register_info *info, uint64_t value)
{
    bool wide = info->state == STATE_AA64 || info->type & TYPE_64BIT;
    memcpy((char *)env + info->field_offset, &value, wide ? 8 : 4);
}

static void write_and_forget(void *env, const arm_register_info *info, uint64_t value)
{
    vmm_vcpu *v = uc_executing;
    uint64_t before = field(env, info);
    (info->original_write ? info->original_write : write_field)(env, info, value);
    if (v && v->env == env && field(env, info) != before)
        arm_calls_of(v)->tlb_flush(v->cpu);
}

static void define(void *cpu, const arm_register_info *info, void *opaque, define_register original)
{
    arm_register_info altered = *info;
    bool has_field = info->field_offset || info->bank_field_offsets[0] || info->bank_field_offsets[1];
    if (!stands_on(info->name) || !has_field || info->type & READ_ONLY_TYPES) {
        original(cpu, info, opaque);
        return;
    }
    altered.original_write = info->write;
    altered.write = write_and_forget;
    original(cpu, &altered, opaque);
}

static void before_define_aarch64(void *cpu, const arm_register_info *info, void *opaque)
{
    arm_note_translation(info);
    define(cpu, info, opaque, define_aarch64);
}

static void before_define_arm(void *cpu, const arm_register_info *info, void *opaque)
{
    define(cpu, info, opaque, define_arm);
}

const char *arm_watch_definitions(void *library)
{
    const uc_call calls[] = {
        {"define_one_arm_cp_reg_with_opaque_aarch64", before_define_aarch64, &define_aarch64},
        {"define_one_arm_cp_reg_with_opaque_arm", before_define_arm, &define_arm},
    };
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
