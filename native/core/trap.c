/* Traps: told to the trace, then to the host, which may change the value. */
#include "core/console.h"
#include "core/trace.h"
#include "core/trap.h"

bool ask_host(vmm_vcpu *v, vmm_trap *trap)
{
    trace_emit(v, &(vmm_event){.kind = VMM_EV_TRAPPED, .number = trap->kind, .value = trap->number, .pc = vcpu_here(v)});
    const vmm_host *host = host_asked(v->machine);
    return host->trap(host->handle, v->index, trap) == VMM_TRAP_DONE;
}
