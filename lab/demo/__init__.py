"""The demo: plays a failure on the lab, shows what happens as it happens, and checks what was promised.

`player.py` is the order of events, `scenarios.py` what is done and promised, `checks.py` where each promise is looked up,
`phases.py` how events become times. Nothing in here decides that a check holds on Themis's word alone.
"""
