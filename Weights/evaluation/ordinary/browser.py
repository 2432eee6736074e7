"""Pages become pictures in a Chromium without a window: one process for all of them, told what to do over a pipe."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import tempfile

from PIL import Image

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def browser_program() -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Browser:
    """Starts with the first page that is asked for."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.identifier, self.session, self.kept = 0, None, b""
        self.folder = tempfile.TemporaryDirectory(prefix="ordinary-browser-", ignore_cleanup_errors=True)

    def start(self) -> None:
        to_child, self.writing = os.pipe()
        self.reading, from_child = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4; a shell puts the pipes there.
        command = [
            browser_program(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--mute-audio",
            "--force-color-profile=srgb", "--font-render-hinting=slight", "--disable-lcd-text", "--no-first-run",
            f"--user-data-dir={self.folder.name}", "--remote-debugging-pipe", "about:blank"]
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" 3<&{to_child} 4>&{from_child}', "sh", *command], pass_fds=(to_child, from_child),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        os.close(to_child)
        os.close(from_child)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")

    def message(self) -> dict:
        while b"\0" not in self.kept:
            part = os.read(self.reading, 1 << 20)
            if not part:
                raise RuntimeError("Chromium has ended")
            self.kept += part
        text, self.kept = self.kept.split(b"\0", 1)
        return json.loads(text)

    def ask(self, method: str, **parameters) -> dict:
        self.identifier += 1
        request = {"id": self.identifier, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.writing, data):]
        while True:
            answer = self.message()
            if answer.get("id") == self.identifier:
                if "error" in answer:
                    raise RuntimeError(f"Chromium, {method}: {answer['error'].get('message')}")
                return answer["result"]

    def show(self, html: str, width: int, height: int, scale: float) -> None:
        if self.process is None:
            self.start()
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)
        frame = self.ask("Page.getFrameTree")["frameTree"]["frame"]["id"]
        self.ask("Page.setDocumentContent", frameId=frame, html=html)
        ready = "Promise.all([document.fonts.ready, ...[...document.images].map(i => i.decode().catch(() => 0))]).then(() => 1)"
        self.ask("Runtime.evaluate", expression=ready, awaitPromise=True)

    def screenshot(self, html: str, width: int, height: int, scale: float = 1, clear: bool = False) -> Image.Image:
        """A window of width x height, in pixels `scale` times as many; with `clear`, what the page leaves out is transparent."""
        self.show(html, width, height, scale)
        self.ask("Emulation.setDefaultBackgroundColorOverride", **({"color": {"r": 0, "g": 0, "b": 0, "a": 0}} if clear else {}))
        shot = self.ask("Page.captureScreenshot", format="png")
        picture = Image.open(io.BytesIO(base64.b64decode(shot["data"])))
        return picture.convert("RGBA" if clear else "RGB")

    def pdf(self, html: str, landscape: bool = False) -> bytes:
        self.show(html, 800, 1100, 1)
        printed = self.ask("Page.printToPDF", landscape=landscape, printBackground=True, paperWidth=8.27, paperHeight=11.69)
        return base64.b64decode(printed["data"])

    def close(self) -> None:
        if self.process:
            self.session = None
            self.ask("Browser.close")
            self.process.wait()
            os.close(self.writing)
            os.close(self.reading)
        self.folder.cleanup()
