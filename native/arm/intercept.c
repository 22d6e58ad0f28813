/* Synchronous exceptions, and the calls to firmware and host that look like some of them. */
#include "arm/arm.h"
#include "arm/blocks.h"
#include "arm/hypervisor.h"
#include "core/boundary.h"
#include "core/schedule.h"
#include "core/trap.h"
#include "core/trigger.h"
#include "unicorn/uc.h"

enum { /* Unicorn's numbers of them */
    EXCP_UDEF = 1, EXCP_SWI = 2, EXCP_PREFETCH_ABORT = 3, EXCP_DATA_ABORT = 4, EXCP_BKPT = 7, EXCP_HVC = 11,
    EXCP_HYP_TRAP = 12, EXCP_SMC = 13, EXCP_SEMIHOST = 16
};

enum { A64_SEMIHOSTING = 0xf000, A32_SEMIHOSTING = 0x123456, T32_SEMIHOSTING = 0xab };

static uint32_t class_of(uint32_t syndrome)
{
    return syndrome >> 26;
}

static bool ask(vmm_vcpu *v, uint8_t kind, uint32_t number)
{
    return ask_host(v, &(vmm_trap){.kind = kind, .number = number});
}

static void synchronous(vmm_vcpu *v, arm32_vector vector32, uint8_t source, bool has_far)
{
    const arm_env *env = arm_env_of(v);
    uint32_t target = env->exception.target_el, syndrome = arm_told_status(env->exception.syndrome, env->exception.fsr);
    arm_event e = {.kind = ARM_SYNC, .vector32 = vector32, .source = source, .target = target ? target : 1,
                   .number = class_of(syndrome), .syndrome = syndrome, .fsr = env->exception.fsr, .has_far = has_far,
                   .far = has_far ? env->exception.vaddress : 0};
    arm_deliver(v, &e);
}

static void skip(vmm_vcpu *v, uint32_t length)
{
    arm_env *env = arm_env_of(v);
    if (env->aarch64)
        env->pc += length;
    else
        env->regs[15] += length;
}

/* ---- calls ---- */

typedef struct {
    uint8_t kind; /* enum vmm_trap_kind; 0: none of these */
    uint32_t immediate;
} call;

/* HVC, SMC and the semihosting HLT where the processor has no such exception: Unicorn calls them undefined. */
static call call_at(vmm_vcpu *v, uint32_t opcode)
{
    if (arm_is_a64(v)) {
        uint32_t immediate = opcode >> 5 & 0xffff;
        switch (opcode & 0xffe0001f) {
        case 0xd4000002: return (call){VMM_TRAP_HVC, immediate};
        case 0xd4000003: return (call){VMM_TRAP_SMC, immediate};
        case 0xd4400000: return (call){immediate == A64_SEMIHOSTING ? VMM_TRAP_SEMIHOSTING : 0, immediate};
        default: return (call){0};
        }
    }
    if (arm_env_of(v)->thumb) { /* first halfword below */
        uint32_t t32 = opcode << 16 | opcode >> 16;
        if ((t32 & 0xfff0f000) == 0xf7e08000)
            return (call){VMM_TRAP_HVC, (t32 >> 4 & 0xf000) | (t32 & 0xfff)};
        if ((t32 & 0xfff0f000) == 0xf7f08000)
            return (call){VMM_TRAP_SMC, t32 >> 16 & 0xf};
        return (call){0};
    }
    if ((opcode & 0x0ff000f0) == 0x01400070)
        return (call){VMM_TRAP_HVC, (opcode >> 4 & 0xfff0) | (opcode & 0xf)};
    if ((opcode & 0x0ff000f0) == 0x01600070)
        return (call){VMM_TRAP_SMC, opcode & 0xf};
    return (call){0};
}

static bool armed(const vmm_vcpu *v, uint8_t kind)
{
    switch (kind) {
    case VMM_TRAP_SVC: return arm_of(v)->traps.svc;
    case VMM_TRAP_HVC: return arm_of(v)->traps.hvc;
    case VMM_TRAP_SMC: return arm_of(v)->traps.smc;
    case VMM_TRAP_BRK: return arm_of(v)->traps.brk;
    case VMM_TRAP_UNDEFINED: return arm_of(v)->traps.undefined;
    default: return false;
    }
}

/* DEN0022, DEN0028: firmware answers HVC #0 or SMC #0 from EL1 and above, each where it is the conduit. */
static bool is_firmware_call(const vmm_vcpu *v, call c)
{
    bool conduit = (c.kind == VMM_TRAP_HVC && arm_of(v)->conduit == VMM_CONDUIT_HVC) || (c.kind == VMM_TRAP_SMC && arm_of(v)->conduit);
    return conduit && c.immediate == 0;
}

