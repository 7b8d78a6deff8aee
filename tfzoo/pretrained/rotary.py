"""The angles of positions, in the three ways that a `config.json` writes them."""

_KNOWN = ("default", "linear", "llama3")


def read_rotary(settings) -> dict:
    """The fields `rotary_...` of our configuration records.

    Of `rope_parameters`, or of the older `rope_theta` and `rope_scaling`.

    Raises:
        UsageError: for a kind of scaling, or a field of it, that is not known.
    """
    given = {**settings.take("rope_scaling", {}), **settings.take("rope_parameters", {})}
    rope = settings.inner("rope_parameters", given)
    base = settings.take("rope_theta", 10_000.0)
    fields = {"rotary_base": float(rope.take("rope_theta", float(base)))}
    kind = rope.take("rope_type", rope.take("type", "default"))
    rope.refuse_unless(kind in _KNOWN, "rope_type", kind, ", ".join(_KNOWN))
    if kind != "default":
        fields["rotary_factor"] = rope.take("factor", 1.0)
    if kind == "llama3":
        fields["rotary_original_length"] = rope.number("original_max_position_embeddings")
        fields["rotary_low_frequency_factor"] = rope.take("low_freq_factor", 1.0)
        fields["rotary_high_frequency_factor"] = rope.take("high_freq_factor", 4.0)
    rope.refuse_the_rest()
    return fields


def write_rotary(config) -> dict:
    """`rope_parameters` of a configuration record with the fields `rotary_...`."""
    rope = {"rope_type": "default", "rope_theta": config.rotary_base}
    if config.rotary_factor != 1.0:
        rope |= {"rope_type": "linear", "factor": config.rotary_factor}
        if config.rotary_original_length is not None:
            rope |= {
                "rope_type": "llama3",
                "original_max_position_embeddings": config.rotary_original_length,
                "low_freq_factor": config.rotary_low_frequency_factor,
                "high_freq_factor": config.rotary_high_frequency_factor,
            }
    return {"rope_parameters": rope}
