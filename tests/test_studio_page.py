"""The studio's page in a real browser: what a person does, by mouse, by touch and by keyboard."""

import base64
import hashlib
import importlib.resources
import json
import re
import shutil
import threading
import time
import zipfile

import cv2
import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from local_server import serve
from missing import skip_or_fail
from playwright.sync_api import expect, sync_playwright

from deepkoal.guidance.color_balance import HUES
from deepkoal.image_io import SAMPLES, decode_photo, encode_photo, read_image, read_sample
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.options_file import StyleChoice, read_options
from deepkoal.rendering.composition import lightness
from deepkoal.rendering.contact_sheets import desaturate
from deepkoal.restoration import restore
from deepkoal.studio import create_studio

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAMES = (
    "chromium-headless-shell",  # the same without windows: a page takes half of the time
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
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
ICON = importlib.resources.files("deepkoal.studio") / "page" / "icon.svg"
RED = "#c8202b"
PATIENCE_S = 60
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


class Painter:
    """Paints brushwork at once, or waits before it ends: real brushwork takes Keras and long."""

    def __init__(self):
        self.may_end = threading.Event()
        self.may_end.set()
        self.given_up = threading.Event()

    def __call__(self, grey, style, options, progress):
        progress()
        try:
            while not self.may_end.wait(0.02):
                progress()
        except BaseException:
            self.given_up.set()
            raise
        stripes = np.zeros(grey.shape, np.float32)
        stripes[::8] = 20
        return stripes


@pytest.fixture(scope="module")
def painter():
    with pytest.MonkeyPatch.context() as patch:
        painter = Painter()
        patch.setattr("deepkoal.studio.photos.painting.paint_texture", painter)
        yield painter


@pytest.fixture(scope="module")
def address(painter):
    """A studio with the default network at a small size: without Keras it starts at once."""
    own = Colorizer.from_preset(backend="litert")
    quick = Colorizer(own.backend, working_size=64, decoding=own.decoding)
    with serve(create_studio(quick)) as address:
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
        # Without motion, which is drawn again and again, but where motion is the subject.
        options = {"reduced_motion": "reduce", **options}
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE_S)
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request))
        # Each is painted for seconds; that it is served is tested without a browser.
        page.route("**/api/styles/*", lambda route: route.fulfill(path=ICON))
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


def open_file(page, path):
    """Open what is not a photo."""
    with page.expect_file_chooser() as chooser:
        page.click("#open")
    chooser.value.set_files(path)


def look_at(page):
    """Return the pixels of the colored photo as the page shows it."""
    url = page.evaluate("document.getElementById('after').toDataURL()")
    return decode_photo(base64.b64decode(url.partition(",")[2])).rgb.astype(int)


def wait_for(page, check):
    """Wait until something holds that the page does not tell of."""
    end = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < end
        page.wait_for_timeout(40)


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


def test_a_chosen_photo_is_seen_in_color_beside_what_it_was(open_page, photo):
    page = open_page(reduced_motion="no-preference")
    choose(page, "#choose", photo)
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


def test_a_click_on_the_handle_halves_and_a_key_flips_before_and_after(page):
    split = page.get_by_role("slider", name="Before and after")
    steps = (("click", 50), ("c", 100), ("c", 50), ("click", 0), ("c", 100), ("c", 0))
    for step, percent in steps:
        if step == "click":
            page.locator(".grip").click()
        else:
            page.keyboard.press(step)
        expect(split).to_have_attribute("aria-valuenow", str(percent))
    expect(page.locator(".hint")).to_have_count(0)


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
    wait_for(page, lambda: np.array_equal(look_at(page), before))
    page.keyboard.press("Control+Shift+Z")
    page.keyboard.press("Control+y")
    wait_for(page, lambda: is_red(page))
    mark.focus()
    mark.press("Delete")
    expect(page.locator(".hint")).to_have_count(0)


def test_undo_and_redo_say_what_they_change(page):
    undo, redo = page.locator("#undo"), page.locator("#redo")
    paint_red(page)
    expect(undo).to_have_accessible_name("Undo: another color")
    page.get_by_role("tab", name="Tone").click()
    page.get_by_role("slider", name="Vibrance").fill("1.4")
    expect(undo).to_have_attribute("title", "Undo: vibrance (Ctrl+Z)")
    expect(redo).to_have_accessible_name("Redo")
    page.keyboard.press("Control+z")
    expect(page.locator("#status")).to_have_text("Undone: vibrance")
    expect(redo).to_have_attribute("title", "Redo: vibrance (Ctrl+Shift+Z)")
    mark = page.get_by_role("button", name=f"Color 1, {RED}")
    mark.press("ArrowRight")
    expect(undo).to_have_accessible_name("Undo: color moved")
    mark.press("Delete")
    expect(undo).to_have_accessible_name("Undo: color removed")
    expect(redo).to_be_disabled()
    page.check("#tone")
    expect(undo).to_have_accessible_name("Undo: faded tones")
    page.click("#grid")
    page.get_by_role("button", name="Detail 96, vibrance 1.30").click()
    expect(undo).to_have_accessible_name("Undo: vibrance and detail")
    page.click("#reset")
    expect(undo).to_have_accessible_name("Undo: several settings")


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
    wait_for(page, lambda: np.array_equal(look_at(page), plain))
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
    size = f"{download.value.path().stat().st_size / 1e6:.1f} MB"
    expect(page.locator("#notice-text")).to_have_text(f"large.colored.png is downloaded: {size}.")


