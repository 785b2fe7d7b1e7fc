"use strict";

// The clock of the five-minute demo runs, its list of mails stays current, and the frames
// say that they cannot be pressed. Without this script, the clock stands, and nothing in a
// frame does anything.
{
  const clock = document.querySelector("[data-clock]");
  const { clock: begun, now } = clock.dataset;
  const ahead = Date.now() - now * 1000; // how far this machine's clock is ahead of the server's
  const tick = () => {
    const seconds = Math.max(0, Math.floor((Date.now() - ahead) / 1000 - begun));
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  };
  if (begun) setInterval(tick, 1000);

  // The presenter can move with the arrow keys, as in slides.
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || document.querySelector(":popover-open, dialog[open]") || event.target.closest("input")) return;
    const to = { ArrowRight: ".say button.primary", ArrowLeft: ".say button:not(.primary)" }[event.key];
    if (to) document.querySelector(to)?.click();
  });

  // A page that does not follow its connection is loaded again when somebody comes back
  // from another tab, where they may have changed something.
  const frames = [...document.querySelectorAll(".run-side iframe")];
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    for (const frame of frames) {
      if (!frame.contentDocument?.querySelector("[data-follow]")) frame.contentWindow.location.reload();
    }
  });

  const quiet = (frame) => {
    frame.contentDocument.addEventListener("click", (event) => {
      const to = event.target.closest("a, form button, button[form]");
      if (!to || to.getAttribute("href")?.startsWith("#")) return;
      event.preventDefault();
      const open = frame.closest(".run-side").querySelector("form button");
      open.focus();
      open.classList.remove("nudge");
      requestAnimationFrame(() => open.classList.add("nudge"));
    }, true);
  };
  // Nothing in a frame can be pressed, so that nobody has to tab through it. A page that
  // follows its connection changes, and gets new links.
  const untab = (within) => {
    for (const stop of within.querySelectorAll("a[href], button, input, select, textarea, summary")) stop.tabIndex = -1;
  };
  const settle = (frame) => {
    quiet(frame);
    untab(frame.contentDocument);
    new MutationObserver(() => untab(frame.contentDocument)).observe(frame.contentDocument.body, { childList: true, subtree: true });
  };
  for (const frame of frames) {
    frame.addEventListener("load", () => settle(frame));
    if (frame.contentDocument?.readyState === "complete") settle(frame);
  }

  const part = '[data-live="mails"]';
  setInterval(async () => {
    if (document.visibilityState !== "visible") return;
    try {
      const answer = await fetch(location.href, { headers: { "Fieldbridge-Quiet": "yes" }, signal: AbortSignal.timeout(10000) });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(part);
      const old = document.querySelector(part);
      if (next && !old.isEqualNode(next) && !old.contains(document.activeElement)) old.replaceWith(document.importNode(next, true));
    } catch {
      // The next time may be better.
    }
  }, 3000);
}
