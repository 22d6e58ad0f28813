/*
 * Alignment of data accesses (DDI0487 B2.5.2, DDI0406 A3.2.1). Unicorn can check it and knows the fault, but asks for it with
 * exclusives and atomics alone. So we stand before the calls by which its translator emits loads and stores, and ask there
 * too: what an instruction always needs, and all else where SCTLR.A is set, or where the MMU is off, which makes memory
 * Device. It costs nothing when the code runs; what is translated is dropped when either bit changes.
 *
 * Not checked: Device memory that page tables make so, and stores of structures and of VFP doublewords (plus_alignment).
 */
#include "arm/alignment.h"
#include "arm/hypervisor.h"
#include "unicorn/thread.h"
#include "unicorn/uc_plt.h"

enum { SCTLR_M = 1, SCTLR_A = 2, SCTLR_SA = 8, SCTLR_SA0 = 16 };
enum { WORD = 2, DOUBLE = 3, QUAD = 4 }; /* logarithms of sizes */
enum { SIZE = 3, BIG_ENDIAN_OP = 8, NATURAL = 7 << 4, ANY_ALIGNMENT = 7 << 4, ALIGN_SHIFT = 4 }; /* Unicorn's MemOp */

typedef enum {
    PLAIN,    /* aligned to what is accessed, where that is asked for */
    ALWAYS,   /* so everywhere */
    WORDS,    /* to a word everywhere, whatever is accessed */
    ELEMENTS, /* Unicorn loads several at once: to one of them, where that is asked for */
    QUADS     /* 16 bytes in two accesses: to 16, where that is asked for */
} need;

typedef struct {
    uint32_t mask, value;
    need need;
    uint8_t element; /* ELEMENTS: the field's place */
} encoding;

static const encoding A64[] = {
    {0xbf000000, 0x0c000000, ELEMENTS, 10}, /* LD1-LD4, ST1-ST4, multiple structures */
    {0xfe000000, 0xac000000, QUADS, 0},     /* LDP, STP of Q */
    {0xfe800000, 0x3c800000, QUADS, 0},     /* LDR, STR, LDUR, STUR of Q */
    {0xff000000, 0x9c000000, QUADS, 0},     /* LDR of Q, literal */
    {0x3fa00000, 0x08800000, ALWAYS, 0},    /* LDAR, STLR, LDLAR, STLLR */
    {0x3fbffc00, 0x38bfc000, ALWAYS, 0},    /* LDAPR */
    {0x3f200c00, 0x19000000, ALWAYS, 0},    /* LDAPUR, STLUR */
    {0},
};

static const encoding A32[] = {
    {0x0e000000, 0x08000000, WORDS, 0},    /* LDM, STM, RFE, SRS */
    {0x0e1000d0, 0x000000d0, WORDS, 0},    /* LDRD, STRD */
    {0x0e000e00, 0x0c000a00, WORDS, 0},    /* VLDR, VSTR, VLDM, VSTM */
    {0xff900000, 0xf4000000, ELEMENTS, 6}, /* VLD1-VLD4, VST1-VST4, multiple elements */
    {0},
};

static const encoding T32[] = {
    /* of 16 bits: in the upper half */
    {0xf6000000, 0xb4000000, WORDS, 0},    /* PUSH, POP */
    {0xf0000000, 0xc0000000, WORDS, 0},    /* LDM, STM */
    {0xfe000000, 0xe8000000, WORDS, 0},    /* LDM, STM, RFE, SRS, LDRD, STRD */
    {0xee000e00, 0xec000a00, WORDS, 0},    /* VLDR, VSTR, VLDM, VSTM */
    {0xff900000, 0xf9000000, ELEMENTS, 6}, /* VLD1-VLD4, VST1-VST4, multiple elements */
    {0},
};

/* The instruction that is being translated. */
static THREAD_LOCAL struct {
    uint64_t at;
    uint32_t word;
    uint32_t accesses; /* emitted for it so far */
    bool half;         /* only the first of two halfwords is known */
} translated;

