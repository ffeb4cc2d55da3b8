// The keyboard: `/` searches, `?` lists the keys, `g` and a letter goes to a page, `[` and `]` move a day, `n` is now.

let afterG = 0;
const help = document.querySelector("#keys-help");
const typing = (target) => target.closest?.("input, select, textarea, [contenteditable]");
const follow = (selector) => document.querySelector(selector)?.click();

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || help?.open) return;
  const key = event.key;
  if (performance.now() - afterG < 1500) {
    afterG = 0;
    const link = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
      return;
    }
  }
  if (key === "g") afterG = performance.now();
  else if (key === "/") {
    event.preventDefault();
    document.querySelector("#search")?.select();
    document.querySelector("#search")?.focus();
  } else if (key === "?") help?.showModal();
  else if (key === "[") follow("[data-step='-86400']");
  else if (key === "]") follow("[data-step='86400']");
  else if (key === "n") follow("[data-step='now']");
});

for (const opener of document.querySelectorAll("[data-keys-help]")) {
  opener.hidden = false;
  opener.addEventListener("click", () => help?.showModal());
}

// The page in view stands in sight in the phone's row of pages.
// Its left neighbour stays in sight too, and the edges say that there is more.
const row = document.querySelector(".rail nav");
const current = row?.querySelector("[aria-current]");
if (row && current) {
  const edges = () => {
    row.classList.toggle("more-left", row.scrollLeft > 4);
    row.classList.toggle("more-right", row.scrollLeft + row.clientWidth < row.scrollWidth - 4);
  };
  const before = current.closest("li").previousElementSibling;
  row.scrollLeft += (before ?? current).getBoundingClientRect().left - row.getBoundingClientRect().left - 32;
  row.addEventListener("scroll", edges, { passive: true });
  edges();
}
