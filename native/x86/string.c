/*
 * REP MOVS, STOS, CMPS and SCAS in RAM, many iterations at once (SDM vol. 2B REP).
 *
 * Each iteration is an instruction, and its boundary is one where an event may be due. Up to the next boundary that asks for
 * a look nothing can come between them, so those iterations that stay in pages just reached are done here. Unicorn does
 * the first, the last and the first in each page: with it, every fault and every access to a device; and the one at which a
 * comparison ends.
 */
#include <string.h>

#include "core/pages.h"
#include "unicorn/uc.h"
#include "x86/x86.h"

enum { FEW = 8 };

typedef struct {
    uint8_t opcode; /* of bytes; with bit 0 of what is wider */
    bool source;    /* at SI, else it is the accumulator */
    bool compares;  /* else it stores */
} string_op;

static const string_op STRING_OPS[] = {
    {0xa4, true, false},  /* MOVS */
    {0xa6, true, true},   /* CMPS */
    {0xaa, false, false}, /* STOS */
    {0xae, false, true},  /* SCAS */
    {0},
};

typedef struct {
    uint8_t *at;      /* in the host */
    uint64_t offset;  /* in RAM */
    uint64_t elements; /* from here to the end of the page, whichever way it goes */
} operand;

static size_t size_of(int64_t step)
{
    return (size_t)(step < 0 ? -step : step);
}

/* Prefixes that matter, and no other: a segment override would have another source. */
static bool is_plain(const x86_insn *insn)
{
    unsigned known = insn->rep + insn->repne + insn->data16 + insn->address_size + (insn->rex != 0);
    return insn->map == 0 && insn->length == 1 + known;
}

static const string_op *op_of(const x86_insn *insn)
{
    const string_op *op = STRING_OPS;
    while (op->opcode && op->opcode != (insn->opcode & ~1))
        op++;
    return op->opcode ? op : NULL;
}

static unsigned element_size(const vmm_vcpu *v, const x86_insn *insn)
{
    return insn->opcode & 1 ? x86_operand_size(v, insn) : 1;
}

/* As the guest itself would reach it; where it cannot, Unicorn will find that out once more, in its own time. */
static bool translate(vmm_vcpu *v, uint64_t linear, int access, uint64_t *physical)
{
    x86_env *env = env_of(v);
    if (!(env->cr[0] >> 31)) {
        *physical = (uint32_t)linear & (uint32_t)env->a20_mask;
        return true;
    }
    uint64_t cr2 = env->cr[2];
    int32_t error = tail_of(v)->error_code, under_way = *v->exception_index;
    if (uc.vmem_translate(v->uc, linear, access, physical) == 0)
        return true;
    env->cr[2] = cr2;
    tail_of(v)->error_code = error;
    *v->exception_index = under_way;
    return false;
}

/* The element before must have been in the same page, where the present one is whole. */
static bool reach(vmm_vcpu *v, int segment, uint64_t index, int64_t step, int access, operand *found)
{
    const x86_env *env = env_of(v);
    const vmm_machine *m = v->machine;
    size_t size = size_of(step);
    bool code64 = env->hflags & HF_CS64;
    uint64_t linear = code64 ? index : (uint32_t)(env->segs[segment].base + index), physical;
    uint64_t in_page = linear % PAGE, before = in_page - (uint64_t)step;
    if (before > PAGE - size || in_page > PAGE - size || !x86_canonical(v, linear) || !translate(v, linear, access, &physical))
        return false;
    *found = (operand){.offset = physical - m->ram_base};
    if (found->offset >= m->ram_size || x86_is_covered(v, physical))
        return false;
    found->at = m->ram + found->offset;
    found->elements = step < 0 ? in_page / size + 1 : (PAGE - in_page) / size;
    return true;
}

static void copy(uint8_t *to, const uint8_t *from, uint64_t count, int64_t step)
{
    size_t size = size_of(step);
    for (; count; count--, to += step, from += step) { /* one by one, each as a whole: they may overlap */
        uint64_t element;
        memcpy(&element, from, size);
        memcpy(to, &element, size);
    }
}

static void fill(uint8_t *to, uint64_t value, uint64_t count, int64_t step)
{
    size_t size = size_of(step);
    for (; count; count--, to += step)
        memcpy(to, &value, size);
}

static uint64_t element_at(const uint8_t *at, size_t size)
{
    uint64_t element = 0;
    memcpy(&element, at, size);
    return element;
}

