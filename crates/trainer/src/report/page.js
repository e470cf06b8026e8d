"use strict";
(() => {
  const root = document.documentElement;
  const tip = document.getElementById("tip");

  // Pages opened from a file may have no storage.
  const storage = (() => { try { return window.localStorage; } catch { return null; } })();
  const stored = storage && storage.getItem("theme");
  if (stored === "light" || stored === "dark") root.dataset.theme = stored;
  document.getElementById("theme").addEventListener("click", () => {
    const dark = getComputedStyle(root).colorScheme === "dark";
    root.dataset.theme = dark ? "light" : "dark";
    if (storage) storage.setItem("theme", root.dataset.theme);
  });

  const show = (event, lines) => {
    tip.replaceChildren(...lines.map((cells) => {
      const row = document.createElement("div");
      row.append(...cells.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
      return row;
    }));
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const right = event.clientX + 14 + width < window.innerWidth;
    tip.style.left = Math.max(4, right ? event.clientX + 14 : event.clientX - 14 - width) + "px";
    tip.style.top = Math.max(4, Math.min(event.clientY + 14, window.innerHeight - height - 4)) + "px";
  };
  const hide = () => { tip.hidden = true; };

  document.addEventListener("pointermove", (event) => {
    if (event.target.closest("svg[data-hover]")) return;
    const marked = event.target.closest("[data-tip]");
    if (marked) show(event, [[marked.dataset.tip]]); else hide();
  });

  // The position in `sorted` nearest to `value`.
  const nearest = (sorted, value) => {
    let [low, high] = [0, sorted.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < value) low = middle; else high = middle;
    }
    return Math.abs(sorted[low] - value) <= Math.abs(sorted[high] - value) ? low : high;
  };

  const pixel = (axis, value) => {
    const f = axis.log ? Math.log10 : (v) => v;
    return axis.px[0] + (f(value) - f(axis.low)) / (f(axis.high) - f(axis.low)) * (axis.px[1] - axis.px[0]);
  };

  const svgElement = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  for (const svg of document.querySelectorAll("svg[data-hover]")) {
    const { label, unit, x, y, series } = JSON.parse(svg.dataset.hover);
    const filled = series.filter((line) => line.x.length > 0);
    if (filled.length === 0) continue;
    const cursor = svgElement("g", { class: "cursors" });
    svg.append(cursor);

    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const at = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
      const value = x.low + (at - x.px[0]) / (x.px[1] - x.px[0]) * (x.high - x.low);
      const found = filled.map((line) => {
        const i = nearest(line.x, value);
        return { line, x: line.x[i], y: line.y[i] };
      });
      const middle = found.reduce((a, b) => (Math.abs(b.x - value) < Math.abs(a.x - value) ? b : a)).x;
      const where = pixel(x, middle);
      cursor.replaceChildren(
        svgElement("line", { class: "cursor", x1: where, x2: where, y1: y.px[0], y2: y.px[1] }),
        ...found.map((point) => {
          const dot = svgElement("circle", { class: "dot", cx: pixel(x, point.x), cy: pixel(y, point.y), r: 4 });
          const group = svgElement("g", { class: point.line.class });
          group.append(dot);
          return group;
        }),
      );
      // Thinned lines have points of their own: say where, if not at the cursor.
      const name = (point) => (point.x === middle ? point.line.name : `${point.line.name} (at ${point.x.toLocaleString("en")})`);
      show(event, [
        [`${label} ${middle.toLocaleString("en")}`],
        ...found.map((point) => [name(point), `${point.y}${unit}`]),
      ]);
    });
    svg.addEventListener("pointerleave", () => { cursor.replaceChildren(); hide(); });
  }
})();
