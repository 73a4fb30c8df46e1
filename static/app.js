// Holdpoint in the browser: pages that follow what happens, keys, and times in words.
// Every page works without this file; it only does not follow then.

const RETRY_FIRST = 500;
const RETRY_MOST = 15_000;
const POLL_EVERY = 5_000;
const QUIET_AFTER_KEY = 2_000;
const NO_DECISION_AFTER_MOVE = 400;
const NO_ENTER_AFTER_ASKING = 300;
const SEQUENCE = 1_200;
const AWAY = 5_000;
const SENDING = 5_000;
const NO_MORE = 4_400; // what the server closes a socket with, from here on, stays closed
const SIGNED_OUT = 4_401;
const NEAR_END = 24;
const LOOKED_AT = 1_000;
const DRAFT_AFTER = 2_000;

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const now = () => performance.now();

function announce(text) {
  $("#announce").textContent = text;
}

/** For the eyes, too. */
function tell(text) {
  const box = $(".toasts") ?? document.body.appendChild(Object.assign(document.createElement("div"), { className: "toasts" }));
  box.append(Object.assign(document.createElement("p"), { className: "toast", role: "status", textContent: text }));
}

function tellOnce(text) {
  if (!$$(".toast").some((toast) => toast.textContent === text)) tell(text);
}

/** Whether leaving this page would lose somebody's words. */
function hasTyped() {
  const isChanged = (field) => field.value !== field.defaultValue || Boolean(field.checked) !== Boolean(field.defaultChecked);
  return $$("input, textarea").some((field) => field.form?.method === "post" && isChanged(field));
}

// ---- Times: 24 min ago, 24 min, in 8 sec; older than a day stays a date ----------------------------------------

const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

function span(seconds) {
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? UNITS.at(-1);
  const format = new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: unit === "day" ? "long" : "short" });
  return format.format(Math.max(Math.floor(seconds / size), 0));
}

function timeText(style, seconds) {
  if (style === "in") return seconds < 0 ? `in ${span(-seconds)}` : "now";
  if (style === "age") return seconds < 1 ? "now" : span(seconds);
  if (seconds < 1) return "just now";
  return seconds < 86_400 ? `${span(seconds)} ago` : null;
}

function showTimes() {
  for (const element of $$("time[data-time]:not([data-time=at])")) {
    const seconds = (Date.now() - Date.parse(element.dateTime)) / 1000;
    const text = timeText(element.dataset.time, seconds);
    if (text !== null && element.textContent !== text) element.textContent = text;
  }
  for (const element of $$("[data-until]")) element.hidden = Date.now() > Date.parse(element.dataset.until);
  for (const element of $$("[data-wakes]")) if (Date.now() > Date.parse(element.dataset.wakes)) wake(element);
}

/** Something that was snoozed is back. */
function wake(element) {
  element.removeAttribute("data-wakes");
  refresh();
}

// ---- The socket says that something changed; regions then fetch themselves over HTTP ----------------------------

let socket = null;
let attempts = 0;
let hiddenSince = null;

