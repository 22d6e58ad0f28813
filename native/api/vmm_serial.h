/* Serial ports: the PC16550D of a PC, the PL011 of an ARM board. State and calls. */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

#include "api/vmm.h"

#define VMM_SERIAL_FIFO 16
#define VMM_16550S 2

/* Where a port's ends lead. */
typedef struct {
    uint8_t line; /* its interrupt's, */
    uint8_t driver;
    uint8_t timer;   /* what Python calls ..._time_out by */
    uint8_t console; /* what it sends is heard: m->console */
} vmm_serial_wires;

/* What has come and was not read, the eldest first; nothing but zeros behind it. */
typedef struct {
    uint16_t data[VMM_SERIAL_FIFO];
    uint8_t count;
} vmm_received;

typedef struct {
    vmm_serial_wires wires; /* configuration */
    uint8_t ignores_out2;   /* interrupts reach the line whatever OUT2 is */
    uint8_t ier;
    uint8_t lcr;
    uint8_t mcr;
    uint8_t scratch;
    uint16_t divisor;
    uint8_t fifo_enabled;
    uint8_t trigger; /* bytes */
    vmm_received received; /* the receiver FIFO, or RBR alone */
    uint8_t last_received;
    uint8_t overrun;
    uint8_t timed_out;
    uint8_t thre_interrupt;
    uint8_t modem_inputs; /* in the places of MSR[7:4] */
    uint8_t modem_deltas;
} vmm_16550;

typedef struct {
    vmm_16550 port[VMM_16550S];
} vmm_16550s;

typedef struct {
    vmm_serial_wires wires; /* configuration */
    uint16_t ilpr;
    uint16_t ibrd;
    uint16_t fbrd;
    uint16_t lcr_h;
    uint16_t cr;
    uint16_t ifls;
    uint16_t imsc;
    uint16_t dmacr;
    uint32_t divisor; /* that counts, in 64ths */
    vmm_received received; /* the receive FIFO, or the holding register alone */
    uint16_t last_received;
    uint8_t lost; /* a character, since the last one that found room */
    uint8_t receive_status;
    uint16_t raw; /* RIS */
    uint16_t modem_inputs; /* in the places of FR */
} vmm_pl011;

/* Made when first asked for, before any other call; NULL with m->error. Then wired, and reset: the modem at the other end
   is there and ready. `port` and `offset` may be any. */
vmm_16550 *vmm_16550_of(vmm_machine *m, uint32_t port);
void vmm_16550_reset(vmm_machine *m, uint32_t port);
uint32_t vmm_16550_read(vmm_machine *m, uint32_t port, uint32_t offset);
void vmm_16550_write(vmm_machine *m, uint32_t port, uint32_t offset, uint32_t value);
void vmm_16550_arrive(vmm_machine *m, uint32_t port, uint32_t byte); /* a whole character has come, now */
void vmm_16550_time_out(vmm_machine *m, uint32_t port);
void vmm_16550_set_modem(vmm_machine *m, uint32_t port, uint32_t signals); /* CTS, DSR, RI and DCD, as in MSR[7:4] */
uint64_t vmm_16550_frame_ns(vmm_machine *m, uint32_t port); /* how long a character lasts on the wire */

vmm_pl011 *vmm_pl011_of(vmm_machine *m);
void vmm_pl011_reset(vmm_machine *m);
uint32_t vmm_pl011_read(vmm_machine *m, uint32_t offset);
void vmm_pl011_write(vmm_machine *m, uint32_t offset, uint32_t value);
void vmm_pl011_arrive(vmm_machine *m, uint32_t byte);
void vmm_pl011_time_out(vmm_machine *m);
void vmm_pl011_set_modem(vmm_machine *m, uint32_t signals); /* CTS, DSR, DCD and RI, as in FR */
uint64_t vmm_pl011_frame_ns(vmm_machine *m);

#endif
