/*
 * Encodings that Unicorn takes though they are undefined (#UD): LOCK before what cannot be locked (SDM vol. 2A "LOCK"), VEX
 * and XOP before what has no such form (2A 2.3), registers where memory must be.
 */
#include "x86/encoding.h"

enum { VEX2 = 0xc5, MOV_FROM_CR = 0x20, MOV_TO_CR = 0x22 };
enum { SSE4A = 1 << 6 }; /* CPUID.80000001H:ECX */

/* Opcodes that may follow LOCK, with the values of ModRM.reg for which they do; their operand must be memory. */
static const struct { uint8_t map, opcode, regs; } LOCKABLE[] = {
    {MAP_ONE, 0x00, 0xff}, {MAP_ONE, 0x01, 0xff}, /* ADD */
    {MAP_ONE, 0x08, 0xff}, {MAP_ONE, 0x09, 0xff}, /* OR */
    {MAP_ONE, 0x10, 0xff}, {MAP_ONE, 0x11, 0xff}, /* ADC */
    {MAP_ONE, 0x18, 0xff}, {MAP_ONE, 0x19, 0xff}, /* SBB */
    {MAP_ONE, 0x20, 0xff}, {MAP_ONE, 0x21, 0xff}, /* AND */
    {MAP_ONE, 0x28, 0xff}, {MAP_ONE, 0x29, 0xff}, /* SUB */
    {MAP_ONE, 0x30, 0xff}, {MAP_ONE, 0x31, 0xff}, /* XOR */
    {MAP_ONE, 0x80, 0x7f}, {MAP_ONE, 0x81, 0x7f}, {MAP_ONE, 0x82, 0x7f}, {MAP_ONE, 0x83, 0x7f}, /* the same but CMP */
    {MAP_ONE, 0x86, 0xff}, {MAP_ONE, 0x87, 0xff}, /* XCHG */
    {MAP_ONE, 0xf6, 0x0c}, {MAP_ONE, 0xf7, 0x0c}, /* NOT, NEG */
    {MAP_ONE, 0xfe, 0x03}, {MAP_ONE, 0xff, 0x03}, /* INC, DEC */
    {MAP_0F, 0xab, 0xff}, {MAP_0F, 0xb3, 0xff}, {MAP_0F, 0xbb, 0xff}, {MAP_0F, 0xba, 0xe0}, /* BTS, BTR, BTC */
    {MAP_0F, 0xb0, 0xff}, {MAP_0F, 0xb1, 0xff}, /* CMPXCHG */
    {MAP_0F, 0xc0, 0xff}, {MAP_0F, 0xc1, 0xff}, /* XADD */
    {MAP_0F, 0xc7, 0x02}, /* CMPXCHG8B, CMPXCHG16B */
};

/* AMD APM vol. 3 "MOV CRn": LOCK MOV CR0 is MOV CR8 where CPUID announces it. */
static bool reaches_cr8(const code_cursor *c, uint8_t opcode, uint8_t modrm)
{
    enum { ALT_MOV_CR8 = 1 << 4 };
    bool mov_cr0 = (opcode == MOV_FROM_CR || opcode == MOV_TO_CR) && (modrm & 0x38) == 0;
    return mov_cr0 && x86_cpuid_leaf(c->v, 0x80000001, 0).ecx & ALT_MOV_CR8;
}

static bool lockable(code_cursor *c, uint8_t map, uint8_t opcode)
{
    if (map == MAP_0F && (opcode == MOV_FROM_CR || opcode == MOV_TO_CR))
        return reaches_cr8(c, opcode, next_byte(c));
    for (unsigned i = 0; i < sizeof LOCKABLE / sizeof *LOCKABLE; i++) {
        if (LOCKABLE[i].map != map || LOCKABLE[i].opcode != opcode)
            continue;
        uint8_t modrm = next_byte(c);
        return modrm >> 6 != 3 && LOCKABLE[i].regs >> (modrm >> 3 & 7) & 1;
    }
    return false;
}

/* What has a VEX form among the instructions that Unicorn has: BMI1 and BMI2, all with VEX.L = 0. */
static const struct { uint8_t map, opcode, pp, regs, feature_bit; bool no_vvvv; } VEX_FORMS[] = {
    {MAP_0F38, 0xf2, 0, 0xff, 3, false}, /* ANDN */
    {MAP_0F38, 0xf3, 0, 0x0e, 3, false}, /* BLSR, BLSMSK, BLSI */
    {MAP_0F38, 0xf7, 0, 0xff, 3, false}, /* BEXTR */
    {MAP_0F38, 0xf5, 0, 0xff, 8, false}, /* BZHI */
    {MAP_0F38, 0xf5, 2, 0xff, 8, false}, /* PEXT */
    {MAP_0F38, 0xf5, 3, 0xff, 8, false}, /* PDEP */
    {MAP_0F38, 0xf6, 3, 0xff, 8, false}, /* MULX */
    {MAP_0F38, 0xf7, 1, 0xff, 8, false}, /* SHLX */
    {MAP_0F38, 0xf7, 2, 0xff, 8, false}, /* SARX */
    {MAP_0F38, 0xf7, 3, 0xff, 8, false}, /* SHRX */
    {MAP_0F3A, 0xf0, 3, 0xff, 8, true},  /* RORX */
};

static bool has_vex_form(code_cursor *c, uint8_t first)
{
    uint8_t second = next_byte(c), map = first == VEX2 ? MAP_0F : second & 31;
    uint8_t last = first == VEX2 ? second : next_byte(c), opcode = next_byte(c);
    for (unsigned i = 0; i < sizeof VEX_FORMS / sizeof *VEX_FORMS; i++) {
        if (VEX_FORMS[i].map != map || VEX_FORMS[i].opcode != opcode || VEX_FORMS[i].pp != (last & 3))
            continue;
        bool announced = x86_cpuid_leaf(c->v, 7, 0).ebx >> VEX_FORMS[i].feature_bit & 1;
        bool fields = !(last & 4) && (!VEX_FORMS[i].no_vvvv || (last & 0x78) == 0x78);
        return announced && fields && VEX_FORMS[i].regs >> (next_byte(c) >> 3 & 7) & 1;
    }
    return false;
}

