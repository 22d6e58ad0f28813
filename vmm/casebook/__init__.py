"""The casebook: what goes wrong with interrupts, each case a guest with a broken and a fixed variant."""
