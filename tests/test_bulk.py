"""Coloring by a cluster: what is there to do, what workers do, and what a lost node costs."""

import dataclasses
import functools
import os
import pickle
import re
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import fsspec
import numpy as np
import pytest
import skimage.data
import yaml
from PIL import Image
from ray_cluster import serve_s3, start_cluster
from video_parts import coffee_pan, grey, list_packets, open_plain, pan, read_all, write_film
from waiting_colorer import MortalBackend, WaitingColorer

import deepkoal as dk
from deepkoal.bulk import Storage, cluster, color_items, plan_items
from deepkoal.bulk.films import _color
from deepkoal.bulk.worker import BulkWorker, Errand
from deepkoal.cli import main
from deepkoal.cli.arguments.result_options import ResultOptions
from deepkoal.cli.photo_runs.cluster_run import FileColorer
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import ColorOptions
from deepkoal.inference.options_file import SavedOptions
from deepkoal.restoration import RestorationOptions
from deepkoal.video import ChunkTask, Encoding, open_film, plan_film

pytestmark = [
    # Ray's own, of its parts among each other.
    pytest.mark.filterwarnings(f"ignore::{kind}")
    for kind in ("DeprecationWarning", "FutureWarning", "ResourceWarning", "UserWarning")
]


@dataclass
class Copied:
    result: list
    notes: tuple = ()
    is_colored: bool = True
    is_whole: bool = True


@dataclass
class CopyJob:
    source: Path
    target: Path

    @property
    def places(self):
        return [self.target]


@dataclass
class Copier:
    """Copies files instead of coloring them, and notes in a folder what it began and ended."""

    notes: str

    def name_results(self, path, is_alone):
        return [path.name]

    def plan(self, source, folder, label, *, is_alone):
        return CopyJob(source, folder / source.name)

    def color(self, job):
        notes, name = Path(self.notes), job.source.name
        (notes / f"begun-{name}-{time.time_ns()}").touch()
        job.target.parent.mkdir(parents=True, exist_ok=True)
        job.target.write_bytes(job.source.read_bytes())
        (notes / f"ended-{name}-{time.time_ns()}").touch()
        return Copied([job.target])


def write_photos(folder, count, side=64):
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    for index in range(count):
        grey = (
            generator.integers(0, 256, (4, 4), np.uint8).repeat(side // 4, 0).repeat(side // 4, 1)
        )
        Image.fromarray(grey).save(folder / f"{index:03}.jpg")


@pytest.fixture(autouse=True)
def process(monkeypatch):
    """What a worker makes of its process is undone: here it is the tests' own."""
    monkeypatch.setattr("deepkoal.memory._most_cores", None)
    threads = cv2.getNumThreads()
    yield
    cv2.setNumThreads(threads)


@pytest.fixture
def s3(tmp_path):
    """What follows the `?` of addresses in a store that has the test's folder."""
    with serve_s3(tmp_path) as query:
        yield query


@pytest.fixture(scope="module")
def nodes():
    """Two nodes of a core each; their workers import tests' modules. One test ends one of them."""
    here = Path(__file__).parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(here), str(here.parent)]))
        # The S3 server takes no checksums behind uploads.
        patch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
        with start_cluster() as nodes:
            yield nodes


