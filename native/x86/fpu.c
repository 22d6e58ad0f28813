/*
 * x87 exceptions (SDM vol. 1 8.4 to 8.6; vol. 3A 6.15 "Interrupt 16", 2.5 CR0.NE; vol. 1 appendix D.2). Unicorn computes
 * what an operation raises, but notes division by zero alone in the status word, and looks at pending errors in FWAIT
 * alone. We stand before its arithmetic, and while an error is pending CR0.TS is on for it, so that each instruction of the
 * x87 comes here before it begins.
 *
 * Stack faults are none, and the result of an unmasked exception is that of a masked one: Unicorn has stored it by then.
 */
#include <string.h>

#include "core/clock.h"
#include "unicorn/uc.h"
#include "unicorn/uc_plt.h"
#include "x86/softfloat.h"
#include "x86/x86.h"

enum { ES = 1 << 7, BUSY = 1 << 15 };
enum { FWAIT = 0x9b, CR0_EM = 4, CR0_NE = 1 << 5, HF_TS = 1 << 11 };

typedef struct { uint64_t fraction; uint16_t exponent; } real80; /* floatx80 */

/* ---- errors ---- */

static bool is_pending(const vmm_vcpu *v)
{
    return x86_fpu_of(v)->status & ES;
}

/* #MF waits for the next instruction of the x87 that asks; without CR0.NE the error leaves by FERR#, here at once. */
static void pending(vmm_vcpu *v)
{
    x86_of(v)->fpu_changed = 1;
    v->attention_at = 0;
    if (!(env_of(v)->cr[0] & CR0_NE) && x86_of(v)->ferr_line)
        vmm_line_set(v->machine, x86_of(v)->ferr_line, VMM_FERR_DRIVER, 1);
}

static void summarise(vmm_vcpu *v)
{
    x86_fpu *fpu = x86_fpu_of(v);
    if (!(fpu->status & ~fpu->control & ALL)) {
        fpu->status &= (uint16_t)~(ES | BUSY);
        return;
    }
    fpu->status |= ES | BUSY;
    pending(v);
}

static void raised(vmm_vcpu *v, unsigned flags)
{
    x86_fpu_of(v)->status |= flags & ALL;
    if (flags & ~x86_fpu_of(v)->control & ALL)
        summarise(v);
}

/* ---- Unicorn's arithmetic ---- */

static bool denormal(real80 a)
{
    return !(a.exponent & 0x7fff) && a.fraction;
}

static before_it begin(float_status *s)
{
    const before_it before = {uc_executing, s->flags};
    s->flags = 0;
    return before;
}

static void end(float_status *s, before_it before, unsigned also)
{
    if (before.v)
        raised(before.v, (s->flags & ALL & ~DE) | also);
    s->flags |= before.flags;
}

#define BINARY(name, type) OPERATION(name, type, (real80 a, real80 b, float_status *s), (a, b, s), denormal(a) || denormal(b))
#define UNARY(name, type, also) OPERATION(name, type, (real80 a, float_status *s), (a, s), also)

BINARY(floatx80_add, real80)
BINARY(floatx80_sub, real80)
BINARY(floatx80_mul, real80)
BINARY(floatx80_div, real80)
BINARY(floatx80_compare, int)
BINARY(floatx80_compare_quiet, int)
UNARY(floatx80_sqrt, real80, denormal(a))
UNARY(floatx80_round_to_int, real80, denormal(a))
UNARY(floatx80_to_int32, int32_t, false)
UNARY(floatx80_to_int64, int64_t, false)
UNARY(floatx80_to_int32_round_to_zero, int32_t, false)
UNARY(floatx80_to_int64_round_to_zero, int64_t, false)
UNARY(floatx80_to_float32, uint32_t, false)
OPERATION(floatx80_scalbn, real80, (real80 a, int n, float_status *s), (a, n, s), denormal(a))
OPERATION(float32_to_floatx80, real80, (uint32_t a, float_status *s), (a, s), !(a & 0x7f800000) && a & 0x7fffff)
OPERATION(float64_to_floatx80, real80, (uint64_t a, float_status *s), (a, s),
          !(a & 0x7ff0000000000000) && a & 0xfffffffffffff)

typedef uint64_t (*to_float64)(real80 a, float_status *s);
static to_float64 to_float64_original;

