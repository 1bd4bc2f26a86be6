// The segment builder: each choice reloads the form from the server. Input typed after the request was sent is restored in
// the new form, and buttons pressed during the request are pressed there. Without JavaScript the whole page reloads.
(() => {
  const builder = () => document.getElementById("builder");
  const typed = "input, select, textarea";
  // Fields with the same name are distinguished by their position.
  const key = (field) => {
    if (field.type === "checkbox") return `${field.name}=${field.value}`;
    const alike = field.name ? [...builder().querySelectorAll(`[name="${CSS.escape(field.name)}"]`)] : [];
    return alike.length > 1 ? `${field.name}#${alike.indexOf(field)}` : field.name || field.id;
  };
  const state = (field) => (field.type === "checkbox" ? field.checked : field.value);
  const fields = () => [...builder().elements].filter((field) => field.matches(typed) && (field.name || field.id));
  const read = () => new Map(fields().map((field) => [key(field), state(field)]));

  // The request in flight: {ctx, command, values, waiting}; from just before the swap also {typed, focus}.
  let pending = null;

  const isOurs = (ctx) => {
    const form = builder();
    return form && form.contains(ctx.sourceElement) && ctx.request.action === form.getAttribute("action");
  };

  // Returns the new name of a field or command of the old form. `remove:` shifts all later ones up.
  const moved = (name) => {
    const [verb, path] = pending.command.split(/:(.*)/);
    if (verb !== "remove") return name;
    const [, list, removed] = path.match(/^(.*\.children\.)(\d+)$/) || [];
    const at = list ? name.indexOf(list) : -1;
    if (at < 0) return name;
    const [, index, rest] = name.slice(at + list.length).match(/^(\d+)([^]*)$/);
    if (index === removed) return null;
    return name.slice(0, at) + list + (Number(index) > Number(removed) ? index - 1 : index) + rest;
  };

  // Fields of a replaced condition are not restored: their values belonged to the old condition.
  const exchanged = (name) => {
    const leaf = name.replace(/\.[a-z_]+(=[^]*|#\d+)?$/, "");
    const condition = pending.values.get(`${leaf}.condition`);
    return condition !== undefined && condition !== pending.values.get(`${leaf}.was`) && name !== `${leaf}.condition`;
  };

  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (!isOurs(ctx)) return;
    const command = ctx.request.submitter?.value || "";
    if (!pending) {
      pending = { ctx, command, values: read(), waiting: [] };
      return;
    }
    event.preventDefault();
    // A changed field is detected after the swap; a pressed button must be recorded here.
    if (command) pending.waiting.push(command);
  });

  document.addEventListener("htmx:before:swap", (event) => {
    if (pending?.ctx !== event.detail.ctx) return;
    pending.typed = [...read()].filter(([name, value]) => pending.values.get(name) !== value);
    const active = document.activeElement;
    if (builder().contains(active) && active.matches(typed)) {
      pending.focus = { name: key(active), start: active.selectionStart, end: active.selectionEnd };
    }
  });

  document.addEventListener("htmx:after:swap", (event) => {
    if (pending?.ctx !== event.detail.ctx || !builder()) return;
    const byKey = new Map(fields().map((field) => [key(field), field]));
    for (const [name, value] of pending.typed) {
      const field = exchanged(name) ? null : byKey.get(moved(name));
      if (!field || field.type === "hidden") continue;
      if (field.type === "checkbox") field.checked = value;
      else field.value = value;
      pending.changed ||= field.matches("select") ? field : null;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    const field = pending.focus && !exchanged(pending.focus.name) && byKey.get(moved(pending.focus.name));
    if (field) {
      field.focus();
      if (pending.focus.start != null) field.setSelectionRange(pending.focus.start, pending.focus.end);
    }
  });

  document.addEventListener("htmx:finally:request", (event) => {
    if (pending?.ctx !== event.detail.ctx) return;
    const { changed, waiting } = pending;
    const commands = waiting.map(moved).filter(Boolean);
    pending = null;
    // Run one command now; the next request picks up the others.
    changed?.dispatchEvent(new Event("change", { bubbles: true }));
    for (const command of commands) {
      [...builder().elements].find((button) => button.name === "do" && button.value === command)?.click();
    }
  });
})();
