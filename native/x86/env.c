/* Finds and proves the private state of env.h. */
#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "unicorn/env_search.h"
#include "unicorn/uc.h"
#include "unicorn/uc_walk.h"
#include "x86/env.h"

enum { REGISTERS = 16 };

/* In the order the private state keeps them. */
static const int REGISTER[REGISTERS] = {
    UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX, UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI,
    UC_X86_REG_RDI, UC_X86_REG_R8, UC_X86_REG_R9, UC_X86_REG_R10, UC_X86_REG_R11, UC_X86_REG_R12, UC_X86_REG_R13,
    UC_X86_REG_R14, UC_X86_REG_R15};

static size_t tail_offset; /* one Unicorn a process, so one layout */

struct x86_float_offsets x86_float_at;

x86_env_tail *tail_of(const vmm_vcpu *v)
{
    return (x86_env_tail *)((char *)v->env + tail_offset);
}

static uint64_t (*physical_page)(void *cpu, uint64_t linear, uint32_t *attributes);
static void (*loop_exit)(void *cpu) __attribute__((noreturn)); /* Unicorn's own cpu_loop_exit_noexc */

uint64_t x86_physical_page(vmm_vcpu *v, uint64_t linear)
{
    uint32_t attributes[4];
    uc_looking = v;
    uint64_t page = physical_page(v->cpu, linear, attributes);
    uc_looking = NULL;
    return page;
}

void x86_leave_translated_code(vmm_vcpu *v)
{
    loop_exit(v->cpu);
}

static void (*update_dr7)(void *env, uint32_t value); /* cpu_x86_update_dr7 */

/* Its breakpoints on ports come behind the instruction as if at the next, and end a repeated one: they are ours (debug.c). */
void x86_update_dr7(vmm_vcpu *v, uint32_t value)
{
    update_dr7(v->env, value);
    env_of(v)->hflags &= ~(uint32_t)HF_IOBPT;
}

int x86_env_find(vmm_vcpu *v)
{
    *(void **)&physical_page = uc_symbol("x86_cpu_get_phys_page_attrs_debug_x86_64");
    *(void **)&loop_exit = uc_symbol("cpu_loop_exit_noexc_x86_64");
    *(void **)&update_dr7 = uc_symbol("cpu_x86_update_dr7_x86_64");
    if (!physical_page || !loop_exit || !update_dr7)
        return fail(v->machine, "Unicorn does not export its calls for x86; vmm needs the unicorn 2.1.4 wheel");
    uint64_t pattern[REGISTERS];
    for (int i = 0; i < REGISTERS; i++) {
        pattern[i] = 0x9e3779b97f4a7c15ull * (uint64_t)(i + 3);
        uc.reg_write(v->uc, REGISTER[i], &pattern[i]);
    }
    if (!env_search(v, "x86_64", pattern, sizeof pattern, offsetof(x86_env, regs)))
        return fail(v->machine, "Unicorn's x86 CPU state was not found; vmm needs the unicorn 2.1.4 wheel");

    void *context;
    if (uc.context_alloc(v->uc, &context) != 0 || uc.context_save(v->uc, context) != 0)
        return fail(v->machine, "Unicorn cannot save its CPU state");
    size_t size = uc.context_size(v->uc);
    size_t header = 0;
    while (header + sizeof pattern < size && memcmp((char *)context + header, pattern, sizeof pattern) != 0)
        header += 8;
    uc.free_(context);
    if (header + sizeof(x86_env) + sizeof(x86_env_tail) > size)
        return fail(v->machine, "Unicorn's saved x86 CPU state has another shape than 2.1.4's");
    tail_offset = size - header - sizeof(x86_env_tail);
    return 0;
}

typedef struct {
    uint16_t selector;
    uint64_t base;
    uint32_t limit;
    uint32_t flags;
} table_register; /* Unicorn's public uc_x86_mmr */

/* MXCSR itself, and the one byte that is its rounding mode in QEMU's terms: the second of the status. */
static bool find_simd(vmm_vcpu *v)
{
    enum { MODES = 4, MASKED = 0x1f80, ROUNDING_AT = 13 };
    size_t size = tail_offset - sizeof(x86_env), registers = 0, modes = 0;
    uint8_t *seen[MODES], *all = malloc(MODES * size);
    if (!all)
        return false;
    for (unsigned mode = 0; mode < MODES; mode++) {
        uint64_t value = MASKED | mode << ROUNDING_AT;
        uc.reg_write(v->uc, UC_X86_REG_MXCSR, &value);
        seen[mode] = memcpy(all + mode * size, (char *)v->env + sizeof(x86_env), size);
    }
    for (size_t at = 0; at + 4 <= size; at++) {
        bool mode = true, reg = at % 4 == 0;
        for (unsigned i = 0; i < MODES; i++) {
            uint32_t word;
            memcpy(&word, seen[i] + at, sizeof word);
            mode = mode && seen[i][at] == i;
            reg = reg && word == (MASKED | i << ROUNDING_AT);
        }
        if (mode && ++modes)
            x86_float_at.simd_status = sizeof(x86_env) + at - 1;
        if (reg && ++registers)
            x86_float_at.mxcsr = sizeof(x86_env) + at;
    }
    free(all);
    return registers == 1 && modes == 1;
}

