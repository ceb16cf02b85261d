// Reads a number that was typed, and tells whether it is right, and if not, what it is.
const guess = (function () {
  "use strict";
  // A number as people type it: 0.25, .25, 0,25, 1/4, -3e-4; NaN for anything else.
  function read(text) {
    const one = "([-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[-+]?\\d+)?)";
    const match = new RegExp("^" + one + "(?:/" + one + ")?$", "i").exec(
      text.replace(/\s/g, "").replace(/−/g, "-").replace(",", "."),
    );
    return match ? Number(match[1]) / (match[2] === undefined ? 1 : Number(match[2])) : NaN;
  }

  // What the numbers on the page give, for those who work with their three digits: sums of products, else NaN.
  function worked(text) {
    const line = text.replace(/−/g, "-").replace(/\s/g, "");
    if (!/^[-+·().\d]+$/.test(line)) return NaN;
    const parts = line.match(/\d+\.?\d*|[-+·()]/g);
    let i = 0;
    function atom() {
      if (parts[i] === "-") { i += 1; return -atom(); }
      if (parts[i] !== "(") { i += 1; return Number(parts[i - 1]); }
      i += 1;
      const inside = sum();
      i += 1;
      return inside;
    }
    function product() {
      let value = atom();
      while (parts[i] === "·") { i += 1; value *= atom(); }
      return value;
    }
    function sum() {
      let value = product();
      while (parts[i] === "+" || parts[i] === "-") {
        i += 1;
        value += parts[i - 1] === "+" ? product() : -product();
      }
      return value;
    }
    return sum();
  }

  // Right is what has the digits of the number, two at least, or what the digits on the page give.
  function right(typed, wanted, text, shown) {
    const digits = Math.max(2, Math.min(15, text.replace(/e.*$/i, "").replace(/^[^1-9]*/, "").replace(/\D/g, "").length));
    const close = (a, b, share) => Math.abs(a - b) <= share * Math.abs(b) + 1e-12;
    if (Number(wanted.toPrecision(digits)) === Number(typed.toPrecision(digits))) return true;
    return close(typed, wanted, 1e-9) || (!Number.isNaN(shown) && close(typed, shown, 0.005));
  }

  // What a wrong number is: the other sign, a factor too much, or the number of another place.
  function name(typed, step, steps, items) {
    const near = (a, b) => Math.abs(a - b) <= 0.006 * Math.abs(b) + 1e-12;
    if (near(typed, -step.ask)) return "The size is right, the sign is not.";
    for (const [factor, said] of [[2, "twice"], [0.5, "half of"], [10, "ten times"], [0.1, "a tenth of"], [-2, "minus twice"]]) {
      if (near(typed, factor * step.ask)) return "That is " + said + " the number.";
    }
    const other = steps.find((each) => each.ask !== undefined && each.node !== step.node && Math.abs(each.ask) > 1e-9 && near(typed, each.ask));
    if (!other) return "";
    const math = items[steps.indexOf(other)].querySelector(".general math");
    return "That number belongs to another place: " + (math.getAttribute("alttext") || "").split(/ [+]?= | ← /)[0] + ".";
  }
  return { read: read, right: right, name: name, worked: worked };
}());
