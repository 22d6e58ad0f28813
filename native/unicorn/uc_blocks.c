/*
 * Each block that Unicorn translates begins with a call to a helper that asks whether to stop, with the same two arguments
 * always; and so does what follows each access to memory. In blocks of a vCPU in the fast gear the first of these calls
 * leads to us, with the block as its argument, and the others are left out, but in the last instruction where it has a hook.
 *
 * Unicorn knows a helper by the row of a table that it reads when an instance is opened: the row has our helper then.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unicorn/env_search.h"
#include "unicorn/thread.h"
#include "unicorn/uc.h"
#include "unicorn/uc_blocks.h"
#include "unicorn/uc_plt.h"
#include "unicorn/uc_rescue.h"

/* What comes before an interrupt in the middle of a block is translated for itself: that of long ones would cost. */
enum { MOST_INSTRUCTIONS = 64, CHUNK_BYTES = 1 << 16 };

typedef void (*context_init)(void *context);
typedef void (*gen_call)(void *context, void *function, void *result, int count, void **arguments);
typedef void *(*const_i64)(void *context, int64_t value);
typedef void (*invalidate)(void *context, void *tb, uint64_t page);

typedef struct { /* each of Unicorn's targets has its own copy of all that */
    const char *library;
    context_init context_init;
    gen_call gen_call;
    const_i64 const_i64;
    invalidate invalidate;
    uc_block_begins begins;
    void **helper_row;
    void *asks_to_stop;
} target;

static target x86_64 = {.library = "x86_64"}, aarch64 = {.library = "aarch64"}, arm = {.library = "arm"};
static pthread_mutex_t helpers = PTHREAD_MUTEX_INITIALIZER;

static THREAD_LOCAL bool opening;
static THREAD_LOCAL struct {
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

/* There is room for any; it is kept by who knows how long it is. */
static vmm_block *next_block(vmm_vcpu *v)
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
    return (void *)(c->bytes + c->used);
}

static void keep(const vmm_block *b)
{
    size_t bytes = sizeof *b + b->count * sizeof *b->at;
    ((chunk *)b->v->block_memory)->used += (bytes + 15) & ~(size_t)15;
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

void uc_block_open(vmm_vcpu *v, void *tb, uint64_t base, uint64_t mask, uint32_t flags)
{
    now.block = NULL;
    now.told = false;
    if (!v || !v->machine->fast)
        return;
    now.block = next_block(v);
    *now.block = (vmm_block){.v = v, .tb = tb, .base = base, .mask = mask, .flags = flags};
}

bool uc_block_insn(uint64_t pc, const uc_verdict *verdict)
{
    vmm_block *b = now.block;
    if (!b)
        return false;
    pc &= b->mask;
    if (!b->count) {
        b->first = pc;
        b->careful = verdict->careful;
        b->conditional = verdict->conditional;
    }
    b->at[b->count++] = (uint16_t)(pc - b->first);
    b->last = pc;
    b->hooked = verdict->hooked;
    b->casts = verdict->casts;
    return b->count == MOST_INSTRUCTIONS;
}

void uc_block_close(void)
{
    if (now.block)
        keep(now.block);
    now.block = NULL;
}

/* A TCGv is a temporary's place in the context. */
static void generate_call(const target *t, void *context, void *function, void *result, int count, void **arguments)
{
    vmm_block *b = now.block;
    if (!b && opening && function == t->asks_to_stop) /* its instance does not know that one */
        return;
    if (!b || function != t->asks_to_stop) {
        t->gen_call(context, function, result, count, arguments);
        return;
    }
    if (now.told && !b->hooked)
        return;
    if (now.told)
        b = b->v->asks;
    now.told = true;
    b->v->translator = context;
    void *block = (char *)context + (uintptr_t)t->const_i64(context, (int64_t)(uintptr_t)b);
    void *ours[2] = {block, arguments[1]};
    t->gen_call(context, (void *)t->begins, result, count, ours);
}

void uc_block_forget(vmm_block *b)
{
    const target *const targets[] = {&x86_64, &aarch64, &arm};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (strcmp(targets[i]->library, b->v->library) == 0)
            targets[i]->invalidate(b->v->translator, b->tb, ~(uint64_t)0);
}

/* ---- opening ---- */

void uc_blocks_opening(bool ours)
{
    opening = ours;
}

static void initialize(const target *t, void *context)
{
    pthread_mutex_lock(&helpers);
    bool led = opening && uc_lead(uc_library(), t->helper_row, (void *)t->begins);
    t->context_init(context);
    if (led)
        uc_lead(uc_library(), t->helper_row, t->asks_to_stop);
    pthread_mutex_unlock(&helpers);
}

static const char *watch(void *library, target *t, uc_block_begins begins, const uc_call calls[2])
{
    const struct { const char *name; void *slot; } wanted[] = {
        {"tcg_const_i64", &t->const_i64},
        {"tb_phys_invalidate", &t->invalidate},
        {"helper_check_exit_request", &t->asks_to_stop},
    };
    char name[64];
    bool found = true;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        snprintf(name, sizeof name, "%s_%s", wanted[i].name, t->library);
        *(void **)wanted[i].slot = uc_symbol(name);
        found = found && *(void **)wanted[i].slot;
    }
    t->helper_row = uc_address_of(library, name);
    t->begins = begins;
    if (!found || !t->helper_row)
        return "Unicorn's blocks do not tell of their begin; vmm needs its 2.1.4 wheel";
    return uc_stand_before(library, calls, 2);
}

#define STANDING_BEFORE(t, public_name)                                                                                \
    static void before_context_init_##t(void *context)                                                                 \
    {                                                                                                                  \
        initialize(&t, context);                                                                                       \
    }                                                                                                                  \
    static void before_gen_call_##t(void *context, void *function, void *result, int count, void **arguments)          \
    {                                                                                                                  \
        generate_call(&t, context, function, result, count, arguments);                                                \
    }                                                                                                                  \
    const char *uc_watch_blocks_##public_name(void *library, uc_block_begins begins)                                   \
    {                                                                                                                  \
        const uc_call calls[] = {                                                                                      \
            {"tcg_context_init_" #t, before_context_init_##t, &t.context_init},                                        \
            {"tcg_gen_callN_" #t, before_gen_call_##t, &t.gen_call},                                                   \
        };                                                                                                             \
        return watch(library, &t, begins, calls);                                                                      \
    }

STANDING_BEFORE(x86_64, x86)
STANDING_BEFORE(aarch64, aarch64)
STANDING_BEFORE(arm, arm)

/*
 * Of the CPU object's last fields: the place from which a device is reached, two words, what it is doing with devices, its
 * exception, its instance. Of its first: two numbers, its thread, seven switches; the limit of the next block; two more that are 0.
 */
bool uc_blocks_attach(vmm_vcpu *v)
{
    enum { PLACE = 6, EXCEPTION = 1, LIMIT = 6 }; /* words before the instance; 4-byte words from the begin */
    const uint64_t *instance = env_find_bytes(v, &v->uc, sizeof v->uc);
    uint32_t *first = v->cpu, none = ~0u;
    bool found = instance && (uint32_t)instance[-EXCEPTION] == none && first[LIMIT] == none && !first[LIMIT + 1] && !first[LIMIT + 2];
    if (!found)
        return false;
    v->device_access = instance - PLACE;
    v->next_block = first + LIMIT;
    return true;
}
