// What every page does: colours without a reload, "/" to the search field, popovers beside their button.

const root = document.documentElement;

document.querySelector("[data-theme-toggle]")?.addEventListener("click", event => {
  event.preventDefault();
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  // The account remembers it, so that the next page comes in these colours at once.
  fetch("/theme", { method: "POST", body: new URLSearchParams({ theme: root.dataset.theme }), redirect: "manual" });
});

addEventListener("keydown", event => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.matches("input, select, textarea")) return;
  document.getElementById("q")?.focus();
  event.preventDefault();
});

// `toggle` does not bubble, so it is caught on the way down: popovers may come later than this listener.
addEventListener("toggle", event => {
  const box = event.target;
  if (!(box instanceof HTMLElement) || !box.hasAttribute("popover") || event.newState !== "open") return;
  const button = document.querySelector(`[popovertarget="${CSS.escape(box.id)}"]`);
  if (!button) return;
  const at = button.getBoundingClientRect(), gap = 12, edge = 8;
  const left = at.left - box.offsetWidth - gap;
  box.style.left = `${Math.max(edge, Math.min(left > edge ? left : at.left, innerWidth - box.offsetWidth - edge))}px`;
  box.style.top = `${Math.max(edge, Math.min(at.top - edge, innerHeight - box.offsetHeight - edge))}px`;
}, true);
