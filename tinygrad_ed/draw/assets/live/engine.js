// The state of the page, what is computed from it, and what changes it. Nothing here draws.
// PAGE (the data), PROGRAMS (right rules), SLOPES (Φ') and WRONG (known mistakes) stand above, written from Python.

const L = PAGE.sizes.length - 1;
const N = PAGE.x.length / PAGE.sizes[0];
const PARAMETERS = Object.keys(PAGE.parameters);
const MOST_KEPT = 4e6; // numbers in the history

const listeners = [];
const onChange = (draw) => listeners.push(draw);
let state = opened();
let past = [];
let asked = false;

function opened() {
  const parameters = {};
  for (const name of PARAMETERS) parameters[name] = Float64Array.from(PAGE.parameters[name]);
  return {
    parameters, x: Float64Array.from(PAGE.x), rho: Float64Array.from(PAGE.rho),
    eta: PAGE.eta, size: PAGE.batch, start: 0, row: 0, rule: -1, step: 0, costs: [], ghost: null,
    chosen: { kind: "omega", layer: L, i: 0, k: 0 },
  };
}

// The samples of the batch: `size` of them, in a shuffled order that is fixed.
function samples(s = state) {
  return Array.from({ length: s.size }, (_, r) => PAGE.order[(s.start + r) % N]);
}

function rowsOf(all, wide, which) {
  const rows = new Float64Array(which.length * wide);
  which.forEach((sample, r) => rows.set(all.subarray(sample * wide, (sample + 1) * wide), r * wide));
  return rows;
}

const programOf = (name, rule) => (rule >= 0 && WRONG[rule].programs[name]) || PROGRAMS[name];

// Every quantity of the slides, by its name in the ledger.
function ledger(s = state, rule = s.rule, parameters = s.parameters) {
  const which = samples(s);
  const book = { ...parameters, "alpha[0]": rowsOf(s.x, PAGE.sizes[0], which), rho: rowsOf(s.rho, PAGE.sizes[L], which) };
  for (const name of PAGE.quantities) book[name] = programOf(name, rule)(book, s.size);
  for (const name in SLOPES) book[name] = SLOPES[name](book, s.size);
  return book;
}

// Forward only: the activations of the last layer, or the cost, for other inputs or parameters.
function forward(inputs, M, parameters, rule = state.rule) {
  const book = { ...parameters, "alpha[0]": inputs };
  for (let j = 1; j <= L; j++) {
    for (const name of [`zeta[${j}]`, `alpha[${j}]`]) book[name] = programOf(name, rule)(book, M);
  }
  return book;
}

// The book of the state, and that of the right rules; computed once for each state.
let known = null;
function books() {
  if (known && known.state === state) return known;
  const book = ledger();
  known = { state, book, right: state.rule < 0 ? book : ledger(state, -1) };
  known.wrong = state.rule < 0 ? [] : PAGE.quantities.filter((name) => differs(book[name], known.right[name]));
  return known;
}

function differs(a, b) {
  const close = (x, y) => Math.abs(x - y) <= 1e-9 * Math.max(1e-3, Math.abs(x), Math.abs(y)) || (Number.isNaN(x) && Number.isNaN(y));
  return typeof a === "number" ? !close(a, b) : a.some((x, i) => !close(x, b[i]));
}

// The name of a parameter and the place in it, and the number of its gradient.
function placeOf({ kind, layer, i, k }) {
  const wide = PAGE.sizes[layer];
  return { name: `${kind}[${layer}]`, at: kind === "omega" ? i * wide + k : k };
}
const valueOf = (chosen, s = state) => { const { name, at } = placeOf(chosen); return s.parameters[name][at]; };
const slopeOf = (chosen, book) => { const { name, at } = placeOf(chosen); return book[`grad_${name}`][at]; };
const withValue = (chosen, value, parameters = state.parameters) => {
  const { name, at } = placeOf(chosen);
  const changed = Float64Array.from(parameters[name]);
  changed[at] = value;
  const made = { ...parameters, [name]: changed };
  const from = roots.get(parameters);
  roots.set(made, { key: `${name} ${at}`, root: from && from.key === `${name} ${at}` ? from.root : parameters });
  return made;
};

