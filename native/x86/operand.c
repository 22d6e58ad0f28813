/* The address of an instruction's memory operand (SDM vol. 2A 2.1.5 tables 2-1 to 2-3, 2.2.1). */
#include <string.h>

#include "x86/x86.h"

enum { LONGEST = 15, NO_REGISTER = -1 };

typedef struct {
    uint64_t offset;
    uint32_t used; /* bytes from ModRM on */
    int base;      /* register whose segment counts */
} parts;

static int64_t displacement(const uint8_t *bytes, unsigned size)
{
    int8_t one;
    int16_t two;
    int32_t four;
    memcpy(&one, bytes, 1);
    memcpy(&two, bytes, 2);
    memcpy(&four, bytes, 4);
    return size == 1 ? one : size == 2 ? two : size == 4 ? four : 0;
}

static parts of_16_bits(const x86_env *env, const uint8_t *bytes)
{
    static const int8_t BASE[8] = {R_BX, R_BX, R_BP, R_BP, NO_REGISTER, NO_REGISTER, R_BP, R_BX};
    static const int8_t INDEX[8] = {R_SI, R_DI, R_SI, R_DI, R_SI, R_DI, NO_REGISTER, NO_REGISTER};
    unsigned mod = bytes[0] >> 6, rm = bytes[0] & 7;
    bool address_alone = mod == 0 && rm == 6;
    unsigned size = address_alone ? 2 : mod;
    int base = address_alone ? NO_REGISTER : BASE[rm];
    uint64_t offset = (uint64_t)displacement(bytes + 1, size);
    if (base != NO_REGISTER)
        offset += env->regs[base];
    if (INDEX[rm] != NO_REGISTER)
        offset += env->regs[INDEX[rm]];
    return (parts){offset & 0xffff, 1 + size, base};
}

static parts of_32_or_64_bits(const x86_env *env, const uint8_t *bytes, uint8_t rex, uint64_t *relative)
{
    unsigned mod = bytes[0] >> 6, rm = bytes[0] & 7, at = 1;
    uint64_t offset = 0;
    int base = (int)(rm | (rex & 1u) << 3);
    if (rm == 4) {
        uint8_t sib = bytes[at++];
        unsigned index = (sib >> 3 & 7) | (rex & 2u) << 2;
        base = (int)((sib & 7) | (rex & 1u) << 3);
        if (index != R_SP)
            offset += env->regs[index] << (sib >> 6);
    }
    unsigned size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
    if (mod == 0 && (base & 7) == R_BP) {
        *relative = rm != 4; /* in 64-bit mode, to the end of the instruction */
        base = NO_REGISTER;
        size = 4;
    }
    if (base != NO_REGISTER)
        offset += env->regs[base];
    offset += (uint64_t)displacement(bytes + at, size);
    return (parts){offset, at + size, base};
}

static int segment_of(const uint8_t *bytes, uint32_t count, int base)
{
    int found = base == R_SP || base == R_BP ? VMM_SS : VMM_DS;
    for (uint32_t i = 0; i < count; i++) {
        switch (bytes[i]) {
        case 0x26:
            found = VMM_ES;
            break;
        case 0x2e:
            found = VMM_CS;
            break;
        case 0x36:
            found = VMM_SS;
            break;
        case 0x3e:
            found = VMM_DS;
            break;
        case 0x64:
            found = VMM_FS;
            break;
        case 0x65:
            found = VMM_GS;
            break;
        }
    }
    return found;
}

x86_operand x86_memory_operand(vmm_vcpu *v, const x86_insn *insn)
{
    const x86_env *env = env_of(v);
    uint8_t bytes[LONGEST + 8] = {0};
    uint64_t relative = 0;
    bool code64 = env->hflags & HF_CS64, code32 = env->hflags & HF_CS32;
    bool narrow = !code64 && code32 == insn->address_size;
    vmm_x86_read(v, vmm_x86_linear_pc(v), bytes, LONGEST);
    const uint8_t *modrm = bytes + insn->length;
    parts p = narrow ? of_16_bits(env, modrm) : of_32_or_64_bits(env, modrm, insn->rex, &relative);
    x86_operand operand = {.length = insn->length + p.used, .segment = segment_of(bytes, insn->length, p.base)};
    if (relative && code64)
        p.offset += env->eip + operand.length;
    if (!code64 || insn->address_size)
        p.offset = (uint32_t)p.offset;
    bool has_base = !code64 || operand.segment >= VMM_FS;
    operand.linear = p.offset + (has_base ? env->segs[operand.segment].base : 0);
    if (!code64)
        operand.linear = (uint32_t)operand.linear;
    return operand;
}
