"""A headless Chromium driven by the DevTools protocol over a pipe: what the tests of the pages need, and no more.

Over a pipe (`--remote-debugging-pipe`) there is no port to find, no WebSocket and no driver that must fit the browser's
version; messages are JSON between zero bytes. `--dump-dom` and `--screenshot` alone cannot press a key.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--no-default-browser-check", "--hide-scrollbars", "--force-color-profile=srgb", "--mute-audio",
)  # fmt: skip
KEYS = {"Enter": (13, "\r"), "Tab": (9, ""), " ": (32, " "), "ArrowDown": (40, ""), "ArrowUp": (38, "")}


def find_chromium() -> str | None:
    """The browser's program, None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """One page. What it complained about and what it asked for is collected from `open` on.

    Attributes:
        problems: exceptions and what was written to the console; `requests`: addresses that were asked for.
    """

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.problems: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a command of the protocol."""
        return self._browser.send(method, params, self._session, self)

    def hear(self, method: str, params: dict[str, Any]) -> None:
        """Note an event that matters to the tests."""
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(params["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif method == "Runtime.consoleAPICalled":
            self.problems.append(f"console.{params['type']}: {params['args']}")
        elif method == "Log.entryAdded":
            self.problems.append(params["entry"]["text"])

    def open(self, page: Path, width: int = 1280, height: int = 900, dark: bool = False) -> float:
        """Open a file in a window of a size; the seconds from the start of the navigation to its load event."""
        self.problems.clear()
        self.requests.clear()
        self.look(width, height, dark)
        self.send("Page.navigate", url=page.resolve().as_uri())
        ready = "document.readyState === 'complete' && performance.timing.loadEventEnd > 0"
        end = time.monotonic() + 30
        while not self.run(f"location.href !== 'about:blank' && {ready}"):
            assert time.monotonic() < end, "the page does not finish loading"
            time.sleep(0.01)
        return float(self.run("performance.timing.loadEventEnd - performance.timing.navigationStart")) / 1000

    def look(self, width: int, height: int, dark: bool = False, media: str = "") -> None:
        """Size of the window, colours, and `media` (`print` or empty)."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        found = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str, shift: bool = False) -> None:
        """Press and release a key where the focus is."""
        code, text = KEYS[key]
        common = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def write(self, text: str) -> None:
        """Type a text where the focus is."""
        self.send("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Click the middle of the first element that matches, with the mouse."""
        find = (
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block:'center'}});"
        )
        x, y = self.run(
            find + " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, height: int | None = None) -> bytes:
        """The page as a PNG, from its top: the window, or `height` pixels of it."""
        clip = {}
        if height is not None:
            width = self.run("innerWidth")
            clip = {"clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}}
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True, **clip)
        return base64.b64decode(shot["data"])


class Browser:
    """A running browser."""

    def __init__(self, program: str, folder: Path) -> None:
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        # The browser reads 3 and writes 4; from above 9, one move cannot overwrite what the other one needs.
        given = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (theirs_in, theirs_out)]
        launch = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4)"
        launch += "; os.execvp(sys.argv[3], sys.argv[3:])"
        root = ("--no-sandbox",) if os.geteuid() == 0 else ()  # as root it does not start otherwise
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", launch, *map(str, given), program, *FLAGS, *root, f"--user-data-dir={folder}",
             "about:blank"],
            pass_fds=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for fd in (theirs_in, theirs_out, *given):
            os.close(fd)
        self._in, self._out = ours_in, ours_out
        self._buffer = b""
        self._number = 0

    def tab(self) -> Tab:
        """A new page."""
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        return Tab(self, session)

    def send(self, method: str, params: dict[str, Any], session: str = "", tab: Tab | None = None) -> dict[str, Any]:
        """Send a command and wait for its result; events that come before it go to the tab."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            heard = self._read()
            if heard.get("id") == self._number:
                assert "error" not in heard, (method, heard["error"])
                return heard["result"]
            if tab is not None and "method" in heard and heard.get("sessionId") == session:
                tab.hear(heard["method"], heard["params"])

    def _read(self) -> dict[str, Any]:
        end = time.monotonic() + 30
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            more = os.read(self._in, 1 << 20)
            assert more, "the browser has gone"
            self._buffer += more
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def close(self) -> None:
        """End it."""
        os.close(self._out)  # it goes when its pipe does
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._in)


@contextmanager
def chromium(program: str, folder: Path) -> Iterator[Browser]:
    """A browser with its profile in a folder, ended at the end."""
    browser = Browser(program, folder)
    try:
        yield browser
    finally:
        browser.close()
