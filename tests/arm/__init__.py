"""Rules 25-28 on whole ARM machines; expectations are worked out from the Arm manuals named in each file."""
