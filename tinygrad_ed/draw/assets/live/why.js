// Region 4: why. The derivative of the chosen weight as its two factors; each letter unfolds one layer up.

const MOST_TERMS = 4;
let unfolded = [];
let ring = null;

function openWhy(term) {
  const deeper = unfolded.findIndex((one) => sameTerm(one, term));
  unfolded = deeper >= 0 ? unfolded.slice(0, deeper) : [...unfolded.slice(-3), term];
  refresh();
}
const sameTerm = (a, b) => a.kind === b.kind && a.layer === b.layer && a.k === b.k && a.i === b.i;

// A letter as a button that unfolds it and rings its card.
function termButton(kind, layer, k, i = null) {
  const name = kind === "omega" ? letter("omega_k", layer, i, k) : kind === "dphi" ? `Φ′(${letter("zeta", layer, k)})` : letter(kind, layer, k);
  const color = kind === "dphi" ? "zeta" : kind;
  return `<button type="button" tabindex="-1" class="term ${color}" data-kind="${kind}" data-layer="${layer}" data-k="${k}"${i === null ? "" : ` data-i="${i}"`}>${name}</button>`;
}

const at = (book, name, layer, k) => book[name][state.row * PAGE.sizes[layer] + k];
const sumOf = (terms, join = " + ") => (terms.length <= MOST_TERMS ? terms : [...terms.slice(0, 2), "⋯", terms[terms.length - 1]]).join(join);
const times = (...values) => values.map(factor).join(" · ");

// Each kind of term: its formula in letters, the same in numbers, what that gives, and the number in the book.
const RULES_OF = {
  B(book, j, k) {
    const slope = at(book, `dphi[${j}]`, j, k);
    if (j === L) {
      const p = at(book, `P[${L + 1}]`, L, k);
      return [`${termButton("dphi", j, k)} · ${termButton("P", L + 1, k)}`, times(slope, p), slope * p];
    }
    const { letters, numbers, total } = pulled(book, j + 1, k);
    return [`${termButton("dphi", j, k)} · (${letters})`, `${factor(slope)} · (${numbers})`, slope * total];
  },
  P(book, j, k) {
    if (j === L + 1) return [`∂E/∂${letter("alpha", L, k)} <span class="quiet">of ${PAGE.cost}, 1/${state.size} of it</span>`, "", at(book, `P[${j}]`, L, k)];
    const { letters, numbers, total } = pulled(book, j, k);
    return [letters, numbers, total];
  },
  alpha(book, j, k) {
    if (!j) return ["the input", "", at(book, "alpha[0]", 0, k)];
    return [`Φ(${termButton("zeta", j, k)}) <span class="quiet">${PAGE.activations[j - 1]}</span>`, `Φ(${number(at(book, `zeta[${j}]`, j, k))})`, at(book, `alpha[${j}]`, j, k)];
  },
  zeta(book, j, k) {
    const weights = book[`omega[${j}]`];
    const parts = Array.from({ length: PAGE.sizes[j - 1] }, (_, i) => [at(book, `alpha[${j - 1}]`, j - 1, i), weights[i * PAGE.sizes[j] + k]]);
    const bias = book[`beta[${j}]`] ? book[`beta[${j}]`][k] : null;
    const letters = parts.map((_, i) => `${termButton("alpha", j - 1, i)} ${termButton("omega", j, k, i)}`);
    const numbers = parts.map(([a, w]) => times(a, w));
    if (bias !== null) { letters.push(`<span class="beta">${letter("beta", j, k)}</span>`); numbers.push(factor(bias)); }
    return [sumOf(letters), sumOf(numbers), parts.reduce((sum, [a, w]) => sum + a * w, bias || 0)];
  },
  dphi(book, j, k) {
    return [`the slope of ${PAGE.activations[j - 1]} at ${termButton("zeta", j, k)}`, `at ${number(at(book, `zeta[${j}]`, j, k))}`, at(book, `dphi[${j}]`, j, k)];
  },
};

// Σ ω B over the neurons of layer j: what neuron k below receives.
function pulled(book, j, k) {
  const m = PAGE.sizes[j];
  const parts = Array.from({ length: m }, (_, q) => [book[`omega[${j}]`][k * m + q], at(book, `B[${j}]`, j, q)]);
  return {
    letters: sumOf(parts.map((_, q) => `${termButton("omega", j, q, k)} ${termButton("B", j, q)}`)),
    numbers: sumOf(parts.map(([w, b]) => times(w, b))),
    total: parts.reduce((sum, [w, b]) => sum + w * b, 0),
  };
}

