/* Unicorn's description of a system register. */
#ifndef VMM_SYSREG_INFO_H
#define VMM_SYSREG_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct arm_register_info arm_register_info;

/* Unicorn's private ARMCPRegInfo. */
struct arm_register_info {
    const char *name;
    uint8_t cp, crn, crm, opc0, opc1, opc2;
    int state;
    int type;
    int access;
    int secure;
    void *opaque;
    uint64_t reset_value;
    ptrdiff_t field_offset;
    ptrdiff_t bank_field_offsets[2];
    int (*check)(void *env, const arm_register_info *info, bool read);
    uint64_t (*read)(void *env, const arm_register_info *info);
    void (*write)(void *env, const arm_register_info *info, uint64_t value);
    uint64_t (*raw_read)(void *env, const arm_register_info *info);
    void (*raw_write)(void *env, const arm_register_info *info, uint64_t value);
    void (*reset)(void *env, const arm_register_info *info);
    uint64_t (*original_read)(void *env, const arm_register_info *info);
    void (*original_write)(void *env, const arm_register_info *info, uint64_t value);
};

#endif