def test_downloads_are_written_as_was_chosen_until_something_else_is(page, photo, tmp_path):
    (tmp_path / "other.png").write_bytes(encode_photo(read_image(photo)[::-1].copy(), "PNG"))

    def download(button):
        with page.expect_download() as download:
            page.click(button)
        return download.value

    page.click("#download-as")
    dialog = page.get_by_role("dialog", name="Download as")
    expect(dialog.get_by_role("slider", name="Quality")).to_be_hidden()
    dialog.get_by_label("Format").select_option("WebP")
    dialog.get_by_role("slider", name="Quality").fill("60")
    result = download("#formats-download")
    expect(dialog).to_be_hidden()
    assert result.suggested_filename == "old photo.colored.webp"
    assert result.path().read_bytes()[8:12] == b"WEBP"
    page.reload()  # the choice is kept
    choose(page, "#open", tmp_path / "other.png")
    expect(page.locator("#download")).to_have_attribute(
        "title", "Download at full size: 300 × 200 pixels, as WebP of quality 60"
    )
    with zipfile.ZipFile(download("#all").path()) as archive:
        assert sorted(archive.namelist()) == ["old photo.colored.webp", "other.colored.webp"]
    page.click("#download-as")
    page.select_option("#format", "As it was opened")
    page.keyboard.press("Escape")
    assert download("#download").suggested_filename == "other.colored.png"


def test_a_photo_that_opens_slowly_is_seen_to_open(open_page, photo):
    page = open_page()
    held = []
    page.route("**/api/photos?*", lambda route: held.append(route))
    with page.expect_file_chooser() as chooser:
        page.click("#choose")
    chooser.value.set_files(photo)
    expect(page.locator("#notice-text")).to_have_text("Opening old photo.jpg")
    expect(page.locator("#busy")).to_be_visible()
    held.pop().continue_()
    expect(page.locator("#name")).to_have_text(photo.name)
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#busy")).to_be_hidden()


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

    wait_for(page, lambda: len(list_looks(page)) > 1)
    expect(page.locator("body")).not_to_have_class("waiting")
    assert [options["vibrance"] for options in list_looks(page)] == [1.2, 2]


def test_what_is_no_photo_is_said_and_harms_nothing(page, photo, tmp_path):
    before = look_at(page)
    (tmp_path / "broken.jpg").write_bytes(photo.read_bytes()[:300])
    page.get_by_role("tab", name="Palette").click()
    for button in ("#open", "#reference"):
        with page.expect_file_chooser() as chooser:
            page.click(button)
        chooser.value.set_files(tmp_path / "broken.jpg")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("broken.jpg: the JPEG is cut short, damaged")
        expect(alert).not_to_contain_text(re.compile("b'|--"))
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


def test_a_button_pastes_what_was_copied(open_page, photo):
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('no picture')")
    page.get_by_role("button", name="Paste").click()
    expect(page.get_by_role("alert")).to_contain_text("What was copied is no picture")
    page.get_by_role("button", name="Close message").click()
    page.evaluate(
        """async (data) => {
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            const picture = new Blob([bytes], { type: "image/png" });
            await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
        }""",
        base64.b64encode(encode_photo(read_image(photo), "PNG")).decode(),
    )
    page.get_by_role("button", name="Paste").click()
    expect(page.locator("#name")).to_have_text("pasted photo")


def test_a_phone_shows_all_without_scrolling_sideways_and_obeys_fingers(open_page, photo):
    page = open_page(390, 844, has_touch=True, is_mobile=True)
    widest = "document.documentElement.scrollWidth"
    assert page.evaluate(widest) == 390
    expect(page.locator(".by-mouse")).to_be_hidden()  # fingers drop no files
    page.locator("#samples button").last.tap()
    expect(page.locator("#name")).to_have_text("chelsea.png")
    assert page.evaluate("scrollY") == 0
    choose(page, "#open", photo)
    expect(page.locator(".variation")).to_have_count(6)
    assert page.evaluate(widest) == 390
    for percent in ("50", "0"):
        page.locator(".grip").tap()
        expect(page.locator("#split")).to_have_attribute("aria-valuenow", percent)
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
    page = open_page()

    def tab_to(selector, key="Tab"):
        for _ in range(60):
            page.keyboard.press(key)
            if page.evaluate(f"document.activeElement?.matches({selector!r})"):
                return
        raise AssertionError(f"{selector} is not reached by {key}")

    expect(page.locator("#samples button")).to_have_count(len(SAMPLES))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("undo")
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
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
    tab_to("#contrast")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#contrast-value")).to_have_text("5 %")
    tab_to("#doubt-toggle", "Shift+Tab")
    page.keyboard.press("Space")
    expect(page.locator(".suggestion")).to_have_count(5)
    tab_to("#download", "Shift+Tab")
    with page.expect_download():
        page.keyboard.press("Enter")


