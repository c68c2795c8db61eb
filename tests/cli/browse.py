#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""browse.py CHROMIUM PAGE [FOLDER]: opens a report in a browser at a phone's and a desktop's width, by day and by night, and
on paper: nothing is asked for, nothing is said on the console, no text lies upon another or is cut off, and the page is
no wider than its window. TAP. With FOLDER the screenshots go there, each as WIDTH-SCHEME.png."""
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

SIZES = ((360, 740), (768, 1024), (1280, 900))
SCHEMES = ("light", "dark")
LOAD_S = 60

# Each text's boxes as they are seen: what an ancestor hides is not there. Which of them overlap by more than a hair,
# which stand outside the window, and which are cut without a sign of it.
LOOK = r"""(() => {
  const boxes = [], cut = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const text = node.data.trim();
    if (!text || !node.parentElement.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) {
      let [left, top, right, bottom] = [r.left, r.top, r.right, r.bottom], marked = false;
      for (let e = node.parentElement; e; e = e.parentElement) {
        const style = getComputedStyle(e), b = e.getBoundingClientRect();
        if (style.overflowX === 'visible' || e === document.documentElement || e === document.body) continue;
        marked ||= style.textOverflow === 'ellipsis';
        [left, right] = [Math.max(left, b.left), Math.min(right, b.right)];
        [top, bottom] = [Math.max(top, b.top), Math.min(bottom, b.bottom)];
      }
      if ((right < r.right - 1 || bottom < r.bottom - 1) && !marked) cut.push(text.slice(0, 60));
      if (right - left > 0.5 && bottom - top > 0.5) boxes.push({left, top, right, bottom, node, text: text.slice(0, 60)});
    }
  }
  /* Lines of text have room above and below their letters: only what is shared by more than that counts. */
  boxes.sort((a, b) => a.top - b.top);
  const overlaps = [];
  for (let i = 0; i < boxes.length; i++)
    for (let k = i + 1; k < boxes.length && boxes[k].top < boxes[i].bottom; k++) {
      if (boxes[i].node === boxes[k].node) continue; /* cut with an ellipsis, a text has two */
      const a = boxes[i], b = boxes[k], wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 0.3 * Math.min(a.bottom - a.top, b.bottom - b.top)) overlaps.push([a.text, b.text]);
    }
  const width = document.documentElement.clientWidth;
  return {
    texts: boxes.length, overlaps, cut, width,
    outside: boxes.filter(b => b.left < -1 || b.right > width + 1).map(b => b.text),
    scroll: document.documentElement.scrollWidth,
    height: document.documentElement.scrollHeight,
    scripts: document.querySelectorAll('script,iframe,img,object,embed,link').length,
    background: getComputedStyle(document.body).backgroundColor,
  };
})()"""


class Browser:
    """Chromium, spoken to over its DevTools pipe: JSON, each message ended by NUL."""

    def __init__(self, program, home):
        (read_theirs, write_ours), (read_ours, write_theirs) = os.pipe(), os.pipe()
        # The browser reads from its descriptor 3 and writes to 4.
        def place():
            taken = os.dup(read_theirs), os.dup(write_theirs)
            os.dup2(taken[0], 3)
            os.dup2(taken[1], 4)
        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run", "--no-pings",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
             "--disable-extensions", "--disable-dev-shm-usage", "--hide-scrollbars", f"--user-data-dir={home}", "about:blank"],
            preexec_fn=place, close_fds=False, env={**os.environ, "HOME": home}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(read_theirs)
        os.close(write_theirs)
        self.out, self.inward = os.fdopen(write_ours, "wb", 0), os.fdopen(read_ours, "rb")
        self.number, self.session, self.events, self.rest = 0, None, [], b""

    def message(self):
        while b"\0" not in self.rest:
            more = os.read(self.inward.fileno(), 1 << 20)
            if not more:
                raise RuntimeError("the browser has gone")
            self.rest += more
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def ask(self, method, **params):
        self.number += 1
        asked = {"id": self.number, "method": method, "params": params}
        if self.session:
            asked["sessionId"] = self.session
        self.out.write(json.dumps(asked).encode() + b"\0")
        while True:
            said = self.message()
            if said.get("id") == asked["id"]:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']}")
                return said["result"]
            self.events.append(said)

    def wait(self, method):
        while not any(e.get("method") == method for e in self.events):
            self.events.append(self.message())

    def open(self, address):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.ask(f"{domain}.enable")
        self.events.clear()
        self.ask("Page.navigate", url=address)
        self.wait("Page.loadEventFired")

    def close(self):
        self.session = None
        try:
            self.ask("Browser.close")
        except (RuntimeError, BrokenPipeError):
            pass
        try:
            self.process.wait(LOAD_S)
        except subprocess.TimeoutExpired:
            self.process.kill()


def look(browser, width, height, scheme, folder, media=""):
    browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
    browser.ask("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])
    for shut in (True, False):
        browser.ask("Runtime.evaluate", expression=f"document.querySelectorAll('details').forEach(d => d.open = {str(not shut).lower()})")
        seen = browser.ask("Runtime.evaluate", expression=LOOK, returnByValue=True)["result"]["value"]
        if shut and folder:
            clip = {"x": 0, "y": 0, "width": width, "height": min(seen["height"], 16000), "scale": 1}
            shot = browser.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
            pathlib.Path(folder, f"{width}-{media or scheme}.png").write_bytes(base64.b64decode(shot["data"]))
        yield ("with all unfolded" if not shut else "as it opens"), seen


def wrong_in(seen, width):
    wrong = []
    if seen["texts"] < 20:
        wrong.append(f"only {seen['texts']} texts are seen")
    if seen["scroll"] > width:
        wrong.append(f"the page is {seen['scroll']} wide")
    wrong += [f"overlap: {a} | {b}" for a, b in seen["overlaps"]]
    wrong += [f"outside: {text}" for text in seen["outside"]] + [f"cut: {text}" for text in seen["cut"]]
    if seen["scripts"]:
        wrong.append(f"{seen['scripts']} elements that load or run something")
    return wrong


def said_and_asked(events, address):
    """What stood on the console, and all requests but the page's own."""
    said = [e for e in events if e.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")]
    asked = [e["params"]["request"]["url"] for e in events if e.get("method") == "Network.requestWillBeSent"]
    return [json.dumps(e["params"])[:300] for e in said], [url for url in asked if url != address]


def main(program, page, folder=None):
    address, count, failed, grounds = pathlib.Path(page).resolve().as_uri(), 0, 0, {}

    def tell(what, wrong):
        nonlocal count, failed
        count, failed = count + 1, failed + bool(wrong)
        print(f"{'not ' if wrong else ''}ok {count} - {what}")
        for line in wrong[:20]:
            print(f"# {line}")

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        browser = Browser(program, home)
        try:
            browser.open(address)
            for width, height in SIZES:
                for scheme in SCHEMES:
                    for state, seen in look(browser, width, height, scheme, folder):
                        tell(f"{width} pixels wide, {scheme}, {state}: {seen['texts']} texts, none upon another, all within", wrong_in(seen, width))
                        grounds[scheme] = seen["background"]
            for state, seen in look(browser, 700, 1000, "dark", folder, "print"):
                tell(f"printed, {state}: likewise", wrong_in(seen, 700))
                grounds["print"] = seen["background"]
            tell("by night the page is dark, and by day and on paper light",
                 [] if grounds["dark"] != grounds["light"] and grounds["print"] == "rgb(255, 255, 255)" else [str(grounds)])
            said, asked = said_and_asked(browser.events, address)
            tell("nothing is said on the console", said)
            tell("nothing is asked for but the page itself", asked)
        finally:
            browser.close()
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
