// What pages do without a request: times in the reader's zone, filters of tables, one open form at a time.
(function () {
  "use strict";

  // A time is written in UTC by the server; UTC stays in the tooltip.
  function showTimes() { document.querySelectorAll("time[datetime]:not([data-local])").forEach(function (element) {
    var at = new Date(element.getAttribute("datetime"));
    if (isNaN(at)) { return; }
    element.dataset.local = "";
    element.title = element.title || element.textContent.trim();
    var day = { day: "numeric", month: "short" };
    if (at.getFullYear() !== new Date().getFullYear()) { day.year = "numeric"; }
    var clock = { hour: "2-digit", minute: "2-digit", hour12: false };
    var parts = element.dataset.format === "day" ? day
      : element.dataset.format === "clock" ? clock : Object.assign({}, day, clock);
    element.textContent = new Intl.DateTimeFormat("en-GB", parts).format(at);
  }); }
  showTimes();
  document.addEventListener("added", showTimes);

  // Rows of a table are filtered by what the reader types or chooses; a row has data-FIELD for each filter.
  document.querySelectorAll("form[data-filters]").forEach(function (form) {
    var table = document.getElementById(form.dataset.filters);
    var empty = document.getElementById(form.dataset.filters + "-empty");
    function filter() {
      var shown = 0;
      table.querySelectorAll("tbody tr").forEach(function (row) {
        var fits = Array.from(form.elements).every(function (field) {
          if (!field.name || !field.value) { return true; }
          var value = (row.dataset[field.name] || "").toLowerCase();
          var asked = field.value.toLowerCase();
          return field.tagName === "SELECT" ? value === asked : value.includes(asked);
        });
        row.hidden = !fits;
        shown += fits ? 1 : 0;
      });
      if (empty) { empty.hidden = shown > 0; }
    }
    form.addEventListener("input", filter);
    form.addEventListener("submit", function (event) { if (!form.hasAttribute("action")) { event.preventDefault(); } });
    filter();
  });

  // A choice that is part of the address is sent as soon as it is made.
  document.querySelectorAll("select[data-submit]").forEach(function (select) {
    select.addEventListener("change", function () { select.form.requestSubmit(); });
  });

  // One open form at a time; Escape closes it.
  var menus = Array.from(document.querySelectorAll("details.menu"));
  menus.forEach(function (menu) {
    menu.addEventListener("toggle", function () {
      if (!menu.open) { return; }
      menus.forEach(function (other) { if (other !== menu) { other.open = false; } });
      var first = menu.querySelector("textarea, input:not([type=hidden])");
      if (first) { first.focus(); }
    });
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") { menus.forEach(function (menu) { menu.open = false; }); }
  });

  // A run that is under way: the page shows what is there so far.
  var every = document.body.dataset.refresh;
  if (every) {
    window.setTimeout(function () {
      if (!document.querySelector("details.menu[open]")) { window.location.reload(); }
    }, Number(every) * 1000);
  }
})();
