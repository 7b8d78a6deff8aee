"""Attention weights as one HTML page that needs nothing else: heads small side by side, or large.

The tokens stand in the page once for each kind of attention, as text; its script reads them there.
Weights are integers of 16 bits, of which 65535 is 1, in base64.
"""

import base64
import html
import string

import numpy as np

from tfzoo.errors import UsageError

MOST_WEIGHTS = 20_000_000  # 50 MB of page; browsers show more unwillingly.


def attention_page(maps) -> str:
    """The page.

    Args:
        maps: list of `AttentionMaps`.

    Raises:
        UsageError: if there are more weights than a browser shows.
    """
    num_weights = sum(kind.weights.size for kind in maps)
    if num_weights > MOST_WEIGHTS:
        raise UsageError(
            f"--text gives {num_weights} attention weights, more than the {MOST_WEIGHTS} that a "
            "page can hold. Give a shorter text."
        )
    return _PAGE.substitute(style=_STYLE, script=_SCRIPT, kinds="".join(map(_kind, maps)))


def _kind(kind):
    layers = "".join(
        f"<h3>Layer {number}</h3><div class='heads'>"
        + "".join(_head(kind, number, head, weights) for head, weights in enumerate(layer))
        + "</div>"
        for number, layer in enumerate(kind.weights)
    )
    if kind.name == "cross":
        tokens = "<p>Tokens that read:</p>" + _tokens("readers", kind.readers)
        tokens += "<p>Tokens that are read:</p>" + _tokens("read", kind.read)
    else:
        tokens = _tokens("readers read", kind.readers)
    return f"<section id='{kind.name}'><h2>{_TITLES[kind.name]}</h2>{tokens}{layers}</section>"


def _tokens(name, tokens):
    items = "".join(f"<li>{html.escape(token)}</li>" for token in tokens)
    return f"<ol class='{name}'>{items}</ol>"


def _head(kind, number, head, weights):
    integers = np.round(weights * 65535).astype("<u2")
    data = base64.b64encode(integers.tobytes()).decode()
    title = f"{kind.name}, layer {number}, head {head}"
    return (
        f"<button id='{kind.name}-{number}-{head}' aria-label='Enlarge {title}'>"
        f"<canvas width='{weights.shape[1]}' height='{weights.shape[0]}' "
        f"data-title='{title}' data-weights='{data}'></canvas>head {head}</button>"
    )


_TITLES = {
    "encoder": "Encoder: the text reads itself",
    "decoder": "Decoder: each token reads those up to its own",
    "cross": "Cross-attention: what is written reads the text",
}

_PAGE = string.Template("""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Attention</title>
<style>$style</style>
<h1>Attention</h1>
<p>A row is a token that reads, a column a token that is read; each row sums to 1. Point at a
weight to read it, click a head to enlarge it.</p>
<p class="legend">0 <span id="ramp"></span> 1
<small>(shade: the square root of the weight)</small></p>
<noscript><p>The weights are drawn by a script in this page, and scripts are off.</p></noscript>
$kinds
<dialog><form method="dialog"><b></b> <button>Close</button></form><div></div></dialog>
<output id="tip" hidden></output>
<script>$script</script>
</html>
""")

_STYLE = """
:root { color-scheme: light dark; --page: #fff; --ink: #1c2126; --soft: #5c6670; --line: #cfd6dd;
  --low: #f3f6fa; --middle: #4a8fd6; --high: #08264f; }
@media (prefers-color-scheme: dark) {
  :root { --page: #121417; --ink: #e8ebee; --soft: #9aa5b0; --line: #3a424a;
    --low: #1b1f24; --middle: #2f74bd; --high: #e6f2ff; } }
body { margin: 1.5rem; background: var(--page); color: var(--ink); font: 15px/1.45 sans-serif; }
h1, h2 { font-weight: 600; } h3 { margin: 1.2rem 0 .4rem; font-size: 1rem; }
section > p { margin: .6rem 0 .2rem; color: var(--soft); }
section ol { display: flex; flex-wrap: wrap; gap: .25rem; margin: 0; padding: 0; list-style: none; }
li { padding: 0 .35rem; border: 1px solid var(--line); border-radius: 3px; font: 13px monospace; }
.legend { display: flex; align-items: center; gap: .5rem; } .legend small { color: var(--soft); }
#ramp { width: 12rem; height: .8rem; border: 1px solid var(--line);
  background: linear-gradient(to right, var(--low), var(--middle), var(--high)); }
.heads { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .75rem; }
.heads button { padding: 0; border: 0; background: none; color: var(--soft); font: inherit;
  cursor: zoom-in; }
canvas { display: block; width: 100%; box-sizing: border-box; border: 1px solid var(--line);
  image-rendering: pixelated; }
dialog { max-width: 96vw; max-height: 96vh; border: 1px solid var(--line); border-radius: 6px;
  background: var(--page); color: var(--ink); }
dialog form { display: flex; justify-content: space-between; gap: 2rem; margin-bottom: .5rem; }
dialog svg { display: block; font: 12px monospace; fill: var(--soft); }
dialog text.on { fill: var(--ink); font-weight: bold; }
dialog div { position: relative; } dialog canvas { position: absolute; border: 0; }
#tip { position: fixed; z-index: 1; padding: .3rem .5rem; border: 1px solid var(--line);
  border-radius: 4px; background: var(--page); color: var(--ink); pointer-events: none;
  white-space: pre; font: 13px monospace; box-shadow: 0 2px 8px #0004; }
#tip[hidden] { display: none; }
"""

