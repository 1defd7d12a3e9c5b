"""Pseudo-color: values read back from their colors, DICOM windows, and a legend that is there."""

import io

import matplotlib
import numpy as np
import pytest
from PIL import Image
from skimage.data import camera

from deepkoal.cli import main
from deepkoal.rendering.pseudocolor import MAPS, apply_map, draw_legend


@pytest.mark.parametrize("name", MAPS)
def test_values_can_be_read_back_and_lightness_rises(name):
    from deepkoal.rendering.composition import lightness

    values = np.linspace(-100, 300, 256)[None]
    rgb = apply_map(values, name, (-100, 300))
    table = np.rint(255 * matplotlib.colormaps[name](np.arange(256))[:, :3])
    nearest = np.abs(rgb[0, :, None] - table).sum(-1).argmin(-1)
    assert np.abs(nearest - np.arange(256)).max() <= 1
    assert (np.diff(lightness(rgb)[0][::8]) > 0).all()
    beyond = apply_map(np.array([[-1e9, 1e9]]), name, (-100, 300))
    assert np.array_equal(beyond[0], rgb[0, [0, -1]])


def test_the_legend_leaves_the_picture_and_shows_the_map():
    rgb = apply_map(camera()[::4, ::4].astype(float), "magma", (0, 255))
    sheet = draw_legend(rgb, "magma", (0, 255), "grey level", ["a note"])
    height, width = rgb.shape[:2]
    assert sheet.shape[0] > height
    assert sheet.shape[1] > width
    assert np.array_equal(sheet[24 : 24 + height, 24 : 24 + width], rgb)
    bar = sheet[30 : 20 + 160, 24 + width + 24 + 13].astype(int)
    assert bar[0].sum() > 600 > 200 > bar[-1].sum()  # magma: from black to nearly white
    assert sheet[-20:, :200].min() < 128  # the note


@pytest.fixture
def scan(tmp_path):
    """A CT slice of -1000…1000 HU by columns, with a window of -160…239."""
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["scan"])
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    samples = np.tile(np.linspace(0, 2000, 101).astype(np.uint16), (80, 1))
    data.Rows, data.Columns = samples.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.Modality, data.RescaleSlope, data.RescaleIntercept = "CT", 1, -1000
    data.WindowCenter, data.WindowWidth = [40, 300], [400, 1500]
    data.PixelData = samples.tobytes()
    path = tmp_path / "scan.dcm"
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path


def test_a_scans_window_is_its_own_or_the_one_given(scan, tmp_path):
    hounsfield = np.linspace(-1000, 1000, 101)
    command = ["pseudocolor", str(scan), "-o", str(tmp_path / "out.png"), "--no-legend"]
    for options, window in (([], (-160, 239)), (["--window", "300", "1500"], (-450, 1049))):
        assert main([*command, *options]) == 0
        made = np.array(Image.open(tmp_path / "out.png"))
        assert np.array_equal(made[5], apply_map(hounsfield[None], "viridis", window)[0])
    assert main(["pseudocolor", str(scan), "-o", str(tmp_path / "bar.png")]) == 0
    assert np.array(Image.open(tmp_path / "bar.png")).shape[1] > 101 + 100


def test_a_picture_comes_and_goes_through_a_pipe(scan, tmp_path, monkeypatch, capsysbinary):
    grey = tmp_path / "grey.png"
    Image.fromarray(camera()[::8, ::8]).save(grey)
    for source in (scan, grey):
        assert main(["pseudocolor", str(source), "-o", str(tmp_path / "out.png")]) == 0
        capsysbinary.readouterr()
        stdin = io.TextIOWrapper(io.BytesIO(source.read_bytes()))
        monkeypatch.setattr("sys.stdin", stdin)
        assert main(["pseudocolor", "-", "-o", "-"]) == 0
        assert capsysbinary.readouterr().out == (tmp_path / "out.png").read_bytes()


def test_other_pictures_and_broken_ones(tmp_path, capsys):
    flat = tmp_path / "flat.png"
    Image.fromarray(np.full((40, 50), 7, np.uint8)).save(flat)
    out = tmp_path / "out.png"
    assert main(["pseudocolor", str(flat), "-o", str(out), "--no-legend", "--map", "cividis"]) == 0
    assert len(np.unique(np.array(Image.open(out)).reshape(-1, 3), axis=0)) == 1
    # All levels of 16 bits are told apart, not the 256 that a screen has.
    deep = np.arange(2000, 2100, dtype=np.uint16).reshape(10, 10)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert main(["pseudocolor", str(tmp_path / "deep.png"), "-o", str(out), "--no-legend"]) == 0
    assert len(np.unique(np.array(Image.open(out)).reshape(-1, 3), axis=0)) == 100
    capsys.readouterr()
    (tmp_path / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\1\2\3\4")
    for arguments, status in (
        ([str(tmp_path / "broken.dcm"), "-o", str(tmp_path / "no.png")], 1),
        ([str(tmp_path / "missing.png"), "-o", str(tmp_path / "no.png")], 1),
        ([str(flat), "-o", str(tmp_path / "no.png"), "--window", "40", "0"], 2),
        ([str(flat), "-o", str(tmp_path / "no.png"), "--map", "jet"], 2),
        ([str(flat), "-o", str(flat)], 2),
    ):
        assert main(["pseudocolor", *arguments]) == status
        lines = capsys.readouterr().err.strip().splitlines()
        assert status == 2 or len(lines) == 1
    assert not (tmp_path / "no.png").exists()
