// The fields of a block: lines, rich text, links, colours, pictures, choices. Each calls `changed(value)` while it is edited.
window.designFields = (() => {
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name in element && typeof value !== "string") element[name] = value;
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  };
  const icon = (name) => {
    const sprite = document.querySelector("use")?.getAttribute("href").split("#")[0] || "";
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${sprite}#${name}`);
    svg.append(use);
    return svg;
  };
  let last = 0;
  const newId = () => `design-field-${(last += 1)}`;
  const EMOJI = ["😀", "😊", "🥰", "😍", "🎉", "🎂", "🎁", "🛍️", "☕", "🍵", "❤️", "💛", "💚", "⭐", "✨", "🔥", "⚡", "👍", "👏", "🙏", "🌸", "🌿", "☀️", "🌙", "❄️", "🎄", "🧧", "🏮", "🐉", "📦", "🚚", "💬", "📣", "🆕", "✅", "➡️"];

  const labelled = (field, id, words, ...content) =>
    make("div", { class: `field ${field.kind === "words" ? "design-wide" : ""}` },
      make("label", { class: "form-label", for: id }, field.label,
        field.required ? null : make("span", { class: "field-optional" }, words.optional)),
      ...content,
      field.help ? make("p", { class: "field-help" }, field.help) : null);

  // A small window below a button; a click elsewhere or Escape closes it.
  const popover = (button, fill) => {
    const open = document.querySelector(".design-popover");
    if (open) open.remove();
    if (open && open.dataset.owner === button.dataset.owner) return;
    button.dataset.owner = button.dataset.owner || newId();
    const box = make("div", { class: "design-popover", role: "dialog", "aria-label": button.getAttribute("aria-label") || button.textContent });
    box.dataset.owner = button.dataset.owner;
    const close = () => {
      box.remove();
      document.removeEventListener("mousedown", outside);
    };
    const outside = (event) => {
      if (!box.contains(event.target) && !button.contains(event.target)) close();
    };
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
      button.focus();
    });
    fill(box, close);
    document.body.append(box);
    const place = button.getBoundingClientRect();
    box.style.top = `${place.bottom + window.scrollY + 4}px`;
    box.style.left = `${Math.max(8, Math.min(place.left, window.innerWidth - box.offsetWidth - 8)) + window.scrollX}px`;
    document.addEventListener("mousedown", outside);
    box.querySelector("button, input")?.focus();
  };

  // Fields of the customer, each with a text for those who have none.
  const variables = (button, context, insert) =>
    popover(button, (box, close) => {
      const fallback = make("input", { class: "form-control form-control-sm", "aria-label": context.words.fallback, placeholder: context.words.fallback, maxlength: "60" });
      box.append(fallback);
      for (const group of context.variables) {
        box.append(make("h4", {}, group.group));
        for (const one of group.items) {
          box.append(make("button", {
            type: "button",
            class: "variable",
            onclick: () => {
              const text = fallback.value.replaceAll(/['{}%<>]/g, "").trim();
              insert(text ? one.code.replace(/\s*\}\}$/, ` | default: '${text}' }}`) : one.code);
              close();
            },
          }, make("code", {}, one.code), make("span", { class: "sub" }, one.example ? `${one.label} · ${one.example}` : one.label)));
        }
      }
    });

  const emoji = (button, insert) =>
    popover(button, (box, close) => {
      const list = make("div", { class: "design-emoji" });
      for (const one of EMOJI) list.append(make("button", { type: "button", onclick: () => { insert(one); close(); } }, one));
      box.append(list);
    });

  const insertInto = (input, text) => {
    input.focus();
    input.setRangeText(text, input.selectionStart, input.selectionEnd, "end");
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };

  const line = (field, value, changed, context) => {
    const id = newId();
    const input = make("input", { id, class: "form-control", maxlength: field.most || 300, lang: context.language, oninput: () => changed(input.value) });
    input.value = value || "";
    const insert = make("button", { type: "button", class: "btn", "aria-label": context.words.field, title: context.words.field, onclick: () => variables(insert, context, (text) => insertInto(input, text)) }, "{ }");
    return labelled(field, id, context.words, make("div", { class: "design-line" }, input, field.kind === "design_line" ? insert : null));
  };

  // Squire writes the text; the server cleans it again when it is saved.
  const rich = (field, value, changed, context) => {
    const id = newId();
    const text = make("div", { id, class: "design-rich-text", lang: context.language, role: "textbox", "aria-multiline": "true", "aria-label": `${field.label} (${context.languageLabel})`, tabindex: "0" });
    const editor = new window.Squire(text, {
      blockTag: "P",
      sanitizeToDOMFragment: (html) => toFragment(html),
    });
    editor.setHTML(value || "");
    let before = plainHtml(editor.getHTML());
    editor.addEventListener("input", () => {
      const now = plainHtml(editor.getHTML());
      if (now === before) return;
      before = now;
      changed(now);
    });
    const tool = (label, content, act, pressed) => {
      const button = make("button", { type: "button", title: label, "aria-label": label, onclick: () => act(button) }, content);
      if (pressed) editor.addEventListener("pathChange", () => button.setAttribute("aria-pressed", editor.hasFormat(pressed)));
      return button;
    };
    const toggle = (tag, on, off) => () => (editor.hasFormat(tag) ? editor[off]() : editor[on]());
    const words = context.words;
    const tools = make("div", { class: "design-rich-tools", role: "toolbar", "aria-label": field.label },
      tool(words.bold, make("b", {}, "B"), toggle("B", "bold", "removeBold"), "B"),
      tool(words.italic, make("i", {}, "I"), toggle("I", "italic", "removeItalic"), "I"),
      tool(words.list, icon("list"), toggle("UL", "makeUnorderedList", "removeList"), "UL"),
      tool(words.link, icon("link"), (button) => popover(button, (box, close) => {
        const input = make("input", { class: "form-control", type: "text", "aria-label": words.link_address, placeholder: "https://" });
        input.value = editor.hasFormat("A") ? "" : "https://";
        const set = () => {
          if (input.value.trim() && input.value.trim() !== "https://") editor.makeLink(input.value.trim());
          else editor.removeLink();
          close();
        };
        input.addEventListener("keydown", (event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          set();
        });
        box.append(input, make("button", { type: "button", class: "btn btn-primary", onclick: set }, words.insert));
        for (const code of ["{{ shop.url }}", "{{ links.preferences }}"]) {
          box.append(make("button", { type: "button", class: "variable", onclick: () => { editor.makeLink(code); close(); } }, make("code", {}, code)));
        }
      })),
      tool(words.emoji, icon("mood-smile"), (button) => emoji(button, (one) => { editor.focus(); editor.insertPlainText(one, false); })),
      tool(words.field, "{ }", (button) => variables(button, context, (code) => { editor.focus(); editor.insertPlainText(code, false); })));
    return make("div", { class: "field" }, make("div", { class: "form-label" }, field.label, field.required ? null : make("span", { class: "field-optional" }, words.optional)),
      make("div", { class: "design-rich" }, tools, text));
  };
  const toFragment = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    for (const element of template.content.querySelectorAll("script, style, iframe, object, embed, form, link, meta")) element.remove();
    for (const element of template.content.querySelectorAll("*")) {
      for (const name of element.getAttributeNames()) if (name !== "href") element.removeAttribute(name);
    }
    return document.importNode(template.content, true);
  };
  const plainHtml = (html) => html.replaceAll(/<p><br\s*\/?><\/p>/g, "<p>&nbsp;</p>").replaceAll(/ (?:dir|class)="[^"]*"/g, "").replace(/^(?:<p>&nbsp;<\/p>)$/, "");

  const choice = (field, value, changed, context) => {
    const id = newId();
    const number = field.kind === "number";
    const select = make("select", { id, class: "form-select", onchange: () => changed(number ? Number(select.value) : select.value) },
      ...field.choices.map(([code, label]) => make("option", { value: String(code) }, label)));
    select.value = String(value ?? field.default ?? "");
    return labelled(field, id, context.words, select);
  };

  const number = (field, value, changed, context) => {
    const id = newId();
    const input = make("input", { id, class: "form-control", type: "number", min: "1", max: String(field.most || 100), oninput: () => changed(Number(input.value) || null) });
    input.value = value ?? field.default ?? "";
    return labelled(field, id, context.words, input);
  };

  const colour = (field, value, changed, context) => {
    const id = newId();
    const input = make("input", { id, type: "color", class: "form-control", oninput: () => { own.checked = false; changed(input.value); } });
    input.value = value || "#1f5f8b";
    const own = make("input", { type: "checkbox", class: "form-check-input", onchange: () => changed(own.checked ? "" : input.value) });
    own.checked = !value;
    return labelled({ ...field, help: "", required: true }, id, context.words,
      make("div", { class: "design-colour" }, input, make("label", { class: "form-check" }, own, make("span", { class: "form-check-label" }, context.words.shop_colour))));
  };

  const picture = (field, value, changed, context) => {
    const id = newId();
    const image = make("img", { alt: "" });
    const show = (name) => {
      image.hidden = !name;
      if (name) image.src = context.pictures.replace("NAME", name);
    };
    const state = make("span", { class: "field-error", role: "status" });
    const input = make("input", {
      id, type: "file", accept: "image/png,image/jpeg,image/gif,image/webp", class: "form-control",
      onchange: async () => {
        if (!input.files[0]) return;
        state.textContent = context.words.uploading;
        try {
          const answer = await context.upload(input.files[0]);
          state.textContent = "";
          show(answer.name);
          changed(answer.name);
        } catch (error) {
          state.textContent = error.message;
        }
      },
    });
    show(value);
    return labelled(field, id, context.words, make("div", { class: "design-picture" }, image, input), state);
  };

  const products = (field, value, changed, context) => {
    const box = context.picker.content.firstElementChild.cloneNode(true);
    const id = newId();
    const search = box.querySelector("[data-picker-search]");
    const results = box.querySelector("[data-picker-results]");
    search.id = id;
    results.id = `${id}-results`;
    search.setAttribute("aria-controls", results.id);
    search.setAttribute("hx-target", `#${results.id}`);
    const picked = box.querySelector("[data-picked]");
    picked.innerHTML = (value || []).map((sku) => context.products[sku] || "").join("");
    const read = () => {
      const boxes = [...picked.querySelectorAll("input")];
      for (const one of boxes) context.products[one.value] = one.closest("li").outerHTML;
      changed(boxes.filter((one) => one.checked).map((one) => one.value));
    };
    box.addEventListener("input", (event) => {
      if (event.target !== search) read();
    });
    setTimeout(() => window.htmx?.process(box));
    return labelled(field, id, context.words, box);
  };

  const KINDS = { design_line: line, design_rich: rich, design_link: line, design_colour: colour, design_picture: picture };
  const build = (field, value, changed, context) => {
    if (field.picker) return products(field, value, changed, context);
    if (field.choices.length) return choice(field, value, changed, context);
    if (field.kind === "number") return number(field, value, changed, context);
    return (KINDS[field.kind] || line)(field, value ?? field.default, changed, context);
  };
  return { make, build, icon };
})();
