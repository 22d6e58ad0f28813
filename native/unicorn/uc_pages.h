/* What Unicorn does to pages of guest memory, told to whoever watches. */
#ifndef VMM_UC_PAGES_H
#define VMM_UC_PAGES_H

#include <stdbool.h>

#include "api/vmm.h"

typedef struct {
    void (*has_code)(vmm_vcpu *v, uint64_t offset); /* it has translated code from there */
    void (*stored)(vmm_vcpu *v, uint64_t offset, uint64_t size); /* it is about to store there, the first time since it was clean; size 0: accessed and dirty bits */
    void (*code_gone)(vmm_vcpu *v, uint64_t offset);       /* of what it translated from that page nothing is left */
    const uint8_t *(*may_be_dirty)(const vmm_vcpu *v, uint64_t offset); /* that page; NULL: each store there must be told */
    bool (*table_read)(vmm_vcpu *v, uint64_t physical, bool looks); /* as uc_walk.h has it */
    void (*stores)(vmm_vcpu *v, uint64_t offset, uintptr_t host_pc); /* an instruction is about to, before anything is done of it */
    void (*fetches)(vmm_vcpu *v); /* it needs a translation for code: what it executed last is over */
    bool (*has_gaps)(vmm_vcpu *v, uint64_t physical); /* as uc_tlb.h has it */
    void (*block_dropped)(vmm_vcpu *v); /* translated code of its is no longer valid; it may be executing that */
} page_watcher;

const char *uc_watch_pages(void *library, const page_watcher *watcher); /* once a process; the line that says why not, or NULL */
void uc_pages_drop_code(vmm_vcpu *v, uint64_t offset, uint64_t end);    /* what it translated from there; in RAM */
bool uc_pages_attach(vmm_vcpu *v);                                      /* false: Unicorn lacks a call */

#endif
