"""The angles of positions, in the three ways that a `config.json` writes them."""

_KNOWN = ("default", "linear", "llama3")


def read_rotary(settings, base: float, fraction: float | None = None) -> dict:
    """The fields `rotary_...` of our configuration records.

    Of `rope_parameters`, or of the older `rope_scaling` and keys beside it.

    Args:
        settings: `Settings`.
        base: float, of the angles, where `rope_parameters` does not tell.
        fraction: float, share of each head that is turned, where `rope_parameters` does not tell;
            None: the family turns whole heads.

    Raises:
        UsageError: for a kind of scaling, or a field of it, that is not known.
    """
    old, new = settings.take("rope_scaling", {}), settings.take("rope_parameters", {})
    settings.refuse_unless(not old or new in ({}, old), "rope_scaling", old, "the one or the other")
    rope = settings.inner("rope_parameters", old or new)
    fields = {"rotary_base": float(rope.take("rope_theta", float(base)))}
    if fraction is None:
        rope.only(partial_rotary_factor=1.0)
    else:
        fields["rotary_fraction"] = float(rope.take("partial_rotary_factor", float(fraction)))
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