def test_a_worker_that_dies_costs_a_film_its_chunk_only(nodes, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("deepkoal.video.plan.CHUNK", 4)
    monkeypatch.chdir(tmp_path)  # what is given as relative paths, workers find too
    write_film(tmp_path / "old.mkv", grey(coffee_pan(6) + pan(skimage.data.astronaut(), 6)))
    dk.colorize_video("old.mkv", "here.mkv", open_plain(), codec="ffv1")
    mortal = dk.Colorizer(MortalBackend(tmp_path), working_size=64)
    monkeypatch.setattr("deepkoal.cli.video_run.load_colorizer", lambda _: mortal)
    assert main(["video", "old.mkv", "-o", "new.mkv", "--codec", "ffv1", "--cluster"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("new.mkv\n", "deepkoal: 12 frames colored\n")
    # Of two chunks, one of them twice, the network sees every other frame.
    assert len(list(tmp_path.glob("saw-3-*"))) == 3
    assert not (tmp_path / "new.mkv.parts").exists()
    assert list_packets("new.mkv", "video") == list_packets("here.mkv", "video")
    monkeypatch.setattr("deepkoal.bulk.films.ATTEMPTS", 1)
    (tmp_path / "died").unlink()
    assert main(["video", "old.mkv", "-o", "newer.mkv", "--cluster"]) == 1
    assert "whatever colored frames from 0." in capsys.readouterr().err
    assert not (tmp_path / "newer.mkv").exists()


def test_a_chunk_without_its_film_or_disk_says_on_which_node(tmp_path):
    film = open_film(write_film(tmp_path / "old.mkv", grey(coffee_pan(1))))
    chunk = plan_film(film).chunks[0]
    task = ChunkTask(film, chunk, tmp_path / "gone" / "x", None, ColorOptions(), Encoding(), True)
    assert f"{tmp_path / 'gone'}: not on the node" in _color(task, b"")[1]
    task = dataclasses.replace(task, path=tmp_path / "x")
    (tmp_path / "x").mkdir()  # where the chunk is to be written
    assert "cannot be written" in _color(task, pickle.dumps(open_plain()))[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-", "-o", "new.mkv", "--cluster"], "- is a stream"),
        (["old.mkv", "-o", "new.mkv", "--cluster", "--processes", "2"], "each core is a worker"),
        (["old.mkv", "-o", "s3://bucket/new.mkv", "--cluster"], "s3://bucket/new.mkv: an address"),
    ],
)
def test_films_that_cannot_be_taken_apart_are_refused(arguments, said, capsys):
    assert main(["video", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_node_that_dies_costs_only_what_it_has_in_hand(nodes, s3, tmp_path, monkeypatch, capsys):
    source, notes = tmp_path / "photos" / "in", tmp_path / "notes"
    write_photos(source / "sub", 16)
    photo = Image.fromarray(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64))
    exif = Image.Exif()
    exif[0x010E] = "on the beach"
    photo.save(source / "beach.jpg", exif=exif, dpi=(300, 300))
    photo.save(source / "scan.png")
    (source / "scan.png").rename(source / "scan")
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff" + bytes(100))
    (source / "letter.txt").write_text("Dear all")
    notes.mkdir()
    colorer = functools.partial(WaitingColorer, notes=notes)
    monkeypatch.setattr("deepkoal.cli.photo_runs.cluster_run.FileColorer", colorer)
    places = [f"s3://key:secret@photos/{name}?{s3}" for name in ("in", "out")]
    command = ["colorize", places[0], "-o", places[1], "--cluster", "--backend", "litert"]
    with ThreadPoolExecutor(1) as pool:
        (victim,) = nodes.worker_nodes
        (notes / f"victim-{victim.node_id}").touch()
        is_over = threading.Event()
        end = pool.submit(end_at_work, nodes, victim, notes, is_over)
        try:
            status = main(command)
        finally:
            is_over.set()
        assert end.result()
    shown, said = capsys.readouterr()
    names = [f"sub/{index:03}.jpg" for index in range(16)] + ["beach.jpg", "scan.png"]
    assert sorted(shown.split()) == sorted(f"s3://photos/out/{name}" for name in names)
    begun = Counter(path.name.split("-")[1] for path in notes.glob("begun-*"))
    assert set(begun.values()) == {1}
    assert status == 1
    assert "s3://photos/in/broken.jpg: the JPEG is" in said
    assert "s3://photos/in/letter.txt: passed over, " in said
    assert "18 photos colored; 1 could not be colored, listed above; 1 passed over" in said
    assert "secret" not in shown + said
    colored = Image.open(tmp_path / "photos" / "out" / "beach.jpg")
    assert colored.mode == "RGB"
    assert colored.getexif()[0x010E] == "on the beach"
    assert colored.info["dpi"] == (300, 300)
    colorizer = dk.Colorizer.from_preset("koala-lite", backend="litert")
    expected = colorizer.colorize(dk.read_image(source / "sub" / "003.jpg"))
    found = dk.read_image(tmp_path / "photos" / "out" / "sub" / "003.jpg")
    assert np.abs(found.astype(int) - expected).mean() < 3  # JPEG
    for name in ("broken.jpg", "letter.txt", "scan"):
        (source / name).unlink()
    assert main(command) == 0  # without a cluster, for there is nothing to do
    assert "0 photos colored; 17 skipped" in capsys.readouterr().err


def end_at_work(nodes, victim, notes, is_over):
    """End a node that has photos in hand, as a power cut would; return whether it had some."""
    while not (notes / f"node-{victim.node_id}").exists():
        if is_over.wait(0.05):
            return False
    nodes.remove_node(victim, allow_graceful=False)
    return True


@pytest.mark.parametrize("deadly", ["", "002.jpg"])
def test_lost_blocks_are_colored_one_by_one_and_deadly_photos_given_up(
    deadly, tmp_path, monkeypatch
):
    write_photos(tmp_path / "in", 40, side=8)
    storages = [Storage(str(tmp_path / "in"))], Storage(str(tmp_path / "out"))
    sizes = []

    def color_once(items, errand, cores, size):
        sizes.append(size)
        worker = BulkWorker(pickle.loads(pickle.dumps(errand)))
        for start in range(0, len(items), size):
            block = items[start : start + size]
            if any(item.path == deadly for item in block) or (len(sizes) == 1 and start == 4):
                continue  # as of a worker that died
            yield from worker.color_block(block)

    monkeypatch.setattr(cluster, "_color_once", color_once)
    copier = Copier(str(tmp_path))
    items, _ = plan_items(*storages, copier.name_results)
    outcomes = list(color_items(items, *storages, copier, cores=2))
    assert sorted(outcome.number for outcome in outcomes) == list(range(40))
    failed = [outcome for outcome in outcomes if outcome.error]
    assert [outcome.number for outcome in failed] == ([2] if deadly else [])
    assert sizes == [2, 1, 1, 1] if deadly else [2, 1]
    assert all("died, 4 times over" in outcome.error for outcome in failed)


def test_a_folder_that_cannot_be_listed_is_no_rival_of_a_photo(tmp_path, locked):
    Image.new("L", (8, 8)).save(tmp_path / "scan.png")
    locked(tmp_path / "scan")
    storage = Storage(str(tmp_path))
    items, _ = plan_items([storage], Storage(str(tmp_path / "new")), lambda path, _: [path.name])
    assert {item.path: (item.is_alone, item.rivals) for item in items} == {
        "scan/": (True, ()),
        "scan.png": (True, ()),
    }


def test_workers_that_cannot_start_end_the_run(tmp_path, monkeypatch):
    def color_once(*_):
        raise RuntimeError("actor died\nModuleNotFoundError: No module named 'deepkoal'")

    write_photos(tmp_path / "in", 2, side=8)
    storages = [Storage(str(tmp_path / "in"))], Storage(str(tmp_path / "out"))
    items, _ = plan_items(*storages, Copier("").name_results)
    monkeypatch.setattr(cluster, "_color_once", color_once)
    with pytest.raises(DeepkoalError, match=r"workers do not work .*No module named 'deepkoal'"):
        list(color_items(items, *storages, Copier(""), cores=2))


def make_worker(tmp_path, copier, **more):
    source, target = Storage(str(tmp_path / "in")), Storage(str(tmp_path / "out"))
    target.folder.mkdir(exist_ok=True)
    errand = Errand((source,), target, pickle.dumps(copier), **{"since": time.time_ns(), **more})
    items, skipped = plan_items([source], target, copier.name_results)
    return BulkWorker(errand), items, skipped


def test_a_block_that_a_dead_worker_began_is_not_done_again(tmp_path):
    write_photos(tmp_path / "in", 5, side=8)
    worker, items, _ = make_worker(tmp_path, Copier(str(tmp_path)))
    list(worker.color_block(items[:3]))
    outcomes = list(worker.color_block(items))
    assert [(outcome.number, outcome.state) for outcome in outcomes] == [
        (number, "colored") for number in range(5)
    ]
    begun = Counter(path.name.split("-")[1] for path in tmp_path.glob("begun-*"))
    assert set(begun.values()) == {1}
    assert len(begun) == 5


def test_what_is_there_and_newer_is_skipped(tmp_path):
    source, target = tmp_path / "in", tmp_path / "in" / "colored"
    write_photos(source, 3, side=8)
    write_photos(source / ".hidden", 1, side=8)
    write_photos(target, 2, side=8)
    os.utime(target / "000.jpg", (1, 1))  # older than its photo
    names = Copier("").name_results
    items, skipped = plan_items([Storage(str(source))], Storage(str(target)), names)
    assert [item.path for item in items] == ["000.jpg", "002.jpg"]
    assert skipped == 1
    again, _ = plan_items([Storage(str(source))], Storage(str(target)), names, overwrite=True)
    assert [item.path for item in again] == ["000.jpg", "001.jpg", "002.jpg"]


def test_folders_are_the_same_however_they_are_given_and_wherever_one_stands(tmp_path, monkeypatch):
    write_photos(tmp_path / "in", 1, side=8)
    write_photos(tmp_path / "in" / "colored", 1, side=8)
    monkeypatch.chdir(tmp_path)
    source, target = Storage("./in/"), Storage(str(tmp_path / "in" / "colored"))
    items, _ = plan_items([source], target, Copier("").name_results, overwrite=True)
    assert [item.path for item in items] == ["000.jpg"]
    with pytest.raises(DeepkoalError, match="the photos' own folder"):
        plan_items([source], Storage(f"file://{tmp_path}/in"), Copier("").name_results)
    monkeypatch.chdir("/")  # as a worker does
    sent = pickle.loads(pickle.dumps(source))
    assert (sent.folder, sent.name("000.jpg")) == (tmp_path / "in", "in/000.jpg")


def test_photos_of_one_result_are_refused_but_one(tmp_path):
    source = tmp_path / "in"
    write_photos(source, 1)
    photo = Image.open(source / "000.jpg")
    for name in ("scan.png", "old.a.png", "old.b.png", "beach.jpg", "beach.compare.jpg"):
        photo.save(source / name)
    (source / "scan").write_bytes((source / "scan.png").read_bytes())
    for letter in "ab":
        (source / f"old.{letter}.png").rename(source / f"old.{letter}")
    (source / "scan.txt").write_text("Dear all")
    colorer = FileColorer(open_plain(), SavedOptions(), None, ResultOptions(), {}, compare=True)
    worker, items, _ = make_worker(tmp_path, colorer)
    refused = [item.refusal for item in items if item.refusal]
    outcomes = list(worker.color_block([item for item in items if not item.refusal]))
    refused += [outcome.error for outcome in outcomes if outcome.error]
    out = tmp_path / "out"
    assert refused == [
        f"{source / name}: its result {out / result} is also that of {source / other}; color the "
        "two into different folders"
        for name, result, other in (
            ("beach.jpg", "beach.compare.jpg", "beach.compare.jpg"),
            ("old.b", "old.png", "old.a"),
            ("scan", "scan.png", "scan.png"),
        )
    ]
    written = {Path(name).name for outcome in outcomes for name in outcome.written[:1]}
    assert written == {"000.jpg", "beach.compare.jpg", "old.png", "scan.png"}


def test_photos_of_several_sources_go_to_folders_of_their_names(tmp_path):
    for name in ("a", "b"):
        write_photos(tmp_path / name / "x", 1, side=8)
    sources = [Storage(str(tmp_path / name)) for name in ("a", "b")]
    items, _ = plan_items(sources, Storage(str(tmp_path / "out")), Copier("").name_results)
    assert [item.folder for item in items] == ["a/x", "b/x"]


def test_a_folder_that_a_node_lacks_is_named(tmp_path):
    write_photos(tmp_path / "in", 1, side=8)
    worker, items, _ = make_worker(tmp_path, Copier(str(tmp_path)))
    (tmp_path / "in").rename(tmp_path / "elsewhere")
    (outcome,) = worker.color_block(items)
    assert f"{tmp_path / 'in'}: there is no such folder on the node" in outcome.error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["in", "--cluster"], "--cluster needs -o"),
        (["in", "-o", "in", "--cluster"], "in is the photos' own folder; give -o another"),
        (["in/000.jpg", "-o", "out", "--cluster"], "expected a folder or an address"),
        (["in", "-o", "out", "--cluster", "--album"], "--album looks at all photos together"),
        (["nowhere://in", "-o", "out", "--cluster"], "nowhere://in: cannot be opened"),
        (["s3://in", "-o", "out"], "s3://in: an object store's address, which --cluster reads"),
        (["empty", "-o", "out", "--cluster"], "empty: holds no files"),
    ],
)
def test_wrong_places_are_refused(arguments, said, tmp_path, monkeypatch, capsys):
    write_photos(tmp_path / "in", 1, side=8)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["colorize", *arguments, *["--backend", "litert"]]) in (1, 2)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_secrets_of_an_address_are_not_shown():
    storage = Storage("s3://key:secret@photos/in?region=x&secret=y")
    assert storage.name("a.jpg") == "s3://photos/in/a.jpg"
    assert str(pickle.loads(pickle.dumps(storage))) == "s3://photos/in"
    with pytest.raises(DeepkoalError, match="cannot be opened") as caught:
        storage.list_files()  # for there is no setting "secret"
    assert "key" not in str(caught.value)


