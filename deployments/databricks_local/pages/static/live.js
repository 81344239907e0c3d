// Loads the page again every second and replaces the sections that changed. What a person opened stays open,
// what was scrolled stays scrolled, and nothing moves while text is selected.
(() => {
  const texts = new Map();
  const sections = (page) => [...page.querySelectorAll("main > section")];
  sections(document).forEach((section) => texts.set(section.id, section.outerHTML));
  const swap = (old, fresh) => {
    const open = new Map([...old.querySelectorAll("details[id]")].map((each) => [each.id, each.open]));
    const places = [...old.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
    fresh.querySelectorAll("details[id]").forEach((each) => {
      if (open.has(each.id)) each.open = open.get(each.id);
    });
    old.replaceWith(fresh);
    fresh.querySelectorAll(".scroll").forEach((each, n) => {
      if (places[n]) [each.scrollLeft, each.scrollTop] = places[n];
    });
  };
  const update = (page) => {
    const wanted = sections(page), ids = new Set(wanted.map((section) => section.id));
    sections(document).filter((section) => !ids.has(section.id)).forEach((section) => section.remove());
    // From the end, so that a new section finds the one that it stands before.
    let next = null;
    wanted.reverse().forEach((fresh) => {
      const id = fresh.id, text = fresh.outerHTML, old = document.getElementById(id);
      if (!old) document.querySelector("main").insertBefore(fresh, next);
      else if (texts.get(id) !== text) swap(old, fresh);
      texts.set(id, text);
      next = document.getElementById(id);
    });
  };
  const poll = async () => {
    let live = true;
    if (!document.hidden && String(getSelection()) === "") {
      try {
        const answer = await fetch(location.href, { cache: "no-store" });
        if (answer.ok && !answer.redirected) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          update(page);
          live = page.body.hasAttribute("data-live");
        }
      } catch (error) { console.warn("the workspace does not answer", error); }
    }
    if (live) setTimeout(poll, 1000);
  };
  setTimeout(poll, 1000);
})();
