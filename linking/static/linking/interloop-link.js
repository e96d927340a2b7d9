// For the product's page:
//   InterloopLink.initialize({ linkToken, onSuccess: (publicToken) => {…}, onExit: () => {…} });
//   InterloopLink.openLink();
// The product's origin has to be one of LINK_EMBED_ORIGINS.
(() => {
  const server = new URL(document.currentScript.src).origin;
  let options = {};
  let dialog = null;

  function close() {
    if (!dialog) return;
    window.removeEventListener("message", listen);
    dialog.remove();
    dialog = null;
    if (options.onExit) options.onExit();
  }

  function listen(event) {
    if (event.origin !== server || !event.data || event.data.type !== "interloop.linked") return;
    if (options.onSuccess) options.onSuccess(event.data.publicToken);
  }

  window.InterloopLink = {
    initialize(given) {
      options = given;
    },
    openLink() {
      close();
      dialog = document.createElement("dialog");
      dialog.style.cssText = "width:min(40rem,100%);height:min(48rem,100%);padding:0;border:0";
      const frame = document.createElement("iframe");
      frame.src = `${server}/link/${encodeURIComponent(options.linkToken)}`;
      frame.title = "Interloop";
      frame.style.cssText = "width:100%;height:100%;border:0";
      dialog.append(frame);
      dialog.addEventListener("close", close);
      document.body.append(dialog);
      window.addEventListener("message", listen);
      dialog.showModal();
    },
    closeLink: close,
  };
})();
