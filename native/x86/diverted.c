/*
 * Instructions that Unicorn does wrong in some blocks. There they are translated as undefined ones (judge.c), come to us
 * as such, and are done here; elsewhere, and where we let one run natively, they are Unicorn's.
 */
#include "x86/x86.h"

/* SDM vol. 1 19.5.2, vol. 3B 20.2.8.1: IN and OUT have to ask. */
static bool ports_are_checked(const vmm_vcpu *v, uint32_t flags)
{
    (void)v;
    unsigned cpl = flags & HF_CPL, iopl = (flags & FL_IOPL) >> 12;
    return flags & HF_PE && (flags & FL_VM || cpl > iopl);
}

static bool in_protected_mode(const vmm_vcpu *v, uint32_t flags)
{
    (void)v;
    return flags & HF_PE && !(flags & FL_VM);
}

/* They are undefined in 64-bit mode; in virtual-8086 mode CALL pushes with the rights of ring 3, too. */
static bool in_16_or_32_bit_protected_mode(const vmm_vcpu *v, uint32_t flags)
{
    (void)v;
    return flags & HF_PE && !(flags & HF_CS64);
}

static bool in_64_bit_code(const vmm_vcpu *v, uint32_t flags)
{
    (void)v;
    return flags & HF_CS64;
}

static bool in_any_protected_mode(const vmm_vcpu *v, uint32_t flags)
{
    (void)v;
    return flags & HF_PE;
}

static bool in_ia32e_mode(const vmm_vcpu *v, uint32_t flags)
{
    (void)v;
    return flags & HF_LMA;
}

/* AMD's SYSRET is Unicorn's: it loads a non-canonical RIP. */
static bool in_ia32e_mode_of_intel(const vmm_vcpu *v, uint32_t flags)
{
    return flags & HF_LMA && !x86_of(v)->syscall_anywhere;
}

/* RF or VM is set, which PUSHF does not show; in virtual-8086 mode below IOPL 3 it faults, which is Unicorn's. */
static bool flags_are_hidden(const vmm_vcpu *v, uint32_t flags)
{
    (void)v;
    return flags & FL_VM ? (flags & FL_IOPL) == FL_IOPL : flags & FL_RF;
}

static bool always(const vmm_vcpu *v, uint32_t flags)
{
    (void)v, (void)flags;
    return true;
}

typedef struct {
    uint8_t map, first, last, digits; /* digits: values of ModRM.reg, one bit each; ANY: there need be no ModRM */
    bool (*when)(const vmm_vcpu *v, uint32_t flags); /* of a block */
    void (*done_by)(vmm_vcpu *v, const x86_insn *insn);
} row;

enum { ANY = 0xff };

static const row DIVERTED[] = {
    {0, 0x6c, 0x6f, ANY, ports_are_checked, x86_port_access}, /* INS, OUTS */
    {0, 0xe4, 0xe7, ANY, ports_are_checked, x86_port_access}, /* IN, OUT */
    {0, 0xec, 0xef, ANY, ports_are_checked, x86_port_access},
    {0, 0xe0, 0xe1, ANY, always, x86_loop_on_flag}, /* LOOPNE, LOOPE */
    {0, 0x9c, 0x9c, ANY, flags_are_hidden, x86_pushf},
    {0, 0x9a, 0x9a, ANY, in_16_or_32_bit_protected_mode, x86_far_branch}, /* CALL and JMP ptr16:16, ptr16:32 */
    {0, 0xea, 0xea, ANY, in_16_or_32_bit_protected_mode, x86_far_branch},
    {0, 0xff, 0xff, 1 << 3 | 1 << 5, in_any_protected_mode, x86_far_branch}, /* CALL and JMP m16:16 to m16:64 */
    {0, 0xca, 0xcb, ANY, in_protected_mode, x86_retf},
    {0, 0x8e, 0x8e, 1 << 2, in_64_bit_code, x86_load_ss}, /* MOV SS */
    {1, 0xb2, 0xb2, ANY, in_64_bit_code, x86_load_ss},    /* LSS */
    {1, 0x07, 0x07, ANY, in_ia32e_mode_of_intel, x86_sysret},
    {1, 0x35, 0x35, ANY, in_ia32e_mode, x86_sysexit},
    {1, 0xc7, 0xc7, 1 << 6 | 1 << 7, always, x86_random}, /* RDRAND, RDSEED */
};

enum { ROWS = sizeof DIVERTED / sizeof *DIVERTED };

static unsigned row_of(uint8_t map, uint8_t opcode)
{
    unsigned n = 0;
    while (n < ROWS && (DIVERTED[n].map != map || opcode < DIVERTED[n].first || opcode > DIVERTED[n].last))
        n++;
    return n;
}

bool x86_may_be_diverted(uint8_t opcode)
{
    return row_of(0, opcode) < ROWS;
}

uint8_t x86_diverted_digits(const vmm_vcpu *v, uint8_t map, uint8_t opcode, uint32_t flags)
{
    unsigned n = row_of(map, opcode);
    return n < ROWS && !(flags & HF_NATIVE) && DIVERTED[n].when(v, flags) ? DIVERTED[n].digits : 0;
}

bool x86_divert(vmm_vcpu *v, const x86_insn *insn)
{
    unsigned n = row_of(insn->map, insn->opcode);
    if (n == ROWS || !(DIVERTED[n].digits >> (insn->modrm >> 3 & 7) & 1))
        return false;
    DIVERTED[n].done_by(v, insn);
    return true;
}