// What changes the state. Each state is a new object, so the past is a list of them: going back is exact.
function become(changes, keep = true) {
  if (keep) {
    past.push(state);
    const each = PARAMETERS.reduce((sum, name) => sum + state.parameters[name].length, 0);
    if (past.length * each > MOST_KEPT) past.splice(1, 1);
  }
  state = { ...state, ...changes };
  refresh();
}

function refresh() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    listeners.forEach((draw) => draw());
  });
}

function descended(parameters, book, eta) {
  const next = {};
  for (const name of PARAMETERS) {
    next[name] = parameters[name].map((value, at) => value - eta * book[`grad_${name}`][at]);
  }
  return next;
}

function stepForward() {
  const { book } = books();
  let ghost = state.ghost;
  if (ghost) {
    const right = ledger(state, -1, ghost.parameters);
    ghost = { parameters: descended(ghost.parameters, right, state.eta), costs: [...ghost.costs, right.cost] };
  }
  const whole = state.size === N;
  become({
    parameters: descended(state.parameters, book, state.eta), ghost, step: state.step + 1,
    costs: [...state.costs, book.cost],
    start: whole ? state.start : (state.start + state.size) % N, row: whole ? state.row : 0,
  });
}

function stepBack() {
  if (past.length) { state = past.pop(); refresh(); }
}

function rewind() {
  if (past.length) { state = past[0]; past = []; refresh(); }
}

function reset() {
  past = [];
  state = opened();
  refresh();
}

const setValue = (chosen, value, keep = true) => become({ parameters: withValue(chosen, value) }, keep);
const choose = (chosen) => become({ chosen }, false);
const setEta = (eta) => become({ eta }, false);
const setSize = (size) => become({ size, start: size === N ? 0 : state.start, row: 0 }, false);
const setRule = (rule) => become({ rule, ghost: rule < 0 ? null : { parameters: state.parameters, costs: [...state.costs] } });
const nextSample = () => chooseSample(PAGE.order[(state.start + (state.size === N ? state.row + 1 : 1)) % N]);

function chooseSample(sample) {
  const row = samples().indexOf(sample);
  if (row >= 0 && state.size === N) become({ row }, false);
  else become({ start: PAGE.order.indexOf(sample), row: 0 }, false);
}

function moveSample(sample, values, keep = true) {
  const x = Float64Array.from(state.x);
  x.set(values, sample * PAGE.sizes[0]);
  become({ x }, keep);
}

// How many samples are answered rightly; null where no classes are learned.
function accuracy() {
  if (!PAGE.classes) return null;
  const n = PAGE.sizes[L];
  const whole = state.size === N;
  const answers = whole ? books().book[`alpha[${L}]`] : forward(state.x, N, state.parameters)[`alpha[${L}]`];
  const expected = whole ? books().book.rho : state.rho;
  let right = 0;
  for (let s = 0; s < N; s++) right += classOf(answers, s, n) === classOf(expected, s, n, true);
  return right / N;
}

// The cost of the samples that were held out.
function testCost() {
  if (!PAGE.test) return null;
  const x = Float64Array.from(PAGE.test.x);
  const M = x.length / PAGE.sizes[0];
  const book = forward(x, M, state.parameters);
  book.rho = Float64Array.from(PAGE.test.rho);
  return PROGRAMS.cost(book, M);
}

function classOf(values, s, n, expected = false) {
  if (n === 1) return values[s] > (expected && PAGE.cost === "bce" ? 0.5 : PAGE.threshold) ? 1 : 0;
  let best = 0;
  for (let k = 1; k < n; k++) if (values[s * n + k] > values[s * n + best]) best = k;
  return best;
}

// From which parameters others were made by moving one weight alone: the curve along that weight stays the same.
const roots = new WeakMap();
const keyOf = (chosen) => { const { name, at } = placeOf(chosen); return `${name} ${at}`; };

const letter = (kind, layer, ...neurons) =>
  PAGE.letters[kind] + raised(layer) + neurons.map((k) => lowered(k + 1)).join(",");

