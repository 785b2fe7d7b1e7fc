"use strict";

// A page belongs to the user who is signed in. One that the browser has kept is
// loaded again before anybody sees it. One in another tab or window asks whose
// the session is when somebody looks at it, and is loaded again if it is another
// user's or nobody's by now. Without this script, signing out still clears what
// browsers keep, where they support that.
{
  const user = document.currentScript.dataset.user;
  let asking = false;

  const load = () => {
    document.documentElement.hidden = true;
    location.replace(location.pathname + location.search);
  };

  addEventListener("pagehide", () => {
    document.documentElement.hidden = true;
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) load();
  });

  const look = async () => {
    if (asking || document.visibilityState !== "visible") return;
    asking = true;
    try {
      const answer = await fetch("/session");
      if (answer.ok && (await answer.text()) !== user) load();
    } catch {
      // No network: there is nothing to load either.
    }
    asking = false;
  };
  document.addEventListener("visibilitychange", look);
  addEventListener("focus", look);
}

// Search as you type: a form with data-live asks for its own page while somebody
// types or picks, and shows the parts that the attribute names by their IDs.
// Without this script the form has a button.
for (const form of document.querySelectorAll("form[data-live]")) {
  const parts = form.dataset.live.split(" ");
  let timer = 0;
  let asking = null;

  const address = () => {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (value !== "") query.set(name, value);
    }
    const text = query.toString();
    return form.action + (text ? "?" + text : "");
  };

  const show = async () => {
    if (asking) asking.abort();
    asking = new AbortController();
    const url = address();
    const results = document.getElementById(parts[parts.length - 1]);
    results.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { signal: asking.signal, headers: { Accept: "text/html" } });
      // Signed out, or an error: the page itself says what it is.
      if (!answer.ok || answer.redirected) return location.assign(url);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of parts) {
        document.getElementById(id).replaceWith(page.getElementById(id));
      }
      history.replaceState(null, "", url);
    } catch (error) {
      // Another key came first, or there is no network: the button still works.
      if (error.name !== "AbortError") results.removeAttribute("aria-busy");
    }
  };

  form.addEventListener("input", (event) => {
    clearTimeout(timer);
    timer = setTimeout(show, event.target.type === "search" ? 200 : 0);
  });
}
