/*
 * Data breakpoints (SDM vol. 3B 17.2.5): Unicorn knows code breakpoints only. Memory hooks cost every access, so they are
 * there only while DR7 enables one.
 */
#include "core/clock.h"
#include "unicorn/uc.h"
#include "x86/x86.h"

enum { TYPE_WRITE = 1, TYPE_READ_WRITE = 3 };

typedef struct { uint64_t address; unsigned length, type; bool enabled; } watch;

static watch watch_of(const vmm_vcpu *v, int index)
{
    const x86_env_tail *tail = tail_of(v);
    uint64_t dr7 = tail->dr[7];
    unsigned length = dr7 >> (18 + 4 * index) & 3, bytes = length == 2 ? 8 : length + 1;
    return (watch){tail->dr[index] & ~(uint64_t)(bytes - 1), bytes, dr7 >> (16 + 4 * index) & 3, dr7 >> 2 * index & 3};
}

static bool watches_data(const watch *w)
{
    return w->enabled && (w->type == TYPE_WRITE || w->type == TYPE_READ_WRITE);
}

void x86_trap_pending(vmm_vcpu *v, uint16_t dr6)
{
    x86_of(v)->dr6_pending |= dr6;
    v->pending |= VMM_PEND_DB;
    vcpu_rearm(v);
}

static void on_access(void *engine, int type, uint64_t address, int size, int64_t value, void *user)
{
    (void)engine, (void)value;
    vmm_vcpu *v = user;
    for (int i = 0; i < 4; i++) {
        watch w = watch_of(v, i);
        bool kind = type == UC_MEM_WRITE || w.type == TYPE_READ_WRITE;
        bool overlap = address < w.address + w.length && w.address < address + (uint64_t)size;
        if (watches_data(&w) && kind && overlap) {
            x86_of(v)->watch_hit |= (uint8_t)(1 << i);
            x86_trap_pending(v, (uint16_t)(1 << i));
        }
    }
}

/* A faulting instruction accessed nothing: its breakpoints come when it is done again. */
void x86_watch_cancel(vmm_vcpu *v)
{
    if (!x86_of(v)->watch_hit)
        return;
    x86_of(v)->dr6_pending &= (uint16_t)~x86_of(v)->watch_hit;
    x86_of(v)->watch_hit = 0;
    if (!x86_of(v)->dr6_pending)
        v->pending &= ~(uint32_t)VMM_PEND_DB;
}

/* Hooks are seen by code translated after them, so all of it is dropped. */
void x86_watch_update(vmm_vcpu *v)
{
    bool wanted = false;
    x86_of(v)->watch_changed = 0;
    for (int i = 0; i < 4; i++) {
        watch w = watch_of(v, i);
        wanted |= watches_data(&w);
    }
    if (wanted == (x86_of(v)->watch_hook != 0))
        return;
    if (wanted) {
        uc.hook_add(v->uc, &x86_of(v)->watch_hook, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, on_access, v, (uint64_t)1,
                    (uint64_t)0);
    } else {
        uc.hook_del(v->uc, x86_of(v)->watch_hook);
        x86_of(v)->watch_hook = 0;
    }
    v->flush_code = 1;
}
