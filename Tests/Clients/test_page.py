"""The page in a real browser: what people do on it, and what comes of it."""

import io
import time
from pathlib import Path

import pytest
import requests
from conftest import ROOT, Service
from PIL import Image

pytest.importorskip("selenium")
from page import Page
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

SOURCE = ROOT / "Tests/Fixtures/Images/source.png"  # 61x45


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same small photograph in several formats, and a large one that takes its time."""
    folder = tmp_path_factory.mktemp("pictures")
    picture = Image.open(SOURCE).convert("RGB")
    for ending in ("jpg", "png", "webp"):
        picture.save(folder / f"photo.{ending}")
    picture.resize((640, 480)).save(folder / "large.jpg")
    (folder / "broken.jpg").write_bytes((folder / "photo.jpg").read_bytes()[:400])
    (folder / "words.webp").write_bytes(b"no picture at all")
    return folder


def restored_by_api(service, content, **parameters):
    answer = requests.post(service.url + "/restore", data=content, params=parameters, headers={"Content-Type": "application/octet-stream"})
    assert answer.status_code == 200
    return answer.content


def downloaded(page, card=1):
    folder = page.browser.downloads
    for old in folder.iterdir():
        old.unlink()
    page.press(".download", card)
    page.until(lambda: [file for file in folder.iterdir() if file.suffix in (".png", ".jpg")])
    return next(folder.iterdir())


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_a_chosen_file_is_restored_and_its_download_is_what_the_api_answers(service, browser, files, ending):
    with Page(browser, service.url) as page:
        for name, value in (("seed", "7"), ("steps", "2"), ("force", True)):
            page.set(name, value)
        page.choose(files / f"photo.{ending}")
        page.until_message("Restored.")
        file = downloaded(page)
        assert file.name == "photo-restored.png"
        sent = (files / f"photo.{ending}").read_bytes()
        assert file.read_bytes() == restored_by_api(service, sent, seed=7, steps=2, force="true")
        assert "seed 7" in page.one(".facts").text
        page.until(lambda: sum(int(label.text.split()[-2]) for label in page.all(".bars li")) >= 90)
        assert len(page.all(".bars li")) == 11
        # Nobody else has the job any more.
        assert requests.get(service.url + "/metrics").text.count('restored_jobs{state="done"} 0') == 1


def test_what_the_service_cannot_read_is_converted_by_the_page(service, browser, files):
    with Page(browser, service.url) as page:
        page.set("format", "jpeg")
        page.choose(files / "photo.webp")
        page.until_state("done")
        file = downloaded(page)
        assert file.name == "photo-restored.jpg"
        assert Image.open(io.BytesIO(file.read_bytes())).size == (61, 45)


def test_a_jpeg_for_print_is_converted_as_well(service, browser, files):
    Image.open(SOURCE).convert("CMYK").save(files / "print.jpg")
    with Page(browser, service.url) as page:
        page.choose(files / "print.jpg")
        page.until_state("done")
        assert Image.open(io.BytesIO(downloaded(page).read_bytes())).size == (61, 45)


def test_of_a_picture_that_stays_as_it_is_no_steps_are_told(service, browser):
    with Page(browser, service.url) as page:
        page.choose(ROOT / "Tests/Fixtures/Photographs/kodim20.png")
        page.until_message("Nothing seems to be wrong with it, so it is as it was. The settings can ask for it all the same.")
        assert "seed" not in page.one(".facts").text and "Found: clean" in page.one(".facts").text


def test_of_a_broken_file_no_label_is_told(service, browser, files):
    with Page(browser, service.url) as page:
        page.choose(files / "broken.jpg")
        page.until_state("failed")
        assert page.all(".bars li") == []


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_photograph_is_dropped_or_pasted(service, browser, files, event):
    with Page(browser, service.url) as page:
        page.hand_over(event, "photo.png", "image/png", (files / "photo.png").read_bytes())
        page.until_state("done")


def test_every_sample_is_restored(service, browser):
    with Page(browser, service.url) as page:
        for sample in page.all(".sample"):
            sample.click()
        page.until(lambda: len(page.all(".card.done")) == 4)
        assert {page.message(card) for card in (1, 2, 3, 4)} == {"Restored."}


def test_progress_is_told_and_work_is_cancelled(service, browser, files):
    with Page(browser, service.url) as page:
        for name, value in (("steps", "40"), ("force", True)):
            page.set(name, value)
        page.choose(files / "large.jpg")
        page.until(lambda: page.all(".card.working"))
        page.set("steps", "1")
        page.choose(files / "photo.png")
        page.until(lambda: page.message(1).startswith("Step ") and " of " in page.message(1))
        page.until(lambda: float(page.one(".card:nth-child(1) progress").get_attribute("value") or 0) > 0)
        page.press(".cancel", card=1)
        assert page.message(1) == "Cancelled."
        page.until(lambda: 'state="cancelled"} 1' in requests.get(service.url + "/metrics").text)
        page.until_state("done", card=2)
        page.press(".remove", card=1)
        page.until(lambda: len(page.all(".card")) == 1)


def test_who_leaves_the_page_takes_its_work_along(service, browser, files):
    def cancelled():
        found = [line for line in requests.get(service.url + "/metrics").text.splitlines() if 'state="cancelled"}' in line]
        return float(found[0].split()[-1]) if found else 0

    before = cancelled()
    page = Page(browser, service.url)
    for name, value in (("steps", "90"), ("force", True)):
        page.set(name, value)
    page.choose(files / "large.jpg")
    page.until(lambda: page.message(1).startswith("Step "))
    browser.get("about:blank")
    page.until(lambda: cancelled() == before + 1)


def test_the_line_between_before_and_after_moves_by_slider_keys_and_pointer_and_the_picture_grows(service, browser):
    with Page(browser, service.url) as page:
        page.all(".sample")[1].click()
        page.until_message("Restored.")
        split = lambda: page.run("return document.querySelector('.pair').style.getPropertyValue('--split')")
        assert split() == "50%"
        slider = page.one(".split")
        slider.send_keys(Keys.HOME)
        assert split() == "0%"
        slider.send_keys(Keys.ARROW_RIGHT)
        assert split() == "1%"
        handle = page.one(".handle")
        page.run("arguments[0].scrollIntoView({ block: 'center' })", page.one(".stage"))
        ActionChains(browser).move_to_element(page.one(".stage")).click_and_hold().move_by_offset(60, 0).release().perform()
        assert 55 < float(split().rstrip("%")) < 95
        assert slider.get_attribute("aria-valuetext").endswith("before, the rest after")
        page.press(".zoom-in")
        assert page.one(".zoom-now").text == "2x"
        assert page.run("const s = document.querySelector('.stage'); return s.scrollWidth / s.clientWidth") > 1.9
        page.press(".zoom-out")
        assert page.run("const s = document.querySelector('.stage'); return s.scrollWidth === s.clientWidth")


def test_what_is_wrong_is_said_in_words_that_help(service, browser, files):
    with Page(browser, service.url) as page:
        page.choose(files / "broken.jpg", files / "words.webp")
        page.until_state("failed", card=1)
        page.until_state("failed", card=2)
        assert "damaged" in page.message(1) and "save it anew" in page.message(1)
        assert "can't show the file" in page.message(2)


def test_a_key_is_asked_for_and_kept_in_this_tab_only(program, browser, files):
    service = Service(program, "--api-key", "open-sesame-1234")
    try:
        with Page(browser, service.url) as page:
            page.until(lambda: page.one("#key-dialog").get_attribute("open"))
            page.one("#key").send_keys("wrong-key-1234", Keys.ENTER)
            page.until(lambda: "doesn't take this key" in page.one("#key-text").text)
            page.one("#key").send_keys("open-sesame-1234", Keys.ENTER)
            page.until(lambda: not page.one("#key-dialog").get_attribute("open"))
            page.choose(files / "photo.png")
            page.until_state("done")
            assert page.run("return [localStorage.length, document.cookie, Object.values(sessionStorage).join()]") == [0, "", "open-sesame-1234"]
            assert "open-sesame" not in page.run("return location.href")
            page.one("#key-button").click()
            page.one("#key-forget").click()
            assert page.run("return sessionStorage.length") == 0
    finally:
        service.stop()


def test_a_service_that_is_away_is_told_and_found_again(program, browser, files):
    service = Service(program)
    try:
        with Page(browser, service.url) as page:
            page.set("at-once", False)
            page.choose(files / "photo.png")
            page.until_state("ready")
            service.stop()
            page.press(".restore")
            page.until_state("failed")
            assert "can't be reached" in page.message()
            service.start()
            page.press(".restore")
            page.until_state("done")
    finally:
        service.stop()


def test_without_the_page_there_is_none(program):
    service = Service(program, "--page", "off")
    try:
        assert requests.get(service.url + "/").status_code == 404
        assert requests.get(service.url + "/health").status_code == 200
    finally:
        service.stop()


AUDIT = """
const shown = (element) => element.checkVisibility({ visibilityProperty: true });
const controls = [...document.querySelectorAll("a, button, input, select, summary, [tabindex='0']")].filter(shown);
const named = (element) => element.getAttribute("aria-label") || element.labels?.[0]?.textContent.trim() || element.textContent.trim();
const unnamed = controls.filter((element) => !named(element)).map((element) => element.outerHTML);
const pictures = [...document.images].filter((image) => shown(image) && image.getAttribute("src") && !image.alt).map((image) => image.outerHTML);
const small = controls.filter((element) => element.matches("button, select, input:not([type=checkbox])"))
  .filter((element) => element.getBoundingClientRect().height < 24).map((element) => element.outerHTML);
