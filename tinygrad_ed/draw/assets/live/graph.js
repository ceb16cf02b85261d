// The live page of a graph of numbers. PAGE has the nodes in their order, PROGRAM computes values, derivatives and locals.

const $ = (id) => document.getElementById(id);
const SIZE = { wide: 480, high: 318, left: 12, right: 12, top: 14, bottom: 30, span: 2, points: 41 };
const BOX = { wide: 150, high: 62, across: 232, down: 96 };
const { nodes, leaves } = PAGE;
const root = nodes.length - 1;
const edges = nodes.flatMap((node, to) => node.args.map((from, place) => ({ from, to, place })).filter((edge) => typeof edge.from === "number"));
const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const opened = () => ({ values: [...PAGE.values], leaf: 0, chosen: leaves[0] ?? root, step: null });

let state = opened();
let past = [];
let hold = null;
let asked = false;
let theme = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";

function become(changes, keep = false) {
  if (keep) past.push(state);
  state = { ...state, ...changes };
  refresh();
}

function refresh() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; draw(); });
}

const nameOf = (at) => nodes[at].name || (nodes[at].op ? nodes[at].sign : `x${leaves.indexOf(at) + 1}`);
const setLeaf = (leaf, value, keep) => become({ values: state.values.map((old, at) => (at === leaf ? value : old)) }, keep);
const chooseLeaf = (leaf) => { become({ leaf, chosen: leaves[leaf], step: null }); takeHold(); };

function takeHold() {
  const found = PROGRAM(state.values);
  const others = state.values.filter((_, at) => at !== state.leaf).join();
  hold = { leaf: state.leaf, others, value: state.values[state.leaf], cost: found.values[root], slope: found.slopes[leaves[state.leaf]] };
}

// The steps of the player: every op forward, then every node backward.
const STEPS = [
  ...nodes.flatMap((node, at) => (node.op ? [{ phase: "forward", at }] : [])),
  ...nodes.map((_, at) => ({ phase: "backward", at })).reverse(),
];

// Columns by the longest way from a leaf; within a column in the order of what they are computed from.
function layOut() {
  const column = [];
  nodes.forEach((node, at) => {
    const from = node.args.filter((arg) => typeof arg === "number");
    column[at] = from.length ? 1 + Math.max(...from.map((arg) => column[arg])) : 0;
  });
  for (const leaf of leaves) {
    const users = edges.filter((edge) => edge.from === leaf).map((edge) => column[edge.to]);
    if (users.length) column[leaf] = Math.min(...users) - 1;
  }
  const columns = Array.from({ length: Math.max(...column) + 1 }, () => []);
  nodes.forEach((_, at) => columns[column[at]].push(at));
  const most = Math.max(...columns.map((all) => all.length));
  const wide = columns.length * BOX.across - 50;
  const high = Math.max(most * BOX.down + 20, Math.min(0.6 * wide, 560));
  const y = [];
  for (const all of columns) {
    const wanted = (at) => {
      const from = nodes[at].args.filter((arg) => typeof arg === "number" && y[arg] !== undefined);
      return from.length ? from.reduce((sum, arg) => sum + y[arg], 0) / from.length : 0;
    };
    if (all !== columns[0]) all.sort((a, b) => wanted(a) - wanted(b));
    all.forEach((at, k) => { y[at] = (high * (k + 0.5)) / all.length; });
  }
  return { x: column.map((c) => 90 + c * BOX.across), y, wide, high, column };
}

const drawn = { cards: [], wires: [] };

function build(svg) {
  const { x, y, wide, high, column } = layOut();
  svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
  svg.style.minWidth = `${Math.min(wide * 0.0432, 200)}rem`;
  const wires = make("g", {}, svg);
  const labels = make("g", {}, svg);
  edges.forEach(({ from, to, place }, e) => {
    const shift = (place - (nodes[to].args.length - 1) / 2) * 14;
    const [a, b] = [[x[from] + BOX.wide / 2, y[from]], [x[to] - BOX.wide / 2, y[to] + shift]];
    const bend = (b[0] - a[0]) / 2;
    const bow = column[to] - column[from] > 1 ? (a[1] < high / 2 ? -1 : 1) * 80 : 0; // around the cards between them
    const wire = make("path", { class: "wire", d: `M${a[0]} ${a[1]}C${a[0] + bend} ${a[1] + bow} ${b[0] - bend} ${b[1] + bow} ${b[0]} ${b[1]}` }, wires);
    const sent = make("text", { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2 + 0.75 * bow - 6 + (a[1] === b[1] ? shift : 0), class: "sent" }, labels);
    drawn.wires.push({ wire, sent, e });
  });
  nodes.forEach((node, at) => drawn.cards.push(card(svg, node, at, x[at], y[at])));
}

