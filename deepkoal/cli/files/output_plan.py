"""Where each colored photo goes, and which are there already: decided before anything is loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from deepkoal.cli.console import UsageError
from deepkoal.cli.files.input_files import (
    STREAM,
    exists,
    find_photos,
    is_folder,
    names_file,
)
from deepkoal.cli.files.jobs import Job, Plan, admit_jobs, is_done
from deepkoal.cli.files.targets import check_writable
from deepkoal.errors import PhotoError
from deepkoal.image_io.formats import FORMATS, choose_suffix
from deepkoal.image_io.formats.kinds import find_kind, is_address

DEFAULT_FOLDER = "colorized"
COMPARISON_SUFFIX = ".compare.jpg"
SEPARATORS = ("/", "\\")
"""A name that ends in one is a folder's: also in a command that was written for another system."""


def plan_photos(
    photos: Sequence[str],
    out: str | None,
    *,
    suffix: str | None = None,
    compare: bool = False,
    beside: Sequence[str] = (),
    variations: int = 1,
    overwrite: bool = False,
    folder: str = DEFAULT_FOLDER,
) -> Plan:
    """Find the photos that arguments name and give each a place of its own.

    Args:
        photos: files, folders and patterns, or `-` alone.
        out: a file for one photo, else a folder; `-` is standard output. By default `-` for
            standard input, else `folder`.
        suffix: of all results, such as `.png`; by default each photo's own (`.png` for GIFs,
            whose 256 colors are too few), which for standard output is known when it is read.
        compare: also write each photo before and after.
        beside: what else is written of each photo: what the files' names end in.
        variations: how many of each photo to write, the colored photo itself included.
        overwrite: also color photos whose results in a folder are there and newer than they are.
        folder: of the results where `out` is None.

    Raises:
        UsageError: the arguments make no sense together.
    """
    for text in photos:
        if text.lower().startswith(("http://", "https://")):
            raise UsageError(
                f"{text}: an address, and nothing is fetched from the network; save the photo "
                f"first, or: curl -L '{text}' | deepkoal colorize - -o colored.jpg"
            )
        if is_address(text) and not exists(text):
            raise UsageError(f"{text}: an object store's address, which --cluster reads")
    if out is not None and is_address(out):
        raise UsageError(f"-o {out}: an address, to which --cluster alone writes; name a folder")
    single = len(photos) == 1 and (photos[0] == STREAM or names_file(photos[0]))
    if STREAM in photos and not single:
        raise UsageError("- reads one photo from standard input; give no others beside it")
    if out is None:
        out = STREAM if photos[0] == STREAM else folder
    if out == STREAM:
        if not single or compare or beside or variations > 1:
            wanted = "--compare" if compare else "more than one photo"
            if beside:
                wanted = "what is written beside it"
            if variations > 1:
                wanted = "--variations"
            raise UsageError(
                f"-o - writes one photo to standard output; for {wanted} give a folder"
            )
        source = None if photos[0] == STREAM else Path(photos[0])
        return Plan([Job(source, None, suffix or "")])
    names_folder = _is_folder_name(out)
    if out.endswith("\\") and not is_folder(out):
        out = out.rstrip("\\") or out
    if single and not names_folder:
        return _plan_file(photos[0], Path(out), suffix, compare, beside, variations)
    if photos[0] == STREAM:
        raise UsageError(f"{out} is a folder; name the file for the photo from standard input")
    if (exists(out) and not is_folder(out)) or not names_folder:
        if single:
            raise UsageError(
                f"{out} is neither a folder nor a photo's name; end it in .jpg or .png"
            )
        raise UsageError(f"{out} names a file, but several photos need a folder: give -o a folder")
    return _plan_folder(photos, Path(out), suffix, compare, beside, variations, overwrite)


