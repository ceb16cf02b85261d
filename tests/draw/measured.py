"""What a page looks like, measured on its pixels and boxes: the contrast of letters and lines, and their sizes."""

import io
import re

import matplotlib.image
import numpy as np

TEXTS = """() => {
  const found = [];
  const shown = (e) => {
    let opacity = 1;
    for (let at = e; at && at.nodeType === 1; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.display === 'none' || style.visibility === 'hidden' || style.clipPath !== 'none') return 0;
      opacity *= Number(style.opacity);
    }
    return opacity;
  };
  const seen = (r, e) => {
    for (let at = e.parentElement; at; at = at.parentElement) {
      if (at.namespaceURI.endsWith('svg') || getComputedStyle(at).overflow === 'visible') continue;
      const box = at.getBoundingClientRect();
      if (r.x < box.x || r.y < box.y || r.right > box.right + 1 || r.bottom > box.bottom + 1) return false;
    }
    return true;
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    const inside = e.closest('svg');
    if (!walk.currentNode.data.trim() || e.closest('script, style, title, desc')) continue;
    const range = document.createRange();
    range.selectNodeContents(walk.currentNode);
    const r = range.getBoundingClientRect();
    const opacity = shown(e);
    if (!opacity || r.width < 1 || !seen(r, e)) continue;
    const style = getComputedStyle(e);
    found.push({
      text: walk.currentNode.data.trim(), color: inside ? style.fill : style.color, opacity: opacity,
      box: [r.x + scrollX, r.y + r.height * .15 + scrollY, r.width, r.height * .7], svg: Boolean(inside),
      size: parseFloat(style.fontSize) * (inside ? inside.getScreenCTM().a : 1),
      small: Boolean(e.closest('tspan, msub, msup, msubsup, mfrac')),
    });
  }
  return found;
}"""
LINES = """() => {
  const found = [];
  for (const e of document.querySelectorAll('svg [stroke]:not([stroke="none"])')) {
    const style = getComputedStyle(e);
    if (!e.getPointAtLength || style.visibility === 'hidden' || style.stroke === 'none') continue;
    if (e.getAttribute('stroke') === 'transparent' || e.closest('[hidden]')) continue;
    const matrix = e.getScreenCTM();
    const [b, r] = [e.getBBox(), e.getBoundingClientRect()];
    const open = style.fill === 'none' && e.tagName === 'path';
    const spots = open
      ? [.3, .5, .7].map((t) => e.getPointAtLength(t * e.getTotalLength()))
      : [[b.x - 4, b.y + b.height / 2], [b.x + b.width + 4, b.y + b.height / 2], [b.x + b.width / 2, b.y - 4],
        [b.x + b.width / 2, b.y + b.height + 4]].map((p) => new DOMPoint(p[0], p[1]));
    const placed = spots.map((p) => new DOMPoint(p.x, p.y).matrixTransform(matrix));
    const points = placed.map((p) => [p.x + scrollX, p.y + scrollY]);
    const what = e.outerHTML.slice(0, 120);
    found.push({ what: what, color: style.stroke, fill: style.fill, open: open, points: points });
  }
  return found;
}"""
BARE = """svg text, svg tspan { fill: transparent !important }
svg [stroke]:not(#_, #_ #_) { stroke: transparent !important }
svg .edge polygon { fill: transparent !important }
* { color: transparent !important; transition: none !important; caret-color: transparent !important }"""


def rgb(color: str) -> np.ndarray:
    """A color as CSS computes it, `rgb(1, 2, 3)` or `color(srgb 0.1 0.2 0.3)`, over white."""
    parts = [float(part) for part in re.findall(r"[\d.]+(?:e-?\d+)?", color.removeprefix("color(srgb"))]
    seen, share = np.array(parts[:3]) * (255 if "srgb" in color else 1), parts[3] if len(parts) > 3 else 1.0
    return share * seen + (1 - share) * 255


def luminance(color) -> np.ndarray:
    c = np.asarray(color, float) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


def contrast(one, other) -> np.ndarray:
    a, b = luminance(one), luminance(other)
    return (np.maximum(a, b) + 0.05) / (np.minimum(a, b) + 0.05)


def contrasts(page, html: bool = True) -> tuple[dict[str, float], dict[str, float]]:
    """The contrast of every text, and of every line, with the pixels that lie behind it."""
    texts, lines = page.evaluate(TEXTS), page.evaluate(LINES)
    bare = page.add_style_tag(content=BARE)
    pixels = matplotlib.image.imread(io.BytesIO(page.screenshot(full_page=True)))[..., :3] * 255
    bare.evaluate("(e) => e.remove()")
    letters, strokes = {}, {}
    for i, text in enumerate(texts):
        x, y, w, h = text["box"]
        behind = pixels[int(y) : int(y + h) + 1, int(x) : int(x + w) + 1].reshape(-1, 3)
        if len(behind) and (html or text["svg"]):
            color = text["opacity"] * rgb(text["color"]) + (1 - text["opacity"]) * behind
            letters[f"{i} {text['text']}"] = float(np.quantile(contrast(color, behind), 0.03))
    for i, line in enumerate(lines):
        inside = [(x, y) for x, y in line["points"] if 0 <= x < pixels.shape[1] and 0 <= y < pixels.shape[0]]
        if inside:
            behind = np.array([pixels[int(y), int(x)] for x, y in inside])
            found = float(np.median(contrast(rgb(line["color"]), behind)))
            if not line["open"] and line["fill"] != "none":  # a border may stand out from its own box
                found = max(found, float(contrast(rgb(line["color"]), rgb(line["fill"]))))
            strokes[f"{i} {line['what']}"] = found
    return letters, strokes
