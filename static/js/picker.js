// Pick products and categories from a list with pictures. The chosen items are check boxes, which need no script.
(() => {
  const parts = (picker) => ({
    picked: picker.querySelector("[data-picked]"),
    search: picker.querySelector("[data-picker-search]"),
    results: picker.querySelector("[data-picker-results]"),
  });
  const optionsOf = (results) => [...results.querySelectorAll("[role=option]")];

  const close = (picker) => {
    const { search, results } = parts(picker);
    results.hidden = true;
    search.setAttribute("aria-expanded", "false");
    search.removeAttribute("aria-activedescendant");
  };

  const mark = (picker, option) => {
    const { search, results } = parts(picker);
    for (const one of optionsOf(results)) one.setAttribute("aria-selected", String(one === option));
    if (option) {
      search.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else search.removeAttribute("aria-activedescendant");
  };

  const changed = (picker) => picker.dispatchEvent(new Event("input", { bubbles: true }));

  const pick = (picker, option) => {
    const { picked, search } = parts(picker);
    const boxes = [...picked.querySelectorAll("input")];
    const same = boxes.find((box) => box.value === option.dataset.value);
    if (same) same.checked = true;
    else {
      if (!("several" in picker.dataset)) picked.replaceChildren();
      picked.append(option.querySelector("template").content.cloneNode(true));
    }
    search.value = "";
    close(picker);
    search.focus({ preventScroll: true });
    close(picker);
    changed(picker);
  };

  document.addEventListener("htmx:after:swap", (event) => {
    const results = event.detail.ctx?.target?.closest?.("[data-picker-results]");
    if (!results) return;
    const picker = results.closest("[data-picker]");
    const { search } = parts(picker);
    if (document.activeElement !== search) return;
    results.hidden = false;
    search.setAttribute("aria-expanded", "true");
    mark(picker, search.value ? optionsOf(results)[0] : null);
  });

  document.addEventListener("keydown", (event) => {
    if (!event.target.matches("[data-picker-search]")) return;
    const picker = event.target.closest("[data-picker]");
    const { picked, search, results } = parts(picker);
    const options = results.hidden ? [] : optionsOf(results);
    const at = options.findIndex((one) => one.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      const next = at < 0 && step < 0 ? options.length - 1 : (at + step + options.length) % options.length;
      if (options.length) mark(picker, options[next]);
    } else if (event.key === "Enter") {
      // Enter never submits the form from here, because the search text is no value of it.
      event.preventDefault();
      if (options[at]) pick(picker, options[at]);
    } else if (event.key === "Escape" && !results.hidden) {
      event.stopPropagation();
      close(picker);
    } else if (event.key === "Backspace" && !search.value && picked.lastElementChild) {
      picked.lastElementChild.remove();
      changed(picker);
    }
  });

  document.addEventListener("mousedown", (event) => {
    // The search field keeps the focus while an option is pressed.
    if (event.target.closest("[data-picker-results]")) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const option = event.target.closest?.(".picker-option");
    if (option) pick(option.closest("[data-picker]"), option);
  });

  document.addEventListener("focusout", (event) => {
    if (event.target.matches("[data-picker-search]")) close(event.target.closest("[data-picker]"));
  });

  // An item that is unchecked leaves the list.
  document.addEventListener("change", (event) => {
    const item = event.target.closest?.(".picked-item");
    if (!item || event.target.checked) return;
    const picker = item.closest("[data-picker]");
    item.remove();
    parts(picker).search.focus();
    changed(picker);
  });
})();
