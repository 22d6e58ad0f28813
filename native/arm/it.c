/*
 * Thumb's IT blocks (DDI0406 A2.5.2, B1.3.3). While translated code runs, Unicorn keeps ITSTATE only in the tables from
 * which it restores the state at a fault, so it is read off those; and its code hook sees only the instructions whose
 * condition holds.
 *
 * An instruction that is skipped changes nothing, so the boundary before it can be run when the next one is reached.
 */
#include "arm/arm.h"
#include "core/block.h"
#include "unicorn/uc_plt.h"

enum { LONGEST_BLOCK = 4, LOOK_BACK = 5, IT_BYTES = 2, FRAME_WORDS = 32, RETURN_ADJUST = 2, IT_STATE = 0xff /* in a block's flags */ };

typedef struct {
    uint64_t at[LONGEST_BLOCK + 1];   /* its instructions, and the first one behind it */
    uint8_t state[LONGEST_BLOCK + 1]; /* ITSTATE there; 0 behind it */
    uint32_t count;
} it_block;

/*
 * Translated code calls with its stack pointer always at one place, so the return address of any of its calls lies where
 * the code hook saw its own, or, inside a block, one small frame of Unicorn's further up.
 */
static uint32_t translated_state(vmm_vcpu *v)
{
    arm_env *env = arm_env_of(v);
    const uintptr_t *frame = (const uintptr_t *)arm_of(v)->hook_frame;
    uint32_t pc = env->regs[15], bits = env->condexec_bits, syndrome = env->exception.syndrome, state = bits;
    for (int i = 1; frame && i <= FRAME_WORDS; i++)
        if (arm_calls_of(v)->cpu_restore_state(v->cpu, frame[i] - RETURN_ADJUST, false)) {
            state = env->condexec_bits;
            break;
        }
    env->regs[15] = pc;
    env->condexec_bits = bits;
    env->exception.syndrome = syndrome;
    return state;
}

uint32_t vmm_arm_it(vmm_vcpu *v)
{
    const arm_env *env = arm_env_of(v);
    if (env->aarch64 || !env->thumb)
        return 0;
    bool translating = v->in_code_hook && v->count != v->event_count && !arm_of(v)->it_known;
    return translating ? translated_state(v) : env->condexec_bits;
}

static uint32_t length_of(uint16_t opcode)
{
    return opcode >> 11 >= 0x1d ? 4 : 2;
}

static uint8_t advance(uint8_t state)
{
    return state & 7 ? (uint8_t)((state & 0xe0) | (state << 1 & 0x1f)) : 0;
}

/* The instructions from `pc` on that run under `state`. */
static it_block walk(vmm_vcpu *v, uint64_t pc, uint8_t state)
{
    it_block b = {.count = 0};
    uint16_t opcode;
    for (; state && b.count < LONGEST_BLOCK && vmm_arm_read(v, pc, &opcode, sizeof opcode) == sizeof opcode; b.count++) {
        b.at[b.count] = pc;
        b.state[b.count] = state;
        pc += length_of(opcode);
        state = advance(state);
    }
    b.at[b.count] = pc;
    return b;
}

static bool holds(const it_block *b, uint64_t pc, uint32_t *index)
{
    for (*index = 0; *index <= b->count; ++*index)
        if (b->at[*index] == pc)
            return true;
    return false;
}

/* DDI0406 B9.1: SUBS PC, LDM with the user bit and PC, RFE; in A32 or T32, whichever the handler was; DDI0487: ERET. */
static bool is_exception_return(uint32_t word)
{
    enum { ERET = 0xd69f03e0 };
    uint16_t first = (uint16_t)word, second = (uint16_t)(word >> 16);
    bool a32 = (word & 0x0c10f000) == 0x0010f000 || (word & 0x0e508000) == 0x08508000 || (word & 0xfe50ffff) == 0xf8100a00;
    bool t32 = (first == 0xf3de && (second & 0xff00) == 0x8f00) || ((first & 0xfe50) == 0xe810 && second == 0xc000);
    return a32 || t32 || word == ERET;
}

void arm_it_returned(vmm_vcpu *v)
{
    const arm_env *env = arm_env_of(v);
    bool in_block = !env->aarch64 && env->thumb;
    arm_of(v)->it_return = (vmm_it_return){env->regs[15], in_block ? (uint8_t)env->condexec_bits : 0};
    arm_note_return(v);
}

