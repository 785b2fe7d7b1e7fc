"use strict";

// The page of tours ticks steps off while it is open: it fetches itself, and shows what
// has been done since. Where there is room, the first tour opens by itself. Without this
// script, people open tours and reload.
{
  const every = 4000;
  const tours = () => [...document.querySelectorAll("details[data-tour]")];

  // It runs as soon as the first tour is there, so that nothing moves later.
  if (!document.querySelector("details[open]") && !location.search && matchMedia("(width >= 60rem)").matches) {
    tours()[0].open = true;
  }

  // The address has the open tour, so that a reload opens it again.
  document.addEventListener("toggle", (event) => {
    const { tour } = event.target.dataset;
    if (!tour || !event.target.open) return;
    history.replaceState(null, "", "?tour=" + tour);
  }, true);

  const show = (next) => {
    const says = [];
    for (const part of document.querySelectorAll("[data-part]")) {
      const now = next.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!now || part.innerHTML === now.innerHTML) continue;
      part.innerHTML = now.innerHTML;
      if (part.dataset.part.startsWith("progress")) says.push(part.closest("summary").querySelector("h3").textContent + ": " + part.textContent);
    }
    if (says.length) document.getElementById("tour-says").textContent = says.join(". ");
  };

  let loading = false;
  const load = async () => {
    if (loading || document.visibilityState !== "visible") return;
    loading = true;
    try {
      const answer = await fetch(location.pathname, { headers: { "Fieldbridge-Quiet": "yes" }, signal: AbortSignal.timeout(every) });
      if (answer.ok && !answer.redirected) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // There is no network. The next time may have one.
    }
    loading = false;
  };
  setInterval(load, every);
  document.addEventListener("visibilitychange", load);
  addEventListener("focus", load);
}
