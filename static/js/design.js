// The editor of e-mails made of blocks. The document is JSON; it saves itself as a draft, and the server renders the preview.
(() => {
  const source = document.getElementById("design-data");
  if (!source || !window.designFields) return;
  const data = JSON.parse(source.textContent);
  const { make, build, icon } = window.designFields;
  const { kinds, languages, words, urls } = data;
  const $ = (selector) => document.querySelector(selector);
  const token = $("[name=csrfmiddlewaretoken]").value;

  const draft = data.draft;
  const doc = { settings: {}, preheader: {}, blocks: [], ...draft.document };
  let revision = draft.revision;
  let open = "";
  let saved = data.saved;
  const undo = [];
  const button = { undo: $("[data-design-undo]"), publish: $("[data-design-publish]") };
  const place = { blocks: $("[data-design-blocks]"), add: $("[data-design-add]"), state: $("[data-design-state]"), error: $("[data-design-error]"), live: $("[data-design-live]") };

  // The document
  const lists = () => [doc.blocks, ...doc.blocks.flatMap((block) => block.columns || [])];
  const all = () => lists().flat();
  const listOf = (id) => lists().find((list) => list.some((block) => block.id === id));
  const newBlockId = () => {
    let number = 1;
    const used = new Set(all().map((block) => block.id));
    while (used.has(`b${number}`)) number += 1;
    return `b${number}`;
  };
  const fresh = (kind) => {
    const block = { id: newBlockId(), kind, values: {}, texts: {} };
    for (const field of kinds[kind].values) if (field.default !== null) block.values[field.name] = field.default;
    for (const { code } of languages) block.texts[code] = {};
    if (kinds[kind].columns) block.columns = [[], []];
    return block;
  };
  const copyOf = (block) => {
    const copy = structuredClone(block);
    copy.id = newBlockId();
    for (const [number, column] of (copy.columns || []).entries()) for (const [index, inner] of column.entries()) inner.id = `${copy.id}-${number}-${index}`;
    return copy;
  };
  const remember = () => {
    undo.push(JSON.stringify(doc));
    if (undo.length > 100) undo.shift();
    button.undo.disabled = false;
  };
  let typing = 0;
  const rememberTyping = () => {
    // One step of undo for what is typed without a pause.
    if (Date.now() - typing > 1200) remember();
    typing = Date.now();
  };

  // Saving and previewing
  const posted = () => ({ revision, name: draft.name, message_class: draft.message_class, subjects: draft.subjects, document: doc });
  const send = (url, body) => fetch(url, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": token }, body: JSON.stringify(body) });
  let dirty = false;
  let saving = null;
  let savedAt = 0;
  let waiting = 0;
  let problem = "";
  const state = (text, bad = false) => {
    place.state.textContent = text;
    place.state.classList.toggle("design-state-bad", bad);
  };
  const tellAge = () => {
    if (problem || dirty || !savedAt) return;
    const seconds = Math.round((Date.now() - savedAt) / 1000);
    state(seconds < 2 ? words.saved : seconds < 90 ? words.saved_ago.replace("%(seconds)s", seconds) : words.saved_minutes.replace("%(minutes)s", Math.round(seconds / 60)));
  };
  setInterval(tellAge, 1000);
  const save = async () => {
    clearTimeout(waiting);
    if (saving) await saving;
    if (!dirty) return;
    dirty = false;
    state(words.saving);
    saving = (async () => {
      try {
        const response = await send(urls.save, posted());
        const answer = await response.json();
        if (!response.ok) throw Object.assign(new Error(answer.error), { final: response.status === 409 });
        revision = answer.revision;
        savedAt = Date.now();
        problem = "";
        tellAge();
      } catch (error) {
        dirty = true;
        problem = error instanceof TypeError || error instanceof SyntaxError ? words.offline : error.message;
        state(words.unsaved.replace("%(error)s", problem), true);
        if (!error.final) waiting = setTimeout(save, 4000);
      }
    })();
    await saving;
    saving = null;
  };
  let looking = 0;
  const changed = () => {
    dirty = true;
    if (!problem) state(words.saving);
    clearTimeout(waiting);
    waiting = setTimeout(save, 800);
    clearTimeout(looking);
    looking = setTimeout(look, 150);
  };
  window.addEventListener("beforeunload", (event) => {
    if (dirty || saving) event.preventDefault();
  });

  const view = { language: $("[data-look=language]"), kind: $("[data-look=view]"), page: $("[data-look-page]"), frame: $("[data-look-frame]"), text: $("[data-look-text]"), subject: $("[data-look-subject]"), hints: $("[data-design-hints]"), as: $("#design-as") };
  view.language.append(...languages.map(({ code, label }) => make("option", { value: code }, label)));
  const own = document.documentElement.lang.toLowerCase();
  view.language.value = languages.find(({ code }) => own.startsWith(code.slice(0, 2)))?.code || languages[0].code;
  let sides = {};
  let asked = 0;
  const show = () => {
    const side = sides[view.language.value];
    const kind = view.kind.value;
    const textual = kind === "text" || kind === "source";
    view.frame.hidden = textual;
    view.text.hidden = !textual;
    view.frame.dataset.view = kind;
    view.subject.textContent = side ? side.subject : words.no_subject;
    if (!side) return;
    view.text.textContent = kind === "source" ? side.source : side.text;
    const address = `${urls.frame.replace("MARK", side.mark)}${kind === "dark" ? "?dark=1" : ""}`;
    if (view.page.getAttribute("src") !== address) view.page.setAttribute("src", address);
  };
  const blame = (field, message) => {
    const parts = field.split(".");
    const path = parts[0] === "blocks" ? parts.slice(1) : [];
    const first = path.length ? doc.blocks[Number(path[0])] : null;
    const inner = first && path[1] === "columns" ? first.columns?.[Number(path[2])]?.[Number(path[3])] : null;
    for (const element of document.querySelectorAll(".design-block")) {
      const wrong = [first?.id, inner?.id].includes(element.dataset.id);
      element.classList.toggle("design-wrong", wrong);
      if (wrong && !element.querySelector(".design-block.design-wrong")) element.querySelector(".design-fault").textContent = inner && element.dataset.id === first.id ? "" : message;
    }
    return Boolean(first);
  };
  const look = async () => {
    const number = (asked += 1);
    try {
      const response = await send(urls.preview, { ...posted(), as: view.as?.value || "" });
      const answer = await response.json();
      if (number !== asked) return;
      for (const element of document.querySelectorAll(".design-fault")) element.textContent = "";
      for (const element of document.querySelectorAll(".design-wrong")) element.classList.remove("design-wrong");
      if (answer.error) {
        if (!doc.blocks.length || !Object.values(draft.subjects).some((text) => text.trim())) view.subject.textContent = words.no_subject;
        view.hints.replaceChildren(make("li", {}, answer.error));
        blame(answer.field, answer.error);
        return;
      }
      ({ sides } = answer);
      view.hints.replaceChildren(...answer.hints.map((hint) => make("li", {}, hint)));
      show();
    } catch {
      // The next change tries again; saving tells of the interruption.
    }
  };
  view.language.addEventListener("change", show);
  view.kind.addEventListener("change", show);
  view.as?.addEventListener("change", look);

  // Drawing
  const context = (code) => ({
    words,
    variables: data.variables,
    products: data.products,
    pictures: data.pictures,
    picker: $("[data-design-picker]"),
    language: code,
    languageLabel: languages.find((one) => one.code === code)?.label || "",
    upload: async (file) => {
      const form = new FormData();
      form.append("picture", file);
      const response = await fetch(urls.upload, { method: "POST", headers: { "X-CSRFToken": token }, body: form });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.error);
      return answer;
    },
  });
  const summary = (block) => {
    if (!kinds[block.kind]?.texts.length && !block.values?.picture) return "";
    const texts = block.texts?.[view.language.value] || {};
    const text = Object.values(texts).find((value) => value) || block.values?.picture || "";
    const plain = new DOMParser().parseFromString(text, "text/html").body.textContent;
    return plain.trim() || words.empty;
  };
  const tool = (label, name, act, less = false) => make("button", { type: "button", class: `btn btn-icon btn-ghost ${less ? "design-less" : ""}`, "aria-label": label, title: label, onclick: act }, icon(name));
  const form = (block) => {
    const kind = kinds[block.kind];
    const box = make("div", { class: "design-form" });
    if (kind.values.length) {
      box.append(make("div", { class: "design-values" }, ...kind.values.map((field) => build(field, block.values[field.name], (value) => {
        rememberTyping();
        block.values[field.name] = value;
        changed();
      }, context("")))));
    }
    if (kind.texts.length) {
      box.append(make("div", { class: "design-sides" }, ...languages.map(({ code, label }) => make("fieldset", { class: "design-side" },
        make("legend", {}, label),
        ...kind.texts.map((field) => build(field, (block.texts[code] ||= {})[field.name], (value) => {
          rememberTyping();
          block.texts[code][field.name] = value;
          const head = document.querySelector(`.design-block[data-id="${CSS.escape(block.id)}"] > .design-head small`);
          if (head) head.textContent = summary(block);
          changed();
        }, context(code)))))));
    }
    if (kind.columns) {
      box.append(make("div", { class: "design-columns" }, ...block.columns.map((column, index) => make("div", {},
        make("h3", {}, index ? words.right : words.left),
        make("ol", { class: "design-blocks" }, ...column.map((inner) => card(inner))),
        adder(column, true)))));
    }
    return box;
  };
  const isOpen = (block) => open === block.id || (block.columns || []).flat().some((inner) => inner.id === open);
  const card = (block) => {
    const kind = kinds[block.kind] || { label: block.kind, icon: "question-mark", values: [], texts: [] };
    const opened = isOpen(block);
    const grip = make("span", { class: "design-grip", draggable: "true", "aria-hidden": "true" }, icon("grip-vertical"));
    const element = make("li", { class: `design-block ${opened ? "design-open" : ""}` },
      make("div", { class: "design-head" },
        grip,
        make("button", { type: "button", class: "design-title", "aria-expanded": String(opened), onclick: () => { open = opened && open === block.id ? "" : block.id; draw(); focus(block.id); } },
          icon(kind.icon), make("span", {}, kind.label), make("small", {}, opened ? "" : summary(block))),
        make("div", { class: "design-tools" },
          tool(words.up, "arrow-up", () => move(block.id, -1)),
          tool(words.down, "arrow-down", () => move(block.id, 1)),
          tool(words.copy, "copy", () => duplicate(block.id), true),
          tool(words.keep, "star", () => keep(block), true),
          tool(words.remove, "trash", () => remove(block.id)))),
      make("p", { class: "field-error design-fault" }),
      opened ? form(block) : null);
    element.dataset.id = block.id;
    grip.addEventListener("dragstart", (event) => {
      event.stopPropagation();
      dragged = block.id;
      event.dataTransfer.setData("text/plain", block.id);
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setDragImage(element, 10, 10);
      element.classList.add("design-dragged");
    });
    grip.addEventListener("dragend", () => {
      dragged = "";
      for (const one of document.querySelectorAll(".design-over, .design-dragged")) one.classList.remove("design-over", "design-dragged");
    });
    element.addEventListener("dragover", (event) => {
      if (!dragged || dragged === block.id || !fits(dragged, block.id)) return;
      event.preventDefault();
      event.stopPropagation();
      element.classList.add("design-over");
    });
    element.addEventListener("dragleave", () => element.classList.remove("design-over"));
    element.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      if (dragged && dragged !== block.id && fits(dragged, block.id)) moveBefore(dragged, block.id);
    });
    element.addEventListener("keydown", (event) => {
      if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
      event.preventDefault();
      event.stopPropagation();
      move(block.id, event.key === "ArrowUp" ? -1 : 1);
    });
    return element;
  };
  let dragged = "";
  const fits = (id, beside) => {
    const list = listOf(beside);
    const block = all().find((one) => one.id === id);
    return list === doc.blocks || (kinds[block.kind].nested && !block.columns);
  };
  const adder = (list, nested) => {
    const box = make("div", { class: "design-add" });
    const groups = ["content", "shop", "layout"];
    for (const group of groups) {
      const names = Object.keys(kinds).filter((name) => kinds[name].group === group && (!nested || kinds[name].nested));
      if (!names.length) continue;
      if (!nested) box.append(make("h3", {}, words[`group_${group}`]));
      box.append(make("ul", {}, ...names.map((name) => make("li", {}, make("button", { type: "button", class: "btn btn-sm", onclick: () => add(list, fresh(name)) }, icon(kinds[name].icon), kinds[name].label)))));
    }
    if (!nested && saved.length) {
      box.append(make("h3", {}, words.group_saved), make("ul", {}, ...saved.map((one) => make("li", {},
        make("button", { type: "button", class: "btn btn-sm", onclick: () => add(list, copyOf(one.block)) }, icon("star"), one.name),
        make("button", { type: "button", class: "btn btn-sm btn-icon btn-ghost", "aria-label": `${words.remove}: ${one.name}`, onclick: () => forget(one) }, icon("x"))))));
    }
    return box;
  };
  const draw = () => {
    place.blocks.replaceChildren(...doc.blocks.map((block) => card(block)));
    place.add.replaceChildren(make("strong", {}, words.add), ...adder(doc.blocks, false).childNodes);
  };
  const focus = (id) => document.querySelector(`.design-block[data-id="${CSS.escape(id)}"] .design-title`)?.focus();
  const tell = (id) => {
    const list = listOf(id);
    const index = list.findIndex((block) => block.id === id);
    place.live.textContent = words.reordered.replace("%(block)s", kinds[list[index].kind].label).replace("%(place)s", index + 1).replace("%(count)s", list.length);
  };
  const edit = (act) => {
    remember();
    act();
    draw();
    changed();
  };
  const add = (list, block) => {
    edit(() => {
      // A footer stays the last block.
      const end = list.at(-1)?.kind === "footer" ? list.length - 1 : list.length;
      list.splice(end, 0, block);
      open = block.id;
    });
    focus(block.id);
    document.querySelector(`.design-block[data-id="${CSS.escape(block.id)}"]`)?.scrollIntoView({ block: "nearest" });
  };
  const move = (id, step) => {
    const list = listOf(id);
    const index = list.findIndex((block) => block.id === id);
    const to = index + step;
    if (to < 0 || to >= list.length) return;
    edit(() => list.splice(to, 0, ...list.splice(index, 1)));
    focus(id);
    tell(id);
  };
  const moveBefore = (id, before) => {
    edit(() => {
      const from = listOf(id);
      const [block] = from.splice(from.findIndex((one) => one.id === id), 1);
      const list = listOf(before);
      list.splice(list.findIndex((one) => one.id === before), 0, block);
    });
    tell(id);
  };
  const duplicate = (id) => {
    const list = listOf(id);
    const index = list.findIndex((block) => block.id === id);
    const copy = copyOf(list[index]);
    edit(() => {
      list.splice(index + 1, 0, copy);
      open = copy.id;
    });
    focus(copy.id);
  };
  const remove = (id) => {
    const list = listOf(id);
    const index = list.findIndex((block) => block.id === id);
    edit(() => list.splice(index, 1));
    const next = list[Math.min(index, list.length - 1)];
    if (next) focus(next.id);
  };
  const keep = async (block) => {
    const name = window.prompt(words.keep_name, summary(block).slice(0, 60));
    if (!name) return;
    const response = await send(urls.keep, { name, block });
    const answer = await response.json();
    place.error.hidden = response.ok;
    if (!response.ok) {
      place.error.textContent = answer.error;
      return;
    }
    ({ saved } = answer);
    place.live.textContent = words.kept;
    draw();
  };
  const forget = async (one) => {
    const response = await send(one.remove, {});
    if (response.ok) ({ saved } = await response.json());
    draw();
  };
  const back = () => {
    const before = undo.pop();
    if (!before) return;
    Object.assign(doc, JSON.parse(before));
    button.undo.disabled = !undo.length;
    typing = 0;
    draw();
    drawSubjects();
    changed();
  };
  button.undo.addEventListener("click", back);
  document.addEventListener("keydown", (event) => {
    const typed = event.target.matches?.("input, textarea, select, [contenteditable]");
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === "z" && !typed) {
      event.preventDefault();
      back();
    } else if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      event.preventDefault();
      save();
    }
  });

  const drawSubjects = () => {
    const subject = { name: "subject", kind: "design_line", label: $("[data-design]").dataset.subject, help: "", required: false, most: 300, choices: [], picker: "" };
    const preheader = { ...subject, name: "preheader", label: $("[data-design]").dataset.preheader, most: 200 };
    $("[data-design-subjects]").replaceChildren(...languages.map(({ code, label }) => make("fieldset", { class: "design-side" },
      make("legend", {}, label),
      build(subject, draft.subjects[code], (value) => { draft.subjects[code] = value; changed(); }, context(code)),
      build(preheader, doc.preheader[code], (value) => { doc.preheader[code] = value; changed(); }, context(code)))));
  };
  const name = $("[data-design-name]");
  name.value = draft.name;
  name.addEventListener("input", () => { draft.name = name.value; changed(); });
  const cls = $("[data-design-class]");
  cls.value = draft.message_class;
  cls.addEventListener("change", () => { draft.message_class = cls.value; changed(); });

  button.publish.addEventListener("click", async () => {
    clearTimeout(waiting);
    if (saving) await saving;
    button.publish.disabled = true;
    try {
      const response = await send(urls.publish, posted());
      const answer = await response.json();
      if (response.ok) {
        dirty = false;
        window.location.assign(answer.location);
        return;
      }
      if (answer.revision) ({ revision } = answer);
      const shown = blame(answer.field || "", answer.error);
      place.error.textContent = answer.error;
      place.error.hidden = false;
      if (shown) document.querySelector(".design-block.design-wrong")?.scrollIntoView({ block: "center" });
      else place.error.scrollIntoView({ block: "center" });
    } catch {
      place.error.textContent = words.unsaved.replace("%(error)s", words.offline);
      place.error.hidden = false;
    } finally {
      button.publish.disabled = false;
    }
  });

  $("[data-design-test]").addEventListener("submit", async (event) => {
    event.preventDefault();
    const told = $("[data-design-sent]");
    const sending = event.submitter;
    sending.disabled = true;
    told.className = "muted";
    told.textContent = words.sending;
    try {
      const response = await send(urls.test, { ...posted(), as: view.as?.value || "", addresses: $("#design-addresses").value });
      const answer = await response.json();
      told.className = answer.error ? "field-error" : "muted";
      told.textContent = answer.error || answer.sent;
      if (answer.field) blame(answer.field, answer.error);
    } catch {
      told.className = "field-error";
      told.textContent = words.offline;
    } finally {
      sending.disabled = false;
    }
  });

  drawSubjects();
  draw();
  look();
})();
