/*
 * Debug registers (SDM vol. 3B 17.2): what may be written to them, general detect, instruction breakpoints that a shadow
 * suppresses, and data breakpoints (17.2.5). Unicorn knows instruction breakpoints only. Memory hooks cost every access,
 * so they are there only while DR7 enables a data breakpoint.
 */
#include "core/clock.h"
#include "unicorn/uc.h"
#include "unicorn/uc_accesses.h"
#include "x86/x86.h"

enum { TYPE_WRITE = 1, TYPE_PORT = 2, TYPE_READ_WRITE = 3, CR4_DE = 1 << 3 };

typedef struct { uint64_t address; unsigned length, type; bool enabled; } watch;

static watch watch_of(const vmm_vcpu *v, int index)
{
    const x86_env_tail *tail = tail_of(v);
    uint64_t dr7 = tail->dr[7];
    unsigned length = dr7 >> (18 + 4 * index) & 3, bytes = length == 2 ? 8 : length + 1;
    return (watch){tail->dr[index] & ~(uint64_t)(bytes - 1), bytes, dr7 >> (16 + 4 * index) & 3, dr7 >> 2 * index & 3};
}

static bool watches_data(const watch *w)
{
    return w->enabled && (w->type == TYPE_WRITE || w->type == TYPE_READ_WRITE);
}

void x86_trap_pending(vmm_vcpu *v, uint16_t dr6)
{
    x86_of(v)->dr6_pending |= dr6;
    v->pending |= VMM_PEND_DB;
    vcpu_rearm(v);
}

void x86_traps_taken(vmm_vcpu *v)
{
    v->pending &= ~(uint32_t)VMM_PEND_DB;
    tail_of(v)->dr[6] |= x86_of(v)->dr6_pending;
    x86_debug_status_known(v);
    x86_of(v)->dr6_pending = 0;
    x86_of(v)->watch_hit = 0;
}

static void hit(vmm_vcpu *v, int index)
{
    x86_of(v)->watch_hit |= (uint8_t)(1 << index);
    x86_trap_pending(v, (uint16_t)(1 << index));
}

static bool overlaps(const watch *w, uint64_t address, uint64_t size)
{
    return address < w->address + w->length && w->address < address + size;
}

/* Unicorn tells physical addresses: whichever of its names a watched place is reached by. */
static uint64_t physical_of(vmm_vcpu *v, uint64_t linear)
{
    enum { OFFSET = 4095 };
    uint64_t page = x86_physical_page(v, linear & ~(uint64_t)OFFSET);
    return page == ~0ull ? page : page | (linear & OFFSET);
}

static void accessed(vmm_vcpu *v, bool write, bool physical, uint64_t address, uint64_t size)
{
    for (int i = 0; i < 4; i++) {
        watch w = watch_of(v, i);
        if (!watches_data(&w) || !(write || w.type == TYPE_READ_WRITE))
            continue;
        if (physical)
            w.address = physical_of(v, w.address);
        if (overlaps(&w, address, size))
            hit(v, i);
    }
}

/* SDM vol. 3B 17.2.4, 17.3.1.3: a trap behind the instruction, or behind an iteration of a repeated one. */
void x86_port_accessed(vmm_vcpu *v, uint16_t port, uint32_t size)
{
    for (int i = 0; i < 4; i++) {
        watch w = watch_of(v, i);
        if (w.enabled && w.type == TYPE_PORT && env_of(v)->cr[4] & CR4_DE && overlaps(&w, port, size))
            hit(v, i);
    }
}

static void on_access(void *engine, int type, uint64_t address, int size, int64_t value, void *user)
{
    (void)engine, (void)value;
    accessed(user, type == UC_MEM_WRITE, true, address, (uint64_t)size);
    x86_goes_on(user);
}

void x86_program_accessed(vmm_vcpu *v, uint64_t linear, uint32_t size, bool write)
{
    if (x86_of(v)->watch_hook)
        accessed(v, write, false, linear, size);
}

