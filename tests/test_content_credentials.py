"""Results signed with C2PA: who made them of which photo, and that they are as they were made."""

import datetime
import io
import json
import sys

import c2pa
import numpy as np
import pytest
import skimage.data
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

from deepkoal.cli import main
from deepkoal.errors import DeepkoalError, PhotoError
from deepkoal.image_io import read_photo
from deepkoal.inference.content_credentials import ContentSigner
from deepkoal.inference.provenance import SOURCE_TYPE, read_provenance

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

GREY = skimage.data.camera()[::8, ::6]
DAY = datetime.timedelta(days=1)
PKCS8 = serialization.PrivateFormat.PKCS8
OLD = serialization.PrivateFormat.TraditionalOpenSSL


def certify(subject, key, issuer, issuer_key, *, is_root=False):
    """Return a certificate as the C2PA specification asks, 14.5.1."""
    names = [
        x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ada's studio"),
                x509.NameAttribute(NameOID.COMMON_NAME, each),
            ]
        )
        for each in (subject, issuer)
    ]
    now = datetime.datetime.now(datetime.UTC)
    others = (
        *("content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "encipher_only", "decipher_only"),
    )
    uses = dict.fromkeys(others, False)
    usage = x509.KeyUsage(
        digital_signature=not is_root, key_cert_sign=is_root, crl_sign=is_root, **uses
    )
    builder = (
        x509.CertificateBuilder(*reversed(names), key.public_key(), x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(is_root, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
        )
    )
    if not is_root:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    algorithm = None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    signed = builder.sign(issuer_key, algorithm)
    return signed.public_bytes(serialization.Encoding.PEM)


def write_identity(folder, key, form=PKCS8, password=None):
    """Write a chain of two certificates and the first one's key; return both files."""
    root = ec.generate_private_key(ec.SECP256R1())
    chain, private = folder / "chain.pem", folder / "key.pem"
    leaf = certify("Ada", key, "root", root)
    chain.write_bytes(leaf + certify("root", root, "root", root, is_root=True))
    lock = serialization.BestAvailableEncryption(password) if password else None
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, lock or serialization.NoEncryption())
    )
    return chain, private


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    folder = tmp_path_factory.mktemp("identity")
    return write_identity(folder, ec.generate_private_key(ec.SECP256R1()))


def sign(identity):
    chain, key = identity
    return ["--c2pa-certificate", str(chain), "--c2pa-key", str(key)]


def color(model, identity, *arguments):
    return main(["colorize", "--model", model, *map(str, arguments), *sign(identity)])


def read_manifest(path, media_type):
    with c2pa.Reader(media_type, io.BytesIO(path.read_bytes())) as reader:
        assert reader.get_validation_state() == "Valid"
        return reader.get_active_manifest()


@pytest.mark.parametrize(
    ("ending", "media_type"),
    [("jpg", "image/jpeg"), ("avif", "image/avif")],
)
def test_a_signed_result_says_what_was_done_to_which_photo(
    model, identity, tmp_path, monkeypatch, capsys, ending, media_type
):
    photo, out = tmp_path / "photo.png", tmp_path / f"new.{ending}"
    Image.fromarray(GREY).save(photo, dpi=(300, 300))
    assert color(model, identity, photo, "-o", out, "--vibrance", 1.3) == 0
    manifest = read_manifest(out, media_type)
    (assertion,) = [each for each in manifest["assertions"] if "actions" in each["label"]]
    opened, edited = assertion["data"]["actions"]
    assert opened["action"] == "c2pa.opened"
    assert edited["action"] == "c2pa.edited"
    assert edited["digitalSourceType"] == SOURCE_TYPE
    assert edited["parameters"]["deepkoal"]["options"]["vibrance"] == 1.3
    (parent,) = manifest["ingredients"]
    assert (parent["relationship"], parent["title"]) == ("parentOf", "photo.png")
    assert read_provenance(read_photo(out).metadata.xmp) == edited["parameters"]["deepkoal"]
    assert main(["describe", str(out)]) == 0
    said = "  signed (C2PA) by Ada, Ada's studio; unchanged since"
    assert said in capsys.readouterr().out
    # A photo that is signed itself hands its manifest on, also where it comes through a pipe.
    for verb in (["describe"], ["restore", "-o", str(tmp_path / "more.png"), *sign(identity)]):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(out.read_bytes())))
        assert main([*verb, "-"]) == 0
        assert (said in capsys.readouterr().out) == (verb == ["describe"])
    (parent,) = read_manifest(tmp_path / "more.png", "image/png")["ingredients"]
    assert parent["format"] == media_type
    assert parent["active_manifest"]


