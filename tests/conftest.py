"""What all tests have in common."""

from __future__ import annotations

import signal
import sys

import pytest
from hypothesis import settings

# A shell's background jobs ignore Ctrl-C, and their children would: those of the tests have to hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# How long an example takes hangs on what else the machine does.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def _keep_denormals() -> None:
    """IEEE arithmetic for the thread of the tests: a training that ran on it flushes denormal numbers."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Before the fixtures of a test are made."""
    _keep_denormals()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    """And when a fixture may have trained."""
    _keep_denormals()
