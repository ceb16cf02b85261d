// What every drawing can do: grow and shrink (+ - 0), fill its room, be dragged, be searched, and show one of its parts.
const view = (function () {
  "use strict";
  const get = (id) => document.getElementById(id);
  const stage = get("stage");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  let zoom = 1;
  let held = null;
  let hits = [];
  let hit = -1;

  // Scroll a box so that one of its parts is inside; the page itself stays where it is.
  function reveal(box, part, smooth) {
    const outer = box.getBoundingClientRect();
    const inner = part.getBoundingClientRect();
    const room = Math.max(0, Math.min(90, (outer.height - inner.height) / 2));
    const side = Math.max(0, Math.min(90, (outer.width - inner.width) / 2));
    const by = { top: 0, left: 0, behavior: smooth && !still ? "smooth" : "auto" };
    if (inner.bottom > outer.bottom - room) by.top = inner.bottom - outer.bottom + room;
    if (inner.top - by.top < outer.top + room) by.top = inner.top - outer.top - room;
    if (inner.right > outer.right - side) by.left = inner.right - outer.right + side;
    if (inner.left - by.left < outer.left + side) by.left = inner.left - outer.left - side;
    if (by.top || by.left) box.scrollBy(by);
  }

  function scale(to) {
    const before = stage.scrollWidth;
    const across = stage.scrollLeft + stage.clientWidth / 2;
    const down = stage.scrollTop + stage.clientHeight / 2;
    zoom = Math.max(0.2, Math.min(6, to));
    stage.style.setProperty("--zoom", zoom);
    const share = stage.scrollWidth / before;
    stage.scrollTo(across * share - stage.clientWidth / 2, down * share - stage.clientHeight / 2);
  }

  function fit() {
    zoom = 1;
    stage.style.setProperty("--zoom", 1);
    const on = stage.classList.toggle("fit");
    get("fit").setAttribute("aria-pressed", String(on));
  }

  function lecture() {
    document.documentElement.classList.toggle("lecture");
  }

  function search(again) {
    const text = get("search").value.trim().toLowerCase();
    if (!again) {
      const parts = Array.from(stage.querySelectorAll("svg g")).filter((g) => g.querySelector(":scope > title") && !g.querySelector(":scope g > title"));
      hits = text ? parts.filter((part) => part.textContent.toLowerCase().includes(text)) : [];
      hit = -1;
    }
    for (const part of stage.querySelectorAll(".hit")) part.classList.remove("hit");
    if (hits.length) {
      hit = (hit + 1) % hits.length;
      hits[hit].classList.add("hit");
      reveal(stage, hits[hit], true);
    }
    get("found").textContent = text ? (hits.length ? hit + 1 : 0) + " of " + hits.length : "";
  }

  const actions = { larger: () => scale(zoom * 1.25), smaller: () => scale(zoom / 1.25), fit: fit, lecture: lecture };
  const keys = { "+": "larger", "=": "larger", "-": "smaller", "0": "fit", f: "lecture" };

  document.body.classList.add("js");
  if (get("tools")) get("tools").hidden = false;
  for (const name of Object.keys(actions)) if (get(name)) get(name).addEventListener("click", actions[name]);
  if (get("search")) {
    get("search").addEventListener("input", () => search(false));
    get("search").addEventListener("keydown", (event) => {
      if (event.key === "Enter") search(true);
      if (event.key === "Escape") stage.focus();
    });
  }
  document.addEventListener("keydown", (event) => {
    const name = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!name || event.target.tagName === "INPUT" || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    actions[name]();
  });
  stage.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button === 0) held = { x: event.clientX + stage.scrollLeft, y: event.clientY + stage.scrollTop };
  });
  window.addEventListener("pointermove", (event) => {
    if (!held) return;
    stage.classList.add("held");
    stage.scrollTo(held.x - event.clientX, held.y - event.clientY);
  });
  window.addEventListener("pointerup", () => { held = null; stage.classList.remove("held"); });
  return { reveal: reveal };
}());
