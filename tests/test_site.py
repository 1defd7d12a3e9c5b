"""The studio as static files: its graphs against the library, and its page in a real browser."""

import dataclasses
import json
import re

import numpy as np
import onnx
import onnxruntime
import pytest
from axe_playwright_python.sync_playwright import Axe
from local_server import serve
from missing import skip_or_fail
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from playwright.sync_api import expect
from skimage import data
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from test_studio_page import browser, choose, find, open_file, paint_red  # noqa: F401

from deepkoal.color import ab_bins
from deepkoal.errors import DeepkoalError
from deepkoal.export.guidance_graphs import trace_guidance
from deepkoal.export.output_paths import RUNTIME_FILES, find_runtime
from deepkoal.export.site import export_site
from deepkoal.guidance import ColorOptions, Palette
from deepkoal.guidance.color_balance import HUES, find_warmth_factors
from deepkoal.hints import Hint, Region, Stroke
from deepkoal.hints.layout import BELOW_ONE, list_hints
from deepkoal.image_io import encode_photo, read_image
from deepkoal.inference.backends import has_litert
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.hint_gamut import list_unshowable
from deepkoal.inference.options_file import read_options
from deepkoal.inference.scene import find_border
from deepkoal.rendering.contact_sheets import desaturate
from deepkoal.rendering.upsampling import find_pixels
from deepkoal.studio.choices import describe_choices

# In the place of onnxruntime-web, which no Python package brings: graphs run outside. Arrays go
# there and back as `pack` has them.
RUNTIME = """
export const env = {wasm: {}};
export class Tensor { constructor(type, data, dims) { Object.assign(this, {type, data, dims}); } }
const post = async (path, body) => (await fetch(path, {method: "POST", body})).arrayBuffer();
const unpack = (buffer) => {
  let start = new Uint8Array(buffer).indexOf(10);
  const head = JSON.parse(new TextDecoder().decode(buffer.slice(0, start++)));
  return Object.fromEntries(head.map(([name, dims]) => {
    const end = start + 4 * dims.reduce((a, b) => a * b, 1);
    const data = new Float32Array(buffer.slice(start, end));
    start = end;
    return [name, new Tensor("float32", data, dims)];
  }));
};
export const InferenceSession = {create: async (file) => {
  const number = new TextDecoder().decode(await post("/graphs", file));
  return {run: async (feeds) => {
    const head = [];
    const arrays = Object.entries(feeds).map(([name, {type, data, dims}]) => {
      if (type !== "float32" || !(data instanceof Float32Array)) throw new Error("wrong type");
      head.push([name, dims]);
      return data;
    });
    const asked = new Blob([JSON.stringify(head) + "\\n", ...arrays]);
    return unpack(await post(`/graphs/${number}`, asked));
  }};
}};
"""


def pack(arrays):
    """Return float32 arrays as bytes: a line of JSON, their names and shapes, then all values."""
    head = json.dumps([[name, array.shape] for name, array in arrays.items()]).encode()
    return b"\n".join([head, b"".join(np.float32(array).tobytes() for array in arrays.values())])


def unpack(data):
    head, _, values = data.partition(b"\n")
    names, shapes = zip(*json.loads(head), strict=True)
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    parts = np.split(np.frombuffer(values, np.float32), ends)
    assert parts.pop().size == 0
    return {n: x.reshape(shape) for n, x, shape in zip(names, parts, shapes, strict=True)}


@pytest.fixture(scope="module")
def colorizer():
    if not has_litert():
        skip_or_fail("ai-edge-litert is missing")
    own = Colorizer.from_preset("koala-lite", backend="litert")
    return Colorizer(own.backend, working_size=(64, 96), decoding=own.decoding)


@pytest.fixture(scope="module")
def graphs(colorizer):
    outputs = colorizer.backend.predict(np.zeros((1, 32, 32, 1), np.float32))
    depths = (outputs[name].shape[-1] for name in ("features", "things") if name in outputs)
    models = trace_guidance(colorizer.decoding, len(ab_bins()), *depths)
    return {
        name: onnxruntime.InferenceSession(model.SerializeToString())
        for name, model in models.items()
    }


def run(session, **feeds):
    found = session.run(None, {name: np.asarray(x, np.float32) for name, x in feeds.items()})
    return dict(zip([output.name for output in session.get_outputs()], found, strict=True))


@pytest.fixture(scope="module")
def seen(colorizer, photos):
    return colorizer.predict(desaturate(photos["coffee"][50:250, 100:400]))