# --- zoom and tools ----------------------------------------------------------------------------


def drag(page, *places):
    page.mouse.move(*find(page, *places[0]))
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*find(page, *place), steps=4)
    page.mouse.up()


def scale_of(page):
    """Return how many pixels of the screen one of the photo has."""
    return page.locator("#frame").bounding_box()["width"] / 300


def test_the_photo_is_zoomed_and_moved_and_marks_keep_their_size(page):
    paint_red(page)
    mark = page.locator(".hint")
    size, fitted = mark.bounding_box()["width"], scale_of(page)
    at = find(page, *PLACE)
    page.mouse.move(*at)
    page.mouse.wheel(0, -500)
    wait_for(page, lambda: scale_of(page) > 2 * fitted)
    assert mark.bounding_box()["width"] == size
    # What was below the mouse still is, as far as the photo's edge allows.
    assert np.abs(np.subtract(find(page, *PLACE), at)).max() < 200
    for start in ("space", "middle", "hand", "point"):
        before = find(page, 0, 0)
        if start == "space":
            page.keyboard.down(" ")
        page.keyboard.press({"hand": "h"}.get(start, "p"))
        button = "middle" if start == "middle" else "left"
        page.mouse.move(600, 400)
        page.mouse.down(button=button)
        page.mouse.move(640, 380, steps=4)
        page.mouse.up(button=button)
        page.keyboard.up(" ")
        moved = np.subtract(find(page, 0, 0), before)
        assert np.abs(moved).max() > 5, start
        page.mouse.move(600, 400)
        page.mouse.down(button="middle")
        page.mouse.move(560, 420, steps=4)
        page.mouse.up(button="middle")
    expect(page.locator(".hint")).to_have_count(1)  # none of this put a color
    page.keyboard.press("1")
    expect(page.locator("#zoom-value")).to_have_value("100 %")
    assert scale_of(page) == pytest.approx(1)
    page.click("#zoom-in")
    assert scale_of(page) == pytest.approx(1.25)
    page.keyboard.press("-")
    page.keyboard.press("0")
    assert scale_of(page) == pytest.approx(fitted)


def test_a_zoom_is_typed_and_the_hand_clicks_twice(page):
    fitted = scale_of(page)
    field = page.get_by_role("textbox", name="Zoom in percent")
    for typed, shown in (
        ("250", "250 %"),
        ("120,5%", "121 %"),
        ("much", "121 %"),
        ("9e9", "1600 %"),
    ):
        field.fill(typed)
        field.press("Enter")
        expect(field).to_have_value(shown)
    page.click("#zoom-full")
    assert scale_of(page) == pytest.approx(1)
    page.click("#zoom-fit")
    page.keyboard.press("h")
    at = find(page, *PLACE)
    page.mouse.dblclick(*at)
    wait_for(page, lambda: scale_of(page) == pytest.approx(2 * fitted))
    assert np.abs(np.subtract(find(page, *PLACE), at)).max() < 200
    page.mouse.dblclick(*at)
    wait_for(page, lambda: scale_of(page) == pytest.approx(fitted))
    expect(page.locator(".hint")).to_have_count(0)


def test_fingers_pinch_the_photo(open_page, photo):
    page = open_page(390, 844, has_touch=True, is_mobile=True)
    choose(page, "#choose", photo)
    before = scale_of(page)
    touch = page.context.new_cdp_session(page)
    x, y = find(page, 150, 100)

    def send(kind, *points):
        touch.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": a, "y": b, "id": i} for i, (a, b) in points]},
        )

    send("touchStart", (0, (x - 20, y)), (1, (x + 20, y)))
    for apart in (40, 60, 80):
        send("touchMove", (0, (x - apart, y)), (1, (x + apart, y)))
    send("touchEnd")
    wait_for(page, lambda: scale_of(page) > 2 * before)
    expect(page.locator(".hint")).to_have_count(0)