uint32_t arm_translated(void)
{
    return translated.word;
}

static const encoding *encoding_of(const arm_env *env)
{
    const encoding *e = env->aarch64 ? A64 : env->thumb ? T32 : A32;
    while (e->mask && (translated.word & e->mask) != e->value)
        e++;
    return e;
}

/* The alignment that an access of 2^size bytes needs, as Unicorn's MemOp has it; 0: none. */
static int alignment_of(const vmm_vcpu *v, int size, bool big_endian)
{
    const arm_env *env = arm_env_of(v);
    const encoding *e = encoding_of(env);
    bool first = !(translated.accesses++ & 1), strict = arm_of(v)->strict >> arm_regime(v) & 1;
    if (e->need == WORDS)
        return size >= WORD ? WORD << ALIGN_SHIFT : 0;
    if (!strict && e->need != ALWAYS)
        return 0;
    if (e->need == ELEMENTS)
        return (int)(translated.word >> e->element & 3) << ALIGN_SHIFT;
    if (e->need == QUADS && !big_endian)
        return (first ? QUAD : DOUBLE) << ALIGN_SHIFT;
    return NATURAL;
}

/*
 * A store that is aligned to less than its size is made of bytes where Unicorn takes its slow path, and each would be found
 * unaligned: so those are not checked.
 */
static int plus_alignment(const vmm_vcpu *v, int op, bool store)
{
    if (op & ANY_ALIGNMENT)
        return op;
    int size = op & SIZE, alignment = alignment_of(v, size, op & BIG_ENDIAN_OP);
    return store && alignment >> ALIGN_SHIFT < size ? op : op | alignment;
}

typedef void (*emit)(void *translator, void *value, void *address, uint64_t mmu, int op);
typedef uint32_t (*fetch)(void *env, uint64_t address);
typedef void (*flush)(void *cpu);

static void emit_load(emit original, void *translator, void *value, void *address, uint64_t mmu, int op)
{
    const vmm_vcpu *v = uc_executing;
    original(translator, value, address, mmu, v ? plus_alignment(v, op, false) : op);
}

static void emit_store(emit original, void *translator, void *value, void *address, uint64_t mmu, int op)
{
    const vmm_vcpu *v = uc_executing;
    original(translator, value, address, mmu, v ? plus_alignment(v, op, true) : op);
}

static uint32_t note_word(uint64_t address, uint32_t word)
{
    translated.at = address;
    translated.word = word;
    translated.accesses = 0;
    return word;
}

static uint32_t note_half(uint64_t address, uint32_t half)
{
    bool second = translated.half && address == translated.at + 2;
    translated.word = second ? translated.word | half : half << 16;
    translated.half = !second && half >> 11 >= 0x1d;
    translated.at = address;
    translated.accesses = 0;
    return half;
}

static void flushed(void *cpu)
{
    vmm_vcpu *v = uc_executing;
    if (v && v->cpu == cpu)
        arm_alignment_changed(v);
}

