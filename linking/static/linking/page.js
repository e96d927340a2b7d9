// Comfort only: the page works without it, but for telling the product that embeds it.
const form = document.querySelector("form");
if (form)
  form.addEventListener("submit", () => {
    const status = form.querySelector("[role=status]");
    status.textContent = status.dataset.testing;
    form.querySelector("button").disabled = true;
  });
const problem = document.querySelector(".problem");
if (problem) problem.focus();

const done = document.querySelector("[data-public-token]");
const asker = window.opener || (window.parent !== window ? window.parent : null);
if (done && asker)
  for (const origin of done.dataset.origins.split(" ").filter(Boolean))
    asker.postMessage({ type: "interloop.linked", publicToken: done.dataset.publicToken }, origin);