def test_a_zoomed_photo_is_shown_in_its_own_pixels(open_page, tmp_path, photo):
    """Stripes that the screen's copy of the photo cannot hold are seen."""
    large = cv2.resize(read_image(photo), (3000, 2000), interpolation=cv2.INTER_CUBIC)
    large[:, ::2] //= 2
    (tmp_path / "large.png").write_bytes(encode_photo(large, "PNG"))
    page = open_page(700, 560)
    choose(page, "#choose", tmp_path / "large.png")
    page.keyboard.press("1")
    expect(page.locator("#after-window")).to_be_visible()
    url = page.evaluate("document.getElementById('after-window').toDataURL()")
    shown = decode_photo(base64.b64decode(url.partition(",")[2])).rgb.astype(int)
    assert np.abs(np.diff(shown[..., 1], axis=1)).mean() > 15
    page.keyboard.press("0")
    expect(page.locator("#after-window")).to_be_hidden()


def test_brush_region_and_eraser(page):
    page.keyboard.press("b")
    drag(page, (30, 150), (60, 170), (90, 180))
    expect(page.get_by_role("dialog", name="Color of this place")).to_be_visible()
    page.click(f"#common [data-color='{RED}']")
    wait_for(page, lambda: is_red(page, (60, 170)))
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    drag(page, (200, 40), (260, 40), (260, 100), (200, 100))
    page.select_option("#family", "uniform")
    page.get_by_role("button", name="scarlet, #b8232f").click()
    wait_for(page, lambda: is_red(page, (230, 70)))
    page.click("#stick")
    page.keyboard.press("Escape")
    for corner in ((120, 20), (160, 20), (160, 60)):  # corner by corner, in the same color
        page.mouse.click(*find(page, *corner))
    page.mouse.click(*find(page, 120, 20))
    wait_for(page, lambda: is_red(page, (145, 30)))
    expect(page.locator("#editor")).to_be_hidden()
    expect(page.locator(".hint")).to_have_count(3)
    page.keyboard.press("e")
    drag(page, (60, 130), (60, 190))  # across the stroke
    expect(page.locator(".hint.stroke")).to_have_count(2)
    drag(page, (230, 70), (231, 71))
    expect(page.locator(".hint.region")).to_have_count(1)
    page.keyboard.press("Control+z")
    expect(page.locator(".hint.region")).to_have_count(2)

    def is_all_sent():
        sent = list_looks(page)[-1]
        kinds = [["color", "stroke"]] * 2 + [["color", "region"]] * 2
        return [sorted(hint) for hint in sent["hints"]] == kinds

    wait_for(page, is_all_sent)


def test_missing_pieces_are_drawn_filled_and_saved_as_the_command_fills_them(page, photo, tmp_path):
    plain = look_at(page)
    page.keyboard.press("m")
    corners = ((150, 60), (200, 60), (200, 120), (150, 120))
    drag(page, *corners, corners[0])
    wait_for(page, lambda: (look_at(page) != plain).any())
    expect(page.locator("#editor")).to_be_hidden()
    page.get_by_role("tab", name="Tone").click()
    expect(page.locator("#holes-line")).to_contain_text("1 missing piece drawn")
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    file = tmp_path / "session.json"
    download.value.save_as(file)
    (outline,) = read_options(file).restoration.holes
    found = np.array(outline)
    np.testing.assert_allclose(found.min(axis=0), (150.5 / 300, 60.5 / 200), atol=0.02)
    np.testing.assert_allclose(found.max(axis=0), (200.5 / 300, 120.5 / 200), atol=0.02)
    with page.expect_download() as download:
        page.click("#download")
    before = read_image(photo)
    command = restore(before, 0.0, holes=[outline])
    l, repaired = lightness(read_image(download.value.path())), lightness(command)
    assert np.abs(l - repaired).mean() < 1  # of a JPEG file
    filled = (command != before).any(axis=2)
    assert np.abs(lightness(before) - repaired)[filled].mean() > 4
    page.get_by_role("button", name="Take back").click()
    wait_for(page, lambda: np.array_equal(look_at(page), plain))
    page.get_by_label("Find and fill missing pieces").check()
    wait_for(page, lambda: list_looks(page)[-1]["restoration"]["holes"] == "auto")


