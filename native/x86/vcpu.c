/* An x86 vCPU: opened, proven, wired to the machine and put at the reset vector. */
#include "core/bus.h"
#include "intc/apic/apic.h"
#include "intc/pic/pic.h"
#include "unicorn/uc.h"
#include "x86/transaction.h"
#include "x86/x86.h"

static uint64_t start_address(vmm_vcpu *v)
{
    x86_wrap_eip(v);
    return env_of(v)->eip;
}

/* Of each privilege level one (SDM 3A 6.12.1); what an IST entry or software switches to shows by how far it lies off. */
static uint64_t stack(vmm_vcpu *v, uint32_t *bank)
{
    const x86_env *env = env_of(v);
    uint64_t pointer = env->regs[R_SP];
    *bank = env->hflags & HF_CPL;
    if (env->hflags & HF_CS64)
        return pointer;
    pointer &= env->hflags & HF_SS32 ? 0xffffffff : 0xffff;
    return (uint32_t)(env->segs[VMM_SS].base + pointer);
}

static uint32_t features(const vmm_vcpu *v)
{
    return x86_cpuid_leaf(v, 1, 0).ecx;
}

static uint64_t tsc_at(const vmm_vcpu *v, uint64_t ns)
{
    return ns + x86_of(v)->tsc_offset;
}

static const apic_processor PROCESSOR = {vmm_x86_init, x86_startup, features, tsc_at};

static const struct vmm_arch X86 = {
    .boundary = x86_boundary,
    .wakes = x86_wakes,
    .can_wake = x86_can_wake,
    .start_address = start_address,
    .pc = vmm_x86_linear_pc,
    .stack = stack,
    .look = vmm_x86_read,
    .reg = vmm_x86_get,
    .physical = x86_physical_page,
    .goes_on = x86_goes_on,
    .interrupts_changed = lapic_inputs_changed,
    .local_read = lapic_local_read,
    .local_write = lapic_local_write,
    .timer_expired = lapic_timer_expired,
    .shadow = vmm_x86_shadow,
    .keep = x86_keep,
    .vectors = x86_vectors,
    .watch_masks = x86_watch_masks,
    .state_size = x86_state_size,
    .save = x86_save,
    .restore = x86_restore,
    .alike = x86_alike,
    .aftermath = x86_aftermath,
    .outside = x86_take_init,
    .leaves = x86_leaves,
    .rests = x86_rest,
    .accesses = x86_reaches_device,
    .reached = x86_reached,
    .settles = x86_settles,
    .processor = &PROCESSOR,
    .state_bytes = sizeof(vmm_x86),
    .dynamic_bytes = offsetof(vmm_x86, watch_hook),
};

vmm_x86 *vmm_x86_of(vmm_vcpu *v)
{
    return v->arch == &X86 ? x86_of(v) : NULL;
}

vmm_lapic *vmm_lapic_of(vmm_vcpu *v)
{
    return v->arch == &X86 ? lapic_of(v) : NULL;
}

/* 0, or -1 with machine->error. */
static int open_engine(vmm_vcpu *v, int cpu_model)
{
    int error = uc.open(UC_ARCH_X86, UC_MODE_64, &v->uc);
    if (!error)
        error = uc.ctl(v->uc, UC_CTL_CPU_MODEL, cpu_model);
    if (!error)
        error = uc.ctl(v->uc, UC_CTL_USE_EXITS, 1);
    if (error)
        return fail(v->machine, "Unicorn cannot open an x86 CPU of model %d: %s", cpu_model, uc.strerror(error));
    return x86_env_find(v) || x86_env_prove(v) ? -1 : 0;
}

int vmm_add_x86(vmm_machine *m, int cpu_model)
{
    bool wired = vmm_pic_of(m) && vmm_ioapic_of(m); /* LINT0 and the APICs' bus lead there */
    vmm_vcpu *v = wired ? vcpu_new(m, &X86) : NULL;
    if (!v)
        return -1;
    v->controller = &x86_of(v)->lapic;
    if (!x86_attach_tasks(v))
        return fail(m, "there is no memory for a vCPU");
    if (block_open(v, cpu_model, open_engine, x86_attach_blocks))
        return -1;
    int error = bus_attach(v);
    if (!error)
        error = x86_attach_apic_page(v);
    if (error)
        return fail(m, "Unicorn cannot map the machine's memory: %s", uc.strerror(error));
    if (x86_env_find_exception_index(v))
        return -1;
    x86_attach_intercepts(v);
    x86_attach_syscalls(v);
    x86_attach_boundary(v);
    x86_reset(v);
    lapic_of(v)->initial_id = v->index;
    x86_after_firmware(v);
    return vcpu_ready(v);
}