/* Firmware stands for EL3, so HCR_EL2.TSC keeps EL1 from it though Unicorn knows of no EL3 (DDI0487 D13.2.48). */
static bool held_by_el2(vmm_vcpu *v, call c)
{
    return c.kind == VMM_TRAP_SMC && vmm_arm_el(v) == 1 && arm_hcr(v) & HCR_TSC;
}

/* True: the script, firmware or host has done it. */
static bool answered(vmm_vcpu *v, call c)
{
    if (armed(v, c.kind) && ask(v, c.kind, c.immediate))
        return true;
    if (is_firmware_call(v, c) && vmm_arm_el(v) > 0 && !held_by_el2(v, c))
        return ask(v, VMM_TRAP_FIRMWARE, c.kind);
    return c.kind == VMM_TRAP_SEMIHOSTING && vmm_arm_el(v) > 0 && ask(v, VMM_TRAP_SEMIHOSTING, c.immediate);
}

/* DDI0487 D13.2.37, ISS of EC 0x18: Unicorn leaves no syndrome for MSR (immediate) that EL0 may not execute. */
static uint32_t trapped_msr_immediate(uint32_t opcode)
{
    uint32_t op1 = opcode >> 16 & 7, crn = opcode >> 12 & 15, crm = opcode >> 8 & 15, op2 = opcode >> 5 & 7, rt = opcode & 31;
    return SYNDROME(EC_SYSREG, op2 << 17 | op1 << 14 | crn << 10 | rt << 5 | crm << 1);
}

/* What Unicorn says wrongly or not at all. */
static void mend_syndrome(vmm_vcpu *v, uint32_t opcode)
{
    enum { IL = 1 << 25, COPROCESSOR = 0xfffff }; /* ISS of EC_FP_ACCESS: RES0 in AArch64 (D13.2.37) */
    uint32_t *syndrome = &arm_env_of(v)->exception.syndrome;
    if (arm_is_a64(v) && *syndrome == 0)
        *syndrome = trapped_msr_immediate(opcode);
    if (arm_of(v)->aarch64 && class_of(*syndrome) == EC_FP_ACCESS)
        *syndrome &= ~(uint32_t)COPROCESSOR;
    if (class_of(*syndrome) == EC_SVE_ACCESS)
        *syndrome |= IL;
}

static void undefined(vmm_vcpu *v)
{
    uint32_t opcode = 0;
    vmm_arm_read(v, arm_pc(v), &opcode, sizeof opcode);
    mend_syndrome(v, opcode);
    call c = class_of(arm_env_of(v)->exception.syndrome) == EC_UNKNOWN ? call_at(v, opcode) : (call){0};
    if (c.kind && answered(v, c)) {
        skip(v, 4);
        return;
    }
    if (held_by_el2(v, c)) {
        arm_env_of(v)->exception.syndrome = SYNDROME(EC_SMC64, c.immediate);
        arm_env_of(v)->exception.target_el = 2;
        synchronous(v, VECTOR_UNDEFINED, VMM_SRC_EXCEPTION, false);
        return;
    }
    if (armed(v, VMM_TRAP_UNDEFINED) && ask(v, VMM_TRAP_UNDEFINED, opcode))
        return;
    synchronous(v, VECTOR_UNDEFINED, VMM_SRC_EXCEPTION, false);
    arm_check_lockup(v, false);
}

static void supervisor_call(vmm_vcpu *v)
{
    const arm_env *env = arm_env_of(v);
    uint32_t immediate = env->exception.syndrome & 0xffff;
    bool semihosting = false;
    if (!env->aarch64) { /* A32's immediate has 24 bits, of which the syndrome keeps 16 */
        uint32_t opcode = 0;
        vmm_arm_read(v, vcpu_here(v), &opcode, sizeof opcode);
        immediate = env->thumb ? opcode & 0xff : opcode & 0xffffff;
        semihosting = immediate == (env->thumb ? T32_SEMIHOSTING : A32_SEMIHOSTING) && vmm_arm_el(v) > 0;
    }
    if (semihosting && ask(v, VMM_TRAP_SEMIHOSTING, immediate))
        return;
    if (!answered(v, (call){VMM_TRAP_SVC, immediate}))
        synchronous(v, VECTOR_SVC, VMM_SRC_SOFTWARE, false);
}

static void breakpoint(vmm_vcpu *v)
{
    call c = {VMM_TRAP_BRK, arm_env_of(v)->exception.syndrome & 0xffff};
    if (answered(v, c))
        skip(v, arm_is_a64(v) || !arm_env_of(v)->thumb ? 4 : 2);
    else
        synchronous(v, VECTOR_PREFETCH, VMM_SRC_EXCEPTION, false);
}