/* How many of them are equal, or are not, one after the other. */
static uint64_t alike(const uint8_t *left, int64_t left_step, const uint8_t *right, int64_t step, uint64_t most, bool equal)
{
    size_t size = size_of(step);
    uint64_t count = 0;
    for (; count < most && (element_at(left, size) == element_at(right, size)) == equal; count++, left += left_step, right += step)
        ;
    return count;
}

/* As a subtraction leaves them (SDM vol. 1 3.4.3.1). */
static uint64_t flags_of_difference(uint64_t left, uint64_t right, size_t size)
{
    unsigned top = 8 * (unsigned)size - 1;
    uint64_t difference = left - right, carries = left ^ right ^ difference;
    uint64_t within = difference << (63 - top);
    bool even = !(__builtin_popcount(difference & 0xff) & 1);
    return (left < right ? FL_CF : 0) | (even ? FL_PF : 0) | (carries & FL_AF) | (within ? 0 : FL_ZF) | (within >> 63 ? FL_SF : 0)
         | (((left ^ right) & (left ^ difference)) >> top & 1 ? FL_OF : 0);
}

static void advance(x86_env *env, unsigned reg, uint64_t by, uint64_t mask)
{
    uint64_t next = (env->regs[reg] + by) & mask;
    env->regs[reg] = mask == 0xffff ? (env->regs[reg] & ~mask) | next : next;
}

static void count_as_begun(vmm_vcpu *v, uint64_t pc, uint64_t iterations)
{
    v->count += iterations;
    for (uint64_t i = 1; i <= iterations && i <= VMM_RECENT; i++)
        v->recent[(v->count - i) & (VMM_RECENT - 1)] = pc;
    x86_of(v)->rep_seen = v->count;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* As far as it goes on; how far that is. */
static uint64_t compare(x86_env *env, const operand *from, int64_t from_step, const operand *to, int64_t step, uint64_t most, bool equal)
{
    size_t size = size_of(step);
    uint64_t count = alike(from->at, from_step, to->at, step, most, equal);
    if (!count)
        return 0;
    int64_t last = (int64_t)count - 1;
    env->cc_src = flags_of_difference(element_at(from->at + last * from_step, size), element_at(to->at + last * step, size), size);
    env->cc_op = CC_OP_EFLAGS;
    return count;
}

static void store(vmm_vcpu *v, const string_op *op, const operand *from, const operand *to, int64_t step, uint64_t count)
{
    size_t size = size_of(step);
    page_stored_by_guest(v, step < 0 ? to->offset - (count - 1) * size : to->offset, count * size);
    if (op->source)
        copy(to->at, from->at, count, step);
    else
        fill(to->at, env_of(v)->regs[R_AX], count, step);
}

void x86_iterate(vmm_vcpu *v, uint64_t pc)
{
    x86_env *env = env_of(v);
    const uint64_t mask = x86_of(v)->rep_mask, flags = env->eflags;
    const uint64_t attention_at = __atomic_load_n(&v->attention_at, __ATOMIC_RELAXED); /* a signal may set it */
    if (attention_at <= v->count)
        return;
    uint64_t most = least((env->regs[R_CX] & mask) - 1, attention_at - v->count);
    x86_insn insn;
    bool told = x86_of(v)->watch_hook || v->machine->accessed; /* each access, which Unicorn's alone are */
    if (most < FEW || flags & (FL_TF | FL_RF) || told || !x86_decode(v, pc, &insn) || !is_plain(&insn))
        return;
    const string_op *op = op_of(&insn);
    int64_t step = (int64_t)element_size(v, &insn) * env->df;
    operand to, from = {.at = (uint8_t *)&env->regs[R_AX], .elements = most};
    if (!op || !reach(v, VMM_ES, env->regs[R_DI] & mask, step, op->compares ? UC_PROT_READ : UC_PROT_WRITE, &to))
        return;
    if (op->source && !reach(v, VMM_DS, env->regs[R_SI] & mask, step, UC_PROT_READ, &from))
        return;
    uint64_t count = least(least(most, to.elements), from.elements);
    if (op->compares)
        count = compare(env, &from, op->source ? step : 0, &to, step, count, insn.rep);
    else if (page_may_be_dirty(v, to.offset))
        store(v, op, &from, &to, step, count);
    else
        return;
    advance(env, R_DI, count * (uint64_t)step, mask);
    if (op->source)
        advance(env, R_SI, count * (uint64_t)step, mask);
    advance(env, R_CX, -count, mask);
    count_as_begun(v, pc, count);
}
