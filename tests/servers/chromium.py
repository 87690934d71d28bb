"""A real Chromium, told what to do over a pipe in its DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = Path(__file__).parents[2] / "viewer" / "node_modules" / "axe-core" / "axe.min.js"
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
)


class Tab:
    """One page. What it logs as an error is kept in ``errors``."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser, self._session = browser, session
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.call(method, params, self._session)

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def go(self, address: str) -> None:
        self.errors.clear()
        # a change of the fragment alone loads nothing anew
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)

    def js(self, expression: str) -> Any:
        found = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise AssertionError(found["exceptionDetails"])
        return found["result"].get("value")

    def wait(self, expression: str, seconds: float = 20) -> Any:
        """Return the expression's value as soon as it is a true one."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(AssertionError):
                if value := self.js(expression):
                    return value
            time.sleep(0.02)
        message = f"never true: {expression}; the page says: {self.text()}; {self.errors}"
        raise AssertionError(message)

    def ready(self, value: str = "") -> str:
        """Wait for a canvas to be drawn; return what it says of it."""
        at = "document.querySelector('canvas')?.dataset.ready"
        return str(self.wait(f"({at} === {json.dumps(value)}) && {at}" if value else at))

    def text(self) -> str:
        return str(self.js("document.body ? document.body.innerText : ''"))

    def key(self, name: str, times: int = 1) -> None:
        text = {"text": name} if len(name) == 1 else {}
        for _ in range(times):
            self.call("Input.dispatchKeyEvent", type="keyDown", key=name, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=name)

    def mouse(self, kind: str, x: float, y: float) -> None:
        pressed = kind != "mouseMoved"
        self.call(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x,
            y=y,
            button="left" if pressed else "none",
            clickCount=1 if pressed else 0,
        )

    def picture(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def axe(self) -> list[str]:
        """Return serious and critical findings of axe-core."""
        self.js(AXE.read_text(encoding="utf-8") + "; true")
        found = self.js("axe.run().then((r) => r.violations)")
        return [
            f"{one['id']}: {one['help']}: {node['html'][:160]}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]


class Chromium:
    """Ends with its context."""

    def __init__(self, profile: str, options: Sequence[str] = ()) -> None:
        read, self._write = os.pipe()
        self._read, write = os.pipe()
        # Chromium reads from descriptor 3 and writes to 4
        high = [fcntl.fcntl(one, fcntl.F_DUPFD, 20) for one in (read, write)]

        def place() -> None:
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        assert CHROMIUM
        self._process = subprocess.Popen(
            [CHROMIUM, *_OPTIONS, *options, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=place,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for one in (read, write, *high):
            os.close(one)
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._tabs: dict[str, Tab] = {}

    def tab(self) -> Tab:
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        made = Tab(self, session["sessionId"])
        self._tabs[session["sessionId"]] = made
        return made

    def call(self, method: str, params: dict[str, Any], session: str = "") -> dict[str, Any]:
        number = next(self._numbers)
        asked = {"id": number, "method": method, "params": params}
        if session:
            asked["sessionId"] = session
        os.write(self._write, json.dumps(asked).encode() + b"\0")
        end = time.monotonic() + 60
        while True:
            told = self._next(end - time.monotonic())
            if told.get("id") == number:
                if "error" in told:
                    raise AssertionError(f"{method}: {told['error']}")
                result: dict[str, Any] = told["result"]
                return result
            self._note(told)

    def _note(self, told: dict[str, Any]) -> None:
        tab = self._tabs.get(told.get("sessionId", ""))
        if tab is None:
            return
        if told.get("method") == "Runtime.exceptionThrown":
            tab.errors.append(str(told["params"]["exceptionDetails"]))
        if told.get("method") == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
            tab.errors.append(str(told["params"]["entry"]["text"]))

    def _next(self, seconds: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, seconds))
            if not ready:
                raise AssertionError("Chromium does not answer")
            part = os.read(self._read, 1 << 20)
            if not part:
                raise AssertionError("Chromium has ended")
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        told: dict[str, Any] = json.loads(line)
        return told

    def close(self) -> None:
        with contextlib.suppress(AssertionError, OSError):
            self.call("Browser.close", {})
        os.close(self._write)
        os.close(self._read)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def chromium(*options: str) -> Iterator[Chromium]:
    """Start Chromium with further options, and a profile that goes with it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Chromium(profile, options)
        try:
            yield browser
        finally:
            browser.close()
