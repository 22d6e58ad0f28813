/*
 * National Semiconductor PC16550D UART. Source: PC16550D datasheet, section 8 "Registers".
 *
 * Sending takes no time: a byte written to THR is out at once, and THR is empty again with its interrupt. Bytes are never
 * cut to the word length, so a guest that leaves the line control register alone still talks in whole bytes. No parity,
 * framing or break errors occur. OUT2 gates the interrupt onto the line, as on the PC's serial adapter; interrupts go on in
 * loopback (MCR bit 4 in the datasheet), although the adapter's OUT2 pin would be inactive then.
 */
#include "devices/serial.h"

enum { HALF_BITS = 2 * 115200 }; /* a second at divisor 1, the 1.8432 MHz crystal divided by 8; a stop bit may last 3 */
enum { TIMEOUT_FRAMES = 4, RESET_DIVISOR = 12 }; /* 9600 baud: undefined in hardware; firmware leaves this */

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, THR = RBR, FCR = IIR, DLL = RBR, DLM = IER };
enum { IER_DATA = 1, IER_THRE = 2, IER_LINE = 4, IER_MODEM = 8 };
enum { IIR_MODEM = 0, IIR_NONE = 1, IIR_THRE = 2, IIR_DATA = 4, IIR_LINE = 6, IIR_TIMEOUT = 0xc, IIR_FIFO_ENABLED = 0xc0 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RECEIVER = 2 };
enum { LCR_WORD = 3, LCR_TWO_STOPS = 4, LCR_PARITY = 8, LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 0x10, MCR_WRITABLE = 0x1f };
enum { LSR_DATA_READY = 1, LSR_OVERRUN = 2, LSR_THRE = 0x20, LSR_TRANSMITTER_EMPTY = 0x40 };
enum { MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80, MSR_DELTA_SHIFT = 4 /* from signal down to delta */ };

static const uint8_t TRIGGER_LEVELS[] = {1, 4, 8, 14}; /* bytes, by FCR[7:6] */

static vmm_16550 *port_of(vmm_machine *m, uint32_t port)
{
    return &((vmm_16550s *)m->controller_state[UART16550_ROW])->port[port % VMM_16550S];
}

/* ---- modem and interrupts ---- */

/* The IIR code of the enabled interrupt of highest priority. */
static uint8_t interrupt(const vmm_16550 *u)
{
    if (u->ier & IER_LINE && u->overrun)
        return IIR_LINE;
    if (u->ier & IER_DATA && u->received.count >= (u->fifo_enabled ? u->trigger : 1))
        return IIR_DATA;
    if (u->ier & IER_DATA && u->timed_out)
        return IIR_TIMEOUT;
    if (u->ier & IER_THRE && u->thre_interrupt)
        return IIR_THRE;
    return u->ier & IER_MODEM && u->modem_deltas ? IIR_MODEM : IIR_NONE;
}

static void drive(vmm_machine *m, const vmm_16550 *u)
{
    bool connected = u->ignores_out2 || u->mcr & MCR_OUT2; /* the bit, not the pin: interrupts go on in loopback */
    serial_drive(m, &u->wires, connected && interrupt(u) != IIR_NONE);
}

/* In loopback each modem input sees an output. */
static uint8_t modem_signals(const vmm_16550 *u)
{
    static const struct { uint8_t output, input; } LOOPED[] = {
        {MCR_RTS, MSR_CTS},
        {MCR_DTR, MSR_DSR},
        {MCR_OUT1, MSR_RI},
        {MCR_OUT2, MSR_DCD},
    };
    if (!(u->mcr & MCR_LOOP))
        return u->modem_inputs;
    uint8_t signals = 0;
    for (size_t i = 0; i < sizeof LOOPED / sizeof *LOOPED; i++)
        signals |= u->mcr & LOOPED[i].output ? LOOPED[i].input : 0;
    return signals;
}