def find_matches(graphs, seen, reference):
    """Return what is found by blocks of places, as a browser asks for it."""
    own, shown = seen.points, reference.points
    others = {"reference_features": shown.features, "reference_l": shown.l}
    return np.concatenate(
        [
            run(
                graphs["match"],
                features=own.features[start : start + 100],
                l=own.l[start : start + 100],
                **others,
                reference_ab=reference.ab,
            )["matches"]
            for start in range(0, len(own.l), 100)
        ]
    )


def color(graphs, seen, options):
    palette, reference = options.palette, options.reference
    logits = seen.outputs["logits"]
    shares = run(graphs["share"], logits=logits, grid=logits.shape[:2])
    return run(
        graphs["colors"],
        shares=shares["share"],
        count=1,
        features=seen.outputs["features"],
        l=seen._fine_l,
        palette=np.zeros(len(ab_bins())) if palette is None else palette.probabilities,
        lead=(0, 1) if palette is None else (palette.strength, palette.smoothing),
        vibrance=options.vibrance,
        cleanup=options.cleanup,
        matches=np.zeros((1, 7)) if reference is None else find_matches(graphs, seen, reference),
        warmth=find_warmth_factors(options.warmth),
        saturation=[options.saturation.get(hue, 1) for hue in HUES],
    )


@pytest.mark.parametrize(
    "options",
    [
        ColorOptions(vibrance=1.6),
        ColorOptions(cleanup=False, warmth=-0.5),
        ColorOptions(
            palette=Palette.named("autochrome"), vibrance=1.4, saturation={"red": 0.0, "blue": 2.0}
        ),
        ColorOptions(reference=data.coffee(), palette=Palette.named("sepia"), warmth=0.2),
    ],
)
def test_the_graph_of_colors_gives_what_the_library_gives(graphs, seen, colorizer, options):
    if options.reference is not None:
        options = dataclasses.replace(
            options, reference=colorizer.see_reference(options.reference[::2, ::2])
        )
    found, expected = color(graphs, seen, options), seen.decode_ab(options)
    assert np.ptp(expected) > 20
    np.testing.assert_allclose(found["chroma"], expected, atol=0.01)
    np.testing.assert_allclose(found["field"], seen.fit_field(expected), atol=0.02)
    np.testing.assert_allclose(found["deviation"], seen.deviation, rtol=1e-3)


@pytest.mark.parametrize(
    "hints",
    [
        [Hint(30, 40, "#c03020"), Hint(33.4, 41.8, "own"), Stroke([(200, 50), (250, 150)], "grey")],
        [Hint(30, 40, "own"), Region([(10, 10), (200, 20), (100, 150)], "#20a040")],
        [
            Hint(3 * n, (7 * n) % 100, (n - 40.0, 30.0)) for n in range(1, 61)
        ],  # more than its groups
    ],
)
def test_the_graph_of_hints_gives_what_the_library_gives(graphs, seen, hints):
    chroma = seen.decode_ab()
    given = list_hints(hints, *seen.l.shape)
    expected = seen.fit_field(chroma, given)
    if not len(given.edges):  # of which the graph wants one: a region of a single point
        one, pair = np.ones((1, 1), np.float32), np.ones((1, 2), np.float32)
        given = dataclasses.replace(
            given, edges=np.zeros((1, 4)), sides=one, region_ab=pair, region_own=one[0]
        )
    places, place_l = find_pixels(given.points, seen.l)
    scale = np.array(seen._fine_l.shape)[::-1] / seen.l.shape[::-1]
    found = run(
        graphs["hints"],
        chroma=chroma,
        deviation=seen.deviation,
        **{name: seen.outputs[name] for name in ("features", "things") if name in seen.outputs},
        l=seen._fine_l,
        places=places,
        place_l=place_l,
        **{**vars(given), "points": given.points * scale, "edges": given.edges * np.tile(scale, 2)},
    )
    assert np.abs(expected - seen.fit_field(chroma, list_hints([], *seen.l.shape))).max() > 5
    np.testing.assert_allclose(found["field"], expected, atol=0.02)


def test_the_graph_of_borders_finds_a_frame(graphs, seen):
    framed = np.pad(seen.l[:200, :200], ((20, 20), (30, 10)), constant_values=96)
    np.testing.assert_allclose(run(graphs["border"], l=framed)["border"], find_border(framed))
    assert find_border(framed)[0] > 0


