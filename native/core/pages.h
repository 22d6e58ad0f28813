/* Pages of RAM, by their offset in it: whose translated code they hold, and which were written. */
#ifndef VMM_PAGES_H
#define VMM_PAGES_H

#include "core/base.h"

enum { PAGE = 4096, HISTOGRAM_PAGES = (VMM_HISTOGRAM * sizeof(uint32_t) + PAGE - 1) / PAGE };

int pages_new(vmm_machine *m); /* once RAM is there */
void pages_free(vmm_machine *m);
void pages_drop_flash(vmm_machine *m); /* what was translated from flash, at each vCPU's next boundary */
void pages_settle(vmm_vcpu *writer); /* its turn ends: others' code follows what it wrote */

/* What snapshots want to know; numbers are of RAM's pages, then of the records behind them, then of flash */
uint64_t pages_count(const vmm_machine *m);
uint64_t pages_before_flash(const vmm_machine *m);
void page_written(vmm_machine *m, uint64_t page);
void page_restore(vmm_machine *m, uint64_t page, const uint8_t *bytes); /* of RAM; code that was translated from it follows */
void flash_page_restore(vmm_machine *m, uint64_t page, const uint8_t *bytes); /* NULL: erased */
void pages_settled(vmm_machine *m); /* none has been written from here on */

/* What Unicorn tells of the vCPU that executes */
void page_has_code(vmm_vcpu *v, uint64_t offset);         /* it has translated code from there */
void page_code_gone(vmm_vcpu *v, uint64_t offset);        /* and has none of it any more */
const uint8_t *page_may_be_dirty(const vmm_vcpu *v, uint64_t offset); /* NULL: it has code from there, or it is not RAM */
void page_stores(vmm_vcpu *v, uint64_t offset, uintptr_t host_pc);
void page_stored_by_guest(vmm_vcpu *v, uint64_t offset, uint64_t size); /* it is about to store there, the first time since it was clean */
void page_block_dropped(vmm_vcpu *v);                      /* some of its translated code is no longer valid */
bool page_code_left(vmm_vcpu *v);                         /* at a boundary: leave translated code, for some was dropped */

#endif
