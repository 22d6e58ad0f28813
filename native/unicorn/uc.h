/*
 * The few calls of Unicorn 2.1.4 that the core uses, resolved at run time from the library the `unicorn` package ships,
 * so that building needs neither its headers nor its place.
 */
#ifndef VMM_UC_H
#define VMM_UC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/vmm_registers.h"

/* Public constants of the Unicorn API; its numbers of registers are in api/vmm_registers.h. */
#define UC_CTL(type, arguments, direction) ((int)((type) | (arguments) << 26 | (unsigned)(direction) << 30))
#define UC_CTL_PAGE_SIZE UC_CTL(1, 1, 1)
#define UC_CTL_USE_EXITS UC_CTL(4, 1, 1)
#define UC_CTL_CPU_MODEL UC_CTL(7, 1, 1)
#define UC_CTL_FLUSH_TB UC_CTL(10, 0, 1)
#define UC_CTL_FLUSH_TLB UC_CTL(11, 0, 1)

enum {
    UC_ARCH_ARM = 1, UC_ARCH_ARM64 = 2, UC_ARCH_X86 = 4,
    UC_MODE_ARM = 0,
    UC_MODE_64 = 1 << 3,
    UC_PROT_READ = 1, UC_PROT_WRITE = 2, UC_PROT_EXEC = 4, UC_PROT_ALL = 7,
    UC_HOOK_INTR = 1 << 0, UC_HOOK_INSN = 1 << 1, UC_HOOK_CODE = 1 << 2,
    UC_HOOK_MEM_UNMAPPED = 7 << 4, UC_HOOK_MEM_WRITE_PROT = 1 << 8, UC_HOOK_MEM_FETCH_PROT = 1 << 9,
    UC_HOOK_INSN_INVALID = 1 << 14,
    UC_HOOK_MEM_READ = 1 << 10, UC_HOOK_MEM_WRITE = 1 << 11,
    UC_MEM_READ = 16, UC_MEM_WRITE = 17,
    UC_MEM_READ_UNMAPPED = 19, UC_MEM_WRITE_UNMAPPED = 20, UC_MEM_FETCH_UNMAPPED = 21, UC_MEM_WRITE_PROT = 22, UC_MEM_FETCH_PROT = 24,
    UC_X86_INS_SYSCALL = 699, UC_X86_INS_SYSENTER = 700,
    UC_ARM64_INS_MRS = 1, UC_ARM64_INS_MSR = 2
};

typedef void *uc_context;
typedef struct { uint32_t index; uint64_t value; } uc_x86_msr;

/* uc_arm64_cp_reg and uc_arm_cp_reg */
typedef struct { uint32_t crn, crm, op0, op1, op2; uint64_t value; } uc_arm64_register;
typedef struct { uint32_t cp, is64, sec, crn, crm, opc1, opc2; uint64_t value; } uc_arm_register;

typedef struct {
    unsigned (*version)(unsigned *major, unsigned *minor);
    int (*open)(int arch, int mode, void **uc);
    int (*close)(void *uc);
    int (*ctl)(void *uc, int control, ...);
    int (*reg_read)(void *uc, int reg, void *value);
    int (*reg_write)(void *uc, int reg, const void *value);
    int (*mem_map_ptr)(void *uc, uint64_t address, uint64_t size, uint32_t perms, void *ptr);
    int (*mem_protect)(void *uc, uint64_t address, uint64_t size, uint32_t perms);
    int (*mmio_map)(void *uc, uint64_t address, uint64_t size, void *read, void *read_data, void *write, void *write_data);
    int (*vmem_translate)(void *uc, uint64_t address, int prot, uint64_t *physical);
    int (*emu_start)(void *uc, uint64_t begin, uint64_t until, uint64_t timeout, size_t count);
    int (*emu_stop)(void *uc);
    int (*hook_add)(void *uc, size_t *hook, int type, void *callback, void *user, uint64_t begin, uint64_t end, ...);
    int (*hook_del)(void *uc, size_t hook);
    int (*context_alloc)(void *uc, void **context);
    int (*context_save)(void *uc, void *context);
    size_t (*context_size)(void *uc);
    int (*free_)(void *memory);
    const char *(*strerror)(int error);
} uc_calls;

extern uc_calls uc;

const char *uc_load(const char *path); /* the line that says why not, or NULL */
void *uc_library(void);
void uc_unload(void);                  /* it cannot be used after all */
bool uc_loaded(void);
void *uc_symbol(const char *name); /* what else the library exports; NULL: nothing of that name */

#endif
