/* Entries of Unicorn's TLB: those that loads and stores need are for data alone, and stores make them dirty one by one. */
#ifndef VMM_UC_TLB_H
#define VMM_UC_TLB_H

#include <stdbool.h>

#include "api/vmm.h"
#include "unicorn/thread.h"

/* Where translated code was left for the entry that is being made; UC_FETCHES: it is for code; 0: none is. */
extern THREAD_LOCAL uintptr_t uc_filling;
enum { UC_FETCHES = 1 };
/* What that entry is for. */
extern THREAD_LOCAL struct uc_fill {
    uint64_t address; /* virtual */
    bool write;
} uc_fill;

/*
 * Once a process; `fetches` is told before an entry for code is made, and where a page has gaps each access makes an entry
 * anew. The line that says why not, or NULL.
 */
const char *uc_watch_tlb(void *library, void (*fetches)(vmm_vcpu *v), bool (*has_gaps)(vmm_vcpu *v, uint64_t physical));
bool uc_tlb_attach(vmm_vcpu *v);                                   /* false: Unicorn's TLB has another shape */
void uc_tlb_dirty(const vmm_vcpu *v, uint64_t address, const uint8_t *page); /* stores to `page` by that virtual address are told no more */
/* Where aligned bytes are read from by that address in a mode of the MMU; NULL: nowhere, or Unicorn sees to it. x86 only. */
const uint8_t *uc_tlb_readable(const vmm_vcpu *v, unsigned mode, uint64_t address, uint32_t size);

#endif
