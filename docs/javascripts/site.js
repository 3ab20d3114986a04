// The theme puts the copy button of each piece of code into a <nav>. Thirty landmarks called "navigation" help nobody
// who finds their way by them, so those become plain boxes.
new MutationObserver((changes) => {
  for (const { addedNodes } of changes) {
    for (const node of addedNodes) {
      if (node instanceof Element && node.matches(".md-code__nav")) node.setAttribute("role", "none");
    }
  }
}).observe(document.body, { childList: true, subtree: true });
