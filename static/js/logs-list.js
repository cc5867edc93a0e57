// A list of very many lines of which only those in view are elements. It stays at the newest line
// until someone scrolls up; what is read then stays where it is, whatever comes or goes.
(() => {
  "use strict";
  const OVERSCAN = 12;
  const NEAR = 24;        // pixels from the end that still count as the end

  class LogList {
    // `draw(line)` makes a line's element; `columnsOf(line)` is how many characters wide it is;
    // `painted(lines)` is told which are elements now, `moved()` that somebody scrolled.
    constructor(box, { draw, columnsOf, moved, painted }) {
      Object.assign(this, { box, draw, columnsOf, moved, painted, lines: [], wraps: false, stuck: true, top: 0 });
      this.space = document.createElement("div");
      this.space.className = "log-space";
      this.rows = document.createElement("div");
      this.rows.className = "log-rows";
      this.space.append(this.rows);
      box.replaceChildren(this.space);
      this.measure();
      box.addEventListener("scroll", () => this.scrolled(), { passive: true });
      new ResizeObserver(() => this.resized()).observe(box);
    }

    // Height of one row, and how many characters fit in it.
    measure() {
      const probe = document.createElement("div");
      probe.className = "log-line";
      const inside = document.createElement("span");
      inside.textContent = "0".repeat(50);
      probe.append(inside);
      this.rows.append(probe);
      this.height = probe.getBoundingClientRect().height || 20;
      this.character = inside.getBoundingClientRect().width / 50 || 8;
      probe.remove();
      const style = getComputedStyle(this.box);
      const width = this.box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      this.columns = Math.max(20, Math.floor((width - 10) / this.character));
    }

    resized() {
      const anchor = this.anchor();
      this.measure();
      this.show(this.lines, anchor);
    }

    scrolled() {
      const end = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight;
      if (end < NEAR) this.stuck = true;
      else if (this.box.scrollTop < this.top - 1) this.stuck = false;
      this.top = this.box.scrollTop;
      this.paint();
      this.moved();
    }

    // Where each line begins, in rows; only wrapped lines have more than one.
    layOut() {
      if (!this.wraps) return;
      const tops = new Float64Array(this.lines.length + 1);
      for (let at = 0; at < this.lines.length; at += 1) {
        tops[at + 1] = tops[at] + Math.max(1, Math.ceil(this.columnsOf(this.lines[at]) / this.columns));
      }
      this.tops = tops;
    }

    rowOf(index) {
      return this.wraps ? this.tops[index] : index;
    }

    indexAt(pixels) {
      const row = Math.max(0, Math.floor(pixels / this.height));
      if (!this.wraps) return Math.min(row, this.lines.length);
      let low = 0;
      let high = this.lines.length;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (this.tops[middle] <= row) low = middle;
        else high = middle - 1;
      }
      return low;
    }

    // The line at the upper edge, and how much of it is above.
    anchor() {
      const index = this.indexAt(this.box.scrollTop);
      return { line: this.lines[index], by: this.box.scrollTop - this.rowOf(index) * this.height };
    }

    // Shows these lines (an array that the list does not change), and what was in view stays in view.
    show(lines, anchor = this.anchor()) {
      this.lines = lines;
      this.layOut();
      this.space.style.height = `${this.rowOf(lines.length) * this.height}px`;
      if (!this.stuck && anchor.line) {
        const index = lines.indexOf(anchor.line);
        if (index >= 0) this.box.scrollTop = this.rowOf(index) * this.height + anchor.by;
      }
      this.paint();
    }

    wrap(wraps, anchor) {
      this.wraps = wraps;
      this.show(this.lines, anchor);
    }

    toEnd() {
      this.stuck = true;
      this.paint();
    }

    toLine(index) {
      this.stuck = false;
      this.box.scrollTop = this.rowOf(index) * this.height - this.box.clientHeight / 3;
      this.top = this.box.scrollTop;
      this.paint();
    }

    paint() {
      const count = this.lines.length;
      const height = this.box.clientHeight;
      const full = this.rowOf(count) * this.height;
      const from = this.stuck ? Math.max(0, full - height) : this.box.scrollTop;
      const first = Math.max(0, this.indexAt(from) - OVERSCAN);
      const last = Math.min(count, this.indexAt(from + height) + OVERSCAN);
      const inView = this.lines.slice(first, last);
      this.rows.replaceChildren(...inView.map(this.draw));
      this.rows.style.transform = `translateY(${this.rowOf(first) * this.height}px)`;
      if (this.stuck) {
        // The estimate of wrapped lines may be off: the end is where the last row ends.
        if (this.wraps) this.space.style.height = `${this.rowOf(first) * this.height + this.rows.offsetHeight}px`;
        this.box.scrollTop = this.box.scrollHeight;
        this.top = this.box.scrollTop;
      }
      this.painted(inView);
    }
  }

  globalThis.LogList = LogList;
})();
