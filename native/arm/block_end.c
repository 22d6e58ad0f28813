/*
 * Which instructions are the last of their block in the fast gear: those that may change what is due or what masks it, read
 * the time, or call back for something of their own. There the count is exact, and PC, with nothing to settle. Many end a
 * block of Unicorn's by themselves: branches, exceptions, hints that wait, writes of system registers.
 */
#include "arm/alignment.h"
#include "arm/blocks.h"

typedef struct {
    uint32_t mask, value;
} encoding;

static bool is_any(uint32_t word, const encoding *e)
{
    for (; e->mask; e++)
        if ((word & e->mask) == e->value)
            return true;
    return false;
}

/* ---- A64 ---- */

static const encoding SYSTEM[] = {{0xffc00000, 0xd5000000}, {0}}; /* hints, barriers, MSR, MRS, SYS, SYSL */

/* Those that do nothing but what they say, to a state that only others change. */
static const encoding PLAIN_SYSTEM[] = {
    {0xfffff01f, 0xd503201f}, /* hints */
    {0xfffff01f, 0xd503301f}, /* CLREX, DSB, DMB, ISB, SB */
    {0},
};

static const encoding PLAIN_MRS[] = {
    {0xffffffe0, 0xd5384100}, /* SP_EL0 */
    {0xffffffe0, 0xd5384240}, /* CurrentEL */
    {0xffffffe0, 0xd538d080}, /* TPIDR_EL1 */
    {0xffffffe0, 0xd53b4200}, /* NZCV */
    {0xffffffe0, 0xd53b4220}, /* DAIF */
    {0xffffffe0, 0xd53b4400}, /* FPCR */
    {0xffffffe0, 0xd53b4420}, /* FPSR */
    {0xffffffe0, 0xd53bd040}, /* TPIDR_EL0 */
    {0xffffffe0, 0xd53bd060}, /* TPIDRRO_EL0 */
    {0},
};

/* Rd or Rn is SP, which may be no multiple of 16 behind it (DDI0487 D1.8.2): the next one may need that. */
static const encoding WRITES_SP[] = {
    {0x3fe0001f, 0x0b20001f}, /* ADD, SUB, extended register */
    {0x7f80001f, 0x1200001f}, /* AND, ORR, EOR, immediate */
    {0x7f80001f, 0x3200001f},
    {0x7f80001f, 0x5200001f},
    {0xbf8003e0, 0x0c8003e0}, /* LD1-LD4, ST1-ST4, post-indexed */
    {0xbf8003e0, 0x0d8003e0},
    {0xff2007e0, 0xf82007e0}, /* LDRAA, LDRAB, pre-indexed */
    {0xffa0f81f, 0x0420501f}, /* ADDVL, ADDPL */
    {0},
};

static bool adds_to_sp(uint32_t word, uint32_t *by)
{
    enum { SP = 31 };
    uint32_t rd = word & 31, rn = word >> 5 & 31, vector = word >> 26 & 1, opc = word >> 30;
    *by = 0;
    if ((word & 0x3f000000) == 0x11000000 && rd == SP) { /* ADD, SUB, immediate; from another register by 1, so to say */
        *by = rn != SP || word >> 31 == 0 ? 1 : word >> 22 & 1 ? 0 : word >> 10 & 0xfff;
        return true;
    }
    if (rn != SP)
        return false;
    if ((word & 0x3b200400) == 0x38000400) { /* pre- and post-indexed */
        *by = word >> 12 & 0x1ff;
        return true;
    }
    if ((word & 0x3a800000) == 0x28800000) { /* pairs */
        *by = (word >> 15 & 0x7f) << (vector ? 2 + opc : opc & 2 ? 3 : 2);
        return true;
    }
    return false;
}

static bool leaves_sp_unaligned(uint32_t word)
{
    uint32_t by;
    return is_any(word, WRITES_SP) || (adds_to_sp(word, &by) && by & 15);
}

static bool ends_a64(const vmm_vcpu *v, uint32_t word)
{
    if (!is_any(word, SYSTEM))
        return leaves_sp_unaligned(word);
    bool watched = arm_of(v)->traps.system;
    return !is_any(word, PLAIN_SYSTEM) && (watched || !is_any(word, PLAIN_MRS));
}

/* ---- A32 and T32, whose instructions of 32 bits have these alike ---- */

static const encoding COPROCESSOR[] = {
    {0x0f000010, 0x0e000010}, /* MRC, MCR */
    {0x0fe00000, 0x0c400000}, /* MRRC, MCRR */
    {0},
};

static const encoding PLAIN_COPROCESSOR[] = {
    {0x00000e00, 0x00000a00}, /* VFP and Advanced SIMD */
    {0x0fff0fff, 0x0e1d0f50}, /* MRC of TPIDRURW, TPIDRURO, TPIDRPRW */
    {0x0fff0fff, 0x0e1d0f70},
    {0x0fff0fff, 0x0e1d0f90},
    {0},
};

static bool is_wide(uint32_t word)
{
    return word >> 27 >= 0x1d;
}

static bool ends_it(uint32_t word) /* IT, behind which each instruction has a block of its own */
{
    return (word & 0xff000000) == 0xbf000000 && word & 0x000f0000;
}

bool arm_ends_block(const vmm_vcpu *v, bool a64, bool thumb)
{
    uint32_t word = arm_translated();
    if (a64)
        return ends_a64(v, word);
    if (thumb && !is_wide(word))
        return ends_it(word);
    return is_any(word, COPROCESSOR) && !is_any(word, PLAIN_COPROCESSOR);
}

/* DDI0406 A8.3.1: 1110 and 1111 are always. BKPT, and ARMv8's HLT, ask no condition. */
bool arm_is_conditional(const vmm_vcpu *v, uint32_t state)
{
    enum { ALWAYS = 14 };
    uint32_t word = arm_translated();
    bool bkpt = (word & 0xff000000) == 0xbe000000, hlt = (word & 0xffc00000) == 0xba800000 && arm_of(v)->aarch64;
    return state >> 4 < ALWAYS && !bkpt && !hlt;
}
