"""The studio's page in a real browser: what a person does, by mouse, by touch and by keyboard."""

import base64
import json
import re
import shutil
import time

import cv2
import numpy as np
import pytest
from local_server import serve
from missing import skip_or_fail
from playwright.sync_api import expect, sync_playwright
from tiny_networks import tiny_lite

from deepkoal.guidance import DecodingConfig
from deepkoal.image_io import SAMPLES, decode_photo, encode_photo, read_image, read_sample
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.contact_sheets import desaturate
from deepkoal.studio import create_studio

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    f"--{flag}"
    for flag in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
    )
]
RED = "#c8202b"
PATIENCE_S = 12
"""On a busy machine; what is there is never waited for."""
PLACE, OTHER_PLACE = (30, 170), (140, 50)
"""Pixels of the photo, neither dark nor bright."""


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        skip_or_fail(f"no browser: install Debian's chromium, or another of {', '.join(NAMES)}")
    expect.set_options(timeout=1000 * PATIENCE_S)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address():
    decoding = DecodingConfig(prior=np.full(227, 1 / 227, np.float32))
    with serve(
        create_studio(Colorizer(tiny_lite(), working_size=64, decoding=decoding))
    ) as address:
        yield address


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """The file of a grey photo of 300×200 pixels."""
    path = tmp_path_factory.mktemp("photos") / "old photo.jpg"
    grey = desaturate(np.ascontiguousarray(read_sample(SAMPLES[2]).rgb[:200, :300]))
    path.write_bytes(encode_photo(grey, "JPEG"))
    return path


@pytest.fixture
def open_page(browser, address):
    """Open the page in a window of a size; afterwards, all that it asked for was the studio's."""
    pages = []

    def open_page(width=1200, height=800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE_S)
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request))
        page.goto(address)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.context.close()
        assert page.said == []
        assert {re.match(r"(blob:)?https?://[^/]+|data:", r.url)[0] for r in page.asked} <= {
            address,
            f"blob:{address}",
            "data:",
        }


@pytest.fixture
def page(open_page, photo):
    """The page with the photo open."""
    page = open_page()
    choose(page, "#choose", photo)
    return page


def choose(page, button, path):
    with page.expect_file_chooser() as chooser:
        page.click(button)
    chooser.value.set_files(path)
    expect(page.locator("#name")).to_have_text(path.name)


def look_at(page):
    """Return the pixels of the colored photo as the page shows it."""
    url = page.evaluate("document.getElementById('after').toDataURL()")
    return decode_photo(base64.b64decode(url.partition(",")[2])).rgb.astype(int)


def wait_for(page, check):
    """Wait until something holds that the page does not tell of."""
    end = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < end
        page.wait_for_timeout(20)


def is_red(page, place=PLACE):
    """Tell whether a place, given in pixels of 300×200, is shown red."""
    rgb = look_at(page)
    row, column = int((place[1] + 0.5) * len(rgb) / 200), int((place[0] + 0.5) * len(rgb[0]) / 300)
    red, green, _ = rgb[row, column]
    return red > green + 60


def find(page, x, y):
    """Return where on the screen a pixel of the photo is."""
    box = page.locator("#frame").bounding_box()
    return box["x"] + (x + 0.5) * box["width"] / 300, box["y"] + (y + 0.5) * box["height"] / 200


def paint_red(page, place=PLACE):
    page.mouse.click(*find(page, *place))
    page.click(f"#common [data-color='{RED}']")
    wait_for(page, lambda: is_red(page, place))
    page.click("#editor-close")


def test_a_chosen_photo_is_seen_in_color_beside_what_it_was(page):
    expect(page).to_have_title("old photo.jpg – deepkoal studio")
    rgb = look_at(page)
    assert rgb.shape == (200, 300, 3)
    assert np.ptp(rgb, axis=2).mean() > 3
    expect(page.locator("#status")).to_contain_text("300 by 200 pixels, is colored")
    split = page.get_by_role("slider", name="Before and after")
    expect(split).to_have_attribute("aria-valuenow", "0")
    page.wait_for_timeout(1400)  # the colors have flowed in
    handle = split.bounding_box()
    at = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.mouse.move(*at)
    page.mouse.down()
    page.mouse.move(find(page, 150, 0)[0], at[1], steps=4)
    page.mouse.up()
    expect(split).to_have_attribute("aria-valuenow", "50")
    split.press("Shift+ArrowRight")
    expect(split).to_have_attribute("aria-valuenow", "60")
    expect(page.locator(".hint")).to_have_count(0)  # comparing puts no colors


