"use strict";

// A page belongs to the user who is signed in, and to the company that they chose. A
// page that the browser has kept is reloaded before anybody sees it. A page in another
// tab or window asks who is signed in, and for which company, whenever somebody looks
// at it. It reloads if the answer is another one, or nobody.
// Without this script, signing out still clears what browsers keep, where they
// support that.
{
  const session = document.currentScript.dataset.session;
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
      if (answer.ok && (await answer.text()) !== session) load();
    } catch {
      // Without a network, reloading would not work either.
    }
    asking = false;
  };
  document.addEventListener("visibilitychange", look);
  addEventListener("focus", look);
}

// A button with data-copy copies the field whose ID the attribute has, and one with
// data-copy-text copies that text. A button that submits a form does so afterwards. Without
// this script such buttons are hidden, and the field can be selected.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
}
const told = document.createElement("p");
told.className = "sr";
told.setAttribute("role", "status");
document.body.append(told);
// byHand shows the text that the browser does not copy, and selects it.
const byHand = (button, field) => {
  if (!field) {
    field = document.createElement("input");
    field.className = "in by-hand";
    field.readOnly = true;
    field.value = button.dataset.copyText;
    field.setAttribute("aria-label", "Text to copy");
    button.after(field);
  }
  const folded = field.closest("details");
  if (folded) folded.open = true;
  field.focus();
  field.select();
  return /Mac|iP(hone|ad)/.test(navigator.platform) ? "Press ⌘C" : "Press Ctrl-C";
};
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy], button[data-copy-text]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  const submits = button.type === "submit";
  if (submits) event.preventDefault();
  field?.select();
  let says = "Copied";
  try {
    await navigator.clipboard.writeText(field ? field.value : button.dataset.copyText);
    button.classList.add("copied");
  } catch {
    // The next page has the link of a button that submits.
    if (!submits) says = byHand(button, field);
  }
  if (!submits) {
    button.style.minInlineSize = button.offsetWidth + "px"; // what stands beside it stays where it is
    const words = button.lastElementChild?.matches("span") ? button.lastElementChild : button.lastChild;
    words.textContent = " " + says;
    told.textContent = says + ".";
  }
  if (submits) button.form.requestSubmit(button);
});

// Search as you type: a form with data-live requests its own page while somebody
// types or selects, and updates the elements whose IDs the attribute lists. Without
// this script, the form has a button.
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
      // The session has ended, or there is an error. The page itself says which.
      if (!answer.ok || answer.redirected) return location.assign(url);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of parts) {
        document.getElementById(id).replaceWith(page.getElementById(id));
      }
      history.replaceState(null, "", url);
    } catch (error) {
      // Another key was pressed, or there is no network. The button still works.
      if (error.name !== "AbortError") results.removeAttribute("aria-busy");
    }
  };

  form.addEventListener("input", (event) => {
    clearTimeout(timer);
    timer = setTimeout(show, event.target.type === "search" ? 200 : 0);
  });
}
