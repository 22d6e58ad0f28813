/* Flash that a device of the bus programs, and that it answers for while the guest asks it and not the memory. */
#ifndef VMM_FLASH_H
#define VMM_FLASH_H

#include "core/base.h"

bool flash_answers(const vmm_machine *m, uint64_t physical); /* the device answers reads there */
bool flash_leads_to_device(vmm_vcpu *v, uint64_t physical, bool fetches); /* likewise, as the vCPU comes to that page, for code or data */
const vmm_range *flash_written_at(const vmm_machine *m, uint64_t physical); /* whose command a store is; NULL: nobody's */

#endif