/* Each of Unicorn's targets has its own copy of the calls. */
#define STANDING_BEFORE(target)                                                                                        \
    static emit emits_##target[4];                                                                                     \
    static fetch word_##target, half_##target;                                                                         \
    static flush flush_##target;                                                                                       \
    static void ld32_##target(void *t, void *v, void *a, uint64_t m, int op)                                           \
    {                                                                                                                  \
        emit_load(emits_##target[0], t, v, a, m, op);                                                               \
    }                                                                                                                  \
    static void ld64_##target(void *t, void *v, void *a, uint64_t m, int op)                                           \
    {                                                                                                                  \
        emit_load(emits_##target[1], t, v, a, m, op);                                                               \
    }                                                                                                                  \
    static void st32_##target(void *t, void *v, void *a, uint64_t m, int op)                                           \
    {                                                                                                                  \
        emit_store(emits_##target[2], t, v, a, m, op);                                                               \
    }                                                                                                                  \
    static void st64_##target(void *t, void *v, void *a, uint64_t m, int op)                                           \
    {                                                                                                                  \
        emit_store(emits_##target[3], t, v, a, m, op);                                                               \
    }                                                                                                                  \
    static uint32_t fetched_word_##target(void *env, uint64_t address)                                                 \
    {                                                                                                                  \
        return note_word(address, word_##target(env, address));                                                        \
    }                                                                                                                  \
    static uint32_t fetched_half_##target(void *env, uint64_t address)                                                 \
    {                                                                                                                  \
        return note_half(address, half_##target(env, address) & 0xffff);                                               \
    }                                                                                                                  \
    static void flushed_##target(void *cpu)                                                                            \
    {                                                                                                                  \
        flush_##target(cpu);                                                                                           \
        flushed(cpu);                                                                                                  \
    }

STANDING_BEFORE(aarch64)
STANDING_BEFORE(arm)

#define CALLS(target)                                                                                                  \
    {"tcg_gen_qemu_ld_i32_" #target, ld32_##target, &emits_##target[0]},                                               \
        {"tcg_gen_qemu_ld_i64_" #target, ld64_##target, &emits_##target[1]},                                           \
        {"tcg_gen_qemu_st_i32_" #target, st32_##target, &emits_##target[2]},                                           \
        {"tcg_gen_qemu_st_i64_" #target, st64_##target, &emits_##target[3]},                                           \
        {"cpu_ldl_code_" #target, fetched_word_##target, &word_##target},                                              \
        {"cpu_lduw_code_" #target, fetched_half_##target, &half_##target},                                             \
        {"tlb_flush_" #target, flushed_##target, &flush_##target}

const char *arm_check_alignment(void *library)
{
    const uc_call calls[] = {CALLS(aarch64), CALLS(arm)};
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}

/* ---- where alignment is asked for ---- */

uint32_t arm_regime(const vmm_vcpu *v)
{
    uint32_t el = vmm_arm_el((vmm_vcpu *)v);
    return el ? el : arm_in_host((vmm_vcpu *)v) ? 2 : 1;
}

/* DDI0487 D13.2.46: HCR_EL2.TGE has the MMU of EL1 and EL0 off, DC makes their memory Normal nevertheless. */
static bool is_strict(const vmm_vcpu *v, uint32_t regime)
{
    uint64_t sctlr = arm_env_of(v)->cp15.sctlr_el[regime], hcr = regime == 1 ? arm_hcr(v) : 0;
    bool mmu = sctlr & SCTLR_M && !(hcr & HCR_TGE);
    return sctlr & SCTLR_A || !(mmu || hcr & HCR_DC);
}

/* DDI0487 D1.8.2: loads and stores whose base is SP; not PRFM, nor those that have none. */
static bool has_base_sp(uint32_t opcode)
{
    bool is_access = (opcode & 0x0a000000) == 0x08000000, base_sp = (opcode >> 5 & 31) == 31;
    bool literal = (opcode & 0x3b000000) == 0x18000000, prefetch = (opcode & 0xfec00000) == 0xf8800000;
    return is_access && base_sp && !literal && !prefetch;
}

bool arm_sp_unaligned(vmm_vcpu *v)
{
    const arm_env *env = arm_env_of(v);
    uint32_t opcode = 0;
    if (!env->aarch64 || !(env->xregs[31] & 15))
        return false;
    if (!(env->cp15.sctlr_el[arm_regime(v)] & (vmm_arm_el(v) ? SCTLR_SA : SCTLR_SA0)))
        return false;
    return vmm_arm_read(v, env->pc, &opcode, sizeof opcode) == sizeof opcode && has_base_sp(opcode);
}

/* Unicorn flushes its TLB whenever SCTLR changes, behind the change and at the end of translated code. */
void arm_alignment_changed(vmm_vcpu *v)
{
    uint8_t strict = 0;
    for (uint32_t regime = 1; regime <= 3; regime++)
        strict |= (uint8_t)(is_strict(v, regime) << regime);
    if (strict == arm_of(v)->strict)
        return;
    arm_of(v)->strict = strict;
    v->flush_code = 1;
    v->attention_at = 0;
}
