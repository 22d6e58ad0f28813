/*
 * Thumb's IT blocks (DDI0406 A2.5.2, B1.3.3). Unicorn translates a block as a whole: it keeps no ITSTATE while one runs,
 * and its code hook sees only the instructions whose condition holds. Both are recovered here from the block in memory.
 *
 * An instruction that is skipped changes nothing, so the boundary before it can be run when the next one is reached.
 */
#include "arm.h"

enum { LONGEST_BLOCK = 4, IT_BYTES = 2 };

typedef struct {
    uint64_t at[LONGEST_BLOCK + 1]; /* its instructions, and the first one behind it */
    uint8_t state[LONGEST_BLOCK + 1]; /* ITSTATE there; 0 behind it */
    uint32_t count;
} it_block;

static uint32_t length_of(uint16_t opcode)
{
    return opcode >> 11 >= 0x1d ? 4 : 2;
}

static uint8_t advance(uint8_t state)
{
    return state & 7 ? (uint8_t)((state & 0xe0) | (state << 1 & 0x1f)) : 0;
}

/* The instructions from `pc` on that run under `state`. */
static void walk(vmm_vcpu *v, uint64_t pc, uint8_t state, it_block *b)
{
    uint16_t opcode;
    for (b->count = 0; state && b->count < LONGEST_BLOCK && arm_fetch(v, pc, &opcode, sizeof opcode) == sizeof opcode;
         b->count++) {
        b->at[b->count] = pc;
        b->state[b->count] = state;
        pc += length_of(opcode);
        state = advance(state);
    }
    b->at[b->count] = pc;
    b->state[b->count] = 0;
}

static bool holds(const it_block *b, uint64_t pc, uint32_t *index)
{
    for (*index = 0; *index <= b->count; ++*index)
        if (b->at[*index] == pc)
            return true;
    return false;
}

/* The block that is being executed: opened by an IT among the last instructions, or entered by an exception return. */
static bool present_block(vmm_vcpu *v, it_block *b)
{
    const arm_env *env = arm_env_of(v);
    uint64_t since = v->count - v->event_count;
    uint32_t index;
    for (uint64_t back = 1; back <= LONGEST_BLOCK && back <= since; back++) {
        uint64_t at = v->recent[(v->count - back) & (VMM_RECENT - 1)];
        uint16_t opcode;
        if (arm_fetch(v, at, &opcode, sizeof opcode) != sizeof opcode)
            return false;
        bool is_it = (opcode & 0xff00) == 0xbf00 && (opcode & 0xf) != 0;
        if (!is_it)
            continue;
        walk(v, at + IT_BYTES, (uint8_t)opcode, b);
        return holds(b, env->regs[15], &index);
    }
    if (!env->condexec_bits)
        return false;
    uint64_t first = env->regs[15];
    for (uint64_t back = 1; back < LONGEST_BLOCK && back <= since; back++) {
        uint64_t at = v->recent[(v->count - back) & (VMM_RECENT - 1)];
        if (at >= first || first - at > 4)
            break;
        first = at;
    }
    walk(v, first, (uint8_t)env->condexec_bits, b);
    return holds(b, env->regs[15], &index);
}

static bool translating(const vmm_vcpu *v) /* in translated Thumb code, where the state does not tell */
{
    const arm_env *env = arm_env_of(v);
    return !env->aarch64 && env->thumb && v->in_code_hook && v->count != v->event_count;
}

uint32_t arm_it_state(vmm_vcpu *v)
{
    it_block b;
    uint32_t index;
    if (arm_is_a64(v) || !arm_env_of(v)->thumb)
        return 0;
    if (!translating(v) || v->arm.it_known)
        return arm_env_of(v)->condexec_bits;
    return present_block(v, &b) && holds(&b, arm_env_of(v)->regs[15], &index) ? b.state[index] : 0;
}

bool arm_boundaries_skipped(vmm_vcpu *v)
{
    it_block b;
    uint32_t here, last;
    arm_env *env = arm_env_of(v);
    if (!translating(v) || !present_block(v, &b) || !holds(&b, env->regs[15], &here))
        return true;
    uint32_t first = holds(&b, arm_here(v), &last) ? last + 1 : 0;
    uint32_t pc = env->regs[15], bits = env->condexec_bits;
    v->arm.it_known = 1;
    bool go = true;
    for (uint32_t i = first; i < here && go; i++) {
        env->regs[15] = (uint32_t)b.at[i];
        env->condexec_bits = b.state[i];
        go = arm_boundary(v);
    }
    v->arm.it_known = 0;
    if (go) {
        env->regs[15] = pc;
        env->condexec_bits = bits;
    }
    return go;
}

uint32_t vmm_arm_it(vmm_vcpu *v)
{
    return arm_it_state(v);
}
