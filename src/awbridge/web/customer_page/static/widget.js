// Shows a parcel on the shop's own site:
//
//   <script src="https://track.shop.example/track/widget.js" async></script>
//   <awbridge-parcel token="abcdefghijklmnop" lang="hi">
//     <a href="https://track.shop.example/track/abcdefghijklmnop">Where is my parcel?</a>
//   </awbridge-parcel>
//
// `src`: the address of the customer's page, by default that of this script. `lang`: by default that of the element
// around it, else the browser's. The link inside stays until the parcel is there, and where it cannot be loaded.
//
// A strict policy works: script-src and connect-src of this host are all it needs. There is no inline style, nothing
// is parsed as HTML, and all texts arrive in the customer's language.
(() => {
  "use strict";
  const HOST = document.currentScript.src.replace(/\/track\/(static\/)?[^/]*$/, "");
  const REFRESH = 60000; // milliseconds; as long as a cache may keep a parcel
  const COLOUR = /^#[0-9a-f]{6}$/i;

  const common = new CSSStyleSheet();
  common.replaceSync(`
    :host { display: block; container-type: inline-size; --brand: #1f4fbf; --on-brand: #fff;
      --line: color-mix(in srgb, currentColor 22%, transparent); line-height: 1.5; }
    :host([hidden]) { display: none; }
    * { box-sizing: border-box; }
    section { border: 1px solid var(--line); border-radius: 12px; padding: 1rem 1.25rem; overflow-wrap: anywhere; }
    article + article { border-block-start: 1px solid var(--line); margin-block-start: 1.25rem; padding-block-start: 1rem; }
    h2, h3, h4, p, ol, ul, dl, dd { margin: 0; padding: 0; }
    h2 { font-size: 1.25em; line-height: 1.3; }
    h3 { font-size: 1.1em; line-height: 1.3; }
    .day { font-size: 1em; margin-block-start: 0.75rem; }
    .title { font-size: 0.9em; opacity: 0.8; }
    .warn, .bad { border-inline-start: 4px solid #b26a00; padding-inline-start: 0.6rem; }
    .bad { border-color: #c62828; }
    article > p, dl { margin-block-start: 0.5rem; }
    dt { font-size: 0.9em; opacity: 0.8; }
    dl { display: grid; gap: 0.5rem 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 11rem), 1fr)); }
    ol { display: grid; gap: 0.35rem; list-style: none; margin-block-start: 0.9rem; }
    li { position: relative; }
    .steps li { padding-inline-start: 1.6rem; }
    .steps li::before { content: ""; position: absolute; inset-inline-start: 0.15rem; inset-block-start: 0.35em; width: 0.8em;
      height: 0.8em; border: 2px solid var(--line); border-radius: 50%; }
    .steps .done::before, .steps .now::before { background: var(--brand); border-color: var(--brand); }
    .steps .wrong::before { background: #c62828; border-color: #c62828; }
    .steps .now, .steps .wrong { font-weight: 600; }
    .steps .to_come { opacity: 0.75; }
    .when { font-size: 0.9em; font-weight: 400; opacity: 0.8; }
    .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    ul { list-style: none; }
    details { margin-block-start: 0.9rem; }
    summary { cursor: pointer; font-weight: 600; }
    a.page { background: var(--brand); border-radius: 8px; color: var(--on-brand); display: inline-block; font-weight: 600;
      margin-block-start: 1rem; padding: 0.5rem 1rem; text-decoration: none; }
    summary:focus-visible, a:focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
    @container (min-width: 34rem) {
      ol.steps { grid-auto-columns: 1fr; grid-auto-flow: column; }
      .steps li { border-block-start: 3px solid var(--line); padding-block-start: 0.5rem; padding-inline: 0; }
      .steps li::before { display: none; }
      .steps .done, .steps .now { border-color: var(--brand); }
      .steps .wrong { border-color: #c62828; }
      .steps .to_come { opacity: 0.85; }
    }
  `);

  // An element with a class, a text or children. Empty children are left out.
  function make(tag, kind, ...children) {
    const element = document.createElement(tag);
    if (kind) element.className = kind;
    element.append(...children.filter((child) => child));
    return element;
  }

  const text = (tag, kind, words) => words && make(tag, kind, words);
  const foreign = (words) => text("bdi", "", words); // a place or a courier, in whatever script the courier uses
  const term = (label, ...values) => values.some(Boolean) && make("div", "", make("dt", "", label), make("dd", "", ...values));

  function step(one) {
    const item = make("li", one.state, one.text, text("span", "unseen", ` (${one.state_text}) `), text("div", "when", one.day));
    if (one.state === "now" || one.state === "wrong") item.setAttribute("aria-current", "step");
    return item;
  }

  function list(tag, kind, items, label) {
    const made = items.length > 0 && make(tag, kind, ...items);
    if (made) {
      made.setAttribute("role", "list"); // without its marks, Safari would no longer call it a list
      if (label) made.setAttribute("aria-label", label);
    }
    return made;
  }

  const joined = (...parts) => parts.filter(Boolean).join(" · ");

  const box = (one) => make("li", "", make("strong", "", one.title), ": ", joined(one.headline, one.place, one.moment));
  const event = (one) => make("li", "", make("span", "when", one.moment), " ", one.text);
  const scan = (one) => make("li", "", make("span", "when", one.time), " ", joined(one.text, one.place));

  function history(days, label, heading) {
    const entries = days.map((day) => [make(heading, "day", day.text), list("ul", "", day.scans.map(scan))]);
    return days.length > 0 && make("details", "", make("summary", "", label), ...entries.flat());
  }

  function parcel(one, page, labels) {
    const alone = page.headline === one.headline && page.parcels.length === 1;
    const expected = one.expected || {};
    const where = one.where || {};
    return make(
      "article",
      one.tone,
      text("p", "title", one.title),
      !alone && make("h3", "", one.headline),
      text("p", "", one.reason),
      text("p", "", one.next),
      list("ol", "steps", one.steps.map(step), labels.progress),
      make(
        "dl",
        "",
        term(expected.label, expected.text),
        term(labels.where, foreign(where.place), text("div", "when", where.moment)),
        term(labels.courier, foreign(one.courier)),
      ),
      text("p", "", one.promise),
      list("ul", "", one.boxes.map(box)),
      list("ul", "", one.returns.map(event)),
      history(one.days, labels.history, alone ? "h3" : "h4"),
    );
  }

  function whole(page) {
    const link = make("a", "page", page.labels.title);
    link.href = page.url;
    const parcels = page.parcels.map((one) => parcel(one, page, page.labels));
    return [make("h2", "", page.headline), text("p", "", page.text), ...parcels, text("p", "", page.note), link];
  }

  class Parcel extends HTMLElement {
    static observedAttributes = ["token", "src", "lang"];
    #root = this.attachShadow({ mode: "open" });
    #own = new CSSStyleSheet();
    #shown = "";
    #asked = 0;
    #timer = 0;

    constructor() {
      super();
      this.#own.replaceSync(":host {}");
      this.#root.adoptedStyleSheets = [common, this.#own];
      this.#root.append(document.createElement("slot"));
    }

    connectedCallback() {
      this.#timer = setInterval(() => document.hidden || this.#load(), REFRESH);
      this.#load();
    }

    disconnectedCallback() {
      clearInterval(this.#timer);
    }

    attributeChangedCallback() {
      if (this.isConnected) this.#load();
    }

    #address() {
      const address = new URL(this.getAttribute("src") || HOST, document.baseURI);
      address.pathname = `${address.pathname.replace(/\/$/, "")}/track/${encodeURIComponent(this.getAttribute("token") || "")}.json`;
      const language = this.closest("[lang]");
      if (language && language.lang) address.searchParams.set("lang", language.lang);
      return address;
    }

    async #load() {
      const asked = ++this.#asked; // attributes may change while an answer is under way
      try {
        const answer = await fetch(this.#address(), { credentials: "omit", referrerPolicy: "no-referrer" });
        const received = await answer.text();
        if (asked !== this.#asked || received === this.#shown) return;
        const page = JSON.parse(received);
        if (page.parcels || answer.status === 404) this.#show(page, received);
      } catch {
        // The network or the host fails: what is there stays, at first the link.
      }
    }

    #show(page, received) {
      const open = [...this.#root.querySelectorAll("details")].map((folded) => folded.open);
      const content = page.parcels ? whole(page) : [make("h2", "", page.title), make("p", "", page.text)];
      const section = make("section", "", ...content);
      section.lang = page.language;
      section.dir = page.direction;
      section.setAttribute("aria-label", page.labels ? `${page.labels.title} ${page.headline}` : page.title);
      section.querySelectorAll("details").forEach((folded, place) => (folded.open = Boolean(open[place])));
      this.#paint(page.brand || {});
      this.#root.replaceChildren(section);
      this.#shown = received;
    }

    #paint({ colour, text_on_colour }) {
      const style = this.#own.cssRules[0].style;
      if (COLOUR.test(colour)) style.setProperty("--brand", colour);
      if (COLOUR.test(text_on_colour)) style.setProperty("--on-brand", text_on_colour);
    }
  }

  if (!customElements.get("awbridge-parcel")) customElements.define("awbridge-parcel", Parcel);
})();