static void change_modem(vmm_machine *m, vmm_16550 *u, uint8_t mcr, uint8_t inputs)
{
    uint8_t before = modem_signals(u);
    u->mcr = mcr;
    u->modem_inputs = inputs;
    uint8_t after = modem_signals(u);
    uint8_t changed = (before ^ after) & ~(after & MSR_RI); /* the ring indicator counts only when it ends (TERI) */
    u->modem_deltas |= changed >> MSR_DELTA_SHIFT;
    drive(m, u);
}

/* ---- receiver ---- */

/* Of so many characters; divisor 0, undefined in hardware, is the fastest line. Rounded up. */
static uint64_t frames_ns(const vmm_16550 *u, uint64_t frames)
{
    uint32_t word = 5 + (u->lcr & LCR_WORD);
    uint32_t stop = !(u->lcr & LCR_TWO_STOPS) ? 2 : word == 5 ? 3 : 4;
    uint64_t halves = 2 * (1 + word + !!(u->lcr & LCR_PARITY)) + stop;
    return (frames * halves * (u->divisor ? u->divisor : 1) * 1000000000 + HALF_BITS - 1) / HALF_BITS;
}

/* Four characters' time without one coming or being read makes the rest of the FIFO known to the CPU. */
static void restart_timeout(vmm_machine *m, const vmm_16550 *u)
{
    bool waits = u->fifo_enabled && u->received.count;
    serial_time_out_at(m, &u->wires, waits ? vmm_now(m) + frames_ns(u, TIMEOUT_FRAMES) : VMM_NEVER);
}

/* A whole character has come: into the FIFO if there is room, else over what the shift register held. */
static void take(vmm_machine *m, vmm_16550 *u, uint8_t byte)
{
    if (u->received.count < (u->fifo_enabled ? VMM_SERIAL_FIFO : 1)) {
        u->received.data[u->received.count++] = byte;
    } else {
        u->overrun = 1;
        if (!u->fifo_enabled)
            u->received.data[0] = byte;
    }
    restart_timeout(m, u);
}

/* ---- registers ---- */

static uint8_t read_rbr(vmm_machine *m, vmm_16550 *u)
{
    if (u->received.count)
        u->last_received = (uint8_t)received_take(&u->received);
    u->timed_out = 0;
    restart_timeout(m, u);
    drive(m, u);
    return u->last_received;
}

/* Reading clears the THRE interrupt if that is what is shown (table "Interrupt Control Functions"). */
static uint8_t read_iir(vmm_machine *m, vmm_16550 *u)
{
    uint8_t shown = interrupt(u);
    if (shown == IIR_THRE) {
        u->thre_interrupt = 0;
        drive(m, u);
    }
    return shown | (u->fifo_enabled ? IIR_FIFO_ENABLED : 0);
}

static uint8_t read_lsr(vmm_machine *m, vmm_16550 *u)
{
    uint8_t received = (u->received.count ? LSR_DATA_READY : 0) | (u->overrun ? LSR_OVERRUN : 0);
    u->overrun = 0;
    drive(m, u);
    return LSR_THRE | LSR_TRANSMITTER_EMPTY | received;
}

static uint8_t read_msr(vmm_machine *m, vmm_16550 *u)
{
    uint8_t value = modem_signals(u) | u->modem_deltas;
    u->modem_deltas = 0;
    drive(m, u);
    return value;
}

/* The line drops between "full" and "empty again": an edge-triggered controller must see each THRE. */
static void write_thr(vmm_machine *m, vmm_16550 *u, uint8_t value)
{
    u->thre_interrupt = 0;
    drive(m, u);
    u->thre_interrupt = 1;
    if (u->mcr & MCR_LOOP)
        take(m, u, value);
    else
        serial_send(m, &u->wires, value);
}

static void write_fcr(vmm_machine *m, vmm_16550 *u, uint8_t value)
{
    bool enable = value & FCR_ENABLE;
    if (enable != u->fifo_enabled || (enable && value & FCR_CLEAR_RECEIVER)) {
        received_clear(&u->received);
        u->timed_out = 0;
        serial_time_out_at(m, &u->wires, VMM_NEVER);
    }
    u->fifo_enabled = enable;
    if (enable)
        u->trigger = TRIGGER_LEVELS[value >> 6];
}

