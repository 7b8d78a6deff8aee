"""What the processor can do."""

import re
from pathlib import Path

CPUINFO = "/proc/cpuinfo"


def features(path=CPUINFO) -> list[str]:
    """The features of the processor that Linux tells of, none on other systems."""
    return _told("flags", path).split()


def vendor(path=CPUINFO) -> str:
    """Who made the processor, as Linux tells, or ""."""
    return _told("vendor_id", path)


def _told(name, path):
    try:
        text = Path(path).read_text()
    except OSError:
        return ""
    found = re.search(rf"^{name}\s*:(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""
