// Acting forms: times of day in the viewer's zone, and the form that the address names stands open.

import { zoneName } from "./times.js";

for (const form of document.querySelectorAll(".act form")) {
  form.querySelector("[data-zone-input]").value = zoneName;
  form.querySelector("[data-zone-note]").textContent = zoneName;
  for (const pair of form.querySelectorAll("[data-when]")) {
    const [day, time] = pair.querySelectorAll("input");
    if (!day.value || !time.value) continue;
    const instant = new Date(`${day.value}T${time.value}Z`);
    const local = new Date(instant.getTime() - instant.getTimezoneOffset() * 60000).toISOString();
    [day.value, time.value] = [local.slice(0, 10), local.slice(11, 16)];
  }
}

// A field that says nothing about a subject is hidden for it.
for (const field of document.querySelectorAll("[data-not-about]")) {
  const about = field.closest("form").elements.about;
  const show = () => { field.hidden = about.value === field.dataset.notAbout; };
  about.addEventListener("change", show);
  show();
}

/** The first field to fill in: one that is wrong, if any is. */
function firstField(within) {
  return within.querySelector("[aria-invalid=true]") ?? within.querySelector("input:not([type=hidden]), select, textarea");
}

function openNamed() {
  const form = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!form?.matches(".act form")) return;
  form.closest("details").open = true;
  form.scrollIntoView({ block: "start" });
  firstField(form)?.focus({ preventScroll: true });
}
addEventListener("hashchange", openNamed);
openNamed();

// A click on the summary puts the cursor into the first field.
for (const details of document.querySelectorAll(".act")) {
  details.querySelector("summary").addEventListener("click", () => {
    if (!details.open) requestAnimationFrame(() => firstField(details)?.focus({ preventScroll: true }));
  });
  details.addEventListener("toggle", () => {
    suggest();
    if (details.open) forgetSaid();
  });
}

/** Reps and carriers to choose from come when the first form is opened. */
async function suggest() {
  const place = document.querySelector("[data-suggestions]");
  if (!place?.dataset.suggestions) return;
  const path = place.dataset.suggestions;
  delete place.dataset.suggestions;
  try {
    const answer = await fetch(path);
    if (answer.ok) place.innerHTML = await answer.text();
  } catch { /* the fields take any text */ }
}
if (document.querySelector(".act[open]")) suggest();

/** What became of the last act goes when another form opens, from the address too. */
function forgetSaid() {
  const said = document.getElementById("said");
  if (!said) return;
  said.remove();
  const here = new URL(location.href);
  here.searchParams.delete("said");
  history.replaceState(history.state, "", here);
}
