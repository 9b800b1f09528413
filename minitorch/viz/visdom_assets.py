"""The scripts, styles and fonts that Visdom's page needs and its package leaves out.

Visdom's own command downloads them at its first start, without a time limit, and ends with
a traceback where it cannot. Here the same files come, each checked by its SHA-256, from
unpkg.com, where Visdom gets most of its own, or else from npm where there is npm.

The server's process loads this file by its path, so it imports nothing outside the standard
library.
"""

from __future__ import annotations

import functools
import hashlib
import http.client
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["PAGE_FILES", "VISDOM_VERSION", "AssetError", "fetch_page_files", "missing_page_files"]

VISDOM_VERSION = "0.2.4"

# npm package -> (path in the package, path in Visdom's static folder, SHA-256).
# fmt: off
PAGE_FILES: dict[str, list[tuple[str, str, str]]] = {
    "jquery@3.1.1": [
        ("dist/jquery.min.js", "js/jquery.min.js",
         "85556761a8800d14ced8fcd41a6b8b26bf012d44a318866c0d81a62092efd9bf"),
    ],
    "bootstrap@3.3.7": [
        ("dist/js/bootstrap.min.js", "js/bootstrap.min.js",
         "53964478a7c634e8dad34ecc303dd8048d00dce4993906de1bacf67f663486ef"),
        ("dist/css/bootstrap.min.css", "css/bootstrap.min.css",
         "f75e846cc83bd11432f4b1e21a45f31bc85283d11d372f7b19accd1bf6a2635c"),
        ("dist/fonts/glyphicons-halflings-regular.eot", "fonts/glyphicons-halflings-regular.eot",
         "13634da87d9e23f8c3ed9108ce1724d183a39ad072e73e1b3d8cbf646d2d0407"),
        ("dist/fonts/glyphicons-halflings-regular.woff2",
         "fonts/glyphicons-halflings-regular.woff2",
         "fe185d11a49676890d47bb783312a0cda5a44c4039214094e7957b4c040ef11c"),
        ("dist/fonts/glyphicons-halflings-regular.woff", "fonts/glyphicons-halflings-regular.woff",
         "a26394f7ede100ca118eff2eda08596275a9839b959c226e15439557a5a80742"),
        ("dist/fonts/glyphicons-halflings-regular.ttf", "fonts/glyphicons-halflings-regular.ttf",
         "e395044093757d82afcb138957d06a1ea9361bdcf0b442d06a18a8051af57456"),
        ("dist/fonts/glyphicons-halflings-regular.svg",
         "fonts/glyphicons-halflings-regular.svg#glyphicons_halflingsregular",
         "42f60659d265c1a3c30f9fa42abcbb56bd4a53af4d83d316d6dd7a36903c43e5"),
    ],
    "react@16.2.0": [
        ("umd/react.production.min.js", "js/react-react.min.js",
         "c28b91922bca297037cba02ec85c1c0dc179d1a942355f0b6e085f6021fa67df"),
    ],
    "react-dom@16.2.0": [
        ("umd/react-dom.production.min.js", "js/react-dom.min.js",
         "f61ac9c43e0842c58774da732e424a606898fd211914925252ac9e64f34a77c8"),
    ],
    "react-modal@3.1.10": [
        ("dist/react-modal.min.js", "js/react-modal.min.js",
         "096ce258905585d06758012ec6261a5dc52b11d82e112450670666109bbc6f35"),
    ],
    "plotly.js-dist-min@2.11.1": [
        ("plotly.min.js", "js/plotly-plotly.min.js",
         "dd146b2db18d4ced4743018fa65ada14b723bf1aae08b559a5576ba8116cd889"),
    ],
    "sjcl@1.0.7": [
        ("sjcl.js", "js/sjcl.js",
         "d09a8688f37c7442bb1e6699b46efb191d9281ef05a492586fa0f54dc4e5110a"),
    ],
    "layout-bin-packer@1.4.0": [
        ("dist/layout-bin-packer.js", "js/layout_bin_packer.js",
         "312ed1834f78f497ac3c9e943ce4657679d26ad8cd62d7f722912d26c9d0ed29"),
        ("dist/layout-bin-packer.js.map", "js/layout-bin-packer.js.map",
         "7f39df86278f0cd247daee3ef579a09df79078e1c585bc7b8ef968266e06c0b5"),
    ],
    "d3@3.5.17": [
        ("d3.min.js", "js/d3.v3.min.js",
         "76c39718d1c0a3fb321676b3b7e29306c0907919a5716d5728bd1b08ae0169e7"),
    ],
    "d3-selection-multi@1.0.1": [
        ("build/d3-selection-multi.js", "js/d3-selection-multi.v1.js",
         "22f89270afc6f231f8b974e37172a15525f28035276ca960f8ccdce622700315"),
    ],
    "save-svg-as-png@1.4.17": [
        ("lib/saveSvgAsPng.js", "js/saveSvgAsPng.js",
         "71c46f2411daf6ba2a4e38ec563d92f1da42f88da9247a2bdd5c8a10bde93ae3"),
    ],
    "react-resizable@1.4.6": [
        ("css/styles.css", "css/react-resizable-styles.css",
         "7c9122a97c86b4be7839fd3d23c37d06aec1ece3ef830f8bae3a8c121056d528"),
    ],
    "react-grid-layout@0.16.3": [
        ("css/styles.css", "css/react-grid-layout-styles.css",
         "4ec035a50c31ec008bab5794e88ef056043e63aaa8dcbb24d36e5a73780b4dbc"),
    ],
    "classnames@2.2.5": [
        ("index.js", "fonts/classnames",
         "89f83f030d5f5234436502f5d3ecfb01c1baaabe2a82785016563eb5800b674e"),
    ],
    "mathjax@2.7.5": [
        ("config/Safe.js", "js/mathjax/2.7.5/config/Safe.js",
         "c3d9f149afb82798a73d14a9737a82b5cb8bb8d217de631030a702d4ae0c1d8e"),
        ("config/TeX-AMS-MML_HTMLorMML.js", "js/mathjax/2.7.5/config/TeX-AMS-MML_HTMLorMML.js",
         "f380ca5d5257b34fc5f0e4cccd7e1447dd3dfa3b65e06ed23f2a4f6af17e19f0"),
        ("extensions/Safe.js", "js/mathjax/2.7.5/extensions/Safe.js",
         "1b44a7b48d991ab692da9074fe8582cd47d438b57445af064ce30d2eac3871dd"),
        ("jax/output/SVG/fonts/TeX/fontdata.js",
         "js/mathjax/2.7.5/jax/output/SVG/fonts/TeX/fontdata.js",
         "c23d4bebe304610f617983eaeab7f8aa5e13a45391318f30ccf2650fbff939e1"),
        ("jax/output/SVG/jax.js", "js/mathjax/2.7.5/jax/output/SVG/jax.js",
         "39d9a95fcde78f560cb5fcf11bb434ca5ad2349d74737b71160c8f473861fb5d"),
        ("jax/output/SVG/fonts/TeX/Size1/Regular/Main.js",
         "js/mathjax/2.7.5/jax/output/SVG/fonts/TeX/Size1/Regular/Main.js",
         "3e1c830e9c05a62f9caf86f9e13d926c38c5136b1eba8f6171953e839ce3941f"),
        ("jax/output/SVG/config.js", "js/mathjax/2.7.5/jax/output/SVG/config.js",
         "d680518add37c0d1bf50dea3c93a4cd2aa703d5e1d3e2748a0e016c26aee253c"),
        ("MathJax.js", "js/mathjax/2.7.5/MathJax.js",
         "9ef249bfdc162849bcf2abe8425f5e90bd89fa4fd1588b1a492731c65b2bbfc9"),
    ],
}
# fmt: on

