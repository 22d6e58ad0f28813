/*
 * Unicorn translates a block in a loop that asks the architecture for one instruction after another. We stand before the
 * loop, and so before each of them, and before the call that reads a byte of code: for an instruction that is to be taken
 * as undefined Unicorn reads UD2, while the guest's memory is as it is. Translated code knows nothing of all this.
 */
#include "unicorn/uc_plt.h"
#include "unicorn/uc_translate.h"

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

static _Thread_local step original_insn;
static _Thread_local struct { bool active; uint64_t at; } masked; /* which instruction is read as UD2 */

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
    masked.active = verdict.undefined != 0;
    masked.at = start;
    original_insn(p, cpu);
    masked.active = false;
    if (p->next - start < verdict.undefined) /* a store to any byte that was read drops the block */
        p->next = start + verdict.undefined;
    if (verdict.alone && p->ends == ENDS_NOT)
        p->ends = ENDS_BEHIND;
}

static void before_loop(const operations *ops, progress *p, void *cpu, block *tb, int most)
{
    operations judged = *ops;
    original_insn = ops->insn;
    judged.insn = before_insn;
    original_loop(&judged, p, cpu, tb, most);
}

const char *uc_judge_x86(void *library, uc_judge judge)
{
    const uc_call calls[] = {
        {"translator_loop_x86_64", before_loop, &original_loop},
        {"cpu_ldub_code_x86_64", before_byte, &original_byte},
    };
    judge_insn = judge;
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