def _is_folder_name(out: str) -> bool:
    suffix = Path(out).suffix.lower()
    if is_folder(out) or out.endswith(SEPARATORS) or not suffix:
        return True
    if suffix in FORMATS:
        return False
    raise UsageError(
        f"{out} ends in no format that is written; name a file .jpg, .png, .webp, .tif, .bmp or "
        ".gif, or end a folder's name with /"
    )


def _plan_file(
    photo: str,
    target: Path,
    suffix: str | None,
    compare: bool,
    beside: Sequence[str],
    variations: int,
) -> Plan:
    if suffix and FORMATS[suffix] != FORMATS[target.suffix.lower()]:
        raise UsageError(f"{target} and --format {suffix[1:]} name two formats; leave one out")
    comparison = target.with_name(target.stem + COMPARISON_SUFFIX) if compare else None
    source = None if photo == STREAM else Path(photo)
    plan = Plan()
    others = _name_variations(target, target.stem, variations)
    more = {ending: target.with_name(target.stem + ending) for ending in beside}
    admit_jobs([Job(source, target, target.suffix, comparison, others, more)], plan)
    return plan


def _plan_folder(
    photos: Sequence[str],
    out: Path,
    suffix: str | None,
    compare: bool,
    beside: Sequence[str],
    variations: int,
    overwrite: bool,
) -> Plan:
    findings = find_photos(photos, out)
    found = list(findings.photos.values())
    plan = Plan(failures=findings.failures, passed_over=list(findings.passed_over.values()))
    kept = [choose_result_suffix(item.source, suffix) for item in found]
    namesakes = Counter((item.folder, item.source.stem) for item in found)
    jobs = []
    for item, ending in zip(found, kept, strict=True):
        job = name_job(
            item.source,
            out / item.folder,
            ending,
            is_alone=namesakes[item.folder, item.source.stem] == 1,
            compare=compare,
            beside=beside,
            variations=variations,
        )
        jobs.append(job)
    admit_jobs(jobs, plan)
    if not overwrite:
        todo = [job for job in plan.jobs if not is_done(job)]
        plan.skipped = len(plan.jobs) - len(todo)
        plan.jobs = todo
    if plan.jobs:
        check_writable(out)  # or each photo would be worked on, and the same said of each
    return plan


def name_job(
    source: Path,
    folder: Path,
    ending: str,
    *,
    is_alone: bool,
    compare: bool = False,
    beside: Sequence[str] = (),
    variations: int = 1,
    label: str | None = None,
) -> Job:
    """Return the job of coloring a photo into a folder.

    Args:
        source: the photo.
        folder: of its results.
        ending: of its result.
        is_alone: whether no other photo of its folder has its name up to the ending.
        compare: see `plan_photos`, as `beside` and `variations`.
        beside: what else is written.
        variations: how many versions.
        label: what messages call it.
    """
    stem = source.stem
    if not is_alone and ending != source.suffix:
        stem = source.name  # beach.jpg and beach.png as JPEG: beach.jpg, beach.png.jpg
    target = folder / (stem + ending)
    own = stem if is_alone else target.name
    comparison = target.with_name(own + COMPARISON_SUFFIX) if compare else None
    others = _name_variations(target, own, variations)
    more = {each: target.with_name(own + each) for each in beside}
    return Job(source, target, ending, comparison, others, more, label)


def _name_variations(target: Path, stem: str, variations: int) -> tuple[Path, ...]:
    numbers = range(2, variations + 1)
    return tuple(target.with_name(f"{stem}.look{number}{target.suffix}") for number in numbers)


def choose_result_suffix(source: Path, suffix: str | None) -> str:
    """Return the ending of a photo's result: its own if that format is written, or `suffix`."""
    if suffix is not None:
        return suffix
    try:
        kind = find_kind(source)
    except PhotoError:  # which will be said when it is read
        return ".jpg"
    usual = choose_suffix(kind)
    is_own = FORMATS.get(source.suffix.lower()) == FORMATS[usual]
    # Of a PNM file's endings only this may hold color.
    return source.suffix if is_own and kind != "PPM" else usual
