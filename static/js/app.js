// What the pages do beyond plain HTML: hear what changed, keep times true, copy, step, add rows.
// Everything here is an addition: each page works without it.
(() => {
  "use strict";
  const THROTTLE = 1000;   // an element fetches itself again at most once a second
  const POLL = 20000;      // and at least this often, so that a lost nudge heals
  document.documentElement.classList.add("script");

  // ---- Words: a page in another language brings those of its scripts, by the English ones (dashboard/words.py).
  const words = {};
  for (const some of document.querySelectorAll('script[id^="words-"]')) Object.assign(words, JSON.parse(some.textContent));

  // The words with what stands at their {places}.
  const t = (text, values = {}) => (words[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  globalThis.t = t;

  // ---- Whoever is about to click must hit what they aim at: while the pointer moves over
  // something to press, or a finger is down, news wait a moment.
  const HOLD = 400;
  const LONGEST_HOLD = 2000;
  let aimed = 0;

  function aims(event) {
    if (event.type === "touchstart" || event.target.closest?.("a, button, select, summary, label")) aimed = Date.now();
  }
  for (const kind of ["pointermove", "pointerdown", "touchstart"]) addEventListener(kind, aims, { passive: true });

  // ---- Live: one stream of names per page. Whoever is named fetches its own fragment.
  const last = new WeakMap();

  function refresh(element) {
    const seen = last.get(element) || { at: 0, timer: 0 };
    last.set(element, seen);
    if (seen.timer) return;
    const wait = Math.max(0, seen.at + (Number(element.dataset.every) || THROTTLE) - Date.now());
    const due = Date.now() + wait;
    const go = () => {
      if (Date.now() - aimed < HOLD && Date.now() - due < LONGEST_HOLD) {
        seen.timer = setTimeout(go, 100);
        return;
      }
      seen.timer = 0;
      seen.at = Date.now();
      element.dispatchEvent(new CustomEvent("refresh"));
    };
    seen.timer = setTimeout(go, wait);
  }

  function changed(name) {
    const team = name.split("/")[0] + "/";
    for (const element of document.querySelectorAll("[data-live]")) {
      const about = element.dataset.live;
      if (name === "*" || about === "*" || about === name || (name === team && about.startsWith(team))) refresh(element);
    }
  }

  // What a cluster uses was measured anew, about each 15 seconds.
  function measured(cluster) {
    for (const element of document.querySelectorAll("[data-measured]")) {
      if (element.dataset.measured === "*" || element.dataset.measured === cluster) refresh(element);
    }
  }

  function listen(address) {
    const beacon = document.getElementById("beacon");
    const states = { live: t("live"), lost: t("reconnecting"), off: t("connecting"), ended: t("signed out") };
    let source = null;
    let retry = 0;
    let resumed = false;
    let ended = false;

    function show(state) {
      if (!beacon) return;
      beacon.hidden = false;
      beacon.dataset.state = state;
      beacon.firstElementChild.textContent = states[state];
    }

    function open() {
      if (source || ended || document.hidden) return;
      source = new EventSource(address);
      source.addEventListener("open", () => {
        show("live");
        if (resumed) changed("*");
        resumed = true;
      });
      source.addEventListener("changed", (event) => changed(event.data));
      source.addEventListener("measured", (event) => measured(event.data));
      source.addEventListener("resync", () => changed("*"));
      source.addEventListener("bye", () => {
        ended = true;
        close();
        show("ended");
        // The page itself sends on to the sign-in, unless that would lose what is being typed.
        if (typedSomething()) say(t("You have been signed out. Copy what you typed, then reload the page to sign in."), 0);
        else location.reload();
      });
      source.addEventListener("error", () => {
        show("lost");
        // CLOSED: the server refused, and the browser would not try again by itself.
        if (source && source.readyState === EventSource.CLOSED) {
          close();
          retry = setTimeout(open, 3000);
        }
      });
    }

    function close() {
      clearTimeout(retry);
      if (source) source.close();
      source = null;
    }

    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
    addEventListener("pagehide", close);
    addEventListener("pageshow", open);
    setInterval(() => document.hidden || ended || changed("*"), POLL);
    open();
  }

  function typedSomething() {
    return [...document.querySelectorAll("main textarea, main input:not([type=hidden], [type=search], [data-log-find])")].some(
      (field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked,
    );
  }

  // ---- Times
  const STEPS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"]];

  function inOneUnit(milliseconds) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    for (const [below, size, unit] of STEPS) if (seconds < below) return `${Math.floor(seconds / size)} ${unit}`;
    return `${Math.floor(seconds / 86400)} d`;
  }

  function tick() {
    if (document.hidden) return;
    for (const time of document.querySelectorAll("time[data-ago], time[data-age], time[data-left]")) {
      const since = Date.now() - Date.parse(time.dateTime);
      let text = inOneUnit("left" in time.dataset ? -since : since);
      if ("left" in time.dataset) text = t("in {time}", { time: text });
      else if ("ago" in time.dataset) text = t("{time} ago", { time: text });
      if (time.textContent !== text) time.textContent = text;
    }
  }

  // ---- What needs a script is hidden until there is one, also in what arrives later.
  function reveal(root) {
    for (const button of root.querySelectorAll("[data-copy][hidden], [data-copy-from][hidden], [data-env-add][hidden]")) button.hidden = false;
    for (const toast of root.querySelectorAll("[data-toast]")) {
      toast.removeAttribute("data-toast");
      setTimeout(() => toast.remove(), 6000);
    }
  }

  async function copy(button) {
    const from = button.dataset.copyFrom;
    const text = from ? document.getElementById(from).textContent : button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
      say(t("Copied."));
    } catch {
      say(t("The browser does not allow copying here. Select the text instead."));
    }
  }

  function say(text, milliseconds = 4000) {
    const line = document.createElement("div");
    line.className = "toast-line";
    line.textContent = text;
    document.getElementById("toasts").append(line);
    if (milliseconds) setTimeout(() => line.remove(), milliseconds);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[data-copy], [data-copy-from]")) copy(button);
    if (button.matches("[data-step]")) {
      // With a script the buttons change the number; Scale sends it.
      event.preventDefault();
      const input = button.parentElement.querySelector("input");
      input.value = Math.max(0, (parseInt(input.value, 10) || 0) + Number(button.dataset.step));
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
    if (button.matches("[data-env-add]")) {
      const rows = button.parentElement.querySelectorAll(".env-row");
      const row = rows[rows.length - 1].cloneNode(true);
      for (const field of row.querySelectorAll("input, select")) {
        if (field.matches("select")) field.selectedIndex = 0;
        else field.value = "";
        // "Name of variable 3" is the fourth one's on the next row.
        field.ariaLabel = field.ariaLabel?.replace(/\d+$/, rows.length + 1) ?? null;
      }
      for (const old of row.querySelectorAll(".field-error")) old.remove();
      rows[rows.length - 1].after(row);
      row.querySelector("input").focus();
    }
  }, true);

  // What is being typed or was refused stays as it is, whatever news arrive, until it is sent.
  const keep = (field) => field.closest("#live form.control")?.setAttribute("hx-morph-skip", "");
  document.addEventListener("input", (event) => keep(event.target));
  document.addEventListener("submit", (event) => event.target.removeAttribute("hx-morph-skip"), true);

  // Filters act when they are changed; typing waits for a pause.
  let pause = 0;
  for (const form of document.querySelectorAll("form[data-filters]")) {
    const send = () => form.requestSubmit();
    form.addEventListener("change", (event) => { if (event.target.name && event.target.type !== "search") send(); });
    form.addEventListener("submit", () => {
      clearTimeout(pause);
      for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
    });
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
  addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent));

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("textarea")) event.target.form.requestSubmit();
    if (event.key === "/" && !event.target.closest("input, textarea, select")) {
      const search = document.querySelector("main input[type=search]:not([hidden])");
      if (search) { event.preventDefault(); search.focus(); }
    }
    if (event.key === "Escape") document.querySelectorAll(".menu[open]").forEach((menu) => {
      // What had the focus is hidden with the menu: the next key must not begin at the top of the page.
      const inside = menu.contains(document.activeElement);
      menu.open = false;
      if (inside) menu.querySelector("summary").focus();
    });
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  // Coming back to a filtered page re-enables what submit left out.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-filters]")) for (const field of form.elements) field.disabled = false;
  });
  document.addEventListener("htmx:after:swap", () => {
    reveal(document);
    tick();
    for (const field of document.querySelectorAll("#live [aria-invalid]")) keep(field);
  });
  const shell = document.querySelector("[data-live-stream]");
  if (shell) listen(shell.dataset.liveStream);
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  reveal(document);
  tick();
  setInterval(tick, 1000);
})();