@pytest.mark.parametrize(
    ("scheme", "said"),
    [("az", "Install adlfs"), ("hf", "huggingface_hub"), ("no", "no such scheme")],
)
def test_a_store_whose_package_is_missing_says_which(scheme, said, monkeypatch):
    for name in ("adlfs", "huggingface_hub"):  # as on a machine without them
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DeepkoalError, match=rf"^{scheme}://in/x: .*{said}") as caught:
        Storage(f"{scheme}://key@in/x").list_files()
    assert "key" not in str(caught.value)


def test_gs_is_opened_without_other_packages():
    opened, path = Storage("gs://anonymous@archive/prints?retry_limit_seconds=1")._opened
    assert (opened.type_name, path) == ("gcs", "archive/prints")


def test_any_scheme_that_fsspec_has_is_a_store(tmp_path):
    memory = fsspec.filesystem("memory")
    write_photos(tmp_path / "in", 3, side=8)
    memory.put(str(tmp_path / "in"), "/prints/in", recursive=True)
    source, target = Storage("memory://prints/in"), Storage("memory://prints/out")
    copier = Copier(str(tmp_path))
    worker = BulkWorker(Errand((source,), target, pickle.dumps(copier), time.time_ns()))
    items, skipped = plan_items([source], target, copier.name_results)
    written = [outcome.written for outcome in worker.color_block(items)]
    assert written[1] == ("memory://prints/out/001.jpg",)
    assert memory.cat("/prints/out/001.jpg") == (tmp_path / "in" / "001.jpg").read_bytes()
    assert (len(items), skipped) == (3, 0)
    assert plan_items([source], target, copier.name_results) == ([], 3)


