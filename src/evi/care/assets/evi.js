// Starts the design system's parts where the browser can run them. Pages work without.
document.body.classList.add("js-enabled", "nhsuk-frontend-supported");
initAll();
// A choice marked so takes effect at once; its button is for those without scripts.
document.querySelectorAll("select[data-send-on-change]").forEach((select) => {
  select.addEventListener("change", () => select.form.requestSubmit());
});
