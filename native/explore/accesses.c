/* Accesses one by one, for who tells the story of a run: in single steps, and rarely. */
#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "explore/accesses.h"
#include "explore/footprint.h"
#include "explore/stack.h"

typedef struct {
    vmm_accesses seen; /* the first: what Python has is all of it */
    watcher watch;
    stack_watch stack;
} log;

void accesses_note(vmm_accesses *a, const vmm_machine *m, uint64_t offset, uint64_t size, uint8_t how)
{
    if (a->count == VMM_MAX_ACCESSES) {
        a->missed++;
        return;
    }
    uint64_t kept = size < VMM_ACCESS_BYTES ? size : VMM_ACCESS_BYTES;
    vmm_access *row = &a->row[a->count++];
    *row = (vmm_access){.physical = m->ram_base + offset, .size = (uint32_t)kept, .kind = how};
    memcpy(row->before, m->ram + offset, kept);
}

vmm_accesses *vmm_accesses_begin(vmm_machine *m)
{
    log *made = m->running || m->accessed ? NULL : calloc(1, sizeof *made);
    if (!made) {
        fail(m, "a machine whose accesses are told stands, and nobody else is told of them");
        return NULL;
    }
    made->watch.each = &made->seen;
    if (watch_begin(&made->watch, m)) {
        vmm_accesses_end(&made->seen);
        return NULL;
    }
    return &made->seen;
}

uint64_t vmm_accesses_stack(vmm_accesses *a, uint64_t allowed)
{
    log *l = (log *)a;
    if (!l->stack.machine && stack_begin(&l->stack, l->watch.machine, allowed))
        return 0;
    return stack_look(&l->stack);
}

void vmm_accesses_end(vmm_accesses *a)
{
    if (!a)
        return;
    watch_end(&((log *)a)->watch);
    stack_end(&((log *)a)->stack);
    free(a);
}
