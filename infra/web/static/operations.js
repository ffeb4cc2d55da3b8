// Live progress of rebuilds by server-sent events, and "choose all" in lists of letters.

const box = document.querySelector("[data-rebuilds]");
if (box && "EventSource" in window) follow(box);

function follow(box) {
  const source = new EventSource("/operations/rebuilds");
  addEventListener("pagehide", () => source.close());
  source.addEventListener("message", (event) => {
    const { rebuilds } = JSON.parse(event.data);
    let old = false;
    for (const element of box.querySelectorAll("[data-rebuild]")) {
      const told = rebuilds.find((one) => one.key === element.dataset.rebuild);
      // It ended: the page tells how.
      if (told?.state !== element.dataset.state) old = true;
      else show(element, told);
    }
    const shown = [...box.querySelectorAll("[data-rebuild]")].map((element) => element.dataset.rebuild);
    const appeared = rebuilds.some((one) => box.dataset.every !== undefined && !shown.includes(one.key));
    if ((old || appeared) && !typing()) {
      source.close();
      location.reload();
    }
  });
}

function show(element, told) {
  const bar = element.querySelector("progress");
  if (bar && told.total !== null) {
    bar.max = Math.max(1, told.total);
    bar.value = told.done;
  }
  const text = element.querySelector("[data-text]");
  if (text.textContent !== told.text) text.textContent = told.text;
}

/** Whether somebody is writing a reason, which a new page would lose. */
function typing() {
  return [...document.querySelectorAll("main input:not([type=hidden]), main textarea")].some((field) => field.value !== field.defaultValue);
}

for (const all of document.querySelectorAll("[data-choose-all]")) {
  all.closest("label, th").hidden = false;
  const boxes = [...document.querySelectorAll("input[name='letter_id'][type='checkbox']")];
  all.addEventListener("change", () => { for (const one of boxes) one.checked = all.checked; });
}
