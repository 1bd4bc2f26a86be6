// The template editor: a click on a variable inserts it at the last cursor position. Without this script it can be copied.
(() => {
  let last = null;
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("[name^=body_], [name^=subject_]")) last = event.target;
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert]");
    if (!button) return;
    const field = last || document.querySelector("[name^=body_]");
    field.focus();
    field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