function card(parent, node, at, x, y) {
  const leaf = leaves.indexOf(at);
  const g = make("g", { class: `card ${leaf >= 0 ? "leaf" : at === root ? "output" : ""}`, transform: `translate(${x - BOX.wide / 2} ${y - BOX.high / 2})` }, parent);
  make("rect", { class: "box", width: BOX.wide, height: BOX.high, rx: 12 }, g);
  fitted(make("text", { x: 11, y: 25, class: "name" }, g), nameOf(at), 60);
  make("title", {}, g, nameOf(at));
  if (node.op) fitted(make("text", { x: 11, y: 51, class: "quiet" }, g), node.sign, 46);
  const value = make("text", { x: BOX.wide - 11, y: 25, class: "alpha end" }, g);
  const slope = make("text", { x: BOX.wide - 11, y: 51, class: "B end" }, g);
  g.addEventListener("click", () => become({ chosen: at, step: null }));
  if (leaf >= 0) makeSlider(g, leaf);
  return { g, at, leaf, value, slope };
}

function makeSlider(g, leaf) {
  g.setAttribute("role", "slider");
  let from = null;
  g.addEventListener("pointerdown", (event) => {
    g.setPointerCapture(event.pointerId);
    chooseLeaf(leaf);
    from = { y: event.clientY, value: state.values[leaf], moved: false };
    g.focus({ preventScroll: true });
  });
  g.addEventListener("pointermove", (event) => {
    if (!from || (!from.moved && Math.abs(event.clientY - from.y) < 3)) return;
    setLeaf(leaf, from.value + (from.y - event.clientY) / 100, !from.moved);
    from.moved = true;
  });
  g.addEventListener("pointerup", () => { from = null; });
  g.addEventListener("pointercancel", () => { from = null; });
  g.addEventListener("keydown", (event) => {
    const by = { ArrowUp: 0.05, ArrowDown: -0.05, PageUp: 0.5, PageDown: -0.5 }[event.key];
    const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) setLeaf(leaf, state.values[leaf] + by, true);
    else if (way) {
      chooseLeaf((leaf + way + leaves.length) % leaves.length);
      drawn.cards.find((one) => one.leaf === state.leaf).g.focus();
    } else return;
    event.preventDefault();
  });
}

const INFIX = { add: "+", subtract: "−", multiply: "·", divide: "/" };
const joined = (node, parts) => (INFIX[node.op] && parts.length === 2 ? parts.join(` ${INFIX[node.op]} `) : `${escaped(node.sign)}(${parts.join(", ")})`);
const button = (at) => `<button type="button" class="term alpha" data-at="${at}">${escaped(nameOf(at))}</button>`;
const constant = (text) => (Number.isFinite(Number(text)) ? number(Number(text)) : escaped(text));

function forwardRow(found, at) {
  const node = nodes[at];
  if (!node.op) return `<p class="equation"><b>${escaped(nameOf(at))}</b> = ${number(found.values[at])} <span class="quiet">a leaf</span></p>`;
  const letters = node.args.map((arg) => (typeof arg === "number" ? button(arg) : constant(arg)));
  const numbers = node.args.map((arg) => (typeof arg === "number" ? factor(found.values[arg]) : constant(arg)));
  return `<p class="equation"><b>${escaped(nameOf(at))}</b> = ${joined(node, letters)} = <span class="numbers">${joined(node, numbers)}</span> = <b>${number(found.values[at])}</b></p>`;
}

function backwardRow(found, at) {
  const y = escaped(nameOf(root));
  const left = (name) => `<span class="B">∂${y}/∂<b>${name}</b></span>`;
  if (at === root) return `<p class="equation">${left(y)} = <b>1</b> <span class="quiet">the sweep begins here</span></p>`;
  const out = edges.map((edge, e) => ({ ...edge, e })).filter((edge) => edge.from === at);
  const letters = out.map(({ to }) => `∂${y}/∂${button(to)} · ∂${escaped(nameOf(to))}/∂${escaped(nameOf(at))}`).join(" + ");
  const numbers = out.map(({ to, e }) => `${factor(found.slopes[to])} · ${factor(found.locals[e])}`).join(" + ");
  return `<p class="equation">${left(escaped(nameOf(at)))} = ${letters || "0"}${out.length ? ` = <span class="numbers">${numbers}</span>` : ""} = <b>${number(found.slopes[at])}</b>` +
    `${out.length > 1 ? ` <span class="quiet">${out.length} uses, so ${out.length} terms</span>` : ""}</p>`;
}

