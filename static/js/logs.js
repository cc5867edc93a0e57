// The log viewer: follows, finds, wraps. Lines are text, never markup.
(() => {
  "use strict";
  const CAP = 5000;
  const COLOURS = 6;
  const log = document.getElementById("log");
  const state = document.getElementById("log-state");
  const find = document.querySelector("[data-log-find]");
  const wrap = document.querySelector("[data-log-wrap]");
  const toggle = document.querySelector("[data-log-follow]");
  const pods = new Map();
  let source = null;
  let stuck = true;      // the view stays at the newest line until someone scrolls up
  let waiting = [];
  let frame = 0;

  function colour(pod) {
    if (!pods.has(pod)) pods.set(pod, pods.size % COLOURS);
    return `p${pods.get(pod)}`;
  }

  function lineOf(pod, text) {
    const line = document.createElement("div");
    if (pod) {
      const name = document.createElement("b");
      name.className = colour(pod);
      name.textContent = `[${pod}] `;
      line.append(name);
    }
    line.append(text || "\u200b");
    return mark(line);
  }

  function mark(line) {
    const wanted = find.value.toLowerCase();
    line.classList.toggle("miss", Boolean(wanted) && !line.textContent.toLowerCase().includes(wanted));
    return line;
  }

  function parsed(text) {
    const match = /^\[([^\]\s]+)\] ?(.*)$/.exec(text);
    return match ? lineOf(match[1], match[2]) : lineOf("", text);
  }

  // Lines are added once a frame: a chatty model must not freeze the page.
  function add(line) {
    waiting.push(line);
    if (!frame) frame = requestAnimationFrame(flush);
  }

  function flush() {
    frame = 0;
    log.append(...waiting.slice(-CAP));
    waiting = [];
    while (log.childElementCount > CAP) log.firstElementChild.remove();
    if (stuck) log.scrollTop = log.scrollHeight;
  }

  function follow() {
    state.textContent = "Connecting...";
    source = new EventSource(log.dataset.follow);
    toggle.setAttribute("aria-pressed", "true");
    // Each connection begins with the last lines again: they take the place of what is shown.
    let fresh = false;
    source.addEventListener("hello", () => { fresh = true; state.textContent = "Following. New lines appear here."; });
    source.addEventListener("line", (event) => {
      if (fresh) { waiting = []; log.replaceChildren(); fresh = false; }
      add(lineOf(...JSON.parse(event.data)));
    });
    source.addEventListener("skipped", (event) => {
      const line = lineOf("", `... skipped ${event.data} lines: they came faster than this page reads ...`);
      line.classList.add("gap");
      add(line);
    });
    source.addEventListener("bye", () => stop("The stream has ended. Reload to go on."));
    source.addEventListener("error", () => {
      state.textContent = "Reconnecting...";
      if (source && source.readyState === EventSource.CLOSED) stop("Following is not possible right now.");
    });
  }

  function stop(words) {
    if (source) source.close();
    source = null;
    toggle.setAttribute("aria-pressed", "false");
    state.textContent = words;
  }

  const lines = log.textContent.replace(/\n$/, "");
  log.textContent = "";
  if (lines) log.append(...lines.split("\n").map(parsed));
  log.scrollTop = log.scrollHeight;

  log.addEventListener("scroll", () => { stuck = log.scrollHeight - log.scrollTop - log.clientHeight < 24; });
  find.hidden = wrap.hidden = false;
  find.addEventListener("input", () => { for (const line of log.children) mark(line); });
  wrap.addEventListener("click", () => {
    wrap.setAttribute("aria-pressed", String(log.classList.toggle("wrap")));
    if (stuck) log.scrollTop = log.scrollHeight;
  });
  if (log.dataset.follow) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => (source ? stop("Stopped following.") : follow()));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && source) { stop(""); toggle.dataset.resume = "1"; }
      else if (!document.hidden && toggle.dataset.resume) { delete toggle.dataset.resume; follow(); }
    });
    addEventListener("pagehide", () => source && source.close());
    follow();
  }
})();
