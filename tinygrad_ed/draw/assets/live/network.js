// Region 1: the network. Cards for neurons, pills for weights and biases; of a large layer, cells and a matrix.

const CARD = { wide: 184, high: 56, row: 80 };
const PILL = { wide: 70, pitch: 76, away: 46 };
const MOST_CARDS = 8;
const drawn = { cards: [], pills: [], wires: [], matrices: [], strips: [] };

const hasCards = (j) => PAGE.sizes[j] <= MOST_CARDS;
const hasPills = (j) => hasCards(j - 1) && hasCards(j);

function layOut() {
  const most = Math.max(...PAGE.sizes.filter((n, j) => hasCards(j)), 3);
  const gap = Math.max(...PAGE.sizes.slice(1).map((n, j) => (hasPills(j + 1) ? 84 + PILL.pitch * Math.min(n, PAGE.sizes[j]) : 200)));
  const wide = 20 + (L + 1) * CARD.wide + L * gap;
  const step = (wide - 20 - CARD.wide) / L;
  const high = Math.max(most * CARD.row + 44, 560);
  const x = (j) => 10 + CARD.wide / 2 + j * step;
  const y = (j, k) => 42 + (high - 42) * ((k + 0.5) / PAGE.sizes[j]);
  return { wide, high, x, y, step };
}

function buildNetwork(svg) {
  const at = layOut();
  svg.setAttribute("viewBox", `0 0 ${at.wide} ${at.high}`);
  svg.style.minWidth = `${at.wide * 0.0432}rem`;
  const wires = make("g", { class: "wires" }, svg);
  const front = make("g", {}, svg);
  for (let j = 0; j <= L; j++) {
    const head = j === 0 ? "input" : j === L ? "output" : `layer ${j}`;
    const phi = j ? `  ${PAGE.activations[j - 1]}` : "";
    const title = make("text", { x: at.x(j), y: 22, class: "head" }, front, head);
    make("tspan", { class: "quiet" }, title, phi);
    if (hasCards(j)) for (let k = 0; k < PAGE.sizes[j]; k++) drawn.cards.push(card(front, j, k, at.x(j), at.y(j, k)));
    else drawn.strips.push(strip(front, j, at.x(j), 60, at.high - 80));
    if (j && hasPills(j)) connect(wires, front, j, at);
    else if (j) drawn.matrices.push(matrix(front, j, at.x(j) - at.step / 2, 60, at.step - 84 - (hasCards(j) || hasCards(j - 1) ? CARD.wide / 2 : 0)));
  }
}

function connect(wires, front, j, at) {
  const [n, m] = [PAGE.sizes[j - 1], PAGE.sizes[j]];
  const widening = n <= m;
  const columns = widening ? n : m;
  const [from, to] = [at.x(j - 1) + CARD.wide / 2, at.x(j) - CARD.wide / 2];
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < m; k++) {
      const [a, b] = [at.y(j - 1, i), at.y(j, k)];
      const column = PILL.away + PILL.pitch * (widening ? columns - 1 - i : k);
      const share = widening ? 1 - column / (to - from) : column / (to - from);
      const wire = make("path", { class: "wire", d: `M${from} ${a}L${to} ${b}` }, wires);
      const chosen = { kind: "omega", layer: j, i, k };
      drawn.wires.push({ wire, chosen });
      drawn.pills.push(pill(front, chosen, from + (to - from) * share, a + (b - a) * share));
    }
  }
}

function pill(parent, chosen, x, y) {
  const g = make("g", { class: `pill ${chosen.kind}`, transform: `translate(${x} ${y})`, role: "slider", tabindex: "-1" }, parent);
  make("rect", { x: -PILL.wide / 2, y: -13, width: PILL.wide, height: 26, rx: 13 }, g);
  const text = make("text", { y: 6 }, g);
  const bar = make("rect", { class: "slope", x: -24, y: 14, height: 3.5, rx: 1.5 }, g);
  const entry = { g, text, bar, chosen };
  dragged(g, entry);
  return entry;
}

