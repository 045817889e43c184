// The reader of a run's outputs: a list of questions, filters, a search, keys, links to single outputs.
(function () {
  "use strict";
  const reader = document.getElementById("reader");
  const setup = document.getElementById("samples-setup");
  if (!reader || !setup) return;
  const { make, fill } = window.harnessText;
  const { show, markOf, NAMES } = window.harnessPane;
  const { index, questions, withheld, language, words } = JSON.parse(setup.textContent);
  const list = new window.harnessData.List(index);
  const box = reader.querySelector(".list");
  const pane = reader.querySelector(".pane");
  const status = reader.querySelector(".found");
  const chosen = new Set(); // marks that are shown; none: all
  const state = { place: -1, repeat: 0, shown: [], hits: null, needle: null, wish: null, note: "", turn: 0, search: 0 };
  const count = (number) => number.toLocaleString(language);

  // -- which outputs are shown

  function fits(place, repeat) {
    const mark = list.marks[place][repeat];
    if (mark === undefined || mark === "." || (chosen.size && !chosen.has(mark))) return false;
    return state.hits === null || (state.hits.get(place) || []).includes(repeat);
  }

  function fitting(place) {
    const found = [];
    for (let repeat = 0; repeat < list.marks[place].length; repeat += 1) if (fits(place, repeat)) found.push(repeat);
    return found;
  }

  function sift() {
    const places = state.hits === null ? list.ids.keys() : [...state.hits.keys()].sort((a, b) => a - b);
    let outputs = 0;
    state.shown = [];
    for (const place of places) {
      const fit = fitting(place).length;
      if (fit || (!chosen.size && state.hits === null)) state.shown.push(place);
      outputs += fit;
    }
    status.textContent = state.note || said(outputs);
    draw(true);
  }

  function said(outputs) {
    if (!list.whole) return fill(words.read_on, { done: count(list.ids.length), all: count(questions) });
    if (!outputs && state.hits !== null && !state.hits.size) return words.found_none;
    if (!outputs && chosen.size) return words.none_left;
    return fill(words.showing, { outputs: count(outputs), questions: count(state.shown.length) });
  }

  const { draw, orderOf, reveal } = window.harnessList.rows(box, {
    list, state, words, count, choose: (place) => choose(place, null),
  });

  // -- one output

  const address = (place, repeat) => "#q=" + list.positions[place] + "&r=" + repeat;

  async function choose(place, repeat, quietly) {
    const turn = (state.turn += 1);
    state.wish = null;
    state.place = place;
    state.repeat = repeat === null ? (fitting(place)[0] ?? 0) : repeat;
    if (!quietly && location.hash !== address(place, state.repeat)) {
      history.replaceState(null, "", address(place, state.repeat));
    }
    reveal(place);
    pane.setAttribute("aria-busy", "true");
    try {
      const question = await list.question(place);
      if (turn !== state.turn) return;
      const output = question.outputs.find((one) => one.repeat === state.repeat);
      if (output) show(pane, question, output, { position: list.positions[place], marks: list.marks[place] }, look());
      else pane.replaceChildren(make("p.quiet", null, words.no_such));
    } catch (error) {
      if (turn === state.turn) pane.replaceChildren(make("p.warning", null, fill(words.broken, { file: error.message })));
    }
    pane.removeAttribute("aria-busy");
  }

  function look() {
    return { words, language, withheld, count, needle: state.needle, choose: (r) => choose(state.place, r), copy };
  }

  async function copy(button) {
    const link = location.href.split("#")[0] + address(state.place, state.repeat);
    try {
      await navigator.clipboard.writeText(link);
      button.textContent = words.copied;
    } catch (error) {
      // not every browser lets a page from disk write there
      const field = make("input", { readonly: true, "aria-label": words.copy_by_hand, value: link });
      button.replaceWith(make("label.by-hand", null, words.copy_by_hand + " ", field));
      field.select();
    }
  }

  /** The next output that is shown (way 1), or the one before (-1); with `whole`, of another question. */
  function step(way, whole) {
    if (!state.shown.length) return;
    if (state.place < 0) { choose(state.shown[0], null); return; }
    const here = fitting(state.place);
    const next = way > 0 ? here.find((r) => r > state.repeat) : here.findLast((r) => r < state.repeat);
    if (!whole && next !== undefined) { choose(state.place, next); return; }
    const order = orderOf(state.place);
    const there = way > 0 ? order + (state.shown[order] === state.place ? 1 : 0) : order - 1;
    if (there < 0 || there >= state.shown.length) return;
    const place = state.shown[there];
    choose(place, way < 0 && !whole ? (fitting(place).at(-1) ?? null) : null);
  }

  // -- links

  function follow() {
    const values = new URLSearchParams(location.hash.slice(1));
    state.wish = values.has("q") ? { position: Number(values.get("q")), repeat: values.get("r") } : null;
    return grant();
  }

  /** Shows the output that the address asks for, once the list holds it. */
  function grant() {
    if (!state.wish) return null;
    const { position, repeat } = state.wish;
    const place = list.places.get(position);
    if (place === undefined) {
      if (list.whole) {
        state.wish = null;
        state.turn += 1;
        pane.removeAttribute("aria-busy");
        pane.replaceChildren(make("p.quiet", null, words.no_such));
      }
      return null;
    }
    document.getElementById("samples").scrollIntoView();
    return choose(place, repeat === null ? null : Number(repeat), true);
  }

  // -- filters

  function filters() {
    const group = reader.querySelector(".sift");
    const button = (code, name, number) => {
      const on = code === null ? !chosen.size : chosen.has(code);
      const element = make("button", { type: "button", "aria-pressed": String(on), "data-mark": code || "all" },
        code === null ? name : markOf(code, words, true), " ", make("span.number", null, count(number)));
      element.addEventListener("click", () => {
        if (code === null) chosen.clear();
        else if (!chosen.delete(code)) chosen.add(code);
        filters();
        sift();
        box.scrollTop = 0;
        if (state.shown.length && !fits(state.place, state.repeat)) choose(state.shown[0], null);
        group.querySelector('[data-mark="' + (code || "all") + '"]').focus();
      });
      return element;
    };
    const marks = Object.keys(NAMES).filter((code) => list.counts[code]);
    group.replaceChildren(button(null, words.all, list.outputs),
      ...marks.map((code) => button(code, words[NAMES[code]], list.counts[code])));
  }

  // -- search

  const form = reader.querySelector(".search");

  function literal(text, flags) {
    return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), flags);
  }

  async function search(text) {
    const turn = (state.search += 1);
    const bar = form.querySelector("progress");
    const stop = form.querySelector(".stop");
    const busy = (on) => { bar.hidden = !on; stop.hidden = !on; };
    state.hits = text ? new Map() : null;
    state.needle = text ? literal(text, "gi") : null;
    state.note = "";
    if (!text) { busy(false); sift(); return; }
    busy(true);
    let told = 0;
    let found = 0;
    const passed = (done, all) => {
      bar.value = done / all;
      state.note = fill(words.searching, { found: count(found), done: count(done), all: count(all) });
      if (performance.now() - told < 250) return;
      told = performance.now();
      sift();
    };
    try {
      await whole;
      await list.search(literal(text, "i"), (place, repeats) => {
        if (turn !== state.search) return;
        state.hits.set(place, repeats);
        found += repeats.length;
      }, passed, () => turn === state.search);
      if (turn === state.search) state.note = "";
    } catch (error) {
      state.note = fill(words.broken, { file: error.message });
    }
    if (turn !== state.search) return;
    busy(false);
    sift();
    if (state.shown.length) choose(fits(state.place, state.repeat) ? state.place : state.shown[0],
      fits(state.place, state.repeat) ? state.repeat : null);
  }

  if (form) {
    form.addEventListener("submit", (event) => { event.preventDefault(); search(form.elements.needle.value); });
    form.elements.needle.addEventListener("input", () => { if (!form.elements.needle.value) search(""); });
    form.querySelector(".stop").addEventListener("click", () => {
      // what was found so far stays
      state.search += 1;
      state.note = "";
      form.querySelector("progress").hidden = true;
      form.querySelector(".stop").hidden = true;
      sift();
      form.elements.needle.focus();
    });
  }

  // -- keys

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, audio, select, textarea")) return;
    const inList = event.target === box;
    if (event.key === "j") step(1, false);
    else if (event.key === "k") step(-1, false);
    else if (event.key === "J" || (inList && event.key === "ArrowDown")) step(1, true);
    else if (event.key === "K" || (inList && event.key === "ArrowUp")) step(-1, true);
    else if (event.key === "/" && form) form.elements.needle.focus();
    else return;
    event.preventDefault();
  });

  // -- start

  document.querySelectorAll(".without-script").forEach((element) => element.remove());
  reader.hidden = false;
  window.addEventListener("hashchange", follow);
  const whole = list.read(() => {
    filters();
    sift();
    if (state.place >= 0) return grant();
    // the first output is shown before the rest of a long list is read
    return new URLSearchParams(location.hash.slice(1)).has("q") ? follow() : choose(0, null, true);
  });
  whole.catch((error) => { status.textContent = fill(words.broken, { file: error.message }); });
})();