def test_a_click_puts_a_color_that_can_be_dragged_removed_and_brought_back(page):
    before = look_at(page)
    page.mouse.click(*find(page, *PLACE))
    expect(page.get_by_role("dialog", name="Color of this place")).to_be_visible()
    expect(page.locator("#likely .swatch").first).to_be_focused()
    page.click(f"#common [data-color='{RED}']")
    wait_for(page, lambda: is_red(page))
    page.mouse.click(*find(page, 280, 20))  # elsewhere: another one
    expect(page.locator(".hint")).to_have_count(2)
    page.click("#remove")
    expect(page.locator(".hint")).to_have_count(1)
    mark = page.get_by_role("button", name=f"Color 1, {RED}")
    page.mouse.move(*find(page, *PLACE))
    page.mouse.down()
    page.mouse.move(*find(page, *OTHER_PLACE), steps=5)
    page.mouse.up()
    expect(mark).to_have_accessible_name(f"Color 1, {RED}, 47 % from the left, 25 % from the top")
    wait_for(page, lambda: is_red(page, OTHER_PLACE))
    page.keyboard.press("Control+z")
    wait_for(page, lambda: is_red(page))
    for _ in range(4):
        page.click("#undo")
    expect(page.locator(".hint")).to_have_count(0)
    expect(page.locator("#undo")).to_be_disabled()
    wait_for(page, lambda: (look_at(page) == before).all())
    page.keyboard.press("Control+Shift+Z")
    page.keyboard.press("Control+y")
    wait_for(page, lambda: is_red(page))
    mark.focus()
    mark.press("Delete")
    expect(page.locator(".hint")).to_have_count(0)


def test_any_color_can_be_mixed_in_one_step_to_undo(page):
    page.mouse.click(*find(page, *PLACE))
    for color in ("#00ff00", "#80ff00", "#ff0000"):  # as while dragging about in the dialog
        page.locator("#any").fill(color)
    wait_for(page, lambda: is_red(page))
    page.keyboard.press("Control+z")
    expect(page.locator(".hint")).to_have_count(1)
    wait_for(page, lambda: not is_red(page))


