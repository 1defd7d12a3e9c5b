"""Semantic embedders by the names that users type and that records keep."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.cli.console import UsageError, report
from deepkoal.errors import RecordsError, WeightsError

if TYPE_CHECKING:
    from deepkoal.data import Manifest
    from deepkoal.models.embedder import SemanticEmbedder

INCEPTION = "inception-resnet-v2"
LITE0 = "efficientnet-lite0"
NAMES = f"{INCEPTION}|{LITE0}|FILE.h5|efficientnet-liteN:FILE.safetensors"


def build_embedder(name: str) -> SemanticEmbedder:
    """Build an embedder with ImageNet weights.

    Args:
        name: `inception-resnet-v2`, whose weights are fetched once; a local `.h5` file of them;
            `efficientnet-lite0`, whose weights came with deepkoal; or, N being 0, 1 or 2,
            `efficientnet-liteN:` and a local `.safetensors` file.

    Raises:
        UsageError: it is none of these.
        WeightsError: the weights cannot be had or do not fit.
    """
    from deepkoal.models.embedder import SemanticEmbedder

    if name == LITE0:
        return SemanticEmbedder.efficientnet_lite0()
    if local := re.fullmatch(r"efficientnet-lite([012]):(.+\.safetensors)", name):
        return SemanticEmbedder.efficientnet_lite(int(local[1]), local[2])
    if name != INCEPTION and Path(name).suffix != ".h5":
        raise UsageError(f"--embedder takes {NAMES}, not {name}")
    # Keras reports on a download on stdout, which is for results.
    with contextlib.redirect_stdout(sys.stderr):
        return SemanticEmbedder.inception_resnet_v2("imagenet" if name == INCEPTION else name)


def build_paper_embedder() -> SemanticEmbedder:
    """Build the embedder of Deep Koalarization or, where its weights cannot be had, the stand-in.

    Raises:
        WeightsError: neither can be had.
    """
    try:
        return build_embedder(INCEPTION)
    except WeightsError as error:
        report(f"EfficientNet-Lite0's logits stand in for Inception-ResNet-v2's: {error}")
        return build_embedder(LITE0)


def build_recorded_embedder(manifest: Manifest, records: str, name: str | None) -> SemanticEmbedder:
    """Build the embedder that records were made with, or one to stand in for it.

    Args:
        manifest: of the records.
        records: their folder, for messages.
        name: what `build_embedder` takes, or None to choose by the manifest.

    Raises:
        RecordsError: there are no embeddings in the records, or none of a known embedder.
        UsageError, WeightsError: as `build_embedder`.
    """
    recorded = manifest.settings.embedder
    if recorded is None:
        raise RecordsError(
            f"{records} holds no embeddings, which koala is trained on: prepare the photos again "
            "with --preset koala"
        )
    identities = recorded.split("+")
    if name is None:
        shipped = [each for each in (LITE0, INCEPTION) if f"{each}:imagenet" in identities]
        if not shipped:
            raise RecordsError(
                f"{records} holds embeddings of {recorded}, which comes from a file of your own: "
                "name it with --embedder FILE.h5"
            )
        name = shipped[0]
    embedder = build_embedder(name)
    if embedder.identity not in identities:
        report(f"{embedder.identity} stands in for {recorded}, whose embeddings {records} holds")
    return embedder
