// Numbers and letters as text

const SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const SUB = "₀₁₂₃₄₅₆₇₈₉";
const raised = (n) => String(n).replace(/\d/g, (d) => SUPER[d]).replace("-", "⁻");
const lowered = (n) => String(n).replace(/\d/g, (d) => SUB[d]);
function number(x) {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (Number.isInteger(x) && Math.abs(x) < 1e5) return String(x).replace("-", "−");
  const size = Math.abs(x);
  let text = Number(x.toPrecision(3)) === x ? String(x) : x.toPrecision(3);
  if (size >= 1e3 && size < 1e5) text = x.toFixed(0);
  else if (size < 1e-4 || size >= 1e5) {
    const [mantissa, exponent] = x.toExponential(2).split("e");
    text = `${mantissa}·10${raised(Number(exponent))}`;
  }
  return text.replace("-", "−");
}
const factor = (x) => (x < 0 ? `(${number(x)})` : number(x));

// SVG

const SVG = "http://www.w3.org/2000/svg";
function make(tag, attributes = {}, parent = null, text = null) {
  const element = document.createElementNS(SVG, tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  if (text !== null) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

// A text that is too long for its place is set narrower.
function fitted(element, text, wide) {
  if (element.textContent === text) return;
  element.textContent = text;
  const long = text.length * 10.2 > wide + 9;
  if (long) element.setAttribute("textLength", wide);
  else element.removeAttribute("textLength");
  element.setAttribute("lengthAdjust", "spacingAndGlyphs");
}

// The chart of a curve and its tangent: a picture of places and what was measured there.
function chart(svg, size, key) {
  svg.setAttribute("viewBox", `0 0 ${size.wide} ${size.high}`);
  const parts = { grid: make("g", { class: "grid" }, svg) };
  const clip = make("clipPath", { id: "plot" }, svg);
  make("rect", { x: 0, y: 34, width: size.wide, height: size.high - size.bottom - 34 }, clip);
  const plot = make("g", { "clip-path": "url(#plot)" }, svg);
  parts.ghost = make("g", { class: "ghost" }, plot);
  parts.line = make("path", { class: "measured" }, plot);
  parts.tangent = make("path", { class: "tangent" }, plot);
  parts.drop = make("path", { class: "drop" }, svg);
  parts.spot = make("circle", { r: 7, class: "spot" }, svg);
  parts.front = make("g", { class: "front" }, svg);
  make("path", { class: "measured", d: "M14 20h34" }, svg);
  make("text", { x: 54, y: 26, class: "key" }, svg, key);
  make("path", { class: "tangent", d: "M150 20h34" }, svg);
  make("text", { x: 190, y: 26, class: "key" }, svg, "what the derivative predicts");
  return parts;
}

function drawChart(parts, size, letter, { low, places, costs }, value, cost, slope, hold) {
  const finite = costs.filter(Number.isFinite);
  const [least, most] = [Math.min(...finite, cost), Math.max(...finite, cost)];
  const more = (most - least) * 0.12 || 0.1;
  const x = (place) => size.left + ((place - low) / (2 * size.span)) * (size.wide - size.left - size.right);
  const y = (at) => size.high - size.bottom - ((at - least + more) / (most - least + 2 * more)) * (size.high - size.bottom - size.top - 24);
  const kept = places.map((place, at) => [x(place), y(costs[at])]).filter((spot) => spot.every(Number.isFinite));
  parts.line.setAttribute("d", kept.length ? `M${kept.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join("L")}` : "");
  const line = (from, at, rise) => {
    const [a, b] = [low, low + 2 * size.span].map((place) => [x(place), y(at + rise * (place - from))]);
    return [...a, ...b].every(Number.isFinite) ? `M${a[0]} ${a[1]}L${b[0]} ${b[1]}` : "";
  };
  parts.tangent.setAttribute("d", line(value, cost, slope));
  parts.spot.setAttribute("cx", x(value));
  parts.spot.setAttribute("cy", Number.isFinite(cost) ? y(cost) : 0);
  parts.drop.setAttribute("d", Number.isFinite(cost) ? `M${x(value)} ${y(cost)}V${size.high - size.bottom}` : "");
  parts.ghost.replaceChildren();
  if (value !== hold.value) {
    make("path", { class: "tangent", d: line(hold.value, hold.cost, hold.slope) }, parts.ghost);
    make("circle", { cx: x(hold.value), cy: y(hold.cost), r: 5 }, parts.ghost);
  }
  const floor = size.high - size.bottom;
  parts.grid.replaceChildren();
  make("path", { d: `M${size.left} ${floor}H${size.wide - size.right}` }, parts.grid);
  for (let tick = Math.ceil(low); tick < low + 2 * size.span; tick++) {
    make("path", { d: `M${x(tick)} ${floor}v5` }, parts.grid);
    make("text", { x: x(tick), y: floor + 22, class: "tick" }, parts.grid, number(tick));
  }
  parts.front.replaceChildren();
  for (const at of [least, most]) make("text", { x: size.wide - size.right, y: y(at) + (at === least ? 18 : -5), class: "tick end" }, parts.front, `${letter} ${number(at)}`);
  const same = value === hold.value;
  document.getElementById("predicted").textContent = same ? "–" : number(hold.slope * (value - hold.value));
  document.getElementById("measured").textContent = same ? "–" : number(cost - hold.cost);
  document.getElementById("slope").textContent = number(slope);
  const input = document.getElementById("value");
  if (document.activeElement !== input) input.value = String(Number(value.toPrecision(6)));
}
