// Suggestions while a rule is typed as text. The server returns the possible words at the caret; this script shows them and
// inserts the chosen one. Without JavaScript the text field works without suggestions.
(() => {
  const area = () => document.querySelector("textarea[data-complete]");
  const list = () => document.getElementById("query-options");
  let start = 0;
  let requestNumber = 0;
  let timer = null;

  const close = () => {
    requestNumber += 1;
    const options = list();
    if (!options) return;
    options.hidden = true;
    options.replaceChildren();
    area()?.removeAttribute("aria-activedescendant");
  };

  const selectedOption = () => list()?.querySelector("[aria-selected=true]");

  const select = (option) => {
    selectedOption()?.setAttribute("aria-selected", "false");
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    area().setAttribute("aria-activedescendant", option.id);
  };

  const put = (option) => {
    const text = area();
    const end = text.selectionStart;
    const after = text.value.slice(end);
    text.setRangeText(option.dataset.text + (/^[\s),]/.test(after) ? "" : " "), start, end, "end");
    close();
    text.focus();
    text.dispatchEvent(new Event("input", { bubbles: true }));
  };

  const show = (answer) => {
    const options = list();
    start = answer.start;
    options.replaceChildren(
      ...answer.suggestions.map((one, place) => {
        const item = document.createElement("li");
        item.id = `query-option-${place}`;
        item.role = "option";
        item.dataset.text = one.text;
        item.setAttribute("aria-selected", "false");
        const code = document.createElement("code");
        code.textContent = one.text;
        const label = document.createElement("span");
        label.className = "muted";
        label.textContent = one.label;
        item.append(code, label);
        return item;
      }),
    );
    options.hidden = !answer.suggestions.length;
  };

  const ask = async () => {
    const text = area();
    if (!text || document.activeElement !== text) return;
    requestNumber += 1;
    const ownNumber = requestNumber;
    const body = new FormData();
    body.set("query", text.value);
    body.set("caret", text.selectionStart);
    body.set("csrfmiddlewaretoken", text.form.elements.csrfmiddlewaretoken.value);
    const answer = await fetch(text.dataset.complete, { method: "POST", body }).catch(() => null);
    if (ownNumber === requestNumber && answer?.ok) show(await answer.json());
  };

  document.addEventListener("input", (event) => {
    if (event.target !== area()) return;
    clearTimeout(timer);
    timer = setTimeout(ask, 150);
  });

  document.addEventListener("keydown", (event) => {
    if (event.target !== area()) return;
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      ask();
      return;
    }
    const options = [...(list()?.children || [])];
    if (list()?.hidden || !options.length) return;
    const place = options.indexOf(selectedOption());
    if (event.key === "ArrowDown") select(options[(place + 1) % options.length]);
    else if (event.key === "ArrowUp") select(options[(place <= 0 ? options.length : place) - 1]);
    else if (event.key === "Escape") close();
    else if ((event.key === "Enter" || event.key === "Tab") && place >= 0) put(options[place]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest?.("#query-options li");
    if (!option) return;
    event.preventDefault();
    put(option);
  });

  document.addEventListener("focusout", (event) => {
    if (event.target === area()) close();
  });
})();