BUILT_NOTE = "version.built"  # Visdom's own note that its files are complete

UNPKG = "https://unpkg.com/"
# Addresses, separated by spaces, to use in place of unpkg.com; empty for none.
MIRRORS_VARIABLE = "MINITORCH_VISDOM_MIRRORS"
CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 60.0  # for each source

FAILURES = (OSError, ValueError, http.client.HTTPException, tarfile.TarError, KeyError)


class AssetError(OSError):
    """The page's files could not be had or put in place; the message says why."""


def missing_page_files(static: Path, version: str = VISDOM_VERSION) -> list[str]:
    """Return the paths in Visdom's static folder of the page's files that are not there.

    Of another `version` of Visdom all is known that Visdom itself notes: that it has them all.
    """
    if version != VISDOM_VERSION:
        return [] if (static / BUILT_NOTE).is_file() else [BUILT_NOTE]
    return [
        target
        for files in PAGE_FILES.values()
        for _, target, _ in files
        if not (static / target).is_file()
    ]


def fetch_page_files(static: Path, version: str = VISDOM_VERSION) -> None:
    """Put the page's missing files in `static`, Visdom's static folder.

    Gives up after about two minutes; takes no time where nothing is missing. Raises
    `AssetError` when the folder cannot be written to, no source gives every file with the
    right SHA-256, or the files of this `version` of Visdom are not known.
    """
    if not missing_page_files(static, version):
        return
    if version != VISDOM_VERSION:
        raise AssetError(
            f"its files are known for Visdom {VISDOM_VERSION}, not {version}: "
            "run the command `visdom` once, which downloads them"
        )
    try:
        for folder in {Path(target).parent for target in missing_page_files(static)}:
            (static / folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=static):
            pass
    except OSError as error:
        raise AssetError(f"{static} cannot be written to ({error.strerror})") from error

    reasons = []
    for name, source in _sources():
        try:
            source(static)
        except FAILURES as error:
            reasons.append(f"{name}: {error}")
        if not missing_page_files(static):
            # With this note Visdom's own command does not download them again.
            (static / BUILT_NOTE).write_text(VISDOM_VERSION, encoding="ascii")
            return
    raise AssetError("; ".join(reasons))


