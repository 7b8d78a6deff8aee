"""What the processor can do."""

import re
from pathlib import Path


def features(path="/proc/cpuinfo") -> list[str]:
    """The features of the processor that Linux tells of, none on other systems."""
    try:
        text = Path(path).read_text()
    except OSError:
        return []
    found = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return found[1].split() if found else []
