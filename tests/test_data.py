"""Photos to records and back: what is kept, left out, resumed, and streamed under a seed."""

import json
import shutil
import subprocess
import sys

import cv2
import hypothesis
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies
from PIL import Image, ImageCms
from skimage import data
from skimage.color import rgb2lab

from deepkoal.data import (
    check_records,
    evaluation_batches,
    load_manifest,
    prepare,
    training_batches,
)
from deepkoal.data.augment import (
    choose_crop,
    crop_evaluation_photo,
    crop_training_photo,
    draw_uniform,
    resize_antialiased,
)
from deepkoal.data.records import embed, store
from deepkoal.data.records.embed import embed_photos
from deepkoal.data.records.example import parse_photo, serialize_photo
from deepkoal.data.records.store import (
    GreyPhoto,
    StoredPhoto,
    decode_jpeg,
    encode_jpeg,
    is_grey,
    store_photo,
)
from deepkoal.errors import PhotoError, RecordsError

SIZE = 64
GOOD = 21


class QuadrantEmbedder:
    """Mean lightness of the four quadrants: small, and easy to check by hand."""

    identity = "quadrants"
    dim = 4
    input_size = 32

    def __init__(self):
        self.batches = []

    def __call__(self, l_norm):
        l_norm = np.asarray(l_norm)
        assert l_norm.dtype == np.float32
        assert l_norm.shape[1:] == (32, 32, 1)
        assert -1 <= l_norm.min() < l_norm.max() <= 1
        self.batches.append(len(l_norm))
        return l_norm.reshape(-1, 2, 16, 2, 16).mean(axis=(2, 4)).reshape(-1, 4)