function termRow(book, { kind, layer, k, i }) {
  if (kind === "omega") return "";
  const [letters, numbers, gives] = RULES_OF[kind](book, layer, k);
  const wide = kind === "P" ? layer - 1 : layer;
  const stands = at(book, `${kind}[${layer}]`, wide, k);
  return equation(`<b class="${kind === "dphi" ? "zeta" : kind}">${kind === "dphi" ? `Φ′(${letter("zeta", layer, k)})` : letter(kind, layer, k)}</b>`, letters, numbers, gives, stands);
}

function equation(left, letters, numbers, gives, stands) {
  const off = differs(gives, stands) ? ` <span class="off">✗ the wrong rule has ${number(stands)}</span>` : "";
  return `<p class="equation">${left} = ${letters}${numbers ? ` = <span class="numbers">${numbers}</span>` : ""} = <b>${number(gives)}</b>${off}</p>`;
}

function drawWhy() {
  const home = document.getElementById("why");
  const { book } = books();
  const { kind, layer, i, k } = state.chosen;
  const [n, m, M] = [PAGE.sizes[layer - 1], PAGE.sizes[layer], state.size];
  const slope = slopeOf(state.chosen, book);
  const parts = Array.from({ length: M }, (_, r) => (kind === "omega" ? book[`alpha[${layer - 1}]`][r * n + i] : 1) * book[`B[${layer}]`][r * m + k]);
  const total = parts.reduce((sum, part) => sum + part, 0);
  const letters = (kind === "omega" ? `${termButton("alpha", layer - 1, i)} · ` : "") + termButton("B", layer, k);
  const here = kind === "omega" ? times(at(book, `alpha[${layer - 1}]`, layer - 1, i), at(book, `B[${layer}]`, layer, k)) : number(at(book, `B[${layer}]`, layer, k));
  const left = `<span class="grad">∂E/∂<b class="${kind}">${nameOf(state.chosen)}</b></span>`;
  const sum = M > 1 ? '<span class="sum">Σ</span> ' : "";
  const rows = [equation(left, sum + letters, M > 1 ? "" : here, total, slope)];
  if (M > 1) rows.push(`<div class="batch">${bars(parts)}<p class="quiet">One bar for each of the ${M} samples. Here, sample ${samples()[state.row] + 1}: <span class="numbers">${here}</span> = ${number(parts[state.row])}.</p></div>`);
  const value = valueOf(state.chosen);
  rows.push(`<p class="equation update"><b class="${kind}">${nameOf(state.chosen)}</b> ← ${number(value)} − <b class="eta">η</b> · ${factor(slope)} = <b>${number(value - state.eta * slope)}</b> <span class="quiet">at the next step</span></p>`);
  rows.push(...unfolded.map((term) => termRow(book, term)));
  home.innerHTML = rows.join("");
  const first = home.querySelector("button");
  if (first) first.tabIndex = 0;
}

function bars(parts) {
  const most = largest(parts) || 1;
  const wide = 100 / parts.length;
  const inner = parts.map((part, r) => {
    const high = (46 * Math.abs(part)) / most;
    return `<rect x="${r * wide}" y="${part > 0 ? 50 - high : 50}" width="${Math.max(wide * 0.8, 0.3)}" height="${high}" class="${r === state.row ? "now" : part > 0 ? "up" : "down"}"/>`;
  });
  return `<svg viewBox="0 0 100 100" preserveAspectRatio="none" class="bars" role="img" aria-label="the share of each sample">${inner.join("")}<path d="M0 50H100"/></svg>`;
}

function buildWhy(home) {
  const termAt = (event) => {
    const button = event.target.closest("button.term");
    if (!button) return null;
    const { kind, layer, k, i } = button.dataset;
    return { kind, layer: Number(layer), k: Number(k), ...(i === undefined ? {} : { i: Number(i) }) };
  };
  home.addEventListener("click", (event) => {
    const term = termAt(event);
    if (!term) return;
    if (term.kind === "omega") choose(term);
    else openWhy(term);
  });
  home.addEventListener("pointerover", (event) => {
    const term = termAt(event);
    const next = term && { layer: term.kind === "P" ? term.layer - 1 : term.layer, k: term.k };
    if (JSON.stringify(next) !== JSON.stringify(ring)) { ring = next; drawNetwork(); }
  });
  home.addEventListener("pointerleave", () => { ring = null; drawNetwork(); });
  home.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const all = [...home.querySelectorAll("button.term")];
    all[(all.indexOf(document.activeElement) + by + all.length) % all.length].focus();
    event.preventDefault();
  });
}
