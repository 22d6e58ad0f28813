/*
 * Arm PrimeCell UART PL011, revision r1p1. Source: Arm DDI0183, chapters "Functional Overview" and 3.
 *
 * Sending takes no time: a byte written to DR is out at once, and the transmitter is empty again. Bytes are never cut to the
 * word length, and no parity, framing or break errors occur. The enables and the hardware flow control of CR are kept and
 * not acted upon: images for QEMU's virt often write to DR and nothing else. No infrared encoder and no DMA controller are
 * there to act on theirs.
 */
#include "devices/serial.h"

enum { UARTCLK = 24000000, QUARTERS = 4 * UARTCLK }; /* Hz, as on QEMU's virt; a bit is 16 cycles times the divisor's 64ths */
enum { SMALLEST_DIVISOR = 1 << 6, LARGEST_DIVISOR = 0xffff << 6, TIMEOUT_BITS = 32 };

enum { DR = 0, RSR = 4, ECR = RSR, FR = 0x18, ILPR = 0x20, IBRD = 0x24, FBRD = 0x28, LCR_H = 0x2c, CR = 0x30, IFLS = 0x34,
       IMSC = 0x38, RIS = 0x3c, MIS = 0x40, ICR = 0x44, DMACR = 0x48, PERIPH_ID_0 = 0xfe0 };
enum { DR_OVERRUN = 0x800, RSR_OVERRUN = 8 };
enum { FR_CTS = 1, FR_DSR = 2, FR_DCD = 4, FR_RECEIVE_EMPTY = 0x10, FR_RECEIVE_FULL = 0x40,
       FR_TRANSMIT_EMPTY = 0x80, FR_RI = 0x100 };
enum { LCR_PARITY = 2, LCR_TWO_STOPS = 8, LCR_FIFO = 0x10, LCR_WORD_SHIFT = 5 };
enum { CR_LOOP = 0x80, CR_DTR = 0x400, CR_RTS = 0x800, CR_OUT1 = 0x1000, CR_OUT2 = 0x2000 };
enum { INT_RI = 1, INT_CTS = 2, INT_DCD = 4, INT_DSR = 8, INT_RECEIVE = 0x10, INT_TRANSMIT = 0x20, INT_TIMEOUT = 0x40,
       INT_OVERRUN = 0x400, INT_ALL = 0x7ff };

static const uint8_t TRIGGER_LEVELS[] = {2, 4, 8, 12, 14, 14, 14, 14}; /* characters, by IFLS[5:3]; from 5 on reserved */

/* UARTPeriphID0-3 and UARTPCellID0-3. Revision 1 tells drivers that the FIFOs hold 16 characters, not 32. */
static const uint8_t IDENTIFICATION[] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

/* The registers that keep what is written to them. */
typedef struct {
    uint16_t offset;
    uint16_t writable; /* bits */
    uint16_t field;
} kept;

static const kept KEPT[] = {
    {ILPR, 0xff, offsetof(vmm_pl011, ilpr)}, {IBRD, 0xffff, offsetof(vmm_pl011, ibrd)},
    {FBRD, 0x3f, offsetof(vmm_pl011, fbrd)}, {LCR_H, 0xff, offsetof(vmm_pl011, lcr_h)},
    {CR, 0xff87, offsetof(vmm_pl011, cr)}, {IFLS, 0x3f, offsetof(vmm_pl011, ifls)},
    {IMSC, 0x7ff, offsetof(vmm_pl011, imsc)}, {DMACR, 7, offsetof(vmm_pl011, dmacr)},
};

static vmm_pl011 *port_of(vmm_machine *m)
{
    return m->controller_state[PL011_ROW];
}

static const kept *kept_at(uint64_t offset)
{
    for (size_t i = 0; i < sizeof KEPT / sizeof *KEPT; i++)
        if (KEPT[i].offset == offset)
            return &KEPT[i];
    return NULL;
}

static uint16_t *field_of(vmm_pl011 *u, const kept *k)
{
    return (uint16_t *)((char *)u + k->field);
}

static void drive(vmm_machine *m, const vmm_pl011 *u)
{
    serial_drive(m, &u->wires, u->raw & u->imsc);
}

/* ---- modem ---- */