@pytest.fixture(scope="module")
def photos_dir(tmp_path_factory):
    """21 good photos (JPEG, PNG with alpha, EXIF-rotated), a grey one and two broken files."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "tiles").mkdir()
    tiles = [
        photo[top : top + 140, left : left + width]
        for photo in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())
        for top, left, width in ((0, 0, 200), (60, 90, 140), (120, 150, 100), (150, 30, 180))
    ]
    for number, tile in enumerate(tiles):
        Image.fromarray(tile).save(folder / "tiles" / f"{number:02d}.jpg", quality=92)
    small = Image.fromarray(data.chelsea()[100:160, 100:180])
    small.save(folder / "small.jpg")
    small.save(folder / "small.png")
    coffee = Image.fromarray(data.coffee()[:60, :80])
    exif = Image.Exif()
    exif[0x0112] = 6
    coffee.save(folder / "rotated.jpg", exif=exif, quality=95)
    transparent = Image.fromarray(data.astronaut()[:120, :120])
    transparent.putalpha(200)
    transparent.save(folder / "transparent.png")
    Image.fromarray(data.rocket()[:64, 100:200]).save(folder / "as large as kept.jpg")
    Image.fromarray(data.camera()[:200, :200]).save(folder / "grey.jpg")
    (folder / "cut short.jpg").write_bytes((folder / "tiles" / "00.jpg").read_bytes()[:2000])
    (folder / "text.jpg").write_text("not a photo")
    return folder


@pytest.fixture(scope="module")
def records_dir(photos_dir, tmp_path_factory):
    """Finished records with embeddings, 6 shards of at most 4 files."""
    folder = tmp_path_factory.mktemp("records")
    prepare(photos_dir, folder, size=SIZE, photos_per_shard=4, embedder=QuadrantEmbedder())
    return folder


@pytest.fixture
def own_records(records_dir, tmp_path):
    """A copy of the records that a test may spoil."""
    return shutil.copytree(records_dir, tmp_path / "records")


def remake(photos_dir, records_dir, **settings):
    settings = {"size": SIZE, "photos_per_shard": 4, "embedder": QuadrantEmbedder(), **settings}
    return prepare(photos_dir, records_dir, **settings)


def read_all(records_dir):
    """Every record by name, as plain values."""
    manifest = load_manifest(records_dir)
    paths = [str(records_dir / shard.name) for shard in manifest.shards]
    records = [
        parse_photo(r, manifest.settings.embedding_dim) for r in tf.data.TFRecordDataset(paths)
    ]
    return {r["name"].numpy().decode(): {k: v.numpy() for k, v in r.items()} for r in records}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- one photo ---------------------------------------------------------------------------------


def test_a_small_plain_jpeg_keeps_its_very_bytes(photos_dir):
    for name in ("small.jpg", "as large as kept.jpg"):
        stored = store_photo(photos_dir, name, SIZE)
        assert stored.jpeg == (photos_dir / name).read_bytes()
    assert (stored.height, stored.width) == (64, 100)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("tiles/00.jpg", (64, 91)), ("transparent.png", (64, 64)), ("tiles/02.jpg", (90, 64))],
)
def test_a_large_photo_is_resized_by_its_short_side(photos_dir, name, shape):
    stored = store_photo(photos_dir, name, SIZE)
    assert (stored.height, stored.width) == decode_jpeg(stored.jpeg).shape[:2] == shape


def test_resizing_averages_rather_than_skips(photos_dir):
    stored = decode_jpeg(store_photo(photos_dir, "tiles/01.jpg", 35).jpeg).astype(float)
    with Image.open(photos_dir / "tiles/01.jpg") as photo:
        blocks = np.asarray(photo, float).reshape(35, 4, 35, 4, 3).mean(axis=(1, 3))
    assert np.abs(stored - blocks).mean() < 3


def test_a_png_is_stored_as_jpeg_close_to_its_pixels(photos_dir):
    stored = store_photo(photos_dir, "small.png", SIZE)
    assert stored.jpeg[:3] == b"\xff\xd8\xff"
    assert (
        np.abs(decode_jpeg(stored.jpeg) - data.chelsea()[100:160, 100:180].astype(int)).mean() < 3
    )


def test_a_photo_on_its_side_is_stored_upright(photos_dir):
    stored = store_photo(photos_dir, "rotated.jpg", SIZE)
    assert (stored.height, stored.width) == (80, 60)
    upright = np.rot90(data.coffee()[:60, :80], -1)
    assert np.abs(decode_jpeg(stored.jpeg) - upright.astype(int)).mean() < 4


def test_a_jpeg_keeps_its_bytes_only_if_its_profile_is_srgb(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"....").replace(b"gXYZ", b"rXYZ").replace(b"....", b"gXYZ")
    photo = Image.fromarray(data.coffee()[:60, :80])
    photo.save(tmp_path / "srgb.jpg", icc_profile=srgb, quality=95)
    photo.save(tmp_path / "swapped.jpg", icc_profile=swapped, quality=95)
    kept = store_photo(tmp_path, "srgb.jpg", SIZE)
    assert kept.jpeg == (tmp_path / "srgb.jpg").read_bytes()
    converted = decode_jpeg(store_photo(tmp_path, "swapped.jpg", SIZE).jpeg).astype(int)
    assert np.abs(converted - decode_jpeg(kept.jpeg)[..., [1, 0, 2]]).mean() < 3


def test_what_is_left_out(photos_dir, tmp_path):
    assert isinstance(store_photo(photos_dir, "grey.jpg", SIZE), GreyPhoto)
    for name in ("cut short.jpg", "text.jpg", "missing.jpg"):
        error = store_photo(photos_dir, name, SIZE)
        assert isinstance(error, PhotoError)
        assert str(photos_dir) not in str(error)


def test_a_photo_that_fits_no_jpeg_file_is_left_out_and_no_other(photos_dir, tmp_path):
    shutil.copy(photos_dir / "small.png", tmp_path / "small.png")
    thin = np.tile(data.coffee()[:10, :100], (1, 700, 1))
    assert thin.shape == (10, 70_000, 3)
    Image.fromarray(thin).save(tmp_path / "thin.png")
    manifest = prepare(tmp_path, tmp_path / "records", size=SIZE)
    assert (manifest.count, [each.file for each in manifest.unreadable]) == (1, ["thin.png"])
    assert manifest.unreadable[0].cause.startswith("70000×10 pixels, but a JPEG file has at most")


def test_a_failure_that_nobody_foresaw_is_that_photos_only(photos_dir, tmp_path, monkeypatch):
    names = [f"tiles/{number:02d}.jpg" for number in range(6)]
    read, decode = store.read_photo, embed.decode_jpeg
    bad = store_photo(photos_dir, names[4], SIZE).jpeg

    def read_or_stumble(path, **options):
        if path.name == "02.jpg":
            raise AttributeError("'NoneType' object has no attribute 'tobytes'\n")
        return read(path, **options)

    def decode_or_stumble(jpeg):
        if jpeg == bad:
            raise MemoryError
        return decode(jpeg)

    monkeypatch.setattr(store, "read_photo", read_or_stumble)
    monkeypatch.setattr(embed, "decode_jpeg", decode_or_stumble)
    manifest = prepare(
        photos_dir, tmp_path, names=names, size=SIZE, embedder=QuadrantEmbedder(), embedding_batch=2
    )
    assert {each.file: each.cause for each in manifest.unreadable} == {
        names[2]: "cannot be used (AttributeError: 'NoneType' object has no attribute 'tobytes')",
        names[4]: "cannot be used (MemoryError: )",
    }
    assert sorted(read_all(tmp_path)) == [names[0], names[1], names[3], names[5]]


def test_bytes_are_kept_only_if_training_can_decode_them(photos_dir, monkeypatch):
    plain = (photos_dir / "small.jpg").read_bytes()
    assert store_photo(photos_dir, "small.jpg", SIZE).jpeg == plain

    def fail(*arguments, **options):
        raise tf.errors.InvalidArgumentError(None, None, "unsupported")

    monkeypatch.setattr(tf.io, "decode_jpeg", fail)
    stored = store_photo(photos_dir, "small.jpg", SIZE)
    assert stored.jpeg != plain
    assert decode_jpeg(stored.jpeg).shape == (stored.height, stored.width, 3)


def test_records_are_written_by_one_process_at_a_time(photos_dir, tmp_path):
    code = (
        "import sys, time; from deepkoal.atomic_files import lock_folder\n"
        "with lock_folder(sys.argv[1]):\n    print('held', flush=True); time.sleep(60)"
    )
    folder = tmp_path / "records"
    other = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(RecordsError, match=f"^{folder} is in use: another process writes"):
            remake(photos_dir, folder)
        assert [path.name for path in folder.iterdir()] == [".lock"]
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    assert remake(photos_dir, folder).count == GOOD
    assert not list(folder.glob(".*"))


def test_grey_is_judged_by_the_mean_spread_of_the_channels():
    rgb = np.full((10, 10, 3), 100, np.uint8)
    rgb[..., 2] += 2
    assert is_grey(rgb)
    rgb[..., 2] += 1
    assert not is_grey(rgb)
    rgb[0, 0, 2] -= 1
    assert is_grey(rgb)


def test_jpeg_round_trip_keeps_sharp_chroma():
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[:, ::2, 0] = 200
    rgb[:, 1::2, 2] = 200
    assert np.abs(decode_jpeg(encode_jpeg(rgb)).astype(int) - rgb).mean() < 6


def test_example_round_trip():
    embedding = np.array([0.5, -1.25, 3e-3], np.float32)
    photo = parse_photo(serialize_photo(b"\xff\xd8", 3, 4, "ä/b.jpg".encode(), embedding), 3)
    assert photo["jpeg"].numpy() == b"\xff\xd8"
    assert (photo["height"].numpy(), photo["width"].numpy()) == (3, 4)
    assert photo["name"].numpy().decode() == "ä/b.jpg"
    np.testing.assert_array_equal(photo["embedding"], embedding.astype(np.float16))
    assert "embedding" not in parse_photo(serialize_photo(b"", 1, 1, b"c.jpg"))


# --- prepare -----------------------------------------------------------------------------------


def test_the_manifest_accounts_for_every_file(photos_dir, records_dir):
    manifest = load_manifest(records_dir)
    assert manifest.count == GOOD
    assert manifest.grey == 1
    assert [entry.file for entry in manifest.unreadable] == ["cut short.jpg", "text.jpg"]
    assert "cut short" in manifest.unreadable[0].cause
    assert all(not entry.cause.startswith(entry.file) for entry in manifest.unreadable)
    assert manifest.settings.photos == GOOD + 3
    assert (manifest.settings.embedder, manifest.settings.embedding_dim) == ("quadrants", 4)
    assert len(manifest.shards) == 6
    assert sum(shard.count for shard in manifest.shards) == GOOD
    records = read_all(records_dir)
    expected = {p.relative_to(photos_dir).as_posix() for p in photos_dir.rglob("*.*")}
    assert set(records) == expected - {"cut short.jpg", "text.jpg", "grey.jpg"}
    for record in records.values():
        assert decode_jpeg(record["jpeg"]).shape == (record["height"], record["width"], 3)
    assert not list(records_dir.glob(".*"))


def test_photos_are_mixed_by_the_seed(photos_dir, records_dir, tmp_path):
    names = list(read_all(records_dir))
    assert names != sorted(names)
    remake(photos_dir, tmp_path, seed=1)
    other = list(read_all(tmp_path))
    assert sorted(other) == sorted(names)
    assert other != names


def test_embeddings_are_kept_in_half_precision(photos_dir, records_dir):
    embedder = QuadrantEmbedder()
    records = read_all(records_dir)
    for record in records.values():
        l = cv2.resize(
            rgb2lab(decode_jpeg(record["jpeg"]))[..., 0], (32, 32), interpolation=cv2.INTER_AREA
        )
        l_norm = (l[None, ..., None] / 50 - 1).astype(np.float32)
        np.testing.assert_allclose(record["embedding"], embedder(l_norm)[0], rtol=1e-3, atol=5e-4)
        assert (record["embedding"].astype(np.float16) == record["embedding"]).all()


def test_photos_are_embedded_in_batches(photos_dir, tmp_path):
    embedder = QuadrantEmbedder()
    prepare(photos_dir, tmp_path, size=SIZE, embedder=embedder, embedding_batch=8)
    assert embedder.batches == [8, 8, 8]


class MeanEmbedder(QuadrantEmbedder):
    """Tells a photo's mean lightness four times, negated."""

    identity = "means"

    def __call__(self, l_norm):
        return np.repeat(-l_norm.mean(axis=(1, 2)), 4, axis=1)


