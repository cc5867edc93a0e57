// What a log line looks like: colours of ANSI, unseen characters named, its level. Lines are text,
// never markup. dashboard/views/log_text.py has the same rules for pages without a script.
(() => {
  "use strict";
  const ESCAPE = /\x1b\[([0-?]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-Z\\^-~]/g;
  // Control characters but tab; what turns text around, hides it or breaks its line.
  const UNSEEN = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
  const EACH_UNSEEN = new RegExp(UNSEEN.source, "g");
  const NAMED = { "": "", error: "error", fatal: "error", critical: "error", panic: "error", severe: "error", emergency: "error", alert: "error", err: "error", crit: "error", warn: "warn", warning: "warn", info: "", notice: "", debug: "debug", trace: "debug", verbose: "debug" };
  const WORD = /(?:^|[\s[("'=|])(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|FATAL|CRITICAL|CRIT|PANIC|SEVERE|Traceback)(?=[\s\]):"'|,]|$)/;
  const PAIR = /\blevel=["']?([A-Za-z]+)/;
  const KLOG = /^([IWEF])\d{4} \d\d:\d\d:\d\d/;
  const KLOG_LEVELS = { W: "warn", E: "error", F: "error", I: "" };

  function named(character) {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  }

  function seen(text) {
    return UNSEEN.test(text) ? text.replace(EACH_UNSEEN, named) : text;
  }

  // The line as it is read, searched and copied.
  function plain(raw) {
    return UNSEEN.test(raw) ? seen(raw.replace(/\r$/, "").replace(ESCAPE, "")) : raw;
  }

  // Colour n of the sixteen, "" for what is not among them.
  function painted(codes, style) {
    const numbers = codes ? codes.split(/[;:]/).map(Number) : [0];
    for (let at = 0; at < numbers.length; at += 1) {
      const code = numbers[at];
      if (code === 0) style = { colour: "", bold: false };
      else if (code === 1) style = { ...style, bold: true };
      else if (code === 22) style = { ...style, bold: false };
      else if (code >= 30 && code <= 37) style = { ...style, colour: `a${code - 30}` };
      else if (code >= 90 && code <= 97) style = { ...style, colour: `a${code - 90}` };
      else if (code === 39) style = { ...style, colour: "" };
      else if (code === 38 || code === 48) {
        // 256 colours and true colours: of the first only the sixteen are shown.
        if (numbers[at + 1] === 5) {
          if (code === 38) style = { ...style, colour: numbers[at + 2] < 16 ? `a${numbers[at + 2] % 8}` : "" };
          at += 2;
        } else at += 4;
      }
    }
    return style;
  }

  // [text, class] in order; the texts together are `plain(raw)`.
  function pieces(raw) {
    if (!raw.includes("\x1b")) return [[plain(raw), ""]];
    const found = [];
    const text = raw.replace(/\r$/, "");
    let style = { colour: "", bold: false };
    let from = 0;
    const keep = (to) => {
      if (to > from) found.push([seen(text.slice(from, to)), `${style.colour}${style.bold ? " ab" : ""}`.trim()]);
    };
    for (const escape of text.matchAll(ESCAPE)) {
      keep(escape.index);
      from = escape.index + escape[0].length;
      if (escape[2] === "m") style = painted(escape[1], style);
    }
    keep(text.length);
    return found;
  }

  function levelOfJson(text) {
    try {
      const said = JSON.parse(text);
      const word = said.level ?? said.severity ?? said.levelname ?? said.lvl ?? said["log.level"] ?? said.log?.level;
      // Pino and bunyan count: 50 is an error.
      if (typeof word === "number") return word >= 50 ? "error" : word >= 40 ? "warn" : word <= 20 ? "debug" : "";
      return NAMED[String(word ?? "").toLowerCase()] ?? "";
    } catch {
      return null;
    }
  }

  // "error", "warn", "debug" or "": what the line says of itself, near its beginning.
  function level(text) {
    const start = text.slice(0, 200);
    if (/^\s*\{/.test(start)) {
      const told = levelOfJson(text);
      if (told !== null) return told;
    }
    const klog = KLOG.exec(start);
    if (klog) return KLOG_LEVELS[klog[1]];
    const pair = PAIR.exec(start);
    if (pair) return NAMED[pair[1].toLowerCase()] ?? "";
    if (/^[\w.]*(?:Error|Exception): /.test(start)) return "error";
    const word = WORD.exec(start);
    if (word) return word[1] === "Traceback" ? "error" : NAMED[word[1].toLowerCase()];
    return "";
  }

  globalThis.LogText = { plain, pieces, level };
})();
