// Keyboard shortcuts, dialogs and toasts. The console also works without it: links, forms and <details> need no script.
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

  // A form with data-stay is sent by script. On a refusal it stays open, with the errors beside the input.
  const wrong = (form, errors) => {
    $$("[data-stay-error]", form).forEach((element) => element.remove());
    $$("[aria-invalid]", form).forEach((element) => {
      element.removeAttribute("aria-invalid");
      element.classList.remove("is-invalid");
      element.setAttribute("aria-describedby", element.dataset.described || "");
    });
    let first = null;
    errors.forEach(({ field, message }, place) => {
      const element = field ? form.elements[field] : null;
      const control = element instanceof Element && element.type !== "hidden" ? element : null;
      const alert = document.createElement("p");
      alert.className = control ? "field-error" : "notice notice-bad";
      alert.dataset.stayError = "";
      alert.id = `stay-error-${place}`;
      alert.setAttribute("role", "alert");
      alert.textContent = message;
      if (control) {
        control.dataset.described = control.getAttribute("aria-describedby") || "";
        control.setAttribute("aria-invalid", "true");
        control.setAttribute("aria-describedby", `${alert.id} ${control.dataset.described}`.trim());
        control.classList.add("is-invalid");
        const box = control.closest(".field");
        const holder = box && form.contains(box) ? box : form;
        holder.append(alert);
      } else form.prepend(alert);
      first ||= control;
    });
    (first || $("[data-stay-error]", form))?.scrollIntoView({ block: "nearest" });
    first?.focus();
  };
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (event.defaultPrevented || !form.matches("form[data-stay]") || event.submitter?.formMethod === "get" || event.submitter?.matches("[data-plain]")) return;
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = "yes";
    const failed = () => wrong(form, [{ field: "", message: document.getElementById("stay-failed").content.textContent.trim() }]);
    try {
      const answer = await fetch(event.submitter?.getAttribute("formaction") || form.action, {
        method: "POST",
        body: new FormData(form, event.submitter),
        headers: { "X-Stay": "yes" },
      });
      if (answer.status === 422) wrong(form, (await answer.json()).errors);
      else if (answer.status === 204 && answer.headers.has("X-Location")) {
        const target = new URL(answer.headers.get("X-Location"), location.href);
        form.dispatchEvent(new CustomEvent("stay:done", { bubbles: true }));
        const here = target.pathname === location.pathname && target.search === location.search;
        if (here) history.replaceState(null, "", target);
        if (here) location.reload();
        else location.assign(target);
        return;
      } else failed();
    } catch {
      failed();
    }
    delete form.dataset.busy;
  });

  // Clicks on dialogs, the menu of narrow screens, toasts and whole rows
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
    if (row && !event.target.closest("a, button, input, label, summary, select, textarea, [popover]") && !String(getSelection())) {
      $("a[href]", row)?.click();
    }
  });

  // The server reads which sections of the navigation are unfolded
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches?.(".sidebar-group")) return;
    const unfolded = $$(".sidebar-group[open]").map((group) => group.dataset.group).join(".");
    document.cookie = `navigation=${unfolded}; path=/; max-age=31536000; samesite=lax`;
  }, true);

  // A part with figures looks for new ones while the page is visible and its user does not work in that part
  let looked = Date.now();
  setInterval(() => {
    const part = $("[data-look-again]");
    if (!part || Date.now() - looked < part.dataset.lookAgain * 1000 || document.visibilityState !== "visible") return;
    if (part.contains(document.activeElement) || $("details[open]", part) || $("dialog[open]")) return;
    looked = Date.now();
    part.dispatchEvent(new CustomEvent("look:again"));
  }, 1000);

  const fade = () => $$(".toast-item[data-fades]").forEach((toast) => setTimeout(() => toast.remove(), 6000));
  fade();
  document.addEventListener("htmx:after:swap", fade);

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-autosubmit]")) event.target.form.requestSubmit();
  });

  // A filter box above a long list hides the choices that do not contain the typed text
  document.addEventListener("input", (event) => {
    const list = event.target.dataset.filter && document.getElementById(event.target.dataset.filter);
    if (!list) return;
    // The search text is not part of the form.
    event.stopImmediatePropagation();
    const wanted = event.target.value.trim().toLocaleLowerCase();
    for (const label of $$(".form-check", list)) label.hidden = !label.textContent.toLocaleLowerCase().includes(wanted);
  }, true);

  // A reply is saved as a draft, one second after the last key and when the user leaves the page
  const keepDraft = (form) => {
    const box = $("textarea[name=text]", form), state = $("[data-draft-state]", form);
    let timer = 0, saved = box.value, sent = false;
    const body = () => {
      const data = new FormData();
      data.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
      data.set("text", box.value);
      return data;
    };
    const save = async () => {
      const text = box.value;
      if (sent || text === saved) return;
      try {
        const answer = await fetch(form.dataset.draft, { method: "POST", body: body() });
        if (!answer.ok) throw new Error(answer.status);
        saved = text;
        const { saved: at } = await answer.json();
        state.textContent = at ? `${state.dataset.draftState} ${at}` : "";
      } catch {
        state.textContent = state.dataset.draftFailed;
      }
    };
    box.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(save, 1000);
    });
    form.addEventListener("submit", () => {
      clearTimeout(timer);
      sent = true;
    });
    // Another form of the page, such as "Resolve", leaves the page too.
    addEventListener("pagehide", () => {
      if (!sent && box.value !== saved) navigator.sendBeacon(form.dataset.draft, body());
    });
    addEventListener("pageshow", () => (sent = false));
  };
  $$("form[data-draft]").forEach(keepDraft);

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
    select(palette, options[(now + by + options.length) % options.length] || options[0]);
  };
  const select = (palette, chosen) => {
    $$("[role=option]", palette).forEach((option) => option.setAttribute("aria-selected", option === chosen));
    $("input", palette).setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
    selectedAddress = chosen.href;
  };
  // Results can arrive after an arrow key. The same result stays selected until the search text changes.
  let selectedAddress = "";
  document.addEventListener("input", (event) => {
    if (event.target.closest?.("#palette")) selectedAddress = "";
  });
  document.addEventListener("htmx:after:swap", () => {
    const palette = document.getElementById("palette");
    if (!palette?.open || !selectedAddress) return;
    const same = $$("[role=option]", palette).find((option) => option.href === selectedAddress);
    if (same) select(palette, same);
  });

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open("palette");
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && !event.isComposing) {
      const form = event.target.closest?.("form[data-send-keys]");
      if (form && event.target.tagName === "TEXTAREA") {
        event.preventDefault();
        form.requestSubmit($("button[type=submit]", form));
        return;
      }
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
        // The browser itself would only clear the search field.
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
      const box = $("[data-list-search]") || $("#top-search");
      box?.focus();
      box?.select();
    } else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "?") open("shortcuts");
  });
})();
