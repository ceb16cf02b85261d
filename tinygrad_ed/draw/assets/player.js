// The player's script: shows the state after k steps, k from 0 to all. Every state is built from the start, so
// stepping back, jumping and an address such as #step=17 are the same thing. With "predict first" a step that is
// walked to keeps its number back until the reader has typed one.
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
  const first = (phase) => steps.findIndex((step) => step.phase === phase) + 1;
  const score = { right: 0, asked: 0, answers: [] };
  const speeds = [1, 2, 4, 0.5];
  let at = 0;
  let asking = false;
  let predicting = false;
  let timer = 0;
  let printed = 0;
  let tries = 0;
  let hinted = false;
  let speed = 1;

  for (const id of nodes.keys()) {
    const card = get("node-" + id);
    const part = (name) => card.querySelector("text." + name);
    const sign = part("gradient").textContent.startsWith("∂ =") ? "∂ = " : "∂ ";
    cards.set(id, { card: card, value: part("value"), gradient: part("gradient"), sign: sign });
    start.set(id, part("value").textContent);
  }

  const why = reasons({ nodes: nodes, cards: cards, edges: edges, items: items, steps: steps, ends: data.trace.edges, at: () => at, asking: () => asking });

  function reset() {
    for (const [id, node] of nodes) {
      const shown = cards.get(id);
      const known = node.op === null;
      shown.card.classList.remove("active", "updated", "arrived");
      shown.card.classList.toggle("known", known);
      shown.value.textContent = known ? start.get(id) : "";
      if (node.role !== "constant") shown.gradient.textContent = known || at > 0 ? "∂ –" : "";
    }
    for (const edge of edges) edge.classList.remove("active", "sent");
  }

  function apply(step, hidden) {
    const shown = cards.get(step.node);
    if (step.phase === "forward") {
      shown.card.classList.add("known");
      shown.value.textContent = hidden ? "?" : start.get(step.node);
    } else if (step.phase === "backward") {
      shown.gradient.textContent = shown.sign + (hidden ? "?" : step.shown);
      if (!hidden && step.whole) shown.card.classList.add("arrived");
      if (step.edge !== undefined && !hidden) edges[step.edge].classList.add("sent");
    } else {
      shown.value.textContent = hidden ? "?" : step.shown;
      shown.card.classList.add("updated");
    }
  }

  function mark(step) {
    get("stage").classList.toggle("back", step.phase === "backward");
    cards.get(step.node).card.classList.add("active");
    if (step.phase === "forward" || step.phase === "again") {
      data.trace.edges.forEach(([, target], i) => {
        if (target === step.node) edges[i].classList.add("active");
      });
    } else if (step.edge !== undefined) {
      edges[step.edge].classList.add("active");
    }
  }

  function show(k, ask) {
    const near = Math.abs(k - at) === 1;
    at = Math.max(0, Math.min(steps.length, k));
    asking = Boolean(ask) && at > 0 && steps[at - 1].ask !== undefined;
    reset();
    for (let i = 0; i < at; i += 1) apply(steps[i], asking && i === at - 1);
    items.forEach((item, i) => {
      item.classList.toggle("current", i === at - 1);
      if (i === at - 1) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
    if (at) mark(steps[at - 1]);
    tell();
    why.link();
    if (at) {
      view.reveal(get("stage"), cards.get(steps[at - 1].node).card, near);
      view.reveal(get("steps"), items[at - 1], near);
    }
    get("slider").value = at;
    get("slider").setAttribute("aria-valuetext", "step " + at + " of " + steps.length);
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

  // The box with the step that is shown, and the sentence for a screen reader.
  function tell() {
    const now = get("now");
    const live = get("live");
    get("guess").hidden = !asking;
    if (!at) {
      now.className = "";
      now.textContent = "The leaves have their values; nothing is computed yet. Press → for the first step.";
      live.textContent = now.textContent;
      return;
    }
    const step = steps[at - 1];
    now.className = step.phase + (asking ? " asking" : "");
    const copy = items[at - 1].cloneNode(true);
    const phase = document.createElement("div");
    phase.className = "phase";
    phase.textContent = step.phase;
    if (asking) {
      for (const part of copy.querySelectorAll(".answer, .say, .numbers, .rule")) part.remove();
      if (!hinted) ask(copy.querySelector(".general math"));
    }
    now.replaceChildren(phase, ...copy.childNodes);
    const place = "Step " + at + " of " + steps.length + ". ";
    const which = step.which ? " (" + step.which + ")" : "";
    const names = { forward: "Which value comes out", backward: "How much is sent back", update: "Which is the new value", again: "What comes out now" };
    const question = names[step.phase] + which + "?";
    get("question").textContent = question;
    live.textContent = place + (asking ? question : items[at - 1].querySelector(".say").textContent);
  }

  // Of an equation only what is asked for: its left side.
  function ask(math) {
    const parts = Array.from(math.children);
    const sign = parts.findIndex((part) => /^(\+?=|←|≈)$/.test(part.textContent));
    parts.slice(sign + 1).forEach((part) => part.remove());
    const mark = document.createElementNS(math.namespaceURI, "mo");
    mark.textContent = "?";
    math.append(mark);
    math.removeAttribute("alttext");
  }

  function check(event) {
    event.preventDefault();
    if (!asking) return;
    const step = steps[at - 1];
    const text = get("answer").value;
    const typed = guess.read(text);
    const said = (kind, words) => { get("verdict").className = kind; get("verdict").textContent = words; };
    if (Number.isNaN(typed)) return said("wrong", "Type a number, such as −0.25 or 1/4.");
    const work = items[at - 1].querySelector(".numbers math");
    const good = guess.right(typed, step.ask, text, guess.worked((work && work.getAttribute("alttext")) || ""));
    const reason = good ? "" : guess.name(typed, step, steps, items);
    tries += 1;
    score.answers.push({ step: at, typed: text, right: good, tries: tries, said: reason });
    if (!good && tries < 2) return said("wrong", "✗ Not quite. " + (reason ? reason + " " : "") + "Try once more.");
    score.asked += 1;
    score.right += good ? 1 : 0;
    const exact = String(Number(step.ask.toPrecision(4))).replace("-", "−");
    said(good ? "right" : "wrong", (good ? "✓ Right. " : "✗ Not quite: it is " + exact + ". " + (reason ? reason + " " : "")) +
      score.right + " right of " + score.asked + ".");
    show(at, false);
    get("next").focus();
  }

  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify({ title: document.title, ...score }, null, 1)], { type: "application/json" }));
    link.download = "score.json";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function next() {
    if (asking) {
      get("verdict").className = "";
      get("verdict").textContent = "Shown without a guess. " + score.right + " right of " + score.asked + ".";
      show(at, false);
      return;
    }
    if (at === steps.length) return;
    tries = 0;
    hinted = false;
    show(at + 1, predicting);
    if (!predicting) return;
    get("verdict").textContent = "";
    get("answer").value = "";
    if (asking) get("answer").focus();
  }

  function predict() {
    predicting = !predicting;
    get("predict").setAttribute("aria-pressed", String(predicting));
    get("save").hidden = !predicting;
    get("verdict").className = "";
    get("verdict").textContent = predicting ? "Predict first: the next number is yours to type." : "";
    if (asking) show(at, false);
    else if (predicting) next();
  }

  function play(on) {
    window.clearInterval(timer);
    timer = on ? window.setInterval(() => show(at + 1), 1400 / speed) : 0;
    get("play").textContent = on ? "Pause" : "Play";
    get("play").setAttribute("aria-pressed", String(on));
  }

  function faster(to) {
    speed = to || speeds[(speeds.indexOf(speed) + 1) % speeds.length];
    get("speed").textContent = speed + "×";
    if (timer) play(true);
  }

  function help() {
    const hidden = !get("keys").hidden;
    get("keys").hidden = hidden;
    get("help").setAttribute("aria-expanded", String(!hidden));
  }

  const actions = {
    first: () => show(0),
    previous: () => show(at - 1),
    next: next,
    last: () => show(steps.length),
    play: () => { if (!timer && at === steps.length) show(0); play(!timer); },
    forward: () => show(first("forward")),
    backward: () => show(first("backward")),
    predict: predict,
    help: help,
    speed: () => faster(0),
    save: save,
    hint: () => { hinted = true; show(at, true); get("answer").focus(); },
  };
  const keys = {
    ArrowLeft: "previous", ArrowRight: "next", PageUp: "previous", PageDown: "next", Home: "first", End: "last",
    " ": "play", b: "backward", p: "predict", "?": "help",
  };

  function address() {
    const match = /^#step=(\d+)$/.exec(window.location.hash);
    show(match ? Number(match[1]) : 0);
  }

  get("controls").hidden = false;
  get("now").hidden = false;
  get("slider").max = steps.length;
  for (const name of Object.keys(actions)) {
    get(name).addEventListener("click", () => { if (!["play", "speed", "hint"].includes(name)) play(false); actions[name](); });
  }
  get("guess").addEventListener("submit", check);
  get("slider").addEventListener("input", () => { play(false); show(Number(get("slider").value)); });
  items.forEach((item, i) => item.addEventListener("click", (event) => { event.preventDefault(); play(false); show(i + 1); }));
  document.addEventListener("keydown", (event) => {
    if (event.target.id === "answer") {
      if (event.key === "Escape") get("stage").focus();
      return;
    }
    const name = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (event.key === "." || event.key === ",") faster(Math.max(0.25, Math.min(8, event.key === "." ? speed * 2 : speed / 2)));
    if (!name || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("g.node")) return; // there the arrows go from card to card
    if (event.key === " " && event.target.tagName === "BUTTON") return; // a button does what it says
    event.preventDefault();
    if (name !== "play") play(false);
    actions[name]();
  });
  window.addEventListener("hashchange", address);
  window.addEventListener("beforeprint", () => { printed = at; show(steps.length); }); // on paper, the finished drawing
  window.addEventListener("afterprint", () => show(printed));
  address();
}());
