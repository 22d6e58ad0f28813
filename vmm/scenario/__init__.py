"""Scripts beside a guest: what they wait for, how they are resumed, what comes by itself."""
