// What the pages of runs do: a scenario's details are loaded when it is opened, and ids are copied with one click.
(function () {
  "use strict";

  function load(details) {
    var place = details.querySelector("[data-load]");
    if (!place || place.dataset.loading) { return; }
    place.dataset.loading = "yes";
    window.fetch(place.dataset.load, { headers: { Accept: "text/html" }, credentials: "same-origin" })
      .then(function (response) {
        if (!response.ok || response.redirected) { throw new Error(String(response.status)); }
        return response.text();
      })
      .then(function (text) {
        // Our own page, in which everything from outside is escaped; scripts in it would not run in any case.
        var parsed = new DOMParser().parseFromString(text, "text/html");
        place.replaceChildren.apply(place, Array.from(parsed.body.childNodes));
        document.dispatchEvent(new Event("added"));
      })
      .catch(function () {
        delete place.dataset.loading;
        place.textContent = "This could not be loaded; close and open it to try again.";
      });
  }

  var all = Array.from(document.querySelectorAll("details.scenario"));
  all.forEach(function (details) {
    details.addEventListener("toggle", function () { if (details.open) { load(details); } });
    if (details.open) { load(details); }
  });

  function openNamed() {
    var named = document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
    if (named && named.matches("details.scenario")) {
      named.open = true;
      named.scrollIntoView();
    }
  }
  window.addEventListener("hashchange", openNamed);
  openNamed();

  document.addEventListener("click", function (event) {
    var button = event.target.closest("button[data-copy]");
    if (!button) { return; }
    var text = button.dataset.copy;
    function done() {
      button.textContent = "copied";
      window.setTimeout(function () { button.textContent = "copy"; }, 1500);
    }
    function select() { // where pages are served without TLS, or the browser refuses
      var field = document.createElement("textarea");
      field.value = text;
      button.append(field);
      field.select();
      var copied = document.execCommand("copy");
      field.remove();
      if (copied) { done(); }
    }
    if (navigator.clipboard && window.isSecureContext) {
      navigator.clipboard.writeText(text).then(done, select);
    } else {
      select();
    }
  });
})();