/* Unicorn's PC is behind HVC; behind SMC, too, but SMC's preferred return address then is (DDI0487 D1.10.1). */
static void hypervisor_call(vmm_vcpu *v, uint8_t kind)
{
    if (!answered(v, (call){kind, arm_env_of(v)->exception.syndrome & 0xffff}))
        synchronous(v, VECTOR_UNDEFINED, VMM_SRC_SOFTWARE, false);
}

static bool may_be_mended(const vmm_vcpu *v)
{
    for (uint32_t i = 0; i < v->machine->vcpu_count; i++)
        if (i != v->index && !v->machine->vcpus[i]->off)
            return true;
    return !arm_of(v)->aarch64 && !(arm_env_of(v)->daif & PSTATE_F);
}

/*
 * The vector of the exception is what raised it: the same follows for ever. Another vCPU or an FIQ might still mend the
 * instruction there, so then it is given a while.
 */
void arm_check_lockup(vmm_vcpu *v, bool fetch)
{
    enum { PATIENCE = 1000 };
    bool loops = arm_pc(v) == vcpu_here(v);
    arm_of(v)->loops = loops ? arm_of(v)->loops + 1 : 0;
    if (!loops || (!fetch && arm_of(v)->loops < PATIENCE && may_be_mended(v)))
        return;
    v->shutdown = 1;
    vcpu_request_stop(v, VMM_STOP_SHUTDOWN, !fetch, arm_pc(v));
    vcpu_leave(v);
}

/* DDI0487 D13.2.37, ISS of a data abort: what the instruction was is told of stage 2 alone, which Unicorn does not ask. */
static void data_abort(vmm_vcpu *v)
{
    enum { INSTRUCTION = 0x7ff << 14 };
    bool stage_2 = vmm_arm_el(v) < 2 && !(arm_hcr(v) & HCR_TGE);
    if (arm_of(v)->aarch64 && !stage_2)
        arm_env_of(v)->exception.syndrome &= ~(uint32_t)INSTRUCTION;
    synchronous(v, VECTOR_DATA, VMM_SRC_EXCEPTION, true);
    arm_check_lockup(v, false);
}

static void prefetch_abort(vmm_vcpu *v)
{
    if (!arm_fetch_attempt(v))
        return;
    synchronous(v, VECTOR_PREFETCH, VMM_SRC_EXCEPTION, true);
    arm_check_lockup(v, true);
}

static void on_intr(void *engine, uint32_t number, void *user)
{
    (void)engine;
    vmm_vcpu *v = user;
    arm_settle_exception(v, number == EXCP_PREFETCH_ABORT);
    switch (number) {
    case EXCP_UDEF:
        undefined(v);
        break;
    case EXCP_SWI:
        supervisor_call(v);
        break;
    case EXCP_PREFETCH_ABORT:
        prefetch_abort(v);
        break;
    case EXCP_DATA_ABORT:
        data_abort(v);
        break;
    case EXCP_BKPT:
        breakpoint(v);
        break;
    case EXCP_HVC:
        hypervisor_call(v, VMM_TRAP_HVC);
        break;
    case EXCP_SMC:
        hypervisor_call(v, VMM_TRAP_SMC);
        break;
    case EXCP_HYP_TRAP:
        synchronous(v, VECTOR_UNDEFINED, VMM_SRC_EXCEPTION, false);
        break;
    default:
        vcpu_request_stop(v, VMM_STOP_ENGINE, number, arm_pc(v));
    }
    if (v->pending & VMM_PEND_STOP)
        vcpu_leave(v);
}

/* AArch32 alone: Unicorn reports undefined instructions here, and YIELD and WFE with PC behind them. */
static bool on_invalid(void *engine, void *user)
{
    (void)engine;
    vmm_vcpu *v = user;
    arm_settle_exception(v, false);
    bool hint = arm_pc(v) != vcpu_here(v);
    if (hint) { /* nothing to do now: give the turn away */
        if (v->machine->vcpu_count > 1)
            turn_give_up(v);
        return true;
    }
    undefined(v);
    if (v->pending & VMM_PEND_STOP)
        vcpu_leave(v);
    return true;
}

void arm_attach_intercepts(vmm_vcpu *v)
{
    size_t hook;
    uint64_t from = 1, to = 0; /* everywhere */
    uc.hook_add(v->uc, &hook, UC_HOOK_INTR, on_intr, v, from, to);
    uc.hook_add(v->uc, &hook, UC_HOOK_INSN_INVALID, on_invalid, v, from, to);
}
