// Pointing at a row or a box marks all that show the same quantity; a click keeps the mark.
(function () {
  "use strict";
  const all = Array.from(document.querySelectorAll("[data-quantity]"));
  let kept = null;

  function mark(name) {
    for (const part of all) part.classList.toggle("picked", part.dataset.quantity === name);
  }

  for (const part of all) {
    const name = part.dataset.quantity;
    part.addEventListener("mouseenter", () => mark(name));
    part.addEventListener("mouseleave", () => mark(kept));
    part.addEventListener("focus", () => mark(name));
    part.addEventListener("blur", () => mark(kept));
    part.addEventListener("click", () => { kept = kept === name ? null : name; mark(kept); });
  }
}());