def test_several_embedders_take_turns(photos_dir, tmp_path, records_dir):
    embedders = [QuadrantEmbedder(), MeanEmbedder()]
    settings = remake(photos_dir, tmp_path / "two", embedder=embedders).settings
    assert (settings.embedder, settings.embedding_dim) == ("quadrants+means", 4)
    remake(photos_dir, tmp_path / "means", embedder=MeanEmbedder())
    apart = read_all(records_dir), read_all(tmp_path / "means")
    mixed = read_all(tmp_path / "two")
    counts = [
        sum(np.array_equal(mixed[name]["embedding"], each[name]["embedding"]) for name in mixed)
        for each in apart
    ]
    assert sum(counts) == len(mixed)
    assert min(counts) >= len(mixed) // 3


def test_embedders_of_unequal_lengths_are_an_error(photos_dir, tmp_path):
    class Long(QuadrantEmbedder):
        dim = 5

    with pytest.raises(RecordsError, match="of one length, got quadrants 4, quadrants 5"):
        prepare(photos_dir, tmp_path, embedder=[QuadrantEmbedder(), Long()])


def test_a_keras_embedder_gives_what_it_gives_when_called():
    layers = [keras.layers.AveragePooling2D(8), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((16, 16, 1)), *layers])
    model.identity, model.dim, model.input_size = "pooled", 4, 16
    rgb = data.coffee()[:16, :16]
    stored = {name: StoredPhoto(encode_jpeg(rgb), 16, 16) for name in "abc"}
    embeddings = embed_photos(stored, [model], 2)
    l_norm = rgb2lab(decode_jpeg(stored["a"].jpeg))[None, ..., :1].astype(np.float32) / 50 - 1
    assert list(embeddings) == list(stored)
    for embedding in embeddings.values():
        assert embedding.dtype == np.float16
        np.testing.assert_allclose(embedding, np.asarray(model(l_norm))[0], rtol=2e-3)


