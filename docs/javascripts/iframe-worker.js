// Search, in a site that was opened from disk. The browser refuses to start a Worker from a file, so here a hidden
// frame runs the worker's script instead. Used by `OFFLINE=true mkdocs build` only.
class FrameWorker extends EventTarget {
  constructor(url) {
    super();
    this.frame = document.createElement("iframe");
    this.frame.hidden = true;
    this.frame.title = "search";
    document.body.append(this.frame);
    const inside = this.frame.contentWindow;
    inside.postMessage = (data) => {
      const event = new MessageEvent("message", { data });
      this.dispatchEvent(event);
      if (this.onmessage) this.onmessage(event);
    };
    this.loaded = new Promise((done) => {
      const script = inside.document.createElement("script");
      script.src = url;
      script.onload = done;
      inside.document.body.append(script);
    });
  }

  postMessage(data) {
    this.loaded.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })));
  }

  terminate() {
    this.frame.remove();
  }
}

if (location.protocol === "file:") window.Worker = FrameWorker;