def test_film_is_a_task(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    write_photos(tmp_path / "in", 1)
    frames = grey(coffee_pan(3))
    write_film(tmp_path / "in" / "old.mkv", frames)
    colorer = FileColorer(open_plain(), SavedOptions(), None, ResultOptions(), {})
    worker, items, _ = make_worker(tmp_path, colorer)
    outcomes = [outcome for item in items for outcome in worker.color_block([item])]
    assert [item.path for item in items] == ["old.mkv", "000.jpg"]
    assert [outcome.error for outcome in outcomes] == ["", ""]
    assert len(read_all(tmp_path / "out" / "old.mkv")[0]) == 3
    assert make_worker(tmp_path, colorer)[1:] == ([], 2)


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (SavedOptions(rotation=90), "color it without --rotate"),
        (SavedOptions(restoration=RestorationOptions()), "color it without --restore"),
    ],
)
def test_a_film_among_photos_is_not_left_as_it_lies(tmp_path, look, said):
    (tmp_path / "in").mkdir()
    write_film(tmp_path / "in" / "old.mkv", grey(coffee_pan(3)))
    colorer = FileColorer(open_plain(), look, None, ResultOptions(), {})
    worker, items, _ = make_worker(tmp_path, colorer)
    (outcome,) = worker.color_block(items)
    assert outcome.error.startswith(f"{tmp_path / 'in' / 'old.mkv'}: films are neither restored")
    assert outcome.error.endswith(said)
    assert not list((tmp_path / "out").rglob("*.mkv"))