static bool is_divisor(const vmm_16550 *u, uint32_t offset)
{
    return u->lcr & LCR_DLAB && (offset == DLL || offset == DLM);
}

static uint8_t register_read(vmm_machine *m, vmm_16550 *u, uint32_t offset)
{
    if (is_divisor(u, offset))
        return (uint8_t)(u->divisor >> 8 * offset);
    switch (offset) {
    case RBR: return read_rbr(m, u);
    case IER: return u->ier;
    case IIR: return read_iir(m, u);
    case LCR: return u->lcr;
    case MCR: return u->mcr;
    case LSR: return read_lsr(m, u);
    case MSR: return read_msr(m, u);
    default: return u->scratch;
    }
}

static void register_write(vmm_machine *m, vmm_16550 *u, uint32_t offset, uint8_t value)
{
    if (is_divisor(u, offset)) {
        u->divisor = (uint16_t)((u->divisor & ~(0xffu << 8 * offset)) | (uint32_t)value << 8 * offset);
        return;
    }
    switch (offset) {
    case THR: write_thr(m, u, value); break;
    case IER:
        u->thre_interrupt |= value & ~u->ier & IER_THRE ? 1 : 0;
        u->ier = value & 0xf;
        break;
    case FCR: write_fcr(m, u, value); break;
    case LCR: u->lcr = value; break;
    case MCR: change_modem(m, u, value & MCR_WRITABLE, u->modem_inputs); break;
    case SCR: u->scratch = value; break;
    default: return;
    }
    drive(m, u);
}

static uint64_t ports_read(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)cpu, (void)size;
    return register_read(m, port_of(m, range->index), offset & 7);
}

static void ports_write(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)cpu, (void)size;
    register_write(m, port_of(m, range->index), offset & 7, (uint8_t)value);
}

const range_owner uart16550_ports = {ports_read, ports_write};

/* ---- calls ---- */

vmm_16550 *vmm_16550_of(vmm_machine *m, uint32_t port)
{
    return controller_state(m, UART16550_ROW) ? port_of(m, port) : NULL;
}

void vmm_16550_reset(vmm_machine *m, uint32_t port)
{
    vmm_16550 *u = port_of(m, port);
    memset((char *)u + offsetof(vmm_16550, ier), 0, sizeof *u - offsetof(vmm_16550, ier));
    u->divisor = RESET_DIVISOR;
    u->trigger = TRIGGER_LEVELS[0];
    u->modem_inputs = MSR_CTS | MSR_DSR | MSR_DCD;
    serial_time_out_at(m, &u->wires, VMM_NEVER);
    drive(m, u);
}

uint32_t vmm_16550_read(vmm_machine *m, uint32_t port, uint32_t offset)
{
    return register_read(m, port_of(m, port), offset & 7);
}

void vmm_16550_write(vmm_machine *m, uint32_t port, uint32_t offset, uint32_t value)
{
    register_write(m, port_of(m, port), offset & 7, (uint8_t)value);
    console_flush(m);
}

/* In loopback the receiver is not connected to the wire. */
void vmm_16550_arrive(vmm_machine *m, uint32_t port, uint32_t byte)
{
    vmm_16550 *u = port_of(m, port);
    if (u->mcr & MCR_LOOP)
        return;
    take(m, u, (uint8_t)byte);
    drive(m, u);
}

void vmm_16550_time_out(vmm_machine *m, uint32_t port)
{
    vmm_16550 *u = port_of(m, port);
    u->timed_out = 1;
    drive(m, u);
}

void vmm_16550_set_modem(vmm_machine *m, uint32_t port, uint32_t signals)
{
    vmm_16550 *u = port_of(m, port);
    change_modem(m, u, u->mcr, (uint8_t)signals);
}

uint64_t vmm_16550_frame_ns(vmm_machine *m, uint32_t port)
{
    return frames_ns(port_of(m, port), 1);
}