/* Each modem input, the interrupt of its change, and the output it sees in loopback. */
static const struct { uint16_t signal, interrupt, output; } MODEM[] = {
    {FR_CTS, INT_CTS, CR_RTS},
    {FR_DSR, INT_DSR, CR_DTR},
    {FR_DCD, INT_DCD, CR_OUT1},
    {FR_RI, INT_RI, CR_OUT2},
};
enum { SIGNALS = sizeof MODEM / sizeof *MODEM };

static uint16_t modem_signals(const vmm_pl011 *u)
{
    if (!(u->cr & CR_LOOP))
        return u->modem_inputs;
    uint16_t signals = 0;
    for (int i = 0; i < SIGNALS; i++)
        signals |= u->cr & MODEM[i].output ? MODEM[i].signal : 0;
    return signals;
}

static void change_modem(vmm_pl011 *u, uint16_t cr, uint16_t inputs)
{
    uint16_t before = modem_signals(u);
    u->cr = cr;
    u->modem_inputs = inputs;
    uint16_t changed = before ^ modem_signals(u);
    for (int i = 0; i < SIGNALS; i++)
        u->raw |= changed & MODEM[i].signal ? MODEM[i].interrupt : 0;
}

/* ---- receiver ---- */

static uint32_t depth(const vmm_pl011 *u)
{
    return u->lcr_h & LCR_FIFO ? VMM_SERIAL_FIFO : 1;
}

static uint32_t trigger(const vmm_pl011 *u)
{
    return u->lcr_h & LCR_FIFO ? TRIGGER_LEVELS[u->ifls >> 3 & 7] : 1;
}

static uint64_t bits_ns(const vmm_pl011 *u, uint64_t bits) /* rounded up */
{
    return (bits * u->divisor * 1000000000 + QUARTERS - 1) / QUARTERS;
}

/* 32 bit periods without a character make what is below the trigger level known to the CPU (UARTRTINTR). */
static void restart_timeout(vmm_machine *m, const vmm_pl011 *u)
{
    if (u->received.count)
        serial_time_out_at(m, &u->wires, vmm_now(m) + bits_ns(u, TIMEOUT_BITS));
}

/* Characters have gone: what they held up falls. */
static void settle(vmm_machine *m, vmm_pl011 *u)
{
    if (u->received.count < trigger(u))
        u->raw &= ~INT_RECEIVE;
    if (u->received.count)
        return;
    u->raw &= ~INT_TIMEOUT;
    serial_time_out_at(m, &u->wires, VMM_NEVER);
}

/* A whole character has come: into the FIFO if there is room, with the news of any that found none before. */
static void take(vmm_machine *m, vmm_pl011 *u, uint8_t byte)
{
    if (u->received.count < depth(u)) {
        u->received.data[u->received.count++] = (uint16_t)(byte | (u->lost ? DR_OVERRUN : 0));
        u->lost = 0;
        if (u->received.count == trigger(u))
            u->raw |= INT_RECEIVE;
    } else {
        u->lost = 1;
        u->receive_status = RSR_OVERRUN;
        u->raw |= INT_OVERRUN;
    }
    restart_timeout(m, u);
}

/* ---- registers ---- */

static uint16_t read_dr(vmm_machine *m, vmm_pl011 *u)
{
    if (u->received.count)
        u->last_received = received_take(&u->received);
    settle(m, u);
    drive(m, u);
    return u->last_received;
}

static uint16_t read_fr(const vmm_pl011 *u)
{
    uint16_t receiver = u->received.count ? 0 : FR_RECEIVE_EMPTY;
    receiver |= u->received.count == depth(u) ? FR_RECEIVE_FULL : 0;
    return FR_TRANSMIT_EMPTY | receiver | modem_signals(u);
}

/* The interrupt marks a way through the trigger level (UARTTXINTR), and a byte that leaves at once has gone up and down it;
   the line drops between the two, as an edge-triggered controller must see each byte's. */
static void write_dr(vmm_machine *m, vmm_pl011 *u, uint8_t value)
{
    u->raw &= ~INT_TRANSMIT;
    drive(m, u);
    u->raw |= INT_TRANSMIT;
    if (u->cr & CR_LOOP)
        take(m, u, value);
    else
        serial_send(m, &u->wires, value);
}

