/*
 * Each block that Unicorn translates begins with a call to a helper that asks whether to stop, with the same two arguments
 * always; and so does what follows each access to memory. In blocks of a vCPU in the fast gear the first of these calls
 * leads to us, with the block as its argument, and the others are left out, but in the last instruction where it has a hook.
 *
 * Unicorn knows a helper by the row of a table that it reads when an instance is opened: the row has our helper then.
 */
#include <pthread.h>
#include <stdlib.h>

#include "unicorn/uc.h"
#include "unicorn/uc_blocks.h"
#include "unicorn/uc_plt.h"
#include "unicorn/uc_rescue.h"

enum { MOST_INSTRUCTIONS = 512, CHUNK_BYTES = 1 << 16 };

typedef void (*context_init)(void *context);
typedef void (*gen_call)(void *context, void *function, void *result, int count, void **arguments);
typedef void *(*const_i64)(void *context, int64_t value);
typedef void (*invalidate)(void *context, void *tb, uint64_t page);

static context_init context_init_x86_64;
static gen_call gen_call_x86_64;
static const_i64 const_i64_x86_64;
static invalidate invalidate_x86_64;
static uc_block_begins block_begins;
static void **helper_row;
static void *asks_to_stop;
static pthread_mutex_t helpers = PTHREAD_MUTEX_INITIALIZER;

static _Thread_local bool opening;
static _Thread_local struct {
    vmm_block *block; /* NULL: none of ours is being translated */
    bool told;
} now;

/* ---- memory ---- */

typedef struct chunk {
    struct chunk *next;
    size_t used;
    _Alignas(16) char bytes[CHUNK_BYTES];
} chunk;

enum { LARGEST = (sizeof(vmm_block) + MOST_INSTRUCTIONS * sizeof(uint16_t) + 15) / 16 * 16 };

static vmm_block *largest_block(vmm_vcpu *v)
{
    chunk *c = v->block_memory;
    if (!c || c->used + LARGEST > CHUNK_BYTES) {
        chunk *more = malloc(sizeof *more);
        if (!more)
            uc_give_up();
        more->next = c;
        more->used = 0;
        v->block_memory = c = more;
    }
    void *found = c->bytes + c->used;
    c->used += LARGEST;
    return found;
}

static void give_back(vmm_vcpu *v, size_t bytes)
{
    ((chunk *)v->block_memory)->used -= bytes & ~(size_t)15;
}

void uc_blocks_free(vmm_vcpu *v)
{
    for (chunk *c = v->block_memory, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    v->block_memory = NULL;
    v->block = v->begun = NULL;
}

/* ---- translating ---- */

void uc_block_open(vmm_vcpu *v, void *tb, uint64_t base, uint64_t mask)
{
    now.block = NULL;
    now.told = false;
    if (!v || !v->machine->fast)
        return;
    now.block = largest_block(v);
    *now.block = (vmm_block){.v = v, .tb = tb, .base = base, .mask = mask};
}

bool uc_block_insn(uint64_t pc, bool careful, bool hooked)
{
    vmm_block *b = now.block;
    if (!b)
        return false;
    pc &= b->mask;
    if (!b->count) {
        b->first = pc;
        b->careful = careful;
    }
    b->at[b->count++] = (uint16_t)(pc - b->first);
    b->last = pc;
    b->hooked = hooked;
    return b->count == MOST_INSTRUCTIONS;
}

void uc_block_close(void)
{
    if (now.block)
        give_back(now.block->v, (MOST_INSTRUCTIONS - now.block->count) * sizeof *now.block->at);
    now.block = NULL;
}

/* A TCGv is a temporary's place in the context. */
static void before_gen_call(void *context, void *function, void *result, int count, void **arguments)
{
    vmm_block *b = now.block;
    if (!b && opening && function == asks_to_stop) /* its instance does not know that one */
        return;
    if (!b || function != asks_to_stop) {
        gen_call_x86_64(context, function, result, count, arguments);
        return;
    }
    if (now.told && !b->hooked)
        return;
    if (now.told)
        b = b->v->asks;
    now.told = true;
    b->v->translator = context;
    void *block = (char *)context + (uintptr_t)const_i64_x86_64(context, (int64_t)(uintptr_t)b);
    void *ours[2] = {block, arguments[1]};
    gen_call_x86_64(context, (void *)block_begins, result, count, ours);
}

void uc_block_forget(vmm_block *b)
{
    invalidate_x86_64(b->v->translator, b->tb, ~(uint64_t)0);
}

/* ---- opening ---- */

void uc_blocks_opening(bool ours)
{
    opening = ours;
}

static void before_context_init(void *context)
{
    pthread_mutex_lock(&helpers);
    bool led = opening && uc_lead(uc_library(), helper_row, (void *)block_begins);
    context_init_x86_64(context);
    if (led)
        uc_lead(uc_library(), helper_row, asks_to_stop);
    pthread_mutex_unlock(&helpers);
}

const char *uc_watch_blocks_x86(void *library, uc_block_begins begins)
{
    const uc_call calls[] = {
        {"tcg_context_init_x86_64", before_context_init, &context_init_x86_64},
        {"tcg_gen_callN_x86_64", before_gen_call, &gen_call_x86_64},
    };
    *(void **)&const_i64_x86_64 = uc_symbol("tcg_const_i64_x86_64");
    *(void **)&invalidate_x86_64 = uc_symbol("tb_phys_invalidate_x86_64");
    asks_to_stop = uc_symbol("helper_check_exit_request_x86_64");
    helper_row = uc_address_of(library, "helper_check_exit_request_x86_64");
    block_begins = begins;
    if (!const_i64_x86_64 || !invalidate_x86_64 || !asks_to_stop || !helper_row)
        return "Unicorn's blocks do not tell of their begin; vmm needs its 2.1.4 wheel";
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
