// Charts of usage: uPlot in the page's own colours, and readable by keyboard. The table below has the same values.
(() => {
  "use strict";
  const POLL = 60000;   // samples are of whole minutes
  const HEIGHT = 190;
  let plots = [];

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // Colours as the page has them now: canvas knows neither variables nor light-dark().
  function colour(name) {
    const probe = document.createElement("span");
    probe.className = `plot-colour-${name}`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  function looks() {
    return {
      text: colour("text"), grid: colour("grid"),
      used: colour("used"), fill: colour("fill"), requested: colour("requested"), peak: colour("peak"), ceiling: colour("ceiling"),
    };
  }

  const language = document.documentElement.lang;
  const dates = language === "en" ? "en-GB" : language;
  const number = (value, unit) => value == null ? t("not known") : `${value.toLocaleString(language, { maximumFractionDigits: value < 10 ? 2 : 1 })} ${unit}`;
  const clock = (seconds, span) => new Date(seconds * 1000).toLocaleString(dates, span > 86400
    ? { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }
    : { hour: "2-digit", minute: "2-digit" });

  function lone(plot, place) {
    const values = plot.data[place];
    return values.flatMap((value, at) => value != null && values[at - 1] == null && values[at + 1] == null ? [at] : []);
  }

  function styleOf(line, look) {
    const dash = { requested: [6, 4], peak: [1, 3], ceiling: [12, 4] }[line.kind];
    return {
      label: line.label,
      stroke: look[line.kind],
      width: line.kind === "used" ? 2 : 1.25,
      fill: line.kind === "used" ? look.fill : undefined,
      dash,
      // A value without neighbours makes no line: a dot shows that it is there.
      points: { show: true, size: 5, fill: look[line.kind], filter: lone },
      spanGaps: false,
    };
  }

  function axes(look, unit) {
    const one = { stroke: look.text, grid: { stroke: look.grid, width: 1 }, ticks: { show: false }, font: `12px ${css("--tblr-font-sans-serif") || "sans-serif"}` };
    return [
      { ...one, grid: { show: false }, values: (_, splits, __, ___, step) => splits.map((at) => new Date(at * 1000).toLocaleString(dates, step >= 86400 ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" })) },
      { ...one, size: 54, values: (_, splits) => splits.map((value) => value.toLocaleString(language, { maximumFractionDigits: 2 })) },
    ];
  }

  function legend(frame, plot) {
    const list = document.createElement("ul");
    list.className = "plot-legend";
    for (const line of plot.lines) {
      const item = document.createElement("li");
      item.className = `plot-key plot-key-${line.kind}`;
      const value = document.createElement("b");
      item.append(document.createElement("i"), line.label + " ", value);
      list.append(item);
    }
    frame.append(list);
    return [...list.querySelectorAll("b")];
  }

  // The frame first: how wide a plot may be is known when all of them have their place.
  function frameOf(plot) {
    const frame = document.createElement("figure");
    frame.className = "plot";
    const title = document.createElement("figcaption");
    title.textContent = `${plot.title}, ${plot.unit === plot.title ? t("pieces") : plot.unit}`;
    frame.append(title);
    const values = legend(frame, plot);
    const box = document.createElement("div");
    box.className = "plot-box";
    box.tabIndex = 0;
    box.setAttribute("role", "application");
    box.setAttribute("aria-roledescription", t("chart"));
    box.setAttribute("aria-label", t("{title}: {lines}. Arrow keys move along it.", { title: plot.title, lines: plot.lines.map((line) => line.label).join(", ") }));
    frame.append(box);
    return { frame, box, values };
  }

  function draw(data, plot, { box, values }, says, look) {
    const span = data.at.at(-1) - data.at[0];
    const show = (index) => plot.lines.forEach((line, place) => {
      const last = index == null ? line.values.findLastIndex((value) => value != null) : index;
      values[place].textContent = last < 0 ? "–" : number(line.values[last], "").trim();
    });
    const made = new uPlot({
      width: Math.max(240, box.clientWidth), height: HEIGHT,
      cursor: { sync: { key: "usage" }, drag: { x: false, y: false }, y: false, points: { size: 6 } },
      legend: { show: false },
      scales: { x: { time: true }, y: { range: (_, low, high) => [0, Math.max(high * 1.1, plot.unit === plot.title ? 1 : 0.01)] } },
      axes: axes(look, plot.unit),
      series: [{}, ...plot.lines.map((line) => styleOf(line, look))],
      hooks: { setCursor: [(self) => show(self.cursor.idx)] },
    }, [data.at, ...plot.lines.map((line) => line.values)], box);
    show(null);

    let index = null;
    box.addEventListener("keydown", (event) => {
      const end = data.at.length - 1;
      const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
      if (event.key in steps) index = Math.min(end, Math.max(0, (index ?? (steps[event.key] < 0 ? end + 1 : -1)) + steps[event.key]));
      else if (event.key === "Home") index = 0;
      else if (event.key === "End") index = end;
      else if (event.key === "Escape") { index = null; made.setCursor({ left: -10, top: -10 }); show(null); return; }
      else return;
      event.preventDefault();
      made.setCursor({ left: made.valToPos(data.at[index], "x"), top: made.bbox.height / devicePixelRatio / 2 });
      show(index);
      says.textContent = `${clock(data.at[index], span)}: ` + plot.lines.map((line) => `${line.label} ${number(line.values[index], plot.unit)}`).join(", ");
    });
    box.addEventListener("blur", () => { index = null; });
    return { made, box };
  }

  function render() {
    for (const { made } of plots) made.destroy();
    plots = [];
    const host = document.querySelector("[data-plots]");
    const source = document.getElementById("chart-data");
    if (!host || !source) return;
    host.replaceChildren();
    const data = JSON.parse(source.textContent);
    const says = document.querySelector("[data-chart-says]");
    const look = looks();
    const frames = data.plots.map(frameOf);
    host.append(...frames.map(({ frame }) => frame));
    plots = data.plots.map((plot, place) => draw(data, plot, frames[place], says, look));
  }

  function resize() {
    for (const { made, box } of plots) if (box.clientWidth && box.clientWidth !== made.width) made.setSize({ width: box.clientWidth, height: HEIGHT });
  }

  // Newer values come as the same part of the page; whoever reads along by keyboard is not interrupted.
  async function refresh() {
    const section = document.querySelector("[data-charts]");
    if (!section || document.hidden || document.activeElement?.closest?.(".plot-box")) return;
    const answer = await fetch(section.dataset.charts, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const data = fresh.getElementById("chart-data");
    const old = document.getElementById("chart-data");
    if (!data || !old) return;
    old.textContent = data.textContent;
    const table = fresh.querySelector("[data-chart-table]");
    if (table) document.querySelector("[data-chart-table]")?.replaceChildren(...table.children);
    render();
  }

  document.addEventListener("click", (event) => { if (event.target.closest?.("[data-print]")) print(); });
  for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
  addEventListener("resize", resize);
  addEventListener("beforeprint", resize);
  setInterval(refresh, POLL);
  render();
})();
