/* Who holds floating point and SIMD. */
#ifndef VMM_ARM_FP_H
#define VMM_ARM_FP_H

#include "arm/arm.h"

const char *arm_watch_fp(void *library); /* once a process; the line that says why not, or NULL */
void arm_simd_update(vmm_vcpu *v);          /* after CPACR changed, where there is an ASEDIS */

#endif
