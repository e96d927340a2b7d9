// Comfort only: the page works without it, but for telling the product that embeds it.
const form = document.querySelector("form");
if (form) {
  const button = form.querySelector("button");
  const status = form.querySelector("[role=status]");
  form.addEventListener("submit", (event) => {
    if (button.disabled) return event.preventDefault(); // sent already
    status.textContent = status.dataset.testing;
    button.disabled = true;
  });
  // Whoever comes back to this page gets it as it was left.
  window.addEventListener("pageshow", () => {
    status.textContent = "";
    button.disabled = false;
  });
}

const news = document.querySelector(".problem, .done h1");
if (news) news.focus();

const asker = window.opener || (window.parent !== window ? window.parent : null);
function tell(message) {
  for (const origin of document.body.dataset.origins.split(" ").filter(Boolean)) asker.postMessage(message, origin);
}
if (asker) {
  const done = document.querySelector("[data-public-token]");
  if (done) tell({ type: "interloop.linked", publicToken: done.dataset.publicToken });
  // The product's dialog sees no keys that are pressed in here.
  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) tell({ type: "interloop.close" });
  });
}
