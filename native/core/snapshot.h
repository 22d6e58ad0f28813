/* What a snapshot is made of, for those who hold a machine against one. */
#ifndef VMM_SNAPSHOT_H
#define VMM_SNAPSHOT_H

#include "core/arch.h"
#include "core/page_tree.h"

#define DYNAMIC_AT offsetof(vmm_machine, lines)
#define DYNAMIC_BYTES (offsetof(vmm_machine, running) - DYNAMIC_AT)
enum { ARCH_AT = offsetof(vmm_vcpu, machine) };

/* Where a snapshot stands in the tree of histories; outlives it while later ones refer to it. */
typedef struct moment {
    struct moment *parent;
    uint64_t references;
    uint64_t depth;
    uint64_t emitted; /* events so far */
} moment;

struct vmm_snapshot {
    uint32_t references; /* the caller's, and the machine's while it is the base */
    const vmm_machine *machine; /* to be compared, not followed */
    moment *moment;
    page_tree pages;
    uint32_t vcpu_count;
    uint8_t *vcpus[VMM_MAX_VCPUS];
    void *controllers[VMM_MAX_CONTROLLERS]; /* their states; NULL: there was no such controller */
    void *compared; /* what the handlers under way interrupted; NULL: there were none, or nobody compared */
    _Alignas(vmm_machine) uint8_t dynamic[DYNAMIC_BYTES];
};

static inline size_t unicorn_at(const vmm_vcpu *v) /* in what is saved of a vCPU: the core's part, its architecture's, Unicorn's */
{
    return ARCH_AT + (v->arch->dynamic_bytes + 7) / 8 * 8;
}

/* Of RAM, where it is another than in the snapshot or may be; `then`: NULL: zeros. */
typedef void page_visit(void *context, uint64_t page, const uint8_t *then);
void snapshot_differences(vmm_machine *m, const vmm_snapshot *s, page_visit *visit, void *context);

/* The machine is as the snapshot, but for bytes of RAM, and for what no guest can see. Both stand at a boundary that no
   event waits for because of the instruction before it: see arch->aftermath. */
bool snapshot_alike(vmm_machine *m, const vmm_snapshot *s);
/* Nor does that look at some registers of each vCPU: one bit for each that differs, see arch->leftover. */
uint64_t snapshot_leftover(vmm_machine *m, const vmm_snapshot *s, uint32_t vcpu);

#endif
