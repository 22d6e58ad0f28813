/* Translations follow the tables they came from. Offsets are in RAM. */
#ifndef VMM_TABLES_H
#define VMM_TABLES_H

#include "core/base.h"

bool table_read(vmm_vcpu *v, uint64_t physical, bool looks);           /* by a walk: whether memory is there to be read */
void table_stored(vmm_machine *m, uint64_t offset, uint64_t size);     /* a guest is about to store to a page with tables */
void table_written(vmm_machine *m, uint64_t offset);                   /* somebody else has written in that page */

#endif