def test_a_photo_is_rotated_with_all_that_lies_on_it(page, photo, tmp_path):
    def save(key="#save"):
        with page.expect_download() as download:
            page.click(key)
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path

    paint_red(page)
    page.keyboard.press("m")
    drag(page, (210, 20), (240, 20), (240, 60), (210, 60))
    page.keyboard.press("p")
    mark = page.locator(".hint")
    expect(mark).to_have_accessible_name(f"Color 1, {RED}, 10 % from the left, 85 % from the top")
    page.click("#rotate-right")
    expect(mark).to_have_accessible_name(f"Color 1, {RED}, 15 % from the left, 10 % from the top")
    wait_for(page, lambda: look_at(page).shape == (300, 200, 3))
    before = page.evaluate("document.getElementById('before').toDataURL()").partition(",")[2]
    was = decode_photo(base64.b64decode(before)).rgb
    rotated = np.rot90(read_image(photo), -1)
    assert np.abs(was.astype(int) - rotated).mean() < 2  # JPEG
    session = read_options(save())
    assert (session.rotation, session.photo.width, session.photo.height) == (90, 200, 300)
    (hole,) = session.restoration.holes
    np.testing.assert_allclose(np.min(hole, axis=0), (1 - 60 / 200, 210 / 300), atol=0.01)
    np.testing.assert_allclose(np.max(hole, axis=0), (1 - 20 / 200, 240 / 300), atol=0.01)
    expect(page.locator("#undo")).to_have_accessible_name("Undo: rotation")
    page.click("#reset")  # takes back colors, not which way up the photo is
    expect(mark).to_have_count(0)
    expect(page.locator("#download")).to_have_attribute("title", re.compile("200 × 300 pixels$"))
    page.keyboard.press(",")
    page.keyboard.press(",")
    wait_for(page, lambda: look_at(page).shape == (300, 200, 3))
    result = read_image(save("#download"))
    assert result.shape == (300, 200, 3)
    assert np.abs(lightness(result) - lightness(np.rot90(read_image(photo)))).mean() < 1
    page.reload()
    expect(page.locator("#name")).to_have_text(photo.name)
    assert look_at(page).shape == (300, 200, 3)
    open_file(page, tmp_path / "old photo.deepkoal.json")
    expect(mark).to_have_accessible_name(f"Color 1, {RED}, 15 % from the left, 10 % from the top")
    wait_for(page, lambda: look_at(page)[30, 30, 0] > look_at(page)[30, 30, 1] + 60)
    for _ in range(3):
        page.keyboard.press(".")
    expect(mark).to_have_accessible_name(f"Color 1, {RED}, 10 % from the left, 85 % from the top")
    wait_for(page, lambda: is_red(page))
    page.keyboard.press("Control+z")
    expect(mark).to_have_accessible_name(f"Color 1, {RED}, 85 % from the left, 90 % from the top")
    wait_for(page, lambda: look_at(page).shape == (300, 200, 3))


def test_a_color_that_a_place_cannot_show_is_said_with_the_nearest(page, photo):
    light = read_image(photo)[..., 0]
    y, x = np.unravel_index(light.argmax(), light.shape)
    page.mouse.click(*find(page, x, y))
    said = page.locator("#nearest")
    page.locator("#any").fill("#0000ff")
    expect(said).to_contain_text("too light or too dark for that color")
    expect(said).to_contain_text(re.compile("#[0-9a-f]{6}"))
    fits = "editor.scrollWidth <= editor.clientWidth"
    assert page.evaluate(fits), "all of the window is seen without scrolling sideways"
    page.click("#keep-grey")
    expect(said).to_be_empty()
    page.locator("#any").fill("#0000ff")
    expect(said).not_to_be_empty()
    page.mouse.click(*find(page, *PLACE))  # another mark, in the color that is there
    expect(page.locator(".hint")).to_have_count(2)
    expect(said).to_be_empty()


def test_kept_places_and_colors_chosen_lately(page):
    paint_red(page)
    page.mouse.click(*find(page, *OTHER_PLACE))
    expect(page.locator("#recent .swatch")).to_have_count(1)
    page.click("#keep-own")
    expect(page.locator(".hint.own")).to_have_accessible_name(re.compile("kept as it is"))
    page.click("#keep-grey")

    def is_grey():
        rgb = look_at(page)
        place = rgb[int((OTHER_PLACE[1] + 0.5) * len(rgb) / 200), OTHER_PLACE[0]]
        return np.ptp(place) < 12

    wait_for(page, is_grey)


def test_a_variation_is_large_and_seen_before_it_is_taken(page):
    plain = look_at(page)
    expect(page.locator(".variation")).to_have_count(6)
    assert page.locator(".variation").first.bounding_box()["width"] >= 240
    page.locator(".variation >> nth=4").hover()
    wait_for(page, lambda: (look_at(page) != plain).any())
    page.mouse.move(5, 300)
    wait_for(page, lambda: np.array_equal(look_at(page), plain))
    expect(page.locator("#undo")).to_be_disabled()


def test_detail_and_vibrance_are_chosen_on_a_sheet(page):
    page.get_by_role("tab", name="Tone").click()
    page.click("#grid")
    tile = page.get_by_role("button", name="Detail 96, vibrance 1.70")
    expect(tile.locator("img")).to_have_attribute("src", re.compile("^data:image/jpeg"))
    tile.click()
    expect(page.locator("#sheet")).to_be_hidden()
    expect(page.locator("#vibrance-value")).to_have_text("1.70")
    expect(page.locator("#detail-value")).to_have_text("96 pixels")


def list_looks(page):
    """Return the options that the page asked the photo's picture under."""
    return [json.loads(r.post_data) for r in page.asked if r.url.endswith("/preview")]