/* A faulting instruction accessed nothing: its breakpoints come when it is done again. */
void x86_watch_cancel(vmm_vcpu *v)
{
    if (!x86_of(v)->watch_hit)
        return;
    x86_of(v)->dr6_pending &= (uint16_t)~x86_of(v)->watch_hit;
    x86_of(v)->watch_hit = 0;
    if (!x86_of(v)->dr6_pending)
        v->pending &= ~(uint32_t)VMM_PEND_DB;
}

void x86_watch_update(vmm_vcpu *v)
{
    bool wanted = false;
    x86_of(v)->watch_changed = 0;
    for (int i = 0; i < 4; i++) {
        watch w = watch_of(v, i);
        wanted |= watches_data(&w);
    }
    if (wanted == (x86_of(v)->watch_hook != 0))
        return;
    if (wanted)
        uc_tell_accesses(v, &x86_of(v)->watch_hook, on_access, v);
    else
        uc_tell_accesses_no_more(v, &x86_of(v)->watch_hook);
    vcpu_rearm(v); /* translated code goes first */
}

/* ---- MOV from and to debug registers (SDM vol. 2B MOV, vol. 3B 17.2.2 to 17.2.4) ---- */

enum { DR6 = 6, DR7 = 7, DR6_BD = 1 << 13, DR7_GD = 1 << 13 };
enum { MOV_TO_DR = 0x23 };

/* Neither RTM nor bus-lock detection is announced, so their bits are fixed, too (figure 17-1). */
#define DR6_WRITABLE 0x0000e00fu
#define DR6_ONES 0xffff0ff0u
#define DR7_WRITABLE 0xffff23ffu
#define DR7_ONES 0x00000400u

void x86_debug_status_known(vmm_vcpu *v)
{
    x86_of(v)->dr6_known = (uint32_t)tail_of(v)->dr[6];
}

static void write_status_or_control(vmm_vcpu *v, const x86_insn *insn, unsigned number)
{
    uint64_t value = env_of(v)->regs[(insn->modrm & 7) | (insn->rex & 1) << 3];
    if (env_of(v)->hflags & HF_CS64 && value >> 32) {
        x86_general_protection(v);
        return;
    }
    if (number == DR6) {
        tail_of(v)->dr[6] = ((uint32_t)value & DR6_WRITABLE) | DR6_ONES;
        x86_debug_status_known(v);
    } else {
        x86_update_dr7(v, ((uint32_t)value & DR7_WRITABLE) | DR7_ONES);
        x86_watch_update(v);
    }
    x86_finish(v, insn->length + 1u);
}

void x86_debug_register(vmm_vcpu *v, const x86_insn *insn)
{
    x86_env_tail *tail = tail_of(v);
    unsigned number = insn->modrm >> 3 & 7;
    bool alias = number == 4 || number == 5;
    if (alias && env_of(v)->cr[4] & CR4_DE) {
        x86_raise(v, X86_UD, false, 0, env_of(v)->eip);
        return;
    }
    if (tail->dr[7] & DR7_GD) {
        tail->dr[6] |= DR6_BD;
        x86_raise(v, X86_DB, false, 0, env_of(v)->eip);
        return;
    }
    number |= alias ? 2 : 0;
    if (insn->opcode == MOV_TO_DR && number >= DR6) {
        write_status_or_control(v, insn, number);
        return;
    }
    x86_run_natively(v);
    x86_of(v)->watch_changed = 1;
}

/*
 * SDM vol. 3A 6.8.3: behind MOV SS and POP SS an instruction breakpoint is suppressed as if RF were 1, which AMD's
 * processors do not do. By now Unicorn has noted it in DR6.
 */
bool x86_breakpoint_shadowed(vmm_vcpu *v)
{
    if (x86_of(v)->breakpoint_in_ss_shadow || vmm_x86_shadow(v) != VMM_SHADOW_MOV_SS)
        return false;
    tail_of(v)->dr[6] = x86_of(v)->dr6_known;
    env_of(v)->eflags |= FL_RF;
    return true;
}