def test_an_embedding_half_precision_cannot_hold_is_an_error():
    class Loud(QuadrantEmbedder):
        def __call__(self, l_norm):
            return super().__call__(l_norm) * 1e6

    class Wrong(QuadrantEmbedder):
        dim = 5

    stored = {"a.jpg": StoredPhoto(encode_jpeg(data.coffee()[:40, :40]), 40, 40)}
    for embedder in (Loud(), Wrong()):
        with pytest.raises(RecordsError, match="quadrants"):
            embed_photos(stored, [embedder], 2)


def test_an_interrupted_run_is_taken_up(photos_dir, records_dir, own_records):
    (own_records / "manifest.json").unlink()
    (own_records / "photos-00002.tfrecord").unlink()
    (own_records / "photos-00004.json").unlink()
    kept = {p.name: p.stat().st_mtime_ns for p in own_records.iterdir()}
    del kept["photos-00002.json"], kept["photos-00004.tfrecord"]
    with pytest.raises(RecordsError, match="prepare"):
        load_manifest(own_records)

    embedder = QuadrantEmbedder()
    calls = []
    remake(photos_dir, own_records, embedder=embedder, progress=lambda *call: calls.append(call))

    assert contents(own_records) == contents(records_dir)
    assert {name: (own_records / name).stat().st_mtime_ns for name in kept} == kept
    assert len(embedder.batches) == 2
    total = GOOD + 3
    assert calls == [(done, total) for done in range(total - 8, total + 1)]


