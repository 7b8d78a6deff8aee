"""How a `tokenizer.json` sets special tokens around a text and around a pair, as a `Layout`."""

from tfzoo.tokenizers import joining

_FIRST, _SECOND = object(), object()  # stand for the two texts
_ORDER = ("start", "separator", "end_of_text", "padding", "mask", "unknown")


def layout(post_processor, config: dict, roles: dict[str, str]):
    """The layout of a post-processor, and the roles with those that only it tells.

    Args:
        post_processor: dict or None, as `tokenizer.json` has it.
        config: dict, the content of `tokenizer_config.json`, whose `add_bos_token` and
            `add_eos_token` replace the post-processor, as in transformers.
        roles: dict from role to token.

    Returns:
        `joining.Layout` and dict from role to token.

    Raises:
        ValueError: if it is not known what the post-processor does, or no `Layout` does it.
    """
    single, pair = _templates(_processor(post_processor, config, roles))
    if all(kind in (_FIRST, _SECOND) for kind, _ in [*single, *pair]):
        return joining.NOTHING, roles
    before, after = _around(single, _FIRST, _FIRST)
    opening, closing = _around(pair, _FIRST, _SECOND)
    kinds = [kind for kind, _ in pair]
    between = kinds[kinds.index(_FIRST) + 1 : kinds.index(_SECOND)]
    if (before, after) != (opening, closing):
        raise _unknown("TemplateProcessing that frames a pair otherwise than a text")
    told = {"start": before[-1]} if before else {}
    told |= {"separator": after[0]} if before and after else {}
    roles = roles | {role: token for role, token in told.items() if role not in roles}
    segments = dict(pair)
    named = [tuple(_role(token, roles) for token in part) for part in (before, between, after)]
    return joining.Layout(
        before=named[0],
        between=named[1],
        after=named[2],
        second_segment=segments[_SECOND],
    ), roles


def template(found: joining.Layout, tokens: dict[str, str], ids: dict[str, int]) -> dict:
    """The post-processor that sets special tokens as a layout does.

    Args:
        found: `joining.Layout`.
        tokens: dict from role to token.
        ids: dict from role to id.
    """
    before, between, after = (
        [tokens[role] for role in roles] for roles in (found.before, found.between, found.after)
    )
    second = found.second_segment
    single = [*_parts(before, 0), _text("A", 0), *_parts(after, 0)]
    pair = [*_parts(before, 0), _text("A", 0), *_parts(between, 0), _text("B", second)]
    used = {*found.before, *found.between, *found.after}
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*pair, *_parts(after, second)],
        "special_tokens": {
            tokens[role]: {"id": tokens[role], "ids": [ids[role]], "tokens": [tokens[role]]}
            for role in used
        },
    }


def _parts(tokens, segment):
    return [{"SpecialToken": {"id": token, "type_id": segment}} for token in tokens]


def _text(name, segment):
    return {"Sequence": {"id": name, "type_id": segment}}


def _unknown(what) -> ValueError:
    return ValueError(f"has a tokenizer.json with a post-processor that is not known here: {what}")


def _processor(processor, config, roles):
    """The one step that sets special tokens; None where none does."""
    if "add_bos_token" in config or "add_eos_token" in config:
        return {"type": "bos and eos"} | {
            role: [roles[role]]
            for role, name in (("start", "add_bos_token"), ("end_of_text", "add_eos_token"))
            if config.get(name) and role in roles
        }
    steps = [processor] if processor else []
    while steps and steps[0].get("type") == "Sequence":
        steps = steps[0]["processors"] + steps[1:]
    steps = [step for step in steps if step.get("type") != "ByteLevel"]  # moves offsets only
    if len(steps) > 1:
        raise _unknown("a Sequence of " + ", ".join(str(step.get("type")) for step in steps))
    return steps[0] if steps else None


def _templates(processor):
    """The (token, segment) of a text, and of a pair."""
    kind = processor.get("type") if processor else "bos and eos"
    if kind == "TemplateProcessing":
        return _items(processor["single"]), _items(processor["pair"])
    if kind in ("BertProcessing", "RobertaProcessing"):
        cls, sep = processor["cls"][0], processor["sep"][0]
        is_bert = kind == "BertProcessing"
        single = [(cls, 0), (_FIRST, 0), (sep, 0)]
        between = [] if is_bert else [(sep, 0)]
        return single, [*single, *between, (_SECOND, int(is_bert)), (sep, int(is_bert))]
    if kind != "bos and eos":
        raise _unknown(kind)
    start, end = ((processor or {}).get(role, []) for role in ("start", "end_of_text"))
    first = [*((t, 0) for t in start), (_FIRST, 0), *((t, 0) for t in end)]
    return first, [*first, *((t, 1) for t in start), (_SECOND, 1), *((t, 1) for t in end)]


def _items(template):
    texts = {"A": _FIRST, "B": _SECOND}
    return [
        (texts[part["id"]] if kind == "Sequence" else part["id"], part["type_id"])
        for item in template
        for kind, part in item.items()
    ]


def _around(template, first, last):
    """The tokens before the first text, and those after the last."""
    kinds = [kind for kind, _ in template]
    if [kind for kind in kinds if kind in (_FIRST, _SECOND)] != list(dict.fromkeys([first, last])):
        raise _unknown("TemplateProcessing with the texts in another order")
    return kinds[: kinds.index(first)], kinds[kinds.index(last) + 1 :]


def _role(token, roles):
    for role in _ORDER:
        if roles.get(role) == token:
            return role
    raise _unknown(f"TemplateProcessing with {token!r}, which has no role")
