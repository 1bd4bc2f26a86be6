// Forms of the admin: a choice on which other fields depend loads the form again with its fields. Nothing is saved.
// Without JavaScript, the button "Show the fields for this choice" does the same.
(() => {
  document.documentElement.classList.add("with-script");
  document.addEventListener("change", (event) => {
    const field = event.target.closest("[data-look-again]");
    const button = field && field.form && field.form.querySelector("button[name=do][value=look]");
    if (button) field.form.requestSubmit(button);
  });
})();
