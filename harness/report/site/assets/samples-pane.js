// The reading pane: one output with its question, everything as text.
(function () {
  "use strict";
  const { make, fill, block, inline } = window.harnessText;
  const GLYPHS = { c: "\u2713", i: "\u2717", n: "\u2205", t: "\u22ef", u: "?", e: "!", w: "\u00b7", ".": "\u00a0" };
  const NAMES = {
    c: "correct", i: "incorrect", n: "no_answer", t: "truncated", u: "unscored", e: "errored", w: "unjudged",
    ".": "missing",
  };
  const PROMPT = "prompt";
  const THOUGHT = "thought";
  // what the reader opened or closed stays so on the next output
  const folded = { [PROMPT]: false, [THOUGHT]: true };

  /** A mark: its glyph, and the word for those who do not see it (or for all, with `spelled`). */
  function markOf(code, words, spelled) {
    const word = words[NAMES[code]] || code;
    const glyph = make("span", { "aria-hidden": "true" }, GLYPHS[code] || code);
    return make("span.m.m-" + (code === "." ? "none" : code), { title: word }, glyph,
      make(spelled ? "span.word" : "span.unseen", null, word));
  }

  function fold(name, title, body, open) {
    const details = make("details.fold", { open: open === undefined ? !folded[name] : open },
      make("summary", null, title), body);
    details.addEventListener("toggle", () => { folded[name] = !details.open; });
    return details;
  }

  function media(part, look) {
    const [kind, name, piece, sound] = part;
    const said = [name, piece, sound ? look.words.with_sound : ""].filter(Boolean).join(" \u00b7 ");
    return make("p.media", null, make("span.kind", null, look.words["media_" + kind] || kind), " ",
      inline(said, look));
  }

  /** `image 640 × 480 (of 1,280 × 960), 391 tokens` for everything that reached the model. */
  function given(question, look) {
    const { words, count } = look;
    const size = ([width, height, frames, seconds]) => [
      width ? count(width) + " \u00d7 " + count(height) : "",
      frames ? fill(words.frames, { count: count(frames) }) : "",
      seconds ? fill(words.long, { seconds: count(seconds) }) : "",
    ].filter(Boolean).join(", ");
    const list = make("ul.given");
    for (const [kind, reached, source, tokens] of question.given) {
      const from = source ? " (" + fill(words.out_of, { source: size(source) }) + ")" : "";
      list.append(make("li", null, make("span.kind", null, words["media_" + kind] || kind), " ",
        size(reached) + from + ", " + fill(words.places, { count: count(tokens) })));
    }
    return list;
  }

  function prompt(question, look) {
    const box = make("div.prompt");
    for (const [role, parts] of question.messages) {
      const turn = make("div.turn", null, make("h5", null, look.words["role_" + role] || role));
      for (const part of parts) turn.append(typeof part === "string" ? block(part, look) : media(part, look));
      box.append(turn);
    }
    if (!question.messages.length && question.prompt) {
      box.append(make("h5", null, look.words.raw_prompt), block(question.prompt, look));
    } else if (!question.messages.length) box.append(make("p.quiet", null, look.words.no_prompt));
    if (question.given.length) box.append(make("h5", null, look.words.given), given(question, look));
    if (question.choices.length) {
      const list = make("ol.choices");
      for (const choice of question.choices) list.append(make("li", null, inline(choice, look)));
      box.append(make("h5", null, look.words.choices), list);
    }
    return box;
  }

  function value(number) {
    return number === null || number === undefined ? "\u2013" : String(number);
  }

  function scores(output, look) {
    const words = look.words;
    const texts = !look.withheld;
    const weighted = output.scores.some((score) => score[3] !== 1);
    const heads = [words.scorer, words.mark, words.value, ...(weighted ? [words.weight] : []),
      ...(texts ? [words.extracted, words.reason] : [])];
    const body = make("tbody");
    for (const [scorer, code, number, weight, answer, reason] of output.scores) {
      const row = make("tr", null, make("th", { scope: "row" }, inline(scorer, look)),
        make("td", null, markOf(code, words, true)), make("td.number", null, value(number)));
      if (weighted) row.append(make("td.number", null, value(weight)));
      if (texts) {
        row.append(make("td", null, answer === null ? "\u2013" : make("code", null, inline(answer, look))),
          make("td", { lang: "en" }, reason === null ? "\u2013" : inline(reason, look)));
      }
      body.append(row);
    }
    const head = make("tr", null, ...heads.map((text) => make("th", { scope: "col" }, text)));
    return make("div.scroll", null, make("table.scores", null, make("thead", null, head), body));
  }

  function facts(output, look) {
    const words = look.words;
    const [given, made] = output.tokens;
    const lines = [
      [words.finish, words["finish_" + output.finish] || output.finish],
      [words.tokens, given === null || made === null ? words.not_stated : look.count(given) + ", " + look.count(made)],
      [words.seconds, output.seconds === null ? (given === null ? words.not_stated : "\u2013") : String(Number(output.seconds.toPrecision(3)))],
      [words.attempt, output.attempt === null ? words.not_stated : String(output.attempt)],
    ];
    const list = make("dl.output-facts");
    for (const [name, text] of lines) list.append(make("div", null, make("dt", null, name), make("dd", null, text)));
    return list;
  }

  /** What judges said, word for word: text like every other. */
  function opinions(list, look) {
    const words = look.words;
    return list.map(([scorer, judge, number, attempt, readable, text, reason]) => {
      const title = [fill(words.opinion, { judge, scorer, number })];
      if (attempt > 1) title.push(fill(words.opinion_attempt, { number: attempt }));
      if (!readable) title.push(words.unreadable);
      const box = make("div.opinion", null, make("h5", null, inline(title.join(" \u00b7 "), look)), block(text, look));
      if (reason) box.append(make("p.quiet", { lang: "en" }, inline(reason, look)));
      return box;
    });
  }

  function texts(question, output, look) {
    const words = look.words;
    const found = [];
    if (output.error !== null) {
      found.push(make("h4", null, words.error), make("div.failed", { lang: "en" }, block(output.error, look)));
    }
    if (output.thought) {
      const title = (output.answer === null ? words.thought_open : words.thought) + " \u00b7 " +
        fill(words.characters, { count: look.count(output.thought.length) });
      const hit = look.needle && output.thought.search(look.needle) >= 0;
      found.push(fold(THOUGHT, title, block(output.thought, look), hit || undefined));
    }
    found.push(make("h4", null, words.answer));
    found.push(output.answer === null ? make("p.quiet", null, words.answer_empty) : block(output.answer, look));
    if (output.speech) {
      found.push(make("h4", null, words.speech),
        make("audio", { controls: true, preload: "none", src: output.speech }));
    }
    if (output.heard !== null) found.push(make("h4", null, words.heard), block(output.heard, look));
    if (output.opinions) found.push(make("h4", null, words.opinions), ...opinions(output.opinions, look));
    return found;
  }

  /** The marks of all repeats as buttons. */
  function repeats(marks, at, look) {
    const group = make("div.repeats", { role: "group", "aria-label": look.words.scores });
    [...marks].forEach((code, repeat) => {
      if (code === ".") return;
      const button = make("button", { type: "button", "aria-current": repeat === at ? "true" : null },
        make("span.unseen", null, fill(look.words.number, { number: repeat, repeat })),
        markOf(code, look.words));
      button.addEventListener("click", () => look.choose(repeat));
      group.append(button);
    });
    return group;
  }

  /** Fills `pane` with an output. `look`: words, language, needle, withheld, count, choose(repeat), copy(button). */
  function show(pane, question, output, place, look) {
    const words = look.words;
    const id = make("h3", null, fill(words.question, { position: place.position }), " ",
      make("span.id", null, inline(question.id, look)));
    const copy = make("button.copy", { type: "button" }, words.copy_link);
    copy.addEventListener("click", () => look.copy(copy));
    const parts = [make("header.pane-head", null, id, copy)];
    if (place.marks.length > 1) parts.push(repeats(place.marks, output.repeat, look));
    const first = output.scores[0];
    const line = make("p.outcome", null, markOf(place.marks[output.repeat] || "w", words, true));
    if (place.marks.length > 1) line.append(make("span.quiet", null, fill(words.number, { repeat: output.repeat })));
    if (!look.withheld) {
      if (first && first[4] !== null) {
        line.append(make("span", null, words.extracted + " ", make("code", null, inline(first[4], look))));
      }
      if (question.target !== null) {
        line.append(make("span", null, words.target + " ", make("code", null, inline(question.target, look))));
      }
    }
    parts.push(line, facts(output, look));
    if (!look.withheld) {
      parts.push(fold(PROMPT, words.prompt, prompt(question, look)));
      parts.push(...texts(question, output, look));
    }
    parts.push(make("h4", null, words.scores), scores(output, look));
    pane.replaceChildren(...parts);
    const hit = look.needle ? pane.querySelector("mark") : null;
    pane.scrollTop = 0;
    if (hit) pane.scrollTop = hit.getBoundingClientRect().top - pane.getBoundingClientRect().top - pane.clientHeight / 3;
  }

  window.harnessPane = { show, markOf, GLYPHS, NAMES };
})();
