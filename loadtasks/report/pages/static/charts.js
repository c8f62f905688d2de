/* Draws the charts of a page: each `.chart` holds its Vega-Lite specification as JSON (loadtasks/report/charts).

Nothing is requested, no expression is compiled (`ast: true`, so that a Content-Security-Policy needs no unsafe-eval),
and texts are written as text alone. Colours are CSS variables within the SVG: a change of the theme needs no script. */
"use strict";
(() => {
  const FIRST = "zoom_first", LAST = "zoom_last", BRUSH = "brush";
  const MIN_RUNS = 2;
  const MAX_TAP = 8; // pixels that a pointer moves without drawing a range
  const NEAR = 9; // pixels from a point at which a click means it
  const ERRORS = 1; // of Vega: neither warnings nor what it does
  const groups = new Map(); // of a group: the views that are zoomed together
  let chosen = null; // the range that is being drawn with the pointer

  const tip = document.createElement("div");
  tip.className = "chart-tip";
  tip.hidden = true;

  function timeCell(cell, time) {
    const date = new Date(time);
    const options = { dateStyle: "medium", timeStyle: "short" };
    const here = new Intl.DateTimeFormat(undefined, options).format(date);
    const utc = new Intl.DateTimeFormat(undefined, { ...options, timeZone: "UTC" }).format(date);
    cell.textContent = here === utc ? `${utc} UTC` : `${here} (${utc} UTC)`;
  }

  function showTip(_, event, item, value) {
    if (!value || !Array.isArray(value.rows) || chosen) {
      tip.hidden = true;
      return;
    }
    tip.replaceChildren(...value.rows.map(([name, text]) => {
      const row = document.createElement("p");
      const [label, cell] = [document.createElement("span"), document.createElement("span")];
      label.textContent = name;
      if (text !== null && typeof text === "object") timeCell(cell, text.time);
      else cell.textContent = text;
      row.append(label, cell);
      return row;
    }));
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const gap = 14;
    const left = event.clientX + gap + width < innerWidth ? event.clientX + gap : event.clientX - gap - width;
    const top = event.clientY + gap + height < innerHeight ? event.clientY + gap : event.clientY - gap - height;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${Math.max(4, top)}px`;
  }

  const loader = {
    load: () => Promise.reject(new Error("charts load nothing")),
    sanitize: (address) => {
      const url = new URL(address, document.baseURI);
      return url.origin === location.origin && /^https?:$/.test(url.protocol)
        ? Promise.resolve({ href: url.href })
        : Promise.reject(new Error("charts lead to this site alone"));
    },
  };

  function zoom(members, range) {
    for (const member of members) {
      const [first, last] = range ?? member.whole;
      member.view.signal(FIRST, first).signal(LAST, last).runAsync();
      member.button.hidden = !range;
    }
  }

  function makeZoomable(view, place, group) {
    const whole = [view.signal(FIRST), view.signal(LAST)];
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chart-whole";
    button.textContent = "Show all runs";
    button.hidden = true;
    place.append(button);
    const key = group ? `${group} ${whole}` : place;
    const members = groups.get(key) ?? [];
    members.push({ view, button, whole });
    groups.set(key, members);
    button.addEventListener("click", () => zoom(members, null));
    let range = null;
    view.addSignalListener(BRUSH, (_, value) => {
      range = value?.x ?? null;
      chosen = range;
      if (range) tip.hidden = true;
    });
    addEventListener("pointerup", () => setTimeout(() => {
      if (!range) return;
      const [first, last] = [Math.min(...range), Math.max(...range)];
      view.signal(`${BRUSH}_x`, []).runAsync();
      range = chosen = null;
      const [from, to] = [Math.max(whole[0], Math.round(first) - 0.5), Math.min(whole[1], Math.round(last) + 0.5)];
      if (last - first > 0.5 && to - from >= MIN_RUNS) zoom(members, [from, to]);
    }));
  }

  /* What `usermeta.hover` says of the row next to the pointer (`interaction.hover_rows`): a line, the tooltip, and where
  a click on its point leads. What has a tooltip of its own, as a change point, is Vega's. */
  function makeReadable(view, drawing, rows) {
    const line = document.createElement("div");
    line.className = "chart-line";
    line.hidden = true;
    drawing.append(line);
    let pressed = [0, 0];
    const origin = () => view.origin().map((start, axis) => start + view.padding()[axis ? "top" : "left"]);

    function find({ clientX, clientY, target }) {
      if (chosen || target.__data__?.tooltip) return null;
      const box = drawing.querySelector("svg").getBoundingClientRect();
      const [left, top] = origin();
      const [x, y] = [clientX - box.left - left, clientY - box.top - top];
      if (x < 0 || x > view.width() || y < 0 || y > view.height()) return null;
      const [across, upward] = [view.scale("x"), view.scale("y")];
      const awayOf = (row) => Math.abs(across(row.x) - x);
      const fromPoint = (row) => Math.hypot(awayOf(row), (row.y === null ? view.height() : upward(row.y)) - y);
      const shown = rows.filter((row) => across(row.x) >= 0 && across(row.x) <= view.width());
      const nearest = (some, distance) => some.reduce((best, row) => distance(row) < distance(best) ? row : best);
      const points = shown.filter((row) => row.href && awayOf(row) <= NEAR && fromPoint(row) <= NEAR);
      if (points.length) return { row: nearest(points, fromPoint), leads: true };
      return shown.length ? { row: nearest(shown, awayOf), leads: false } : null;
    }

    function show(event) {
      const found = find(event);
      line.hidden = !found;
      drawing.classList.toggle("leads", Boolean(found?.leads));
      if (!found) {
        if (!event.target.__data__?.tooltip) tip.hidden = true;
        return;
      }
      const [left, top] = origin();
      line.style.left = `${left + view.scale("x")(found.row.x)}px`;
      line.style.top = `${top}px`;
      line.style.height = `${view.height()}px`;
      showTip(null, event, null, found.row.tip);
    }

    drawing.addEventListener("pointermove", show);
    drawing.addEventListener("pointerleave", () => { line.hidden = tip.hidden = true; });
    drawing.addEventListener("pointerdown", ({ clientX, clientY }) => { pressed = [clientX, clientY]; line.hidden = true; });
    drawing.addEventListener("click", async (event) => {
      const found = find(event);
      if (!found?.leads || Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > MAX_TAP) return;
      const { ctrlKey, shiftKey, metaKey, altKey } = event;
      const link = Object.assign(document.createElement("a"), await loader.sanitize(found.row.href));
      link.dispatchEvent(new MouseEvent("click", { ctrlKey, shiftKey, metaKey, altKey, cancelable: true }));
    });
  }

  async function draw(place) {
    const specification = JSON.parse(place.querySelector("script").textContent);
    const drawing = document.createElement("div");
    drawing.className = "chart-drawing";
    place.append(drawing);
    const { view } = await vegaEmbed(drawing, specification, {
      mode: "vega-lite", renderer: "svg", ast: true, actions: false, defaultStyle: false, tooltip: showTip, loader,
      logLevel: ERRORS,
      config: { font: getComputedStyle(place).fontFamily },
    });
    let pressedAt = 0;
    drawing.addEventListener("pointerdown", ({ clientX }) => { pressedAt = clientX; });
    drawing.addEventListener("pointerup", ({ pointerType, target, clientX, clientY }) => {
      // A finger doesn't hover: what was tapped is read until the next tap.
      if (pointerType !== "touch" || Math.abs(clientX - pressedAt) > MAX_TAP) return;
      setTimeout(() => target.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX, clientY })), 50);
    });
    new ResizeObserver(() => { // also what the scroll bar took while the chart was being drawn
      const width = drawing.clientWidth;
      if (width && width !== Number(drawing.querySelector("svg")?.getAttribute("width"))) view.signal("width", width).runAsync();
    }).observe(drawing);
    if (specification.usermeta?.hover) makeReadable(view, drawing, specification.usermeta.hover);
    if (specification.params?.some(({ name }) => name === FIRST)) makeZoomable(view, place, place.dataset.zoomGroup);
  }

  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      draw(target).catch((error) => {
        const sorry = document.createElement("p");
        sorry.textContent = "This chart can't be drawn; the numbers are in the table.";
        target.append(sorry);
        console.error(error);
      });
    }
  }, { rootMargin: "300px" });

  addEventListener("pointerdown", () => { tip.hidden = true; });

  function find() {
    document.body.append(tip);
    for (const { parentElement: place } of document.querySelectorAll(".chart > script[type='application/json']")) {
      if (!place.querySelector(".chart-drawing")) seen.observe(place);
    }
  }
  document.addEventListener("added", find); // of runs.js, when it has added to the page
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", find);
  else find();
})();
