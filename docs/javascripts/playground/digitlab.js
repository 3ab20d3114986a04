// The playground's one global name. Each script after this one adds one idea to it: `digitlab.layers`, `digitlab.ink`.
//
// They are classic scripts, because a page that is opened from disk loads no modules; so docs/playground.md lists them
// in an order in which each stands on those before it. `core/` needs no browser: what the network computes, and what
// the page knows and says. `page/` draws the one state, and listens. tests/test_engine.py runs the first in Node, and
// has TypeScript check the types of both.

"use strict";

var digitlab = {};
