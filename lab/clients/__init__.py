"""Masakari's own clients against the lab's Themis: each module but `claims` runs inside the interpreter whose clients it drives
(Debian's, or that of a virtual environment with the newest) and prints what it found as one line of JSON per claim.
"""
