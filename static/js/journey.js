// The canvas of a journey's draft. It moves, adds and removes steps; the panel beside it edits the settings of a step.
(async () => {
  const place = document.getElementById("journey-canvas");
  const data = document.getElementById("journey-data");
  if (!place || !data || !window.sequentialWorkflowDesigner) return;
  const payload = JSON.parse(data.textContent);
  const problems = new Set(payload.problems);

  const toDesigner = (step) => {
    const one = { id: step.id, type: step.kind, name: step.name, properties: {}, componentType: step.ways ? "switch" : "task" };
    if (step.ways) {
      one.branches = Object.fromEntries(step.ways.map(([, label, inner]) => [label, inner.map(toDesigner)]));
      one.properties.ways = step.ways.map(([code]) => code);
    }
    return one;
  };
  const toServer = (step) => {
    const one = { id: step.id, kind: step.type };
    if (step.branches) {
      const codes = step.properties.ways;
      one.ways = Object.fromEntries(Object.values(step.branches).map((inner, index) => [codes[index], inner.map(toServer)]));
    }
    return one;
  };
  const all = (steps) => steps.flatMap((step) => [step, ...Object.values(step.branches || {}).flatMap(all)]);
  let highest = 0;
  const newId = () => `s${(highest += 1)}`;
  const noteIds = (steps) => {
    for (const step of all(steps)) {
      const match = /^s(\d{1,6})$/.exec(step.id);
      if (match) highest = Math.max(highest, Number(match[1]));
    }
  };

  const definition = { properties: {}, sequence: payload.steps.map(toDesigner) };
  noteIds(definition.sequence);
  const template = (kind) => toDesigner({ id: "", kind: kind.kind, name: kind.label, ways: kind.ways.length ? kind.ways.map(([code, label]) => [code, label, []]) : null });
  const groups = ["do", "flow"].map((group) => ({
    name: payload.groups[group],
    steps: payload.kinds.filter((kind) => kind.group === group).map(template),
  }));
  const dark = document.documentElement.dataset.bsTheme === "dark";
  const narrow = matchMedia("(max-width: 900px)").matches;

  // The canvas draws pictures, so convert the symbols of the sprite to separate pictures.
  const icons = new Map();
  try {
    const sprite = new DOMParser().parseFromString(await (await fetch(payload.urls.icons)).text(), "image/svg+xml");
    // The boxes of the dark canvas are light too.
    const stroke = dark ? "%23363b44" : "%235c6470";
    for (const kind of payload.kinds) {
      const symbol = sprite.getElementById(kind.icon);
      if (!symbol) continue;
      const shapes = encodeURIComponent(symbol.innerHTML);
      icons.set(kind.kind, `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='${stroke}' stroke-width='2'>${shapes}</svg>`);
    }
  } catch {
    // The canvas also works without the pictures.
  }

  document.getElementById("journey-tree")?.classList.add("beside-canvas");
  const designer = sequentialWorkflowDesigner.Designer.create(place, definition, {
    theme: dark ? "dark" : "light",
    undoStackSize: 20,
    uidGenerator: newId,
    keyboard: true,
    toolbox: { groups, isCollapsed: narrow },
    steps: {
      iconUrlProvider: (_component, type) => icons.get(type) || null,
      isDuplicable: () => false,
    },
    validator: {
      step: (step) => !problems.has(step.id),
      root: () => !problems.has(""),
    },
    editors: false,
    controlBar: true,
    contextMenu: false,
    i18n: (key, usual) => payload.texts[key] || usual,
  });

  // A picture beside the name of a step kind is decorative.
  const silence = () => {
    for (const picture of place.querySelectorAll("img:not([alt])")) picture.alt = "";
  };
  silence();
  new MutationObserver(silence).observe(place, { childList: true, subtree: true });

  const notice = document.getElementById("journey-notice");
  const say = (text) => {
    notice.textContent = text;
    notice.hidden = !text;
  };
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  let timer = 0;
  let saving = Promise.resolve();
  const save = async () => {
    const steps = designer.getDefinition().sequence;
    try {
      const response = await fetch(payload.urls.tree, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": token },
        body: JSON.stringify(steps.map(toServer)),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.error);
      problems.clear();
      answer.problems.forEach((id) => problems.add(id));
      place.dataset.saved = String(Number(place.dataset.saved || 0) + 1);
      say("");
    } catch (error) {
      say(error.message || payload.texts.failed);
    }
  };
  designer.onDefinitionChanged.subscribe(() => {
    clearTimeout(timer);
    timer = setTimeout(() => { saving = saving.then(save); }, 150);
  });

  // The server renders the panel, after the step was saved.
  designer.onSelectedStepIdChanged.subscribe(async (id) => {
    if (id === null) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
    await saving;
    htmx.ajax("GET", payload.urls.step.replace("STEP", id), { target: "#step-panel", swap: "innerHTML" });
  });
})();
