/*
 * SSE exceptions (SDM vol. 1 11.5; vol. 3A 6.15 "Interrupt 19"). Unicorn computes what an operation raises and forgets it.
 * We stand before its arithmetic: flags go into MXCSR, and what is unmasked is a fault, with the destination as it was.
 */
#include "core/clock.h"
#include "unicorn/uc.h"
#include "unicorn/uc_plt.h"
#include "x86/softfloat.h"
#include "x86/x86.h"

enum { MASKS_AT = 7, DAZ = 1 << 6, CR4_OSXMMEXCPT = 1 << 10 };
enum { RSQRTPS = 0x52, RCPPS = 0x53, MAP_3A = 0x3a };

/* Before its first element. */
static void keep_destination(vmm_vcpu *v)
{
    vmm_x86 *x = x86_of(v);
    x86_insn insn;
    if (x->simd_count == v->count || !x86_decode(v, vcpu_here(v), &insn))
        return;
    x->simd_count = v->count;
    x->simd_register = UC_X86_REG_XMM0 + ((insn.modrm >> 3 & 7) | (insn.rex & 4) << 1);
    uc.reg_read(v->uc, (int)x->simd_register, x->simd_value);
}

static void fault(vmm_vcpu *v)
{
    if (x86_of(v)->simd_count == v->count)
        uc.reg_write(v->uc, (int)x86_of(v)->simd_register, x86_of(v)->simd_value);
    x86_set_pc(v, x86_rip_here(v));
    x86_raise(v, env_of(v)->cr[4] & CR4_OSXMMEXCPT ? X86_XM : X86_UD, false, 0, env_of(v)->eip);
    if (v->pending & VMM_PEND_STOP)
        uc.emu_stop(v->uc);
    x86_leave_translated_code(v);
}

/* Estimates raise nothing, though Unicorn divides for them; ROUNDPS and its like may be told not to be inexact. */
static unsigned of_this_instruction(vmm_vcpu *v, unsigned flags)
{
    x86_insn insn;
    if (!x86_decode(v, vcpu_here(v), &insn) || insn.map != 1)
        return flags;
    if (insn.opcode == RSQRTPS || insn.opcode == RCPPS)
        return 0;
    return insn.opcode == MAP_3A ? flags & ~(unsigned)PE : flags;
}

/* Where an inexact result is nothing new Unicorn may let the host compute, as it does when it knows of one. */
static before_it begin(float_status *s)
{
    vmm_vcpu *v = uc_executing;
    before_it before = {v && s == x86_simd_status_of(v) ? v : NULL, s->flags};
    s->flags = 0;
    if (!before.v)
        return before;
    uint32_t mxcsr = *x86_mxcsr_of(v), unmasked = ~mxcsr >> MASKS_AT & ALL;
    if (unlikely(unmasked))
        keep_destination(v);
    s->flags = (uint8_t)(mxcsr & PE & ~unmasked);
    return before;
}

static __attribute__((noinline)) void raised(vmm_vcpu *v, unsigned flags)
{
    uint32_t *mxcsr = x86_mxcsr_of(v);
    flags = of_this_instruction(v, flags);
    *mxcsr |= flags;
    if (flags & ~(*mxcsr >> MASKS_AT))
        fault(v);
}

static inline void end(float_status *s, before_it before, unsigned also)
{
    unsigned flags = s->flags & (ALL & ~DE);
    s->flags |= before.flags;
    if (!before.v)
        return;
    uint32_t mxcsr = *x86_mxcsr_of(before.v);
    if (!(flags & IE) && !(mxcsr & DAZ))
        flags |= also;
    bool faults = flags & ~(mxcsr >> MASKS_AT), new = flags & ~mxcsr;
    if (unlikely(faults || new))
        raised(before.v, flags);
}

static bool narrow32(uint32_t a)
{
    return !(a & 0x7f800000) && a & 0x7fffff;
}

static bool narrow64(uint64_t a)
{
    return !(a & 0x7ff0000000000000) && a & 0xfffffffffffff;
}