/* Also the strobe that makes the divisor of IBRD and FBRD count (3.3.7). */
static void write_lcr_h(vmm_machine *m, vmm_pl011 *u, uint16_t value)
{
    uint16_t changed = value ^ u->lcr_h;
    u->lcr_h = value;
    uint32_t divisor = (uint32_t)u->ibrd << 6 | u->fbrd;
    u->divisor = divisor < SMALLEST_DIVISOR ? SMALLEST_DIVISOR : divisor > LARGEST_DIVISOR ? LARGEST_DIVISOR : divisor;
    if (changed & LCR_FIFO) {
        received_clear(&u->received);
        u->lost = 0;
        settle(m, u);
    }
}

static void write_icr(vmm_machine *m, vmm_pl011 *u, uint16_t value)
{
    u->raw &= ~value;
    if (value & INT_TIMEOUT)
        restart_timeout(m, u);
}

static uint16_t register_read(vmm_machine *m, vmm_pl011 *u, uint64_t offset)
{
    switch (offset) {
    case DR: return read_dr(m, u);
    case RSR: return u->receive_status;
    case FR: return read_fr(u);
    case RIS: return u->raw;
    case MIS: return u->raw & u->imsc;
    default: break;
    }
    const kept *k = kept_at(offset);
    if (k)
        return *field_of(u, k);
    bool identifies = offset >= PERIPH_ID_0 && offset < PERIPH_ID_0 + 4 * sizeof IDENTIFICATION && offset % 4 == 0;
    return identifies ? IDENTIFICATION[(offset - PERIPH_ID_0) / 4] : 0;
}

static void register_write(vmm_machine *m, vmm_pl011 *u, uint64_t offset, uint64_t value)
{
    const kept *k = kept_at(offset);
    uint16_t bits = (uint16_t)(k ? value & k->writable : value);
    switch (offset) {
    case DR: write_dr(m, u, (uint8_t)value); break;
    case ECR: u->receive_status = 0; break;
    case LCR_H: write_lcr_h(m, u, bits); break;
    case CR: change_modem(u, bits, u->modem_inputs); break;
    case ICR: write_icr(m, u, bits & INT_ALL); break;
    default:
        if (k)
            *field_of(u, k) = bits;
    }
    drive(m, u);
}

static uint64_t memory_read(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size)
{
    (void)cpu, (void)range, (void)size;
    return register_read(m, port_of(m), offset);
}

static void memory_write(vmm_machine *m, uint32_t cpu, const vmm_range *range, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)cpu, (void)range, (void)size;
    register_write(m, port_of(m), offset, value);
}

const range_owner pl011_memory = {memory_read, memory_write};

/* ---- calls ---- */

vmm_pl011 *vmm_pl011_of(vmm_machine *m)
{
    return controller_state(m, PL011_ROW);
}

void vmm_pl011_reset(vmm_machine *m)
{
    vmm_pl011 *u = port_of(m);
    memset((char *)u + sizeof u->wires, 0, sizeof *u - sizeof u->wires);
    u->cr = 0x300;
    u->ifls = 0x12;
    u->divisor = SMALLEST_DIVISOR;
    u->modem_inputs = FR_CTS | FR_DSR | FR_DCD;
    serial_time_out_at(m, &u->wires, VMM_NEVER);
    drive(m, u);
}

uint32_t vmm_pl011_read(vmm_machine *m, uint32_t offset)
{
    return register_read(m, port_of(m), offset);
}

void vmm_pl011_write(vmm_machine *m, uint32_t offset, uint32_t value)
{
    register_write(m, port_of(m), offset, value);
    console_flush(m);
}

/* In loopback the receiver is not connected to the wire. */
void vmm_pl011_arrive(vmm_machine *m, uint32_t byte)
{
    vmm_pl011 *u = port_of(m);
    if (u->cr & CR_LOOP)
        return;
    take(m, u, (uint8_t)byte);
    drive(m, u);
}

void vmm_pl011_time_out(vmm_machine *m)
{
    vmm_pl011 *u = port_of(m);
    u->raw |= INT_TIMEOUT;
    drive(m, u);
}

void vmm_pl011_set_modem(vmm_machine *m, uint32_t signals)
{
    vmm_pl011 *u = port_of(m);
    change_modem(u, u->cr, (uint16_t)signals);
    drive(m, u);
}

uint64_t vmm_pl011_frame_ns(vmm_machine *m)
{
    const vmm_pl011 *u = port_of(m);
    uint32_t word = 5 + (u->lcr_h >> LCR_WORD_SHIFT & 3);
    return bits_ns(u, 1 + word + !!(u->lcr_h & LCR_PARITY) + (u->lcr_h & LCR_TWO_STOPS ? 2 : 1));
}
