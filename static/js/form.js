// The form of a deployment: what it would become is asked for at each pause in typing.
// Without this the page works too: "Check first" shows the same.
(() => {
  "use strict";
  const PAUSE = 350;        // after the last key, before the preview is asked for
  const LONGER_PAUSE = 900; // before the cluster is asked, which costs it something
  const form = document.querySelector("form[data-asks]");
  if (!form) return;
  const askers = Object.fromEntries([...form.querySelectorAll("[data-asker]")].map((one) => [one.dataset.asker, one]));
  const timers = {};
  let asked = sent();
  let checked = ""; // the manifests that the cluster was asked about last
  let asking = "";

  // What would be sent, secrets included: kept here only to see whether it differs.
  function sent() {
    return new URLSearchParams([...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken")).toString();
  }

  function ask(what, wait) {
    clearTimeout(timers[what]);
    timers[what] = setTimeout(() => {
      if (what === "preflight") asking = document.getElementById("preview-body").textContent;
      askers[what].dispatchEvent(new CustomEvent("ask"));
    }, wait);
  }

  function look() {
    const now = sent();
    if (now === asked) return;
    asked = now;
    ask("preview", PAUSE);
  }

  // The cluster is asked about what is complete, and once about the same thing.
  function check() {
    const complete = document.querySelector("#preview-status [data-complete]");
    const panel = document.getElementById("preflight");
    const text = document.getElementById("preview-body").textContent;
    panel.classList.toggle("outdated", !complete || text !== checked);
    if (!complete || text === checked) return clearTimeout(timers.preflight);
    ask("preflight", LONGER_PAUSE);
  }

  document.addEventListener("htmx:after:swap", (event) => {
    if (event.target === askers.preview) check();
    else if (event.target === askers.preflight) {
      checked = asking;
      check();
    } else if (event.target.matches?.("[data-suggest]")) {
      if (form.querySelector("[data-required] textarea:placeholder-shown")) document.getElementById("section-env").open = true;
      sizeShown();
      look();
    }
    reveal();
  });
  // Signed out elsewhere: what was typed is worth more than the way to the sign-in page.
  document.addEventListener("htmx:before:response", (event) => {
    if (!form.contains(event.target) || !event.detail.ctx.response.headers.has("HX-Redirect")) return;
    event.preventDefault();
    document.getElementById("preview-status").textContent = t("You have been signed out. Copy what you typed, then reload the page to sign in.");
  });
  for (const kind of ["htmx:response:error", "htmx:error"]) {
    document.addEventListener(kind, (event) => {
      if (event.target === askers.preview) document.getElementById("preview-status").textContent = t("No preview: the server did not answer. What you typed is still here.");
    });
  }

  // ---- Sizes: a chosen size is what its resources are, until one of them is typed.
  function showSize(size) {
    for (const field of form.querySelectorAll("[data-resources] input")) {
      field.placeholder = size.dataset[field.name.split(".")[1]] || t("as the size");
    }
  }

  function sizeShown() {
    const size = form.querySelector("[data-sizes] input:checked[data-cpu]");
    if (size) showSize(size);
  }

  form.addEventListener("change", (event) => {
    // Another team has other versions, logins and clusters: the page comes again, with what was typed.
    if (event.target.name === "team") return form.requestSubmit(form.querySelector("[name=then]"));
    if (event.target.name === "preset" && event.target.value) {
      for (const field of form.querySelectorAll("[data-resources] input")) field.value = "";
      showSize(event.target);
    }
    look();
  });
  form.addEventListener("input", look);
  // On a slow machine people type before the scripts have come: nobody has heard that yet.
  addEventListener("load", () => {
    const typed = [...form.querySelectorAll("[data-suggest] input")].some((field) => field.value !== field.defaultValue);
    if (!typed) return;
    form.querySelector("[data-suggest]").dispatchEvent(new Event("change"));
    ask("preview", PAUSE);
  });

  // ---- Rows of variables
  const rows = () => [...form.querySelectorAll(".env-row")];

  function clear(row) {
    for (const field of row.querySelectorAll("input, textarea")) { field.value = ""; field.removeAttribute("aria-invalid"); field.classList.remove("is-invalid"); }
    row.querySelector("select").value = "text";
    row.querySelector("textarea").placeholder = t("value");
    for (const old of row.querySelectorAll(".field-error, .hint")) old.remove();
  }

  function number() {
    rows().forEach((row, index) => {
      row.id = `env-row-${index}`;
      for (const field of row.querySelectorAll("[aria-label]")) field.setAttribute("aria-label", field.getAttribute("aria-label").replace(/\d+$/, index + 1));
    });
  }

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.matches("[data-row-add]")) {
      const last = rows().at(-1);
      const row = last.cloneNode(true);
      clear(row);
      last.after(row);
      number();
      row.querySelector("[name='env.name']").focus();
    }
    if (button?.matches("[data-row-drop]")) {
      const row = button.closest(".env-row");
      const next = row.nextElementSibling || row.previousElementSibling;
      if (rows().length > 1) row.remove(); else clear(row);
      number();
      (next || row).querySelector("[name='env.name']").focus();
      look();
    }
  });

  function reveal() {
    for (const button of form.querySelectorAll("[data-row-add][hidden], [data-row-drop][hidden]")) button.hidden = false;
  }

  // A link to a field in a closed section opens it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".error-list a[href^='#']");
    const field = link && document.getElementById(link.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    const section = field.closest("details");
    if (section) section.open = true;
    field.focus();
  });

  reveal();
  sizeShown();
  addEventListener("load", check);
  // Coming back by the history, the browser fills in what was typed.
  addEventListener("pageshow", (event) => { if (event.persisted) look(); });
})();
