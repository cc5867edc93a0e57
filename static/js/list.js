// The list of deployments: choosing several rows, by mouse and by keyboard. Without it the boxes work one by one.
(() => {
  "use strict";
  const bulk = document.querySelector("[data-bulk]");
  if (!bulk) return;
  const count = bulk.querySelector("[data-bulk-count]");
  const boxes = () => [...document.querySelectorAll('#live input[name="chosen"]')];
  let before = null;   // the box that was clicked last: Shift chooses from there

  function tell() {
    const all = boxes();
    const chosen = all.filter((box) => box.checked).length;
    const words = chosen ? t("{count} chosen", { count: chosen }) : "";
    if (count.textContent !== words) count.textContent = words;
    document.documentElement.classList.toggle("choosing", chosen > 0);
    const head = document.querySelector("[data-choose-all]");
    if (!head) return;
    head.checked = chosen > 0 && chosen === all.length;
    head.indeterminate = chosen > 0 && chosen < all.length;
  }

  document.addEventListener("click", (event) => {
    const box = event.target.closest?.('input[name="chosen"]');
    if (!box) return;
    const all = boxes();
    if (event.shiftKey && before && all.includes(before)) {
      const [from, to] = [all.indexOf(before), all.indexOf(box)].sort((a, b) => a - b);
      for (const one of all.slice(from, to + 1)) one.checked = box.checked;
    }
    before = box;
    tell();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-choose-all]")) for (const box of boxes()) box.checked = event.target.checked;
    tell();
  });
  // The boxes are in another part of the page than the form they belong to, so a reset may be told before they change.
  bulk.addEventListener("reset", () => setTimeout(tell));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.documentElement.classList.contains("choosing")) bulk.reset();
  });
  // Rows come, go and change places while somebody chooses; a row keeps its box.
  document.addEventListener("htmx:after:swap", tell);
  addEventListener("pageshow", tell);
  tell();
})();
