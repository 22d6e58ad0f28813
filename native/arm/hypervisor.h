/* What EL2 does to the levels below it. */
#ifndef VMM_HYPERVISOR_H
#define VMM_HYPERVISOR_H

#include "arm/arm.h"

#define HCR_VM (1ull << 0)
#define HCR_PTW (1ull << 2)
#define HCR_FMO (1ull << 3)
#define HCR_IMO (1ull << 4)
#define HCR_AMO (1ull << 5)
#define HCR_FB (1ull << 9)
#define HCR_DC (1ull << 12)
#define HCR_TID3 (1ull << 18)
#define HCR_TSC (1ull << 19)
#define HCR_TIDCP (1ull << 20)
#define HCR_TPU (1ull << 24)
#define HCR_TTLB (1ull << 25)
#define HCR_TGE (1ull << 27)
#define HCR_HCD (1ull << 29)
#define HCR_TVM (1ull << 26)
#define HCR_TRVM (1ull << 30)
#define HCR_RW (1ull << 31)
#define HCR_E2H (1ull << 34)

enum { CNTHCTL_EL1PCTEN = 1, CNTHCTL_EL1PCEN = 2, CNTHCTL_E2H = 10 /* where both lie with E2H */ };

bool arm_e2h(const vmm_vcpu *v);         /* HCR_EL2.E2H in effect */
bool arm_in_host(vmm_vcpu *v);           /* at EL2, or at EL0 below it, of a host with E2H */
bool arm_redirects(vmm_vcpu *v);         /* EL1's names mean EL2's registers */
bool arm_el2_enabled(const vmm_vcpu *v); /* EL2 exists in the Security state of the levels below EL3 */
uint64_t arm_hcr(const vmm_vcpu *v);     /* HCR_EL2 as it takes effect; 0 where EL2 is not enabled */
uint32_t arm_debug_target(const vmm_vcpu *v); /* the level that debug exceptions go to */
void arm_choose_widths(vmm_vcpu *v);          /* before its registers are defined */

bool arm_can_translate(void);                     /* it has seen what a host's address translation needs */

#endif
