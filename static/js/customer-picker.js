// The field for one customer: suggestions while typing, chosen by mouse or keys. Without script a number is typed.
(() => {
  if (document.documentElement.dataset.customerPickers) return;
  document.documentElement.dataset.customerPickers = "yes";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const partsOf = (element) => {
    const box = element.closest?.("[data-customer-picker]");
    return box && { box, input: $("input", box), options: $("[role=listbox]", box), chosen: $("[data-customer-chosen]", box) };
  };
  const show = ({ input, options }, open) => {
    options.hidden = !open;
    input.setAttribute("aria-expanded", open);
    if (!open) input.removeAttribute("aria-activedescendant");
  };
  const mark = ({ input, options }, option) => {
    for (const other of $$("[role=option]", options)) other.setAttribute("aria-selected", other === option);
    if (!option) return;
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  };
  const take = (picker, option) => {
    picker.input.value = option.dataset.number;
    picker.chosen.textContent = option.dataset.name;
    show(picker, false);
    picker.input.focus();
    // Other parts of the page, such as a live preview, react to a change of the field.
    picker.input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  document.addEventListener("input", (event) => {
    const picker = partsOf(event.target);
    if (!picker) return;
    picker.chosen.textContent = "";
    if (picker.input.value.trim()) picker.input.dispatchEvent(new CustomEvent("picker:search"));
    else show(picker, false);
  });
  document.addEventListener("htmx:after:swap", () => {
    for (const box of $$("[data-customer-picker]")) {
      const picker = partsOf(box.firstElementChild);
      const typed = picker.input.value.trim();
      if (!typed || picker.chosen.textContent) continue;
      // A whole number needs no choice: the name beside it says whose it is, even when the field was left before.
      const exact = $$("[role=option]", picker.options).find((option) => option.dataset.number === typed);
      if (exact) {
        picker.chosen.textContent = exact.dataset.name;
        show(picker, false);
      } else if (picker.input === document.activeElement && picker.options.childElementCount) show(picker, true);
    }
  });
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest?.("[data-customer-picker] [role=option]");
    if (option) {
      event.preventDefault();
      take(partsOf(option), option);
      return;
    }
    for (const box of $$("[data-customer-picker]")) if (!box.contains(event.target)) show(partsOf(box.firstElementChild), false);
  });
  document.addEventListener("keydown", (event) => {
    const picker = partsOf(event.target);
    if (!picker || picker.options.hidden || event.isComposing) return;
    const options = $$("[role=option]", picker.options);
    const now = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const by = event.key === "ArrowDown" ? 1 : -1;
      if (options.length) mark(picker, options[now < 0 && by < 0 ? options.length - 1 : (now + by + options.length) % options.length]);
    } else if (event.key === "Enter") {
      const option = options[now] || (options.length === 1 ? options[0] : null);
      // Enter never sends a name without a chosen customer while suggestions are open.
      event.preventDefault();
      if (option) take(picker, option);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      show(picker, false);
    }
  }, true);
  document.addEventListener("focusout", (event) => {
    const picker = partsOf(event.target);
    if (picker && !picker.box.contains(event.relatedTarget)) show(picker, false);
  });
})();
