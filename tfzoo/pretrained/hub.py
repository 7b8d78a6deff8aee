"""Where a checkpoint is: a folder, or a name that the hub of Hugging Face knows."""

import re
from pathlib import Path

from tfzoo.errors import UsageError

_NAME = re.compile(r"[\w.-]+/[\w.-]+|[\w-][\w.-]*")
_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")


def local_folder(name, flag: str = "--from") -> Path:
    """The folder itself, or where the hub's files of that name are kept after fetching them.

    Raises:
        UsageError: if there is no such folder, and no such name on a hub that can be reached.
    """
    if Path(name).is_dir() or not _NAME.fullmatch(str(name)):
        return Path(name)
    import huggingface_hub  # Only here: it takes long to import.

    try:
        return Path(huggingface_hub.snapshot_download(str(name), allow_patterns=list(_FILES)))
    except Exception as error:  # Of many kinds: no network, no such name, a gate.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UsageError(
            f"{flag}={name} is no folder here, and the hub could not give it ({reason[0][:200]}). "
            "Check the name and the network, or copy the folder here."
        ) from error
