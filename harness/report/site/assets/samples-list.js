// The list of questions. There may be a hundred thousand: only the rows in sight exist.
(function () {
  "use strict";
  const { make, inline } = window.harnessText;
  const { markOf, NAMES } = window.harnessPane;
  const STRIP = 10; // marks shown one by one; of more, a bar of their shares

  /** Rows in `box` for the places in `state.shown`. `draw(now)` puts those in sight there, `reveal(place)` scrolls to
      one, `orderOf(place)` is where it stands. */
  function rows(box, { list, state, words, count, choose }) {
    const tall = box.querySelector(".list-height");
    let height = 0;
    let waiting = false;

    function strip(place) {
      const marks = list.marks[place];
      const line = make("span.marks-of");
      if (marks.length <= STRIP) {
        for (const mark of marks) line.append(markOf(mark, words));
        return line;
      }
      const counts = {};
      for (const mark of marks) counts[mark] = (counts[mark] || 0) + 1;
      const bar = make("span.bar-of", { "aria-hidden": "true" });
      const said = [];
      for (const mark of Object.keys(NAMES)) {
        if (!counts[mark]) continue;
        const part = make("span.m-" + (mark === "." ? "none" : mark));
        part.style.flexGrow = counts[mark];
        bar.append(part);
        said.push(words[NAMES[mark]] + " " + count(counts[mark]));
      }
      line.title = said.join(", ");
      line.append(bar, make("span.unseen", null, line.title));
      return line;
    }

    function row(order) {
      const place = state.shown[order];
      const value = list.values[place];
      const many = list.marks[place].length > 1;
      const element = make("div.row", {
        role: "option", id: "row-" + place, "aria-selected": String(place === state.place),
        "aria-setsize": state.shown.length, "aria-posinset": order + 1,
      }, make("span.position", null, count(list.positions[place])),
      make("span.id", null, inline(list.ids[place], { words })), strip(place),
      make("span.mean", null, many && value !== null ? value.toFixed(2) : ""));
      element.style.transform = "translateY(" + order * height + "px)";
      element.addEventListener("click", () => choose(place));
      return element;
    }

    function draw(now) {
      if (!now) {
        if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; draw(true); }); }
        return;
      }
      if (!height && list.ids.length) {
        const probe = make("div.row", null, "\u00a0");
        tall.append(probe);
        height = probe.offsetHeight || 36;
        probe.remove();
      }
      tall.style.height = state.shown.length * height + "px";
      const first = Math.max(0, Math.floor(box.scrollTop / height) - 4);
      const last = Math.min(state.shown.length, Math.ceil((box.scrollTop + box.clientHeight) / height) + 4);
      const rows = [];
      for (let order = first; order < last; order += 1) rows.push(row(order));
      tall.replaceChildren(...rows);
      if (document.getElementById("row-" + state.place)) box.setAttribute("aria-activedescendant", "row-" + state.place);
      else box.removeAttribute("aria-activedescendant");
    }

    /** Order of a place among those shown, or of the next one behind it. */
    function orderOf(place) {
      let low = 0;
      let high = state.shown.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (state.shown[middle] < place) low = middle + 1;
        else high = middle;
      }
      return low;
    }

    function reveal(place) {
      const top = orderOf(place) * height;
      if (top < box.scrollTop) box.scrollTop = top;
      else if (top + height > box.scrollTop + box.clientHeight) box.scrollTop = top + height - box.clientHeight;
      draw(true);
    }

    box.addEventListener("scroll", () => draw(false), { passive: true });
    window.addEventListener("resize", () => { height = 0; draw(false); });
    return { draw, orderOf, reveal };
  }

  window.harnessList = { rows };
})();
