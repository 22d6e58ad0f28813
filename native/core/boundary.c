/* What ends a run or a turn at an instruction boundary, whatever the architecture. */
#include "core/boundary.h"
#include "core/clock.h"
#include "core/schedule.h"
#include "core/trigger.h"
#include "core/vcpu.h"
#include "unicorn/uc.h"

bool must_stop(vmm_vcpu *v)
{
    vmm_machine *m = v->machine;
    if (v->pending & VMM_PEND_STOP)
        return true;
    uint64_t insns = machine_insns(m), pc = v->arch->pc(v);
    /* A limit goes first: after any other stop the next run may begin with another vCPU, which would meet it instead. */
    if (insns >= m->limit_insns || vcpu_now(v) >= m->limit_ns)
        vcpu_request_stop(v, VMM_STOP_LIMIT, insns >= m->limit_insns ? 0 : 1, pc);
    trigger_time(v);
    if (m->triggers.every && !v->halted)
        trigger_boundary(v);
    if (insns >= m->slice_end || m->signalled)
        vcpu_request_stop(v, VMM_STOP_SLICE, 0, pc);
    return v->pending & VMM_PEND_STOP;
}

bool keeps_turn(vmm_vcpu *v)
{
    bool over = v->off || v->halted || turn_is_over(v);
    if (!over || next_to_run(v->machine) == v)
        return true;
    vcpu_leave(v);
    return false;
}

void vcpu_leave(vmm_vcpu *v)
{
    v->leaving = 1;
    uc.emu_stop(v->uc);
}
