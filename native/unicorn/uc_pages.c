/*
 * What Unicorn does to pages of guest memory, told as it happens.
 *
 * Unicorn knows when it translates the first code of a page, and when a store goes to a page that it does not know to be
 * dirty, but has no hook for either: we stand in front of the two calls it makes then, and of the one that sets accessed
 * and dirty bits in page tables. A store to a page that is known to be dirty costs nothing: who wants to hear of the next
 * one makes the page clean again. A page with translated code never becomes dirty, lest a store through another of its
 * addresses go unseen.
 *
 * A store into the block that executes it is not left to Unicorn, which for x86 undoes it, with the flags and whatever
 * else the instruction has done, and begins the instruction again, and for ARM goes on with the old code to the block's
 * end: both would depend on where a run stops. The store is made, the block is no longer valid, and whoever watches
 * leaves it before the next instruction.
 */
#include <stdio.h>

#include "api/vmm.h"
#include "unicorn/thread.h"
#include "unicorn/uc.h"
#include "unicorn/uc_pages.h"
#include "unicorn/uc_plt.h"
#include "unicorn/uc_tlb.h"
#include "unicorn/uc_walk.h"

typedef void (*protect_code)(void *engine, uint64_t offset);
typedef void (*unprotect_code)(void *engine, uint64_t offset);
typedef void (*clean_store)(void *engine, void *pages, uint64_t offset, int size, uintptr_t host_pc);
typedef void (*set_dirty)(void *cpu, uint64_t address);
typedef void (*table_store)(void *cpu, uint64_t physical, uint32_t value);
typedef void (*unlock_code)(void *engine);

enum { NOBODY_EXECUTES = 0 }; /* as the host address of a store */
enum { BY_WALK = 0 };         /* as the size of one: the translation that it belongs to knows */

static const page_watcher *watching;
static THREAD_LOCAL bool dropping;
static THREAD_LOCAL const uint8_t *may_be_dirty; /* the page of the store under way; NULL: each store there must be told */

static vmm_vcpu *ours(const void *engine)
{
    return uc_executing && uc_executing->uc == engine ? uc_executing : NULL;
}

static void code_translated(void *engine, uint64_t offset, protect_code original)
{
    vmm_vcpu *v = ours(engine);
    original(engine, offset);
    if (v)
        watching->has_code(v, offset);
}

static void stored(void *engine, void *pages, uint64_t offset, int size, uintptr_t host_pc, clean_store original)
{
    vmm_vcpu *v = ours(engine);
    if (!v) {
        may_be_dirty = NULL;
        original(engine, pages, offset, size, host_pc);
        return;
    }
    watching->stores(v, offset, host_pc);
    watching->stored(v, offset, (uint64_t)size);
    dropping = true;
    original(engine, pages, offset, size, NOBODY_EXECUTES);
    dropping = false;
    may_be_dirty = watching->may_be_dirty(v, offset);
}

static void code_gone(void *engine, uint64_t offset, unprotect_code original)
{
    vmm_vcpu *v = ours(engine);
    original(engine, offset);
    if (v)
        watching->code_gone(v, offset);
}

static void before_set_dirty(void *cpu, uint64_t address)
{
    const vmm_vcpu *v = uc_executing;
    if (v && v->cpu == cpu && may_be_dirty)
        uc_tlb_dirty(v, address, may_be_dirty);
}

void uc_pages_drop_code(vmm_vcpu *v, uint64_t offset, uint64_t end)
{
    dropping = true;
    v->drop_code(v->uc, offset, end);
    dropping = false;
}

/* For each block that it drops Unicorn says that translated code is to be writable. */
static void unlocked(const void *engine)
{
    vmm_vcpu *v = dropping ? ours(engine) : NULL;
    if (v)
        watching->block_dropped(v);
}

/* Each of Unicorn's targets has its own copy of the calls. */
#define STANDING_BEFORE(target)                                                                                        \
    static protect_code protect_code_##target;                                                                         \
    static unprotect_code unprotect_code_##target;                                                                     \
    static clean_store clean_store_##target;                                                                           \
    static unlock_code unlock_code_##target;                                                                           \
    static void before_protect_code_##target(void *engine, uint64_t offset)                                            \
    {                                                                                                                  \
        code_translated(engine, offset, protect_code_##target);                                                        \
    }                                                                                                                  \
    static void before_unprotect_code_##target(void *engine, uint64_t offset)                                          \
    {                                                                                                                  \
        code_gone(engine, offset, unprotect_code_##target);                                                            \
    }                                                                                                                  \
    static void before_clean_store_##target(void *engine, void *pages, uint64_t offset, int size, uintptr_t host_pc)   \
    {                                                                                                                  \
        stored(engine, pages, offset, size, host_pc, clean_store_##target);                                            \
    }                                                                                                                  \
    static void before_unlock_code_##target(void *engine)                                                              \
    {                                                                                                                  \
        unlocked(engine);                                                                                              \
        unlock_code_##target(engine);                                                                                  \
    }

#define EACH_CALL(target)                                                                                              \
    {"tlb_protect_code_" #target, before_protect_code_##target, &protect_code_##target},                               \
    {"tlb_unprotect_code_" #target, before_unprotect_code_##target, &unprotect_code_##target},                         \
    {"tb_invalidate_phys_page_fast_" #target, before_clean_store_##target, &clean_store_##target},                     \
    {"tb_exec_unlock_" #target, before_unlock_code_##target, &unlock_code_##target},                                   \
    {"tlb_set_dirty_" #target, before_set_dirty, &set_dirty_of_unicorn}

STANDING_BEFORE(x86_64)
STANDING_BEFORE(aarch64)
STANDING_BEFORE(arm)

static set_dirty set_dirty_of_unicorn; /* never called: it looks at virtual addresses alone */
static table_store table_store_x86_64;

static void before_table_store_x86_64(void *cpu, uint64_t physical, uint32_t value)
{
    vmm_vcpu *v = uc_executing;
    if (v && v->cpu == cpu)
        watching->stored(v, physical - v->machine->ram_base, BY_WALK);
    table_store_x86_64(cpu, physical, value);
}

const char *uc_watch_pages(void *library, const page_watcher *watcher)
{
    watching = watcher;
    const uc_call calls[] = {
        EACH_CALL(x86_64),
        EACH_CALL(aarch64),
        EACH_CALL(arm),
        {"x86_stl_phys_notdirty_x86_64", before_table_store_x86_64, &table_store_x86_64},
    };
    const char *cannot = uc_watch_tlb(library, watcher->fetches, watcher->has_gaps);
    if (!cannot)
        cannot = uc_watch_walks(library, watcher->table_read);
    return cannot ? cannot : uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}

bool uc_pages_attach(vmm_vcpu *v)
{
    char name[64];
    snprintf(name, sizeof name, "tlb_reset_dirty_%s", v->library);
    *(void **)&v->make_clean = uc_symbol(name);
    snprintf(name, sizeof name, "tb_invalidate_phys_range_%s", v->library);
    *(void **)&v->drop_code = uc_symbol(name);
    return v->make_clean && v->drop_code && uc_tlb_attach(v);
}
