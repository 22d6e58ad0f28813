/* The few bytes of an instruction the core must know: prefixes, opcode, ModRM (SDM vol. 2A chapter 2). */
#include "x86/x86.h"

enum { LONGEST = 15 };

/* Bytes up to the end of the page when the next one cannot be read: the instruction may well end before it. */
static uint32_t fetch(vmm_vcpu *v, uint64_t linear, uint8_t *bytes)
{
    return (uint32_t)vmm_x86_read(v, linear, bytes, LONGEST);
}

static bool is_prefix(uint8_t byte)
{
    switch (byte) {
    case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3:
        return true;
    }
    return false;
}

bool x86_decode(vmm_vcpu *v, uint64_t linear, x86_insn *out)
{
    uint8_t bytes[LONGEST];
    uint32_t have = fetch(v, linear, bytes), at = 0;
    *out = (x86_insn){0};
    for (; at < have && is_prefix(bytes[at]); at++) {
        out->lock |= bytes[at] == 0xf0;
        out->rep |= bytes[at] == 0xf3;
        out->repne |= bytes[at] == 0xf2;
        out->data16 |= bytes[at] == 0x66;
        out->address_size |= bytes[at] == 0x67;
        out->other_segment |= bytes[at] == 0x64 || bytes[at] == 0x65;
    }
    bool code64 = env_of(v)->hflags & HF_CS64;
    if (at < have && code64 && (bytes[at] & 0xf0) == 0x40)
        out->rex = bytes[at++];
    if (at < have && bytes[at] == 0x0f) {
        out->map = 1;
        at++;
    }
    if (at >= have)
        return false;
    out->opcode = bytes[at++];
    if (at < have)
        out->modrm = bytes[at];
    if (at + 1 < have)
        out->sib = bytes[at + 1];
    out->length = (uint8_t)at;
    return true;
}

unsigned x86_operand_size(const vmm_vcpu *v, const x86_insn *insn)
{
    bool wide = (env_of(v)->hflags & (HF_CS32 | HF_CS64)) != 0;
    return insn->rex & 8 ? 8 : wide != insn->data16 ? 4 : 2;
}
