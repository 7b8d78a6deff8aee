"""Debian's packages, from a mirror made here: fetched once, checked, recorded, told when newer."""

import json
import os
import shutil
import subprocess

import pytest

from tfzoo.data.debian import DebianPackages, files_in
from tfzoo.data.packages import sha256_of
from tfzoo.errors import UsageError

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no dpkg-deb here")

NAMES = ("tiny-en", "tiny-de")
APT_GET = """#!/bin/sh
shift 2
for wanted in "$@"; do
    name=${wanted%%=*} version=${wanted#*=}
    [ "$version" = "$wanted" ] && version='*'
    cp "$MIRROR/$name"_$version.deb "./" 2>/dev/null || {
        echo "E: Unable to locate package $name" >&2
        exit 100
    }
done
"""


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """Folder of .deb files that `apt-get download` takes from."""
    programs, packages = tmp_path / "bin", tmp_path / "mirror"
    programs.mkdir()
    packages.mkdir()
    (programs / "apt-get").write_text(APT_GET)
    (programs / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("MIRROR", str(packages))
    return packages


def put(mirror, name, version, text="text"):
    """Makes the package this version, the only one of the mirror. Returns its sha256."""
    root = mirror.parent / "root"
    shutil.rmtree(root, ignore_errors=True)
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: a <a@b.c>\n"
        "Description: a\n"
    )
    (root / "usr" / "share").mkdir(parents=True)
    (root / "usr" / "share" / "a.txt").write_text(text)
    for old in mirror.glob(f"{name}_*"):
        old.unlink()
    path = mirror / f"{name}_{version}.deb"
    subprocess.run(["dpkg-deb", "--build", root, path], check=True, capture_output=True)
    return sha256_of(path)


@pytest.fixture
def packages(mirror):
    sha256 = {name: put(mirror, name, "1.0", f"text of {name}") for name in NAMES}
    return DebianPackages(dataset="tiny", version="1.0", sha256=sha256, otherwise="ask elsewhere")


def test_packages_are_fetched_and_recorded(packages, tmp_path):
    found = packages.fetched(str(tmp_path / "data"))
    assert {name: facts["sha256"] for name, facts in found.items()} == packages.sha256
    assert {facts["version"] for facts in found.values()} == {"1.0"}
    path = "usr/share/a.txt"
    assert [list(files_in(found[name]["path"])) for name in NAMES] == [
        [(path, b"text of tiny-en")],
        [(path, b"text of tiny-de")],
    ]


def test_they_are_fetched_once(packages, tmp_path, monkeypatch):
    first = packages.fetched(str(tmp_path / "data"))
    monkeypatch.setattr(subprocess, "run", None)
    assert packages.fetched(str(tmp_path / "data")) == first


@pytest.mark.parametrize("name", ["tiny-de.deb", "packages.json"])
def test_a_damaged_download_is_fetched_again(packages, tmp_path, name):
    first = packages.fetched(str(tmp_path / "data"))
    (tmp_path / "data" / "downloads" / "tiny" / name).write_text("{}")
    assert packages.fetched(str(tmp_path / "data")) == first
    assert all(sha256_of(facts["path"]) == facts["sha256"] for facts in first.values())


def test_a_mirror_that_moved_on_is_told_whenever_it_is_read(packages, mirror, tmp_path):
    newer = {name: put(mirror, name, "2.0") for name in NAMES}
    message = rf"moved on to version 2.0 \(sha256 of tiny-en {newer['tiny-en']}, .* are of 1.0"
    for _ in range(2):
        with pytest.warns(UserWarning, match=message):
            found = packages.fetched(str(tmp_path / "data"))
    assert {name: facts["sha256"] for name, facts in found.items()} == newer
    with open(tmp_path / "data" / "downloads" / "tiny" / "packages.json") as file:
        assert json.load(file)["tiny-en"] == {"version": "2.0", "sha256": newer["tiny-en"]}


def test_packages_of_two_versions_do_not_belong_together(packages, mirror, tmp_path):
    put(mirror, "tiny-de", "2.0")
    with pytest.raises(UsageError, match=r"in different versions: \['1.0', '2.0'\]"):
        packages.fetched(str(tmp_path / "data"))
    assert os.listdir(tmp_path / "data" / "downloads") == []


def test_another_file_under_its_name_is_refused(packages, mirror, tmp_path):
    put(mirror, "tiny-de", "1.0", "another text")
    with pytest.raises(UsageError, match="is not tiny-de 1.0, whose sha256 is"):
        packages.fetched(str(tmp_path / "data"))


def test_a_mirror_without_them_is_one_clear_error(packages, mirror, tmp_path):
    (mirror / "tiny-en_1.0.deb").unlink()
    message = r"could not download .* \(E: Unable to locate package tiny-en\). .* ask elsewhere"
    with pytest.raises(UsageError, match=f"--dataset=tiny: apt-get {message}"):
        packages.fetched(str(tmp_path / "data"))


def test_a_system_without_apt_is_pointed_elsewhere(packages, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="this system has no apt-get. Instead, ask elsewhere."):
        packages.fetched(str(tmp_path / "data"))