function connect() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/changes/`);
  socket.addEventListener("open", () => {
    attempts = 0;
    showConnection("Live");
    watch();
  });
  socket.addEventListener("message", (event) => heard(JSON.parse(event.data)));
  socket.addEventListener("close", ({ code }) => {
    if (code === SIGNED_OUT) return signedOut();
    showConnection("Reconnecting");
    const pause = Math.min(RETRY_FIRST * 2 ** attempts++, RETRY_MOST);
    setTimeout(connect, pause * (0.75 + Math.random() / 2));
  });
}

/** To the sign-in page, unless words would be lost: they are kept when they are sent (views/unsent.py). */
function signedOut() {
  showConnection("Signed out");
  if (hasTyped()) tellOnce("You were signed out. What you typed is kept when you send it: you are asked to sign in first.");
  else location.reload();
}

function isConnected() {
  return socket?.readyState === WebSocket.OPEN;
}

function showConnection(word) {
  for (const element of $$("[data-connection]")) {
    element.hidden = false;
    element.textContent = word;
    element.classList.toggle("off", word !== "Live");
  }
}

function watch() {
  const page = $("[data-watch]");
  if (page && isConnected()) socket.send(JSON.stringify({ watch: page.dataset.watch }));
}

// The server says when it listens for us: what changed before that, since the page was drawn, is fetched now.
function heard(message) {
  if (!message.listening) changed(message);
  else if (message.listening === ($("[data-watch]")?.dataset.watch ?? "lists")) refresh();
}

function changed({ thread, node }) {
  for (const region of $$("[data-live]")) {
    const scope = region.closest("[data-thread]");
    if (scope ? scope.dataset.thread === thread : !node) region.dispatchEvent(new Event("changed"));
  }
}

function refresh() {
  for (const region of $$("[data-live]")) region.dispatchEvent(new Event("changed"));
}

function poll() {
  if (!isConnected()) $("[data-poll]")?.dispatchEvent(new Event("changed"));
}

function onVisibility() {
  onScreen.disconnect();
  for (const question of $$("[data-viewed]")) look(question, false);
  watchQuestions();
  if (document.hidden) hiddenSince = now();
  else if (hiddenSince !== null && now() - hiddenSince > AWAY) refresh();
}

// ---- What a run shows while it works: a socket of its own, for as long as the page has a place for it -------------

let following = null;

function follow() {
  const place = $("[data-follow]");
  if (place === (following?.place ?? null)) return;
  following?.socket.close();
  following = place && { place, feed: "", number: 0, attempts: 0, atWork: "" };
  if (following) listen(following);
}

function listen(to) {
  to.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/t/${to.place.dataset.follow}/progress/`);
  to.socket.addEventListener("open", () => (to.attempts = 0));
  to.socket.addEventListener("message", (event) => to === following && show(to, JSON.parse(event.data)));
  to.socket.addEventListener("close", ({ code }) => {
    if (to !== following) return;
    if (code >= NO_MORE) to.place.hidden = true;
    else setTimeout(() => to === following && listen(to), Math.min(RETRY_FIRST * 2 ** to.attempts++, RETRY_MOST));
  });
}

/** Text is continued only by the very next batch: whoever missed one waits for the next that has all of it. */
function show(to, batch) {
  const isNext = batch.feed === to.feed && batch.number === to.number + 1;
  if (batch.whole || isNext) [to.feed, to.number] = [batch.feed, batch.number];
  to.place.hidden = false;
  showNodes(to, batch.nodes);
  showBars($(".bars", to.place), batch.bars);
  if (batch.whole || isNext) showTexts($(".log", to.place), batch.texts, batch.whole);
}

const NODE_WORDS = { at_work: "working", done: "done", asks: "asks", failed: "failed" };

function make(tag, className, textContent) {
  return Object.assign(document.createElement(tag), { className, textContent });
}

function showNodes(to, nodes) {
  const list = $(".nodes", to.place);
  const drawn = nodes.map((node) => {
    const row = make("li", node.is, "");
    row.append(make("span", "", node.name), make("small", "", NODE_WORDS[node.is] ?? ""));
    return row;
  });
  list.replaceChildren(...drawn);
  const atWork = nodes.filter((node) => node.is === "at_work").map((node) => node.name).join(", ");
  if (atWork && atWork !== to.atWork) announce(`Working: ${atWork}`);
  to.atWork = atWork;
}

function showBars(place, bars) {
  const drawn = bars.map(({ label, done, total }) => {
    const row = make(total ? "label" : "p", "", label);
    if (total) row.append(Object.assign(document.createElement("progress"), { max: total, value: done ?? 0 }));
    if (done !== null) row.append(make("small", "", total ? `${done} of ${total}` : `${done}`));
    return row;
  });
  place.replaceChildren(...drawn);
}

