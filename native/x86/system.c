/*
 * Checks that Unicorn leaves out around system instructions, and results it gets wrong: reserved bits of CR0 and CR4 (SDM vol. 3A
 * 2.5) and user-mode instruction prevention (CR4.UMIP, 2.5). What passes them runs natively.
 */
#include "x86/x86.h"

enum { READ_CR = 0x00, WRITE_CR = 0x10, READ_DR = 0x20, WRITE_DR = 0x30 };
enum { MOV_FROM_CR = 0x20, MOV_TO_CR = 0x22, GROUP7 = 0x01 };
enum { CR0_CD = 1 << 30, CR0_NW = 1 << 29, CR4_PAE = 1 << 5, CR4_UMIP = 1 << 11, EFER_LME = 1 << 8 };

/* CR4 bits and the CPUID feature each needs (register: 0 EAX, 1 EBX, 2 ECX, 3 EDX). */
static const struct { uint8_t cr4_bit, leaf, reg, feature_bit; } CR4_FEATURES[] = {
    {0, 1, 3, 1},   {1, 1, 3, 1},   {2, 1, 3, 4},   {3, 1, 3, 2},  {4, 1, 3, 3},   {5, 1, 3, 6},  {7, 1, 3, 13},
    {8, 1, 3, 24},  {9, 1, 3, 24},  {10, 1, 3, 25}, {11, 7, 2, 2}, {12, 7, 2, 16}, {16, 7, 1, 0}, {17, 1, 2, 17},
    {18, 1, 2, 26}, {20, 7, 1, 7},  {21, 7, 1, 20}, {22, 7, 2, 3},
};

static bool announced(const vmm_vcpu *v, unsigned leaf, unsigned reg, unsigned bit)
{
    vmm_cpuid c = x86_cpuid_leaf(v, leaf, 0);
    const uint32_t registers[4] = {c.eax, c.ebx, c.ecx, c.edx};
    return registers[reg] >> bit & 1;
}

static bool cr4_allowed(const vmm_vcpu *v, uint64_t value)
{
    uint64_t legal = 1 << 6; /* MCE: harmless without machine checks, and set by everyone */
    for (unsigned i = 0; i < sizeof CR4_FEATURES / sizeof *CR4_FEATURES; i++)
        if (announced(v, CR4_FEATURES[i].leaf, CR4_FEATURES[i].reg, CR4_FEATURES[i].feature_bit))
            legal |= 1ull << CR4_FEATURES[i].cr4_bit;
    bool leaves_pae = x86_long_mode(v) && !(value & CR4_PAE);
    bool changes_width = x86_long_mode(v) && (value ^ env_of(v)->cr[4]) & CR4_LA57;
    return !(value & ~legal) && !leaves_pae && !changes_width;
}

/* SDM vol. 3A 4.1.4 and 5-level paging's own rules: what is kept for later is checked as if CR4.LA57 were set. */
bool x86_canonical_at_all(const vmm_vcpu *v, uint64_t address)
{
    enum { LEAF_STRUCTURED = 7, ECX = 2, LA57 = 16 };
    int64_t top = (int64_t)address >> (announced(v, LEAF_STRUCTURED, ECX, LA57) ? 56 : 47);
    return top == 0 || top == -1;
}

static bool cr0_allowed(const vmm_vcpu *v, uint64_t value)
{
    x86_env *env = env_of(v);
    bool paging = value >> 31 & 1, was_paging = env->cr[0] >> 31 & 1;
    if (value >> 32 || (paging && !(value & CR0_PE)) || (value & CR0_NW && !(value & CR0_CD)))
        return false;
    if (paging && !was_paging && env->efer & EFER_LME && !(env->cr[4] & CR4_PAE))
        return false;
    return paging || !(env->hflags & HF_CS64);
}

static bool umip_forbids(const vmm_vcpu *v)
{
    return env_of(v)->cr[4] & CR4_UMIP && (env_of(v)->hflags & HF_CPL) != 0;
}

static uint64_t *operand(vmm_vcpu *v, const x86_insn *insn)
{
    return &env_of(v)->regs[(insn->modrm & 7) | (insn->rex & 1) << 3];
}

static void write_cr(vmm_vcpu *v, unsigned number, const x86_insn *insn)
{
    if (insn->opcode == MOV_TO_CR) { /* not LMSW and CLTS, which cannot go wrong */
        uint64_t value = *operand(v, insn);
        if (!(env_of(v)->hflags & HF_CS64))
            value = (uint32_t)value;
        bool allowed = number == 0 ? cr0_allowed(v, value) : cr4_allowed(v, value);
        if (!allowed) {
            x86_general_protection(v);
            return;
        }
    }
    x86_run_natively(v);
}

/* SMSW to a register stores as much of CR0 as its operand is wide; Unicorn stores 16 bits outside 64-bit mode. */
static void smsw(vmm_vcpu *v, const x86_insn *insn)
{
    x86_env *env = env_of(v);
    uint64_t *reg = operand(v, insn);
    if (umip_forbids(v)) {
        x86_general_protection(v);
        return;
    }
    if (insn->modrm >> 6 != 3) {
        x86_run_natively(v);
        return;
    }
    bool operand32 = (env->hflags & HF_CS32 || env->hflags & HF_CS64) != insn->data16;
    if (insn->rex & 8)
        *reg = env->cr[0];
    else
        *reg = operand32 ? (uint32_t)env->cr[0] : (*reg & ~0xffffull) | (env->cr[0] & 0xffff);
    x86_finish(v, insn->length + 1u);
}

void x86_control_access(vmm_vcpu *v, uint32_t exit, const x86_insn *insn)
{
    unsigned number = exit & 15;
    if (exit >= READ_DR)
        x86_debug_register(v, insn);
    else if (number == 8)
        x86_cr8(v, insn, exit >= WRITE_CR);
    else if (exit >= WRITE_CR)
        write_cr(v, number, insn);
    else if (insn->opcode == GROUP7)
        smsw(v, insn);
    else
        x86_run_natively(v);
}

void x86_table_read(vmm_vcpu *v)
{
    if (umip_forbids(v))
        x86_general_protection(v);
    else
        x86_run_natively(v);
}
