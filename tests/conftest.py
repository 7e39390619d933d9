"""What all tests have in common."""

from __future__ import annotations

import signal

# A shell's background jobs ignore Ctrl-C, and their children would: those of the tests have to hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