# --- the files ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(colorizer, tmp_path_factory):
    """The folder of a site whose network runs outside: to export it is tested in test_backends."""

    def export_network(colorizer, path):
        weights = np.random.default_rng(0).normal(size=2000).astype("float32")
        taken, given = (
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2000])
            for name in ("l_norm", "sum")
        )
        graph = onnx.helper.make_graph(
            [onnx.helper.make_node("Add", ["l_norm", "weights"], ["sum"])],
            "network",
            [taken],
            [given],
            [onnx.numpy_helper.from_array(weights, "weights")],
        )
        imports = [onnx.helper.make_opsetid("", 18)]
        onnx.save(onnx.helper.make_model(graph, opset_imports=imports, ir_version=10), path)

    folder = tmp_path_factory.mktemp("site")
    package = folder / "node_modules" / "onnxruntime-web" / "dist"
    package.mkdir(parents=True)
    for name in RUNTIME_FILES:
        (package / name).write_text(RUNTIME if name == "ort.wasm.min.mjs" else "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deepkoal.export.site.export_onnx", export_network)
        return export_site(colorizer, folder / "made", runtime=folder)


def test_a_site_is_whole_and_asks_for_nothing_of_others(site, colorizer):
    pages = [path for path in site.rglob("*") if path.suffix in (".html", ".js", ".css", ".json")]
    text = "".join(path.read_text("utf-8") for path in pages)
    assert set(re.findall(r"https?://[\w.]+", text)) <= {"http://www.w3.org"}
    for path in pages:
        named = r'(?:from|href=|src=) ?"(\.?[\w./-]+\.(?:m?js|css|svg))"'
        for name in re.findall(named, path.read_text("utf-8")):
            assert (path.parent / name).is_file(), (path, name)
    assert "wasm-unsafe-eval" in (site / "index.html").read_text("utf-8")
    about = json.loads((site / "site.json").read_text("utf-8"))
    assert describe_choices().keys() <= about.keys()
    for name in about["missing"]:
        assert f'id="{name}"' in (site / "index.html").read_text("utf-8")
    models = site / "browser" / "models"
    assert about["model"]["sizes"] == list(colorizer.working_sizes)
    assert about["model"]["bytes"] == sum(path.stat().st_size for path in models.iterdir())
    # Weights in half precision, which are single again as they are loaded.
    assert (models / "network.onnx").stat().st_size < 5000
    network = onnxruntime.InferenceSession(models / "network.onnx")
    weights = np.random.default_rng(0).normal(size=2000).astype("float32")
    found = run(network, l_norm=np.zeros(2000))["sum"]
    np.testing.assert_array_equal(found, weights.astype("float16").astype("float32"))


def test_what_a_site_cannot_be_made_of_is_told(colorizer, site, tmp_path):
    with pytest.raises(DeepkoalError, match=r"npm install onnxruntime-web, then --runtime"):
        find_runtime(tmp_path)
    runtime = site.parent
    with pytest.raises(DeepkoalError, match="exists; give another name"):
        export_site(colorizer, site, runtime=runtime)
    with pytest.raises(DeepkoalError, match="there is no folder"):
        export_site(colorizer, tmp_path / "none" / "site", runtime=runtime)


# --- the page ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(site, colorizer):
    sessions = []

    async def open_graph(request):
        data = await request.body()
        is_network = onnx.load_from_string(data).graph.name == "network"
        sessions.append(None if is_network else onnxruntime.InferenceSession(data))
        return PlainTextResponse(str(len(sessions) - 1))

    async def run_graph(request):
        session = sessions[request.path_params["number"]]
        feeds = unpack(await request.body())
        found = (
            colorizer.backend.predict(feeds["l_norm"]) if session is None else run(session, **feeds)
        )
        return Response(pack(found))

    routes = [
        Route("/graphs", open_graph, methods=["POST"]),
        Route("/graphs/{number:int}", run_graph, methods=["POST"]),
        Mount("/", StaticFiles(directory=site, html=True)),
    ]
    with serve(Starlette(routes=routes)) as address:
        yield address


