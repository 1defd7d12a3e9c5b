"""The JavaScript that docs/exports.md shows, in a real browser."""

import base64
import re
from pathlib import Path

import numpy as np
from missing import skip_or_fail
from test_studio_page import browser  # noqa: F401

from deepkoal.guidance.decoding import decode_outputs
from deepkoal.image_io import decode_photo, encode_photo
from deepkoal.inference.backends import has_litert
from deepkoal.inference.colorizer import Colorizer

PAGE = Path(__file__).parent.parent / "docs" / "exports.md"

# In the place of onnxruntime-web, which no Python package brings: the network alone runs outside.
RUNTIME = """
window.ort = {
  Tensor: class { constructor(type, data, dims) { Object.assign(this, {type, data, dims}); } },
  InferenceSession: {create: async () => ({run: async ({l_norm: {type, data, dims}}) => {
    if (type !== "float32" || !(data instanceof Float32Array)) throw new Error("wrong type");
    return {ab: {data: Float32Array.from(await predict(Array.from(data), dims))}};
  }})},
};
"""
DRAW = """async (photo) => {
  const image = new Image();
  image.src = "data:image/png;base64," + photo;
  await image.decode();
  window.canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").drawImage(image, 0, 0);
}"""


def test_a_photo_is_colored_in_the_browser(browser, photos):  # noqa: F811
    if not has_litert():
        skip_or_fail("ai-edge-litert is missing")
    colorizer = Colorizer.from_preset("koala-lite", backend="litert")
    (program,) = re.findall(
        r"^```javascript\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    assert f"const SIZES = {list(colorizer.working_sizes)};" in program
    photo, shapes = photos["coffee"][100:300:2, 150:450:2], []

    def predict(values, shape):
        shapes.append(tuple(shape))
        outputs = colorizer.backend.predict(np.float32(values).reshape(shape))
        outputs = {name: output[0] for name, output in outputs.items()}
        return decode_outputs(outputs, colorizer.decoding).ravel().tolist()

    page = browser.new_page()
    page.expose_function("predict", predict)
    page.evaluate(RUNTIME)
    page.evaluate(DRAW, base64.b64encode(encode_photo(photo, "PNG")).decode())
    page.evaluate(f"async () => {{ {program} }}")
    data = page.evaluate("canvas.toDataURL('image/png')").partition(",")[2]
    page.close()
    found = decode_photo(base64.b64decode(data)).rgb.astype(int)
    assert shapes == [(1, 64, 128, 1), (1, 224, 320, 1)]
    expected = colorizer.colorize(photo, cleanup=False)
    assert np.ptp(expected, axis=2).mean() > 10, "it is colored"
    grey = np.abs(expected - expected.mean(axis=2, keepdims=True)).mean()
    assert np.abs(found - expected).mean() < grey / 6
