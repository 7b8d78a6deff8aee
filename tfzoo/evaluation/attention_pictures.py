"""Attention weights in TensorBoard: a picture a layer."""

import warnings

from tfzoo.evaluation.picture import Picture, new_figure, picture_of

_HEADS_A_ROW = 4
_MOST_NAMED = 40  # tokens; the names of more would not be readable


def draw_attention(maps) -> dict[str, Picture]:
    """A picture of each layer's heads side by side.

    Args:
        maps: list of `AttentionMaps`.

    Returns:
        dict from "<kind>/layer_<number>" to `Picture`.

    Raises:
        UsageError: if matplotlib is not installed.
    """
    return {
        f"{kind.name}/layer_{number:02d}": _layer(kind, weights)
        for kind in maps
        for number, weights in enumerate(kind.weights)
    }


def _layer(kind, weights):
    """The picture of weights (h, t, s)."""
    heads, num_readers, num_read = weights.shape
    columns = min(heads, _HEADS_A_ROW)
    rows = -(-heads // columns)
    side = min(2.0 + 0.16 * max(num_readers, num_read), 8.0)
    figure = new_figure(columns * side, rows * side, "The picture of attention in TensorBoard")
    for head, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        if head >= heads:
            axes.set_axis_off()
            continue
        axes.imshow(weights[head] ** 0.5, cmap="Blues", vmin=0.0, vmax=1.0)
        axes.set_title(f"head {head}")
        _name_tokens(axes.xaxis, kind.read, rotation=90)
        _name_tokens(axes.yaxis, kind.readers)
    figure.supxlabel("is read")
    figure.supylabel("reads")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # The font has not all characters.
        return picture_of(figure)


def _name_tokens(axis, names, **text):
    if len(names) <= _MOST_NAMED:
        axis.set_ticks(range(len(names)), names, parse_math=False, fontsize=8, **text)