def test_looks_are_picked_combined_and_taken_back(page, photo, photos, tmp_path):
    plain = look_at(page)
    seen = [plain]

    def is_new():
        now = look_at(page)
        if any((now == earlier).all() for earlier in seen):
            return False
        seen.append(now)
        return True

    expect(page.locator(".variation")).to_have_count(6)
    page.click(".variation >> nth=3")
    expect(page.locator(".variation >> nth=3")).to_have_attribute("aria-pressed", "true")
    wait_for(page, is_new)
    page.click("#more")
    expect(page.locator(".variation >> nth=1")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("tab", name="Tone").click()
    page.get_by_role("slider", name="Vibrance").fill("2.5")
    expect(page.locator("#vibrance-value")).to_have_text("2.50")
    wait_for(page, is_new)
    page.get_by_role("tab", name="Palette").click()
    page.get_by_role("button", name="Cyanotype").click()
    wait_for(page, is_new)
    (tmp_path / "cat.png").write_bytes(encode_photo(photos["chelsea"], "PNG"))
    with page.expect_file_chooser() as chooser:
        page.click("#reference")
    chooser.value.set_files(tmp_path / "cat.png")
    expect(page.get_by_role("img", name="cat.png")).to_be_visible()
    wait_for(page, is_new)
    page.click("#reference-remove")
    wait_for(page, lambda: (look_at(page) == seen[-2]).all())
    page.click("#reset")
    expect(page.get_by_role("button", name="As it is")).to_have_attribute("aria-pressed", "true")
    wait_for(page, lambda: (look_at(page) == plain).all())
    page.click("#undo")
    wait_for(page, lambda: (look_at(page) == seen[-2]).all())


def test_doubt_suggests_where_to_click_next(page):
    page.click("#doubt-toggle")
    expect(page.locator("#doubt")).to_be_visible()
    expect(page.locator(".suggestion")).to_have_count(5)
    picture = page.locator("#doubt").get_attribute("src")
    page.get_by_role("button", name="Suggested place 1").click()
    expect(page.locator(".hint")).to_have_count(1)
    expect(page.locator("#doubt")).not_to_have_attribute("src", picture)
    page.keyboard.press("Escape")
    page.click("#doubt-toggle")
    expect(page.locator("#doubt")).to_be_hidden()
    expect(page.locator(".suggestion")).to_have_count(0)


def test_a_download_is_the_photo_as_it_looks_at_its_own_size(open_page, tmp_path, photo):
    large = cv2.resize(read_image(photo), (1800, 1200), interpolation=cv2.INTER_CUBIC)
    (tmp_path / "large.png").write_bytes(encode_photo(large, "PNG"))
    page = open_page()
    choose(page, "#choose", tmp_path / "large.png")
    paint_red(page)
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename == "large.colored.png"
    rgb = read_image(download.value.path())
    assert rgb.shape == (1200, 1800, 3)
    shown = look_at(page)
    reduced = cv2.resize(rgb, shown.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.astype(int) - shown).mean() < 3


def test_while_an_answer_is_awaited_only_the_newest_look_is_asked_for(page):
    page.asked.clear()
    page.get_by_role("tab", name="Tone").click()
    page.evaluate("""() => {
        const vibrance = document.getElementById("vibrance");
        for (const value of [1.2, 1.4, 1.6, 1.8, 2]) {
            vibrance.value = value;
            vibrance.dispatchEvent(new Event("input"));
        }
    }""")

    def list_looks():
        return [json.loads(r.post_data) for r in page.asked if r.url.endswith("/preview")]

    wait_for(page, lambda: len(list_looks()) > 1)
    expect(page.locator("body")).not_to_have_class("waiting")
    assert [options["vibrance"] for options in list_looks()] == [1.2, 2]


def test_what_is_no_photo_is_said_and_harms_nothing(page, photo, tmp_path):
    before = look_at(page)
    (tmp_path / "broken.jpg").write_bytes(photo.read_bytes()[:300])
    for button in ("#open", "#reference"):
        with page.expect_file_chooser() as chooser:
            page.click(button)
        chooser.value.set_files(tmp_path / "broken.jpg")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("broken.jpg: the JPEG is cut short, damaged")
        page.get_by_role("button", name="Close message").click()
        expect(alert).to_be_hidden()
    assert (look_at(page) == before).all()
    expect(page.locator("#name")).to_have_text("old photo.jpg")
    assert all("the server responded with a status of 400" in line for line in page.said)
    page.said.clear()


def test_photos_are_dropped_and_pasted(open_page, photo):
    page = open_page()
    expect(page.locator("#samples button")).to_have_count(len(SAMPLES))
    send = """([data, name, kind]) => {
        const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
        const events = {
            drop: () => new DragEvent("drop", { dataTransfer: transfer, bubbles: true }),
            paste: () => new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }),
        };
        document.body.dispatchEvent(events[kind]());
    }"""
    data = base64.b64encode(photo.read_bytes()).decode()
    for kind in ("drop", "paste"):
        page.evaluate(send, [data, f"{kind}.jpg", kind])
        expect(page.locator("#name")).to_have_text(f"{kind}.jpg")


def test_a_phone_shows_all_without_scrolling_sideways_and_obeys_fingers(open_page, photo):
    page = open_page(390, 844, has_touch=True, is_mobile=True)
    widest = "document.documentElement.scrollWidth"
    assert page.evaluate(widest) == 390
    page.locator("#samples button").last.tap()
    expect(page.locator("#name")).to_have_text("chelsea.png")
    assert page.evaluate("scrollY") == 0
    choose(page, "#open", photo)
    expect(page.locator(".variation")).to_have_count(6)
    assert page.evaluate(widest) == 390
    page.touchscreen.tap(*find(page, *PLACE))
    editor = page.locator("#editor")
    expect(editor).to_be_visible()
    box = editor.bounding_box()
    assert (box["x"], box["width"]) == (0, 390)
    assert box["y"] + box["height"] <= 844
    assert box["y"] > find(page, 0, 200)[1]  # the photo is not covered
    assert page.evaluate(widest) == 390
    page.locator(f"#common [data-color='{RED}']").tap()
    wait_for(page, lambda: is_red(page))
    page.locator("#editor-close").tap()
    page.get_by_role("tab", name="Palette").tap()
    page.get_by_role("button", name="Nordic winter").scroll_into_view_if_needed()
    expect(page.locator("#after")).to_be_in_viewport()  # looks are picked beside the photo
    for button in page.locator(".bar button, .palette, #reset").all():
        assert button.bounding_box()["height"] >= 40


def test_everything_is_done_by_keyboard(open_page):
    page = open_page(reduced_motion="reduce")

    def tab_to(selector, key="Tab"):
        for _ in range(60):
            page.keyboard.press(key)
            if page.evaluate(f"document.activeElement?.matches({selector!r})"):
                return
        raise AssertionError(f"{selector} is not reached by {key}")

    expect(page.locator("#samples button")).to_have_count(len(SAMPLES))
    tab_to("#samples li:nth-child(2) button")
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_have_text("coffee.png")
    expect(page.locator("#frame")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#status")).to_have_text("35 % from the left, 49 % from the top")
    page.keyboard.press("Enter")
    expect(page.locator("#likely .swatch").first).to_be_focused()
    tab_to(f"[data-color='{RED}']")
    page.keyboard.press("Enter")
    wait_for(page, lambda: is_red(page, (105, 98)))
    page.keyboard.press("Escape")
    expect(page.locator(".hint")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".hint")).to_have_accessible_name(re.compile("36 % from the left"))
    page.keyboard.press("Delete")
    expect(page.locator(".hint")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(page.locator(".hint")).to_have_count(1)
    expect(page.locator("#frame")).to_be_focused()
    tab_to("#split")
    page.keyboard.press("End")
    expect(page.locator("#split")).to_have_attribute("aria-valuenow", "100")
    tab_to("[role=tab]")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Tone")).to_be_focused()
    tab_to("#vibrance")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#vibrance-value")).to_have_text("1.05")
    tab_to("#doubt-toggle", "Shift+Tab")
    page.keyboard.press("Space")
    expect(page.locator(".suggestion")).to_have_count(5)
    tab_to("#download", "Shift+Tab")
    with page.expect_download():
        page.keyboard.press("Enter")
