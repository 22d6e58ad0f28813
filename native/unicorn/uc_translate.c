/*
 * Unicorn translates a block in a loop that asks the architecture for one instruction after another. We stand before the
 * loop, and so before each of them, and before the call that reads a byte of code: for an instruction that is to be taken
 * as undefined Unicorn reads UD2, while the guest's memory is as it is. Translated code knows nothing of all this.
 */
#include "unicorn/thread.h"
#include "unicorn/uc.h"
#include "unicorn/uc_blocks.h"
#include "unicorn/uc_plt.h"
#include "unicorn/uc_translate.h"

#define NO_INSTRUCTION 0x8000deadbeef0001ull /* where none can be */

enum { ENDS_NOT = 0, ENDS_BEHIND = 1 }; /* DISAS_NEXT, DISAS_TOO_MANY */

typedef struct { /* the start of a TranslationBlock */
    uint64_t pc, cs_base;
    uint32_t flags;
} block;

typedef struct { /* the start of a DisasContextBase */
    const block *tb;
    uint64_t first, next;
    int ends;
} progress;

typedef void (*step)(progress *p, void *cpu);
typedef struct { /* TranslatorOps */
    void *init, *start, *insn_start, *breakpoint;
    step insn;
    void *stop, *sync;
} operations;
typedef void (*loop)(const operations *ops, progress *p, void *cpu, block *tb, int most);
typedef uint32_t (*load_byte)(void *env, uint64_t address);

static loop original_loop;
static load_byte original_byte;
static uc_judge judge_insn;
static uc_mask mask_of;

static THREAD_LOCAL step original_insn;
static THREAD_LOCAL struct { bool active; uint64_t at; } masked; /* which instruction is read as UD2 */

static uint32_t before_byte(void *env, uint64_t address)
{
    static const uint8_t UD2[2] = {0x0f, 0x0b};
    if (masked.active && address - masked.at < sizeof UD2)
        return UD2[address - masked.at];
    return original_byte(env, address);
}

uint8_t uc_code_byte(vmm_vcpu *v, uint64_t address)
{
    return (uint8_t)original_byte(v->env, address);
}

static void before_insn(progress *p, void *cpu)
{
    vmm_vcpu *v = uc_executing;
    uint64_t start = p->next;
    uc_verdict verdict = {0};
    masked.active = false; /* a fetch that faulted did not come back */
    if (v && v->cpu == cpu)
        verdict = judge_insn(v, start, p->tb->flags);
    bool last = uc_block_insn(start, &verdict) || verdict.last;
    masked.active = verdict.undefined != 0;
    masked.at = start;
    if (verdict.hooked)
        v->hooked[0] = v->hooked[1] = start;
    original_insn(p, cpu);
    masked.active = false;
    if (verdict.hooked)
        v->hooked[0] = v->hooked[1] = NO_INSTRUCTION;
    if (p->next - start < verdict.undefined) /* a store to any byte that was read drops the block */
        p->next = start + verdict.undefined;
    if (last && p->ends == ENDS_NOT)
        p->ends = ENDS_BEHIND;
}

static void before_loop(const operations *ops, progress *p, void *cpu, block *tb, int most)
{
    operations judged = *ops;
    vmm_vcpu *v = uc_executing;
    original_insn = ops->insn;
    judged.insn = before_insn;
    uc_block_open(v && v->cpu == cpu ? v : NULL, tb, tb->cs_base, mask_of(tb->flags), tb->flags);
    original_loop(&judged, p, cpu, tb, most);
    uc_block_close();
}

/* ---- ARM, where a vCPU is in the fast gear ---- */

#define ARM_TARGET(target, word)                                                                                       \
    typedef struct {                                                                                                   \
        word pc, cs_base;                                                                                              \
        uint32_t flags;                                                                                                \
    } block_##target;                                                                                                  \
    typedef struct {                                                                                                   \
        const block_##target *tb;                                                                                      \
        word first, next;                                                                                              \
        int ends;                                                                                                      \
    } progress_##target;                                                                                               \
    static loop loop_##target;                                                                                         \
    static uc_judge judge_##target;                                                                                    \
    static uc_mask mask_##target;                                                                                      \
    static void before_insn_##target(progress *opaque, void *cpu)                                                      \
    {                                                                                                                  \
        progress_##target *p = (progress_##target *)opaque;                                                            \
        word start = p->next;                                                                                          \
        original_insn(opaque, cpu);                                                                                    \
        uc_verdict verdict = judge_##target(uc_executing, start, p->tb->flags);                                        \
        bool last = !verdict.none && (uc_block_insn(start, &verdict) || verdict.last);                                 \
        if (last && p->ends == ENDS_NOT)                                                                               \
            p->ends = ENDS_BEHIND;                                                                                     \
    }                                                                                                                  \
    static void before_loop_##target(const operations *ops, progress *p, void *cpu, block *tb, int most)               \
    {                                                                                                                  \
        vmm_vcpu *v = uc_executing;                                                                                    \
        const block_##target *b = (const block_##target *)tb;                                                          \
        operations judged = *ops;                                                                                      \
        bool ours = v && v->cpu == cpu && v->machine->fast;                                                            \
        original_insn = ops->insn;                                                                                     \
        judged.insn = before_insn_##target;                                                                            \
        uc_block_open(ours ? v : NULL, tb, 0, mask_##target(b->flags), b->flags);                                      \
        loop_##target(ours ? &judged : ops, p, cpu, tb, most);                                                         \
        uc_block_close();                                                                                              \
    }                                                                                                                  \
    const char *uc_judge_##target(void *library, uc_judge judge, uc_mask mask)                                         \
    {                                                                                                                  \
        const uc_call call = {"translator_loop_" #target, before_loop_##target, &loop_##target};                       \
        judge_##target = judge;                                                                                        \
        mask_##target = mask;                                                                                          \
        return uc_stand_before(library, &call, 1);                                                                     \
    }

ARM_TARGET(aarch64, uint64_t)
ARM_TARGET(arm, uint32_t)

const char *uc_judge_x86(void *library, uc_judge judge, uc_mask mask)
{
    const uc_call calls[] = {
        {"translator_loop_x86_64", before_loop, &original_loop},
        {"cpu_ldub_code_x86_64", before_byte, &original_byte},
    };
    judge_insn = judge;
    mask_of = mask;
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}

static void nothing(void *engine, uint64_t pc, uint32_t size, void *user)
{
    (void)engine, (void)pc, (void)size, (void)user;
}

bool uc_hook_one(vmm_vcpu *v)
{
    enum { WORDS = 8 };
    size_t handle;
    if (uc.hook_add(v->uc, &handle, UC_HOOK_CODE, nothing, v, (uint64_t)NO_INSTRUCTION, (uint64_t)NO_INSTRUCTION))
        return false;
    for (uint64_t *word = (uint64_t *)handle; word < (uint64_t *)handle + WORDS; word++)
        if (word[0] == NO_INSTRUCTION && word[1] == NO_INSTRUCTION) {
            v->hooked = word;
            return true;
        }
    return false;
}