@pytest.fixture
def page(browser, address):  # noqa: F811
    context = browser.new_context(viewport={"width": 1200, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    yield page
    context.close()
    assert said == []
    assert all(url.startswith((address, f"blob:{address}", "data:")) for url in asked)


def download(page, button, folder):
    try:
        with page.expect_download(timeout=60_000) as download:
            page.click(button)
    except PlaywrightTimeoutError:
        shown = page.locator("body").inner_text()
        pytest.fail(f"nothing was downloaded by {button}; the page shows {shown!r}")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_a_photo_is_colored_guided_and_kept_without_a_server(page, colorizer, photos, tmp_path):
    photo = tmp_path / "old photo.png"
    grey = desaturate(photos["coffee"][50:210, 100:360])
    grey = np.pad(grey, ((20, 20), (20, 20), (0, 0)), constant_values=250)  # a print's border
    photo.write_bytes(encode_photo(grey, "PNG"))
    choose(page, "#choose", photo)
    result = download(page, "#download", tmp_path)
    assert result.name == "old photo.colored.png"
    expected = colorizer.colorize(grey).astype(int)
    assert np.ptp(expected, axis=2).mean() > 10, "it is colored"
    plain = read_image(result).astype(int)
    apart = np.abs(plain - expected)
    assert apart.mean() < 0.2
    assert apart.max() <= 3
    for view in ("#tab-variations", "#doubt-toggle", "#light-part"):
        expect(page.locator(view)).to_be_hidden()
    page.click("#download-as")
    offered = page.locator("#format option").all_inner_texts()
    assert offered == ["As it was opened", "JPEG", "PNG", "WebP"]
    page.select_option("#format", "JPEG")
    written = download(page, "#formats-download", tmp_path)
    assert written.name == "old photo.colored.jpg"
    assert np.abs(read_image(written).astype(int) - plain).mean() < 3
    page.click("#download-as")
    page.select_option("#format", "")
    page.keyboard.press("Escape")
    paint_red(page)
    expect(page.locator("#likely .swatch")).not_to_have_count(0)
    page.get_by_role("slider", name="Warmth").fill("0.4")
    session = download(page, "#save", tmp_path)
    guided = read_image(download(page, "#download", tmp_path))
    saved = read_options(session)
    prediction = colorizer.predict(grey)
    expected = prediction.render(saved.apply(prediction)).astype(int)
    assert np.abs(guided - expected).mean() < 0.2
    assert np.abs(guided - plain).mean() > 3
    page.click("#reset")
    expect(page.locator(".hint")).to_have_count(0)
    open_file(page, session)
    expect(page.locator(".hint")).to_have_count(1)
    page.set_viewport_size({"width": 390, "height": 800})
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert Axe().run(page).response["violations"] == []


def test_a_photo_is_rotated_without_a_server(page, colorizer, photos, tmp_path):
    side = desaturate(np.rot90(photos["coffee"][50:210, 100:360]))
    (tmp_path / "side.png").write_bytes(encode_photo(side, "PNG"))
    choose(page, "#choose", tmp_path / "side.png")
    page.keyboard.press(".")
    upright = np.ascontiguousarray(np.rot90(side, -1))
    result = read_image(download(page, "#download", tmp_path))
    assert np.abs(result.astype(int) - colorizer.colorize(upright)).mean() < 0.2
    saved = read_options(download(page, "#save", tmp_path))
    assert (saved.rotation, saved.photo.width, saved.photo.height) == (90, 260, 160)
    page.click("#undo")
    open_file(page, tmp_path / "side.deepkoal.json")
    expect(page.locator("#download")).to_have_attribute("title", re.compile("260 × 160 pixels"))


def test_a_reference_photo_gives_its_colors_without_a_server(page, colorizer, photos, tmp_path):
    photo, shown, grey = (tmp_path / f"{name}.png" for name in ("photo", "shown", "grey"))
    pixels = photos["coffee"][50:210, 100:360]
    photo.write_bytes(encode_photo(desaturate(pixels), "PNG"))
    grey.write_bytes(photo.read_bytes())
    shown.write_bytes(encode_photo(np.ascontiguousarray(pixels[::-1, 40:240, ::-1]), "PNG"))
    choose(page, "#choose", photo)
    plain = read_image(download(page, "#download", tmp_path)).astype(int)
    page.get_by_role("tab", name="Palette").click()
    for file in (grey, shown):
        with page.expect_file_chooser() as chooser:
            page.click("#reference")
        chooser.value.set_files(file)
        if file == grey:
            expect(page.locator("#error-text")).to_contain_text("grey.png is in shades of grey")
    expect(page.get_by_role("img", name="shown.png")).to_be_visible()
    guided = read_image(download(page, "#download", tmp_path)).astype(int)
    session = download(page, "#save", tmp_path)
    prediction = colorizer.predict(read_image(photo))
    options = read_options(session).apply(prediction)
    # A page has no OpenCV that could tell the same photo: it finds what is alike.
    by_features = dataclasses.replace(colorizer.open_reference(options.reference), pictures=())
    expected = prediction.render(options, reference=by_features).astype(int)
    assert np.abs(guided - expected).mean() < 0.3
    assert np.abs(guided - plain).mean() > 2
    # Its files are kept for later meanwhile; that stalls those that a reloaded page asks for.
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()  # the worker begins anew, and is given the reference again
    again = read_image(download(page, "#download", tmp_path))
    np.testing.assert_array_equal(again, guided)
    page.click("#reset")
    open_file(page, session)
    page.get_by_role("tab", name="Palette").click()
    expect(page.get_by_role("img", name="shown.png")).to_be_visible()


def test_marks_become_the_arrays_that_the_library_makes_of_hints(page):
    """Also of points at one pixel, of which the last counts, and beyond the part that is seen."""
    marks = [
        {"kind": "point", "points": [[20.2, 30.9]], "color": "#c03020"},
        {"kind": "region", "points": [[40, 40], [90, 45], [60, 80]], "color": "#20a040"},
        {"kind": "stroke", "points": [[50, 20], [60, 20.01], [90, 20], [90, 95]], "color": "grey"},
        {"kind": "point", "points": [[20.9, 30.1]], "color": "own"},
        {"kind": "point", "points": [[2, 3]], "color": "#4060c0"},
        {"kind": "region", "points": [[0, 0], [30, 0], [0, 30]], "color": "own"},
    ]
    kinds = {"point": lambda points, color: Hint(*points[0], color)}
    kinds |= {"stroke": Stroke, "region": Region}
    hints = [kinds[mark["kind"]](mark["points"], mark["color"]) for mark in marks]
    expected = list_hints(hints, 100, 120)
    made = page.evaluate(
        """async (marks) => {
            const { arrangeHints } = await import("./browser/hints.js");
            const photo = { width: 120, height: 100 };
            const inside = { left: 10, top: 6, width: 100, height: 90 };
            const grid = { width: 50, height: 45 };
            return arrangeHints(marks, photo, inside, grid, (x, y) => x + 200 * y);
        }""",
        marks,
    )
    found = {
        name: np.reshape(values, (-1, *depth)).astype(np.float32)
        for name, (values, *depth) in made.items()
    }
    points = np.clip(expected.points - [10, 6], 0, np.array([100, 90]) * BELOW_ONE)
    np.testing.assert_allclose(found["points"], points / 2, rtol=1e-5)
    pixels = np.floor(points)
    np.testing.assert_allclose(found["places"], (pixels[:, ::-1] + 0.5) / [90, 100], rtol=1e-5)
    np.testing.assert_array_equal(found["place_l"], np.add(pixels, [10, 6]) @ [1, 200])
    np.testing.assert_allclose(found["edges"], (expected.edges - [10, 6, 10, 6]) / 2, rtol=1e-5)
    for name in ("ab", "own", "exact", "sides", "region_ab", "region_own"):
        np.testing.assert_allclose(found[name], getattr(expected, name), atol=0.01, err_msg=name)


def test_the_nearest_color_that_a_place_can_show_is_the_librarys(page, seen):
    script = """async ([color, lights]) =>
        (await import("./browser/hints.js")).findNearest(color, lights)"""
    answers = []
    for color in ("#0040a0", "#f0e000", "#907060", "grey", "own"):
        for points in ([(0, 0), (150, 20), (30, 150)], [(9, 9), (60, 90), (130, 80), (270, 60)]):
            found = list_unshowable(seen, [Region(points, color)])
            lights = [float(seen.l[y, x]) for x, y in points]
            answers.append(page.evaluate(script, [color, lights]))
            assert answers[-1] == (found[0][1] if found else None)
    assert 0 < answers.count(None) < len(answers)


def test_after_its_first_photo_the_page_opens_without_a_network(browser, site, address, photos):  # noqa: F811
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    assert page.evaluate("navigator.serviceWorker.getRegistrations()") == []  # it weighs 20 MB
    with page.expect_file_chooser() as chooser:
        page.click("#choose")
    data = encode_photo(photos["coffee"][:100, :150], "PNG")
    chooser.value.set_files({"name": "cup.png", "mimeType": "image/png", "buffer": data})
    expect(page.locator("#name")).to_have_text("cup.png")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.goto("about:blank")
    context.set_offline(True)
    page.goto(address)
    expect(page.get_by_role("button", name="cup.png")).to_be_visible()
    files = [path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()]
    lengths = page.evaluate(
        """(files) => Promise.all(files.map(async (file) => {
            const answer = await fetch(file);
            return (await answer.arrayBuffer()).byteLength;
        }))""",
        files,
    )
    assert lengths == [(site / file).stat().st_size for file in files]
    is_reached = "fetch('none.txt').then(() => true, () => false)"
    assert not page.evaluate(is_reached)  # all of it came from what is kept
    context.close()


def test_what_is_no_photo_is_told(page, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    with page.expect_file_chooser() as chooser:
        page.click("#choose")
    chooser.value.set_files(broken)
    expect(page.locator("#error-text")).to_contain_text("broken.jpg is no photo that this browser")