def test_a_changed_byte_shows(identity):
    png = ContentSigner(*identity).sign(photo_bytes("PNG"), "PNG", parent=b"", name="a.png")
    data = bytearray(png)
    data[-40] ^= 1
    with c2pa.Reader("image/png", io.BytesIO(data)) as reader:
        assert reader.get_validation_state() == "Invalid"


def test_pages_versions_and_no_provenance(model, identity, tmp_path):
    photo, out = tmp_path / "pages.tif", tmp_path / "out.tif"
    pages = [Image.fromarray(np.rot90(GREY, turn)) for turn in range(3)]
    pages[0].save(photo, save_all=True, append_images=pages[1:])
    arguments = (photo, "-o", out, "--variations", 2, "--no-provenance")
    assert color(model, identity, *arguments) == 0
    for path in (out, tmp_path / "out.look2.tif"):
        assert read_photo(path, page=2).pages == 3
        manifest = read_manifest(path, "image/tiff")
        (assertion,) = [each for each in manifest["assertions"] if "actions" in each["label"]]
        assert "parameters" not in assertion["data"]["actions"][-1]


def test_what_cannot_be_signed_is_named_and_leaves_nothing(model, identity, tmp_path, capsys):
    photo, out = tmp_path / "photo.bmp", tmp_path / "out"
    Image.fromarray(GREY).save(photo)
    assert color(model, identity, photo, "-o", f"{out}/") == 1
    assert "photo.bmp: cannot be signed as BMP" in capsys.readouterr().err
    assert not list(out.iterdir())
    signer = ContentSigner(*identity)
    damaged = signer.sign(photo_bytes("PNG"), "PNG", parent=b"\xff\xd8\xff no JPEG", name="a.jpg")
    with c2pa.Reader("image/png", io.BytesIO(damaged)) as reader:
        assert reader.get_validation_state() == "Valid"
    with pytest.raises(PhotoError, match=r"a\.jpg: cannot be signed"):
        signer.sign(b"no picture", "JPEG", parent=b"", name="a.jpg")


def photo_bytes(kind):
    file = io.BytesIO()
    Image.fromarray(GREY).save(file, kind)
    return file.getvalue()


KEYS = {
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_each_kind_sign(tmp_path, kind):
    form = OLD if kind == "RSA" else PKCS8
    signer = ContentSigner(*write_identity(tmp_path, KEYS[kind](), form))
    signed = signer.sign(photo_bytes("JPEG"), "JPEG", parent=photo_bytes("GIF"), name="a.jpg")
    with c2pa.Reader("image/jpeg", io.BytesIO(signed)) as reader:
        assert reader.get_validation_state() == "Valid", json.loads(reader.json())


def test_a_wrong_certificate_or_key_is_one_line(identity, tmp_path, model, capsys):
    chain, key = identity
    other = tmp_path / "other"
    other.mkdir()
    locked = write_identity(other, ec.generate_private_key(ec.SECP256R1()), password=b"secret")
    odd = tmp_path / "odd"
    odd.mkdir()
    for files, message in (
        ((tmp_path / "none.pem", key), "none.pem: cannot be read"),
        ((key, key), "key.pem: expected certificates in PEM"),
        ((chain, chain), "chain.pem: expected a private key in PEM"),
        ((locked[0], key), "is not the key of"),
        (locked, "the key has a password"),
        (write_identity(odd, ec.generate_private_key(ec.SECP256K1())), "that C2PA signs with"),
    ):
        with pytest.raises(DeepkoalError, match=message):
            ContentSigner(*files)
    photo = tmp_path / "photo.png"
    Image.fromarray(GREY).save(photo)
    assert main(["colorize", str(photo), "--c2pa-key", str(key), "--model", model]) == 2
    assert "--c2pa-certificate and --c2pa-key go together" in capsys.readouterr().err


def test_the_extra_is_named_where_it_is_missing(identity, monkeypatch):
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(DeepkoalError, match=r"pip install 'deepkoal\[c2pa\]'"):
        ContentSigner(*identity)