const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = ([red, green, blue]) => [red, green, blue].map((value) => value / 255)
  .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
  .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
};
const faint = [...document.querySelectorAll("body *")].filter((element) => shown(element) && !element.disabled
  && [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())).filter((element) => {
    const [one, other] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    return (one + 0.05) / (other + 0.05) < 4.5;
  }).map((element) => element.outerHTML.slice(0, 200));
const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
return {
  unnamed, pictures, small, faint, repeated: ids.filter((id, index) => ids.indexOf(id) !== index),
  unlabelled: [...document.querySelectorAll("[tabindex]")].filter((element) => element.tabIndex > 0).length,
  wide: document.documentElement.scrollWidth - innerWidth, language: document.documentElement.lang,
};
"""


@pytest.mark.parametrize("width, dark", [(1280, False), (1280, True), (360, False), (360, True)])
def test_everything_has_a_name_and_contrast_and_fits(service, browser, request, width, dark):
    with Page(browser, service.url, width, dark) as page:
        page.one("summary").click()
        page.all(".sample")[1].click()
        page.until_message("Restored.")
        page.until(lambda: page.run("return document.getAnimations().length") == 0)
        found = page.run(AUDIT)
        assert found.pop("wide") <= 0 and found.pop("language") == "en" and not found.pop("unlabelled")
        assert found == {"unnamed": [], "pictures": [], "small": [], "faint": [], "repeated": []}
        if folder := request.config.getoption("--screenshots"):
            page.one("summary").click()
            page.run("arguments[0].scrollIntoView()", page.one("#intake" if width > 600 else "#pictures-title"))
            browser.save_screenshot(str(Path(folder) / f"page-{width}-{'dark' if dark else 'light'}.png"))


def test_the_tabulator_goes_through_the_page_as_it_is_read(service, browser):
    with Page(browser, service.url) as page:
        page.all(".sample")[0].click()
        page.until_state("done")
        page.run("document.activeElement.blur(); scrollTo(0, 0)")
        seen = []
        for _ in range(60):
            ActionChains(browser).send_keys(Keys.TAB).perform()
            place = page.run("""
                const { activeElement: at, body } = document;
                if (at === body) return null;
                const style = getComputedStyle(at);
                return [[...document.querySelectorAll("*")].indexOf(at), style.outlineStyle];""")
            if place is None or (seen and place[0] == seen[0][0]):
                break
            seen.append(place)
        order = [index for index, _ in seen]
        assert order == sorted(order) and len(order) > 12
        assert all(outline != "none" for _, outline in seen)


def test_nothing_moves_while_a_picture_is_worked_on(service, browser):
    with Page(browser, service.url) as page:
        page.set("at-once", False)
        page.all(".sample")[2].click()
        page.until_state("ready")
        page.run("""
            window.shifts = 0;
            new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shifts += entry.value; })
              .observe({ type: "layout-shift" });""")
        page.press(".restore")
        page.until_state("done")
        assert page.run("return window.shifts") < 0.01
