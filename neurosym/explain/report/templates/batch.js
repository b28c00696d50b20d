(function () {
  "use strict";
  var table = document.getElementById("predictions");
  var body = table.tBodies[0];
  var rows = Array.prototype.slice.call(body.rows);
  var text = document.getElementById("find");
  var only = document.getElementById("only");
  var count = document.getElementById("count");
  document.getElementById("controls").hidden = false;
  function filter() {
    var needle = text.value.toLowerCase();
    var shown = 0;
    rows.forEach(function (row) {
      var fits = row.textContent.toLowerCase().indexOf(needle) >= 0 &&
        (!only.value || row.getAttribute("data-verdict") === only.value);
      row.hidden = !fits;
      if (fits) { shown += 1; }
    });
    count.textContent = shown + " of " + rows.length + " shown";
  }
  text.addEventListener("input", filter);
  only.addEventListener("change", filter);
  Array.prototype.forEach.call(table.tHead.rows[0].cells, function (cell, column) {
    var name = cell.textContent;
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    cell.textContent = "";
    cell.appendChild(button);
    button.addEventListener("click", function () {
      var up = cell.getAttribute("aria-sort") !== "ascending";
      Array.prototype.forEach.call(table.tHead.rows[0].cells, function (c) { c.removeAttribute("aria-sort"); });
      cell.setAttribute("aria-sort", up ? "ascending" : "descending");
      rows.sort(function (a, b) {
        var x = a.cells[column].getAttribute("data-value"), y = b.cells[column].getAttribute("data-value");
        var order = x !== null ? x - y : a.cells[column].textContent.trim().localeCompare(b.cells[column].textContent.trim());
        return up ? order : -order;
      });
      rows.forEach(function (row) { body.appendChild(row); });
    });
  });
  filter();
})();
