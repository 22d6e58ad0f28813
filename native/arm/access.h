/* Virtual addresses of accesses. */
#ifndef VMM_ARM_ACCESS_H
#define VMM_ARM_ACCESS_H

#include "arm/arm.h"

void arm_note_access(vmm_vcpu *v, uint64_t physical, uint32_t size, bool write); /* it is about to be made */
bool arm_virtual_address(vmm_vcpu *v, uint64_t physical, uint64_t *address); /* of the access that is being made; false: not known */
uint64_t arm_physical_page(vmm_vcpu *v, uint64_t address); /* of the page's address; all ones: not mapped */
void arm_forget_pages(vmm_vcpu *v);                  /* what the TLB knows, and which pages are watched */
const char *arm_watch_accesses(void *library);       /* once a process; the line that says why not, or NULL */

/* debug.c */
int arm_watched(vmm_vcpu *v, uint64_t address, uint64_t length); /* bit 0: loads from there, bit 1: stores may hit a watchpoint */
void arm_watch(vmm_vcpu *v, uint64_t address, uint64_t length, bool write); /* does not return where one hits */

#endif
