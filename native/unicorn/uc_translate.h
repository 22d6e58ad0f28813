/* What Unicorn translates, instruction by instruction, judged before it does. */
#ifndef VMM_UC_TRANSLATE_H
#define VMM_UC_TRANSLATE_H

#include <stdbool.h>

#include "api/vmm.h"

typedef struct {
    uint32_t undefined; /* bytes of it that were read, where it is to be translated as an undefined instruction; else 0 */
    bool last;          /* nothing is translated behind it */
    bool hooked;        /* as before any instruction with a hook, Unicorn computes the flags that were put off; it is the last */
    bool careful;       /* a block that begins with it is looked at each time */
    bool casts;         /* it may keep interrupts off behind it */
    bool conditional;   /* the one of its block, and counts only where it is not skipped */
    bool none;          /* an exception stands in its place: it does not begin */
} uc_verdict;

/* Of the instruction at linear address `pc`, in a block of Unicorn's `flags`; it may read with uc_code_byte. */
typedef uc_verdict (*uc_judge)(vmm_vcpu *v, uint64_t pc, uint32_t flags);

/* Which bits the linear addresses of a block of these flags have. */
typedef uint64_t (*uc_mask)(uint32_t flags);

const char *uc_judge_x86(void *library, uc_judge judge, uc_mask mask); /* once a process; the line that says why not, or NULL */
bool uc_hook_one(vmm_vcpu *v); /* one instruction at a time may have a hook; false: Unicorn's has another shape */

/* As above; such a judge is asked when the instruction has been translated, and says only what becomes of its block. */
const char *uc_judge_aarch64(void *library, uc_judge judge, uc_mask mask);
const char *uc_judge_arm(void *library, uc_judge judge, uc_mask mask);
uint8_t uc_code_byte(vmm_vcpu *v, uint64_t address);     /* while translating; where it cannot be fetched, it does not return */

#endif
