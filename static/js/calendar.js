// Drag an entry of the calendar to another day. The entry's menu has a date field, so nothing needs this script.
(() => {
  const notice = document.getElementById("calendar-notice");
  const grid = document.querySelector(".calendar-grid");
  if (!notice || !grid) return;
  let dragged = null;

  const say = (text) => {
    notice.textContent = text;
    notice.hidden = !text;
    if (text) notice.scrollIntoView({ block: "nearest" });
  };
  const dayOf = (event) => (dragged ? event.target.closest?.("[data-day]") : null);
  const mark = (day) => {
    for (const marked of grid.querySelectorAll(".calendar-target")) marked.classList.remove("calendar-target");
    day?.classList.add("calendar-target");
  };

  const move = async (chip, day) => {
    const home = chip.parentElement;
    const next = chip.nextSibling;
    const form = chip.querySelector(".calendar-move");
    const values = new FormData(form);
    values.set("on", day.dataset.day);
    say("");
    chip.open = false;
    chip.setAttribute("aria-busy", "true");
    day.querySelector(".calendar-entries").append(chip);
    let problem = document.getElementById("calendar-failed").content.textContent.trim();
    try {
      const answer = await fetch(form.action, { method: "POST", body: values, headers: { "X-Stay": "yes" } });
      if (answer.status === 204) {
        location.reload();
        return;
      }
      if (answer.status === 422) problem = (await answer.json()).errors.map((error) => error.message).join(" ");
    } catch {
      // The problem stays the general one.
    }
    home.insertBefore(chip, next);
    chip.removeAttribute("aria-busy");
    say(problem);
  };

  grid.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.("[data-move]");
    if (!dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.textContent.trim());
  });
  grid.addEventListener("dragover", (event) => {
    const day = dayOf(event);
    if (!day) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
    mark(day);
  });
  grid.addEventListener("drop", (event) => {
    const day = dayOf(event);
    if (!day) return;
    event.preventDefault();
    if (day !== dragged.closest("[data-day]")) move(dragged, day);
  });
  grid.addEventListener("dragend", () => {
    dragged = null;
    mark(null);
  });
})();