_SCRIPT = r"""
const dialog = document.querySelector("dialog"), stage = dialog.querySelector("div");
const tip = document.getElementById("tip"), dark = matchMedia("(prefers-color-scheme: dark)");

// A head: its canvas, the names of both sides' tokens, its weights row by row.
function headOf(canvas) {
  const bytes = Uint8Array.from(atob(canvas.dataset.weights), c => c.charCodeAt(0));
  const names = side =>
    [...canvas.closest("section").querySelectorAll(`ol.${side} li`)].map(li => li.textContent);
  return { canvas, title: canvas.dataset.title, readers: names("readers"), read: names("read"),
           weights: new Uint16Array(bytes.buffer) };
}

function ramp() {
  const style = getComputedStyle(document.documentElement);
  const stops = ["--low", "--middle", "--high"].map(name => {
    const hex = style.getPropertyValue(name).trim().slice(1);
    const full = hex.length == 3 ? hex.replace(/./g, "$&$&") : hex;
    return [0, 2, 4].map(i => parseInt(full.slice(i, i + 2), 16));
  });
  return shade => {
    const from = shade < 0.5 ? 0 : 1, part = 2 * shade - from;
    return stops[from].map((low, i) => low + part * (stops[from + 1][i] - low));
  };
}

function draw(canvas, head, color) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  head.weights.forEach((weight, i) =>
    image.data.set([...color(Math.sqrt(weight / 65535)), 255], 4 * i));
  context.putImageData(image, 0, 0);
}

function point(canvas, head, mark) {
  canvas.onmousemove = event => {
    const box = canvas.getBoundingClientRect();
    const cell = (at, size, count) =>
      Math.max(0, Math.min(count - 1, Math.floor(at / size * count)));
    const column = cell(event.clientX - box.left, box.width, canvas.width);
    const row = cell(event.clientY - box.top, box.height, canvas.height);
    const weight = head.weights[row * canvas.width + column] / 65535;
    tip.textContent = `${weight.toFixed(4)}\n${row} ${head.readers[row]}  reads  ` +
      `${column} ${head.read[column]}`;
    tip.hidden = false;
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8) + "px";
    if (mark) mark(row, column);
  };
  canvas.onmouseleave = () => { tip.hidden = true; if (mark) mark(-1, -1); };
}

function label(svg, name, x, y, turned) {
  const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
  text.textContent = name;
  text.setAttribute("text-anchor", turned ? "start" : "end");
  text.setAttribute("transform", `translate(${x} ${y})` + (turned ? " rotate(-90)" : ""));
  svg.append(text);
  return text;
}

function enlarge(head) {
  const { width, height } = head.canvas, letter = 7.3;
  const longest = names => Math.min(24, Math.max(...names.map(name => [...name].length)));
  const left = letter * longest(head.readers) + 12, top = letter * longest(head.read) + 12;
  const wide = (0.9 * innerWidth - left - 40) / width;
  const high = (0.88 * innerHeight - top - 60) / height;
  const cell = Math.max(13, Math.min(36, Math.floor(Math.min(wide, high))));
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.style.cssText = `left: ${left}px; top: ${top}px; ` +
    `width: ${cell * width}px; height: ${cell * height}px`;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("width", left + cell * width + 4);
  svg.setAttribute("height", top + cell * height + 4);
  const cut = name => [...name].slice(0, 24).join("");
  const middle = i => (i + 0.5) * cell + 4;
  const rows = head.readers.map((name, i) => label(svg, cut(name), left - 6, top + middle(i)));
  const columns = head.read.map((name, i) =>
    label(svg, cut(name), left + middle(i), top - 6, true));
  stage.replaceChildren(svg, canvas);
  dialog.querySelector("b").textContent = head.title;
  draw(canvas, head, ramp());
  point(canvas, head, (row, column) => {
    rows.forEach((text, i) => text.classList.toggle("on", i == row));
    columns.forEach((text, i) => text.classList.toggle("on", i == column));
  });
  dialog.showModal();
  dialog.append(tip);  // Above the dialog, not behind it.
}

const heads = [...document.querySelectorAll(".heads canvas")].map(headOf);
const drawAll = () => {
  const color = ramp();
  heads.forEach(head => draw(head.canvas, head, color));
};
drawAll();
dark.addEventListener("change", () => { drawAll(); dialog.close(); });
dialog.addEventListener("close", () => { tip.hidden = true; document.body.append(tip); });
for (const head of heads) {
  point(head.canvas, head);
  head.canvas.parentElement.onclick = () => { tip.hidden = true; enlarge(head); };
}
const asked = document.getElementById(location.hash.slice(1));  // page.html#decoder-0-3
if (asked && asked.matches(".heads button")) asked.click();
"""