static bool entered_by_return(vmm_vcpu *v, uint64_t pc, it_block *b)
{
    uint32_t index;
    *b = walk(v, arm_of(v)->it_return.pc, arm_of(v)->it_return.state);
    return b->count && holds(b, pc, &index);
}

/* The block at PC: opened by an IT, or entered by an exception return, among the instructions before it. */
static bool present_block(vmm_vcpu *v, uint32_t begun, it_block *b)
{
    uint64_t pc = arm_env_of(v)->regs[15], since = v->count - v->event_count;
    uint32_t index;
    for (uint64_t back = 1 + begun; back <= LOOK_BACK + begun && back <= since; back++) {
        uint64_t at = v->recent[(v->count - back) & (VMM_RECENT - 1)];
        uint32_t word = 0;
        vmm_arm_read(v, at, &word, sizeof word);
        if ((word & 0xff00) == 0xbf00 && word & 0xf) {
            *b = walk(v, at + IT_BYTES, (uint8_t)word);
            return holds(b, pc, &index);
        }
        if (is_exception_return(word) && entered_by_return(v, pc, b))
            return true;
    }
    return false;
}

bool arm_boundaries_skipped(vmm_vcpu *v)
{
    it_block b;
    uint32_t here, index;
    arm_env *env = arm_env_of(v);
    bool translating = !env->aarch64 && env->thumb && v->count != v->event_count;
    if (!translating || !present_block(v, 0, &b) || !holds(&b, env->regs[15], &here) || b.state[here] != translated_state(v))
        return true;
    uint32_t first = holds(&b, vcpu_here(v), &index) ? index + 1 : 0;
    bool resumed = arm_of(v)->skipped_at == v->count && holds(&b, arm_of(v)->skipped_to, &index);
    if (resumed && index > first)
        first = index;
    uint32_t pc = env->regs[15], bits = env->condexec_bits;
    arm_of(v)->it_known = 1;
    arm_of(v)->skipped_at = v->count;
    bool go = true;
    for (uint32_t i = first; i < here && go; i++) {
        env->regs[15] = (uint32_t)b.at[i];
        env->condexec_bits = b.state[i];
        go = arm_boundary(v);
        arm_of(v)->skipped_to = b.at[go ? i + 1 : i];
    }
    arm_of(v)->it_known = 0;
    if (go) {
        env->regs[15] = pc;
        env->condexec_bits = bits;
    }
    return go;
}

/* Translated code takes ITSTATE out of the state where it begins, and what is there at its end is the next block's. */
void arm_it_goes_on(vmm_vcpu *v)
{
    if (!arm_env_of(v)->aarch64)
        arm_env_of(v)->condexec_bits = 0;
}

/* A load or store calls from the end of its translation, where no table tells its instruction. */
void arm_it_restore(vmm_vcpu *v)
{
    it_block b;
    uint32_t index;
    arm_env *env = arm_env_of(v);
    if (env->aarch64 || !env->thumb)
        return;
    if (v->machine->fast) { /* what is in an IT block has a block of its own */
        env->condexec_bits = v->begun->flags & IT_STATE;
        return;
    }
    env->condexec_bits = present_block(v, 1, &b) && holds(&b, env->regs[15], &index) ? b.state[index] : 0;
}

/*
 * A32 has no ITSTATE (DDI0406 A2.5.2). A branch out of the middle of a block, which is UNPREDICTABLE, leaves Unicorn some,
 * and what it translates under it hands it on: T32 that is branched to later would be in a block, if nobody had looked.
 */
typedef void (*state_for_block)(void *env, void *pc, void *base, uint32_t *flags);
static state_for_block original[2];

static inline void no_block_in_a32(arm_env *env, bool library_has_a64)
{
    if (unlikely(env->condexec_bits && !env->thumb && !env->aarch64) && arm_features(env, library_has_a64) >> FEATURE_OURS)
        env->condexec_bits = 0;
}

static void state_arm(void *env, void *pc, void *base, uint32_t *flags)
{
    no_block_in_a32(env, false);
    original[0](env, pc, base, flags);
}

static void state_aarch64(void *env, void *pc, void *base, uint32_t *flags)
{
    no_block_in_a32(env, true);
    original[1](env, pc, base, flags);
}

const char *arm_watch_blocks(void *library)
{
    const uc_call calls[] = {
        {"cpu_get_tb_cpu_state_arm", state_arm, &original[0]},
        {"cpu_get_tb_cpu_state_aarch64", state_aarch64, &original[1]},
    };
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
