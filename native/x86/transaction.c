/*
 * Restricted transactional memory (SDM vol. 1 chapter 16). Stores go to memory at once, and what a line of 64 bytes held
 * before is kept; an abort puts it back. No other vCPU runs meanwhile that could see it: where one is about to access a
 * line, or a device by itself, the transaction is aborted first. The write set has 64 lines, the read set 512.
 */
#include <string.h>

#include "core/memory.h"
#include "core/trace.h"
#include "unicorn/uc.h"
#include "unicorn/uc_accesses.h"
#include "x86/transaction.h"

enum { MAP_PLAIN = 0, MAP_0F = 1, GROUP_C6 = 0xc6, GROUP_C7 = 0xc7, GROUP7 = 0x01, MODRM_TSX = 0xf8, XEND = 0xd5, XTEST = 0xd6 };
enum { EBX_RTM = 1 << 11 };
enum { STATUS_XABORT = 1, STATUS_RETRY = 2, STATUS_CONFLICT = 4, STATUS_CAPACITY = 8, STATUS_NESTED = 32 };
enum { IN_PAGE = 4095 };
#define OURS ((uint32_t)(HF_NATIVE | HF_INH)) /* of hflags: how a block is to be translated */

static void tell(vmm_vcpu *v, uint32_t what, uint32_t status)
{
    trace_note_of(v, VMM_EV_TRANSACTION, what, status);
}

/* ---- registers ---- */

static size_t rest_size(const vmm_vcpu *v)
{
    return (size_t)((char *)tail_of(v) - (char *)(env_of(v) + 1));
}

static void keep_registers(const vmm_vcpu *v, x86_transaction *t)
{
    t->registers = *env_of(v);
    memcpy(t->rest, env_of(v) + 1, rest_size(v));
}

/* What only the system changes has not changed: that is no part of a transaction. */
static void restore_registers(vmm_vcpu *v, const x86_transaction *t)
{
    x86_env *env = env_of(v);
    memcpy(env->regs, t->registers.regs, sizeof env->regs);
    env->eflags = t->registers.eflags;
    env->cc_dst = t->registers.cc_dst;
    env->cc_src = t->registers.cc_src;
    env->cc_src2 = t->registers.cc_src2;
    env->cc_op = t->registers.cc_op;
    env->df = t->registers.df;
    memcpy(env->segs, t->registers.segs, sizeof env->segs);
    env->hflags = (t->registers.hflags & ~OURS) | (env->hflags & OURS);
    memcpy(env + 1, t->rest, rest_size(v));
}

/* ---- memory ---- */

static void restore_memory(vmm_machine *m, x86_transaction *t)
{
    while (t->written) {
        uint32_t n = --t->written;
        uint8_t *line = ram_at(m, t->written_at[n], TX_LINE);
        memcpy(line, t->was[n], TX_LINE);
        vmm_memory_written(m, t->written_at[n], TX_LINE);
    }
}

static bool has(const uint64_t *lines, uint32_t count, uint64_t line)
{
    for (uint32_t i = 0; i < count; i++)
        if (lines[i] == line)
            return true;
    return false;
}

static bool add(uint64_t *lines, uint32_t *count, uint32_t most, uint64_t line)
{
    if (has(lines, *count, line))
        return true;
    if (*count == most)
        return false;
    lines[(*count)++] = line;
    return true;
}

static bool note_write(vmm_machine *m, x86_transaction *t, uint64_t line)
{
    uint32_t before = t->written;
    if (!add(t->written_at, &t->written, TX_WRITTEN, line))
        return false;
    if (t->written != before)
        memcpy(t->was[before], ram_at(m, line, TX_LINE), TX_LINE);
    return true;
}

/* SDM 16.2.2: what others write of either set, and what they read of the write set. */
void x86_reached(vmm_vcpu *v, uint64_t physical, uint64_t size, bool write)
{
    x86_transaction *t = transaction_of(v);
    for (uint64_t line = physical & ~(uint64_t)(TX_LINE - 1); x86_transacting(v) && line < physical + size; line += TX_LINE)
        if (has(t->written_at, t->written, line) || (write && has(t->read_at, t->read, line)))
            x86_abort(v, STATUS_CONFLICT | STATUS_RETRY, VMM_TX_CONFLICT);
}

static void conflict(vmm_vcpu *by, uint64_t line, bool write)
{
    for (uint32_t i = 0; i < by->machine->vcpu_count; i++)
        if (by->machine->vcpus[i] != by)
            x86_reached(by->machine->vcpus[i], line, TX_LINE, write);
}

static void leave(vmm_vcpu *v, uint32_t status, uint32_t why)
{
    x86_abort(v, status, why);
    x86_leave_translated_code(v);
}

