// The questions and outputs of a run, read from the files beside its page. A page opened from disk may not fetch; it may
// add scripts, and each file is one: a call with base64 of gzip of JSON.
(function () {
  "use strict";
  const KEPT = 6; // shards in memory
  const arrived = new Map();
  const kept = new Map();

  window.harnessShard = (number, text) => arrived.set("shard " + number, text);
  window.harnessIndex = (number, text) => arrived.set("index " + number, text);

  function bytesOf(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
    return bytes;
  }

  /** The JSON in a file. Rejects with an Error whose message is the file's name. */
  function read(file, key) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      const broken = () => { script.remove(); reject(new Error(file)); };
      script.src = file;
      script.addEventListener("error", broken);
      script.addEventListener("load", () => {
        script.remove();
        const text = arrived.get(key);
        arrived.delete(key);
        if (text === undefined) { broken(); return; }
        try {
          const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
          new Response(stream).json().then(resolve, broken);
        } catch (error) { broken(); }
      });
      document.head.append(script);
    });
  }

  function shard(number) {
    let found = kept.get(number);
    if (found) kept.delete(number);
    else {
      found = read(String(number).padStart(4, "0") + ".js", "shard " + number);
      found.catch(() => kept.delete(number));
    }
    kept.set(number, found);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
    return found;
  }

  /** The list of questions, growing while its files are read. Questions are known by their place in it. */
  class List {
    constructor(files) {
      this.files = files;
      this.ids = [];
      this.marks = [];
      this.values = [];
      this.positions = [];
      this.starts = []; // place of each shard's first question
      this.places = new Map();
      this.counts = {};
      this.outputs = 0;
      this.whole = false;
    }

    /** Reads all files; calls `grown` after each, and goes on when what that promised is there. */
    async read(grown) {
      for (let file = 0; file < this.files; file += 1) {
        const [sizes, positions, ids, marks, values] = await read("index-" + file + ".js", "index " + file);
        let place = this.ids.length;
        for (const size of sizes) { this.starts.push(place); place += size; }
        for (let i = 0; i < ids.length; i += 1) this.add(positions[i], ids[i], marks[i], values[i]);
        this.whole = file === this.files - 1;
        await grown();
      }
    }

    add(position, id, marks, value) {
      this.places.set(position, this.ids.length);
      this.positions.push(position);
      this.ids.push(id);
      this.marks.push(marks);
      this.values.push(value);
      for (const mark of marks) {
        if (mark === ".") continue;
        this.counts[mark] = (this.counts[mark] || 0) + 1;
        this.outputs += 1;
      }
    }

    shardOf(place) {
      let low = 0;
      let high = this.starts.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (this.starts[middle] <= place) low = middle;
        else high = middle - 1;
      }
      return low;
    }

    async question(place) {
      const number = this.shardOf(place);
      return (await shard(number))[place - this.starts[number]];
    }

    /** Looks through every question and output. `found(place, repeats)` and `passed(shards done)` are told on the way;
        `wanted()` false stops it. True when it came to the end. */
    async search(needle, found, passed, wanted) {
      const all = this.starts.length;
      const next = (number) => (number >= all ? null
        : kept.get(number) || read(String(number).padStart(4, "0") + ".js", "shard " + number));
      let ahead = next(0);
      for (let number = 0; number < all; number += 1) {
        const here = ahead;
        const questions = await here;
        // two are being read at any time; a failure of the later one is met when its turn comes
        ahead = next(number + 1);
        if (ahead) ahead.catch(() => undefined);
        if (!wanted()) return false;
        questions.forEach((question, i) => {
          const repeats = holding(question, needle);
          if (repeats.length) found(this.starts[number] + i, repeats);
        });
        passed(number + 1, all);
      }
      return true;
    }
  }

  function holding(question, needle) {
    const has = (text) => typeof text === "string" && needle.test(text);
    const parts = question.messages.flatMap(([, parts]) => parts.filter((part) => typeof part === "string"));
    const asked = [question.id, question.prompt, question.target, ...question.choices, ...parts].some(has);
    return question.outputs.filter((output) =>
      asked || has(output.thought) || has(output.answer) || has(output.heard) || has(output.error) ||
      (output.opinions || []).some((said) => has(said[5])) ||
      output.scores.some((score) => has(score[4]) || has(score[5]))).map((output) => output.repeat);
  }

  window.harnessData = { List };
})();
