// The theme that the reader chose in Airflow, which keeps it in the browser under "theme": light, dark or system.
(function () {
  "use strict";
  function apply() {
    var chosen = null;
    try { chosen = window.localStorage.getItem("theme"); } catch (error) { /* storage may be forbidden */ }
    if (chosen === "light" || chosen === "dark") {
      document.documentElement.dataset.theme = chosen;
    } else {
      delete document.documentElement.dataset.theme;
    }
  }
  apply();
  window.addEventListener("storage", apply);
})();
