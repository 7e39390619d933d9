"""What all tests have in common."""

from __future__ import annotations

import signal
import sys

import pytest

# A shell's background jobs ignore Ctrl-C, and their children would: those of the tests have to hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    """Let every test have IEEE arithmetic: a training that ran in this process flushes denormal numbers."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