def test_a_failure_midway_leaves_only_whole_shards(photos_dir, records_dir, tmp_path):
    class Failing(QuadrantEmbedder):
        def __call__(self, l_norm):
            if len(self.batches) == 3:
                raise MemoryError
            return super().__call__(l_norm)

    with pytest.raises(MemoryError):
        remake(photos_dir, tmp_path, embedder=Failing())
    finished = contents(records_dir)
    assert 0 < len(contents(tmp_path)) < len(finished)
    assert contents(tmp_path).items() <= finished.items()
    remake(photos_dir, tmp_path)
    assert contents(tmp_path) == finished


def test_a_shard_cut_short_is_remade(photos_dir, records_dir, own_records):
    path = own_records / "photos-00001.tfrecord"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(RecordsError, match=r"photos-00001\.tfrecord"):
        load_manifest(own_records)
    remake(photos_dir, own_records)
    assert contents(own_records) == contents(records_dir)


def test_the_number_of_workers_changes_nothing(photos_dir, records_dir, tmp_path):
    remake(photos_dir, tmp_path, workers=1)
    assert contents(tmp_path) == contents(records_dir)


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"size": 32}, "size 64 then, 32 now"),
        ({"photos_per_shard": 5}, "photos_per_shard 4 then, 5 now"),
        ({"seed": 1}, "seed 0 then, 1 now"),
        ({"embedder": None}, "embedder quadrants then, None now"),
    ],
)
def test_other_settings_are_not_mixed_in(photos_dir, own_records, changed, told, finished):
    if not finished:
        (own_records / "manifest.json").unlink()
    before = contents(own_records)
    with pytest.raises(RecordsError, match=told):
        remake(photos_dir, own_records, **changed)
    assert contents(own_records) == before


def test_other_photos_are_not_mixed_in(photos_dir, own_records, tmp_path):
    photos = shutil.copytree(photos_dir, tmp_path / "photos")
    remake(photos, own_records)
    (photos / "text.jpg").write_text("still not a photo")
    with pytest.raises(RecordsError, match="photos_digest"):
        remake(photos, own_records)
    (photos / "text.jpg").unlink()
    with pytest.raises(RecordsError, match="photos 24 then, 23 now"):
        remake(photos, own_records)


def test_another_format_version_is_an_error(photos_dir, own_records):
    path = own_records / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["settings"]["format_version"] = 99
    path.write_text(json.dumps(manifest))
    for use in (load_manifest, lambda folder: remake(photos_dir, folder)):
        with pytest.raises(RecordsError, match="format 99"):
            use(own_records)


@pytest.mark.parametrize("text", ["", "[]", '{"settings": {"format_version": 1}}'])
def test_a_damaged_manifest_is_an_error(own_records, text):
    (own_records / "manifest.json").write_text(text)
    with pytest.raises(RecordsError, match="damaged"):
        load_manifest(own_records)


def test_a_folder_without_photos_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("no photo")
    with pytest.raises(RecordsError, match="holds no photos"):
        prepare(tmp_path, tmp_path / "records")


