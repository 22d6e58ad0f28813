/* An instruction's first bytes, read one by one as far as they are needed: by Unicorn's fetch, or from what is there. */
#ifndef VMM_X86_ENCODING_H
#define VMM_X86_ENCODING_H

#include "x86/x86.h"

enum { LONGEST_INSTRUCTION = 15 };
enum { MAP_ONE = 0, MAP_0F = 1, MAP_0F38 = 2, MAP_0F3A = 3 };
enum { P66 = 1, PF3 = 2, PF2 = 4, PLOCK = 8, P67 = 16 }; /* which prefixes an instruction has */

typedef struct {
    vmm_vcpu *v;
    const uint8_t *bytes; /* what is there already; NULL: asked for one by one */
    uint64_t pc;
    uint32_t have, at, most; /* most: bytes that were asked for */
} code_cursor;

typedef struct {
    uint8_t prefixes, map, opcode;
    bool vex; /* C4 or C5 as a prefix */
} insn_start; /* through its opcode */

static inline uint8_t next_byte(code_cursor *c)
{
    uint32_t at = c->at++;
    c->most = c->at > c->most ? c->at : c->most;
    if (!c->bytes)
        return uc_code_byte(c->v, c->pc + at);
    return at < c->have ? c->bytes[at] : 0;
}

static inline uint8_t peek_byte(code_cursor *c)
{
    uint8_t byte = next_byte(c);
    c->at--;
    return byte;
}

/* block_end.c */
bool x86_may_end_block(uint8_t first);       /* its first byte says that it may */
bool x86_ends_block(const insn_start *s, const code_cursor *c); /* in the fast gear; c: behind its opcode */
bool x86_may_cast_shadow(const insn_start *s); /* STI, MOV and POP to SS, among others */
bool x86_repeats(const insn_start *s);       /* a string instruction with a prefix that repeats it */

bool encoding_is_undefined(code_cursor *c, uint32_t flags, const insn_start *s); /* flags: of a block, hflags and RFLAGS */

#endif
