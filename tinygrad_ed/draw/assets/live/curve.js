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

function drawCurve(parts) {
  if (!still(hold)) takeHold();
  const { book } = books();
  document.getElementById("curve-title").textContent = nameOf(state.chosen);
  drawChart(parts, CURVE, "E", measured(), valueOf(state.chosen), book.cost, slopeOf(state.chosen, book), hold);
}

const nameOf = ({ kind, layer, i, k }) => (kind === "omega" ? letter("omega_k", layer, i, k) : letter("beta", layer, k));
