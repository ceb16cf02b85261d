// The bar, the drawer, keys, and what is read aloud; then the page is drawn for the first time.

const $ = (id) => document.getElementById(id);
let running = false;
let theme = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
const isDark = () => theme === "dark";

function setTheme(next) {
  theme = next;
  document.documentElement.dataset.theme = next;
  drawn.matrices.forEach((one) => { one.image.shown = null; });
  refresh();
}

function run(on) {
  running = on;
  $("run").setAttribute("aria-pressed", String(on));
  $("run").querySelector("span").textContent = on ? "Pause" : "Run";
  if (on) stepForward();
}

const ACTIONS = {
  back: () => { run(false); stepBack(); },
  step: () => { run(false); stepForward(); },
  run: () => run(!running),
  rewind: () => { run(false); rewind(); },
  reset: () => { run(false); unfolded = []; reset(); },
  next: () => nextSample(),
  theme: () => setTheme(isDark() ? "light" : "dark"),
  share: () => share(),
};
const KEYS = { " ": "run", ".": "step", ",": "back", Home: "rewind", Escape: "reset", n: "next", t: "theme" };

function buildBar() {
  const bar = $("tools");
  const buttons = [...bar.querySelectorAll("button")];
  for (const button of buttons) button.addEventListener("click", () => ACTIONS[button.id]());
  bar.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = buttons[(buttons.indexOf(document.activeElement) + by + buttons.length) % buttons.length];
    buttons.forEach((button) => { button.tabIndex = button === next ? 0 : -1; });
    next.focus();
    event.preventDefault();
    event.stopPropagation();
  });
  $("eta").addEventListener("input", () => setEta(10 ** Number($("eta").value)));
  $("batch").addEventListener("input", () => setSize(Number($("batch").value)));
  $("rules").addEventListener("change", () => setRule(Number($("rules").value)));
  $("value").addEventListener("change", () => {
    const typed = Number($("value").value.replace(",", ".").replace("−", "-"));
    if (Number.isFinite(typed) && $("value").value.trim()) setValue(state.chosen, typed);
    $("value").blur();
  });
  $("value").addEventListener("keydown", (event) => { if (event.key === "Enter") $("value").blur(); });
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target.matches("button, summary")) return;
    const action = KEYS[event.key];
    if (!action || $("dialog").open) return;
    event.preventDefault();
    ACTIONS[action]();
  });
  $("log").addEventListener("change", refresh);
  $("drawer").addEventListener("toggle", refresh);
  $("close").addEventListener("click", () => $("dialog").close());
  fillRules();
}

function fillRules() {
  const groups = new Map();
  WRONG.forEach(({ rule, name }, at) => {
    if (!groups.has(rule)) groups.set(rule, document.createElement("optgroup"));
    groups.get(rule).label = `in place of ${rule}`;
    groups.get(rule).append(new Option(name, at));
  });
  $("rules").append(...groups.values());
}

function drawBar() {
  const { book, wrong } = books();
  $("cost").textContent = number(book.cost);
  const share = accuracy();
  $("accuracy").parentElement.hidden = share === null;
  if (share !== null) $("accuracy").textContent = `${Math.round(100 * share)} %`;
  const test = testCost();
  $("test").parentElement.hidden = test === null;
  if (test !== null) $("test").textContent = number(test);
  $("steps").textContent = state.step;
  $("eta").value = Math.log10(state.eta);
  $("eta-value").textContent = number(Number(state.eta.toPrecision(3)));
  $("batch").max = N;
  $("batch").value = state.size;
  $("batch-value").textContent = state.size === N ? `all ${N}` : state.size;
  $("rules").value = state.rule;
  $("back").disabled = $("rewind").disabled = past.length === 0;
  document.body.classList.toggle("is-wrong", state.rule >= 0);
  $("verdict").hidden = state.rule < 0;
  if (state.rule >= 0) {
    $("verdict").textContent = wrong.length
      ? `${letterOf(wrong[0])} is the first wrong quantity; ${wrong.length - 1} more inherit it.`
      : "Nothing differs at these numbers: this mistake is not seen here.";
  }
  if (!Number.isFinite(book.cost) || book.cost > 1e12) {
    if (running) run(false);
    say("E grows without bound: η is too large.");
  }
}

function letterOf(name) {
  const [, grad, kind, layer] = name.match(/^(grad_)?(\w+?)(?:\[(\d+)\])?$/);
  if (kind === "cost") return "E";
  return grad ? `∂E/∂${PAGE.letters[kind]}${raised(layer)}` : PAGE.letters[kind] + raised(layer);
}

