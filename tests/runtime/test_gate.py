"""Runs that closing waits for, and that make way for one that must be alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from clutch_rt import ClutchError
from clutch_rt.gate import Gate

SOON = 5.0


def _thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _ended(thread: threading.Thread) -> bool:
    thread.join(SOON)
    return not thread.is_alive()


def test_who_is_alone_waits_for_others_and_they_for_him() -> None:
    gate, order = Gate(), []
    entered, leave = threading.Event(), threading.Event()

    def run() -> None:
        with gate.in_use():
            entered.set()
            leave.wait(SOON)
            order.append("run")

    def alone() -> None:
        with gate.alone():
            order.append("alone")
            time.sleep(0.05)
            order.append("still alone")

    first = _thread(run)
    assert entered.wait(SOON)
    second = _thread(alone)
    while not gate._alone:
        time.sleep(0.001)
    third = _thread(run)
    leave.set()
    assert all(map(_ended, (first, second, third)))
    assert order == ["run", "alone", "still alone", "run"]


def test_two_are_not_alone_together() -> None:
    gate, inside, most = Gate(), [], []

    def alone() -> None:
        with gate.alone():
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.005)
            inside.pop()

    assert all(map(_ended, [_thread(alone) for _ in range(6)]))
    assert most == [1] * 6


def test_closing_waits_for_both_and_lets_nobody_in() -> None:
    gate, order = Gate(), []
    entered, leave = threading.Event(), threading.Event()

    def alone() -> None:
        with gate.alone():
            entered.set()
            leave.wait(SOON)
            order.append("alone")

    first = _thread(alone)
    assert entered.wait(SOON)

    def close() -> None:
        gate.close()
        order.append("closed")

    second = _thread(close)
    leave.set()
    assert _ended(first) and _ended(second) and order == ["alone", "closed"]
    for enter in (gate.in_use, gate.alone):
        with pytest.raises(ClutchError, match="closed"), enter():
            pass
    gate.close()
    assert gate.closed


def test_an_interrupt_while_waiting_to_be_alone_lets_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, honest, calls = Gate(), threading.Condition.wait_for, []

    def interrupted(self: threading.Condition, *args: object) -> bool:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return honest(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(threading.Condition, "wait_for", interrupted)
    with pytest.raises(KeyboardInterrupt), gate.alone():
        pass
    with gate.in_use():
        pass
    gate.close()