def test_levers_on_color_and_light_are_moved_kept_and_taken_back(page):
    plain = look_at(page)
    page.get_by_role("tab", name="Tone").click()
    for name, value in (("Warmth", "0.5"), ("Saturation", "1.5"), ("Local contrast", "0.4")):
        page.get_by_role("slider", name=name).fill(value)
    page.get_by_text("Each hue by itself").click()
    page.get_by_role("slider", name="Blue").fill("0.75")
    page.get_by_label("Spread faded tones").check()
    page.get_by_label("Take away noise").check()
    page.get_by_role("slider", name="Saturation").fill("2")  # each in its proportion
    wanted = {
        "warmth": 0.5,
        "saturation": dict.fromkeys(HUES, 2.18) | {"blue": 1.09},
        "restoration": {"strength": 0, "denoise": 1, "tone": "auto", "local_contrast": 0.4},
    }
    wait_for(page, lambda: list_looks(page)[-1] | wanted == list_looks(page)[-1])
    expect(page.locator("#warmth-value")).to_have_text("+0.50")
    expect(page.locator("#hue-blue-value")).to_have_text("109 %")
    page.reload()
    page.get_by_role("tab", name="Tone").click()
    expect(page.locator("#contrast-value")).to_have_text("40 %")
    expect(page.get_by_label("Spread faded tones")).to_be_checked()
    expect(page.locator("#saturation-value")).to_have_text("200 %")
    page.get_by_label("Spread faded tones").uncheck()
    page.get_by_label("Take away noise").uncheck()
    page.get_by_role("slider", name="Local contrast").fill("0")
    wait_for(page, lambda: list_looks(page)[-1]["restoration"] is None)
    page.click("#reset")
    expect(page.locator("#saturation-value")).to_have_text("100 %")
    expect(page.locator("#reset")).to_be_disabled()
    wait_for(page, lambda: np.array_equal(look_at(page), plain))


def test_a_style_is_painted_with_a_bar_stopped_and_kept(page, painter, tmp_path):
    plain = look_at(page)
    page.get_by_role("tab", name="Style").click()
    none, monet = (page.get_by_role("button", name=name) for name in ("No style", "Dabs, after"))
    bar = page.get_by_role("progressbar", name="Painting: Dabs, after Monet")
    painter.may_end.clear()
    monet.click()
    expect(bar).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(bar).to_be_hidden()
    expect(none).to_have_attribute("aria-pressed", "true")
    assert painter.given_up.wait(PATIENCE_S)
    wait_for(page, lambda: np.array_equal(look_at(page), plain))
    page.keyboard.press("Control+z")  # the stop was a step: it is painted after all
    expect(bar).to_be_visible()
    colored = look_at(page)
    painter.may_end.set()
    expect(bar).to_be_hidden()
    wait_for(page, lambda: (look_at(page) != colored).any())
    styled = look_at(page)
    assert np.abs(np.diff(styled.mean(axis=(1, 2)))).max() > 3  # stripes
    page.get_by_text("Colors", exact=True).click()
    wait_for(page, lambda: (look_at(page) != styled).any())
    page.get_by_text("Both", exact=True).click()
    wait_for(page, lambda: np.array_equal(look_at(page), styled))
    with page.expect_download() as download:
        page.click("#download")
    assert np.abs(read_image(download.value.path()).astype(int) - styled).mean() < 3
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    session = tmp_path / "session.json"
    download.value.save_as(session)
    assert read_options(session).style == StyleChoice("monet", scope="both", strength=0.7)
    page.reload()
    wait_for(page, lambda: np.array_equal(look_at(page), styled))
    page.click("#reset")
    wait_for(page, lambda: np.array_equal(look_at(page), plain))
    open_file(page, session)
    wait_for(page, lambda: np.array_equal(look_at(page), styled))
    content = json.loads(session.read_text())
    content["options"]["style"] = {"file": "mine.jpg"}
    session.write_text(json.dumps(content))
    open_file(page, session)
    expect(page.locator("#notice-text")).to_contain_text("mine.jpg, which is not here")
    wait_for(page, lambda: np.array_equal(look_at(page), plain))


