// Draws the charts of a page from their specifications, and loads the parts that come after it. No request leaves the
// host, and nothing is evaluated: expressions are interpreted (ast), as the page's policy demands.

import { rewriteTimes } from "./times.js";

let loading;

/** Load the drawing script once; it puts `vegaEmbed` into the window. */
function drawer(address) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.vegaEmbed);
    script.onerror = () => reject(new Error(`${address} could not be loaded`));
    document.head.append(script);
  });
  return loading;
}

/** The specification with the theme's colours in place of names such as "--late". */
function themed(value, colour) {
  if (typeof value === "string") return value.startsWith("--") ? colour(value) : value;
  if (Array.isArray(value)) return value.map((one) => themed(one, colour));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, themed(one, colour)]));
  }
  return value;
}

async function draw(place) {
  const stored = place.querySelector("script");
  place.specification ??= JSON.parse(stored.textContent);
  const probe = document.createElement("span");
  place.append(probe);
  const colour = (name) => {
    if (name === "--text-font") return getComputedStyle(document.body).fontFamily;
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const specification = themed(place.specification, colour);
  probe.remove();
  const embed = await drawer(place.dataset.script);
  place.drawn?.finalize();
  const canvas = document.createElement("div");
  canvas.className = "canvas";
  place.replaceChildren(canvas);
  place.drawn = await embed(canvas, specification, {
    ast: true, actions: false, defaultStyle: false, renderer: "svg", tooltip: { disableDefaultStyle: true },
  });
}

function drawAll(within = document) {
  for (const place of within.querySelectorAll("[data-chart]")) {
    draw(place).catch((error) => {
      place.textContent = "The chart could not be drawn; the numbers are below.";
      console.warn(error);
    });
  }
}

async function load(part) {
  // The drawing script takes a while the first time, so it comes along with a part that has charts.
  if (part.dataset.script) drawer(part.dataset.script).catch(() => {});
  try {
    const answer = await fetch(part.dataset.part, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
    const html = new DOMParser().parseFromString(await answer.text(), "text/html");
    part.replaceChildren(...html.body.childNodes);
    rewriteTimes(part);
    drawAll(part);
  } catch (error) {
    console.warn(error);  // the link in its place still leads there
  } finally {
    part.removeAttribute("aria-busy");
  }
}

document.addEventListener("waybill:theme", () => drawAll());
drawAll();
for (const part of document.querySelectorAll("[data-part]")) load(part);
