// Why a number is what it is: both factors of a step ringed and linked to the terms of its equation, and for every
// card, pointed at or focused, the steps that have made its numbers.
function reasons(story) {
  "use strict";
  const { nodes, cards, edges, items, steps } = story;
  const ends = story.ends.map(([source, target]) => ({ source: source, target: target }));
  const get = (id) => document.getElementById(id);
  const svg = document.querySelector("#stage svg");
  const ns = svg.namespaceURI;
  const kinds = { omega: "weight", beta: "bias", alpha: "activation", zeta: "net input", rho: "expected output", cost: "error" };

  function named(id) {
    const node = nodes.get(id);
    const match = /^(\w+)(?:\[(\d+)(?:,(\d+))?(?:,(\d+))?\])?$/.exec(node.quantity || "");
    if (!match) return node.name || node.op || node.role;
    const [, kind, j, i, k] = match;
    const what = kinds[kind] || kind;
    if (kind === "rho") return j === undefined ? "expected outputs" : what + " of neuron " + (Number(j) + 1);
    if (k !== undefined) return what + " from neuron " + (Number(i) + 1) + " of layer " + (j - 1) + " to neuron " + (Number(k) + 1) + " of layer " + j;
    return i === undefined ? what + (j === undefined ? "" : " of layer " + j) : what + " of neuron " + (Number(i) + 1) + " of layer " + j;
  }

  function label() {
    for (const [id, shown] of cards) {
      const said = [named(id), shown.value.textContent, shown.gradient.textContent.replace(/^∂ =? ?–?/, "derivative ").replace(/derivative $/, "")];
      shown.card.setAttribute("aria-label", said.filter((part) => part).join(", "));
    }
  }

  // The cards whose values are the second factor of what goes back along an edge.
  function factors(edge) {
    const beside = ends.filter((each) => each.target === edge.target && each.source !== edge.source).map((each) => each.source);
    const op = nodes.get(edge.target).op;
    const place = (id) => (/\[([\d,]+)\]/.exec(nodes.get(id).quantity || "") || ["", ""])[1].split(",");
    const kind = (nodes.get(edge.source).quantity || "").split("[")[0];
    if (op === "net input" && kind === "omega") return beside.filter((id) => /^alpha/.test(nodes.get(id).quantity || "") && (place(id)[1] || "") === (place(edge.source)[1] || ""));
    if (op === "net input" && kind === "alpha") return beside.filter((id) => /^omega/.test(nodes.get(id).quantity || "") && (place(id)[1] || "") === (place(edge.source)[1] || ""));
    if (op === "net input" || op === "add" || op === "subtract" || op === "negative") return [];
    if (op === "multiply" || op === "matmul") return beside.length ? beside : [edge.source];
    if (kind === "alpha" && /^rho/.test((nodes.get(beside[0] || edge.source).quantity || ""))) {
      return [edge.source, ...beside.filter((id) => /^rho/.test(nodes.get(id).quantity) && (place(id)[0] || "") === (place(edge.source)[1] || ""))];
    }
    return ["tanh", "sigmoid", "exp", "sqrt"].includes(op) ? [edge.target] : [edge.source];
  }

  function ring(text, kind) {
    if (!text.textContent) return;
    const box = text.getBBox();
    const rect = document.createElementNS(ns, "rect");
    for (const [name, value] of [["x", box.x - 4], ["y", box.y - 2], ["width", box.width + 8], ["height", box.height + 4], ["rx", 4]]) rect.setAttribute(name, value);
    rect.setAttribute("class", "ring " + kind);
    text.parentNode.append(rect);
  }

  // Wrap both factors of an equation, what arrives and the local derivative.
  function terms(math) {
    const parts = Array.from(math.children);
    const rest = parts.slice(parts.findIndex((part) => /^\+?=$/.test(part.textContent)) + 1);
    const dot = rest.findIndex((part) => part.localName === "mo" && part.textContent === "·");
    const first = rest.findIndex((part) => part.localName === "mfrac");
    let [one, two] = dot > 0 ? [rest.slice(0, dot), rest.slice(dot + 1)] : [rest.slice(first, first + 1), rest.filter((part, i) => i !== first)];
    if (two.some((part) => part.localName === "mtext")) two = [];
    [[one, "one"], [two, "two"]].forEach(([group, kind]) => {
      if (!group.length) return;
      const row = document.createElementNS(math.namespaceURI, "mrow");
      row.setAttribute("class", "term " + kind);
      group[0].before(row);
      row.append(...group);
    });
  }

  function light(kind, on) {
    for (const part of document.querySelectorAll(".ring." + kind + ", #now .term." + kind)) part.classList.toggle("lit", on);
  }

  function link() {
    for (const old of document.querySelectorAll(".ring")) old.remove();
    for (const part of svg.querySelectorAll("[marker-start]")) part.removeAttribute("marker-start");
    label();
    const step = steps[story.at() - 1];
    if (!step || step.edge === undefined || step.phase !== "backward") return;
    edges[step.edge].querySelector(".wire").setAttribute("marker-start", "url(#toward)");
    if (story.asking()) return;
    const edge = ends[step.edge];
    ring(cards.get(edge.target).gradient, "one");
    factors(edge).forEach((id) => ring(cards.get(id).value, "two"));
    const maths = document.querySelectorAll("#now .general math");
    maths.forEach(terms);
    for (const kind of ["one", "two"]) {
      const owners = Array.from(document.querySelectorAll(".ring." + kind), (part) => part.parentNode);
      for (const part of [...document.querySelectorAll("#now .term." + kind), ...owners]) {
        part.onmouseenter = () => light(kind, true);
        part.onmouseleave = () => light(kind, false);
      }
    }
  }

  function tell(id) {
    const told = steps.map((step, i) => i).filter((i) => i < story.at() - (story.asking() ? 1 : 0) && steps[i].node === id);
    const box = get("why");
    const head = document.createElement("p");
    head.textContent = cards.get(id).card.getAttribute("aria-label") + (told.length || nodes.get(id).op ? "" : " (given)");
    const kept = told.filter((i) => steps[i].phase !== "forward" || !told.some((k) => steps[k].phase === "again" && k < story.at()));
    box.replaceChildren(head, ...kept.slice(-6).map((i) => {
      const line = document.createElement("div");
      line.append(...Array.from(items[i].querySelectorAll(".general, .numbers"), (part) => part.cloneNode(true)));
      return line;
    }));
    box.hidden = false;
    const card = cards.get(id).card.getBoundingClientRect();
    const size = box.getBoundingClientRect();
    const below = card.bottom + 8 + size.height < window.innerHeight;
    box.style.left = Math.max(4, Math.min(card.left, window.innerWidth - size.width - 4)) + "px";
    box.style.top = Math.max(4, below ? card.bottom + 8 : card.top - size.height - 8) + "px";
  }

  // From a card to the nearest one in the direction of an arrow.
  function go(id, key) {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    const middle = (card) => { const b = card.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; };
    const [x, y] = middle(cards.get(id).card);
    let best = null;
    for (const shown of cards.values()) {
      const [a, b] = middle(shown.card);
      const ahead = (a - x) * dx + (b - y) * dy;
      const aside = Math.abs((a - x) * dy) + Math.abs((b - y) * dx);
      if (ahead > 4 && (!best || ahead + 2 * aside < best[0])) best = [ahead + 2 * aside, shown.card];
    }
    if (best) best[1].focus();
  }

  svg.setAttribute("role", "group");
  svg.insertAdjacentHTML("afterbegin", '<defs><marker id="toward" viewBox="0 0 8 8" refX="2" refY="4" markerWidth="4" markerHeight="4" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="context-stroke"/></marker></defs>');
  for (const [id, shown] of cards) {
    shown.card.setAttribute("role", "img");
    shown.card.setAttribute("tabindex", "-1");
    shown.card.addEventListener("mouseenter", () => tell(id));
    shown.card.addEventListener("focus", () => { view.reveal(get("stage"), shown.card, true); tell(id); });
    for (const event of ["mouseleave", "blur"]) shown.card.addEventListener(event, () => { get("why").hidden = true; });
    shown.card.addEventListener("keydown", (event) => {
      if (event.key === "Escape") get("stage").focus();
      if (!/^Arrow/.test(event.key)) return;
      event.preventDefault();
      go(id, event.key);
    });
  }
  edges.forEach((edge, i) => {
    const { source, target } = ends[i];
    edge.setAttribute("role", "img");
    edge.setAttribute("aria-label", "from " + named(source) + " to " + named(target));
  });
  get("stage").addEventListener("keydown", (event) => {
    if (event.target !== get("stage") || (event.key !== "Enter" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    (story.at() ? cards.get(steps[story.at() - 1].node) : cards.values().next().value).card.focus();
  });
  return { link: link };
}
