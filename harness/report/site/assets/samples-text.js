// Texts of others on a page: always as text, never as markup. What hides or reorders characters is made visible, and
// long texts are laid out piece by piece, so that a line of a million characters does not stop the page.
(function () {
  "use strict";
  const FIRST = 12000; // characters shown before anybody asks for more
  const MORE = 120000; // and with each "Show more"
  const PIECE = 6000; // characters laid out together
  const MARKS = 200; // elements for invisible characters in one piece; further ones are plain text
  const HIDING = /(?![\n\t\u200c\u200d\u0600-\u0605\u06dd\u070f\u08e2])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

  /** An element: its tag with classes ("p.note"), attributes, and texts and elements in it. */
  function make(tag, attributes, ...children) {
    const [name, ...classes] = tag.split(".");
    const element = document.createElement(name);
    if (classes.length) element.className = classes.join(" ");
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === true) element.setAttribute(key, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, String(value));
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  /** `{name}` in one of the page's texts, filled in. */
  function fill(text, values) {
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  }

  function nameOf(character) {
    const code = character.codePointAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return "U+" + code.toString(16).toUpperCase().padStart(4, "0");
  }

  /** Where the pieces of a text end: after a line if there is one in the second half, else after a space. */
  function cut(text, from, to) {
    if (to >= text.length) return text.length;
    const half = from + Math.floor((to - from) / 2);
    const line = text.lastIndexOf("\n", to - 1);
    if (line >= half) return line + 1;
    const space = text.lastIndexOf(" ", to - 1);
    if (space >= half) return space + 1;
    const code = text.charCodeAt(to - 1);
    return code >= 0xd800 && code < 0xdc00 ? to - 1 : to;
  }

  /** Puts `text` into `parent` as text, what is not printed as marks. */
  function visible(parent, text, title) {
    let at = 0;
    let marks = 0;
    for (const found of text.matchAll(HIDING)) {
      parent.append(text.slice(at, found.index));
      at = found.index + found[0].length;
      const name = nameOf(found[0]);
      marks += 1;
      if (marks <= MARKS) parent.append(make("span.ctl", { title: title }, name));
      else {
        const rest = text.slice(at).replace(HIDING, (character) => "\u27e8" + nameOf(character) + "\u27e9");
        parent.append("\u27e8" + name + "\u27e9" + rest);
        return;
      }
    }
    parent.append(text.slice(at));
  }

  /** The same with what was searched for marked. */
  function marked(parent, text, needle, title) {
    let at = 0;
    let marks = 0;
    if (needle) {
      for (const found of text.matchAll(needle)) {
        if (!found[0] || (marks += 1) > MARKS) break;
        visible(parent, text.slice(at, found.index), title);
        const mark = make("mark");
        visible(mark, found[0], title);
        parent.append(mark);
        at = found.index + found[0].length;
      }
    }
    visible(parent, text.slice(at), title);
  }

  /** A block of running text. `options`: words (of the page), needle, first (characters shown at once). */
  function block(raw, options) {
    const text = raw.replace(/\r\n/g, "\n");
    const words = options.words;
    const box = make("div.text", { translate: "no" });
    if (!text) {
      box.append(make("p.quiet", null, words.empty));
      return box;
    }
    let shown = 0;
    const more = make("p.grow");
    function grow(to) {
      while (shown < Math.min(to, text.length)) {
        const end = cut(text, shown, Math.min(shown + PIECE, Math.max(to, shown + 1)));
        const piece = make("div.piece", { dir: "auto" });
        const last = end < text.length && text[end - 1] === "\n" ? end - 1 : end;
        marked(piece, text.slice(shown, last) || "\u00a0", options.needle, words.invisible);
        more.before(piece);
        shown = end;
      }
      if (shown >= text.length) more.remove();
    }
    box.append(more);
    if (text.length > FIRST) {
      const all = fill(words.show_all, { count: text.length.toLocaleString(options.language) });
      const some = make("button", { type: "button" }, words.show_more);
      const every = make("button", { type: "button" }, all);
      some.addEventListener("click", () => grow(shown + MORE));
      every.addEventListener("click", () => grow(text.length));
      if (text.length > FIRST + MORE) more.append(some);
      more.append(every);
    }
    const hit = options.needle ? text.search(options.needle) : -1;
    // at least as far as the first place that was searched for
    grow(Math.max(FIRST, hit >= 0 ? hit + PIECE : 0));
    return box;
  }

  /** One line of it, for names and short values. */
  function inline(raw, options) {
    const text = raw.length > 2000 ? raw.slice(0, 2000) + "\u2026" : raw;
    const box = make("bdi.one-line", { translate: "no" });
    marked(box, text, options.needle, options.words.invisible);
    return box;
  }

  window.harnessText = { make, fill, block, inline };
})();
