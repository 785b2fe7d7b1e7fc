// Search as you type: a form with data-live asks for its own page while somebody
// types or picks, and shows the parts that the attribute names by their IDs.
// Without this script the form has a button.
"use strict";

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
