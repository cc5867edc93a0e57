// The log viewer: follows, merges replicas by time, finds, wraps, copies; says what is missing.
(() => {
  "use strict";
  const KEPT = 100000;     // lines; twice as many while somebody reads further up
  const SLACK = 2000;
  const COLOURS = 6;
  const PAUSE = 100;       // milliseconds between two paintings of new lines
  const WAIT = 1500;       // of silence before it is said why there is nothing
  const box = document.getElementById("log");
  const state = document.getElementById("log-state");
  const tally = document.getElementById("log-tally");
  const empty = document.getElementById("log-empty");
  const newer = document.getElementById("log-newer");
  const part = (name) => document.querySelector(`[data-log-${name}]`);
  const find = part("find");
  const found = part("found");
  const only = part("only");
  const toggle = part("follow");
  const merged = "merged" in box.dataset;
  const written = box.textContent;
  const number = new Intl.NumberFormat(document.documentElement.lang);
  const colours = new Map();
  let lines = [];
  let view = lines;
  let waiting = [];
  let nextId = 0;
  let timer = 0;
  let unread = 0;
  let skipped = 0;
  let letGo = 0;
  let times = false;
  let current = null;      // the line that "next" goes on from
  let source = null;

  // ---- One line
  const shortName = (pod) => pod.slice(pod.lastIndexOf("-") + 1);

  function colour(pod) {
    if (!colours.has(pod)) colours.set(pod, colours.size % COLOURS);
    return `p${colours.get(pod)}`;
  }

  const lineOf = (pod, raw, at) => ({ id: nextId++, pod, raw, at, plain: LogText.plain(raw) });
  const noteOf = (words, at) => ({ id: nextId++, pod: "", plain: words, at, note: true });

  function clock(at) {
    const moment = new Date(at);
    return Number.isNaN(moment.getTime()) ? "" : moment.toLocaleTimeString("en-GB", { hour12: false }) + at.slice(19, 23);
  }

  function draw(line) {
    const element = document.createElement("div");
    element.className = "log-line";
    if (line.note) {
      element.classList.add("log-note");
      element.textContent = line.plain;
      return element;
    }
    line.level ??= LogText.level(line.plain);
    if (line.level) element.classList.add(`l-${line.level}`);
    if (line === current) element.classList.add("log-current");
    if (times && line.at) element.append(labelled("time", "", `${clock(line.at)} `, line.at));
    if (line.pod && merged) element.append(labelled("b", colour(line.pod), `${shortName(line.pod)} `, line.pod));
    const text = document.createElement("span");
    text.className = "log-text";
    text.append(...marked(LogText.pieces(line.raw), search.active && line.marked === search.turn ? line.marks : null));
    element.append(text);
    return element;
  }

  function labelled(tag, style, text, title) {
    const element = document.createElement(tag);
    if (style) element.className = style;
    element.textContent = text;
    element.title = title;
    return element;
  }

  // The pieces as elements, cut where a mark begins or ends.
  function marked(pieces, marks) {
    if (!pieces.length) return ["\u200b"];
    const ends = marks ?? [];
    const made = [];
    let at = 0;
    let next = 0;
    for (const [text, style] of pieces) {
      let from = 0;
      while (from < text.length) {
        while (next < ends.length && ends[next] <= at) next += 1;
        const size = Math.min(text.length - from, next < ends.length ? ends[next] - at : Infinity);
        made.push(cut(text.slice(from, from + size), style, next % 2 === 1));
        from += size;
        at += size;
      }
    }
    return made.length ? made : ["\u200b"];
  }

  function cut(text, style, isMarked) {
    if (!style && !isMarked) return text;
    const element = document.createElement(isMarked ? "mark" : "span");
    element.className = style;
    element.textContent = text;
    return element;
  }

  function columnsOf(line) {
    const time = times && line.at ? 13 : 0;
    return line.plain.length + time + (line.pod && merged ? shortName(line.pod).length + 1 : 0);
  }

  const asText = (line) => (line.pod && merged ? `[${line.pod}] ${line.plain}` : line.plain);

  // ---- All lines
  const list = new LogList(box, {
    draw,
    columnsOf,
    moved() { if (list.stuck && unread) { unread = 0; tell(); } },
    painted(shown) { search.mark(shown); },
  });
  const search = new LogSearch(box.dataset.worker, { changed: later, failed: say });

  // Lines are shown a few times a second, all that came at once: a chatty model must not freeze the page.
  function later() {
    if (!timer) timer = setTimeout(() => requestAnimationFrame(flush), PAUSE);
  }

  function flush() {
    timer = 0;
    const anchor = list.anchor();
    const come = waiting;
    waiting = [];
    if (come.length) {
      merge(come);
      search.add(come);
      if (!list.stuck) unread += come.length;
      forget();
    }
    view = only.checked && search.active ? lines.filter((line) => line.note || line.hit === search.turn) : lines;
    list.show(view, anchor);
    tell();
  }

  // Replicas are read one beside the other: what comes late goes where its time is.
  function merge(come) {
    let at = lines.length ? lines[lines.length - 1].at : "";
    let sorted = true;
    for (const line of come) {
      if (!line.at) line.at = at;
      if (line.at < at) sorted = false;
      at = line.at;
    }
    if (!sorted) {
      const first = come.reduce((least, line) => (line.at < least ? line.at : least), come[0].at);
      let from = lines.length;
      while (from > 0 && lines[from - 1].at > first) from -= 1;
      come = [...lines.splice(from), ...come].sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0));
    }
    for (const line of come) lines.push(line);
  }

  function forget() {
    const most = list.stuck ? KEPT : 2 * KEPT;
    if (lines.length <= most + SLACK) return;
    const gone = lines.splice(0, lines.length - most);
    letGo += gone.length;
    search.drop(gone);
  }

  function say(words) {
    state.textContent = words;
  }

  const linesText = (count) => t(count === 1 ? "{count} line" : "{count} lines", { count: number.format(count) });

  function tell() {
    const words = [linesText(lines.length)];
    if (skipped) words.push(t("{count} skipped", { count: number.format(skipped) }));
    if (letGo) words.push(t("{count} older ones no longer kept here", { count: number.format(letGo) }));
    tally.textContent = words.join(", ");
    newer.hidden = list.stuck || !unread;
    newer.textContent = t(unread === 1 ? "{count} new line" : "{count} new lines", { count: number.format(unread) });
    if (lines.length) empty.hidden = true;
    found.hidden = !search.active;
    if (search.active) found.textContent = linesText(search.hits) + (search.left ? "..." : "");
  }

  // ---- Following
  const latest = new Map();
  let told = new Map();     // time of the newest line of each pod before this connection
  let resumed = false;      // nothing of this connection has joined what was there yet

  function take(event) {
    for (const [pod, raw, at] of JSON.parse(event.data)) {
      if (at && at <= (told.get(pod) ?? "")) {
        resumed = false;
        continue;
      }
      if (resumed) waiting.push(noteOf(t("The connection was interrupted. Lines may be missing here."), at));
      resumed = false;
      latest.set(pod, at);
      waiting.push(lineOf(pod, raw, at));
    }
    later();
  }

  function follow() {
    say(t("Connecting..."));
    source = new EventSource(box.dataset.follow);
    toggle.setAttribute("aria-pressed", "true");
    source.addEventListener("hello", () => {
      told = new Map(latest);
      resumed = told.size > 0;
      say(t("Following: new lines appear here."));
      setTimeout(() => { empty.hidden = lines.length + waiting.length > 0; }, WAIT);
    });
    source.addEventListener("lines", take);
    source.addEventListener("skipped", (event) => {
      const count = Number(event.data);
      skipped += count;
      const text = count === 1 ? "{count} line skipped: they came faster than this page takes them." : "{count} lines skipped: they came faster than this page takes them.";
      waiting.push(noteOf(t(text, { count: number.format(count) }), ""));
      later();
    });
    source.addEventListener("problem", (event) => stop(JSON.parse(event.data)));
    source.addEventListener("bye", () => stop(t("The stream has ended. Reload to go on.")));
    source.addEventListener("error", () => {
      say(t("Reconnecting..."));
      if (source && source.readyState === EventSource.CLOSED) stop(t("Following is not possible right now."));
    });
  }

  function stop(words) {
    if (source) source.close();
    source = null;
    toggle.setAttribute("aria-pressed", "false");
    say(words);
  }

  // ---- Finding
  let typing = 0;

  function look() {
    current = null;
    find.removeAttribute("aria-invalid");
    search.look(find.value, lines);
    for (const control of [part("before"), part("after"), only]) control.disabled = !search.active;
    later();
  }

  function failed() {
    find.setAttribute("aria-invalid", "true");
    for (const control of [part("before"), part("after"), only]) control.disabled = true;
  }
  search.failed = (words) => { failed(); say(words); };

  function go(step) {
    const from = current ? view.indexOf(current) : step > 0 ? list.indexAt(box.scrollTop) - 1 : view.length;
    for (let at = from + step, looked = 0; looked < view.length; at += step, looked += 1) {
      at = (at + view.length) % view.length;
      if (view[at].hit === search.turn) {
        current = view[at];
        list.toLine(at);
        return;
      }
    }
  }

  // ---- What was there at the beginning, and what can be pressed
  function parsed(text) {
    const match = merged ? /^\[([^\]\s]+)\] ?(.*)$/s.exec(text) : null;
    return match ? lineOf(match[1], match[2], "") : lineOf("", text, "");
  }

  function press(name, action) {
    const button = part(name);
    button.hidden = false;
    button.addEventListener("click", () => action(button));
  }

  const flip = (button) => {
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pressed));
    return pressed;
  };

  async function copy() {
    try {
      // With the words on what is missing: a copy must not seem whole.
      await navigator.clipboard.writeText(view.map((line) => `${asText(line)}\n`).join(""));
      say(t("Copied {count} lines.", { count: number.format(view.length) }));
    } catch {
      say(t("The browser does not allow copying here. Download the lines instead."));
    }
  }

  press("wrap", (button) => {
    const wraps = flip(button);
    const anchor = list.anchor();
    box.classList.toggle("wrap", wraps);
    list.wrap(wraps, anchor);
  });
  if (box.dataset.follow) press("times", (button) => { times = flip(button); later(); });
  press("copy", copy);
  press("before", () => go(-1));
  press("after", () => go(1));
  only.parentElement.hidden = find.hidden = false;
  only.addEventListener("change", later);
  find.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(look, 150); });
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    go(event.shiftKey ? -1 : 1);
  });
  newer.addEventListener("click", () => { unread = 0; list.toEnd(); tell(); box.focus(); });
  globalThis.addEventListener("pagehide", () => source && source.close());

  if (written) {
    lines.push(...written.replace(/\n$/, "").split("\n").map(parsed));
    for (const line of lines) if (line.pod) colour(line.pod);
  }
  flush();
  if (find.value) look();
  if (box.dataset.follow) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => (source ? stop(t("Stopped following.")) : follow()));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && source) { stop(""); toggle.dataset.resume = "1"; }
      else if (!document.hidden && toggle.dataset.resume) { delete toggle.dataset.resume; follow(); }
    });
    follow();
  }
})();
