// The player's script: shows the state after k steps, k from 0 to all. Every state is built from the start, so
// stepping back, jumping and an address such as #step=17 are the same thing.
(function () {
  "use strict";
  const get = (id) => document.getElementById(id);
  const data = JSON.parse(get("data").textContent);
  const steps = data.steps;
  const items = Array.from(get("steps").children);
  const nodes = new Map(data.trace.nodes.map((node) => [node.id, node]));
  const cards = new Map();
  const start = new Map();
  const edges = data.trace.edges.map((edge, i) => get("edge-" + i));
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const first = (phase) => steps.findIndex((step) => step.phase === phase) + 1;
  let at = 0;
  let timer = 0;

  for (const id of nodes.keys()) {
    const card = get("node-" + id);
    const part = (name) => card.querySelector("." + name);
    cards.set(id, { card: card, value: part("value"), gradient: part("gradient") });
    start.set(id, part("value").textContent);
  }

  function reset() {
    for (const [id, node] of nodes) {
      const shown = cards.get(id);
      const known = node.op === null;
      shown.card.classList.remove("active", "updated");
      shown.card.classList.toggle("known", known);
      shown.value.textContent = known ? start.get(id) : "";
      if (node.role !== "constant") shown.gradient.textContent = known || at > 0 ? "∂ –" : "";
    }
    for (const edge of edges) edge.classList.remove("active", "sent");
  }

  function apply(step) {
    const shown = cards.get(step.node);
    if (step.phase === "forward") {
      shown.card.classList.add("known");
      shown.value.textContent = start.get(step.node);
    } else if (step.phase === "backward") {
      shown.gradient.textContent = "∂ = " + step.shown;
      if (step.edge !== null) edges[step.edge].classList.add("sent");
    } else {
      shown.value.textContent = step.shown;
      shown.card.classList.add("updated");
    }
  }

  function mark(step, near) {
    get("stage").classList.toggle("back", step.phase !== "forward");
    cards.get(step.node).card.classList.add("active");
    if (step.phase === "forward") {
      data.trace.edges.forEach((edge, i) => {
        if (edge.target === step.node) edges[i].classList.add("active");
      });
    } else if (step.edge !== null) {
      edges[step.edge].classList.add("active");
    }
    reveal(get("stage"), cards.get(step.node).card, near);
    reveal(get("steps"), items[at - 1], near);
  }

  // Scroll a box so that one of its parts is inside; the page itself stays where it is.
  function reveal(box, part, near) {
    const outer = box.getBoundingClientRect();
    const inner = part.getBoundingClientRect();
    const room = Math.min(90, outer.height / 4);
    let by = 0;
    if (inner.top < outer.top + room) by = inner.top - outer.top - room;
    if (inner.bottom > outer.bottom - room) by = inner.bottom - outer.bottom + room;
    if (by) box.scrollBy({ top: by, behavior: near && !still ? "smooth" : "auto" });
  }

  function show(k) {
    const near = Math.abs(k - at) === 1;
    at = Math.max(0, Math.min(steps.length, k));
    reset();
    for (let i = 0; i < at; i += 1) apply(steps[i]);
    items.forEach((item, i) => {
      item.classList.toggle("current", i === at - 1);
      if (i === at - 1) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
    const now = get("now");
    if (at) {
      mark(steps[at - 1], near);
      now.className = steps[at - 1].phase;
      const copy = items[at - 1].cloneNode(true);
      const phase = document.createElement("div");
      phase.className = "phase";
      phase.textContent = steps[at - 1].phase;
      now.replaceChildren(phase, ...copy.childNodes);
      get("live").textContent = "Step " + at + " of " + steps.length + ". " + steps[at - 1].say;
    } else {
      now.className = "";
      now.textContent = "The leaves have their values; nothing is computed yet. Press → for the first step.";
      get("live").textContent = now.textContent;
    }
    get("slider").value = at;
    get("count").textContent = at + " / " + steps.length;
    if (at === steps.length) play(false);
    const address = "#step=" + at;
    if (window.location.hash !== address) {
      try {
        window.history.replaceState(null, "", address);
      } catch (error) {
        // a frame inside a notebook has no address of its own
      }
    }
  }

  function play(on) {
    window.clearInterval(timer);
    timer = on ? window.setInterval(() => show(at + 1), 1400) : 0;
    get("play").textContent = on ? "Pause" : "Play";
    get("play").setAttribute("aria-pressed", String(on));
  }

  function help() {
    const hidden = !get("keys").hidden;
    get("keys").hidden = hidden;
    get("help").setAttribute("aria-expanded", String(!hidden));
  }

  const actions = {
    first: () => show(0),
    previous: () => show(at - 1),
    next: () => show(at + 1),
    last: () => show(steps.length),
    play: () => { if (!timer && at === steps.length) show(0); play(!timer); },
    forward: () => show(first("forward")),
    backward: () => show(first("backward")),
    help: help,
  };
  const keys = {
    ArrowLeft: "previous", ArrowRight: "next", Home: "first", End: "last", " ": "play", f: "forward", b: "backward", "?": "help",
  };

  function address() {
    const match = /^#step=(\d+)$/.exec(window.location.hash);
    show(match ? Number(match[1]) : 0);
  }

  document.body.classList.add("js");
  get("controls").hidden = false;
  get("now").hidden = false;
  get("slider").max = steps.length;
  for (const name of Object.keys(actions)) {
    get(name).addEventListener("click", () => { if (name !== "play") play(false); actions[name](); });
  }
  get("slider").addEventListener("input", () => { play(false); show(Number(get("slider").value)); });
  items.forEach((item, i) => item.addEventListener("click", (event) => { event.preventDefault(); play(false); show(i + 1); }));
  document.addEventListener("keydown", (event) => {
    const name = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!name || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === " " && event.target.tagName === "BUTTON") return; // a button does what it says
    event.preventDefault();
    if (name !== "play") play(false);
    actions[name]();
  });
  window.addEventListener("hashchange", address);
  address();
}());
