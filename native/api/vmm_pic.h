/* The PC's pair of 8259A interrupt controllers. State and calls. */
#ifndef VMM_PIC_H
#define VMM_PIC_H

#include "api/vmm.h"

typedef struct {
    uint8_t irr;       /* latched requests */
    uint8_t isr;       /* in service */
    uint8_t imr;       /* masked */
    uint8_t lines;     /* the pins as they are now */
    uint8_t held;      /* 1: INT stays up for a request that went away before INTA; it will be the spurious IR7 */
    uint8_t lowest;    /* pin of lowest priority; 7 after ICW1 */
    uint8_t vector;    /* ICW2 [7:3] */
    uint8_t cascade;   /* ICW3 */
    uint8_t elcr;      /* 1: level triggered */
    uint8_t elcr_mask; /* pins whose trigger the ELCR may choose */
    uint8_t icw1;
    uint8_t icw4;
    uint8_t init_step;   /* 0 ready, 2-4 the ICW expected next */
    uint8_t read_isr;    /* OCW3 read register select */
    uint8_t poll;        /* OCW3 poll: the next read acknowledges */
    uint8_t special_mask;
    uint8_t rotate_aeoi;
    uint8_t output; /* the INT pin */
    uint64_t raised[8]; /* instruction count when each request was latched */
} vmm_i8259;

typedef struct {
    vmm_i8259 chip[2];     /* master, slave */
    uint8_t admits_lower;  /* configuration: in special fully nested mode a slave in service holds back none below it */
    uint8_t withdraws_int; /* a level that falls takes INT with it */
    uint8_t keeps_edges;   /* an edge stays a request when its pin falls */
} vmm_pic;

vmm_pic *vmm_pic_of(vmm_machine *m); /* made when first asked for, before any other call; NULL with m->error */
uint32_t vmm_pic_read(vmm_machine *m, uint32_t chip, uint32_t a0);
void vmm_pic_write(vmm_machine *m, uint32_t chip, uint32_t a0, uint32_t value);
uint32_t vmm_pic_acknowledge(vmm_machine *m); /* INTA: the vector; moves IRR to ISR */
void vmm_pic_set_line(vmm_machine *m, uint32_t pin, int level);
void vmm_pic_reset(vmm_machine *m);

#endif
