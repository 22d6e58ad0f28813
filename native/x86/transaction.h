/* Transactions under way, of all vCPUs of a machine. */
#ifndef VMM_X86_TRANSACTION_H
#define VMM_X86_TRANSACTION_H

#include "api/vmm_transaction.h"
#include "core/controller.h"
#include "x86/x86.h"

enum { TRANSACTION_ROW = 6 }; /* in native/machine.c; its state is there on machines whose vCPUs have RTM */
enum { TX_LINE = 64, TX_WRITTEN = 64, TX_READ = 512, TX_NEST = 7, TX_REST = 8192 };

typedef struct {
    uint32_t depth; /* 0: none is under way */
    uint32_t written, read; /* lines */
    uint64_t fallback;      /* RIP */
    x86_env registers;      /* as XBEGIN found them */
    uint8_t rest[TX_REST];  /* and what Unicorn's state has behind them: x87, SSE */
    uint64_t written_at[TX_WRITTEN];
    uint8_t was[TX_WRITTEN][TX_LINE];
    uint64_t read_at[TX_READ];
} x86_transaction;

typedef struct { x86_transaction of[VMM_MAX_VCPUS]; } x86_transactions;

static inline x86_transaction *transaction_of(const vmm_vcpu *v) /* NULL: it has no RTM */
{
    x86_transactions *all = v->machine->controller_state[TRANSACTION_ROW];
    return all ? &all->of[v->index] : NULL;
}

static inline bool x86_transacting(const vmm_vcpu *v)
{
    const x86_transaction *t = transaction_of(v);
    return unlikely(t != NULL) && t->depth;
}

bool x86_transaction_begins_or_ends(vmm_vcpu *v, const x86_insn *insn); /* XBEGIN, XEND, XABORT, XTEST; false: it is none */
void x86_abort(vmm_vcpu *v, uint32_t status, uint32_t why); /* registers and memory as they were, at the fallback */
void x86_reached(vmm_vcpu *v, uint64_t physical, uint64_t size, bool write); /* others are about to access that */
void x86_abort_access(vmm_vcpu *v); /* from within an instruction that no transaction can have, if one is under way */

#endif
