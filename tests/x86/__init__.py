"""Rules 1 to 8, x86 event delivery, one claim a test; expectations are worked out from the Intel SDM by hand."""
