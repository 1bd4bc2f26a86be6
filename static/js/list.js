// Lists: the bar of chosen rows, its keys, and the menus of rows. Without this script the bar is always shown.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const boxesOf = (form) => $$("input[data-select]", form);

  // The bar appears when a row is chosen
  const count = (form) => {
    const boxes = boxesOf(form);
    const chosen = boxes.filter((box) => box.checked).length;
    const all = $("input[data-select-all]", form);
    if (all) {
      all.checked = chosen > 0 && chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    }
    for (const box of boxes) box.closest("tr").classList.toggle("row-chosen", box.checked);
    $("[data-selection]", form)?.classList.toggle("active", chosen > 0);
    const text = $("[data-selection-count]", form);
    if (text) text.textContent = text.dataset.selectionCount.replace("0", chosen);
  };
  const tick = (form, boxes, on) => {
    for (const box of boxes) box.checked = on;
    count(form);
  };
  let last = null;
  document.addEventListener("click", (event) => {
    const box = event.target.closest("input[data-select]");
    if (!box) return;
    const form = box.form, boxes = boxesOf(form);
    if (event.shiftKey && last && last.form === form) {
      const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].toSorted((a, b) => a - b);
      tick(form, boxes.slice(from, to + 1), box.checked);
    }
    last = box;
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-selectable]");
    if (!form) return;
    if (event.target.matches("[data-select-all]")) tick(form, boxesOf(form), event.target.checked);
    else count(form);
  });
  // The browser restores ticked boxes after "back".
  addEventListener("pageshow", () => $$("form[data-selectable]").forEach(count));

  // A text of the bar belongs to the button beside it
  document.addEventListener("keydown", (event) => {
    const bar = event.target.closest?.("[data-selection]");
    if (!bar || event.key !== "Enter" || event.target.tagName !== "INPUT" || event.target.type === "checkbox" || event.isComposing) return;
    event.preventDefault();
    let next = event.target.nextElementSibling;
    while (next && !next.matches("button[type=submit]")) next = next.nextElementSibling;
    if (next) event.target.form.requestSubmit(next);
  });

  // Keys: x chooses the row, Escape none, and the keys of the bar while rows are chosen
  const typing = (element) => element.matches?.("input, textarea, select, [contenteditable]") && element.type !== "checkbox";
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("dialog[open]")) return;
    const form = $("form[data-selectable]");
    if (!form) return;
    if (event.key === "x") {
      const box = event.target.closest?.("[data-row]")?.querySelector("input[data-select]");
      if (box) tick(form, [box], !box.checked);
      return;
    }
    const bar = $("[data-selection].active", form);
    if (!bar) return;
    if (event.key === "Escape" && !$("details.menu[open], [popover]:popover-open")) {
      const all = $("input[name=all]", bar);
      if (all) all.checked = false;
      tick(form, boxesOf(form), false);
      return;
    }
    const control = event.key.length === 1 && $(`[data-bulk-key="${CSS.escape(event.key)}"]`, bar);
    if (!control) return;
    event.preventDefault();
    if (control.matches("button")) control.click();
    else control.focus();
  });

  // A menu opens beside its button. Without script it opens in the middle of the window.
  document.addEventListener("beforetoggle", (event) => {
    const menu = event.target;
    if (!menu.matches?.(".row-menu") || event.newState !== "open") return;
    const button = $(`[popovertarget="${CSS.escape(menu.id)}"]`);
    const place = button.getBoundingClientRect();
    menu.classList.add("row-menu-placed");
    menu.style.right = `${document.documentElement.clientWidth - place.right}px`;
    menu.style.top = `${place.bottom}px`;
    requestAnimationFrame(() => {
      if (place.bottom + menu.offsetHeight > innerHeight) menu.style.top = `${Math.max(0, place.top - menu.offsetHeight)}px`;
    });
  }, true);
  addEventListener("scroll", () => $$(".row-menu:popover-open").forEach((menu) => menu.hidePopover()), { passive: true, capture: true });
})();
