"""What the tests of clients share: a running service, and a browser that looks at its page."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]


def pytest_addoption(parser):
    parser.addoption("--program", required=True, help="the built program")
    parser.addoption("--screenshots", help="a folder for pictures of the page")


class Service:
    """The program, serving on a free loopback port until it is stopped."""

    def __init__(self, program, *settings, environment=()):
        self.program, self.settings = program, settings
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.log = tempfile.TemporaryFile("w+")
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RESTORED_")}
        self.process = subprocess.Popen(
            [self.program, "serve", "--port", str(self.port), "--bundle", str(ROOT / "Weights/mini"), "--workers", "1", *self.settings],
            stderr=self.log, env=clean)
        for _ in range(600):
            try:
                if requests.get(self.url + "/health/ready", timeout=5).status_code == 200:
                    return
            except requests.ConnectionError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.log.seek(0)
        raise RuntimeError(f"the service did not start: {self.log.read()[-1000:]}")

    def stop(self):
        self.process.kill()
        self.process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="session")
def program(request):
    return str(Path(request.config.getoption("--program")).resolve())


@pytest.fixture(scope="session")
def service(program):
    service = Service(program)
    yield service
    service.stop()


@pytest.fixture(scope="session")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service as Driver

    driver = shutil.which("chromedriver")
    if not (driver and shutil.which("chromium")):
        pytest.skip("chromium and chromium-driver are not there")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,900",
        # Nobody else is asked for anything; what a page asks for all the same is seen in the log of requests.
        "--disable-background-networking", "--disable-component-update", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.set_capability("unhandledPromptBehavior", "accept")
    folder = tempfile.mkdtemp()
    options.add_experimental_option("prefs", {"download.default_directory": folder, "download.prompt_for_download": False})
    browser = webdriver.Chrome(options=options, service=Driver(driver))
    browser.downloads = Path(folder)
    yield browser
    browser.quit()
    shutil.rmtree(folder, ignore_errors=True)