static bool find_fpu(vmm_vcpu *v)
{
    uint64_t control = 0x0b7a, status = 0x2945;
    const x86_fpu wanted = {.top = 5, .status = 0x0145, .control = 0x0b7a};
    size_t found = 0;
    uc.reg_write(v->uc, UC_X86_REG_FPCW, &control);
    uc.reg_write(v->uc, UC_X86_REG_FPSW, &status);
    for (size_t at = sizeof(x86_env); at < tail_offset; at += 4)
        if (memcmp((char *)v->env + at, &wanted, sizeof wanted) == 0) {
            x86_float_at.fpu = at;
            found++;
        }
    status = 0;
    uc.reg_write(v->uc, UC_X86_REG_FPSW, &status);
    return found == 1;
}

/* All sixteen, as far apart as they are read. */
static bool find_xmm(vmm_vcpu *v)
{
    uint64_t wanted[X86_XMMS][2];
    const uint64_t none[2] = {0, 0};
    size_t found = 0, end = (size_t)((const char *)x86_xmm_of(v, X86_XMMS) - (const char *)x86_xmm_of(v, 0));
    for (unsigned n = 0; n < X86_XMMS; n++) {
        wanted[n][0] = 0x8f1bbcdcbfa53e0bull * (n + 1);
        wanted[n][1] = ~wanted[n][0];
        uc.reg_write(v->uc, UC_X86_REG_XMM0 + (int)n, wanted[n]);
    }
    for (size_t at = sizeof(x86_env); at + end <= tail_offset; at += 8) {
        if (memcmp((char *)v->env + at, wanted[0], X86_XMM_BYTES) != 0)
            continue;
        x86_float_at.xmm = at;
        found++;
    }
    bool all = found == 1;
    for (unsigned n = 0; n < X86_XMMS; n++) {
        all = all && memcmp(x86_xmm_of(v, n), wanted[n], X86_XMM_BYTES) == 0;
        uc.reg_write(v->uc, UC_X86_REG_XMM0 + (int)n, none);
    }
    return all;
}

int x86_env_prove(vmm_vcpu *v)
{
    enum { EFER = 0xc0000080 };
    x86_env *env = v->env;
    const uint64_t odd = 0x123456789abcull;
    uint64_t value = odd;
    const char *wrong = NULL;

    uc.reg_write(v->uc, UC_X86_REG_RIP, &value);
    if (env->eip != odd)
        wrong = "eip";
    uc.reg_write(v->uc, UC_X86_REG_CR2, &value);
    if (env->cr[2] != odd)
        wrong = "cr";
    table_register table = {0, odd, 0x7777, 0};
    uc.reg_write(v->uc, UC_X86_REG_IDTR, &table);
    if (env->idt.base != odd || env->idt.limit != 0x7777)
        wrong = "idt";
    uc.reg_write(v->uc, UC_X86_REG_GDTR, &table);
    if (env->gdt.base != odd || env->gdt.limit != 0x7777)
        wrong = "gdt";
    for (int reg = UC_X86_REG_DR0; reg <= UC_X86_REG_DR3; reg++) {
        value = odd + (uint64_t)reg;
        uc.reg_write(v->uc, reg, &value);
        if (tail_of(v)->dr[reg - UC_X86_REG_DR0] != value)
            wrong = "dr";
        tail_of(v)->dr[reg - UC_X86_REG_DR0] = 0;
    }
    uc_x86_msr msr = {EFER, 0};
    uc.reg_read(v->uc, UC_X86_REG_MSR, &msr);
    if (env->efer != msr.value)
        wrong = "efer";
    uint64_t flags = 0x202;
    uc.reg_write(v->uc, UC_X86_REG_EFLAGS, &flags);
    if (!(env->eflags & 0x200))
        wrong = "eflags";
    if (env->a20_mask != -1)
        wrong = "a20_mask";
    if (!find_fpu(v))
        wrong = "fpus";
    if (!find_simd(v))
        wrong = "mxcsr";
    if (!find_xmm(v))
        wrong = "xmm_regs";
    if (!(env->hflags & HF_LMA) || !(env->hflags & HF_CS64))
        wrong = "hflags";
    if (!wrong)
        return 0;
    return fail(v->machine, "Unicorn's private field `%s` is not where 2.1.4 keeps it; vmm needs the unicorn 2.1.4 wheel",
                wrong);
}

/*
 * A translation that fails leaves its #PF under way in a field of the CPU object, and Unicorn would raise it later.
 * That field is found by letting one fail: page tables of nothing but zeros, and the one word that goes from -1 to 14.
 */
int x86_env_find_exception_index(vmm_vcpu *v)
{
    enum { PAGE_FAULT = 14 };
    const uint64_t cr3 = 0, cr4 = 0x20, cr0 = 0x80000011;
    size_t words = (size_t)((char *)v->env - (char *)v->cpu) / sizeof(int32_t);
    int32_t *now = v->cpu, *before = malloc(words * sizeof *before);
    uint64_t physical;
    if (!before)
        return fail(v->machine, "no memory to look at Unicorn's CPU state with");
    uc.reg_write(v->uc, UC_X86_REG_CR3, &cr3);
    uc.reg_write(v->uc, UC_X86_REG_CR4, &cr4);
    uc.reg_write(v->uc, UC_X86_REG_CR0, &cr0);
    memcpy(before, now, words * sizeof *before);
    int failed = uc.vmem_translate(v->uc, 0x12345000, UC_PROT_READ, &physical);
    for (size_t i = 0; i < words && failed; i++)
        if (before[i] == -1 && now[i] == PAGE_FAULT)
            v->exception_index = v->exception_index ? (int32_t *)v->env : &now[i];
    free(before);
    if (!v->exception_index || v->exception_index == (int32_t *)v->env)
        return fail(v->machine, "Unicorn's private field `exception_index` was not found; vmm needs the unicorn 2.1.4 wheel");
    *v->exception_index = -1;
    return 0;
}