#define BINARY32(name, type) OPERATION(name, type, (uint32_t a, uint32_t b, float_status *s), (a, b, s), narrow32(a) || narrow32(b))
#define BINARY64(name, type) OPERATION(name, type, (uint64_t a, uint64_t b, float_status *s), (a, b, s), narrow64(a) || narrow64(b))
#define UNARY32(name, type, also) OPERATION(name, type, (uint32_t a, float_status *s), (a, s), also)
#define UNARY64(name, type, also) OPERATION(name, type, (uint64_t a, float_status *s), (a, s), also)

BINARY32(float32_add, uint32_t)
BINARY32(float32_sub, uint32_t)
BINARY32(float32_mul, uint32_t)
BINARY32(float32_div, uint32_t)
BINARY32(float32_lt, int)
BINARY32(float32_le, int)
BINARY32(float32_eq_quiet, int)
BINARY32(float32_unordered_quiet, int)
BINARY32(float32_compare, int)
BINARY32(float32_compare_quiet, int)
UNARY32(float32_sqrt, uint32_t, narrow32(a))
UNARY32(float32_to_float64, uint64_t, narrow32(a))
UNARY32(float32_to_int32, int32_t, false)
UNARY32(float32_to_int64, int64_t, false)
UNARY32(float32_to_int32_round_to_zero, int32_t, false)
UNARY32(float32_to_int64_round_to_zero, int64_t, false)
UNARY32(float32_round_to_int, uint32_t, false)
BINARY64(float64_add, uint64_t)
BINARY64(float64_sub, uint64_t)
BINARY64(float64_mul, uint64_t)
BINARY64(float64_div, uint64_t)
BINARY64(float64_lt, int)
BINARY64(float64_le, int)
BINARY64(float64_eq_quiet, int)
BINARY64(float64_unordered_quiet, int)
BINARY64(float64_compare, int)
BINARY64(float64_compare_quiet, int)
UNARY64(float64_sqrt, uint64_t, narrow64(a))
UNARY64(float64_to_float32, uint32_t, narrow64(a))
UNARY64(float64_to_int32, int32_t, false)
UNARY64(float64_to_int64, int64_t, false)
UNARY64(float64_to_int32_round_to_zero, int32_t, false)
UNARY64(float64_to_int64_round_to_zero, int64_t, false)
UNARY64(float64_round_to_int, uint64_t, false)
OPERATION(int32_to_float32, uint32_t, (int32_t a, float_status *s), (a, s), false)
OPERATION(int64_to_float32, uint32_t, (int64_t a, float_status *s), (a, s), false)
OPERATION(int64_to_float64, uint64_t, (int64_t a, float_status *s), (a, s), false)

const char *x86_watch_simd(void *library)
{
    const uc_call calls[] = {
        CALL(float32_add),
        CALL(float32_sub),
        CALL(float32_mul),
        CALL(float32_div),
        CALL(float32_lt),
        CALL(float32_le),
        CALL(float32_eq_quiet),
        CALL(float32_unordered_quiet),
        CALL(float32_compare),
        CALL(float32_compare_quiet),
        CALL(float32_sqrt),
        CALL(float32_to_float64),
        CALL(float32_to_int32),
        CALL(float32_to_int64),
        CALL(float32_to_int32_round_to_zero),
        CALL(float32_to_int64_round_to_zero),
        CALL(float32_round_to_int),
        CALL(float64_add),
        CALL(float64_sub),
        CALL(float64_mul),
        CALL(float64_div),
        CALL(float64_lt),
        CALL(float64_le),
        CALL(float64_eq_quiet),
        CALL(float64_unordered_quiet),
        CALL(float64_compare),
        CALL(float64_compare_quiet),
        CALL(float64_sqrt),
        CALL(float64_to_float32),
        CALL(float64_to_int32),
        CALL(float64_to_int64),
        CALL(float64_to_int32_round_to_zero),
        CALL(float64_to_int64_round_to_zero),
        CALL(float64_round_to_int),
        CALL(int32_to_float32),
        CALL(int64_to_float32),
        CALL(int64_to_float64),
    };
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}