def _sources() -> Iterator[tuple[str, Callable[[Path], None]]]:
    for mirror in os.environ.get(MIRRORS_VARIABLE, UNPKG).split():
        yield mirror, functools.partial(_from_mirror, mirror.rstrip("/") + "/")
    yield "npm", _from_npm


def _wanted(static: Path) -> dict[str, list[tuple[str, str, str]]]:
    """Return the part of `PAGE_FILES` that is not in `static` yet."""
    missing = set(missing_page_files(static))
    wanted = {
        package: [file for file in files if file[1] in missing]
        for package, files in PAGE_FILES.items()
    }
    return {package: files for package, files in wanted.items() if files}


def _from_mirror(address: str, static: Path) -> None:
    deadline = time.monotonic() + TOTAL_SECONDS
    for package, files in _wanted(static).items():
        for source, target, sha256 in files:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not done after {TOTAL_SECONDS:.0f} s")
            request = urllib.request.Request(
                f"{address}{package}/{source}", headers={"User-Agent": "minitorch"}
            )
            with urllib.request.urlopen(request, timeout=CONNECT_SECONDS) as answer:
                _place(answer.read(), static / target, sha256)


def _from_npm(static: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("not installed")
    wanted = _wanted(static)
    with tempfile.TemporaryDirectory() as folder:
        try:
            packed = subprocess.run(
                [npm, "pack", "--silent", "--pack-destination", folder, *wanted],
                check=True,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TOTAL_SECONDS,
            )
        except subprocess.CalledProcessError as error:
            lines = str(error.stderr).strip().splitlines() or ["no reason given"]
            raise OSError(lines[-1]) from error
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"not done after {TOTAL_SECONDS:.0f} s") from error
        archives = packed.stdout.split()
        if len(archives) != len(wanted):
            raise ValueError(f"{len(archives)} archives for {len(wanted)} packages")
        for archive, files in zip(archives, wanted.values(), strict=True):
            with tarfile.open(Path(folder) / archive) as tar:
                root = tar.getnames()[0].split("/")[0]
                for source, target, sha256 in files:
                    member = tar.extractfile(f"{root}/{source}")
                    if member is None:
                        raise ValueError(f"{source} in {archive} is not a file")
                    _place(member.read(), static / target, sha256)


def _place(data: bytes, path: Path, sha256: str) -> None:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"{path.name} is damaged or another version: its SHA-256 differs")
    # Never half a file under the final name, even when this process is killed.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    os.replace(part, path)
