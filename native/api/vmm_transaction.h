/* Restricted transactional memory of x86 (SDM vol. 1 chapter 16), on CPUs that have it. */
#ifndef VMM_API_TRANSACTION_H
#define VMM_API_TRANSACTION_H

#include "api/vmm.h"

enum vmm_transaction { /* what an event says of one */
    VMM_TX_BEGINS = 0,
    VMM_TX_COMMITS = 1,
                    /* the rest are aborts, each by what it is for */
    VMM_TX_ASKED = 2,       /* XABORT */
    VMM_TX_INTERRUPT = 3,
    VMM_TX_EXCEPTION = 4,   /* which is dropped; or INT n */
    VMM_TX_INSTRUCTION = 5, /* one that cannot be in a transaction, or reaches a device */
    VMM_TX_CAPACITY = 6,
    VMM_TX_CONFLICT = 7,
    VMM_TX_NESTED = 8       /* too deep */
};

int vmm_x86_transacts(vmm_vcpu *v); /* before it has run: it has RTM; -1 with machine->error */

#endif
