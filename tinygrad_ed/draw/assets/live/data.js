// Region 2: the data. For two inputs the plane with the boundary; for images the picture; else a table.

const GRID = 60;
const plane = PAGE.sizes[0] === 2 ? rangeOf() : null;
let hovered = null;
let grid = null;

function rangeOf() {
  const found = [0, 1].map((axis) => {
    const values = Array.from({ length: N }, (_, s) => PAGE.x[2 * s + axis]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const more = 0.25 * (high - low) || 1;
    return [low - more, high + more];
  });
  const inputs = new Float64Array(GRID * GRID * 2);
  for (let r = 0; r < GRID; r++) for (let c = 0; c < GRID; c++) {
    const at = 2 * (r * GRID + c);
    inputs[at] = found[0][0] + ((c + 0.5) / GRID) * (found[0][1] - found[0][0]);
    inputs[at + 1] = found[1][1] - ((r + 0.5) / GRID) * (found[1][1] - found[1][0]);
  }
  return { x: found[0], y: found[1], inputs };
}

function hoverNeuron(layer, k = 0) {
  hovered = layer === null || (layer === 0) ? null : { layer, k };
  refresh();
}

function buildData(home) {
  if (plane) {
    home.innerHTML = '<canvas id="plane" tabindex="0" role="application"></canvas>';
    const canvas = home.firstChild;
    canvas.setAttribute("aria-label", "The samples in the plane of both inputs: arrows choose a sample, with Shift they move it");
    let held = null;
    canvas.addEventListener("pointerdown", (event) => {
      const sample = nearest(canvas, event);
      if (sample === null) return;
      chooseSample(sample);
      canvas.setPointerCapture(event.pointerId);
      held = { sample, moved: false, x: event.clientX, y: event.clientY };
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!held || (!held.moved && Math.hypot(event.clientX - held.x, event.clientY - held.y) < 4)) return;
      moveSample(held.sample, placed(canvas, event), !held.moved);
      held.moved = true;
    });
    canvas.addEventListener("pointerup", () => { held = null; });
    canvas.addEventListener("keydown", planeKey);
  } else if (PAGE.image) {
    home.innerHTML = `<div class="images">${["the sample", "∂E by the input", "weights of a neuron"].map((name, at) =>
      `<figure><canvas width="${PAGE.image[1]}" height="${PAGE.image[0]}" id="image-${at}"></canvas><figcaption>${name}</figcaption></figure>`).join("")}</div>
      <div id="answers" class="answers"></div>`;
  } else {
    home.innerHTML = '<div class="scroll" tabindex="0" role="region" aria-label="All samples"><table id="samples"></table></div>';
    home.querySelector("table").addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-sample]");
      if (row) chooseSample(Number(row.dataset.sample));
    });
  }
}

function planeKey(event) {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (!way) return;
  event.preventDefault();
  const now = samples()[state.row];
  if (!event.shiftKey) {
    chooseSample((now + N + (way[0] || -way[1])) % N);
    return;
  }
  const step = (plane.x[1] - plane.x[0]) / 50;
  moveSample(now, [state.x[2 * now] + step * way[0], state.x[2 * now + 1] + step * way[1]]);
}

function placed(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return [
    plane.x[0] + ((event.clientX - box.left) / box.width) * (plane.x[1] - plane.x[0]),
    plane.y[1] - ((event.clientY - box.top) / box.height) * (plane.y[1] - plane.y[0]),
  ];
}

function nearest(canvas, event) {
  const [x, y] = placed(canvas, event);
  const [wide, high] = [plane.x[1] - plane.x[0], plane.y[1] - plane.y[0]];
  let [best, found] = [0.06, null];
  for (let s = 0; s < N; s++) {
    const far = Math.hypot((state.x[2 * s] - x) / wide, (state.x[2 * s + 1] - y) / high);
    if (far < best) [best, found] = [far, s];
  }
  return found;
}

function drawData() {
  if (plane) drawPlane();
  else if (PAGE.image) drawImages();
  else drawTable();
}

// What is shown at each place of the plane: a hovered neuron, else the answer.
function mapOf() {
  const n = PAGE.sizes[L];
  if (grid && grid.parameters === state.parameters && grid.rule === state.rule && grid.hovered === hovered) return grid.values;
  const book = forward(plane.inputs, GRID * GRID, state.parameters);
  const values = new Float64Array(GRID * GRID);
  const { layer, k } = hovered || { layer: L, k: 0 };
  const all = book[`alpha[${layer}]`];
  const wide = PAGE.sizes[layer];
  for (let at = 0; at < values.length; at++) {
    if (hovered || n === 1) values[at] = all[at * wide + k];
    else if (n === 2) values[at] = all[2 * at + 1] - all[2 * at];
    else values[at] = classOf(all, at, n);
  }
  grid = { parameters: state.parameters, rule: state.rule, hovered, values };
  return values;
}

const TINTS = ["10 90 214", "201 58 16", "0 128 92", "156 51 145", "140 100 0", "0 120 140", "120 60 200", "90 90 90"];

