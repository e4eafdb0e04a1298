// Keeps a live page live: applies what `events.py` sends. Rows change where they are; their order changes at most every five
// seconds and never under the pointer or the keyboard's focus.

const ORDER_EVERY_MS = 5000;
const LATE_AFTER_MS = 20000;

const main = document.querySelector("[data-live]");
const pill = document.querySelector("[data-link]");
const rows = document.getElementById("rows");
const empty = document.getElementById("empty");
const tail = document.querySelector("[data-tail]");
let orderedAt = -Infinity, waiting = null, heardAt = Date.now();

const source = new EventSource(main.dataset.live);
source.addEventListener("open", () => tell("ok", "Live"));
source.addEventListener("error", () => tell("warn", "Reconnecting"));
source.addEventListener("message", event => {
  heardAt = Date.now();
  apply(JSON.parse(event.data));
});
source.addEventListener("over", () => {
  source.close();
  location.reload(); // the call has a page of its own now
});

function tell(kind, text) {
  if (pill.textContent === text) return;
  pill.className = `pill ${kind}`;
  pill.textContent = text;
}

function apply({ parts, rows: { order, changed } }) {
  for (const [id, html] of Object.entries(parts)) document.getElementById(id).innerHTML = html;
  const atEnd = tail && tail.scrollHeight - tail.scrollTop - tail.clientHeight < 40;
  const known = new Map([...rows.children].map(row => [row.dataset.key, row]));
  const kept = new Set(order); // a call of hours has thousands of lines
  for (const [key, row] of known) if (!kept.has(key)) row.remove();
  for (const key of order) if (key in changed) put(known.get(key), key, changed[key]);
  if (empty) empty.hidden = order.length > 0;
  arrange(order);
  if (atEnd) tail.scrollTop = tail.scrollHeight;
}

function put(row, key, html) {
  if (rows.tagName === "TBODY") {
    const target = row ?? rows.appendChild(Object.assign(document.createElement("tr"), { className: "fresh" }));
    target.dataset.key = key;
    // A cell that holds the focus is left alone: replacing it would throw the reader out of the table.
    if (!target.contains(document.activeElement)) target.innerHTML = html;
    setTimeout(() => target.classList.remove("fresh"), 2000);
    return;
  }
  const made = document.createRange().createContextualFragment(html.trim()).firstElementChild;
  if (row) row.replaceWith(made); else rows.append(made);
}

function arrange(order) {
  waiting = order;
  const now = performance.now();
  const busy = rows.matches(":hover") || rows.contains(document.activeElement);
  if (rows.tagName === "TBODY" && (busy || now - orderedAt < ORDER_EVERY_MS)) return;
  orderedAt = now;
  const place = new Map(order.map((key, i) => [key, i]));
  const now_ = [...rows.children], wanted = [...now_].sort((a, b) => place.get(a.dataset.key) - place.get(b.dataset.key));
  if (wanted.some((row, i) => row !== now_[i])) rows.append(...wanted);
  waiting = null;
}

setInterval(() => {
  if (waiting) arrange(waiting);
  if (source.readyState === EventSource.OPEN && Date.now() - heardAt > LATE_AFTER_MS) tell("warn", `${Math.round((Date.now() - heardAt) / 1000)} s behind`);
}, 1000);

if (tail) tail.scrollTop = tail.scrollHeight;
