"""A configuration record <-> absl flags, both ways; what the user got wrong exits with code 2.

A field of a frozen dataclass is a flag of the same name; its metadata hold `help` and, where values
are few, `choices`. A field whose default is a tuple takes a list `a,b`, or with `repeated` in its
metadata one value each time the flag is given; one whose annotation admits None may be left unset.
`flag` in the metadata names the flag where Python reserves its name.
"""

import dataclasses
import gc
import inspect
import os
import shutil
import sys
import textwrap
import types
import typing
from collections.abc import Callable
from pathlib import Path

from absl import flags

from tfzoo.errors import UsageError


def run(program: Callable, config_class, argv=None) -> int:
    """Runs a program: flags -> config -> `program(config)`. A user's error is one clear message.

    Args:
        program: function of a `config_class`, which may return an exit code. `--help` starts with
            its docstring.
        config_class: dataclass whose fields are the flags.
        argv: list of str, without the name of the program; None: of this process.

    Returns:
        int, the exit code: 2 after an error that the user can mend.
    """
    if argv is None:
        gc.freeze()  # What was imported stays to the end: collecting it would take a second.
        argv = sys.argv[1:]
    if {"--help", "-h", "-help", "--helpfull", "--helpshort"}.intersection(argv):
        print(usage(program, config_class), end="")
        return 0
    try:
        return program(parse(config_class, argv)) or 0
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def parse(config_class, argv) -> object:
    """Makes a record of command-line arguments; `--flagfile=PATH` may be among them.

    Raises:
        UsageError: for an unknown flag, a value of the wrong kind, or an argument that is no flag.
    """
    values = _flag_values(config_class)
    try:
        rest = values(["program", *argv])[1:]
    except flags.Error as error:
        raise UsageError(f"{_clear(error)} Try --help.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--flagfile: the file is not valid UTF-8 ({error}).") from error
    if rest:
        raise UsageError(
            f"Unexpected argument {rest[0]!r}: every option is written --name=value. A pattern of "
            "files must be quoted, for example --text_files='texts/*.txt'. Try --help."
        )
    named = {field.name: values[_name(field)].value for field in dataclasses.fields(config_class)}
    return config_class(
        **{name: tuple(v) if isinstance(v, list) else v for name, v in named.items()}
    )


def read(config_class, path) -> object:
    """Makes a record of a file that `write` wrote.

    Raises:
        UsageError: if the file is missing, or does not fit `config_class`.
    """
    return parse(config_class, [f"--flagfile={path}"])


def write(config, path) -> None:
    """Writes a record as a flagfile, of which `read` makes an equal one. Unset fields are left out.

    Raises:
        UsageError: if a value holds a line break, which no flagfile can.
    """
    named = {_name(field): getattr(config, field.name) for field in dataclasses.fields(config)}
    lines = [f"--{name}={_as_text(name, v)}\n" for name, v in named.items() if v is not None]
    aside = Path(path).with_name(f".{Path(path).name}")
    with open(aside, "w", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)


def usage(program, config_class) -> str:
    """What `--help` prints: the program's own words, then each flag in the order of its record."""
    width = min(shutil.get_terminal_size().columns, 100) - 6
    lines = [inspect.getdoc(program) or "", "", "Flags:"]
    for field in dataclasses.fields(config_class):
        lines.append(f"  --{_name(field)}{_shown_default(field)}")
        lines.append(textwrap.indent(textwrap.fill(_help(field), width), "      "))
    lines += [
        "  --flagfile=PATH",
        "      Reads flags from a file, one a line; the last value wins.",
    ]
    return "\n".join(lines) + "\n"


def _flag_values(config_class) -> flags.FlagValues:
    values = flags.FlagValues()
    values.set_gnu_getopt(True)  # A stray argument is reported, not the end of the flags.
    for field in dataclasses.fields(config_class):
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        arguments = (_name(field), default, _help(field))
        if _kind(field) is bool:
            flags.DEFINE_boolean(*arguments, flag_values=values)
        elif field.metadata.get("repeated"):
            flags.DEFINE_multi_string(*arguments, flag_values=values)
        else:
            flags.DEFINE(_parser(field), *arguments, flag_values=values)
    return values


def _parser(field) -> flags.ArgumentParser:
    kind, choices = _kind(field), field.metadata.get("choices")
    if typing.get_origin(kind) is tuple:
        return _TupleParser(typing.get_args(kind)[0])
    if choices:
        return flags.EnumParser(choices)
    return {int: flags.IntegerParser, float: flags.FloatParser}.get(kind, flags.ArgumentParser)()


class _TupleParser(flags.ListParser):
    """Comma-separated values of one kind; one that holds a comma is put in double quotes."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def parse(self, argument):
        return [self.kind(part) for part in super().parse(argument)]


def _clear(error: flags.Error) -> str:
    """absl's message as a sentence."""
    message = str(error).removeprefix("ERROR:: ").replace(" ?", "?").strip()
    return message if message.endswith((".", "?")) else f"{message}."


def _name(field) -> str:
    return field.metadata.get("flag", field.name)


def _kind(field) -> type:
    """The annotation of a field, without its None."""
    if isinstance(field.type, types.UnionType):
        return next(kind for kind in typing.get_args(field.type) if kind is not types.NoneType)
    return field.type


def _as_text(name: str, value) -> str:
    if isinstance(value, tuple):
        text = flags.CsvListSerializer(",").serialize(list(value))
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    if "\n" in text or "\r" in text:
        raise UsageError(f"--{name} must not hold a line break. Received: {value!r}")
    return text


def _help(field) -> str:
    choices = field.metadata.get("choices")
    return field.metadata["help"] + (f" One of {', '.join(choices)}." if choices else "")


def _shown_default(field) -> str:
    if field.default is None or field.default in ((), ""):
        return ""
    return f"={_as_text(_name(field), field.default)}"