function drawPlane() {
  const canvas = document.getElementById("plane");
  const scale = window.devicePixelRatio || 1;
  const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(wide * scale)) [canvas.width, canvas.height] = [Math.round(wide * scale), Math.round(high * scale)];
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  drawBoundary(context, canvas);
  context.scale(scale, scale);
  const unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  const inBatch = new Set(samples());
  const now = samples()[state.row];
  const spot = (s) => [((state.x[2 * s] - plane.x[0]) / (plane.x[1] - plane.x[0])) * wide, ((plane.y[1] - state.x[2 * s + 1]) / (plane.y[1] - plane.y[0])) * high];
  for (let s = 0; s < N; s++) {
    const [x, y] = spot(s);
    const group = classOf(state.rho, s, PAGE.sizes[L], true);
    context.globalAlpha = inBatch.has(s) ? 1 : 0.35;
    context.fillStyle = `rgb(${TINTS[group % TINTS.length]})`;
    context.strokeStyle = "#fff";
    context.lineWidth = 1.5 * unit;
    context.beginPath();
    if (group % 2) context.rect(x - 4.6 * unit, y - 4.6 * unit, 9.2 * unit, 9.2 * unit);
    else context.arc(x, y, 5.4 * unit, 0, 7);
    context.fill();
    context.stroke();
  }
  context.globalAlpha = 1;
  const [x, y] = spot(now);
  for (const [color, width, radius] of [["#fff", 5, 11], ["#111", 2.5, 11]]) {
    context.strokeStyle = color;
    context.lineWidth = width * unit;
    context.beginPath();
    context.arc(x, y, radius * unit, 0, 7);
    context.stroke();
  }
  document.getElementById("data-note").textContent = hovered
    ? `α of neuron ${hovered.k + 1} of layer ${hovered.layer}` : `sample ${now + 1} of ${N}`;
}

let tile = null;
function drawBoundary(context, canvas) {
  const values = mapOf();
  const dark = isDark();
  if (!tile || tile.values !== values || tile.dark !== dark) {
    const small = tile ? tile.small : document.createElement("canvas");
    [small.width, small.height] = [GRID, GRID];
    const inner = small.getContext("2d");
    const pixels = inner.createImageData(GRID, GRID);
    const classes = !hovered && PAGE.sizes[L] > 2;
    const middle = hovered || PAGE.sizes[L] > 1 ? 0 : PAGE.threshold;
    let top = 1e-9;
    if (!classes) for (const value of values) top = Math.max(top, Math.abs(value - middle));
    const ground = dark ? [26, 26, 26] : [255, 255, 255];
    const colors = scale(tint(0), tint(1), ground, 0.08, 0.6);
    const flat = TINTS.map((_, c) => ground.map((g, i) => Math.round(0.7 * g + 0.3 * tint(c)[i])));
    for (let at = 0; at < values.length; at++) {
      pixels.data.set(classes ? flat[values[at] % flat.length] : shade(colors, (1.25 * (values[at] - middle)) / top), 4 * at);
      pixels.data[4 * at + 3] = 255;
    }
    inner.putImageData(pixels, 0, 0);
    tile = { values, dark, small };
  }
  context.imageSmoothingEnabled = true;
  context.drawImage(tile.small, 0, 0, canvas.width, canvas.height);
}

const tint = (c) => TINTS[c].split(" ").map(Number);

function drawImages() {
  const [high, wide] = PAGE.image;
  const { book } = books();
  const n = PAGE.sizes[0];
  const { layer, k } = hovered && hovered.layer === 1 ? hovered : { layer: 1, k: state.chosen.layer === 1 ? state.chosen.k : 0 };
  const weights = Float64Array.from({ length: n }, (_, i) => state.parameters[`omega[${layer}]`][i * PAGE.sizes[1] + k]);
  const shown = [book["alpha[0]"], book["P[1]"]].map((all) => all.slice(state.row * n, (state.row + 1) * n));
  [...shown, weights].forEach((values, at) => paint(document.getElementById(`image-${at}`), values, high, wide));
  const answers = book[`alpha[${L}]`].slice(state.row * PAGE.sizes[L], (state.row + 1) * PAGE.sizes[L]);
  const best = classOf(answers, 0, answers.length);
  const expected = classOf(book.rho, state.row, answers.length, true);
  const top = largest(answers) || 1;
  document.getElementById("answers").innerHTML = Array.from(answers, (value, c) =>
    `<div class="${c === expected ? "expected" : ""}"><span>${c}</span><i style="height:${(2.6 * Math.abs(value)) / top}rem;background:${heat(value / top)}"></i><b>${c === best ? "▲" : ""}</b></div>`).join("");
  document.getElementById("data-note").textContent = `sample ${samples()[state.row] + 1} of ${N}; answered ${best}, expected ${expected}`;
}

function drawTable() {
  const table = document.getElementById("samples");
  const [n, m] = [PAGE.sizes[0], PAGE.sizes[L]];
  const answers = forward(state.x, N, state.parameters)[`alpha[${L}]`];
  const cells = (values, s, wide) => Array.from({ length: Math.min(wide, 8) }, (_, k) => `<td>${number(values[s * wide + k])}</td>`).join("");
  const heads = (kind, wide) => Array.from({ length: Math.min(wide, 8) }, (_, k) => `<th scope="col">${kind}${lowered(k + 1)}</th>`).join("");
  const now = samples()[state.row];
  const first = Math.max(0, Math.min(now - 20, N - 50));
  const rows = Array.from({ length: Math.min(N, 50) }, (_, r) => first + r);
  table.innerHTML = `<tr><th scope="col">sample</th>${heads(`${PAGE.letters.alpha}⁰`, n)}${heads(PAGE.letters.rho, m)}${heads(PAGE.letters.alpha + raised(L), m)}</tr>` +
    rows.map((s) => `<tr data-sample="${s}" class="${s === now ? "now" : ""}"><th scope="row">${s + 1}</th>${cells(state.x, s, n)}${cells(state.rho, s, m)}${cells(answers, s, m)}</tr>`).join("");
  document.getElementById("data-note").textContent = `sample ${now + 1} of ${N}`;
}
