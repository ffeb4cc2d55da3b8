// Light or dark: the choice that this browser remembers, applied before the page is drawn.
(() => {
  const root = document.documentElement;
  const stored = () => {
    try { return localStorage.getItem("waybill-theme"); } catch { return null; }
  };
  const dark = () => {
    const chosen = root.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const told = () => {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.hidden = false;
      button.textContent = dark() ? "Light theme" : "Dark theme";
    }
    document.dispatchEvent(new CustomEvent("waybill:theme", { detail: { dark: dark() } }));
  };
  const chosen = stored();
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-theme-toggle]")) return;
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("waybill-theme", root.dataset.theme); } catch { /* private browsing keeps nothing */ }
    told();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", told);
  document.addEventListener("DOMContentLoaded", told);
})();