def test_a_picture_of_ones_own_is_dropped_kept_and_chosen_again(page, photos, tmp_path):
    plain = look_at(page)
    page.get_by_role("tab", name="Style").click()
    mine = encode_photo(photos["chelsea"], "PNG")
    (tmp_path / "mine.png").write_bytes(mine)
    with page.expect_file_chooser() as chooser:
        page.click("#own-style")
    chooser.value.set_files(tmp_path / "mine.png")
    expect(page.get_by_role("img", name="mine.png")).to_be_visible()
    page.get_by_text("Colors", exact=True).click()
    wait_for(page, lambda: list_looks(page)[-1]["style"]["scope"] == "color")
    wait_for(page, lambda: (look_at(page) != plain).any())
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    session = tmp_path / "session.json"
    download.value.save_as(session)
    sha256 = hashlib.sha256(mine).hexdigest()
    chosen = StyleChoice(
        file=str(tmp_path / "mine.png"), sha256=sha256, scope="color", strength=0.7
    )
    assert read_options(session).style == chosen
    page.get_by_role("button", name="No style").click()
    expect(page.get_by_role("img", name="mine.png")).to_be_hidden()
    wait_for(page, lambda: np.array_equal(look_at(page), plain))
    page.reload()
    open_file(page, session)
    page.get_by_role("tab", name="Style").click()
    expect(page.get_by_role("img", name="mine.png")).to_be_visible()
    wait_for(page, lambda: (look_at(page) != plain).any())
    page.evaluate(
        """([data, field]) => {
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
            const drop = new DragEvent("drop", { dataTransfer: transfer, bubbles: true });
            document.querySelector(field).dispatchEvent(drop);
        }""",
        [
            base64.b64encode(encode_photo(photos["chelsea"][::-1].copy(), "PNG")).decode(),
            "#own-style",
        ],
    )
    expect(page.get_by_role("img", name="dropped.png")).to_be_visible()


# --- nothing lost ------------------------------------------------------------------------------


def test_work_outlives_reloads_other_photos_and_closed_tabs(page, photo, tmp_path):
    paint_red(page)
    page.reload()
    wait_for(page, lambda: is_red(page))
    expect(page.locator(".hint")).to_have_count(1)
    (tmp_path / "other.png").write_bytes(encode_photo(read_image(photo)[::-1].copy(), "PNG"))
    choose(page, "#open", tmp_path / "other.png")
    expect(page.locator(".hint")).to_have_count(0)
    expect(page.locator("#photos .photo")).to_have_count(2)
    page.go_back()
    expect(page.locator("#name")).to_have_text(photo.name)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.locator(".hint")).to_have_count(0)
    page.keyboard.press("Control+Shift+Z")
    page.keyboard.press("Control+Shift+Z")
    expect(page.locator(f".hint[aria-label*='{RED}']")).to_have_count(1)
    context, address = page.context, page.url.partition("#")[0]
    page.close()
    page = context.new_page()
    page.goto(address)
    page.get_by_role("button", name=photo.name).click()
    wait_for(page, lambda: is_red(page))
    page.get_by_role("button", name="Close other.png").click()
    page.get_by_role("button", name="Undo", exact=True).last.click()
    expect(page.locator("#name")).to_have_text("other.png")


def test_what_the_server_let_go_is_given_back_unseen(open_page, photo):
    own = Colorizer.from_preset(backend="litert")
    app = create_studio(Colorizer(own.backend, working_size=64, decoding=own.decoding))
    page = open_page()
    with serve(app) as address:
        page.goto(address)
        choose(page, "#choose", photo)
        paint_red(page)
        page.wait_for_load_state("networkidle")  # a late request would keep this photo
        grey, asked = read_image(photo), len(page.asked)
        for index in range(13):  # by others, so that this photo is let go
            data = encode_photo(np.roll(grey, 7 * index + 1, axis=1), "PNG")
            httpx.post(f"{address}/api/photos?name={index}.png", content=data, timeout=60)
        page.get_by_role("tab", name="Tone").click()
        page.get_by_role("slider", name="Vibrance").fill("2")
        again = "name=old%20photo.jpg"
        wait_for(page, lambda: any(r.url.endswith(again) for r in page.asked[asked:]))
        wait_for(page, lambda: is_red(page))
        expect(page.get_by_role("alert")).to_be_hidden()
        page.goto("about:blank")  # it would ask for more when the server has ended
    assert all("404" in line for line in page.said)
    page.said.clear()
    page.asked = [r for r in page.asked if not r.url.startswith((address, f"blob:{address}"))]


def test_a_session_is_saved_opened_and_made_again_by_the_command(page, photo, tmp_path):
    paint_red(page)
    page.keyboard.press("b")
    drag(page, (200, 60), (240, 80))
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Tone").click()
    page.get_by_role("slider", name="Vibrance").fill("1.4")
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    assert download.value.suggested_filename == "old photo.deepkoal.json"
    file = tmp_path / "old photo.deepkoal.json"
    download.value.save_as(file)
    saved = read_options(file)
    assert saved.options.vibrance == 1.4
    assert saved.photo.sha256 == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert [sorted(hint) for hint in saved.hints] == [["color", "x", "y"], ["color", "stroke"]]
    wait_for(page, lambda: page.locator("body").get_attribute("class") in (None, ""))
    page.wait_for_timeout(300)
    look = look_at(page)
    page.click("#reset")
    wait_for(page, lambda: (look_at(page) != look).any())
    open_file(page, file)
    expect(page.locator(".hint")).to_have_count(2)
    wait_for(page, lambda: np.array_equal(look_at(page), look))
    other = tmp_path / "other.png"
    other.write_bytes(encode_photo(read_image(photo)[:, ::-1].copy(), "PNG"))
    page.click("#home")
    page.click("#forget")
    page.get_by_role("button", name="Forget them").click()
    expect(page.locator("#earlier-part")).to_be_hidden()
    choose(page, "#choose", other)
    open_file(page, file)
    page.get_by_role("button", name="Color it so").click()
    expect(page.locator(".hint")).to_have_count(2)


