/*
 * Each instruction is judged before Unicorn translates it: whether its encoding is undefined (encoding.c), or whether it is
 * diverted to the core where it stands (diverted.c). Translated code pays nothing for that.
 */
#include "core/block.h"
#include "x86/encoding.h"

enum { LOCK = 0xf0, REPNE = 0xf2, REP = 0xf3, DATA16 = 0x66, ADDRESS = 0x67, VEX3 = 0xc4, VEX2 = 0xc5, ESCAPE = 0x0f };

static bool is_prefix(uint8_t byte, bool code64, uint8_t *prefixes)
{
    switch (byte) {
    case LOCK:
        *prefixes |= PLOCK;
        return true;
    case REPNE:
        *prefixes |= PF2;
        return true;
    case REP:
        *prefixes |= PF3;
        return true;
    case DATA16:
        *prefixes |= P66;
        return true;
    case ADDRESS:
        *prefixes |= P67;
        return true;
    case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
        return true;
    }
    return code64 && (byte & 0xf0) == 0x40;
}

/* False: longer than an instruction can be, which is #GP and Unicorn's to raise. */
static bool read_start(code_cursor *c, uint32_t flags, insn_start *s)
{
    bool code64 = flags & HF_CS64;
    *s = (insn_start){0};
    uint8_t byte = next_byte(c);
    for (; is_prefix(byte, code64, &s->prefixes); byte = next_byte(c))
        if (c->at >= LONGEST_INSTRUCTION)
            return false;
    if (byte == ESCAPE) {
        byte = next_byte(c);
        s->map = byte == 0x38 ? MAP_0F38 : byte == 0x3a ? MAP_0F3A : MAP_0F;
        if (s->map != MAP_0F)
            byte = next_byte(c);
    }
    s->opcode = byte;
    /* outside 64-bit mode C4 and C5 with a memory operand are LES and LDS */
    s->vex = s->map == MAP_ONE && (byte == VEX2 || byte == VEX3) && (code64 || peek_byte(c) >> 6 == 3);
    return c->at <= LONGEST_INSTRUCTION;
}

/* ModRM, SIB and displacement of a memory operand. */
static void read_operand(code_cursor *c, uint32_t flags, const insn_start *s)
{
    uint8_t modrm = next_byte(c), mod = modrm >> 6, base = modrm & 7;
    bool narrow = !(flags & HF_CS64) && !(flags & HF_CS32) == !(s->prefixes & P67);
    if (mod == 3)
        return;
    if (base == 4 && !narrow)
        base = next_byte(c) & 7;
    unsigned wide = narrow ? 2 : 4, alone = mod == 0 && base == (narrow ? 6 : 5);
    for (unsigned left = alone || mod == 2 ? wide : mod; left; left--)
        next_byte(c);
}

/* What is diverted must have been fetched to its last byte, as Unicorn would have. */
static void read_rest(code_cursor *c, uint32_t flags, const insn_start *s)
{
    enum { GROUP_9 = 0xc7 }; /* RDRAND, RDSEED */
    unsigned left = 0;
    if (s->map == MAP_0F && s->opcode == GROUP_9)
        read_operand(c, flags, s);
    switch (s->map == MAP_ONE ? s->opcode : 0) {
    case 0xe0: case 0xe1: /* LOOPNE, LOOPE */
    case 0xe4: case 0xe5: case 0xe6: case 0xe7: /* IN, OUT imm8 */
        left = 1;
        break;
    case 0xca: /* RETF imm16 */
        left = 2;
        break;
    case 0x9a: case 0xea: /* CALL, JMP ptr16:16 or ptr16:32 */
        left = !(flags & HF_CS32) == !(s->prefixes & P66) ? 4 : 6;
        break;
    case 0xff:
        read_operand(c, flags, s);
        break;
    }
    for (; left; left--)
        next_byte(c);
}

static bool wants_a_look(uint8_t first)
{
    uint8_t prefixes = 0;
    switch (first) {
    case ESCAPE: case VEX2: case VEX3: case 0x8f: case 0xc6: case 0xc7:
        return true;
    }
    return is_prefix(first, true, &prefixes) || x86_may_be_diverted(first);
}

uint64_t x86_linear_mask(uint32_t flags)
{
    return flags & HF_CS64 ? ~(uint64_t)0 : 0xffffffff;
}

uc_verdict x86_judge(vmm_vcpu *v, uint64_t pc, uint32_t flags)
{
    code_cursor c = {.v = v, .pc = pc};
    uc_verdict verdict = {.last = flags & HF_NATIVE};
    insn_start s;
    bool fast = v->machine->fast;
    if (fast)
        verdict.last = verdict.careful = flags & (HF_NATIVE | FL_RF);
    if (fast)
        verdict.last |= block_must_end(v, pc & x86_linear_mask(flags));
    bool looked_at = wants_a_look(peek_byte(&c)) || (fast && x86_may_end_block(peek_byte(&c)));
    if (!looked_at || !read_start(&c, flags, &s))
        return verdict;
    if (fast) {
        verdict.hooked = x86_ends_block(&s, &c);
        verdict.last |= verdict.hooked;
        verdict.careful |= x86_repeats(&s);
        verdict.casts = x86_may_cast_shadow(&s);
    }
    uint8_t digits = s.vex ? 0 : x86_diverted_digits(v, s.map, s.opcode, flags);
    bool diverted = digits == 0xff || (digits && digits >> (peek_byte(&c) >> 3 & 7) & 1);
    code_cursor rest = c;
    if (encoding_is_undefined(&c, flags, &s)) {
        verdict.undefined = c.most;
    } else if (diverted) {
        read_rest(&rest, flags, &s);
        verdict.undefined = rest.most <= LONGEST_INSTRUCTION ? rest.most : 0; /* too long is #GP, and Unicorn's */
    }
    verdict.last |= fast && verdict.undefined;
    return verdict;
}

bool x86_is_undefined(vmm_vcpu *v)
{
    uint8_t bytes[LONGEST_INSTRUCTION];
    uint32_t have = (uint32_t)vmm_x86_read(v, vmm_x86_linear_pc(v), bytes, sizeof bytes);
    uint32_t flags = env_of(v)->hflags | (uint32_t)(env_of(v)->eflags & FL_VM);
    code_cursor c = {.v = v, .bytes = bytes, .have = have};
    insn_start s;
    return read_start(&c, flags, &s) && encoding_is_undefined(&c, flags, &s);
}
