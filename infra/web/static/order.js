// The picture of an order's timeline begins at its end where it has to scroll: the newest is in sight.

for (const frame of document.querySelectorAll(".tl-scroll")) frame.scrollLeft = frame.scrollWidth;
