"""LibreOffice's help in English and German, from two packages of Debian (MPL-2.0).

Each page is there in both languages, and its paragraphs and headings have the same ids in both.
"""

import html
import re
from collections.abc import Iterator

from tfzoo.data.debian import DebianPackages, files_in
from tfzoo.data.examples.named import NamedExamples

ENGLISH, GERMAN = "libreoffice-help-en-us", "libreoffice-help-de"
PACKAGES = DebianPackages(
    dataset="libreoffice_help_en_de",
    version="4:7.4.7-1+deb12u14",
    sha256={
        ENGLISH: "8faa840285734d6cfe1ed25537b48f07e74bd6412e3917bf8e5f8a653f7b3712",
        GERMAN: "00490b63c509ac96f7f212d6a6e40452d3e0d1f97ccf4b824dd5ec4c01e8277f",
    },
    otherwise=(
        "give pairs of your own by --text_files (a .tsv file, or two files whose lines belong "
        "together), or a name of tensorflow-datasets, such as --dataset=tfds:wmt14_translate/de-en "
        "with --source_field=en and --target_field=de"
    ),
)
PAGES = re.compile(r"usr/share/libreoffice/help/[^/]+/text/(.+\.html)")
PARAGRAPH = re.compile(
    r'<(p|h[1-6])\b[^>]*?\bid="((?:par|hd|tit|al)_[^"]+)"[^>]*>(.*?)</\1>', re.DOTALL
)
LINE_BREAK, TAG = re.compile(r"<br\s*/?>"), re.compile(r"<[^>]+>")


class LibreOfficeHelp(NamedExamples):
    """35,506 pairs of paragraphs, no pair twice, in the version that is asked for.

    Paragraphs that are the same in both languages, names mostly, are left out.

    Args:
        kind: one of `KINDS`: "pairs".
        fields: role to field: "en" and "de". The source is English unless given.
        data_dir: str. Folder for the download.
        on_bad_rows: "fail" or "skip".

    Raises:
        UsageError: if the packages cannot be fetched, or there is no such field.
    """

    name = "libreoffice_help_en_de"
    offered = ("en", "de")
    defaults = {"source": "en", "target": "de"}
    total_bytes = 6_309_000

    def __init__(self, kind, *, fields, data_dir, on_bad_rows):
        super().__init__(kind, fields=fields, on_bad_rows=on_bad_rows)
        self.packages = PACKAGES.fetched(data_dir)
        self.contents = [facts["sha256"] for facts in self.packages.values()]

    def records(self) -> Iterator[dict]:
        english, german = (_pages(self.packages[name]["path"]) for name in (ENGLISH, GERMAN))
        seen = set()
        for page in sorted(set(english) & set(german)):
            for paragraph in english[page]:
                pair = english[page][paragraph], german[page].get(paragraph)
                if pair[1] and pair[0] != pair[1] and pair not in seen:
                    seen.add(pair)
                    yield {"en": pair[0], "de": pair[1]}


def _pages(package: str) -> dict[str, dict[str, str]]:
    """Page to its paragraphs by id."""
    pages = ((PAGES.fullmatch(path), content) for path, content in files_in(package))
    return {match[1]: _paragraphs(content.decode("utf-8")) for match, content in pages if match}


def _paragraphs(page: str) -> dict[str, str]:
    """Id to text, all white space single spaces; of an id that comes twice, the first text."""
    found = {}
    for _, name, content in PARAGRAPH.findall(page):
        text = html.unescape(TAG.sub("", LINE_BREAK.sub(" ", content)))
        if text := " ".join(text.split()):
            found.setdefault(name, text)
    return found
