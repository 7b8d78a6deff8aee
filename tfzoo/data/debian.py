"""Data that comes in packages of Debian: fetched by apt-get, recorded, kept, never installed.

A mirror keeps the newest version only. So a dataset names the version that its figures were
measured with, but takes another if that is all there is: it says so, and records what it took.
"""

import dataclasses
import json
import os
import shutil
import subprocess
import tarfile
import warnings
from collections.abc import Iterator, Sequence

from tfzoo.data.packages import (
    DOWNLOADS,
    OWN_TEXT,
    is_file_with,
    kept_in,
    last_line,
    sha256_of,
)
from tfzoo.errors import UsageError

RECORD = "packages.json"
PROGRAMS = ("apt-get", "dpkg-deb")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DebianPackages:
    """Packages of one version, made from one source.

    Attributes:
        dataset: what they are called here, for messages, and their folder.
        version: the version to prefer.
        sha256: name of each package to the hexadecimal digest of its file of that version.
        otherwise: what to use on other systems, for messages.
    """

    dataset: str
    version: str
    sha256: dict[str, str]
    otherwise: str

    def fetched(self, data_dir: str) -> dict[str, dict]:
        """Name to {"path", "version", "sha256"} of each; fetched unless all are there and whole.

        Warns if they are of another version.

        Raises:
            UsageError: if they cannot be fetched, do not belong together, or are not the
                files they should be.
        """
        folder = os.path.join(data_dir, DOWNLOADS, self.dataset)
        record = self._recorded(folder)
        if record is None:
            with kept_in(data_dir) as aside:
                fetched = os.path.join(aside, self.dataset)
                record = self._fetch(fetched)
                shutil.rmtree(folder, ignore_errors=True)
                os.rename(fetched, folder)
        self._tell_version(record)
        return {
            name: {"path": os.path.join(folder, f"{name}.deb"), **facts}
            for name, facts in record.items()
        }

    def _recorded(self, folder) -> dict | None:
        """What the folder holds, if that is whole."""
        try:
            with open(os.path.join(folder, RECORD), encoding="utf-8") as file:
                record = json.load(file)
            digests = {name: record[name]["sha256"] for name in self.sha256}
        except (OSError, ValueError, KeyError):
            return None
        whole = (is_file_with(os.path.join(folder, f"{n}.deb"), d) for n, d in digests.items())
        return record if all(whole) else None

    def _fetch(self, folder) -> dict:
        """Fills a new folder. Returns the record."""
        missing = [program for program in PROGRAMS if not shutil.which(program)]
        if missing:
            raise UsageError(
                f"--dataset={self.dataset}: comes in Debian's packages, and this system has no "
                f"{missing[0]}. Instead, {self.otherwise}."
            )
        os.mkdir(folder)
        names = list(self.sha256)
        reason = _download(folder, [f"{name}={self.version}" for name in names])
        if reason and _download(folder, names):
            raise UsageError(
                f"--dataset={self.dataset}: apt-get could not download {' and '.join(names)} "
                f"({reason}). Run `apt-get update` or check the network; or {self.otherwise}."
            )
        record = {name: _taken(folder, name) for name in names}
        self._check(record)
        with open(os.path.join(folder, RECORD), "w", encoding="utf-8") as file:
            json.dump(record, file, indent=2)
        return record

    def _check(self, record) -> None:
        versions = {facts["version"] for facts in record.values()}
        if len(versions) > 1:
            raise UsageError(
                f"--dataset={self.dataset}: the mirror has its packages in different versions: "
                f"{sorted(versions)}. Run `apt-get update`, or {self.otherwise}."
            )
        for name, facts in record.items():
            if facts["version"] == self.version and facts["sha256"] != self.sha256[name]:
                raise UsageError(
                    f"--dataset={self.dataset}: what apt-get downloaded is not {name} "
                    f"{self.version}, whose sha256 is {self.sha256[name]}. Check apt's sources, "
                    f"or {OWN_TEXT}."
                )

    def _tell_version(self, record) -> None:
        version = next(iter(record.values()))["version"]
        if version != self.version:
            digests = ", ".join(f"{name} {facts['sha256']}" for name, facts in record.items())
            warnings.warn(
                f"--dataset={self.dataset}: the mirror has moved on to version {version} (sha256 "
                f"of {digests}); this project's figures are of {self.version}, and may differ.",
                stacklevel=3,
            )


def files_in(package: str) -> Iterator[tuple[str, bytes]]:
    """(path, content) of the files of a .deb, in its order, read without unpacking it."""
    command = ["dpkg-deb", "--fsys-tarfile", package]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as unpacking:
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
            for member in archive:
                if member.isfile():
                    yield member.name.removeprefix("./"), archive.extractfile(member).read()


def _download(folder, packages: Sequence[str]) -> str | None:
    """Why apt-get could not download them, or None if it could."""
    command = ["apt-get", "download", "--quiet", *packages]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return last_line(ran.stderr) if ran.returncode else None


def _taken(folder, name) -> dict:
    """Gives the file that was downloaded the package's name alone. Returns its record."""
    (found,) = (file for file in os.listdir(folder) if file.startswith(f"{name}_"))
    path = os.path.join(folder, f"{name}.deb")
    os.rename(os.path.join(folder, found), path)
    command = ["dpkg-deb", "--field", path, "Version"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return {"version": version, "sha256": sha256_of(path)}
