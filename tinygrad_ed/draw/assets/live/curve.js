// Region 3: the cost along one weight. The curve is measured; the dashed tangent is what the derivative predicts.

const CURVE = { wide: 480, high: 318, left: 12, right: 12, top: 14, bottom: 30, points: 41, span: 2 };
let curve = null;
let hold = null;

const rootOf = () => {
  const found = roots.get(state.parameters);
  return found && found.key === keyOf(state.chosen) ? found.root : state.parameters;
};
const still = (old) => old && same(old.chosen, state.chosen) && old.root === rootOf() && old.x === state.x &&
  old.rule === state.rule && old.start === state.start && old.size === state.size;
const stillNow = () => ({ chosen: state.chosen, root: rootOf(), x: state.x, rule: state.rule, start: state.start, size: state.size });

function takeHold() {
  const { book } = books();
  hold = { ...stillNow(), value: valueOf(state.chosen), cost: book.cost, slope: slopeOf(state.chosen, book) };
}

function measured() {
  const value = valueOf(state.chosen);
  const inside = curve && value > curve.low + 0.2 && value < curve.low + 2 * CURVE.span - 0.2;
  if (still(curve) && inside) return curve;
  const low = value - CURVE.span;
  const { book } = books();
  const points = running ? 21 : CURVE.points; // it is drawn anew in each frame of a run
  const places = Array.from({ length: points }, (_, at) => low + (2 * CURVE.span * at) / (points - 1));
  const costs = places.map((place) => costWith(book, withValue(state.chosen, place), state.chosen.layer));
  curve = { ...stillNow(), low, places, costs };
  return curve;
}

// The cost with other parameters from one layer on; what is below stays as it is in the book.
function costWith(book, parameters, layer) {
  const other = { ...book, ...parameters };
  for (let j = layer; j <= L; j++) {
    for (const name of [`zeta[${j}]`, `alpha[${j}]`]) other[name] = programOf(name, state.rule)(other, state.size);
  }
  return PROGRAMS.cost(other, state.size);
}

function buildCurve(svg) {
  svg.setAttribute("viewBox", `0 0 ${CURVE.wide} ${CURVE.high}`);
  const parts = {};
  parts.grid = make("g", { class: "grid" }, svg);
  const clip = make("clipPath", { id: "plot" }, svg);
  make("rect", { x: 0, y: 34, width: CURVE.wide, height: CURVE.high - CURVE.bottom - 34 }, clip);
  const plot = make("g", { "clip-path": "url(#plot)" }, svg);
  parts.ghost = make("g", { class: "ghost" }, plot);
  parts.line = make("path", { class: "measured" }, plot);
  parts.tangent = make("path", { class: "tangent" }, plot);
  parts.drop = make("path", { class: "drop" }, svg);
  parts.spot = make("circle", { r: 7, class: "spot" }, svg);
  make("path", { class: "measured", d: "M14 20h34" }, svg);
  make("text", { x: 54, y: 26, class: "key" }, svg, "measured");
  make("path", { class: "tangent", d: "M150 20h34" }, svg);
  make("text", { x: 190, y: 26, class: "key" }, svg, "what the derivative predicts");
  return parts;
}

function drawCurve(parts) {
  if (!still(hold)) takeHold();
  const { low, places, costs } = measured();
  const { book } = books();
  const [value, slope] = [valueOf(state.chosen), slopeOf(state.chosen, book)];
  const finite = costs.filter(Number.isFinite);
  const [least, most] = [Math.min(...finite, book.cost), Math.max(...finite, book.cost)];
  const more = (most - least) * 0.12 || 0.1;
  const x = (place) => CURVE.left + ((place - low) / (2 * CURVE.span)) * (CURVE.wide - CURVE.left - CURVE.right);
  const y = (cost) => CURVE.high - CURVE.bottom - ((cost - least + more) / (most - least + 2 * more)) * (CURVE.high - CURVE.bottom - CURVE.top - 24);
  const kept = places.map((place, at) => [x(place), y(costs[at])]).filter((spot) => spot.every(Number.isFinite));
  parts.line.setAttribute("d", `M${kept.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join("L")}`);
  const line = (from, at, rise) => {
    const [a, b] = [low, low + 2 * CURVE.span].map((place) => [x(place), y(at + rise * (place - from))]);
    return [...a, ...b].every(Number.isFinite) ? `M${a[0]} ${a[1]}L${b[0]} ${b[1]}` : "";
  };
  parts.tangent.setAttribute("d", line(value, book.cost, slope));
  parts.spot.setAttribute("cx", x(value));
  parts.spot.setAttribute("cy", Number.isFinite(book.cost) ? y(book.cost) : 0);
  parts.drop.setAttribute("d", Number.isFinite(book.cost) ? `M${x(value)} ${y(book.cost)}V${CURVE.high - CURVE.bottom}` : "");
  parts.ghost.replaceChildren();
  if (value !== hold.value) {
    make("path", { class: "tangent", d: line(hold.value, hold.cost, hold.slope) }, parts.ghost);
    make("circle", { cx: x(hold.value), cy: y(hold.cost), r: 5 }, parts.ghost);
  }
  drawTicks(parts.grid, low, x, y, least, most);
  document.getElementById("curve-title").textContent = nameOf(state.chosen);
  const [predicted, actual] = [hold.slope * (value - hold.value), book.cost - hold.cost];
  document.getElementById("predicted").textContent = value === hold.value ? "–" : number(predicted);
  document.getElementById("measured").textContent = value === hold.value ? "–" : number(actual);
  document.getElementById("slope").textContent = number(slope);
  const input = document.getElementById("value");
  if (document.activeElement !== input) input.value = String(Number(value.toPrecision(6)));
}

function drawTicks(grid, low, x, y, least, most) {
  grid.replaceChildren();
  const floor = CURVE.high - CURVE.bottom;
  make("path", { d: `M${CURVE.left} ${floor}H${CURVE.wide - CURVE.right}` }, grid);
  for (let tick = Math.ceil(low); tick < low + 2 * CURVE.span; tick++) {
    make("path", { d: `M${x(tick)} ${floor}v5` }, grid);
    make("text", { x: x(tick), y: floor + 22, class: "tick" }, grid, number(tick));
  }
  for (const cost of [least, most]) make("text", { x: CURVE.wide - CURVE.right, y: y(cost) + (cost === least ? 18 : -5), class: "tick end" }, grid, `E ${number(cost)}`);
}

const nameOf = ({ kind, layer, i, k }) => (kind === "omega" ? letter("omega_k", layer, i, k) : letter("beta", layer, k));
