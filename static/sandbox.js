"use strict";

// The sandbox's front page stays current: it fetches itself, and changes the elements with
// data-live, unless somebody is in them. The list of companies filters while somebody types.
// Without this script, the page has a link by which it reloads itself, and a search button.
{
  const { page, every } = document.currentScript.dataset;
  const query = (of, name) => of.querySelector(`[data-live="${name}"]`);
  let loading = false;

  for (const link of document.querySelectorAll(".unscripted")) link.hidden = true;

  const show = (next) => {
    for (const part of document.querySelectorAll("[data-live]")) {
      const now = query(next, part.dataset.live);
      if (now && !part.isEqualNode(now) && !part.contains(document.activeElement)) part.replaceWith(document.importNode(now, true));
    }
  };

  const load = async () => {
    if (loading || document.visibilityState !== "visible") return;
    loading = true;
    try {
      const answer = await fetch(page, { signal: AbortSignal.timeout(10000) });
      if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The sandbox is gone, or slow. The next time may be better.
    } finally {
      loading = false;
    }
  };
  setInterval(load, every * 1000);
  document.addEventListener("visibilitychange", load);

  // A link may lead to something that is folded.
  const unfold = () => {
    const to = document.getElementById(location.hash.slice(1));
    const folded = to?.closest("details:not([open])");
    if (!folded) return;
    folded.open = true;
    to.scrollIntoView();
  };
  unfold();
  addEventListener("hashchange", unfold);

  const find = document.getElementById("find");
  find.addEventListener("input", () => {
    const words = find.value.toLowerCase().split(/\s+/);
    for (const link of document.querySelectorAll("#picks [data-words]")) {
      const text = link.dataset.words.toLowerCase();
      link.parentElement.hidden = !words.every((word) => text.includes(word));
    }
  });
}
