// The time slider: moves the page's clocks, which stand in its address. Without it, the dock is a plain form.

import { readable, utcText, zoneName } from "./times.js";

const HOUR = 3600;
const form = document.querySelector("form[data-clock]");
if (form) slider(form);

function slider(form) {
  const begins = Number(form.dataset.begins);
  const now = Number(form.dataset.now);
  const knownThen = form.dataset.knownThen !== undefined;
  const track = form.querySelector(".dock-track");
  const range = track.querySelector("input");
  const shown = form.querySelector("[data-shown]");

  /** Go to the page as of an instant in seconds; at the end of the track, to the present. */
  const go = (seconds) => {
    const address = new URL(location.href);
    for (const name of ["as_of", "known_at", "cursor"]) address.searchParams.delete(name);
    if (seconds < now) {
      const instant = utcText(new Date(seconds * 1000));
      address.searchParams.set("as_of", instant);
      if (knownThen) address.searchParams.set("known_at", instant);
      else if (form.dataset.knownAt) address.searchParams.set("known_at", form.dataset.knownAt);
    }
    try { sessionStorage.setItem("waybill-slid", "1"); } catch { /* focus is not kept then */ }
    location.assign(address);
  };

  if (now - begins >= HOUR) {
    track.hidden = false;
    // Fonts and the phone's layout may come after this script: the marks are drawn for the width that there is.
    new ResizeObserver(() => ticks(track, begins, now)).observe(track);
    let waiting = 0;
    range.addEventListener("input", () => {
      const instant = new Date(range.valueAsNumber * 1000);
      const text = range.valueAsNumber >= now ? "Now" : readable(instant);
      shown.textContent = text;
      range.setAttribute("aria-valuetext", text);
    });
    range.setAttribute("aria-valuetext", shown.textContent);
    range.addEventListener("change", () => {
      clearTimeout(waiting);
      go(range.valueAsNumber);
    });
    // An arrow moves an hour, with Shift a day, and the page follows when the keys rest.
    const steps = { ArrowLeft: -HOUR, ArrowDown: -HOUR, ArrowRight: HOUR, ArrowUp: HOUR, PageUp: 7 * 24 * HOUR, PageDown: -7 * 24 * HOUR };
    range.addEventListener("keydown", (event) => {
      const step = steps[event.key] ?? { Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const moved = range.valueAsNumber + (event.shiftKey ? 24 * step : step);
      range.value = Math.min(now, Math.max(begins, moved));
      range.dispatchEvent(new Event("input"));
      clearTimeout(waiting);
      waiting = setTimeout(() => go(range.valueAsNumber), 600);
    });
    try {
      if (sessionStorage.getItem("waybill-slid")) range.focus({ preventScroll: true });
      sessionStorage.removeItem("waybill-slid");
    } catch { /* nothing is kept */ }
  }

  // The exact clocks become pickers in the viewer's zone; what is sent is the instant.
  for (const field of form.querySelectorAll("[data-instant]")) {
    const picker = field.cloneNode();
    picker.removeAttribute("value");
    picker.type = "datetime-local";
    picker.step = "1";
    picker.removeAttribute("name");
    picker.value = field.value ? localText(new Date(field.value)) : "";
    field.before(picker);
    field.type = "hidden";
    field.removeAttribute("id");
    const sent = () => {
      const instant = new Date(picker.value);
      field.value = Number.isNaN(instant.getTime()) ? "" : utcText(instant);
    };
    picker.addEventListener("change", sent);
    form.addEventListener("submit", () => {
      if (picker.value !== picker.defaultValue) sent();
      field.disabled = field.value === "";
    });
    picker.defaultValue = picker.value;
  }
  for (const hint of form.querySelectorAll("[data-zone-hint]")) hint.textContent = `in ${zoneName}`;
}

/** An instant as a datetime-local field has it. */
function localText(instant) {
  const shifted = new Date(instant.getTime() - instant.getTimezoneOffset() * 60000);
  return shifted.toISOString().slice(0, 19);
}

/** Marks under the track: days, months or years, as many as there is room for. */
function ticks(track, begins, now) {
  for (const old of track.querySelectorAll(".dock-tick")) old.remove();
  const room = Math.max(1, Math.floor(track.clientWidth / 76));
  const span = now - begins;
  const day = 24 * HOUR;
  const months = [1, 3, 6, 12, 24, 60, 120].map((count) => ({ months: count, seconds: count * 30.4 * day }));
  const days = [1, 2, 7, 14].map((count) => ({ days: count, seconds: count * day }));
  const step = [...days, ...months].find((one) => span / one.seconds <= room) ?? months.at(-1);
  const at = new Date(begins * 1000);
  at.setHours(0, 0, 0, 0);
  if (step.months) {
    at.setDate(1);
    at.setMonth(step.months >= 12 ? 0 : at.getMonth() - (at.getMonth() % step.months));
  }
  const format = new Intl.DateTimeFormat(undefined, step.days
    ? { day: "numeric", month: "short" }
    : step.months >= 12 ? { year: "numeric" } : { month: "short", year: "numeric" });
  for (let count = 0; at.getTime() / 1000 < now && count < 200; count += 1) {
    const share = (at.getTime() / 1000 - begins) / span;
    if (share >= 0.02 && share <= 0.97) {
      const tick = document.createElement("span");
      tick.className = "dock-tick";
      tick.textContent = format.format(at);
      // The thumb's middle runs half its width inside the ends of the track.
      tick.style.left = `calc(8px + (100% - 16px) * ${share})`;
      track.append(tick);
    }
    if (step.months) at.setMonth(at.getMonth() + step.months);
    else at.setDate(at.getDate() + step.days);
  }
}
