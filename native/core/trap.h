/* What a script may take before the guest sees it happen. */
#ifndef VMM_TRAP_H
#define VMM_TRAP_H

#include "core/base.h"

bool ask_host(vmm_vcpu *v, vmm_trap *trap); /* true: it has done what the instruction that began last would do */

#endif
