// Search, theme and training curves of the report's page. Reads only what is in the page.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const data = JSON.parse($("#report-data").textContent);

  // ---- light and dark ----
  const themes = ["auto", "light", "dark"];
  const button = $("#theme");
  const setTheme = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = "theme: " + theme;
    button.dataset.theme = theme;
  };
  const remembered = () => { try { return localStorage.getItem("denseshift-theme"); } catch { return null; } };
  setTheme(themes.includes(remembered()) ? remembered() : "auto");
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(button.dataset.theme) + 1) % themes.length];
    setTheme(next);
    try { localStorage.setItem("denseshift-theme", next); } catch { /* private mode: not remembered */ }
  });

  // ---- search ----
  const search = $("#search");
  const scale = $("#scale");
  const says = (element, words) => words.every((word) => element.textContent.toLowerCase().includes(word));
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    const studies = $$("section[data-study]");
    for (const section of studies) {
      const parts = $$("[data-scale]", section);
      for (const part of parts) part.classList.toggle("hidden", scale.value !== "" && part.dataset.scale !== scale.value);
      const visible = parts.filter((part) => !part.classList.contains("hidden"));
      const whole = says($("h2", section), words);
      let rows = 0;
      for (const row of visible.flatMap((part) => $$("tbody tr", part))) {
        const keep = whole || says(row, words);
        row.classList.toggle("hidden", !keep);
        rows += keep ? 1 : 0;
      }
      const keep = (visible.length > 0 || parts.length === 0) && (words.length === 0 || whole || rows > 0);
      section.classList.toggle("hidden", !keep);
      $(`nav a[href="#${CSS.escape(section.id)}"]`)?.closest("li").classList.toggle("hidden", !keep);
      shown += keep ? 1 : 0;
    }
    for (const run of $$(".run")) run.classList.toggle("hidden", !says(run, words));
    $("#shown").textContent = shown === studies.length ? "" : `${shown} of ${studies.length} studies`;
  };
  search.addEventListener("input", filter);
  scale.addEventListener("change", filter);

  // A link to a run opens it.
  const openTarget = () => {
    const target = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
    if (target?.matches("details")) { target.open = true; target.classList.remove("hidden"); target.scrollIntoView(); }
  };
  addEventListener("hashchange", openTarget);
  openTarget();
  addEventListener("beforeprint", () => { for (const part of $$("main .compact")) part.open = true; });

  // ---- training curves ----
  const area = $("#curve-area");
  if (!area || data.runs.length === 0) return;
  const metric = $("#curve-metric");
  const list = $("#curve-list");
  const names = [...new Set(data.runs.flatMap((run) => Object.keys(run.curves)))].sort();
  for (const name of names) metric.add(new Option(name, name));
  metric.value = ["val/top1", "test/top1", "val/loss"].find((name) => names.includes(name)) ?? names[0];
  data.runs.forEach((run, index) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = index < 6;
    box.addEventListener("change", draw);
    label.append(box, `${run.id} ${run.title}`);
    list.append(label);
    run.box = box;
    run.label = label;
  });
  $("#curve-find").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const run of data.runs) run.label.classList.toggle("hidden", !says(run.label, words));
  });
  const chooseAll = (on) => {
    for (const run of data.runs) if (!run.label.classList.contains("hidden")) run.box.checked = on;
    draw();
  };
  $("#curve-all").addEventListener("click", () => chooseAll(true));
  $("#curve-none").addEventListener("click", () => chooseAll(false));
  metric.addEventListener("change", draw);
  addEventListener("resize", draw);
  draw();

  function step(low, high, most) {
    for (let power = 10 ** Math.floor(Math.log10((high - low) / most)); ; power *= 10) {
      for (const factor of [1, 2, 5]) {
        const size = factor * power;
        if (Math.floor(high / size + 1e-9) - Math.ceil(low / size - 1e-9) + 1 <= most) return size;
      }
    }
  }
  function ticks(low, high, most) {
    const size = step(low, high, most);
    const digits = Math.max(0, Math.ceil(-Math.log10(size) - 1e-9));
    const result = [];
    for (let i = Math.ceil(low / size - 1e-9); i <= Math.floor(high / size + 1e-9); ++i) {
      const value = i * size;
      const text = value !== 0 && (size >= 1e5 || size < 1e-6) ? value.toExponential(1) : value.toFixed(Math.min(digits, 20));
      result.push([value, text.replace("-", "\u2212")]);
    }
    return result;
  }
  function element(name, attributes, parent, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent?.append(made);
    return made;
  }
  function range(values) {
    let low = Infinity, high = -Infinity;
    for (const v of values) { low = Math.min(low, v); high = Math.max(high, v); }
    const room = high - low > Math.max(Math.abs(low), Math.abs(high)) * 1e-9 ? (high - low) * 0.05 : Math.abs(high) * 0.1 || 1;
    return [low - room, high + room];
  }
  function draw() {
    area.replaceChildren();
    const key = $("#curve-key");
    key.replaceChildren();
    const name = metric.value;
    const chosen = data.runs.filter((run) => run.box.checked && run.curves[name]);
    const values = chosen.flatMap((run) => run.curves[name][1]).filter((v) => v !== null);
    if (values.length === 0) {
      area.textContent = data.runs.some((run) => run.box.checked) ? "The chosen runs did not record this." : "Choose runs.";
      return;
    }
    const width = Math.max(300, area.clientWidth), height = 360;
    const left = 64, right = 12, top = 10, bottom = 40;
    const svg = element("svg", { class: "plot", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name + " by epoch" }, area);
    element("rect", { class: "ground", width, height }, svg);
    const [x0, x1] = range(chosen.flatMap((run) => run.curves[name][0]));
    const [y0, y1] = range(values);
    const px = (x) => left + (x - x0) / (x1 - x0) * (width - left - right);
    const py = (y) => top + (y1 - y) / (y1 - y0) * (height - top - bottom);
    for (const [value, text] of ticks(x0, x1, width < 500 ? 5 : 9)) {
      if (value !== Math.round(value)) continue;
      element("path", { class: "grid", d: `M${px(value)} ${top}V${height - bottom}` }, svg);
      element("text", { class: "muted", x: px(value), y: height - bottom + 15, "text-anchor": "middle" }, svg, text);
    }
    for (const [value, text] of ticks(y0, y1, 7)) {
      element("path", { class: "grid", d: `M${left} ${py(value)}H${width - right}` }, svg);
      element("text", { class: "muted", x: left - 6, y: py(value) + 4, "text-anchor": "end" }, svg, text);
    }
    element("path", { class: "axis", d: `M${left} ${top}V${height - bottom}H${width - right}` }, svg);
    element("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, svg, "epoch");
    element("text", { x: 14, y: (top + height - bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${(top + height - bottom) / 2})` }, svg, name);
    chosen.forEach((run, index) => {
      const [epochs, series] = run.curves[name];
      const style = `s${index % 10}`;
      const dash = ["", " d"][Math.floor(index / 10) % 2];
      const group = element("g", { class: style }, svg);
      let path = "", pen = "M";
      series.forEach((value, i) => {
        if (value === null) { pen = "M"; return; }
        path += `${pen}${px(epochs[i]).toFixed(1)} ${py(value).toFixed(1)}`;
        pen = "L";
      });
      element("path", { class: "l" + dash, d: path }, group);
      series.forEach((value, i) => {
        if (value === null) return;
        const dot = element("circle", { class: "m", cx: px(epochs[i]).toFixed(1), cy: py(value).toFixed(1), r: series.length > 40 ? 2 : 3 }, group);
        element("title", {}, dot, `run ${run.id}, epoch ${epochs[i]}: ${value}`);
      });
      const item = document.createElement("li");
      const sample = element("svg", { class: "plot", viewBox: "0 0 30 12" }, item);
      element("path", { class: "l" + dash, d: "M0 6H30" }, element("g", { class: style }, sample));
      const link = document.createElement("a");
      link.href = "#run-" + run.id;
      link.textContent = `${run.id} ${run.title}`;
      item.append(link);
      key.append(item);
    });
  }
})();
