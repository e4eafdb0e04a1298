// The page of a call: transcript and playhead follow each other, numbers open the seconds behind them, keys as in the design.

import { Player, drawPeaks } from "./player.js";

const box = document.querySelector("[data-player]");
const pane = document.querySelector("[data-transcript]");
const back = document.querySelector("[data-follow]");
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const lines = [...document.querySelectorAll(".utt")].map(line => ({
  line, start: Number(line.dataset.start), end: Number(line.dataset.end),
  words: [...line.querySelectorAll("[data-s]")].map(word => ({ word, start: Number(word.dataset.s), end: Number(word.dataset.e) })),
}));
const player = new Player(box);
let follow = true, ours = 0, current = null, lit = null;

player.addEventListener("time", show);
drawPeaks(box);
show();

function show() {
  const at = player.atMs, open = lines.filter(l => at >= l.start && at < l.end);
  for (const l of lines) l.line.classList.toggle("now", open.includes(l));
  const newest = open.at(-1) ?? null;
  const word = newest?.words.find(w => at >= w.start && at < w.end)?.word ?? null;
  if (word !== lit) {
    lit?.classList.remove("w-now");
    word?.classList.add("w-now");
    lit = word;
  }
  if (newest && newest !== current && follow) reveal(newest.line);
  current = newest;
}

function reveal(line) {
  ours = performance.now();
  pane.scrollTo({ top: line.offsetTop - pane.clientHeight * .4, behavior: calm || !player.playing ? "auto" : "smooth" });
}

// Following stops when the reader scrolls, and only then: our own scrolling ends within half a second.
pane?.addEventListener("scroll", () => {
  if (performance.now() - ours < 500) return;
  follow = false;
  back.hidden = false;
});
back?.addEventListener("click", () => {
  follow = true;
  back.hidden = true;
  const line = current?.line ?? lines.findLast(l => l.start <= player.atMs)?.line;
  if (line) reveal(line);
});

pane?.addEventListener("click", event => {
  const line = event.target.closest(".utt");
  if (!line || event.target.closest(".heard") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const word = event.target.closest("[data-s]");
  seek(Number(word ? word.dataset.s : line.dataset.start));
});

function seek(ms) {
  player.seek(ms);
  remember(url => url.searchParams.set("t", String(Math.round(ms))));
}

function remember(change) {
  const url = new URL(location.href);
  change(url);
  history.replaceState(null, "", url);
}

// -- doors: the server makes the list and the marks; here they are only swapped, so that the sound goes on ---------------

document.addEventListener("click", event => {
  const door = event.target.closest("button.door");
  if (door) {
    event.preventDefault();
    open(door);
  }
  const piece = event.target.closest("a[data-seek]");
  if (piece && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    choose(pieces().indexOf(piece));
  }
  const step = event.target.closest("[data-walk]");
  if (step) walk(Number(step.dataset.walk));
});

async function open(door) {
  const url = new URL(location.href), column = door.dataset.column;
  for (const name of ["metric", "i", "t"]) url.searchParams.delete(name);
  if (door.value) url.searchParams.set("metric", door.value);
  const answer = await fetch(url, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) { location.assign(url); return; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const table = document.querySelector("[data-doors]"), scroll = table.parentElement.scrollTop;
  table.replaceWith(page.querySelector("[data-doors]"));
  document.getElementById("marks").replaceWith(page.getElementById("marks"));
  const fresh = document.querySelector(`button.door[data-column="${CSS.escape(column)}"]`);
  fresh.closest(".scroll").scrollTop = scroll;
  fresh.focus({ preventScroll: true });
  history.replaceState(null, "", url);
  if (pieces().length) choose(0);
}

const pieces = () => [...document.querySelectorAll(".evid a[data-seek]")];

function walk(step) {
  const all = pieces();
  if (all.length) choose((all.findIndex(piece => piece.ariaCurrent === "true") + step + all.length) % all.length);
}

function choose(index) {
  const all = pieces(), marks = document.getElementById("marks").children;
  all.forEach((piece, i) => {
    piece.parentElement.classList.toggle("on", i === index);
    piece.ariaCurrent = i === index ? "true" : null;
    marks[i]?.classList.toggle("on", i === index);
  });
  all[index].scrollIntoView({ block: "nearest" });
  seek(Number(all[index].dataset.seek));
  remember(url => url.searchParams.set("i", String(index)));
}

// -- keys ----------------------------------------------------------------------------------------------------------------

addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  const far = event.shiftKey ? 30000 : 5000;
  const at = player.atMs;
  const keys = {
    " ": () => player.toggle(),
    ArrowLeft: () => seek(at - far),
    ArrowRight: () => seek(at + far),
    "[": () => seek(lines.findLast(l => l.start < at - 500)?.start ?? 0),
    "]": () => seek(lines.find(l => l.start > at + 50)?.start ?? at),
    n: () => walk(1),
    p: () => walk(-1),
  };
  if (event.key === " " && event.target.matches("button, a, summary")) return;
  if (!(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
});
