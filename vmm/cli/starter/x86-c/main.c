/* @NAME@: a kernel that waits for a byte at its serial port, says which one came, and switches the machine off. */
#include "kernel.h"

enum { COM1 = 0x3f8, PIC1 = 0x20, PIC2 = 0xa0, POWER = 0x604 };
enum { SERIAL_IRQ = 4, FIRST_VECTOR = 0x20 };

volatile int received = NOTHING;

static void out8(unsigned short port, unsigned char value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out16(unsigned short port, unsigned short value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static unsigned char in8(unsigned short port)
{
    unsigned char value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void print(const char *text)
{
    while (*text)
        out8(COM1, (unsigned char)*text++);
}

/* Runs with interrupts off, for its gate is an interrupt gate. */
void serial_interrupt(void)
{
    received = in8(COM1);
    out8(PIC1, 0x20); /* end of interrupt */
}

static struct {
    unsigned short low, selector, type, high;
} idt[256];

static void prepare_idt(void)
{
    static struct {
        unsigned short limit;
        void *base;
    } __attribute__((packed)) const idtr = {sizeof idt - 1, idt};
    unsigned address = (unsigned)serial_entry;

    idt[FIRST_VECTOR + SERIAL_IRQ].low = (unsigned short)address;
    idt[FIRST_VECTOR + SERIAL_IRQ].selector = 8;
    idt[FIRST_VECTOR + SERIAL_IRQ].type = 0x8e00; /* present, ring 0, 32-bit interrupt gate */
    idt[FIRST_VECTOR + SERIAL_IRQ].high = (unsigned short)(address >> 16);
    __asm__ volatile("lidt %0" : : "m"(idtr));
}

static void prepare_pic(void)
{
    out8(PIC1, 0x11), out8(PIC2, 0x11); /* ICW1: edges, a cascade, ICW4 follows */
    out8(PIC1 + 1, FIRST_VECTOR), out8(PIC2 + 1, FIRST_VECTOR + 8);
    out8(PIC1 + 1, 4), out8(PIC2 + 1, 2); /* ICW3: the slave is at the master's IR2 */
    out8(PIC1 + 1, 1), out8(PIC2 + 1, 1); /* ICW4: 8086 */
    out8(PIC1 + 1, 0xff & ~(1 << SERIAL_IRQ)), out8(PIC2 + 1, 0xff);
}

static void prepare_serial(void)
{
    out8(COM1 + 4, 8); /* OUT2 lets the port's interrupt out */
    out8(COM1 + 1, 1); /* when a byte has come */
}

void kernel(void)
{
    prepare_idt();
    prepare_pic();
    prepare_serial();
    __asm__ volatile("sti");
    print("a byte, please: ");
    wait_for_byte();
    out8(COM1, (unsigned char)received);
    print("\n");
    out16(POWER, 0x2000);
}
