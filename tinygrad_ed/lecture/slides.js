"use strict";
// Where the lecture stands: the slide, and how many of its pieces are shown; the address holds both.
const slides = [...document.querySelectorAll("section")];
let now = 0, shown = 0;

const piecesOf = (slide) => [...slide.querySelectorAll(".piece")];

function show() {
  slides.forEach((slide, i) => slide.classList.toggle("now", i === now));
  const pieces = piecesOf(slides[now]);
  pieces.forEach((piece, i) => piece.classList.toggle("seen", i < shown));
  for (const box of slides[now].querySelectorAll(".box")) {
    box.classList.toggle("open", box.querySelector(".piece:not(.seen)") !== null);
  }
  fit(slides[now]);
  document.querySelector("footer").textContent = `${now + 1} / ${slides.length}`;
  history.replaceState(null, "", `#${now + 1}.${shown}`);
  window.scrollTo(0, 0);
  if (shown > 0) pieces[shown - 1].scrollIntoView({ block: "nearest" });
}

// A line that is wider than the screen gets smaller letters; what is higher scrolls to the newest piece.
function fit(slide) {
  slide.style.setProperty("--fit", 1);
  const room = slide.clientWidth - 2 * parseFloat(getComputedStyle(slide).paddingLeft);
  const widest = Math.max(0, ...[...slide.querySelectorAll("math")].map((math) => math.getBoundingClientRect().width));
  slide.style.setProperty("--fit", Math.min(1, room / (widest * 1.04)));
}

window.addEventListener("resize", () => fit(slides[now]));

function go(slide, pieces) {
  now = Math.max(0, Math.min(slides.length - 1, slide));
  shown = Math.max(0, Math.min(piecesOf(slides[now]).length, pieces));
  show();
}

function on() {
  const blank = document.body.classList.contains("blank");
  if (!blank && shown < piecesOf(slides[now]).length) go(now, shown + 1);
  else if (now + 1 < slides.length) go(now + 1, 0);
}

function back() {
  if (shown > 0) go(now, shown - 1);
  else if (now > 0) go(now - 1, Infinity);
}

const keys = {
  ArrowRight: on, ArrowDown: on, PageDown: on, " ": on, Enter: on,
  ArrowLeft: back, ArrowUp: back, PageUp: back, Backspace: back,
  Home: () => go(0, 0), End: () => go(slides.length - 1, Infinity),
  f: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()),
};

document.addEventListener("keydown", (event) => {
  const does = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (does && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    does();
  }
});
document.addEventListener("click", (event) => (event.clientX > window.innerWidth / 3 ? on() : back()));

document.body.classList.add("live");
const [slide, pieces] = location.hash.slice(1).split(".").map(Number);
go(slide > 0 ? slide - 1 : 0, pieces > 0 ? pieces : 0);
