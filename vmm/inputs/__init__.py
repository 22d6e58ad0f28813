"""What comes to a machine from outside, one way in for all, and the tape it is kept on."""
