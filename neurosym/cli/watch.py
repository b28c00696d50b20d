"""Time and memory that a whole command may use.

Grounding has limits of its own and names the rule at work; this watch is for everything after it, and for memory. It
looks ten times a second from a thread of its own and stops the main thread by a signal. It does not use RLIMIT_AS:
torch reserves far more address space than it uses, and a failed allocation in C ends the process without a word.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from types import FrameType, TracebackType

from neurosym.errors import LimitError

# Not SIGINT: a shell script's background jobs ignore it, and Ctrl-C must stay tellable from a limit.
_SIGNAL = getattr(signal, "SIGUSR1", signal.SIGINT)
GRACE = 1.0  # seconds by which grounding, which says more, goes first


class Stopped(BaseException):
    """Raised in the main thread where a limit was hit; no `except Exception` on the way may keep it."""


class Watch:
    """A context in which time and memory are watched.

    Args:
        seconds: wall time; megabytes: resident memory of the process, 0 for no limit.
    """

    def __init__(self, seconds: float, megabytes: int = 0) -> None:
        self.seconds, self.megabytes = seconds, megabytes
        self.started = time.monotonic()
        self.hit: LimitError | None = None
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._previous: object = None

    @property
    def left(self) -> float:
        """Seconds that are left, never below a hundredth."""
        return max(0.01, self.seconds - (time.monotonic() - self.started))

    def __enter__(self) -> Watch:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(_SIGNAL, _stop)
            threading.Thread(target=self._look, name="neurosym-watch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._done.set()
        if self._previous is not None:
            signal.signal(_SIGNAL, self._previous)  # pyright: ignore[reportArgumentType]

    def _look(self) -> None:
        while not self._done.wait(0.1):
            error = self._over()
            if error is not None:
                with self._lock:
                    if not self._done.is_set():
                        self.hit = error
                        _interrupt()
                return

    def _over(self) -> LimitError | None:
        if time.monotonic() - self.started > self.seconds + GRACE:
            return LimitError(
                f"the command took longer than {self.seconds:g} seconds", code="NS418", help="raise --max-seconds"
            )
        if self.megabytes and (used := resident_megabytes()) > self.megabytes:
            return LimitError(
                f"the command uses {used:,.0f} MB of memory, more than {self.megabytes:,} MB", code="NS419",
                help="raise --max-memory, or lower --max-facts",
            )  # fmt: skip
        return None


def _interrupt() -> None:
    """Signal the main thread, wherever it waits."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, _SIGNAL)
    else:
        _thread.interrupt_main(_SIGNAL)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def resident_megabytes() -> float:
    """Memory that the process occupies now; where the system does not say, the most it ever did."""
    try:
        with open("/proc/self/statm", encoding="ascii") as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows: memory is not watched
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
