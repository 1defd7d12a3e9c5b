"""Draw the picture of the studio that README shows, with koala-lite and a photo of scikit-image.

    python scripts/draw_studio.py [OUT.jpg]

It wants a browser: Debian's chromium, or another that Playwright can drive.
"""

from __future__ import annotations

import argparse
import io
import shutil
import socket
import threading
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from deepkoal.inference.colorizer import Colorizer
from deepkoal.studio import create_studio

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chromium-headless-shell",
)
SIZE = {"width": 1400, "height": 800}
PHOTO = "A cup of coffee"
SAUCER, CUP, TABLE = (0.72, 0.62), (0.4, 0.28), (0.86, 0.3)
"""Shares of the photo's width and height."""


def put_color(page: Page, place: tuple[float, float], swatch: str) -> None:
    """Click on the photo and choose a color."""
    box = page.locator("#frame").bounding_box()
    page.mouse.click(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"])
    expect(page.locator("#likely .swatch").first).to_be_visible()
    page.click(swatch)


def draw(address: str, browser_path: str) -> Image.Image:
    """Return a picture of the studio at work."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
        expect.set_options(timeout=60_000)  # the first photo waits for the network to be planned
        page.goto(address)
        page.click(f"#samples button:has-text({PHOTO!r})")
        expect(page.locator(".variation")).to_have_count(6)
        put_color(page, CUP, "#common [title='grey']")
        page.keyboard.press("Escape")
        for _ in range(3):
            page.locator("#split").press("Shift+ArrowRight")
        put_color(page, TABLE, "#common [title='wood brown']")
        page.keyboard.press("Escape")
        put_color(page, SAUCER, "#common [title='brick red']")
        page.wait_for_load_state("networkidle")
        expect(page.locator("#busy")).to_be_hidden()
        page.wait_for_timeout(1000)  # longer than it takes until thumbnails are asked for
        expect(page.locator("#busy")).to_be_hidden()
        picture = page.screenshot()
        browser.close()
    return Image.open(io.BytesIO(picture)).convert("RGB")


def main() -> None:
    """Serve the studio, draw it and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=Path("docs/studio.jpg"))
    arguments = parser.parse_args()
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        parser.error(f"no browser; install one of {', '.join(BROWSERS)}")
    app = create_studio(Colorizer.from_preset())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            picture = draw(f"http://127.0.0.1:{listener.getsockname()[1]}/", browser_path)
        finally:
            server.should_exit = True
            thread.join()
    picture.save(arguments.out, quality=80, subsampling=0)
    print(arguments.out)


if __name__ == "__main__":
    main()
