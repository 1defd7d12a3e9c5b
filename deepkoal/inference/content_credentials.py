"""Content credentials: a result signed by its maker, with what was done to which photo (C2PA).

Unlike XMP, which any program may change or drop, a C2PA manifest is bound to the file's bytes by
hashes and signed with a certificate (C2PA specification 2.2; the claim says `c2pa.opened` of the
photo and `c2pa.edited` of the result, with the digital source type that the XMP has).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from deepkoal import __version__
from deepkoal.errors import DeepkoalError, PhotoError, needs_extra
from deepkoal.image_io.formats.kinds import find_kind
from deepkoal.inference.provenance import AGENT, SOURCE_TYPE

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
    "JXL": "image/jxl",
}
"""Format, as in `formats.WRITTEN`, to media type, of those that C2PA is defined for."""

_ANY = "application/octet-stream"


class ContentSigner:
    """Signs results with a certificate.

    Args:
        certificate: PEM file of the signer's certificate, then those that vouch for it, each for
            the one before; the root may be left out. C2PA asks for the extended key usage
            `emailProtection` or `documentSigning`.
        key: PEM file of its private key, without a password: elliptic curve (P-256, P-384,
            P-521), RSA or Ed25519.

    Raises:
        DeepkoalError: a file cannot be read or is no such, the two do not belong together, or
            `c2pa-python` is not installed.
    """

    def __init__(self, certificate: str | Path, key: str | Path) -> None:
        with needs_extra("signing content credentials", "c2pa"):
            import c2pa
        self._chain = _read(certificate)
        self._key, self._algorithm = _prepare_key(self._chain, str(certificate), key)
        self._context = c2pa.Context(
            settings=c2pa.Settings.from_dict({"builder": {"thumbnail": {"enabled": False}}})
        )
        try:  # now rather than with the first photo, which takes a while to color
            self._open_signer().close()
        except c2pa.C2paError as error:
            raise DeepkoalError(
                f"{certificate}: cannot sign with it ({_shorten(error)})"
            ) from error

    def sign(
        self,
        data: bytes,
        kind: str,
        *,
        parent: Path | bytes,
        name: str,
        parameters: dict[str, Any] | None = None,
    ) -> bytes:
        """Return a result's file with its signed manifest in it.

        Args:
            data: the file.
            kind: its format, a key of `formats.WRITTEN`.
            parent: the photo's file, which becomes the manifest's ingredient by its hash. What
                content credentials it has itself are carried along.
            name: of the photo, for the manifest and messages.
            parameters: how it was colored, as `provenance.read_provenance` returns it; None to
                leave that out.

        Raises:
            PhotoError: the format holds none, or the certificate cannot sign.
        """
        import c2pa

        if kind not in MEDIA_TYPES:
            raise PhotoError(
                f"{name}: cannot be signed as {kind}, for which C2PA is not defined; choose "
                "--format jpg, png or tif"
            )
        agent = {"name": AGENT, "version": __version__}
        action: dict[str, Any] = {
            "action": "c2pa.edited",
            "digitalSourceType": SOURCE_TYPE,
            "softwareAgent": agent,
        }
        if parameters is not None:
            action["parameters"] = {AGENT: parameters}
        manifest = {
            "claim_generator_info": [agent],
            "title": Path(name).name,
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
        }
        signed = io.BytesIO()
        try:
            with self._open_signer() as signer, c2pa.Builder(manifest, self._context) as builder:
                builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
                _add_parent(builder, parent, Path(name).name)
                builder.sign(signer, MEDIA_TYPES[kind], io.BytesIO(data), signed)
        except c2pa.C2paError as error:
            raise PhotoError(f"{name}: cannot be signed ({_shorten(error)})") from error
        return signed.getvalue()

    def _open_signer(self) -> Any:
        import c2pa

        info = c2pa.C2paSignerInfo(self._algorithm, self._chain, self._key, None)
        return c2pa.Signer.from_info(info)


def read_signature(source: Path | bytes) -> str | None:
    """Return who signed a file's content credentials, and whether they hold, in a line.

    The file is given by its path or as its bytes.

    None where there are none, or `c2pa-python` is not installed. That the file is unchanged says
    nothing of who the signer is: trust lists are not looked up.
    """
    try:
        import c2pa
    except ModuleNotFoundError:
        return None
    try:
        with _open(source) as file, c2pa.Reader(_find_media_type(source), file) as reader:
            manifest, state = reader.get_active_manifest(), reader.get_validation_state()
    except (c2pa.C2paError, OSError):
        return None
    signature = (manifest or {}).get("signature_info") or {}
    who = ", ".join(filter(None, (signature.get("common_name"), signature.get("issuer"))))
    held = "unchanged since" if state in ("Valid", "Trusted") else "changed since, or damaged"
    return f"{who or 'unknown'}; {held}"


def _add_parent(builder: Any, parent: Path | bytes, name: str) -> None:
    import c2pa

    ingredient = {"title": name, "relationship": "parentOf"}
    with _open(parent) as file:
        try:
            builder.add_ingredient(ingredient, _find_media_type(parent), file)
        except c2pa.C2paError:  # a damaged photo, or a name that lies: its bytes count
            file.seek(0)
            builder.add_ingredient(ingredient, _ANY, file)


def _open(source: Path | bytes) -> IO[bytes]:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _find_media_type(source: Path | bytes) -> str:
    try:
        return MEDIA_TYPES.get(find_kind(source), _ANY)
    except PhotoError:
        return _ANY


def _prepare_key(chain: bytes, name: str, key: str | Path) -> tuple[bytes, str]:
    """Return a private key as PKCS #8 and the algorithm that C2PA signs with it by.

    Raises:
        DeepkoalError: it, or the certificate, is none, or it is another certificate's.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        certificate = x509.load_pem_x509_certificates(chain)[0]
    except ValueError as error:
        raise DeepkoalError(
            f"{name}: expected certificates in PEM (-----BEGIN CERTIFICATE-----), the signer's "
            "first; got no such"
        ) from error
    try:
        private = serialization.load_pem_private_key(_read(key), password=None)
    except TypeError as error:
        raise DeepkoalError(
            f"{key}: the key has a password; give one without: openssl pkey -in {key} -out new.pem"
        ) from error
    except Exception as error:  # of several kinds: no PEM, damaged, an unknown kind of key
        raise DeepkoalError(
            f"{key}: expected a private key in PEM (-----BEGIN PRIVATE KEY-----), got no such"
        ) from error
    if private.public_key() != certificate.public_key():
        raise DeepkoalError(f"{key}: is not the key of {name}'s first certificate; give that one")
    plain = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return plain, _choose_algorithm(private, key)


def _choose_algorithm(private: PrivateKeyTypes, key: str | Path) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= 2048:
        return "ps256"
    if isinstance(private, ec.EllipticCurvePrivateKey):
        curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
        if private.curve.name in curves:
            return curves[private.curve.name]
    raise DeepkoalError(
        f"{key}: expected a key that C2PA signs with: P-256, P-384, P-521, RSA of 2048 bits or "
        "more, or Ed25519; got another kind"
    )


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DeepkoalError(f"{path}: cannot be read ({error.strerror}); check the path") from error


def _shorten(error: Exception) -> str:
    return " ".join(str(error).split())
