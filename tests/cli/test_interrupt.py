"""The first Ctrl-C or TERM asks the loop to leave, the second leaves at once."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from swarmgit.adapters.interrupt import on_interrupt


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_sets_the_event_and_says_how_to_go_on(number, capfd) -> None:
    event = threading.Event()
    with on_interrupt(event, "sessions go on"):
        os.kill(os.getpid(), number)
        assert event.wait(5)
    assert capfd.readouterr().err == "\nsessions go on\n"


def test_the_second_signal_leaves_at_once(capfd) -> None:
    event = threading.Event()
    with on_interrupt(event, "sessions go on"):
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert capfd.readouterr().err.count("sessions go on") == 1


def test_what_was_there_before_comes_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with on_interrupt(threading.Event(), ""):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
