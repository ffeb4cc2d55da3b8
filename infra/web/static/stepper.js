// The stepper: the scrubber goes to its step, and the arrow keys step. Without JavaScript the links and Go do it.

const form = document.querySelector("[data-scrubber]");
const slider = form?.querySelector("input[type=range]");
const shown = form?.querySelector("output");

if (slider) {
  form.querySelector("[data-go]").hidden = true;
  slider.addEventListener("input", () => { shown.textContent = `${slider.value} of ${slider.max}`; });
  slider.addEventListener("change", () => form.submit());
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (event.target.closest?.("input, select, textarea, [tabindex='0'], dialog")) return;
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = rel && document.querySelector(`a[rel=${rel}]`);
  if (link) {
    event.preventDefault();
    link.click();
  }
});
