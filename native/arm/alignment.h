/* Alignment of data accesses. */
#ifndef VMM_ARM_ALIGNMENT_H
#define VMM_ARM_ALIGNMENT_H

#include "arm/arm.h"

const char *arm_check_alignment(void *library); /* once a process; the line that says why not, or NULL */
void arm_alignment_changed(vmm_vcpu *v);        /* SCTLR or HCR_EL2 may have, other than by the guest */
bool arm_sp_unaligned(vmm_vcpu *v);             /* the next instruction would use SP, which must be a multiple of 16 */
uint32_t arm_translated(void);                  /* the instruction that is being translated; T32: its first halfword on top */
uint32_t arm_regime(const vmm_vcpu *v);         /* the translation regime's exception level: whose SCTLR_ELx counts now */

#endif
