/*
 * Which instructions are the last of their block in the fast gear: those that may change what is due or what flags of the
 * system hold, read the time, or need the count for something of their own. There it is exact, with nothing to settle.
 */
#include "x86/encoding.h"

enum { PAUSE = 0x90, ESCAPE = 0x0f };

/* One bit an opcode, 16 to a row (SDM vol. 2D tables ). */

/* clang-format off */
static const uint16_t ONE_BYTE[16] = {
    0, 0x0080 /* POP SS */, 0, 0, 0, 0, 0xf000 /* INS, OUTS */, 0, 0x4000 /* MOV Sreg */,
    0x3c00 /* CALL far, FWAIT, PUSHF, POPF */, 0, 0, 0xfc30 /* LES and LDS or VEX, RETF, INT, IRET */, 0xff00 /* x87 */,
    0xf4f3 /* LOOPcc, IN, OUT, JMP far */, 0x0c12 /* ICEBP, HLT, CLI, STI */};

/*
 * Those that Unicorn does with nothing but moves, integers and memory: all others of this map end a block. So do BT, BTS, BTR
 * and BTC, whose flags Unicorn takes from what it has just translated, where it still knows that: OF and AF were another's.
 */
static const uint16_t PLAIN_0F[16] = {
    0, 0xf3ff, 0x0b00, 0, 0xffff, 0x00f1, 0xffff, 0xc07f, 0xffff, 0xffff, 0xb131, 0xf1c3, 0xff7b, 0xfffe, 0xffbf, 0x7fff};
/* clang-format on */

static bool in(const uint16_t table[16], uint8_t opcode)
{
    return table[opcode >> 4] >> (opcode & 15) & 1;
}

static bool rotates(uint8_t opcode)
{
    return opcode == 0xc0 || opcode == 0xc1 || (opcode >= 0xd0 && opcode <= 0xd3);
}

bool x86_may_end_block(uint8_t first)
{
    return first == ESCAPE || in(ONE_BYTE, first) || rotates(first);
}

/* Unicorn computes their flags before an access that may fault, which is known nowhere then: RCL and RCR, SETcc. */
static bool flags_come_first(const insn_start *s, const code_cursor *c)
{
    code_cursor rest = *c;
    bool sets = s->map == MAP_0F && s->opcode >> 4 == 9;
    if (!sets && (s->map != MAP_ONE || !rotates(s->opcode)))
        return false;
    uint8_t modrm = peek_byte(&rest), group = modrm >> 3 & 7;
    return modrm >> 6 != 3 && (sets || group == 2 || group == 3);
}

bool x86_ends_block(const insn_start *s, const code_cursor *c)
{
    if (s->vex || flags_come_first(s, c))
        return true;
    switch (s->map) {
    case MAP_ONE:
        return in(ONE_BYTE, s->opcode) || (s->opcode == PAUSE && s->prefixes & PF3);
    case MAP_0F:
        return !in(PLAIN_0F, s->opcode);
    }
    return true;
}

bool x86_may_cast_shadow(const insn_start *s)
{
    enum { POP_SS = 0x17, MOV_SEGMENT = 0x8e, STI = 0xfb };
    return s->map == MAP_ONE && !s->vex && (s->opcode == POP_SS || s->opcode == MOV_SEGMENT || s->opcode == STI);
}

bool x86_repeats(const insn_start *s)
{
    bool string = (s->opcode >= 0x6c && s->opcode <= 0x6f) || (s->opcode >= 0xa4 && s->opcode <= 0xa7)
               || (s->opcode >= 0xaa && s->opcode <= 0xaf);
    return s->map == MAP_ONE && string && s->prefixes & (PF2 | PF3);
}
