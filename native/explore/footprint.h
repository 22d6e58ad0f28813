/* What runs read and write of RAM, byte by byte: of each byte, whether its value was used before it was written. */
#ifndef VMM_FOOTPRINT_H
#define VMM_FOOTPRINT_H

#include "api/vmm_explore.h"
#include "core/arch.h"
#include "explore/byte_set.h"

typedef struct {
    byte_set live;  /* read before written */
    byte_set wrote;
    uint64_t beyond; /* of loads across pages: bytes of the second, which is not told. By then `live` is all, or see watcher */
    uint64_t grown; /* bytes of the stack, where that is looked at */
    uint32_t answers; /* looking ahead: one bit a choice that another answer of a device would be */
} footprint;

typedef struct {
    vmm_machine *machine;
    footprint *now; /* what is accessed goes there; NULL: nowhere */
    vmm_accesses *each; /* and here, one by one; NULL: nowhere */
    uint64_t host_calls; /* up to now */
    bool by_name; /* what is asked is whether a certain place is read: a load across pages is not taken as one of all */
    size_t hook[VMM_MAX_VCPUS];
} watcher;

void footprint_clear(footprint *f);
void footprint_free(footprint *f);
/* What lies before what `live` is alive after: add the bytes whose values either uses. */
void footprint_precede(const footprint *f, const byte_set *live, byte_set *out);

/* Of a vCPU's registers that arch->leftover has: bits `numbers`. */
bool registers_meet(const vmm_machine *m, const byte_set *live, uint32_t vcpu, uint64_t numbers);
void watch_python(watcher *w); /* it is asked, and may read any of them */
void watch_settle(watcher *w); /* so may its devices, if any was called since then */

int watch_begin(watcher *w, vmm_machine *m); /* 0, or -1 with m->error; every access costs from now on */
void watch_end(watcher *w);

#endif