function card(parent, j, k, x, y) {
  const kind = j === 0 ? "input" : j === L ? "output" : "hidden";
  const g = make("g", { class: `card ${kind}`, transform: `translate(${x - CARD.wide / 2} ${y - CARD.high / 2})` }, parent);
  make("rect", { class: "box", width: CARD.wide, height: CARD.high, rx: 12 }, g);
  const value = make("text", { x: 11, y: 23, class: "alpha" }, g);
  const zeta = make("text", { x: CARD.wide - 11, y: 23, class: "zeta end" }, g);
  const slope = make("text", { x: 11, y: 46, class: "B" }, g);
  const right = make("text", { x: CARD.wide - 11, y: -7, class: "rho end" }, g);
  const should = make("text", { x: 4, y: -7, class: "should" }, g);
  const entry = { g, j, k, value, right, zeta, slope, should };
  g.addEventListener("click", () => openWhy(j ? { kind: "B", layer: j, k } : { kind: "P", layer: 1, k }));
  g.addEventListener("pointerenter", () => hoverNeuron(j, k));
  g.addEventListener("pointerleave", () => hoverNeuron(null));
  if (j) entry.bias = PAGE.parameters[`beta[${j}]`] && pill(g, { kind: "beta", layer: j, k }, CARD.wide - 40, CARD.high - 15);
  if (entry.bias) drawn.pills.push(entry.bias);
  return entry;
}

// A large layer: a cell for each neuron, in the color of its activation.
function strip(parent, j, x, top, high) {
  const cells = [];
  const each = high / PAGE.sizes[j];
  make("text", { x, y: top - 10, class: "head quiet" }, parent, `${PAGE.sizes[j]} neurons`);
  for (let k = 0; k < PAGE.sizes[j]; k++) {
    const cell = make("rect", { class: "cell", x: x - 26, y: top + k * each, width: 52, height: Math.max(each - 1, 1) }, parent);
    make("title", {}, cell, `neuron ${k + 1}`);
    cell.addEventListener("pointerenter", () => hoverNeuron(j, k));
    cell.addEventListener("pointerleave", () => hoverNeuron(null));
    cell.addEventListener("click", () => openWhy(j ? { kind: "B", layer: j, k } : { kind: "P", layer: 1, k }));
    cells.push(cell);
  }
  return { j, cells };
}

// The weights into a large layer: a picture of the matrix, in which an entry is chosen and dragged.
function matrix(parent, j, x, top, side) {
  const [n, m] = [PAGE.sizes[j - 1], PAGE.sizes[j]];
  const [wide, high] = [Math.min(side, 70 + 4 * m), Math.min(400, 60 + 6 * n)];
  const g = make("g", { transform: `translate(${x - wide / 2} ${top + 24})` }, parent);
  make("text", { x: wide / 2, y: -8, class: "head quiet" }, g, `${PAGE.letters.omega}${raised(j)}  ${n} × ${m}`);
  const image = make("image", { width: wide, height: high, preserveAspectRatio: "none", class: "matrix" }, g);
  const mark = make("rect", { class: "mark", width: wide / m, height: high / n }, g);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [m, n];
  const entry = { j, n, m, image, mark, canvas, wide, high };
  const hit = make("rect", { width: wide, height: high, class: "hit" }, g);
  hit.addEventListener("pointerdown", (event) => {
    const box = hit.getBoundingClientRect();
    const k = Math.min(m - 1, Math.floor(((event.clientX - box.left) / box.width) * m));
    const i = Math.min(n - 1, Math.floor(((event.clientY - box.top) / box.height) * n));
    choose({ kind: "omega", layer: j, i, k });
  });
  const chosen = { kind: "omega", layer: j, i: 0, k: 0 };
  drawn.pills.push({ ...pill(g, chosen, wide / 2, high + 24), matrix: j });
  return entry;
}