/* Transcendental functions go through doubles, which are too narrow for some of their operands. */
static uint64_t before_to_float64(real80 a, float_status *s)
{
    enum { STORES = 0xdd };
    x86_insn insn;
    const before_it before = begin(s);
    uint64_t result = to_float64_original(a, s);
    bool narrow = s->flags & (OE | UE) && before.v && x86_decode(before.v, vcpu_here(before.v), &insn);
    if (narrow && insn.opcode != STORES)
        s->flags &= (uint8_t)~(OE | UE);
    end(s, before, 0);
    return result;
}

typedef void (*control_changed)(void *env);
static control_changed control_changed_original;

/* SDM vol. 2A FLDCW: flags that are unmasked now are an error for the next instruction. */
static void before_control_changed(void *env)
{
    vmm_vcpu *v = uc_executing;
    control_changed_original(env);
    if (v && v->env == env)
        summarise(v);
}

const char *x86_watch_fpu(void *library)
{
    const uc_call calls[] = {
        CALL(floatx80_add),
        CALL(floatx80_sub),
        CALL(floatx80_mul),
        CALL(floatx80_div),
        CALL(floatx80_compare),
        CALL(floatx80_compare_quiet),
        CALL(floatx80_sqrt),
        CALL(floatx80_round_to_int),
        CALL(floatx80_to_int32),
        CALL(floatx80_to_int64),
        CALL(floatx80_to_int32_round_to_zero),
        CALL(floatx80_to_int64_round_to_zero),
        CALL(floatx80_to_float32),
        CALL(floatx80_scalbn),
        CALL(float32_to_floatx80),
        CALL(float64_to_floatx80),
        {"floatx80_to_float64_x86_64", before_to_float64, &to_float64_original},
        {"update_fp_status_x86_64", before_control_changed, &control_changed_original},
    };
    const char *cannot = uc_stand_before(library, calls, sizeof calls / sizeof *calls);
    float_status probe[8] = {0};
    const real80 one = {1ull << 63, 0x3fff}, zero = {0, 0};
    if (!cannot) {
        floatx80_div_original(one, zero, probe);
        if (probe->flags != ZE)
            return "Unicorn's arithmetic has another state than 2.1.4's; vmm needs the unicorn 2.1.4 wheel";
    }
    return cannot;
}

/* ---- the next instruction that asks ---- */

bool x86_fpu_settle(vmm_vcpu *v)
{
    x86_env *env = env_of(v);
    uint32_t before = env->hflags;
    bool stops = env->cr[0] & CR0_TS || (is_pending(v) && env->cr[0] & CR0_NE);
    x86_of(v)->fpu_changed = 0;
    env->hflags = stops ? before | HF_TS : before & ~(uint32_t)HF_TS;
    return env->hflags != before;
}

typedef enum { OTHER, WAITS, WAITS_NOT } kind;

/* SDM vol. 1 8.3.11: FNINIT, FNCLEX, FNSTSW, FNSTCW, FNSTENV, FNSAVE and three that do nothing look at no error. */
static kind kind_of(const x86_insn *insn)
{
    unsigned group = insn->modrm >> 3 & 7;
    bool memory = insn->modrm >> 6 != 3;
    if (insn->map == 1) {
        bool mmx = (insn->opcode >= 0x60 && insn->opcode <= 0x7f) || insn->opcode >= 0xd0;
        return mmx && !insn->data16 && !insn->rep && !insn->repne ? WAITS : OTHER;
    }
    if (insn->opcode == FWAIT)
        return WAITS;
    if (insn->map != 0 || insn->opcode < 0xd8 || insn->opcode > 0xdf)
        return OTHER;
    bool stores_state = memory && group >= 6 && (insn->opcode == 0xd9 || insn->opcode == 0xdd);
    bool control = insn->opcode == 0xdb && insn->modrm >= 0xe0 && insn->modrm <= 0xe4;
    bool to_ax = insn->opcode == 0xdf && insn->modrm == 0xe0;
    return stores_state || control || to_ax ? WAITS_NOT : WAITS;
}

bool x86_fpu_stopped(vmm_vcpu *v)
{
    x86_insn insn;
    if (!x86_decode(v, vcpu_here(v), &insn) || env_of(v)->cr[0] & (insn.opcode == FWAIT ? CR0_TS : CR0_TS | CR0_EM))
        return false;
    if (is_pending(v) && kind_of(&insn) == WAITS) {
        x86_raise(v, X86_MF, false, 0, env_of(v)->eip);
        return true;
    }
    env_of(v)->hflags = (env_of(v)->hflags & ~(uint32_t)HF_TS) | HF_NATIVE; /* in a block of its own, whatever it is */
    x86_run_natively(v);
    return true;
}
