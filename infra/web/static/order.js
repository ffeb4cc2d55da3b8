// Where the picture of an order's timeline has to scroll, it begins around the promise: was it kept, and what went before?

for (const frame of document.querySelectorAll(".tl-scroll")) {
  const promise = frame.querySelector(".tl-upright.tl-promise")?.getBBox().x ?? frame.scrollWidth;
  frame.scrollLeft = promise - frame.clientWidth / 2;
}