def test_all_photos_come_in_one_archive(page, photo, tmp_path):
    for name in ("old photo.png", "süß.png"):
        (tmp_path / name).write_bytes(
            encode_photo(np.roll(read_image(photo), len(name), axis=0), "PNG")
        )
    with page.expect_file_chooser() as chooser:
        page.click("#open")
    chooser.value.set_files([tmp_path / "old photo.png", tmp_path / "süß.png"])
    expect(page.locator("#photos .photo")).to_have_count(3)
    with page.expect_download() as download:
        page.click("#all")
    expect(page.locator("#notice-text")).to_contain_text("downloaded: 3 photos, ")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [
            "old photo.colored.jpg",
            "old photo.colored.png",
            "süß.colored.png",
        ]
        assert decode_photo(archive.read("süß.colored.png")).rgb.shape == (200, 300, 3)


def test_like_things_of_an_album_take_the_same_color(page, photo, tmp_path):
    plain = look_at(page)
    right = read_image(photo)[:, 10:].copy()
    (tmp_path / "right.png").write_bytes(encode_photo(right, "PNG"))
    choose(page, "#open", tmp_path / "right.png")
    page.mouse.click(*find(page, *PLACE))
    page.click(f"#common [data-color='{RED}']")
    wait_for(page, lambda: is_red(page))
    page.keyboard.press("Escape")
    page.get_by_role("button", name=photo.name, exact=True).click()
    wait_for(page, lambda: look_at(page).shape == plain.shape and (look_at(page) == plain).all())
    page.click("#album")
    expect(page.locator("#notice-text")).to_contain_text("old photo.jpg takes colors of right.png")
    wait_for(page, lambda: (look_at(page) - plain)[150:190, 30:50, 0].mean() > 5)
    expect(page.locator(".hint")).to_have_count(0)
    page.click("#album")
    wait_for(page, lambda: np.array_equal(look_at(page), plain))


# --- for everybody -----------------------------------------------------------------------------


COLOR_RULES = {"runOnly": ["color-contrast", "link-in-text-block"]}
"""Of axe's, those that a scheme may break where the other one does not: it has colors alone."""


@pytest.mark.parametrize(
    ("width", "scheme", "strength"),  # each a strength that is not painted yet
    [(390, "light", 0.2), (1280, "dark", 0.3), (2560, "light", 0.4)],
)
def test_axe_finds_no_fault_in_any_view(open_page, photo, painter, width, scheme, strength):
    other = "dark" if scheme == "light" else "light"
    page = open_page(width, 900, has_touch=width < 400, color_scheme=scheme)

    def list_faults(found):
        return [(each["id"], each["nodes"][0]["html"][:120]) for each in found["violations"]]

    def check(view):
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
        assert list_faults(Axe().run(page).response) == [], view
        page.emulate_media(color_scheme=other)
        found = page.evaluate("(options) => axe.run(options)", COLOR_RULES)  # which is there now
        assert len(found["passes"]) + len(found["incomplete"]) > 0, view
        assert list_faults(found) == [], (view, other)
        page.emulate_media(color_scheme=scheme)

    expect(page.locator("#samples button")).to_have_count(len(SAMPLES))
    check("welcome")
    choose(page, "#choose", photo)
    expect(page.locator(".variation")).to_have_count(6)
    check("variations")
    page.click("#doubt-toggle")
    page.get_by_role("button", name="Suggested place 1").evaluate("button => button.click()")
    expect(page.locator("#likely .swatch").first).to_be_visible()
    check("editor")
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Palette").click()
    check("palette")
    page.get_by_role("tab", name="Style").click()
    page.get_by_role("button", name="Dabs, after Monet").click()
    painter.may_end.clear()
    page.get_by_role("slider", name="Strength").fill(str(strength))
    expect(page.locator("#painting")).to_be_visible()
    check("style")
    painter.may_end.set()
    page.get_by_role("tab", name="Tone").click()
    page.click("#hues-part summary")
    check("tone")
    page.keyboard.press("?")
    check("keys")
    page.click("#keys-close")
    page.click("#download-as")
    page.select_option("#format", "JPEG")
    check("formats")
    page.click("#formats-close")
    page.click("#grid")
    check("sheet")
