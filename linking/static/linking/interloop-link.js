// For the product's page:
//   InterloopLink.initialize({ linkToken, onSuccess: (publicToken) => {…}, onExit: () => {…} });
//   InterloopLink.openLink();
// The product's origin has to be one of LINK_EMBED_ORIGINS.
(() => {
  const server = new URL(document.currentScript.src).origin;
  let options = {};
  let dialog = null;
  let frame = null;

  function close() {
    if (dialog) dialog.close(); // which gives the focus back
  }

  function listen(event) {
    if (event.origin !== server || event.source !== frame.contentWindow || !event.data) return;
    if (event.data.type === "interloop.linked" && options.onSuccess) options.onSuccess(event.data.publicToken);
    if (event.data.type === "interloop.close") close();
  }

  function forget() {
    window.removeEventListener("message", listen);
    dialog.remove();
    dialog = frame = null;
    if (options.onExit) options.onExit();
  }

  function made(name, style, attributes) {
    const element = Object.assign(document.createElement(name), attributes);
    element.style.cssText = style;
    return element;
  }

  window.InterloopLink = {
    initialize(given) {
      options = given;
    },
    openLink() {
      if (dialog) return;
      dialog = made(
        "dialog",
        "color-scheme:light dark;background:Canvas;color:CanvasText;width:min(40rem,100%);height:min(48rem,100%);" +
          "padding:0;border:0;display:flex;flex-direction:column;overflow:hidden",
        {},
      );
      const button = made(
        "button",
        "align-self:flex-end;flex:none;width:2.75rem;height:2.75rem;border:0;background:none;color:inherit;" +
          "font:1.5rem/1 sans-serif;cursor:pointer",
        { type: "button", textContent: "×", ariaLabel: "Close", onclick: close },
      );
      frame = made("iframe", "width:100%;flex:1;min-height:0;border:0", {
        src: `${server}/link/${encodeURIComponent(options.linkToken)}`,
        title: "Interloop",
      });
      dialog.append(button, frame);
      dialog.addEventListener("close", forget);
      document.body.append(dialog);
      window.addEventListener("message", listen);
      dialog.showModal();
    },
    closeLink: close,
  };
})();
