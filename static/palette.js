// The palette of staff pages, which finds companies, connections, people, pages, and actions.
// keys.js opens it, and loads this script then.
const palette = document.getElementById("palette");
const text = document.getElementById("palette-text");
const list = document.getElementById("palette-list");
const says = document.getElementById("palette-says");
let at = 0;
let timer = 0;
let asking = null;
let chosen = null; // what to do as soon as the results are there

// What is on the page itself: the actions of the open connection, and the other pages.
const here = () => {
  const actions = [...document.querySelectorAll("[data-actions] :is(a[href], button):not([popovertarget]), .tell [data-copy]")];
  const pages = [...document.querySelectorAll(".nav nav a, #palette-pages a")];
  return [...actions.map((to) => ({ to, kind: "Action here" })), ...pages.map((to) => ({ to, kind: "Page" }))];
};

const wordsOf = (of) => of.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);

const local = () => {
  const typed = wordsOf(text.value);
  const all = here().filter(({ to }) => {
    const words = wordsOf(to.textContent + " " + (to.dataset.words ?? ""));
    return typed.every((t) => words.some((word) => word.startsWith(t)));
  });
  return all.slice(0, typed.length ? 4 : 12).map(({ to, kind }) => {
    const option = document.createElement("li");
    option.setAttribute("role", "option");
    const icon = to.querySelector("svg")?.cloneNode(true);
    const words = document.createElement("span");
    words.className = "grow";
    const name = document.createElement("b");
    name.textContent = to.textContent.trim();
    const small = document.createElement("small");
    small.textContent = kind;
    words.append(name, small);
    if (icon) option.append(icon);
    option.append(words);
    option.go = () => to.click();
    return option;
  });
};

const mark = (index) => {
  const options = [...list.children];
  at = Math.max(0, Math.min(index, options.length - 1));
  options.forEach((option, i) => {
    option.id = "palette-" + i;
    option.setAttribute("aria-selected", String(i === at));
  });
  document.getElementById("palette-act").hidden = !options[at]?.dataset.do;
  if (options[at]) {
    text.setAttribute("aria-activedescendant", options[at].id);
    options[at].scrollIntoView({ block: "nearest" });
  } else {
    text.removeAttribute("aria-activedescendant");
  }
};

const go = (option) => {
  palette.close();
  if (option.go) option.go();
  else location.assign(option.dataset.href);
};

// The best action of a result: a link is copied, and that is recorded.
const act = async (option) => {
  const { do: address, link } = option.dataset;
  if (!address) return go(option);
  if (!link) {
    palette.close();
    return location.assign(address);
  }
  try {
    await navigator.clipboard.writeText(link);
    says.textContent = "The link is copied.";
  } catch {
    says.textContent = link;
  }
  fetch(address, { method: "POST", body: new URLSearchParams(), redirect: "manual" }).catch(() => {});
};

const ask = async () => {
  asking?.abort();
  asking = null;
  const query = text.value.trim();
  if (!query) return;
  const mine = (asking = new AbortController());
  try {
    const answer = await fetch("/staff/find?" + new URLSearchParams({ q: query }), { signal: mine.signal });
    if (answer.redirected) return location.reload(); // the session has ended
    if (!answer.ok) {
      says.textContent = answer.status === 429 ? "That was too fast. Wait a minute." : "The search does not answer.";
      return;
    }
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = [...part.querySelectorAll("li")];
    list.append(...found);
    const n = list.children.length;
    const note = part.querySelector("p").textContent.trim();
    says.textContent = n && !found.length ? "" : note || n + (n === 1 ? " result" : " results");
    mark(at);
  } catch (error) {
    if (error.name === "AbortError") return;
    says.textContent = "There is no network.";
  } finally {
    if (asking === mine) asking = null;
  }
  const then = chosen;
  chosen = null;
  if (then && list.children[at]) then(list.children[at]);
};

// look shows what the typed text finds.
export const look = () => {
  clearTimeout(timer);
  chosen = null;
  list.replaceChildren(...local());
  says.textContent = "";
  mark(0);
  asking?.abort();
  asking = null;
  if (text.value.trim()) timer = setTimeout(() => { timer = 0; ask(); }, 120);
};

const choose = (how) => {
  if (list.children[at]) how(list.children[at]);
  else if (timer || asking) chosen = how;
};

text.addEventListener("input", look);
text.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) mark((at + step + list.children.length) % (list.children.length || 1));
  else if (event.key === "Enter") choose(event.shiftKey ? act : go);
  else return;
  event.preventDefault();
});
list.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) (event.target.closest(".do") ? act : go)(option);
});