/** Never as HTML: a model may write anything. */
function showTexts(log, texts, isWhole) {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
  const drawn = new Map($$("p", log).map((element) => [element.dataset.text, element]));
  for (const { id, node, text } of texts) {
    const element = drawn.get(id) ?? log.appendChild(newText(id, node));
    drawn.delete(id);
    if (isWhole) element.lastChild.textContent = text;
    else element.lastChild.append(text);
  }
  if (isWhole) for (const element of drawn.values()) element.remove();
  log.hidden = !log.firstChild;
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

function newText(id, node) {
  const element = make("p", "", "");
  element.dataset.text = id;
  element.append(make("b", "", node), Object.assign(document.createElement("span"), { dir: "auto" }));
  return element;
}

// ---- Lists: no row moves under a pointer -------------------------------------------------------------------------

let lastKey = -QUIET_AFTER_KEY;
let isTouching = false;
let isWaiting = false;
let isForced = false;

const list = () => $("[data-list]");
const rowIds = (root) => $$("[data-row]", root).map((row) => row.dataset.row);

function isHeld() {
  const hovers = matchMedia("(hover: hover)").matches && list()?.matches(":hover");
  return !isForced && (hovers || isTouching || now() - lastKey < QUIET_AFTER_KEY);
}

function beforeSwap(event) {
  const { ctx, tasks } = event.detail;
  if (!ctx.sourceElement?.matches?.("[data-list]") || !isHeld()) return;
  event.preventDefault();
  isWaiting = true;
  const shown = new Set(rowIds(list()));
  const found = rowIds(tasks[0].fragment);
  const fresh = found.filter((id) => !shown.has(id)).length;
  for (const row of $$("[data-row]", list())) row.classList.toggle("gone", !found.includes(row.dataset.row));
  offerNew(fresh);
}

function offerNew(count) {
  const pill = $("[data-news]");
  if (!pill) return;
  pill.hidden = count === 0;
  pill.textContent = `${count} new`;
  if (count) announce(`${count} new`);
}

function showNew() {
  isForced = true;
  list()?.dispatchEvent(new Event("changed"));
}

function tryAgain() {
  if (isWaiting && !isHeld()) list()?.dispatchEvent(new Event("changed"));
}

function afterSwap(event) {
  const source = event.detail.ctx.sourceElement;
  if (source?.matches?.("[data-list]")) {
    isWaiting = isForced = false;
    offerNew(0);
  }
  if (source?.matches?.("[role=search]")) announce($("[data-hits]")?.textContent ?? "All of the state is shown.");
  if (source?.matches?.(".shown")) $(".as a", source)?.focus();
  if (source?.id === "peek" || ($("[data-bar]") && !hadQuestion)) holdDecisions();
  hadQuestion = Boolean($("[data-bar]"));
  markRow();
  markStale();
  showCount();
  showTimes();
  showStanding();
  follow();
  watchQuestions();
  showConnection(isConnected() ? "Live" : "Reconnecting");
}

function showCount() {
  const count = $("#badge [data-count]")?.textContent ?? "";
  for (const copy of $$("[data-count-copy]")) copy.textContent = count;
  if (location.pathname === "/queue/") {
    const title = document.title.replace(/^\(\d+\+?\) /, "");
    document.title = count ? `(${count}) ${title}` : title;
  }
}

const standing = new WeakMap();

/** A graph wider than its box is moved to where the thread stands, each time that is another node. */
function showStanding() {
  for (const box of $$(".gwrap")) {
    const node = $(".current", box);
    const place = $$("g", box).indexOf(node);
    if (!node || standing.get(box) === place) continue;
    standing.set(box, place);
    const [at, around] = [node.getBoundingClientRect(), box.getBoundingClientRect()];
    box.scrollLeft += at.left + at.width / 2 - around.left - around.width / 2;
  }
}

// ---- The queue: moving from row to row, with the question beside the list ----------------------------------------

let noDecisionUntil = 0;
let noDecisionWhileDown = false;
const keysDown = new Set();

const pane = () => $("#peek .pane");
const selectedRow = () => $(".row[aria-current]");

function hasPeek() {
  return Boolean($("#peek")?.checkVisibility());
}

function markRow() {
  const selected = pane()?.dataset.selected;
  if (!selected) return;
  for (const row of $$("[data-row]")) mark(row, row.dataset.row === selected);
}

function mark(row, isSelected) {
  if (isSelected) row.setAttribute("aria-current", "true");
  else row.removeAttribute("aria-current");
}

function select(row) {
  if (!row) return;
  keepDrafts();
  for (const other of $$("[data-row]")) mark(other, other === row);
  row.scrollIntoView({ block: "nearest" });
  holdDecisions();
  const link = $("a.t", row);
  link.focus({ preventScroll: true });
  if (!hasPeek() || !link.dataset.peek) return;
  history.replaceState(history.state, "", link.dataset.peek);
  htmx.ajax("GET", link.dataset.peek, { source: "#peek", target: "#peek", select: "#peek > *", swap: "innerHTML" });
}

function move(by) {
  const rows = $$("[data-row]");
  const at = rows.indexOf(selectedRow());
  select(rows[Math.min(Math.max(at + by, 0), rows.length - 1)]);
}

function holdDecisions() {
  noDecisionUntil = now() + NO_DECISION_AFTER_MOVE;
  noDecisionWhileDown = keysDown.size > 0;
}

// ---- Deciding ----------------------------------------------------------------------------------------------------

const sent = new WeakSet();
let hadQuestion = Boolean($("[data-bar]"));
let askedAt = 0;

/** What is on screen is what is selected, and has been for a moment. */
function isSettled() {
  if (now() < noDecisionUntil || noDecisionWhileDown) return false;
  return !pane() || !selectedRow() || pane().dataset.selected === selectedRow().dataset.row;
}

/** One question alone. */
const mayDecide = () => $$("[data-bar]").length === 1 && isSettled();
const mayWork = () => $$("[data-work]").length === 1 && isSettled();

function onDecideClick(event) {
  const button = event.target.closest("button");
  const bar = button?.closest("[data-bar]");
  if (!bar) return;
  if (button.matches("[data-ask-back]")) ask(bar, false);
  else if (button.matches("[data-approve]") && $("[data-ask]", bar)) {
    event.preventDefault();
    ask(bar, true);
  } else if (button.matches("[data-needs-note]") && !note(bar).value.trim()) {
    event.preventDefault();
    askForNote(bar, button);
  }
}

const note = (bar) => $("textarea[name=note]", bar);

function ask(bar, isAsking) {
  $("[data-acts]", bar).hidden = isAsking;
  $("[data-ask]", bar).hidden = !isAsking;
  bar.classList.toggle("asks", isAsking);
  askedAt = now();
  (isAsking ? $("[data-ask-yes]", bar) : $("[data-approve]", bar)).focus({ preventScroll: true });
}

function askForNote(bar, button) {
  const field = note(bar);
  const word = button.value === "reject" ? "Say why you reject it" : "Say what should change";
  $("[popover]:popover-open", bar)?.hidePopover();
  field.placeholder = `${word}, then Ctrl Enter`;
  field.dataset.then = button.value;
  field.focus({ preventScroll: true });
  announce(`${word}.`);
}

function onSubmit(event) {
  const form = event.target;
  if (form.method !== "post") return;
  if (!navigator.onLine) {
    event.preventDefault();
    tell("You are offline. Nothing was sent.");
  } else if (sent.has(form)) event.preventDefault();
  else if (form.matches("[data-work-form]") && waiting.size) {
    event.preventDefault();
    keepDrafts().finally(() => form.requestSubmit(event.submitter));
  }
  else {
    sent.add(form);
    stopWaiting(form);
    setTimeout(() => sent.delete(form), SENDING);
  }
}

/** A question that was closed meanwhile can be read, but not decided any more. */
function markStale() {
  for (const bar of $$("[data-bar]")) {
    const isStale = Boolean($(`[data-stale="${bar.dataset.bar}"], [data-stale=all]`));
    for (const button of $$("button", bar)) button.disabled = isStale;
    for (const link of $$("a", bar)) link.hidden = isStale;
  }
}

// ---- Drafts: what is typed into a decision is kept on the server, but for secrets and files ------------------------

const waiting = new Map();

function onInput({ target }) {
  const form = target.form;
  if (!form?.dataset.decide || target.matches("[type=password], [type=file]")) return;
  stopWaiting(form);
  waiting.set(form, setTimeout(keepDraft, DRAFT_AFTER, form));
}

function stopWaiting(form) {
  clearTimeout(waiting.get(form));
  waiting.delete(form);
}

const keepDrafts = () => Promise.allSettled([...waiting.keys()].map((form) => keepDraft(form)));

async function keepDraft(form) {
  stopWaiting(form);
  if (!form.isConnected || $(`[data-stale="${form.dataset.decide}"], [data-stale=all]`)) return;
  const hidden = new Set([...form.elements].filter((field) => field.type === "password").map((field) => field.name));
  const typed = [...new FormData(form)].filter(([name, text]) => typeof text === "string" && !hidden.has(name));
  const answer = await fetch(`/interrupts/${form.dataset.decide}/draft/`, {
    method: "POST",
    headers: JSON.parse(document.body.getAttribute("hx-headers:inherited")),
    body: new URLSearchParams(typed),
    redirect: "manual",
    keepalive: true,
  });
  if (answer.status === 413) tellOnce("This is too much to be kept as a draft. It is still here, in this page.");
}

// ---- Keys --------------------------------------------------------------------------------------------------------

const DECIDING = new Set(["a", "x", "r", "e"]);
const WORKING = new Set(["i", "h", "m"]); // claim, snooze, assign
const MOVES = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
let firstKey = "";
let firstKeyAt = 0;

function onKeydown(event) {
  if (event.key === "Enter") return onEnter(event);
  if (event.key === "Escape") return onEscape(event);
  const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if ($("dialog[open]") || document.body.dataset.keys === "off") return;
  if (act(event.key, event)) event.preventDefault();
  keysDown.add(event.key);
  lastKey = now();
}

function onKeyup(event) {
  keysDown.delete(event.key);
  if (keysDown.size === 0) noDecisionWhileDown = false;
  if (event.key === "Tab") showWhole(document.activeElement);
}

/** Browsers bring only the first line of a text into sight, and the bar may lie over the rest. */
function showWhole(field) {
  if (field?.matches("main .form textarea")) field.scrollIntoView({ block: "nearest" });
}

/** Whether the key meant something here. */
function act(key, event) {
  const sequence = now() - firstKeyAt < SEQUENCE ? `${firstKey} ${key}` : "";
  [firstKey, firstKeyAt] = [key, now()];
  if (sequence && press(sequence)) return true;
  if (DECIDING.has(key)) return !event.repeat && mayDecide() && press(key);
  if (WORKING.has(key)) return !event.repeat && mayWork() && press(key);
  if (key in MOVES && $("[data-list]")) return move(MOVES[key]), true;
  if (key.startsWith("Arrow") || (event.repeat && !(key in MOVES))) return false;
  if (key === "/") return focusFilter();
  if (key === "?") return $("#keys")?.showModal(), true;
  if (key === "n") return showNew(), true;
  if (key === "o") return open(), true;
  if (key === "y") return copyLink(), true;
  if (key === "[" || key === "]") return turnTab(key === "]" ? 1 : -1);
  if (key === " " && hasPeek() && event.target.matches("body, a.t")) return $("[data-scroll]").scrollBy({ top: 300 }), true;
  return press(key);
}

/** Press the button or follow the link that names this key. */
function press(key) {
  const found = $$(`[data-key="${CSS.escape(key)}"]`).find((element) => element.checkVisibility() && !element.disabled);
  found?.click();
  if (found?.matches("summary")) found.focus({ preventScroll: true });
  return Boolean(found);
}

function open() {
  ($("a.t", selectedRow() ?? undefined) ?? $("[data-open]"))?.dispatchEvent(new CustomEvent("follow", { bubbles: true }));
}

function focusFilter() {
  $("[data-filter]")?.focus();
  return Boolean($("[data-filter]"));
}

function turnTab(by) {
  const tabs = $$("[data-tab]");
  tabs[tabs.findIndex((tab) => tab.hasAttribute("aria-current")) + by]?.click();
  return tabs.length > 0;
}

function copyLink() {
  const link = hasPeek() ? $("[data-open]").href : location.origin + location.pathname;
  navigator.clipboard?.writeText(link).then(() => tell("Link copied."));
}

function onEnter(event) {
  if (event.target.matches("[data-ask-yes]") && (event.repeat || now() - askedAt < NO_ENTER_AFTER_ASKING)) {
    event.preventDefault();
  } else if ((event.ctrlKey || event.metaKey) && event.target.form) {
    event.preventDefault();
    if (!event.repeat) send(event.target);
  } else if (event.target === document.body && $("[data-list]")) open();
}

/** The form somebody is in: a note goes where they were asked for it, fields of an edit to its button. */
function send(field) {
  const bar = $(`[data-bar="${field.form.dataset.decide}"]`);
  if (!bar) field.form.requestSubmit($(".btn.main", field.form));
  else if (field.dataset.then) $(`button[value="${field.dataset.then}"]`, bar).click();
  else $("[data-send], [data-approve][value=edit]", bar)?.click();
}

function onEscape(event) {
  const asking = $(".bar.asks");
  const menu = $(".work details[open]");
  if (asking) ask(asking, false);
  else if (menu) menu.open = false;
  else if (event.target.matches("input, textarea, select")) event.target.blur();
  else if (!$("dialog[open], [popover]:popover-open") && document.body.dataset.keys !== "off") press("Escape") || press("u");
}

function onClick(event) {
  if (event.target.closest("[data-news]")) return showNew();
  const link = event.target.closest("a[data-peek]");
  const isPlain = event.detail > 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (link && isPlain && hasPeek()) {
    event.preventDefault();
    select(link.closest("[data-row]"));
  }
  onDecideClick(event);
}

// ---- Looked at: a question that was on screen for a second, told once for each page ------------------------------

const told = new Set();
const looks = new Map();
const onScreen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) look(target, isIntersecting);
});