// Region 5: the cost over the steps, and every quantity.
function drawDrawer() {
  $("drawer-note").textContent = state.step ? `after ${state.step} steps E is ${number(books().book.cost)}` : "step or run, and E is drawn here";
  if (!$("drawer").open) return;
  const { book, right, wrong } = books();
  const runs = [[[...state.costs, book.cost], "measured"]];
  if (state.ghost) runs.unshift([[...state.ghost.costs, ledger(state, -1, state.ghost.parameters).cost], "ghost"]);
  const log = $("log").checked;
  const shown = (cost) => (log ? Math.log10(Math.max(cost, 1e-300)) : cost);
  const all = runs.flatMap(([costs]) => costs.map(shown)).filter(Number.isFinite);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const longest = Math.max(2, ...runs.map(([costs]) => costs.length));
  const paths = runs.map(([costs, kind]) => `<path class="${kind}" d="M${costs.map((cost, t) =>
    `${(10 + (t / (longest - 1)) * 580).toFixed(1)} ${(130 - ((shown(cost) - least) / (most - least || 1)) * 110).toFixed(1)}`).filter((p) => !p.includes("N") && !p.includes("I")).join("L")}"/>`);
  $("history").innerHTML = `${paths.join("")}<text x="10" y="148" class="tick start">0</text><text x="590" y="148" class="tick end">step ${longest - 1}</text>` +
    `<text x="590" y="14" class="tick end">E ${number(log ? 10 ** most : most)}</text>`;
  $("quantities").innerHTML = "<tr><th scope=\"col\">letter</th><th scope=\"col\">in code</th><th scope=\"col\">values</th></tr>" + PAGE.quantities.map((name) => {
    const values = typeof book[name] === "number" ? [book[name]] : Array.from(book[name].subarray(0, 24), (x) => x);
    const more = typeof book[name] !== "number" && book[name].length > 24 ? ` … ${book[name].length} in all` : "";
    const should = name === wrong[0] ? ` <span class="off">should be ${typeof right[name] === "number" ? number(right[name]) : Array.from(right[name].subarray(0, 6), number).join("  ")}</span>` : "";
    return `<tr class="${name === wrong[0] ? "first" : wrong.includes(name) ? "inherits" : ""}"><th scope="row">${letterOf(name)}</th><td><code>${name}</code></td><td>${values.map(number).join("  ")}${more}${should}</td></tr>`;
  }).join("");
}

// At most one message in half a second, and the last one counts.
let [saying, saidAt] = [0, 0];
function say(text) {
  clearTimeout(saying);
  saying = setTimeout(() => { saidAt = Date.now(); $("said").textContent = text; }, Math.max(0, 500 - (Date.now() - saidAt)));
}

function speak() {
  if (running) return;
  const { book } = books();
  say(`${nameOf(state.chosen)} ${number(valueOf(state.chosen))}, slope ${number(slopeOf(state.chosen, book))}, E ${number(book.cost)}`);
}

// The state as an address and as Python.
function share() {
  const rows = (values, m) => Array.from({ length: values.length / m }, (_, i) => `[${Array.from(values.subarray(i * m, (i + 1) * m)).join(", ")}]`);
  const weights = PAGE.sizes.slice(1).map((m, j) => `    [${rows(state.parameters[`omega[${j + 1}]`], m).join(",\n     ")}],`);
  const biases = PAGE.sizes.slice(1).map((m, j) => `    ${rows(state.parameters[`beta[${j + 1}]`] || new Float64Array(m), m)[0]},`);
  $("code").value = `import tinygrad_ed as tg\n\nmlp = tg.nn.MLP.from_weights(\n  [\n${weights.join("\n")}\n  ],\n  [\n${biases.join("\n")}\n  ],\n  activation=${JSON.stringify(PAGE.activations)},\n)\n`;
  const numbers = Float64Array.from(PARAMETERS.flatMap((name) => [...state.parameters[name]]));
  const packed = btoa(String.fromCharCode(...new Uint8Array(numbers.buffer)));
  $("address").value = `${location.href.split("#")[0]}#${new URLSearchParams({ eta: state.eta, batch: state.size, start: state.start, rule: state.rule, w: packed })}`;
  $("dialog").showModal();
}

function fromAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (!given.has("w")) return;
  try {
    const numbers = new Float64Array(Uint8Array.from(atob(given.get("w")), (c) => c.charCodeAt(0)).buffer);
    const whole = (name, most) => Math.max(0, Math.min(most, Math.floor(Number(given.get(name))) || 0));
    const parameters = {};
    let from = 0;
    for (const name of PARAMETERS) {
      const size = state.parameters[name].length;
      parameters[name] = numbers.slice(from, from + size);
      from += size;
    }
    const rule = Math.min(WRONG.length - 1, Math.floor(Number(given.get("rule"))));
    if (from !== numbers.length || !numbers.every(Number.isFinite)) return;
    state = { ...state, parameters, eta: Number(given.get("eta")) || state.eta, size: Math.max(1, whole("batch", N)), start: whole("start", N - 1), rule: rule >= 0 ? rule : -1 };
  } catch {
    // An address that was cut short is no state; the page opens as it was written.
  }
}

document.documentElement.classList.add("js");
document.documentElement.dataset.theme = theme;
fromAddress();
buildBar();
buildNetwork($("network"));
buildData($("data"));
const curveParts = chart($("curve"), CURVE, "measured");
buildWhy($("why"));
onChange(drawBar);
onChange(drawNetwork);
onChange(() => drawCurve(curveParts));
onChange(drawData);
onChange(drawWhy);
onChange(drawDrawer);
onChange(speak);
onChange(() => { if (running) stepForward(); });
new ResizeObserver(refresh).observe($("data"));
refresh();