/* Unicorn tells physical addresses. */
static void on_access(void *engine, int type, uint64_t address, int size, int64_t value, void *user)
{
    (void)engine, (void)value;
    vmm_vcpu *v = user;
    vmm_machine *m = v->machine;
    x86_transaction *t = transaction_of(v);
    bool write = type == UC_MEM_WRITE;
    uint64_t end = address + (uint64_t)size;
    if (t->depth && (address & IN_PAGE) + (uint64_t)size > IN_PAGE + 1)
        leave(v, 0, VMM_TX_INSTRUCTION); /* where its second part lies nobody is told */
    for (uint64_t line = address & ~(uint64_t)(TX_LINE - 1); line < end; line += TX_LINE) {
        bool ram = ram_at(m, line, TX_LINE);
        if (ram && m->vcpu_count > 1)
            conflict(v, line, write);
        if (!t->depth)
            continue;
        if (!ram)
            leave(v, 0, VMM_TX_INSTRUCTION);
        if (write ? !note_write(m, t, line) : !add(t->read_at, &t->read, TX_READ, line))
            leave(v, STATUS_CAPACITY, VMM_TX_CAPACITY);
    }
}

/* ---- instructions ---- */

void x86_abort(vmm_vcpu *v, uint32_t status, uint32_t why)
{
    x86_transaction *t = transaction_of(v);
    tell(v, why, t->depth > 1 ? status | STATUS_NESTED : status);
    restore_memory(v->machine, t);
    restore_registers(v, t);
    env_of(v)->regs[R_AX] = t->depth > 1 ? status | STATUS_NESTED : status;
    x86_set_pc(v, t->fallback);
    env_of(v)->hflags &= ~(uint32_t)HF_INH;
    t->depth = t->read = 0;
}

void x86_abort_access(vmm_vcpu *v)
{
    if (x86_transacting(v))
        leave(v, 0, VMM_TX_INSTRUCTION);
}

/* SDM vol. 2C XBEGIN: a displacement of 16 or 32 bits from the next instruction. */
static void begin(vmm_vcpu *v, const x86_insn *insn)
{
    x86_transaction *t = transaction_of(v);
    x86_env *env = env_of(v);
    bool narrow = x86_operand_size(v, insn) == 2;
    uint8_t bytes[4] = {0};
    int16_t near;
    int32_t far;
    uint32_t length = insn->length + 1u + (narrow ? 2 : 4);
    vmm_x86_read(v, vmm_x86_linear_pc(v) + insn->length + 1, bytes, narrow ? 2 : 4);
    memcpy(&near, bytes, sizeof near);
    memcpy(&far, bytes, sizeof far);
    uint64_t target = env->eip + length + (uint64_t)(int64_t)(narrow ? near : far);
    if (!(env->hflags & HF_CS64))
        target = (uint32_t)target;
    bool outside = env->hflags & HF_CS64 ? !x86_canonical(v, target) : target > env->segs[VMM_CS].limit;
    if (outside) {
        if (t->depth)
            x86_abort(v, 0, VMM_TX_EXCEPTION);
        else
            x86_general_protection(v);
        return;
    }
    if (t->depth == TX_NEST) {
        x86_abort(v, 0, VMM_TX_NESTED);
        return;
    }
    if (!t->depth++) {
        keep_registers(v, t);
        t->fallback = target;
        t->written = t->read = 0;
        tell(v, VMM_TX_BEGINS, 0);
    }
    x86_finish(v, length);
}

static void end(vmm_vcpu *v, const x86_insn *insn)
{
    x86_transaction *t = transaction_of(v);
    if (!t->depth) {
        x86_general_protection(v);
        return;
    }
    if (!--t->depth) {
        t->written = t->read = 0;
        tell(v, VMM_TX_COMMITS, 0);
    }
    x86_finish(v, insn->length + 1u);
}

static void abort_or_nothing(vmm_vcpu *v, const x86_insn *insn)
{
    uint8_t code = 0;
    vmm_x86_read(v, vmm_x86_linear_pc(v) + insn->length + 1, &code, 1);
    if (x86_transacting(v))
        x86_abort(v, STATUS_XABORT | (uint32_t)code << 24, VMM_TX_ASKED);
    else
        x86_finish(v, insn->length + 2u);
}

static void test(vmm_vcpu *v, const x86_insn *insn)
{
    env_of(v)->cc_src = x86_transacting(v) ? 0 : FL_ZF;
    env_of(v)->cc_op = CC_OP_EFLAGS;
    x86_finish(v, insn->length + 1u);
}

bool x86_transaction_begins_or_ends(vmm_vcpu *v, const x86_insn *insn)
{
    bool plain = insn->map == MAP_PLAIN && insn->modrm == MODRM_TSX && !insn->lock;
    bool group7 = insn->map == MAP_0F && insn->opcode == GROUP7 && !insn->lock && !insn->rep && !insn->repne && !insn->data16;
    if (!transaction_of(v) || !(x86_cpuid_leaf(v, 7, 0).ebx & EBX_RTM))
        return false;
    if (plain && insn->opcode == GROUP_C7)
        begin(v, insn);
    else if (plain && insn->opcode == GROUP_C6)
        abort_or_nothing(v, insn);
    else if (group7 && insn->modrm == XEND)
        end(v, insn);
    else if (group7 && insn->modrm == XTEST)
        test(v, insn);
    else
        return false;
    return true;
}

int vmm_x86_transacts(vmm_vcpu *v)
{
    size_t hook;
    if (rest_size(v) > TX_REST)
        return fail(v->machine, "this Unicorn's x86 state has %zu bytes, too many for a transaction", rest_size(v));
    if (!controller_state(v->machine, TRANSACTION_ROW))
        return -1;
    return uc_tell_accesses(v, &hook, on_access, v) ? 0 : fail(v->machine, "Unicorn cannot tell of accesses");
}
