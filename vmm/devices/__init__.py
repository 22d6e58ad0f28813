"""Devices: one small file each; they drive lines and know nothing of the controllers behind them."""