// A weight is dragged up and down: 100 pixels are one unit.
function dragged(g, entry) {
  let from = null;
  g.addEventListener("pointerdown", (event) => {
    event.stopPropagation();
    g.setPointerCapture(event.pointerId);
    if (!same(state.chosen, entry.chosen)) choose(entry.chosen);
    from = { y: event.clientY, value: valueOf(entry.chosen), moved: false };
    takeHold();
    g.focus({ preventScroll: true });
  });
  g.addEventListener("pointermove", (event) => {
    if (!from || (!from.moved && Math.abs(event.clientY - from.y) < 3)) return;
    setValue(entry.chosen, from.value + (from.y - event.clientY) / 100, !from.moved);
    from.moved = true;
  });
  const letGo = () => { from = null; };
  g.addEventListener("pointerup", letGo);
  g.addEventListener("pointercancel", letGo);
  g.addEventListener("dblclick", () => document.getElementById("value").select());
  g.addEventListener("keydown", (event) => pillKey(event, entry));
}

function pillKey(event, entry) {
  const step = event.shiftKey ? 0.5 : 0.05;
  const by = { ArrowUp: step, ArrowDown: -step, PageUp: 0.5, PageDown: -0.5 }[event.key];
  if (by) setValue(entry.chosen, valueOf(entry.chosen) + by);
  else if (event.key === "ArrowRight" || event.key === "ArrowLeft") walk(event.key === "ArrowRight" ? 1 : -1);
  else if (event.key === "Enter") document.getElementById("value").select();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

// The next weight or bias of the network, in the order in which they stand there.
function walk(by) {
  const all = PARAMETERS.flatMap((name) => {
    const [, kind, layer] = name.match(/(\w+)\[(\d+)\]/);
    const wide = PAGE.sizes[layer];
    return Array.from(state.parameters[name], (_, at) => ({ kind, layer: Number(layer), i: Math.floor(at / wide), k: at % wide }));
  });
  const at = all.findIndex((one) => same(one, state.chosen));
  choose(all[(at + by + all.length) % all.length]);
  requestAnimationFrame(() => drawn.pills.find((entry) => entry.g.tabIndex === 0)?.g.focus());
}

const same = (a, b) => a.kind === b.kind && a.layer === b.layer && a.k === b.k && (a.kind === "beta" || a.i === b.i);

function drawNetwork() {
  const { book, right, wrong } = books();
  const first = wrong[0];
  const most = Math.max(1e-12, ...PARAMETERS.map((name) => largest(book[`grad_${name}`])));
  const { chosen, row } = state;
  for (const { wire, chosen: own } of drawn.wires) {
    const value = valueOf(own);
    wire.style.strokeWidth = 0.8 + 3.6 * Math.min(1, Math.abs(value) / 2);
    wire.style.strokeDasharray = value < 0 ? "7 6" : "none";
    const above = own.layer > chosen.layer && (own.layer > chosen.layer + 1 || own.i === chosen.k);
    wire.classList.toggle("path", above || same(own, chosen));
  }
  for (const entry of drawn.pills) {
    if (entry.matrix) entry.chosen = chosen.kind === "omega" && chosen.layer === entry.matrix ? chosen : entry.chosen;
    const value = valueOf(entry.chosen);
    const slope = slopeOf(entry.chosen, book);
    const name = `grad_${placeOf(entry.chosen).name}`;
    fitted(entry.text, number(value), 60);
    entry.bar.setAttribute("width", 48 * Math.sqrt(Math.min(1, Math.abs(slope) / most)));
    const mine = same(entry.chosen, chosen);
    entry.g.classList.toggle("chosen", mine);
    entry.g.classList.toggle("wrong", wrong.includes(name));
    entry.g.classList.toggle("first", name === first);
    entry.g.tabIndex = mine ? 0 : -1;
    speakPill(entry, value, slope);
  }
  for (const one of drawn.cards) drawCard(one, book, right, wrong, first, row);
  for (const { j, cells } of drawn.strips) {
    const values = book[`alpha[${j}]`];
    const top = largest(values) || 1;
    cells.forEach((cell, k) => {
      cell.style.fill = heat(values[row * cells.length + k] / top);
      cell.classList.toggle("on", (j === chosen.layer && k === chosen.k) || (chosen.kind === "omega" && j === chosen.layer - 1 && k === chosen.i));
    });
  }
  drawn.matrices.forEach((one) => drawMatrix(one, book));
  document.getElementById("network-cost").textContent = number(book.cost);
}

function speakPill({ g, chosen }, value, slope) {
  const { kind, layer, i, k } = chosen;
  const what = kind === "omega" ? `weight from neuron ${i + 1} to neuron ${k + 1} of layer ${layer}` : `bias of neuron ${k + 1} of layer ${layer}`;
  g.setAttribute("aria-label", what);
  g.setAttribute("aria-valuenow", value);
  g.setAttribute("aria-valuetext", `${number(value)}, slope ${number(slope)}`);
}

function drawCard(one, book, right, wrong, first, row) {
  const { j, k } = one;
  const n = PAGE.sizes[j];
  const at = row * n + k;
  fitted(one.value, `${letter("alpha", j, k)} ${number(book[`alpha[${j}]`][at])}`, j ? 86 : 160);
  if (j === L) one.right.textContent = `${PAGE.letters.rho}${lowered(k + 1)} ${number(book.rho[at])}`;
  const { chosen } = state;
  const isSource = chosen.kind === "omega" && j === chosen.layer - 1 && k === chosen.i;
  const isTarget = j === chosen.layer && k === chosen.k;
  one.g.classList.toggle("factor-alpha", isSource);
  one.g.classList.toggle("factor-B", isTarget);
  one.g.classList.toggle("ringed", Boolean(ring && ring.layer === j && ring.k === k));
  if (!j) {
    one.zeta.textContent = "";
    fitted(one.slope, `${letter("P", 1, k)} ${number(book["P[1]"][at])}`, 160);
    one.slope.classList.add("P");
    return;
  }
  fitted(one.zeta, `${PAGE.letters.zeta} ${number(book[`zeta[${j}]`][at])}`, 70);
  fitted(one.slope, `${PAGE.letters.B} ${number(book[`B[${j}]`][at])}`, 90);
  const hit = [`zeta[${j}]`, `alpha[${j}]`, `B[${j}]`].filter((name) => wrong.includes(name) && differs(book[name][at], right[name][at]));
  one.g.classList.toggle("wrong", hit.length > 0);
  one.g.classList.toggle("first", hit.includes(first));
  one.should.textContent = hit.includes(first) ? `should be ${number(right[first][at])}` : "";
}

function drawMatrix({ j, n, m, image, mark, canvas, wide, high }, book) {
  const values = book[`omega[${j}]`];
  if (image.shown !== values) {
    paint(canvas, values, n, m);
    image.setAttribute("href", canvas.toDataURL());
    image.shown = values;
  }
  const on = state.chosen.kind === "omega" && state.chosen.layer === j;
  mark.style.display = on ? "" : "none";
  if (on) { mark.setAttribute("x", (state.chosen.k * wide) / m); mark.setAttribute("y", (state.chosen.i * high) / n); }
}

const largest = (values) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

// Blue below zero, orange above; the ground of the page at zero. Of each scale 129 colors are made once.
const scales = {};
function scale(low, high, ground, least, most) {
  const name = [low, high, ground, least, most].join();
  if (!scales[name]) {
    scales[name] = Array.from({ length: 129 }, (_, at) => {
      const share = (at - 64) / 64;
      const end = share > 0 ? high : low;
      const strength = least + (most - least) * Math.abs(share);
      return ground.map((c, i) => Math.round(c + strength * (end[i] - c)));
    });
  }
  return scales[name];
}
const heatScale = () => (isDark()
  ? scale([96, 165, 250], [236, 134, 61], [29, 33, 38], 0, 0.9) : scale([10, 90, 214], [201, 58, 16], [255, 255, 255], 0, 0.9));
const shade = (colors, share) => colors[Number.isFinite(share) ? 64 + Math.round(64 * Math.max(-1, Math.min(1, share))) : 64];
const heat = (share) => `rgb(${shade(heatScale(), share).join(" ")})`;

function paint(canvas, values, n, m, top = largest(values) || 1) {
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(m, n);
  const colors = heatScale();
  for (let at = 0; at < values.length; at++) {
    pixels.data.set(shade(colors, values[at] / top), 4 * at);
    pixels.data[4 * at + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}
