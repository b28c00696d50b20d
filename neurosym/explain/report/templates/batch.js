(function () {
  "use strict";
  var table = document.getElementById("predictions");
  var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
  var body = table.tBodies[0];
  var find = document.getElementById("find");
  var only = document.getElementById("only");
  var rule = document.getElementById("rule");
  var count = document.getElementById("count");
  var collator = new Intl.Collator(undefined, { numeric: true });
  // Read once: asking the page for its text at every key would take longer than the eye likes.
  var rows = Array.prototype.map.call(body.rows, function (row) {
    var fired = Array.prototype.map.call(row.cells[4].children, function (name) { return name.textContent; });
    return {
      row: row, verdict: row.dataset.verdict, refuted: "refuted" in row.dataset, fired: fired,
      words: row.textContent.toLowerCase(), number: parseFloat(row.cells[1].dataset.value),
      cells: Array.prototype.map.call(row.cells, function (cell) { return cell.textContent.trim(); })
    };
  });
  function fits(entry, needle) {
    var wanted = only.value;
    if (wanted === "wrong" && entry.verdict !== "missed" && entry.verdict !== "false-alarm") { return false; }
    if (wanted === "refuted" && !entry.refuted) { return false; }
    if (wanted && wanted !== "wrong" && wanted !== "refuted" && entry.verdict !== wanted) { return false; }
    if (rule && rule.value && entry.fired.indexOf(rule.value) < 0) { return false; }
    return entry.words.indexOf(needle) >= 0;
  }
  function filter() {
    var needle = find.value.toLowerCase().trim();
    var shown = 0;
    rows.forEach(function (entry) {
      var fit = fits(entry, needle);
      if (entry.row.hidden === fit) { entry.row.hidden = !fit; }
      if (fit) { shown += 1; }
    });
    count.textContent = shown + " of " + rows.length + " shown";
  }
  function sort(column) {
    var up = heads[column].getAttribute("aria-sort") !== "ascending";
    heads.forEach(function (head) { head.removeAttribute("aria-sort"); });
    heads[column].setAttribute("aria-sort", up ? "ascending" : "descending");
    rows.sort(function (a, b) {
      var order = column === 1 ? a.number - b.number : collator.compare(a.cells[column], b.cells[column]);
      return up ? order : -order;
    });
    var sorted = document.createDocumentFragment();
    rows.forEach(function (entry) { sorted.appendChild(entry.row); });
    body.appendChild(sorted);
  }
  heads.forEach(function (head, column) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.textContent = "";
    head.appendChild(button);
    button.addEventListener("click", function () { sort(column); });
  });
  find.addEventListener("input", filter);
  only.addEventListener("change", filter);
  if (rule) { rule.addEventListener("change", filter); }
  document.getElementById("clear").addEventListener("click", function () {
    find.value = ""; only.value = "";
    if (rule) { rule.value = ""; }
    filter();
    find.focus();
  });
  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[data-rule]");
    if (link && rule) { find.value = ""; only.value = ""; rule.value = link.dataset.rule; filter(); }
  });
  document.getElementById("controls").hidden = false;
  filter();
})();
