"""The page as somebody who uses it sees it."""

import base64
import json
import time

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 120


class Page:
    """One visit. What the browser complained of, and whom it asked, is checked at the end."""

    def __init__(self, browser, url, width=1280, dark=False):
        self.browser, self.url = browser, url
        browser.get("about:blank")
        browser.get_log("browser"), browser.get_log("performance")
        browser.set_window_size(width, 900)
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        browser.get(url + "/")
        self.until(lambda: len(self.all(".sample")) == 4)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.check_silence()

    def until(self, holds, patience=PATIENCE):
        return WebDriverWait(self.browser, patience, poll_frequency=0.05).until(lambda _: holds())

    def one(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    # What people do.

    def choose(self, *paths):
        self.one("#files").send_keys("\n".join(str(path) for path in paths))

    def hand_over(self, event, name, kind, content):
        """Drops or pastes a file."""
        self.run("""
            const [event, name, type, text] = arguments;
            const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], name, { type }));
            const options = { bubbles: true, cancelable: true };
            if (event === "paste") {
              document.dispatchEvent(new ClipboardEvent(event, { ...options, clipboardData: data }));
            } else {
              for (const kind of ["dragover", "drop"]) document.dispatchEvent(new DragEvent(kind, { ...options, dataTransfer: data }));
            }""", event, name, kind, base64.b64encode(content).decode())

    def press(self, selector, card=1):
        self.one(f".card:nth-child({card}) {selector}").click()

    def set(self, name, value):
        self.run("""
            const field = document.querySelector("#options").elements.namedItem(arguments[0]);
            if (field.type === "checkbox") field.checked = arguments[1]; else field.value = arguments[1];
            field.dispatchEvent(new Event("change"));""", name, value)

    # What they see.

    def message(self, card=1):
        return self.one(f".card:nth-child({card}) .message").text

    def until_message(self, *starts, card=1):
        self.until(lambda: self.message(card).startswith(starts))
        return self.message(card)

    def until_state(self, *states, card=1):
        self.until(lambda: any(f"card {state}" == self.one(f".card:nth-child({card})").get_attribute("class") for state in states))

    # What they must not see.

    def check_silence(self):
        """No error but those of answers that the page itself explains, no request to anybody else."""
        complaints = [entry["message"] for entry in self.browser.get_log("browser")
                      if entry["level"] in ("SEVERE", "WARNING") and entry["source"] != "network"]
        assert complaints == []
        asked = set()
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.add(message["params"]["request"]["url"])
        strangers = [url for url in asked if not url.startswith((self.url + "/", "data:", "blob:", "about:"))]
        assert strangers == [] and asked
