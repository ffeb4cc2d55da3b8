// Times in the viewer's zone, with UTC on hover. Imported by other modules; rewrites every <time datetime> by itself.

const now = new Date();
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const inThisYear = new Intl.DateTimeFormat(undefined, {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});
const inAnotherYear = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

const dayInThisYear = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const dayInAnotherYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

export const zoneName = zone;

/** An instant for people, in the viewer's zone. */
export function readable(instant) {
  return (instant.getFullYear() === now.getFullYear() ? inThisYear : inAnotherYear).format(instant);
}

/** A day YYYY-MM-DD for people; it is one of the business zone, whatever the viewer's. */
function readableDay(text) {
  const day = new Date(`${text}T12:00:00`);
  return (day.getFullYear() === now.getFullYear() ? dayInThisYear : dayInAnotherYear).format(day);
}

/** An instant in UTC as the address has it, without the fraction where it is 0. */
export function utcText(instant) {
  return instant.toISOString().replace(/\.000Z$/, "Z");
}

/** A span of milliseconds in its two largest units, such as "3 h 20 min" or "13 d 4 h". */
export function spanText(milliseconds) {
  const minutes = Math.round(Math.abs(milliseconds) / 60000);
  if (minutes < 1) return "less than a minute";
  const parts = [[Math.floor(minutes / 1440), "d"], [Math.floor(minutes / 60) % 24, "h"], [minutes % 60, "min"]];
  const from = parts.findIndex(([count]) => count > 0);
  return parts.slice(from, from + 2).filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`).join(" ");
}

/** Rewrite the times within an element; call it for what is added later. */
export function rewriteTimes(within = document) {
  for (const element of within.querySelectorAll("time[datetime]")) {
    const instant = new Date(element.dateTime);
    if (Number.isNaN(instant.getTime())) continue;
    element.title = element.dateTime.replace("T", " ").replace("Z", " UTC");
    if (element.dataset.relative !== undefined) {
      const span = instant - now;
      element.textContent = span < 0 ? `${spanText(span)} ago` : `in ${spanText(span)}`;
      element.title = `${readable(instant)} (${element.title})`;
    } else if (element.dataset.endOf !== undefined) {
      element.textContent = `end of ${readableDay(element.dataset.endOf)}`;
      element.title = `${readable(instant)} (${element.title})`;
    } else {
      element.textContent = readable(instant);
    }
  }
}

rewriteTimes();
for (const element of document.querySelectorAll("[data-zone]")) element.textContent = zone;
