// The console without it still works: links, forms and <details> need no script. This adds keys, dialogs and toasts.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Dialogs
  const open = (id) => {
    const dialog = document.getElementById(id);
    if (!dialog) return false;
    if (!dialog.open) dialog.showModal();
    if (id === "palette") {
      const input = $("input", dialog);
      input.select();
      input.dispatchEvent(new CustomEvent("palette:open", { bubbles: true }));
    }
    return true;
  };

  const confirmed = (text, label) =>
    new Promise((resolve) => {
      const dialog = document.getElementById("confirm");
      const yes = $("[data-confirm-yes]", dialog);
      $("#confirm-text").textContent = text;
      yes.textContent = label || yes.dataset.default;
      dialog.returnValue = "";
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
      dialog.showModal();
    });

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const submitter = event.submitter;
    const text = submitter?.dataset.confirm || form.dataset.confirm;
    if (!text || form.dataset.confirmed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!(await confirmed(text, submitter?.dataset.confirmLabel))) return;
    form.dataset.confirmed = "yes";
    form.requestSubmit(submitter);
    delete form.dataset.confirmed;
  }, true);

  document.addEventListener("htmx:confirm", async (event) => {
    const detail = event.detail;
    if (!detail.ctx.confirm) return;
    event.preventDefault();
    if (await confirmed(detail.ctx.confirm)) detail.issueRequest();
    else detail.dropRequest();
  });

  // Clicks: dialogs, the menu on a narrow screen, toasts, whole rows
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener && open(opener.dataset.dialog)) {
      event.preventDefault();
      opener.closest("details.menu")?.removeAttribute("open");
      return;
    }
    const toggle = event.target.closest("[data-toggle]");
    if (toggle) {
      event.preventDefault();
      const shown = document.getElementById(toggle.dataset.toggle).classList.toggle("shown");
      toggle.setAttribute("aria-expanded", shown);
      return;
    }
    if (event.target.closest("[data-dismiss]")) event.target.closest(".toast-item").remove();
    if (event.target.tagName === "DIALOG") event.target.close();
    for (const menu of $$("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;

    const row = event.target.closest("[data-row]");
    if (row && !event.target.closest("a, button, input, label, summary, select, textarea") && !String(getSelection())) {
      $("a[href]", row)?.click();
    }
  });

  const fade = () => $$(".toast-item[data-fades]").forEach((toast) => setTimeout(() => toast.remove(), 6000));
  fade();
  document.addEventListener("htmx:after:swap", fade);

  // Selecting rows: the bar of actions shows once something is chosen
  const count = (form) => {
    const boxes = $$("input[data-select]", form);
    const chosen = boxes.filter((box) => box.checked).length;
    const all = $("input[data-select-all]", form);
    if (all) {
      all.checked = chosen > 0 && chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    }
    const bar = $("[data-selection]", form);
    if (bar) bar.classList.toggle("active", chosen > 0);
    const text = $("[data-selection-count]", form);
    if (text) text.textContent = text.dataset.selectionCount.replace("0", chosen);
  };
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-selectable]");
    if (form) {
      if (event.target.matches("[data-select-all]")) $$("input[data-select]", form).forEach((box) => (box.checked = event.target.checked));
      count(form);
    }
    if (event.target.matches("[data-autosubmit]")) event.target.form.requestSubmit();
  });
  // The browser restores ticked boxes when going back.
  addEventListener("pageshow", () => $$("form[data-selectable]").forEach(count));

  // A box above a long list of choices hides those that do not contain what is typed
  document.addEventListener("input", (event) => {
    const list = event.target.dataset.filter && document.getElementById(event.target.dataset.filter);
    if (!list) return;
    // What is searched for is no part of the form.
    event.stopImmediatePropagation();
    const wanted = event.target.value.trim().toLocaleLowerCase();
    for (const label of $$(".form-check", list)) label.hidden = !label.textContent.toLocaleLowerCase().includes(wanted);
  }, true);

  // Keys
  const typing = (element) => element.matches?.("input, textarea, select, [contenteditable]") && element.type !== "checkbox";
  const step = (by) => {
    const rows = $$("[data-rows] [data-row]");
    if (!rows.length) return;
    const now = rows.findIndex((row) => row.contains(document.activeElement));
    const row = rows[Math.min(rows.length - 1, Math.max(0, now + by))];
    $("a[href]", row)?.focus();
    row.scrollIntoView({ block: "nearest" });
  };
  const choose = (palette, by) => {
    const options = $$("[role=option]", palette);
    if (!options.length) return;
    const now = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const next = options[(now + by + options.length) % options.length] || options[0];
    options.forEach((option) => option.setAttribute("aria-selected", option === next));
    $("input", palette).setAttribute("aria-activedescendant", next.id);
    next.scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open("palette");
      return;
    }
    const palette = event.target.closest?.("#palette");
    if (palette) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        choose(palette, event.key === "ArrowDown" ? 1 : -1);
      } else if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault();
        ($("[aria-selected=true]", palette) || $("[role=option]", palette))?.click();
      } else if (event.key === "Escape") {
        // The browser would only empty the search field.
        event.preventDefault();
        palette.close();
      }
      return;
    }
    if (event.key === "Escape") {
      const menu = $("details.menu[open]");
      if (menu) {
        menu.open = false;
        $("summary", menu).focus();
      } else if (typing(event.target)) event.target.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("dialog[open]")) return;
    if (event.key === "/") {
      event.preventDefault();
      const box = $("#top-search");
      box?.focus();
      box?.select();
    } else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "?") open("shortcuts");
  });
})();
