// Searches lines away from the page, so that a pattern without end freezes nothing.
// In: {add: [[id, text], ...]}, {drop: [ids]}, {search: [pattern, flags, turn]}, {where: [ids]}.
// Out: {turn, hits: [ids], left: how many are to be searched}, {turn, where: [[id, [from, to, ...]], ...]},
// each with `received`: how many messages that are answered have come.
"use strict";
const AT_ONCE = 500;
const MOST_MARKS = 200;
const texts = new Map();
let wanted = null;
let turn = 0;
let queue = [];
let running = false;
let received = 0;

function step() {
  const hits = [];
  const batch = queue.splice(0, AT_ONCE);
  for (const id of batch) {
    const text = texts.get(id);
    if (text === undefined) continue;
    wanted.lastIndex = 0;
    if (wanted.test(text)) hits.push(id);
  }
  postMessage({ turn, hits, left: queue.length, received });
  running = queue.length > 0;
  if (running) setTimeout(step, 0);
}

function run() {
  if (running || !wanted) return;
  running = true;
  setTimeout(step, 0);
}

function marks(text) {
  const found = [];
  wanted.lastIndex = 0;
  for (const match of text.matchAll(wanted)) {
    if (match[0]) found.push(match.index, match.index + match[0].length);
    if (found.length >= MOST_MARKS) break;
  }
  return found;
}

onmessage = ({ data }) => {
  if (!data.drop) received += 1;
  if (data.add) {
    for (const [id, text] of data.add) {
      texts.set(id, text);
      queue.push(id);
    }
  }
  for (const id of data.drop ?? []) texts.delete(id);
  if (data.search) {
    const [pattern, flags, number] = data.search;
    wanted = new RegExp(pattern, flags);
    turn = number;
    queue = [...texts.keys()];
    running = false;
  }
  if (data.where && wanted) {
    postMessage({ turn, received, where: data.where.filter((id) => texts.has(id)).map((id) => [id, marks(texts.get(id))]) });
  }
  run();
};