/*
 * Forms that there are not, which Unicorn does not tell from their neighbours (SDM vol. 2D tables; AMD APM vol. 3 for
 * SSE4A): a row is about ModRM bytes first to last with a reg of `regs`, where a prefix of `any` stands (0: whatever stands)
 * and none of `none`, on a CPU without `unless`.
 */
static const struct { uint8_t map, opcode, any, none, first, last, regs, unless; } NO_SUCH_FORM[] = {
    {MAP_ONE, 0x8f, 0, 0, 0x00, 0xff, 0xfe, 0},                       /* POP is /0 alone, the rest XOP */
    {MAP_ONE, 0xc6, 0, 0, 0x00, 0xff, 0xfe, 0},                       /* MOV is /0 alone, XABORT of TSX */
    {MAP_ONE, 0xc7, 0, 0, 0x00, 0xff, 0xfe, 0},                       /* and XBEGIN */
    {MAP_0F, 0x01, P66 | PF3 | PF2, 0, 0xca, 0xcb, 0xff, 0},          /* CLAC, STAC */
    {MAP_0F, 0x12, P66, PF3 | PF2, 0xc0, 0xff, 0xff, 0},              /* MOVLPD loads */
    {MAP_0F, 0x16, P66, PF3 | PF2, 0xc0, 0xff, 0xff, 0},              /* MOVHPD loads */
    {MAP_0F, 0x2b, PF3 | PF2, P66, 0x00, 0xbf, 0xff, SSE4A},          /* MOVNTSS, MOVNTSD */
    {MAP_0F, 0x50, 0, 0, 0x00, 0xbf, 0xff, 0},                        /* MOVMSKPS, MOVMSKPD */
    {MAP_0F, 0x71, 0, 0, 0x00, 0xbf, 0xff, 0},                        /* shifts by an immediate */
    {MAP_0F, 0x72, 0, 0, 0x00, 0xbf, 0xff, 0},
    {MAP_0F, 0x73, 0, 0, 0x00, 0xbf, 0xff, 0},
    {MAP_0F, 0x78, 0, 0, 0x00, 0xbf, 0xff, 0},                        /* EXTRQ, INSERTQ */
    {MAP_0F, 0x79, 0, 0, 0x00, 0xbf, 0xff, 0},
    {MAP_0F, 0x78, 0, 0, 0xc0, 0xff, 0xff, SSE4A},
    {MAP_0F, 0x79, 0, 0, 0xc0, 0xff, 0xff, SSE4A},
    {MAP_0F, 0xae, P66 | PF3 | PF2, 0, 0x00, 0xbf, 0x0f, 0},          /* FXSAVE, FXRSTOR, LDMXCSR, STMXCSR */
    {MAP_0F, 0xae, P66 | PF3 | PF2, 0, 0xe8, 0xf7, 0xff, 0},          /* LFENCE, MFENCE; INCSSP, TPAUSE and the like */
    {MAP_0F, 0xae, PF3 | PF2, 0, 0xf8, 0xff, 0xff, 0},                /* SFENCE */
    {MAP_0F, 0xae, P66, 0, 0xf9, 0xff, 0xff, 0},                      /* but PCOMMIT, which is x86_emulate_announced's */
    {MAP_0F, 0xc3, P66 | PF3 | PF2, 0, 0x00, 0xbf, 0xff, 0},          /* MOVNTI */
    {MAP_0F, 0xd6, PF3 | PF2, P66, 0x00, 0xbf, 0xff, 0},              /* MOVQ2DQ, MOVDQ2Q */
    {MAP_0F38, 0xf0, 0, PF2, 0xc0, 0xff, 0xff, 0},                    /* MOVBE; with F2 it is CRC32 */
    {MAP_0F38, 0xf1, 0, PF2, 0xc0, 0xff, 0xff, 0},
};

static bool no_such_form(code_cursor *c, const insn_start *s)
{
    for (unsigned i = 0; i < sizeof NO_SUCH_FORM / sizeof *NO_SUCH_FORM; i++) {
        if (NO_SUCH_FORM[i].map != s->map || NO_SUCH_FORM[i].opcode != s->opcode)
            continue;
        uint8_t modrm = peek_byte(c);
        bool prefixes = (!NO_SUCH_FORM[i].any || NO_SUCH_FORM[i].any & s->prefixes) && !(NO_SUCH_FORM[i].none & s->prefixes);
        bool form = modrm >= NO_SUCH_FORM[i].first && modrm <= NO_SUCH_FORM[i].last
                 && NO_SUCH_FORM[i].regs >> (modrm >> 3 & 7) & 1;
        if (prefixes && form && !(x86_cpuid_leaf(c->v, 0x80000001, 0).ecx & NO_SUCH_FORM[i].unless))
            return true;
    }
    return false;
}

bool encoding_is_undefined(code_cursor *c, uint32_t flags, const insn_start *s)
{
    bool no_such = false;
    bool protected = flags & HF_PE && !(flags & FL_VM);
    if (s->vex)
        no_such = !protected || s->prefixes & ~P67 || !has_vex_form(c, s->opcode);
    else if (s->prefixes & PLOCK)
        no_such = !lockable(c, s->map, s->opcode);
    else
        no_such = no_such_form(c, s);
    return no_such && c->most <= LONGEST_INSTRUCTION;
}
