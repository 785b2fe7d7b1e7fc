"use strict";

// A page with data-follow shows what is true while it is open. The server says when
// something has changed, by server-sent events that hold nothing else. The page then
// fetches itself, and changes the elements with data-part in place. Focus, scrolling, open
// details, and what somebody has typed stay as they are.
// A page that nobody can see does nothing. One that the server does not tell, because
// there are too many or the network is gone, fetches itself once a minute, which also keeps
// "4 minutes ago" true. A page with data-every fetches itself that often, in seconds. Without this script, people reload.
{
  // On a phone, what is looked up and not read begins folded.
  if (matchMedia("(width < 36rem)").matches) {
    for (const card of document.querySelectorAll("[data-folds]")) card.open = false;
  }

  const longest = 20 * 1000;
  const { follow, page, every = 60 } = document.querySelector("[data-follow]").dataset;
  const facts = (of) => of.querySelector("[data-follow]").dataset;
  let { version, says } = facts(document);
  let told = null;
  let source = null;
  let timer = 0;
  let loading = false;
  let again = false;

  // Siblings that are the same element before and after have the same key.
  const keyOf = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return node.nodeName;
    return node.nodeName + " " + (node.id || node.getAttribute("aria-labelledby") || node.dataset.part || "");
  };

  // change makes an element like another one, and keeps all that is alike.
  const change = (old, now) => {
    if (old.isEqualNode(now)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.nodeValue = now.nodeValue;
      return;
    }
    if (old.matches("input, select, textarea") && !old.readOnly) return; // somebody may have typed there
    for (const { name } of [...old.attributes]) {
      if (name !== "open" && !now.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of now.attributes) {
      if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const coming = [...now.childNodes];
    const left = coming.map(keyOf);
    let at = old.firstChild;
    for (const node of coming) {
      while (at && !left.includes(keyOf(at))) {
        const gone = at;
        at = at.nextSibling;
        gone.remove();
      }
      if (at && keyOf(at) === left[0]) {
        const same = at;
        at = at.nextSibling;
        change(same, node);
      } else {
        old.insertBefore(document.importNode(node, true), at);
      }
      left.shift();
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  };

  const show = (next) => {
    for (const part of document.querySelectorAll("[data-part]")) {
      if (!part.isConnected) continue;
      const now = next.querySelector(`[data-part="${part.dataset.part}"]`);
      if (now) change(part, now);
    }
    if (facts(next).says !== says) document.getElementById("follow-says").textContent = facts(next).says;
    ({ version, says } = facts(next));
  };

  const typed = () => [...document.querySelectorAll("input, textarea")].some((field) => field.value !== field.defaultValue);

  const load = async () => {
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    try {
      const answer = await fetch(page, { headers: { "Fieldbridge-Quiet": "yes" }, signal: AbortSignal.timeout(longest) });
      // The session has ended, or the connection is gone. The page itself says which.
      const over = answer.redirected || [401, 403, 404].includes(answer.status);
      if (over) {
        stop();
        if (!typed()) location.reload();
        return;
      }
      if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // There is no network. The next minute may have one.
    } finally {
      loading = false;
    }
    if (again) {
      again = false;
      load();
    }
  };

  const listen = () => {
    if (!follow || (source && source.readyState !== EventSource.CLOSED)) return;
    source = new EventSource(follow);
    source.onmessage = ({ data }) => {
      if (data !== version && data !== told) load();
      told = data;
    };
  };

  const begin = () => {
    listen();
    timer = setInterval(() => {
      load();
      listen();
    }, every * 1000);
  };
  const stop = () => {
    clearInterval(timer);
    source?.close();
    source = null;
  };

  document.addEventListener("visibilitychange", () => {
    stop();
    if (document.visibilityState !== "visible") return;
    load();
    begin();
  });
  addEventListener("online", () => {
    if (document.visibilityState === "visible") load();
  });
  addEventListener("pagehide", stop);
  if (document.visibilityState === "visible") begin();
}
