/* @NAME@: firmware that counts the pulses of a sensor at SPI 5. The handler notes each in `pending`, the main loop takes
 * them from there one by one; after the second it switches the machine off. */
#include "cpu.h"
#include "firmware.h"

#define REGISTER(address) (*(volatile unsigned *)(address))
#define UART_DATA REGISTER(0x09000000) /* PL011 */

#define GICD_CTLR REGISTER(0x08000000) /* GICv2: the distributor … */
#define GICD_ISENABLER1 REGISTER(0x08000104)
#define GICD_ITARGETSR9 REGISTER(0x08000824)
#define GICD_ICFGR2 REGISTER(0x08000c08)
#define GICC_CTLR REGISTER(0x08010000) /* … and the interface of this CPU */
#define GICC_PMR REGISTER(0x08010004)
#define GICC_IAR REGISTER(0x0801000c)
#define GICC_EOIR REGISTER(0x08010010)

enum { SENSOR = 32 + 5, ENOUGH = 2 };

volatile unsigned pending, taken;

static void print(const char *text)
{
    while (*text)
        UART_DATA = (unsigned char)*text++;
}

void irq(void)
{
    unsigned id = GICC_IAR; /* acknowledges it */
    if (id == SENSOR)
        pending++;
    GICC_EOIR = id;
}

static void prepare_gic(void)
{
    GICD_ICFGR2 = 2u << 2 * (SENSOR % 16);     /* by its edges */
    GICD_ITARGETSR9 = 1u << 8 * (SENSOR % 4);  /* to the first CPU */
    GICD_ISENABLER1 = 1u << (SENSOR % 32);
    GICD_CTLR = 1;
    GICC_PMR = 0xff;
    GICC_CTLR = 1;
}

static void wait_for_pulse(void)
{
    mask_interrupts();
    while (!pending) {
        wait_for_interrupt(); /* ends with what is pending, masked or not */
        unmask_interrupts();
        mask_interrupts();
    }
    unmask_interrupts();
}

__attribute__((noinline)) void report(void)
{
    print("took one\n");
}

void firmware(void)
{
    prepare_gic();
    print("ready\n");
    unmask_interrupts();
    while (taken < ENOUGH) {
        wait_for_pulse();
        take_one();
        report();
    }
    switch_off();
}
