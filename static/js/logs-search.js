// Finds a regular expression in the lines, with the help of a worker that is ended when it takes too long.
(() => {
  "use strict";
  const PATIENCE = 3000;
  const PORTION = 1000;

  class LogSearch {
    // `changed()` when there are more hits or marks; `failed(words)` when a pattern is of no use.
    constructor(address, { changed, failed }) {
      Object.assign(this, { address, changed, failed, worker: null, turn: 0, hits: 0, left: 0, sent: 0, timer: 0, pouring: 0, queue: [] });
    }

    get active() {
      return this.worker !== null;
    }

    // Begins to look for `pattern` in `lines` and in what is added later; "" ends it.
    look(pattern, lines) {
      this.turn += 1;
      this.hits = 0;
      if (!pattern) return this.end();
      // Capital letters mean what they say; without any, case is of no matter.
      const flags = /[A-Z]/.test(pattern.replace(/\\./g, "")) ? "g" : "gi";
      try {
        new RegExp(pattern, flags);
      } catch (error) {
        this.end();
        return this.failed(t("This is no regular expression: {why}.", { why: error.message.replace(/^Invalid regular expression: /, "") }));
      }
      if (!this.worker) {
        this.worker = new Worker(this.address);
        this.worker.onmessage = ({ data }) => this.heard(data);
        this.worker.onerror = () => this.give(t("The search cannot run here."));
        this.lines = new Map();
        this.sent = 0;
        this.queue = [];
        this.send({ search: [pattern, flags, this.turn] });
        this.add(lines);
      } else this.send({ search: [pattern, flags, this.turn] });
      this.changed();
    }

    // More lines to look in.
    add(lines) {
      if (!this.worker) return;
      for (const line of lines) {
        if (line.note) continue;
        this.lines.set(line.id, line);
        this.queue.push(line);
      }
      this.pour();
    }

    // Lines to the worker, some at a time: handing over all of them would hold the page up.
    pour() {
      if (this.pouring || !this.queue.length || !this.worker) return;
      const portion = this.queue.splice(0, PORTION).filter((line) => this.lines.has(line.id));
      this.send({ add: portion.map((line) => [line.id, line.plain]) });
      this.pouring = setTimeout(() => {
        this.pouring = 0;
        this.pour();
      }, 20);
    }

    // Forgets the lines that are gone.
    drop(gone) {
      if (!this.worker) return;
      for (const line of gone) {
        this.lines.delete(line.id);
        if (line.hit === this.turn) this.hits -= 1;
      }
      this.worker.postMessage({ drop: gone.map((line) => line.id) });
    }

    // Asks where the pattern is in lines that are shown.
    mark(lines) {
      const unknown = lines.filter((line) => line.hit === this.turn && line.marked !== this.turn);
      for (const line of unknown) Object.assign(line, { marked: this.turn, marks: null });
      if (this.worker && unknown.length) this.send({ where: unknown.map((line) => line.id) });
    }

    send(message) {
      this.sent += 1;
      this.worker.postMessage(message);
      this.watch();
    }

    // Each message must be answered: no answer for long is a pattern that never ends.
    watch() {
      this.timer ||= setTimeout(() => this.give(t("This pattern takes too long. Try a simpler one.")), PATIENCE);
    }

    give(words) {
      this.end();
      this.failed(words);
    }

    heard({ turn, hits, left, where, received }) {
      this.calm();
      if (received < this.sent || left) this.watch();
      if (turn !== this.turn) return;
      for (const id of hits ?? []) {
        const line = this.lines.get(id);
        if (line && line.hit !== turn) {
          line.hit = turn;
          this.hits += 1;
        }
      }
      for (const [id, marks] of where ?? []) {
        const line = this.lines.get(id);
        if (line) line.marks = marks;
      }
      this.left = (left ?? 0) + this.queue.length;
      this.changed();
    }

    calm() {
      clearTimeout(this.timer);
      this.timer = 0;
    }

    end() {
      this.calm();
      if (this.worker) this.worker.terminate();
      this.worker = null;
      this.turn += 1;
      this.hits = this.left = 0;
      this.changed();
    }
  }

  globalThis.LogSearch = LogSearch;
})();