function draw() {
  const found = PROGRAM(state.values);
  const step = state.step === null ? null : STEPS[state.step];
  const most = Math.max(1e-12, ...found.slopes.map(Math.abs));
  const done = (phase, at) => step === null || STEPS.findIndex((one) => one.phase === phase && one.at === at) <= state.step;
  drawn.cards.forEach(({ g, at, leaf, value, slope }) => {
    fitted(value, done("forward", at) ? number(found.values[at]) : "", 78);
    fitted(slope, done("backward", at) ? `∂ ${number(found.slopes[at])}` : "∂ –", 92);
    g.classList.toggle("factor-alpha", step ? step.at === at && step.phase === "forward" : state.chosen === at);
    g.classList.toggle("factor-B", Boolean(step && step.at === at && step.phase === "backward"));
    if (leaf < 0) return;
    g.tabIndex = leaf === state.leaf ? 0 : -1;
    g.setAttribute("aria-label", `leaf ${nameOf(at)}`);
    g.setAttribute("aria-valuenow", found.values[at]);
    g.setAttribute("aria-valuetext", `${number(found.values[at])}, slope ${number(found.slopes[at])}`);
  });
  for (const { wire, sent, e } of drawn.wires) {
    const share = found.slopes[edges[e].to] * found.locals[e];
    const shown = done("backward", edges[e].from);
    sent.textContent = shown ? number(share) : "";
    wire.style.strokeWidth = shown ? 1 + 4 * Math.min(1, Math.abs(share) / most) : 1.2;
    wire.classList.toggle("path", edges[e].from === (step ? step.at : state.chosen) && (!step || step.phase === "backward"));
  }
  const at = step ? step.at : state.chosen;
  $("why").innerHTML = (step && step.phase === "backward" ? "" : forwardRow(found, at)) + (step && step.phase === "forward" ? "" : backwardRow(found, at));
  drawCurve(found);
  $("result-name").textContent = $("curve-result").textContent = nameOf(root);
  $("result").textContent = number(found.values[root]);
  $("steps").textContent = step ? `${state.step + 1} / ${STEPS.length}` : `all ${STEPS.length}`;
  $("back").disabled = state.step === null;
  $("undo").disabled = past.length === 0;
  $("table").innerHTML = '<tr><th scope="col">name</th><th scope="col">op</th><th scope="col">value</th><th scope="col">∂</th></tr>' + nodes.map((node, k) =>
    `<tr data-at="${k}" class="${k === at ? "now" : ""}"><th scope="row">${escaped(nameOf(k))}</th><td>${node.op ? escaped(node.op) : "leaf"}</td><td>${number(found.values[k])}</td><td>${number(found.slopes[k])}</td></tr>`).join("");
  speak(found);
}

let measured = null;
function drawCurve(found) {
  if (!leaves.length) return;
  const value = state.values[state.leaf];
  const others = state.values.filter((_, at) => at !== state.leaf).join();
  if (!hold || hold.leaf !== state.leaf || hold.others !== others) takeHold();
  const key = `${state.leaf} ${others}`;
  if (!measured || measured.key !== key || value < measured.low + 0.2 || value > measured.low + 2 * SIZE.span - 0.2) {
    const low = value - SIZE.span;
    const places = Array.from({ length: SIZE.points }, (_, at) => low + (2 * SIZE.span * at) / (SIZE.points - 1));
    const costs = places.map((place) => PROGRAM(state.values.map((old, at) => (at === state.leaf ? place : old))).values[root]);
    measured = { key, low, places, costs };
  }
  $("curve-title").textContent = nameOf(leaves[state.leaf]);
  drawChart(parts, SIZE, nameOf(root), measured, value, found.values[root], found.slopes[leaves[state.leaf]], hold);
}

let saying = 0;
function speak(found) {
  clearTimeout(saying);
  const at = state.step === null ? state.chosen : STEPS[state.step].at;
  saying = setTimeout(() => { $("said").textContent = `${nameOf(at)} ${number(found.values[at])}, slope ${number(found.slopes[at])}`; }, 500);
}

const ACTIONS = {
  step: () => become({ step: state.step === null ? 0 : state.step + 1 < STEPS.length ? state.step + 1 : null }),
  back: () => become({ step: state.step ? state.step - 1 : null }),
  all: () => become({ step: null }),
  undo: () => { if (past.length) { state = past.pop(); refresh(); } },
  reset: () => { past = []; state = opened(); refresh(); },
  theme: () => { theme = theme === "dark" ? "light" : "dark"; document.documentElement.dataset.theme = theme; },
};

document.documentElement.classList.add("js");
document.documentElement.dataset.theme = theme;
const tools = [...document.querySelectorAll("#tools button")];
for (const tool of tools) tool.addEventListener("click", () => ACTIONS[tool.id]());
$("tools").addEventListener("keydown", (event) => {
  const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!way) return;
  const next = tools[(tools.indexOf(document.activeElement) + way + tools.length) % tools.length];
  tools.forEach((tool) => { tool.tabIndex = tool === next ? 0 : -1; });
  next.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input")) return;
  const action = event.key === "z" && event.ctrlKey ? "undo" : { ".": "step", ",": "back", t: "theme" }[event.key];
  if (action) ACTIONS[action]();
});
$("value").addEventListener("change", () => {
  const typed = Number($("value").value.replace(",", ".").replace("−", "-"));
  if (Number.isFinite(typed) && $("value").value.trim()) setLeaf(state.leaf, typed, true);
  $("value").blur();
});
for (const id of ["why", "table"]) {
  $(id).addEventListener("click", (event) => {
    const home = event.target.closest("[data-at]");
    if (home) become({ chosen: Number(home.dataset.at), step: null });
  });
}
build($("graph"));
const parts = chart($("curve"), SIZE, "measured");
refresh();
