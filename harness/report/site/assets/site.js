// The table of claims: filters and sorting, kept in the address so that a view can be linked and "back" undoes it.
(function () {
  "use strict";

  var COLUMN = { article: 1, model: 2, kind: 3, verdict: 6, evidence: 7 };
  var FIRST = 150;
  // "79.5", "≥ 98.0 %", "128 GB", "79.5 78.4–80.6"; "9400億 (940,000,000,000)"; but neither "2 of 3" nor "100万"
  var PLAIN = /^[≈<>≤≥~±]?\s*(-?[\d,]*\.?\d+)(?: ?%)?(?=$| [^\d\s]+$| [≤≥]| -?\d)/;
  var BESIDE = /[万億兆].*\((-?[\d,]*\.?\d+)\)$/;
  // whose a number is, behind it: no part of what is sorted by
  var WHOSE = /\s*[(（][^()（）\d][^()（）]*[)）]$/;

  function tableOfClaims(table) {
    var form = document.querySelector("form.filters");
    var shown = document.querySelector(".shown");
    var more = document.querySelector(".more");
    var body = table.tBodies[0];
    var heads = Array.from(table.tHead.rows[0].cells);
    var names = heads.map(function (head) { return head.dataset.column; });
    var rows = Array.from(body.rows);
    var texts = null;
    var cells = null;
    var limit = FIRST;

    function read() {
      if (cells) return;
      cells = rows.map(function (row) {
        return Array.from(row.cells, function (cell) { return cell.textContent.trim(); });
      });
      texts = cells.map(function (row) { return plain(row.join("\n")); });
    }

    function plain(text) { return text.normalize("NFKC").toLowerCase(); }

    function wanted() {
      var state = new URLSearchParams(location.hash.slice(1));
      return {
        words: plain(state.get("q") || "").split(/\s+/).filter(Boolean),
        exact: Object.keys(COLUMN).filter(function (name) { return state.get(name); }).map(function (name) {
          return [COLUMN[name], state.get(name), name === "article"];
        }),
        sort: state.get("sort") || "",
        state: state
      };
    }

    function fits(want, index) {
      if (!want.exact.length && !want.words.length) return true;
      var row = cells[index];
      return want.exact.every(function (one) {
        return one[2] ? row[one[0]].split(":")[0] === one[1] : row[one[0]] === one[1];
      }) && want.words.every(function (word) { return texts[index].includes(word); });
    }

    var collator = new Intl.Collator(document.documentElement.lang, { numeric: true });

    function key(name, text) {
      if (name === "verdict" || name === "evidence") {
        var options = Array.from(form.elements[name].options, function (option) { return option.text; });
        return options.indexOf(text);
      }
      if (name === "claimed" || name === "measured") {
        text = text.replace(WHOSE, "");
        var number = PLAIN.exec(text) || BESIDE.exec(text);
        if (number) return parseFloat(number[1].replace(/,/g, ""));
      }
      return text;
    }

    // Numbers before words, what is empty last, whichever way the rest goes.
    function order(sort) {
      var down = sort[0] === "-";
      var name = down ? sort.slice(1) : sort;
      var column = names.indexOf(name);
      var all = rows.map(function (_, index) { return index; });
      if (column < 0) return all;
      var keys = cells.map(function (row) { return key(name, row[column]); });
      return all.sort(function (a, b) {
        var x = keys[a], y = keys[b];
        if (x === "" || y === "") return (x === "") - (y === "") || a - b;
        if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
        var by = typeof x === "number" ? x - y : collator.compare(x, y);
        return (down ? -by : by) || a - b;
      });
    }

    function tell(count) {
      var text = shown.dataset.some;
      if (count === rows.length) text = count === 1 ? shown.dataset.one : shown.dataset.all;
      if (!count) text = shown.dataset.none;
      text = text.replace("{n}", rows.length.toLocaleString("en")).replace("{m}", count.toLocaleString("en"));
      if (shown.textContent !== text) shown.textContent = text;
    }

    // Only the first lines of a long list are laid out; the button, printing and a search show the others.
    function show() {
      var want = wanted();
      if (want.sort || want.words.length || want.exact.length) read();
      var fitting = order(want.sort).filter(function (index) { return fits(want, index); });
      var laid = fitting.length > limit ? fitting.slice(0, limit) : fitting;
      body.replaceChildren.apply(body, laid.map(function (index) { return rows[index]; }));
      table.classList.add("ready");
      tell(fitting.length);
      more.hidden = laid.length === fitting.length;
      var button = more.firstElementChild;
      button.textContent = button.dataset.text.replace("{n}", fitting.length.toLocaleString("en"));
      heads.forEach(function (head, index) {
        var sort = want.sort === names[index] ? "ascending" : want.sort === "-" + names[index] ? "descending" : "none";
        head.setAttribute("aria-sort", sort);
      });
    }

    function fill() {
      var state = wanted().state;
      Array.from(form.elements).forEach(function (field) {
        if (field.name && document.activeElement !== field) field.value = state.get(field.name) || "";
        if (field.tagName === "SELECT" && field.selectedIndex < 0) field.value = "";
      });
    }

    function go(change, replace) {
      var state = wanted().state;
      Object.keys(change).forEach(function (name) {
        if (change[name]) state.set(name, change[name]); else state.delete(name);
      });
      var hash = "#" + state.toString();
      if (hash !== (location.hash || "#")) history[replace ? "replaceState" : "pushState"](null, "", hash);
      limit = FIRST;
      show();
    }

    heads.forEach(function (head, index) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.textContent = "";
      head.append(button);
      button.addEventListener("click", function () {
        var now = wanted().sort;
        go({ sort: now === names[index] ? "-" + names[index] : now === "-" + names[index] ? "" : names[index] });
      });
    });
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.addEventListener("input", function (event) {
      var change = {};
      change[event.target.name] = event.target.value;
      go(change, event.target.name === "q");
    });
    form.addEventListener("reset", function (event) {
      event.preventDefault();
      go({ q: "", verdict: "", evidence: "", article: "", model: "", kind: "" });
      fill();
    });
    more.firstElementChild.addEventListener("click", function () { limit = Infinity; show(); });
    window.addEventListener("popstate", function () { limit = FIRST; fill(); show(); });
    window.addEventListener("beforeprint", function () { limit = Infinity; show(); });
    // A link to a view of the table leads to the table.
    document.addEventListener("click", function (event) {
      var link = event.target.closest && event.target.closest("a[href^='#']");
      if (!link || link.hash.indexOf("=") < 0) return;
      event.preventDefault();
      history.pushState(null, "", link.hash);
      limit = FIRST;
      fill();
      show();
      document.getElementById("table").scrollIntoView();
      form.elements.q.focus({ preventScroll: true });
    });
    // A mark tells its claim when somebody points at it.
    document.addEventListener("mouseover", function (event) {
      var mark = event.target.closest && event.target.closest(".marks a");
      if (!mark || mark.dataset.told) return;
      mark.dataset.told = "1";
      read();
      var id = mark.title.split(":")[0];
      var row = cells.find(function (cell) { return cell[0].indexOf(id + " ") === 0; });
      if (row) mark.title += "\n" + row[0].slice(id.length).trim();
    });
    fill();
    show();
    (window.requestIdleCallback || setTimeout)(read);
  }

  function copying(button) {
    var text = button.textContent;
    button.addEventListener("click", function () {
      var code = button.previousElementSibling;
      function done() {
        button.textContent = button.dataset.done;
        setTimeout(function () { button.textContent = text; }, 1500);
      }
      function select() {
        var range = document.createRange();
        range.selectNodeContents(code);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
      }
      if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(done, select); else select();
    });
  }

  var table = document.querySelector("table.claims");
  if (table) tableOfClaims(table);
  document.querySelectorAll("button.copy").forEach(copying);
})();