def test_settings_and_folders_that_cannot_be_used_are_errors(photos_dir, tmp_path):
    for setting in ("size", "photos_per_shard", "embedding_batch"):
        with pytest.raises(RecordsError, match="at least 1"):
            prepare(photos_dir, tmp_path, **{setting: 0})
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecordsError, match="cannot be made"):
        prepare(photos_dir, tmp_path / "file")
    with pytest.raises(PhotoError, match="missing"):
        prepare(tmp_path / "missing", tmp_path / "records")


def test_records_without_a_single_photo_cannot_be_streamed(photos_dir, tmp_path):
    shutil.copy(photos_dir / "grey.jpg", tmp_path)
    assert prepare(tmp_path, tmp_path / "records").count == 0
    with pytest.raises(RecordsError, match="holds no photos"):
        training_batches(tmp_path / "records", batch_size=1, size=32)


def test_progress_is_drawn_on_stderr_only_when_asked(photos_dir, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("deepkoal.progress_bars.can_move", lambda: True)
    remake(photos_dir, tmp_path / "quiet", embedder=None)
    assert "photos" not in capfd.readouterr().err
    remake(photos_dir, tmp_path / "loud", embedder=None, progress=True)
    captured = capfd.readouterr()
    assert "24/24" in captured.err
    assert captured.out == ""


def test_damage_inside_a_shard_is_found_and_named(own_records):
    check_records(own_records)
    path = own_records / "photos-00003.tfrecord"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(RecordsError, match=r"photos-00003\.tfrecord"):
        check_records(own_records)


# --- crops -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(144, 200), (200, 144), (1, 1), (3, 900)])
def test_crops_lie_inside_and_are_nearly_square(shape):
    height, width = shape
    for draws in np.random.default_rng(0).random((40, 4), np.float32):
        top, left, tall, wide = choose_crop(draws, height, width).numpy()
        assert 0 <= top <= top + tall <= height
        assert 0 <= left <= left + wide <= width
        assert tall >= 1
        assert wide >= 1
        if min(shape) > 100:
            assert 0.55 < tall * wide / min(shape) ** 2 <= 1.01
            assert 0.79 < tall / wide < 1.26


@pytest.mark.parametrize("draws", [[0.0] * 4, [1 - 2**-24] * 4])
def test_extreme_draws_give_the_smallest_and_the_largest_crop(draws):
    top, left, tall, wide = choose_crop(tf.constant(draws), 100, 150).numpy()
    share = tall * wide / 100**2
    assert (top, left) == ((0, 0) if draws[0] == 0 else (100 - tall, 150 - wide))
    assert share == pytest.approx(0.6 if draws[0] == 0 else 0.894, abs=0.01)


def test_a_training_crop_is_the_chosen_part_of_the_photo():
    gradient = np.zeros((100, 160, 3), np.uint8)
    gradient[..., 0] = np.arange(100)[:, None] * 2
    gradient[..., 1] = np.arange(160) + 40
    jpeg = encode_jpeg(gradient)
    draws = tf.constant([0.5, 0.5, 0.3, 0.7, 0.9])
    top, left, tall, wide = choose_crop(draws[:4], 100, 160).numpy()
    expected = cv2.resize(gradient[top : top + tall, left : left + wide], (64, 64))
    crop = crop_training_photo(jpeg, 100, 160, draws, 64).numpy().astype(int)
    assert np.abs(crop - expected).mean() < 2.5
    flipped = crop_training_photo(jpeg, 100, 160, tf.constant([0.5, 0.5, 0.3, 0.7, 0.1]), 64)
    np.testing.assert_array_equal(flipped.numpy()[:, ::-1], crop)


def test_an_evaluation_crop_is_the_center_resized():
    photo = data.coffee()[:400, :600]
    crop = crop_evaluation_photo(encode_jpeg(photo), 400, 600, 100).numpy().astype(int)
    expected = cv2.resize(photo[:, 100:500], (100, 100), interpolation=cv2.INTER_AREA)
    assert np.abs(crop - expected).mean() < 4
    assert crop_evaluation_photo(encode_jpeg(photo[:20, :30]), 20, 30, 50).shape == (50, 50, 3)


def test_a_faulty_jpeg_that_other_decoders_read_does_not_stop_training(tmp_path):
    jpeg = bytearray(encode_jpeg(data.coffee()[:64, :64]))
    late = len(jpeg) * 3 // 4
    jpeg[late : late + 2] = b"\xff\xeb"  # a marker amid the pixels
    (tmp_path / "faulty.jpg").write_bytes(jpeg)
    stored = store_photo(tmp_path, "faulty.jpg", 64)
    assert stored.jpeg == bytes(jpeg)
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_jpeg(stored.jpeg)
    whole = tf.constant([1.0, 0.5, 0.5, 0.5, 0.5])
    assert crop_training_photo(stored.jpeg, 64, 64, whole, 32).shape == (32, 32, 3)
    assert crop_evaluation_photo(stored.jpeg, 64, 64, 32).shape == (32, 32, 3)


@pytest.mark.parametrize("shape", [(60, 80), (40, 33), (50, 70), (20, 31), (64, 32)])
def test_resizing_is_antialiased_at_every_scale(shape):
    rgb = data.chelsea()[100:140, 100:150]
    expected = tf.image.resize(rgb, shape, antialias=True)
    resized = resize_antialiased(rgb, *shape).numpy().astype(float)
    assert np.abs(resized - expected.numpy()).max() <= 0.502


@pytest.mark.parametrize("shape", [(64, 91), (91, 64), (64, 65), (37, 37)])
def test_operations_give_the_same_inside_tf_data(shape):
    height, width = shape
    jpeg = encode_jpeg(data.astronaut()[:height, :width])
    index = tf.constant(5, tf.int64)
    draws = draw_uniform(7, index, 5)
    eager = (
        draws,
        crop_training_photo(jpeg, height, width, draws, 48),
        crop_evaluation_photo(jpeg, height, width, 48),
    )
    photo = tf.data.Dataset.from_tensors((index, jpeg, height, width))
    (graph,) = photo.map(
        lambda index, jpeg, height, width: (
            draw_uniform(7, index, 5),
            crop_training_photo(jpeg, height, width, draw_uniform(7, index, 5), 48),
            crop_evaluation_photo(jpeg, height, width, 48),
        )
    )
    for one, other in zip(eager, graph, strict=True):
        np.testing.assert_array_equal(one, other)


# --- pipelines ---------------------------------------------------------------------------------


def stream(records_dir, count, **options):
    options = {"batch_size": 4, "size": 32, **options}
    batches = training_batches(records_dir, **options).take(count)
    return [{name: value.numpy() for name, value in batch.items()} for batch in batches]


def assert_same(batches, others):
    assert len(batches) == len(others)
    for batch, other in zip(batches, others, strict=True):
        assert batch.keys() == other.keys()
        for name in batch:
            np.testing.assert_array_equal(batch[name], other[name])


def test_training_batches_have_their_documented_form(records_dir):
    spec = training_batches(records_dir, batch_size=4, size=32, with_embedding=True).element_spec
    assert spec["rgb"] == tf.TensorSpec((4, 32, 32, 3), tf.uint8)
    assert spec["embedding"] == tf.TensorSpec((4, 4), tf.float32)
    assert set(training_batches(records_dir, batch_size=4, size=32).element_spec) == {"rgb"}


def test_the_stream_is_a_function_of_the_seed(records_dir):
    batches = stream(records_dir, 8, seed=3)
    tf.random.set_seed(123)
    assert_same(batches, stream(records_dir, 8, seed=3))
    assert not np.array_equal(batches[0]["rgb"], stream(records_dir, 1, seed=4)[0]["rgb"])


@pytest.mark.parametrize("start_step", [1, 5, 6, 13])
def test_starting_late_continues_the_uninterrupted_stream(records_dir, start_step):
    """21 photos, 4 at a time: steps 5 and 10 cross from one pass to the next."""
    batches = stream(records_dir, 16, seed=2, with_embedding=True)
    late = stream(records_dir, 16 - start_step, seed=2, with_embedding=True, start_step=start_step)
    assert_same(batches[start_step:], late)


def join_shares(shares):
    """The batches whose rows, in order, are those of the shares."""
    return [
        {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        for parts in zip(*shares, strict=True)
    ]


@hypothesis.settings(max_examples=3)
@hypothesis.given(
    shares=strategies.integers(2, 4),
    rows=strategies.integers(1, 3),
    start_step=strategies.integers(0, 13),
    seed=strategies.integers(0, 2**32 - 1),
)
def test_shares_put_together_are_the_stream(records_dir, shares, rows, start_step, seed):
    """Nothing twice, nothing missing, and every row where one process has it."""
    options = {"batch_size": shares * rows, "seed": seed, "start_step": start_step}
    options["with_embedding"] = True
    parts = [stream(records_dir, 4, share=(i, shares), **options) for i in range(shares)]
    assert {len(batch["rgb"]) for part in parts for batch in part} == {rows}
    assert_same(join_shares(parts), stream(records_dir, 4, **options))


def test_each_pass_shows_each_photo_once_in_an_order_of_its_own(records_dir):
    batches = stream(records_dir, 3, batch_size=GOOD, with_embedding=True)
    passes = [[tuple(row) for row in batch["embedding"]] for batch in batches]
    stored = sorted(tuple(record["embedding"]) for record in read_all(records_dir).values())
    assert len(set(stored)) > 15
    assert all(sorted(rows) == stored for rows in passes)
    assert passes[0] != passes[1] != passes[2] != passes[0]


def test_a_photo_is_cropped_anew_in_each_pass(photos_dir, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(photos_dir / "tiles" / "03.jpg", photos)
    prepare(photos, tmp_path / "records", size=SIZE)
    (batch,) = stream(tmp_path / "records", 1, batch_size=12)
    assert len({crop.tobytes() for crop in batch["rgb"]}) == 12


def test_embeddings_stay_with_their_photos(records_dir):
    """A crop's mean lightness follows its whole photo's, which the embedding tells."""
    (batch,) = stream(records_dir, 1, batch_size=GOOD, with_embedding=True)
    lightness = [cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[..., 0].mean() for rgb in batch["rgb"]]
    assert np.corrcoef(lightness, batch["embedding"].mean(axis=1))[0, 1] > 0.9


def test_evaluation_shows_each_photo_once_in_order(records_dir):
    batches = evaluation_batches(records_dir, batch_size=4, size=32, with_embedding=True)
    assert int(batches.cardinality()) == 6
    batches = [{name: value.numpy() for name, value in batch.items()} for batch in batches]
    assert [len(batch["rgb"]) for batch in batches] == [4, 4, 4, 4, 4, 1]
    records = list(read_all(records_dir).values())
    np.testing.assert_array_equal(
        np.concatenate([batch["embedding"] for batch in batches]),
        np.stack([record["embedding"] for record in records]),
    )
    last = crop_evaluation_photo(
        records[-1]["jpeg"], records[-1]["height"], records[-1]["width"], 32
    )
    np.testing.assert_array_equal(batches[-1]["rgb"][0], last)


@pytest.mark.parametrize(("shares", "devices", "sizes"), [(2, 2, [8, 8, 4]), (2, 4, [8, 8, 4])])
def test_shares_put_together_are_the_evaluation(records_dir, shares, devices, sizes):
    """21 photos: what cannot be shared evenly is left out, and only that."""

    def read(**options):
        batches = evaluation_batches(records_dir, batch_size=8, size=32, **options)
        assert int(batches.cardinality()) == 3
        return [{name: value.numpy() for name, value in batch.items()} for batch in batches]

    together = join_shares([read(share=(i, shares), devices=devices) for i in range(shares)])
    assert [len(batch["rgb"]) for batch in together] == sizes
    whole = read()
    assert_same(together[:2], whole[:2])
    np.testing.assert_array_equal(together[2]["rgb"], whole[2]["rgb"][:4])


def test_more_devices_than_photos_are_an_error(records_dir):
    with pytest.raises(RecordsError, match="holds 21 photos, which 32 devices cannot share"):
        evaluation_batches(records_dir, batch_size=32, size=32, devices=32)


def test_embeddings_that_were_not_stored_are_an_error(photos_dir, tmp_path):
    prepare(photos_dir, tmp_path, size=SIZE)
    for batches in (training_batches, evaluation_batches):
        with pytest.raises(RecordsError, match="no embeddings"):
            batches(tmp_path, batch_size=4, size=32, with_embedding=True)


def test_reading_unfinished_records_is_an_error(tmp_path):
    with pytest.raises(RecordsError, match="holds no finished records"):
        training_batches(tmp_path, batch_size=4, size=32)