function look(question, isOnScreen) {
  clearTimeout(looks.get(question));
  if (isOnScreen && !document.hidden) looks.set(question, setTimeout(tellLook, LOOKED_AT, question));
  else looks.delete(question);
}

function tellLook(question) {
  const address = question.dataset.viewed;
  if (!question.isConnected || told.has(address)) return;
  told.add(address);
  fetch(address, { method: "POST", headers: JSON.parse(document.body.getAttribute("hx-headers:inherited")), redirect: "manual", keepalive: true });
}

function watchQuestions() {
  for (const question of $$("[data-viewed]")) onScreen.observe(question);
}

// ---- Beginning ---------------------------------------------------------------------------------------------------

function focusFirst() {
  const problem = $(".errs[tabindex], [aria-invalid=true]");
  if (problem) problem.focus({ preventScroll: Boolean(problem.closest("[data-bar]")) });
  else if ($("[data-toast]")) $(".row[aria-current] a.t, .empty h2")?.focus({ preventScroll: true });
  const said = $$("[data-toast]").map((toast) => toast.textContent.trim());
  if (said.length) setTimeout(() => announce(said.join(" ")), 200);
}

function begin() {
  addEventListener("keydown", onKeydown);
  addEventListener("keyup", onKeyup);
  addEventListener("blur", () => keysDown.clear());
  addEventListener("click", onClick);
  addEventListener("follow", (event) => location.assign(event.target.href));
  addEventListener("submit", onSubmit);
  addEventListener("input", onInput);
  addEventListener("pagehide", keepDrafts);
  addEventListener("change", (event) => event.target.closest(".filters select")?.form.requestSubmit());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  addEventListener("touchstart", () => (isTouching = true), { passive: true });
  addEventListener("touchend", () => (isTouching = false));
  addEventListener("online", refresh);
  document.addEventListener("visibilitychange", onVisibility);
  document.addEventListener("htmx:before:response", (event) => {
    if (!event.detail.ctx.response.raw.redirected) return;
    event.preventDefault();
    signedOut();
  });
  document.addEventListener("htmx:before:swap", beforeSwap);
  document.addEventListener("htmx:after:swap", afterSwap);
  holdDecisions();
  showTimes();
  showStanding();
  setInterval(showTimes, 1_000);
  focusFirst();
  watchQuestions();
  if (!$("[data-live]")) return;
  connect();
  follow();
  setInterval(poll, POLL_EVERY);
  setInterval(tryAgain, QUIET_AFTER_KEY);
}

begin();