def test_the_kubernetes_manifest_runs_a_command_of_this_version(monkeypatch):
    def only_parse(arguments):
        parsed.append(arguments)
        return 0

    parsed = []
    monkeypatch.setattr("deepkoal.cli.commands.colorize._run", only_parse)
    docs = Path(__file__).parent.parent / "docs" / "bulk"
    job = yaml.safe_load((docs / "rayjob.yaml").read_text())
    program, *arguments = job["spec"]["entrypoint"].split()
    assert (program, main(arguments)) == ("deepkoal", 0)
    assert parsed[0].cluster == ""
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster_of = job["spec"]["rayClusterSpec"]
    groups = [cluster_of["headGroupSpec"], *cluster_of["workerGroupSpecs"]]
    page, recipe = (docs.parent / "bulk.md").read_text(), (docs / "Dockerfile").read_text()
    for group in groups:
        (container,) = group["template"]["spec"]["containers"]
        assert f"--tag {container['image']} ." in page
        assert f"--tag {container['image']} ." in recipe
        (secret,) = container["envFrom"]
        assert f"create secret generic {secret['secretRef']['name']} " in page
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert container["resources"]["requests"] == container["resources"]["limits"]
    assert f"FROM rayproject/ray:{cluster_of['rayVersion']}-" in recipe
    assert f"ray=={cluster_of['rayVersion']}\n" in (docs.parents[1] / "constraints.txt").read_text()
    for copied in re.findall(r"^COPY --chown=\S+ (.*) \S+$", recipe, re.MULTILINE):
        assert all((docs.parents[1] / source).exists() for source in copied.split()), copied
