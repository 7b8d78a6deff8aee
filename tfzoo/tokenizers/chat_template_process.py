"""The program that renders chat templates: JSON in, JSON out; it imports nothing of tfzoo.

A template sees what it sees in transformers: `messages`, `add_generation_prompt`, the special
tokens, `raise_exception`, `strftime_now`, the filter `tojson`, and the tag `generation`.
"""

import contextlib
import datetime
import json
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

_SECONDS = 10
_BYTES = 1 << 30
_LONGEST = 10_000_000  # characters


class Generation(jinja2.ext.Extension):
    """The tag `generation`, around what the assistant says: only training tells it apart."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.Scope(body, lineno=line)


class Dict:
    """`dict`, without the type's attributes."""

    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)


class Namespace(jinja2.utils.Namespace):
    """`namespace`, without names that lead to Python's insides."""

    def __init__(*args, **kwargs):
        self, *args = args
        jinja2.utils.Namespace.__init__(self)
        for name, value in dict(*args, **kwargs).items():
            self[name] = value

    def __setitem__(self, name, value):
        if str(name).startswith("_"):
            raise jinja2.exceptions.SecurityError(f"a namespace has no {name}")
        super().__setitem__(name, value)


def environment():
    """Jinja as transformers sets it up."""
    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[Generation, jinja2.ext.loopcontrols],
    )
    made.filters["tojson"] = to_json
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = strftime_now
    made.globals["dict"] = Dict()
    made.globals["namespace"] = Namespace
    return made


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    """Without Jinja's escapes of HTML."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def raise_exception(message):
    """What a template calls that does not take a conversation."""
    raise jinja2.exceptions.TemplateError(message)


def strftime_now(form):
    """The time, as a template wants it written."""
    return datetime.datetime.now().strftime(form)


def render(template, conversations, variables):
    """The text of each conversation.

    Raises:
        ValueError: if they are longer than any context.
    """
    compiled = environment().from_string(template)
    texts = []
    for messages in conversations:
        text = compiled.render(
            messages=messages, tools=None, documents=None, add_generation_prompt=True, **variables
        )
        texts.append(text)
        if sum(map(len, texts)) > _LONGEST:
            raise ValueError("it writes more than any context holds")
    return texts


def bound():
    """Bounds the time and memory of this process, where the system can."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))


def main():
    """Answers the one question that stands on the input."""
    bound()
    try:
        answer = {"texts": render(**json.load(sys.stdin))}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
